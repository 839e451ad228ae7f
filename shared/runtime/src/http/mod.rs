//! HTTP behind API Gateway's REST proxy integration.

pub mod documented;
mod error;
mod events;
pub mod fields;
mod idempotency;
mod limits;
mod request;
mod response;
mod serve;
pub mod version;

pub use error::{ApiError, BudgetProblem, Problem};
pub use events::Events;
pub use limits::Limits;
pub use request::{ApiRequest, Json, ListQuery, whole_number};
pub use response::ApiResponse;
pub use serve::{Api, Route, serve};
