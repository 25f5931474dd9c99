//! Floor 4: what the service manager is told (sd_notify(3)), if there is one.
//!
//! Nothing of this fails as far as we are concerned: a manager that does not listen is told no more than one that is not
//! there. It is one datagram each time, a few times in the life of a process, and a manager's socket takes it at once.

use sd_notify::NotifyState;
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

/// The loop turns.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the service manager is to be told that, if it wants to be (`WatchdogSec=`): twice as often as it has to be.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|span| span / 2)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("the service manager cannot be told: {error}");
    }
}
