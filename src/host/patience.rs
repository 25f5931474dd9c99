//! Locks that somebody may hold who is stuck: waited for, but not for ever.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

/// So long: whoever waits is about to leave, or to draw.
const PATIENCE: Duration = Duration::from_millis(500);

/// The lock, even if its last holder panicked. None: it was held all the time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let until = Instant::now() + PATIENCE;
    loop {
        match mutex.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Ok(guard) => return Some(guard),
        }
    }
}
