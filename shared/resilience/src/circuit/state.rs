use serde::{Deserialize, Serialize};

use super::Change;
use crate::Instant;

/// A circuit as it is stored. New ones are closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Circuit {
    version: u64,
    epoch: u64,
    state: State,
}

/// Whether jobs run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All run.
    Closed {
        /// Those that may still count, as they were recorded. Fewer than open the circuit.
        failures: Vec<Failure>,
    },
    /// None runs before the cool-down is over.
    Open {
        /// When it is over.
        until: Instant,
        /// Probes that failed since the circuit was closed.
        failed_probes: u32,
    },
    /// One runs.
    HalfOpen {
        /// Which: the dice of its permit.
        probe: u64,
        /// When its lease ends.
        until: Instant,
        /// Probes that failed since the circuit was closed.
        failed_probes: u32,
    },
}

/// A job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// When this was recorded.
    pub at: Instant,
    /// Which: the dice of its permit.
    pub id: u64,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: Vec::new() }
    }
}

impl Circuit {
    /// Returns the number of changes so far: 0 for a circuit that was never stored.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns whether jobs run.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Carries out `change` if nothing was changed since it was proposed, and says whether
    /// it did.
    ///
    /// What this does, a conditional write does where the circuit is stored; the condition
    /// is the same one, and for version 0 that there is no item.
    pub fn apply(&mut self, change: &Change) -> bool {
        if self.version != change.expects() {
            return false;
        }
        self.clone_from(change.to());
        true
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A change within the epoch.
    pub(super) fn with(&self, state: State) -> Change {
        self.change(self.epoch, state)
    }

    /// A change that begins the next epoch.
    pub(super) fn turn(&self, state: State) -> Change {
        self.change(self.next_epoch(), state)
    }

    pub(super) fn next_epoch(&self) -> u64 {
        self.epoch.wrapping_add(1)
    }

    fn change(&self, epoch: u64, state: State) -> Change {
        let to = Self { version: self.version.wrapping_add(1), epoch, state };
        Change::new(self.version, to)
    }
}
