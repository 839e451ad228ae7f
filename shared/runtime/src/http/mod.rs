//! HTTP behind API Gateway's REST proxy integration.

pub mod documented;
mod error;
mod events;
pub mod fields;
mod request;
mod response;
mod serve;
pub mod version;

pub use error::{ApiError, Problem};
pub use events::Events;
pub use request::{ApiRequest, Json, ListQuery, whole_number};
pub use response::ApiResponse;
pub use serve::{Api, Route, serve};
