#![doc = include_str!("../README.md")]

mod clock;
mod endpoint;
mod error;
mod items;
mod jobs;
mod page;
pub mod platform;
mod quota;
mod repositories;
mod sealing;
mod session;
mod transaction;

pub use bulkhead_apikeys::{ApiKey, PREFIX as API_KEY_PREFIX};
pub use bulkhead_resilience::budget::{
    Allowance, Amount, Budget, Day, Exhausted, InvalidDay, Period, Standing, Unit,
};
pub use bulkhead_resilience::circuit::{Outcome, Policy as CircuitPolicy};
pub use bulkhead_resilience::money;
pub use bulkhead_resilience::quota::{Limit, Quota, QuotaExceeded};
pub use bulkhead_resilience::retry::Backoff;
pub use bulkhead_resilience::throttle::Throttle;
pub use bulkhead_resilience::{InvalidTimestamp, MAX_CLOCK_SKEW, Timestamp, rfc3339};
pub use bulkhead_sealing::UnsealError;
pub use clock::now;
pub use error::StoreError;
pub use jobs::backlog::{BacklogEntry, BacklogTable, TenantBacklog};
pub use jobs::circuit::{CircuitBreaker, CircuitDecision, JobPermit};
pub use jobs::event_bus::EventBus;
pub use jobs::functions::{SchedulerClient, WorkerClient, WorkerError};
pub use jobs::outbox::{DocumentChange, DocumentEvent, Outbox};
pub use jobs::queue::JobQueue;
pub use jobs::{
    AttemptFailure, Completion, IngestionJob, Job, JobStatus, Jobs, MAX_PAUSE, ReceivedContent, Transition,
};
pub use page::{Page, PageLimit};
pub use platform::Platform;
pub use quota::budget::{BudgetRefusal, BudgetSettings, Budgets, Reserved};
pub use quota::embedding_rate::EmbeddingRate;
pub use quota::slots::{Slot, Slots};
pub use quota::usage::{Metered, TokenPrice, Tokens, UsageRecord, UsageRecords, Use};
pub use quota::worker_slots::WorkerSlots;
pub use repositories::api_keys::{
    ApiKeyTable, ApiKeys, Created, KeyRefusal, MAX_API_KEYS, NewApiKey, Rotated, StoredApiKey,
};
pub use repositories::commands::Commands;
pub use repositories::documents::{
    Document, DocumentFilter, DocumentStatus, Documents, Extent, InvalidMetadata, Metadata, MetadataPatch,
    MetadataValue, NewContent, Replacement, Upsert, WaitingReason,
};
pub use repositories::file_name::FileName;
pub use repositories::filter::{Filter, InvalidFilter};
pub use repositories::idempotency::{Begun, Idempotency, IdempotencyClaim, KeptAnswer, RequestFingerprint};
pub use repositories::inferences::{Inferences, StoredInference};
pub use repositories::models::{
    Answer, AnswerStream, Embedded, Embedding, Finish, ModelMessage, ModelPart, ModelRole, Models, Prompt,
    TextPurpose, Tool, ToolCall, ToolChoice, Written,
};
pub use repositories::objects::{Objects, Source, Upload};
pub use repositories::passages::{Match, Passage, Passages, Search};
pub use repositories::profile::Profiles;
pub use repositories::templates::{
    LabelCondition, LabelMove, NewVersion, Relabel, StoredTemplate, TemplateBody, TemplateLabels,
    TemplateMessage, TemplateRole, TemplateSummary, Templates, VersionSelector,
};
pub use session::{OwnBudget, Profile, SessionCredentials, SessionSettings, TenantClients, TenantSession};
