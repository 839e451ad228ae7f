//! Response bodies: complete or streamed.

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};

/// A streamed response failed part-way.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}: {message}")]
pub(crate) struct Broken {
    pub(crate) kind: String,
    pub(crate) message: String,
}

pub(crate) type Streamed = Channel<Bytes, Broken>;
pub(crate) type ResponseBody = Either<Full<Bytes>, Streamed>;

pub(crate) fn whole(bytes: impl Into<Bytes>) -> ResponseBody {
    Either::Left(Full::new(bytes.into()))
}

/// The sending end of a streamed response.
///
/// Dropping it without [`Pump::end`] aborts the stream, so an incomplete response of a crashed
/// process never looks complete.
pub(crate) struct Pump(Option<Sender<Bytes, Broken>>);

impl Pump {
    /// Returns both ends. The buffer is small, so a slow caller slows the function down.
    pub(crate) fn new() -> (Self, Streamed) {
        let (sender, body) = Channel::new(4);
        (Self(Some(sender)), body)
    }

    /// Sends a chunk. Ignores a disconnected caller, because Lambda lets the function finish.
    pub(crate) async fn chunk(&mut self, chunk: Bytes) {
        if let Some(sender) = &mut self.0 {
            let _ = sender.send_data(chunk).await;
        }
    }

    pub(crate) fn end(mut self) {
        self.0 = None;
    }

    pub(crate) fn abort(mut self, broken: Broken) {
        if let Some(sender) = self.0.take() {
            sender.abort(broken);
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            sender.abort(Broken {
                kind: "Runtime.TruncatedResponse".to_owned(),
                message: "the function exited before its response was complete".to_owned(),
            });
        }
    }
}
