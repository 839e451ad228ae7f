//! A tenant's jobs: their state, the moves between states, and the messages that wake workers.
//!
//! A job makes the newest revision of a document searchable. It is one item in the tenant's partition,
//! and the item is the source of truth. A message in the queue is only a wake-up: a lost, late or
//! repeated message changes nothing. The scheduler requeues jobs whose message or worker disappeared.
//!
//! Each move is one conditional write, or one transaction together with the document's record. A
//! process that crashes leaves the job either before or after the move.
//!
//! [`JobStatus`] shows the states and the moves.

mod accept;
pub(crate) mod backlog;
pub(crate) mod circuit;
pub(crate) mod event_bus;
pub(crate) mod functions;
mod job;
pub(crate) mod outbox;
pub(crate) mod queue;
mod sealed_job;
mod transitions;

pub use accept::ReceivedContent;
pub use job::{Job, JobStatus, Jobs, MAX_PAUSE};
pub use sealed_job::IngestionJob;
pub use transitions::{AttemptFailure, Completion, Transition};
