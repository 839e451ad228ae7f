//! Where an environment's process and its invocations meet.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::body::Streamed;
use crate::lock::held;

/// What a process is handed.
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
    /// When it has to be done, in milliseconds of the epoch, if it begins now.
    pub(crate) fn deadline_ms(&self) -> u128 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (now + self.timeout).as_millis()
    }
}

/// What becomes of an invocation, in this order.
pub(crate) enum Progress {
    /// The process has it; its time runs.
    Handed,
    Answered(Bytes),
    Failed(Bytes),
    /// It answers as it goes; `Finished` follows.
    Streaming(Streamed),
    Finished,
}

/// One environment's desk: at most one invocation lies on it.
#[derive(Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The process, asking for the next event.
    asking: Option<oneshot::Sender<Event>>,
    /// An event for a process that does not ask yet.
    waiting: Option<Event>,
    current: Option<(String, mpsc::UnboundedSender<Progress>)>,
    /// Every tenant whose id was sent to the process, and how often.
    delivered: BTreeMap<String, u64>,
    invocations: u64,
}

/// The process asks for the next event.
pub(crate) enum Next {
    Now(Event),
    /// Nothing to do: it may be frozen until this comes.
    Later(oneshot::Receiver<Event>),
}

impl Desk {
    /// Puts an event on the desk and returns what becomes of it. `thaw` is called before
    /// a process that waits for it is told.
    pub(crate) fn put(&self, event: Event, thaw: impl FnOnce()) -> mpsc::UnboundedReceiver<Progress> {
        let (sender, progress) = mpsc::unbounded_channel();
        let mut state = held(&self.state);
        state.current = Some((event.request_id.clone(), sender));
        let event = match state.asking.take() {
            Some(asking) => {
                thaw();
                asking.send(event)
            }
            None => Err(event),
        };
        // It does not ask, or gave up asking: it will ask again.
        state.waiting = event.err();
        progress
    }

    pub(crate) fn next(&self) -> Next {
        let mut state = held(&self.state);
        match state.waiting.take() {
            Some(event) => Next::Now(event),
            None => {
                let (asking, later) = oneshot::channel();
                state.asking = Some(asking);
                Next::Later(later)
            }
        }
    }

    /// Notes that `event` is being sent to the process.
    pub(crate) fn delivered(&self, event: &Event) {
        let mut state = held(&self.state);
        state.invocations += 1;
        if let Some(tenant) = &event.tenant {
            *state.delivered.entry(tenant.clone()).or_default() += 1;
        }
        if let Some((_, progress)) = &state.current {
            let _ = progress.send(Progress::Handed);
        }
    }

    /// Tells the current invocation what became of it; false if it is not `request_id`.
    pub(crate) fn tell(&self, request_id: &str, progress: Progress) -> bool {
        let mut state = held(&self.state);
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

    /// The process failed before it asked for anything.
    pub(crate) fn init_failed(&self, body: Bytes) {
        if let Some((_, sender)) = held(&self.state).current.take() {
            let _ = sender.send(Progress::Failed(body));
        }
    }

    pub(crate) fn tenants(&self) -> BTreeMap<String, u64> {
        held(&self.state).delivered.clone()
    }

    pub(crate) fn invocations(&self) -> u64 {
        held(&self.state).invocations
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
    fn an_event_waits_for_a_process_that_does_not_ask_yet() {
        let desk = Desk::default();
        let mut progress = desk.put(event("1"), || panic!("nobody to thaw"));
        let Next::Now(first) = desk.next() else { panic!("it waits") };
        desk.delivered(&first);
        assert!(matches!(progress.try_recv(), Ok(Progress::Handed)));
        assert!(desk.tell("1", Progress::Answered(Bytes::new())));
        assert!(matches!(progress.try_recv(), Ok(Progress::Answered(_))));
    }

    #[test]
    fn a_process_that_gave_up_asking_finds_the_event_when_it_asks_again() {
        let desk = Desk::default();
        drop(desk.next());
        let mut thawed = false;
        let _progress = desk.put(event("1"), || thawed = true);
        assert!(thawed);
        assert!(matches!(desk.next(), Next::Now(_)));
    }

    #[test]
    fn an_answer_to_another_invocation_is_not_taken() {
        let desk = Desk::default();
        let mut progress = desk.put(event("2"), || ());
        assert!(!desk.tell("1", Progress::Answered(Bytes::new())));
        assert!(progress.try_recv().is_err());
        assert!(desk.tell("2", Progress::Answered(Bytes::new())));
        assert!(!desk.tell("2", Progress::Answered(Bytes::new())), "once only");
    }
}
