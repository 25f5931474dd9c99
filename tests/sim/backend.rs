//! Backends: an address, those who are connected to it, and its habits.

use super::heralds::Unheralded;
use super::http_backend::{HttpHabits, HttpServed, Mood, Then};
use super::ledger::{self, Cue, Loss};
use super::tcp::{Pace, Talk, Talker};
use super::vitals::{Dealt, Vitals};
use evenkeel::base::{Address, Rng};
use evenkeel::net::sim::{Far, Welcome};
use std::net::{IpAddr, SocketAddr};

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
    /// Its process stands still: connections are taken by its kernel, and nothing comes of them.
    Hang,
    /// It tells probes that it is unwell, and serves on.
    Sicken,
}

/// A TCP-mode connection to a backend.
#[derive(Debug)]
struct TcpServed {
    talker: Talker,
    breaks_at: Option<u64>,
    /// It ends only when it has heard the client's end.
    polite: bool,
    /// The request that made it a tunnel.
    upgraded: Option<u64>,
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
    /// Where it really listens.
    pub place: Address,
    habits: Habits,
    rng: Rng,
    served: Vec<Served>,
    /// Those of whom it does not know yet whose connection it is.
    unheralded: Vec<Unheralded>,
    hung: bool,
    sick: bool,
    pub vitals: Vitals,
}

impl Backend {
    pub fn new(at: SocketAddr, place: Address, habits: Habits, seed: u64) -> Backend {
        Backend {
            at,
            place,
            habits,
            rng: Rng::new(seed),
            served: Vec::new(),
            unheralded: Vec::new(),
            hung: false,
            sick: false,
            vitals: Vitals::default(),
        }
    }

    pub fn act(&mut self, cue: &mut Cue) {
        while let Some(far) = cue.sim.take(&self.place) {
            if self.hung {
                self.vitals.dealt(Dealt::Doubt, cue.now);
            }
            match cue.ledger.told() {
                Some(_) => self.unheralded.push(Unheralded::new(far)),
                None => self.welcome(far, None, cue),
            }
        }
        self.hear_heralds(cue);
        let Backend { habits, rng, served, hung, sick, vitals, .. } = self;
        served.retain_mut(|one| match (&mut *one, &habits.http) {
            (Served::Http(http), Some(manner)) => {
                let mood = &mut Mood { habits: manner, pace: &habits.pace, sick: *sick, hung: *hung, vitals };
                match http.act(mood, rng, cue) {
                    Then::Goes => true,
                    Then::Over => false,
                    Then::Switched => {
                        let mut tcp = welcome(http.far, habits, rng, cue);
                        tcp.upgraded = http.switched;
                        tcp.talker.hear(&http.leftover(), cue.ledger);
                        let goes = !serve(&mut tcp, cue);
                        *one = Served::Tcp(tcp);
                        goes
                    }
                }
            }
            (Served::Tcp(one), _) if *hung => {
                only_look(one, cue);
                true
            }
            (Served::Tcp(one), _) => !serve(one, cue),
            _ => false,
        });
    }

    fn welcome(&mut self, far: Far, herald: Option<IpAddr>, cue: &mut Cue) {
        self.served.push(match self.habits.http {
            Some(_) => Served::Http(HttpServed::new(far, self.at, herald, cue.now)),
            None => {
                let mut tcp = welcome(far, &self.habits, &mut self.rng, cue);
                tcp.talker.awaits_opening(self.at, cue.ledger);
                Served::Tcp(tcp)
            }
        });
    }

    fn hear_heralds(&mut self, cue: &mut Cue) {
        for mut one in std::mem::take(&mut self.unheralded) {
            let state = cue.sim.far(one.far);
            match cue.ledger.told().and_then(|version| one.hear(version, cue)) {
                Some(herald) => self.welcome(one.far, herald, cue),
                None if state.reset || state.ended => cue.sim.far_close(one.far),
                None => self.unheralded.push(one),
            }
        }
    }

    pub fn suffer(&mut self, deed: Deed, cue: &mut Cue) {
        let at = self.place.clone();
        cue.sim.remark(|| format!("backend {at}: {deed:?}"));
        (self.hung, self.sick) = (deed == Deed::Hang, deed == Deed::Sicken);
        self.vitals.suffered(deed == Deed::Return, cue.now);
        if matches!(deed, Deed::Kill | Deed::Hang) {
            let all = self.served.len() + self.unheralded.len();
            (0..all).for_each(|_| self.vitals.dealt(Dealt::Doubt, cue.now)); // any of them may be a probe
        }
        match deed {
            Deed::Kill => self.die(cue),
            Deed::Return => cue.sim.serve(at, Welcome::Accept),
            Deed::Refuse => cue.sim.serve(at, Welcome::Refuse),
            Deed::Delay(time) => cue.sim.serve(at, Welcome::Delay(time)),
            Deed::Swallow => cue.sim.serve(at, Welcome::Swallow),
            Deed::Hang | Deed::Sicken => cue.sim.serve(at, Welcome::Accept),
        }
    }

    fn die(&mut self, cue: &mut Cue) {
        let now = cue.now;
        // Whoever waits in the queue of a dying listener finds out by a reset.
        while let Some(far) = cue.sim.take(&self.place) {
            cue.ledger.orphans += u32::from(self.habits.http.is_none());
            cue.sim.far_reset(far);
            self.vitals.dealt(Dealt::Doubt, now);
        }
        for one in self.unheralded.drain(..) {
            cue.ledger.orphans += u32::from(self.habits.http.is_none());
            cue.sim.far_reset(one.far);
        }
        cue.sim.unserve(self.place.clone());
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

fn welcome(far: Far, habits: &Habits, rng: &mut Rng, cue: &mut Cue) -> TcpServed {
    let length = 8 + rng.below(habits.longest);
    let talker = Talker::new(far, length, habits.pace, cue);
    let breaks = rng.chance(habits.breaks.into(), 1000);
    let breaks_at = breaks.then(|| rng.below(2 * length));
    TcpServed { talker, breaks_at, polite: rng.chance(1, 2), upgraded: None }
}

/// Hung, it reads no more than it needs to see whom that costs what.
fn only_look(one: &mut TcpServed, cue: &mut Cue) {
    if one.talker.other.is_none() {
        one.talker.listen(cue);
    }
    if let Some(client) = one.talker.other {
        cue.ledger.excuse(client, ledger::ANYTHING);
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
    if one.talker.said_all() && (talk != Talk::Going || !one.polite) {
        one.talker.finish(cue);
    }
    match (talk, one.talker.other) {
        (Talk::Going, _) => false,
        (Talk::Reset, Some(client)) => {
            if !cue.ledger.may(client, Loss::Cut, cue.now) {
                cue.ledger.lost(client, Loss::Cut, one.talker.far.number(), cue.now);
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
        Some(client) => cue.ledger.excuse(client, ledger::ANYTHING),
        None => {
            cue.ledger.orphans += 1;
            if let Some(number) = one.upgraded {
                cue.ledger.excuse(number, ledger::TORN);
            }
        }
    }
}
