#![doc = include_str!("../README.md")]

mod child;
mod limits;
mod parent;
pub mod seccomp;

pub use child::{BROKEN_PIPE, NOT_CONFINED, answer};
pub use limits::Limits;
pub use parent::{Bounds, ConfinementError, Outcome, Stop, protect_memory, run};
