#![doc = include_str!("../README.md")]

mod clock;
mod error;
mod places;
pub mod platform;
mod queue;
mod repositories;
mod sealing;
mod session;
mod workers;

pub use bulkhead_resilience::capacity::{Cap, Limit, Refusal as CapRefusal};
pub use bulkhead_resilience::circuit::{Outcome, Policy as CircuitPolicy};
pub use bulkhead_resilience::retry::Backoff;
pub use bulkhead_resilience::throttle::Throttle;
pub use bulkhead_sealing::UnsealError;
pub use clock::{InvalidMoment, Moment};
pub use error::StoreError;
pub use places::Places;
pub use platform::Platform;
pub use queue::JobQueue;
pub use repositories::capacity::{Capacity, Hold};
pub use repositories::circuit::{Breaker, Decision, Run};
pub use repositories::commands::Commands;
pub use repositories::documents::{Document, DocumentStatus, Documents, Extent, NewContent, Remains};
pub use repositories::jobs::{
    Arrived, Backlog, Backlogs, IngestionJob, Job, JobStatus, Jobs, Moved, Seen, Settled, Why,
};
pub use repositories::models::{Answer, Embedding, Models, Prompt};
pub use repositories::objects::{Objects, Source, Upload};
pub use repositories::passages::{Match, Passage, Passages};
pub use repositories::profile::{Profile, Profiles};
pub use repositories::templates::{StoredTemplate, TemplateSummary, Templates};
pub use repositories::turns::Turns;
pub use repositories::{Page, PageLimit};
pub use session::{SessionCredentials, SessionSettings, TenantClients, TenantSession};
pub use workers::{Releases, WorkerError, Workers};
