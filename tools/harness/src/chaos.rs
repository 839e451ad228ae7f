//! Random kills, repeatable by seed.

use std::sync::Mutex;
use std::time::Duration;

use crate::lock::lock;

/// Decides which environments to kill, and when.
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

    /// Sets the probability to kill the environment of each later invocation. The kill happens
    /// at a random time at most `within` after delivery.
    pub(crate) fn set(&self, probability: f64, within: Duration) {
        let mut state = lock(&self.state);
        state.probability = probability;
        state.within = within;
    }

    /// Returns the delay after which to kill an invocation's environment, or `None`.
    pub(crate) fn kill_delay(&self) -> Option<Duration> {
        let mut state = lock(&self.state);
        // Always draw, so that the choices do not depend on when chaos was switched on.
        let (hit, when) = (state.rng.f64(), state.rng.f64());
        (hit < state.probability).then(|| state.within.mul_f64(when))
    }

    /// Returns `n` random elements of `from`.
    pub(crate) fn choose<T>(&self, mut from: Vec<T>, n: usize) -> Vec<T> {
        lock(&self.state).rng.shuffle(&mut from);
        from.truncate(n);
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(seed: u64, probability: f64) -> Vec<Option<Duration>> {
        let chaos = Chaos::new(Some(seed));
        chaos.set(probability, Duration::from_millis(50));
        (0..200).map(|_| chaos.kill_delay()).collect()
    }

    #[test]
    fn seed_repeats_choices() {
        assert_eq!(delays(7, 0.3), delays(7, 0.3));
        assert_ne!(delays(7, 0.3), delays(8, 0.3));
    }

    #[test]
    fn probability_0_never_kills_and_1_always_kills() {
        assert!(delays(7, 0.0).iter().all(Option::is_none));
        let always = delays(7, 1.0);
        assert!(always.iter().flatten().count() == 200);
        assert!(always.iter().flatten().all(|when| *when < Duration::from_millis(50)));
    }
}
