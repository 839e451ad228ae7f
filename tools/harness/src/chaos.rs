//! Chance, repeatable by its seed.

use std::sync::Mutex;
use std::time::Duration;

use crate::lock::held;

/// Decides which environments die, and when.
pub(crate) struct Chaos {
    seed: u64,
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    probability: f64,
    within: Duration,
}

impl Chaos {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        let rng = fastrand::Rng::with_seed(seed);
        Self { seed, state: Mutex::new(State { rng, probability: 0.0, within: Duration::ZERO }) }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// From now on each invocation is killed with this probability, at a random moment
    /// within this time of its delivery.
    pub(crate) fn set(&self, probability: f64, within: Duration) {
        let mut state = held(&self.state);
        state.probability = probability;
        state.within = within;
    }

    /// Draws the fate of an invocation: when to kill its environment, if at all.
    pub(crate) fn fate(&self) -> Option<Duration> {
        let mut state = held(&self.state);
        // Drawn in any case, so that the choices do not depend on when it was switched on.
        let (hit, when) = (state.rng.f64(), state.rng.f64());
        (hit < state.probability).then(|| state.within.mul_f64(when))
    }

    /// Takes `n` of `from` at random.
    pub(crate) fn choose<T>(&self, mut from: Vec<T>, n: usize) -> Vec<T> {
        held(&self.state).rng.shuffle(&mut from);
        from.truncate(n);
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64, probability: f64) -> Vec<Option<Duration>> {
        let chaos = Chaos::new(Some(seed));
        chaos.set(probability, Duration::from_millis(50));
        (0..200).map(|_| chaos.fate()).collect()
    }

    #[test]
    fn a_seed_repeats_its_run() {
        assert_eq!(fates(7, 0.3), fates(7, 0.3));
        assert_ne!(fates(7, 0.3), fates(8, 0.3));
    }

    #[test]
    fn never_and_always_are_what_they_say() {
        assert!(fates(7, 0.0).iter().all(Option::is_none));
        let always = fates(7, 1.0);
        assert!(always.iter().flatten().count() == 200);
        assert!(always.iter().flatten().all(|when| *when < Duration::from_millis(50)));
    }
}
