use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A value that is cached for a limited time. Belongs to the clients of one tenant.
pub(crate) struct Expiring<T> {
    age: Duration,
    kept: Mutex<Option<(Instant, Arc<T>)>>,
}

impl<T> Expiring<T> {
    pub(crate) fn new(age: Duration) -> Self {
        Self { age, kept: Mutex::new(None) }
    }

    pub(crate) fn get(&self) -> Option<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(since, _)| since.elapsed() < self.age).map(|(_, value)| Arc::clone(value))
    }

    pub(crate) fn put(&self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&value)));
        value
    }
}
