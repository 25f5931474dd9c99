//! When this process began, by the clock on the wall: told once, by whoever begins it.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

static BIRTH: OnceLock<Duration> = OnceLock::new();

/// It begins now. A second call changes nothing.
pub fn note() {
    BIRTH.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
}

/// When it began, since 1970; none if nobody said so.
pub fn moment() -> Option<Duration> {
    BIRTH.get().copied()
}
