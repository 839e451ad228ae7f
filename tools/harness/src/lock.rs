use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. There is one thread: it is never contended, nor left poisoned by another.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
