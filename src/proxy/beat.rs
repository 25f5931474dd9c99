//! The beat by which somebody outside sees that the loop turns: it does so at least that often then, though nothing else
//! happens. Nobody asks for one unless a service manager keeps watch (sd_notify(3), `WATCHDOG=1`).

use super::Proxy;
use crate::base::Time;
use crate::net::Net;
use std::time::Duration;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Beat {
    /// How long from one to the next, and when that is.
    next: Option<(Duration, Time)>,
    /// One has come that nobody has heard of.
    come: bool,
}

impl Beat {
    /// When the next one is due.
    pub fn due(&self) -> Option<Time> {
        self.next.map(|(_, at)| at)
    }

    /// Whether it has come by now, from when on it is waited for the next.
    pub fn strike(&mut self, now: Time) -> bool {
        let Some((every, at)) = &mut self.next else { return false };
        let struck = *at <= now;
        if struck {
            (*at, self.come) = (now + *every, true);
        }
        struck
    }
}

impl<N: Net> Proxy<N> {
    /// It turns at least so often from now on, or as seldom as it likes.
    pub fn beat_every(&mut self, every: Option<Duration>) {
        self.beat.next = every.map(|every| (every, self.cx.now + every));
    }

    /// Whether a beat has come since this was last asked.
    pub fn has_beaten(&mut self) -> bool {
        std::mem::take(&mut self.beat.come)
    }
}
