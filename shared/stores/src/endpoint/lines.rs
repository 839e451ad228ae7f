use futures::StreamExt;
use http_body_util::BodyDataStream;
use hyper::body::Incoming;

use crate::error::StoreError;

/// The data of server-sent events, one by one.
///
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Each event of OpenAI's interface has one line of
/// data.
pub(crate) struct Lines {
    operation: &'static str,
    body: BodyDataStream<Incoming>,
    buffer: Buffer,
    /// Bytes that may still come.
    left: usize,
}

/// Bytes that have come, up to the last incomplete line.
#[derive(Default)]
struct Buffer(Vec<u8>);

impl Lines {
    pub(super) fn new(operation: &'static str, body: Incoming, maximum: usize) -> Self {
        Self { operation, body: BodyDataStream::new(body), buffer: Buffer::default(), left: maximum }
    }

    /// Returns the data of the next event; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let operation = self.operation;
        loop {
            while let Some(line) = self.buffer.line() {
                if let Some(data) = data(&line) {
                    return Ok(Some(data.to_owned()));
                }
            }
            let Some(part) = self.body.next().await else { return Ok(None) };
            let part =
                part.map_err(|error| StoreError::Unavailable { operation, source: Box::new(error) })?;
            self.left = self
                .left
                .checked_sub(part.len())
                .ok_or_else(|| StoreError::corrupt(operation, "the endpoint's answer is too large"))?;
            self.buffer.0.extend_from_slice(&part);
        }
    }
}

impl Buffer {
    /// Takes the first complete line.
    fn line(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.0.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Returns the data of a line, or `None` for other fields, comments and blank lines.
fn data(line: &str) -> Option<&str> {
    let data = line.strip_prefix("data:")?;
    Some(data.strip_prefix(' ').unwrap_or(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_complete_in_any_parts() {
        let sent = b": comment\r\ndata: {\"a\":1}\r\n\r\nevent: x\ndata:[DONE]\n\ndata: cut";
        for size in 1..sent.len() {
            let (mut buffer, mut found) = (Buffer::default(), vec![]);
            for part in sent.chunks(size) {
                buffer.0.extend_from_slice(part);
                while let Some(line) = buffer.line() {
                    found.extend(data(&line).map(str::to_owned));
                }
            }
            assert_eq!(found, ["{\"a\":1}", "[DONE]"], "parts of {size} bytes");
        }
    }
}
