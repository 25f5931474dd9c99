//! What is counted of requests when they are over, and of turns when the next one begins.
//!
//! The numbers are in [`base::tally`](crate::base::tally); the [admin address](crate::admin) shows them. Here is when
//! they are added up, and what must hold among them whatever happens.

use super::Proxy;
use super::context::Context;
use super::record::Record;
use super::session::Session;
use crate::admin::View;
use crate::base::Time;
use crate::net::Net;

impl<N: Net> Context<N> {
    /// A request is over, of which this is remembered: its client was told this status; 0: nothing.
    #[inline]
    pub(super) fn tally(&mut self, record: &Record, status: u16, tunnel: bool) {
        let failed = record.ending.map(|ending| ending.reason);
        let Some(pool) = record.pool else { return self.tallies.nowhere.ended(status, failed) };
        let tally = self.tallies.of(pool.0);
        tally.ended(status, failed);
        if !tunnel {
            tally.durations.note(self.now.0.saturating_sub(record.heard.0));
        }
    }

    /// A wait was over `now`. The turn before had ended when it began; of the first there was none.
    #[inline]
    pub(super) fn begin_turn(&mut self, now: Time, events: usize) {
        let began = self.net.began();
        let worked = began.since(self.now);
        match self.stats.turns {
            0 => self.tallies.since = began,
            _ => self.tallies.turns.note(worked.as_nanos() as u64),
        }
        self.stats.turns += 1;
        self.saw_turn(now.since(began), worked, events);
        self.now = now;
    }
}

impl<N: Net> Proxy<N> {
    /// What the admin address may show.
    pub fn view(&self) -> View<'_> {
        self.cx.view()
    }

    /// Whether every request was counted once and under one name: all that there were have ended or are under way. For
    /// tests.
    pub fn check_tallies(&self) -> Result<(), String> {
        let (stats, tallies) = (&self.cx.stats, &self.cx.tallies);
        let pending = self.sessions.iter().filter(|(_, session)| Session::is_pending(session)).count() as u64;
        let (ended, all) = (tallies.total(), stats.admitted + stats.refused + stats.answered);
        if ended + pending != all {
            return Err(format!("{ended} requests ended and {pending} are under way, of {all}"));
        }
        if tallies.retried() != stats.retries {
            return Err(format!("{} retries by reason, of {}", tallies.retried(), stats.retries));
        }
        let accepted: u64 = self.cx.crowds.iter().map(|crowd| crowd.accepted).sum();
        if accepted != stats.accepted {
            return Err(format!("{accepted} connections by listener, of {}", stats.accepted));
        }
        let turns = tallies.turns.count() + 1;
        match turns == stats.turns {
            true => Ok(()),
            false => Err(format!("{turns} turns were measured, of {}", stats.turns)),
        }
    }
}
