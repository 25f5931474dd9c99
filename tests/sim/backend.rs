//! Backends: an address, those who are connected to it, and its habits.

use super::http_backend::{HttpHabits, HttpServed};
use super::ledger::Cue;
use super::tcp::{Pace, Talk, Talker};
use evenkeel::base::Rng;
use evenkeel::net::sim::{Far, Welcome};
use std::net::SocketAddr;

/// What a backend does to its connections. Chances are in a thousand, for each connection or request.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    pub pace: Pace,
    /// TCP: the connection is broken in the middle.
    pub breaks: u16,
    /// TCP: so many bytes at most from its side.
    pub longest: u64,
    /// What it does with requests, if it speaks HTTP.
    pub http: Option<HttpHabits>,
}

/// What an operator or the weather does to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Its process ends: the listener and every connection are gone.
    Kill,
    /// It is back, or well again.
    Return,
    Refuse,
    Delay(std::time::Duration),
    Swallow,
}

/// A TCP-mode connection to a backend.
#[derive(Debug)]
struct TcpServed {
    talker: Talker,
    breaks_at: Option<u64>,
}

#[derive(Debug)]
enum Served {
    Tcp(TcpServed),
    Http(HttpServed),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Backend {
    pub at: SocketAddr,
    habits: Habits,
    rng: Rng,
    served: Vec<Served>,
}

impl Backend {
    pub fn new(at: SocketAddr, habits: Habits, seed: u64) -> Backend {
        Backend { at, habits, rng: Rng::new(seed), served: Vec::new() }
    }

    pub fn act(&mut self, cue: &mut Cue) {
        while let Some(far) = cue.sim.take(self.at) {
            let served = match self.habits.http {
                Some(_) => Served::Http(HttpServed::new(far, cue.now)),
                None => Served::Tcp(self.welcome(far, cue)),
            };
            self.served.push(served);
        }
        let Backend { habits, rng, served, .. } = self;
        served.retain_mut(|one| match (one, &habits.http) {
            (Served::Http(one), Some(manner)) => !one.act(manner, &habits.pace, rng, cue),
            (Served::Tcp(one), _) => !serve(one, cue),
            _ => false,
        });
    }

    fn welcome(&mut self, far: Far, cue: &mut Cue) -> TcpServed {
        let length = 8 + self.rng.below(self.habits.longest);
        let talker = Talker::new(far, length, self.habits.pace, cue);
        let breaks = self.rng.chance(self.habits.breaks.into(), 1000);
        let breaks_at = breaks.then(|| self.rng.below(2 * length));
        TcpServed { talker, breaks_at }
    }

    pub fn suffer(&mut self, deed: Deed, cue: &mut Cue) {
        let at = self.at;
        cue.sim.remark(|| format!("backend {at}: {deed:?}"));
        match deed {
            Deed::Kill => self.die(cue),
            Deed::Return => cue.sim.serve(at, Welcome::Accept),
            Deed::Refuse => cue.sim.serve(at, Welcome::Refuse),
            Deed::Delay(time) => cue.sim.serve(at, Welcome::Delay(time)),
            Deed::Swallow => cue.sim.serve(at, Welcome::Swallow),
        }
    }

    fn die(&mut self, cue: &mut Cue) {
        // Whoever waits in the queue of a dying listener finds out by a reset.
        while let Some(far) = cue.sim.take(self.at) {
            cue.ledger.orphans += u32::from(self.habits.http.is_none());
            cue.sim.far_reset(far);
        }
        cue.sim.unserve(self.at);
        for one in self.served.drain(..) {
            match one {
                Served::Http(mut one) => {
                    one.die(cue);
                }
                Served::Tcp(one) => {
                    excuse(&one, cue);
                    cue.sim.far_reset(one.talker.far);
                }
            }
        }
    }
}

/// One act with one connection; true after the last.
fn serve(one: &mut TcpServed, cue: &mut Cue) -> bool {
    let talk = one.talker.talk(cue);
    if one.breaks_at.is_some_and(|at| one.talker.sent + one.talker.got >= at) {
        excuse(one, cue);
        cue.sim.far_reset(one.talker.far);
        return true;
    }
    if one.talker.said_all() {
        one.talker.finish(cue);
    }
    match (talk, one.talker.other) {
        (Talk::Going, _) => false,
        (Talk::Reset, Some(client)) => {
            if !cue.ledger.is_excused(client) {
                cue.ledger.lost(client, "its backend was reset");
            }
            cue.sim.far_close(one.talker.far);
            true
        }
        (Talk::Reset, None) => {
            cue.sim.far_close(one.talker.far);
            true
        }
        (Talk::Ended, _) if one.talker.said_all() => {
            one.talker.close(cue);
            true
        }
        (Talk::Ended, _) => false,
    }
}

fn excuse(one: &TcpServed, cue: &mut Cue) {
    match one.talker.other {
        Some(client) => cue.ledger.excuse(client),
        None => cue.ledger.orphans += 1,
    }
}
