use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. The harness has one thread, so the lock is never contended or poisoned.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
