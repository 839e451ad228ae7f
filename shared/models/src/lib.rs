//! The catalogue of the models that a stack offers.
//!
//! One JSON text names the models, in the deployer's words. Everything that depends on a model reads it here: what
//! tenants call it, who runs it, what it can do and what it costs.

mod catalogue;
mod name;
mod offer;
mod price;

pub use catalogue::{Capability, Catalogue, CatalogueError, Kind, Model, Provider};
pub use name::ModelName;
pub use offer::{Choice, NoChoice, Offer, Settings, SettingsError};
pub use price::{Price, PriceError};
