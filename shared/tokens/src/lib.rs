#![doc = include_str!("../README.md")]

mod keys;
mod rules;

pub use keys::KeySet;
pub use rules::{Audience, Claims, MACHINE_SCOPES, Rules, TokenError};
