//! The hand-over of events between an environment's invocations and its process.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::body::Streamed;
use crate::lock::lock;

/// An event for the process.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) request_id: String,
    pub(crate) tenant: Option<String>,
    pub(crate) arn: String,
    pub(crate) trace_id: String,
    pub(crate) timeout: Duration,
    pub(crate) payload: Bytes,
}

impl Event {
    /// Returns the deadline if the invocation starts now, in milliseconds since 1970.
    pub(crate) fn deadline_ms(&self) -> u128 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (now + self.timeout).as_millis()
    }
}

/// The progress of an invocation, in this order.
pub(crate) enum Progress {
    /// The process has received the event; the timeout runs.
    Delivered,
    Answered(Bytes),
    Failed(Bytes),
    /// The process streams its response; `Finished` follows.
    Streaming(Streamed),
    Finished,
}

/// The hand-over of one environment. Holds at most one invocation.
#[derive(Default)]
pub(crate) struct Handover {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The process's open request for the next event.
    poll: Option<oneshot::Sender<Event>>,
    /// The event for a process that has not requested one yet.
    pending: Option<Event>,
    current: Option<(String, mpsc::UnboundedSender<Progress>)>,
    /// Number of deliveries to the process per tenant id.
    delivered: BTreeMap<String, u64>,
    invocations: u64,
}

/// The answer to a process that requests the next event.
pub(crate) enum Next {
    Now(Event),
    /// No event yet. The process may be frozen until this resolves.
    Later(oneshot::Receiver<Event>),
}

impl Handover {
    /// Adds an event and returns its progress. Calls `thaw` before it answers a waiting process.
    pub(crate) fn put(&self, event: Event, thaw: impl FnOnce()) -> mpsc::UnboundedReceiver<Progress> {
        let (sender, progress) = mpsc::unbounded_channel();
        let mut state = lock(&self.state);
        state.current = Some((event.request_id.clone(), sender));
        let event = match state.poll.take() {
            Some(poll) => {
                thaw();
                poll.send(event)
            }
            None => Err(event),
        };
        // Without an open request, the event waits for the next one.
        state.pending = event.err();
        progress
    }

    pub(crate) fn next(&self) -> Next {
        let mut state = lock(&self.state);
        match state.pending.take() {
            Some(event) => Next::Now(event),
            None => {
                let (poll, later) = oneshot::channel();
                state.poll = Some(poll);
                Next::Later(later)
            }
        }
    }

    /// Records the delivery of `event` to the process.
    pub(crate) fn delivered(&self, event: &Event) {
        let mut state = lock(&self.state);
        state.invocations += 1;
        if let Some(tenant) = &event.tenant {
            *state.delivered.entry(tenant.clone()).or_default() += 1;
        }
        if let Some((_, progress)) = &state.current {
            let _ = progress.send(Progress::Delivered);
        }
    }

    /// Reports progress of the current invocation. Returns `false` if its id is not `request_id`.
    pub(crate) fn report(&self, request_id: &str, progress: Progress) -> bool {
        let mut state = lock(&self.state);
        let Some((id, sender)) = state.current.take() else { return false };
        if id != request_id {
            state.current = Some((id, sender));
            return false;
        }
        let more = matches!(progress, Progress::Streaming(_));
        let _ = sender.send(progress);
        if more {
            state.current = Some((id, sender));
        }
        true
    }

    /// Reports that the process failed before it requested an event.
    pub(crate) fn init_failed(&self, body: Bytes) {
        if let Some((_, sender)) = lock(&self.state).current.take() {
            let _ = sender.send(Progress::Failed(body));
        }
    }

    pub(crate) fn tenants(&self) -> BTreeMap<String, u64> {
        lock(&self.state).delivered.clone()
    }

    pub(crate) fn invocations(&self) -> u64 {
        lock(&self.state).invocations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> Event {
        Event {
            request_id: id.to_owned(),
            tenant: Some("t".to_owned()),
            arn: String::new(),
            trace_id: String::new(),
            timeout: Duration::from_secs(1),
            payload: Bytes::new(),
        }
    }

    #[test]
    fn event_waits_for_first_request() {
        let handover = Handover::default();
        let mut progress = handover.put(event("1"), || panic!("no process to thaw"));
        let Next::Now(first) = handover.next() else { panic!("the event is missing") };
        handover.delivered(&first);
        assert!(matches!(progress.try_recv(), Ok(Progress::Delivered)));
        assert!(handover.report("1", Progress::Answered(Bytes::new())));
        assert!(matches!(progress.try_recv(), Ok(Progress::Answered(_))));
    }

    #[test]
    fn event_waits_after_dropped_request() {
        let handover = Handover::default();
        drop(handover.next());
        let mut thawed = false;
        let _progress = handover.put(event("1"), || thawed = true);
        assert!(thawed);
        assert!(matches!(handover.next(), Next::Now(_)));
    }

    #[test]
    fn rejects_response_to_other_invocation() {
        let handover = Handover::default();
        let mut progress = handover.put(event("2"), || ());
        assert!(!handover.report("1", Progress::Answered(Bytes::new())));
        assert!(progress.try_recv().is_err());
        assert!(handover.report("2", Progress::Answered(Bytes::new())));
        assert!(!handover.report("2", Progress::Answered(Bytes::new())), "once only");
    }
}
