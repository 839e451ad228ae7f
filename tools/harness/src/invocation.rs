//! One invocation, from the moment it has an environment.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::body::Streamed;
use crate::desk::{Event, Progress};
use crate::ending;
use crate::environment::INIT_LIMIT;
use crate::function::{Cause, Lease};

/// What the caller gets.
pub(crate) enum Reply {
    Answered(Bytes),
    /// An error of the function, in Lambda's form.
    Failed(Bytes),
    Streaming(Streamed),
}

/// Runs an invocation to its end, whether or not somebody still waits for it.
///
/// `fate` kills the environment that long after the event was put before it, if it is
/// still there: at its start, at its work, or when it is frozen or busy with the next.
pub(crate) async fn run(lease: Lease, event: Event, fate: Option<Duration>, reply: oneshot::Sender<Reply>) {
    let request_id = event.request_id.clone();
    let Lease { function, environment } = &lease;
    let process = Arc::clone(&environment.process);
    let mut progress = environment.desk.put(event, || process.thaw());
    if let Some(delay) = fate {
        let (function, environment) = (Arc::clone(function), Arc::clone(environment));
        tokio::spawn(async move {
            sleep(delay).await;
            function.end(&environment, Cause::Killed);
        });
    }
    let exited = |how: String| Reply::Failed(ending::exit_error(&request_id, &how));
    let begun = tokio::select! {
        biased;
        progress = progress.recv() => match progress {
            Some(Progress::Handed) => Ok(()),
            other => Err(end_of(other)),
        },
        how = environment.ended() => Err(exited(how)),
        () = sleep(INIT_LIMIT) => {
            Err(Reply::Failed(ending::timed_out(&request_id, INIT_LIMIT.as_secs_f64())))
        }
    };
    if let Err(failed) = begun {
        function.end(environment, Cause::InitFailed);
        let _ = reply.send(failed);
        return;
    }
    let timeout = function.config.timeout();
    let mut reply = Some(reply);
    tokio::select! {
        biased;
        () = follow(&mut progress, &mut reply) => {}
        how = environment.ended() => {
            // It may have answered and died before we looked.
            match progress.try_recv() {
                Ok(Progress::Streaming(_)) | Err(_) => tell(&mut reply, exited(how)),
                Ok(last) => tell(&mut reply, end_of(Some(last))),
            }
        }
        () = sleep(timeout) => {
            function.end(environment, Cause::TimedOut);
            tell(&mut reply, Reply::Failed(ending::timed_out(&request_id, timeout.as_secs_f64())));
        }
    }
}

/// Follows an invocation to its end; a streamed answer goes out when it begins.
async fn follow(
    progress: &mut mpsc::UnboundedReceiver<Progress>,
    reply: &mut Option<oneshot::Sender<Reply>>,
) {
    loop {
        match progress.recv().await {
            Some(Progress::Streaming(stream)) => tell(reply, Reply::Streaming(stream)),
            Some(Progress::Finished) => return,
            other => return tell(reply, end_of(other)),
        }
    }
}

fn tell(reply: &mut Option<oneshot::Sender<Reply>>, what: Reply) {
    if let Some(reply) = reply.take() {
        let _ = reply.send(what);
    }
}

fn end_of(progress: Option<Progress>) -> Reply {
    match progress {
        Some(Progress::Answered(body)) => Reply::Answered(body),
        Some(Progress::Failed(body)) => Reply::Failed(body),
        _ => Reply::Failed(ending::failure("HarnessError", "an invocation without an outcome")),
    }
}
