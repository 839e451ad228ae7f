use serde::{Deserialize, Serialize};

use super::{Circuit, State};
use crate::Instant;

/// The right to run one job, and to say how it ended. Travels with the job as
/// `{"epoch":3,"id":7}`; a copy gives no second right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[must_use = "how the job ended is recorded by its permit"]
pub struct Permit {
    pub(super) epoch: u64,
    pub(super) id: u64,
}

/// What is to be done with a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use]
pub enum Admission {
    /// Run it.
    Run(Permit),
    /// Run it as the probe, if nobody else is faster.
    Probe(Probe),
    /// Do not run it.
    Parked {
        /// When it is worth asking again. Exact for a cool-down; for the lease of a probe
        /// the latest, since most report earlier.
        until: Instant,
    },
}

/// A probe that is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a probe runs only once its change is written"]
pub struct Probe {
    pub(super) change: Change,
    pub(super) permit: Permit,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did what was asked.
    Success,
    /// It failed, and that is the tenant's.
    Failure,
    /// It says nothing about the tenant: the platform throttled it, for one.
    Inconclusive,
}

/// A circuit to be written in place of the one it was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a change takes effect when it is written"]
pub struct Change {
    expects: u64,
    to: Circuit,
}

impl Probe {
    /// Returns what has to be written first.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// Returns the permit if `stored`, the circuit as it is after the write was tried, says
    /// that the probe is this one.
    ///
    /// Where the write was carried out and its answer lost, the next attempt is refused with
    /// an item that says so.
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

    /// Returns the version that has to be stored still. 0: there must be no item.
    pub fn expects(&self) -> u64 {
        self.expects
    }

    /// Returns the circuit to be written.
    pub fn to(&self) -> &Circuit {
        &self.to
    }
}
