//! One invocation in its environment.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::body::Streamed;
use crate::environment::INIT_LIMIT;
use crate::exit;
use crate::function::{Cause, Lease};
use crate::handover::{Event, Progress};

/// The reply to the caller.
pub(crate) enum Reply {
    Answered(Bytes),
    /// An error of the function, in Lambda's form.
    Failed(Bytes),
    Streaming(Streamed),
}

/// Runs an invocation to its end, even if the caller has disconnected.
///
/// `kill_delay` kills the environment that long after the event is queued, if it is still
/// alive: during init or the invocation, or later while it is frozen or busy again.
pub(crate) async fn run(
    lease: Lease,
    event: Event,
    kill_delay: Option<Duration>,
    reply: oneshot::Sender<Reply>,
) {
    let request_id = event.request_id.clone();
    let Lease { function, environment } = &lease;
    let process = Arc::clone(&environment.process);
    let mut progress = environment.handover.put(event, || process.thaw());
    if let Some(delay) = kill_delay {
        let (function, environment) = (Arc::clone(function), Arc::clone(environment));
        tokio::spawn(async move {
            sleep(delay).await;
            function.kill(&environment, Cause::Killed);
        });
    }
    let exited = |how: String| Reply::Failed(exit::exit_error(&request_id, &how));
    let started = tokio::select! {
        biased;
        progress = progress.recv() => match progress {
            Some(Progress::Delivered) => Ok(()),
            other => Err(reply_of(other)),
        },
        how = environment.exited() => Err(exited(how)),
        () = sleep(INIT_LIMIT) => {
            Err(Reply::Failed(exit::timed_out(&request_id, INIT_LIMIT.as_secs_f64())))
        }
    };
    if let Err(failed) = started {
        function.kill(environment, Cause::InitFailed);
        let _ = reply.send(failed);
        return;
    }
    let timeout = function.config.timeout();
    let mut reply = Some(reply);
    tokio::select! {
        biased;
        () = follow(&mut progress, &mut reply) => {}
        how = environment.exited() => {
            // The process may have answered before it exited.
            match progress.try_recv() {
                Ok(Progress::Streaming(_)) | Err(_) => send(&mut reply, exited(how)),
                Ok(last) => send(&mut reply, reply_of(Some(last))),
            }
        }
        () = sleep(timeout) => {
            function.kill(environment, Cause::TimedOut);
            send(&mut reply, Reply::Failed(exit::timed_out(&request_id, timeout.as_secs_f64())));
        }
    }
}

/// Follows an invocation to its end. Sends a streamed response as soon as it starts.
async fn follow(
    progress: &mut mpsc::UnboundedReceiver<Progress>,
    reply: &mut Option<oneshot::Sender<Reply>>,
) {
    loop {
        match progress.recv().await {
            Some(Progress::Streaming(stream)) => send(reply, Reply::Streaming(stream)),
            Some(Progress::Finished) => return,
            other => return send(reply, reply_of(other)),
        }
    }
}

fn send(reply: &mut Option<oneshot::Sender<Reply>>, content: Reply) {
    if let Some(reply) = reply.take() {
        let _ = reply.send(content);
    }
}

fn reply_of(progress: Option<Progress>) -> Reply {
    match progress {
        Some(Progress::Answered(body)) => Reply::Answered(body),
        Some(Progress::Failed(body)) => Reply::Failed(body),
        _ => Reply::Failed(exit::failure("HarnessError", "the invocation ended without an outcome")),
    }
}
