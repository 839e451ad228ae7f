use serde::{Deserialize, Serialize};

use super::Change;
use crate::Timestamp;

/// A circuit as it is stored. A new circuit is closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Circuit {
    version: u64,
    epoch: u64,
    state: State,
}

/// The state of a circuit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All jobs run.
    Closed {
        /// The failures that may still count, in the order of recording. Fewer than the policy allows.
        failures: Vec<Failure>,
    },
    /// No job runs before the cool-down ends.
    Open {
        /// When the cool-down ends.
        until: Timestamp,
        /// Failed probes since the circuit was last closed.
        failed_probes: u32,
    },
    /// One job runs as the probe.
    HalfOpen {
        /// The id of the probe's permit.
        probe: u64,
        /// When the probe's lease ends.
        until: Timestamp,
        /// Failed probes since the circuit was last closed.
        failed_probes: u32,
    },
}

/// A failed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// When the failure was recorded.
    pub at: Timestamp,
    /// The id of the job's permit.
    pub id: u64,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: Vec::new() }
    }
}

impl Circuit {
    /// Returns the number of changes so far; 0 for a circuit that was never stored.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Applies `change` if the circuit has not changed since the proposal, and returns whether it did.
    ///
    /// A conditional write of the stored circuit has the same condition. For version 0 the condition
    /// is that no item exists.
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

    /// Returns a change within the current epoch.
    pub(super) fn update(&self, state: State) -> Change {
        self.change(self.epoch, state)
    }

    /// Returns a change that begins the next epoch.
    pub(super) fn transition(&self, state: State) -> Change {
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
