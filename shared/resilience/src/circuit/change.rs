use serde::{Deserialize, Serialize};

use super::{Circuit, State};
use crate::Timestamp;

/// Permission to run one job and to record how it ended. Serialized as `{"epoch":3,"id":7}`. A copy
/// of a permit does not count a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[must_use = "record how the job ended with this permit"]
pub struct Permit {
    pub(super) epoch: u64,
    pub(super) id: u64,
}

/// Whether a job may run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use]
pub enum Decision {
    /// The job may run.
    Run(Permit),
    /// The job may run as the probe if its change is written first.
    Probe(Probe),
    /// The job must wait.
    Wait {
        /// When to ask again. Exact for a cool-down. The latest time for the lease of a probe,
        /// because most probes report earlier.
        until: Timestamp,
    },
}

/// A proposed probe.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a probe runs only once its change is written"]
pub struct Probe {
    pub(super) change: Change,
    pub(super) permit: Permit,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The job succeeded.
    Success,
    /// The job failed because of the tenant's data or key.
    Failure,
    /// The result says nothing about the tenant, for example because AWS throttled the job.
    Inconclusive,
}

/// A new circuit that replaces the one the decision is based on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a change takes effect only when it is written"]
pub struct Change {
    expects: u64,
    to: Circuit,
}

impl Probe {
    /// Returns the change to write before the probe runs.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// Returns the permit if `stored`, read after the attempt to write, names this probe.
    ///
    /// This also covers a write that succeeded but whose answer was lost: the repeated write is
    /// refused, and the stored circuit names this probe.
    pub fn granted(self, stored: &Circuit) -> Option<Permit> {
        let Permit { epoch, id } = self.permit;
        let held = matches!(stored.state(), State::HalfOpen { probe, .. } if *probe == id);
        (held && stored.epoch() == epoch).then_some(self.permit)
    }
}

impl Change {
    pub(super) fn new(expects: u64, to: Circuit) -> Self {
        Self { expects, to }
    }

    /// Returns the version that must still be stored; 0 if no item may exist.
    pub fn expects(&self) -> u64 {
        self.expects
    }

    /// Returns the circuit to write.
    pub fn to(&self) -> &Circuit {
        &self.to
    }
}
