//! Floor 4: what the service manager is told (sd_notify(3)), if there is one.
//!
//! Nothing of this fails as far as we are concerned: a manager that does not listen is told no more than one that is not
//! there. It is one datagram each time, a few times in the life of a process, and a manager's socket takes it at once.

use crate::net::Signal;
use crate::net::os::Remote;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// We serve, as configured.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; to be followed by [`ready`].
pub fn reloading() {
    let now = NotifyState::monotonic_usec_now();
    tell(&now.map_or(vec![NotifyState::Reloading], |now| vec![NotifyState::Reloading, now]));
}

/// We are leaving.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The process of this number has taken our place.
pub fn succeeded_by(number: u32) {
    tell(&[NotifyState::MainPid(number), NotifyState::Ready]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("the service manager cannot be told: {error}");
    }
}

/// Shows the service manager that the loop turns, if it wants to see that (`WatchdogSec=`).
pub struct Watchdog {
    due: Option<Arc<AtomicBool>>,
}

impl Watchdog {
    /// Wakes the loop twice as often as it has to show itself.
    pub fn new(remote: Remote) -> Watchdog {
        let due = sd_notify::watchdog_enabled().and_then(|span| wake(span / 2, remote));
        Watchdog { due }
    }

    /// The loop has turned.
    #[inline]
    pub fn turned(&self) {
        if self.due.as_ref().is_some_and(|due| due.swap(false, Ordering::Relaxed)) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn wake(every: Duration, remote: Remote) -> Option<Arc<AtomicBool>> {
    let due = Arc::new(AtomicBool::new(false));
    let same = Arc::clone(&due);
    let pace = move || loop {
        std::thread::sleep(every);
        same.store(true, Ordering::Relaxed);
        remote.send(Signal::Wake);
    };
    std::thread::Builder::new().name("watchdog".into()).spawn(pace).ok()?;
    Some(due)
}
