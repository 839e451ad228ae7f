//! Bodies of our answers: whole, or as they come.

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};

/// A streamed answer ended before its end.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}: {message}")]
pub(crate) struct Broken {
    pub(crate) kind: String,
    pub(crate) message: String,
}

pub(crate) type Streamed = Channel<Bytes, Broken>;
pub(crate) type AnyBody = Either<Full<Bytes>, Streamed>;

pub(crate) fn whole(bytes: impl Into<Bytes>) -> AnyBody {
    Either::Left(Full::new(bytes.into()))
}

/// The writing end of a streamed answer.
///
/// Dropped without [`Pump::end`], it breaks the stream: a caller must never take a part
/// for the whole because a process died.
pub(crate) struct Pump(Option<Sender<Bytes, Broken>>);

impl Pump {
    /// Returns both ends. The buffer is small: the caller's pace is the function's.
    pub(crate) fn new() -> (Self, Streamed) {
        let (sender, body) = Channel::new(4);
        (Self(Some(sender)), body)
    }

    /// Passes a chunk on. A caller that has gone is no reason for the function to stop:
    /// Lambda lets it run on.
    pub(crate) async fn chunk(&mut self, chunk: Bytes) {
        if let Some(sender) = &mut self.0 {
            let _ = sender.send_data(chunk).await;
        }
    }

    pub(crate) fn end(mut self) {
        self.0 = None;
    }

    pub(crate) fn break_off(mut self, broken: Broken) {
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
                message: "the function ended before its answer did".to_owned(),
            });
        }
    }
}
