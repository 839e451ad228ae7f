#![doc = include_str!("../README.md")]

mod admission;
mod environment;
mod id;
pub mod names;
mod role;
mod scope;

pub use admission::{Admission, Evidence, IsolationMode, OperatorAuthority, Refusal};
pub use environment::{Bound, ForeignTenant, TenantEnvironment};
pub use id::{InvalidTenantId, TenantId};
pub use role::Role;
pub use scope::{Invocation, TenantScope};
