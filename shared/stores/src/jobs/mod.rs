//! A tenant's jobs: their state, the moves between states, and the messages that wake workers.
//!
//! A job makes the newest revision of a document searchable. It is one item in the tenant's partition,
//! and the item is the source of truth. A message in the queue is only a wake-up: a lost, late or
//! repeated message changes nothing. The scheduler re-queues jobs whose message or worker disappeared.
//!
//! Each move is one conditional write, or one transaction together with the document's record. A
//! process that crashes leaves the job either before or after the move.
//!
//! ```text
//!                       worker starts                complete
//!  accept ──► queued ─────────────────► running ─────────────────► (item removed; document `ready`)
//!               ▲                          │
//!               │ requeue                  ├── retry, continued ──► waiting
//!               │ (scheduler)              │
//!  waiting ─────┘                          └── no attempt left, unreadable ──► dead
//!     ▲  ▲                                                                      │
//!     │  └──────────────────────────── redriven ────────────────────────────────┘
//!     │
//!     └── circuit_open, over_limit, lost (from queued, or from running if the lease ended)
//! ```
//!
//! | state | item | waits for |
//! |---|---|---|
//! | `queued` | `JOB#<document>` | its message and a worker |
//! | `running` | `JOB#<document>` | its worker, until the lease ends |
//! | `waiting` | `WAITING#<due>#<document>` | the time in its key; [`WaitingReason`](crate::WaitingReason) says why |
//! | `dead` | `DEAD#<document>` | a redrive by the tenant |

mod accept;
pub(crate) mod backlog;
pub(crate) mod circuit;
pub(crate) mod functions;
mod job;
pub(crate) mod queue;
mod sealed_job;
mod transaction;
mod transitions;

pub use accept::ReceivedContent;
pub use job::{Job, JobStatus, Jobs};
pub use sealed_job::IngestionJob;
pub use transitions::{AttemptFailure, Completion, Transition};
