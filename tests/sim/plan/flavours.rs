//! Worlds with a theme: a corner that a plain throw of the dice seldom reaches.

use super::people::{HASTE, cruelty, http_ask, one_ask};
use super::{Coming, Dice, Plan};
use crate::sim::backend::{Deed, Habits};
use crate::sim::hostile;
use crate::sim::http_backend::HttpHabits;
use crate::sim::http_client::{Ask, Fault, HttpAsk};
use crate::sim::tcp::Pace;
use evenkeel::net::sim::Cruelty;
use std::time::Duration;

impl Plan {
    /// A few bodies so long that a turn's budget is spent on them, through windows that let it.
    pub(super) fn with_long_bodies(mut self, dice: &mut Dice) -> Plan {
        let long = |dice: &mut Dice| {
            let length = 200_000 + dice.0.below(800_000);
            let (method, body) = dice.pick(&[(1, ("GET", None)), (1, ("PUT", Some(length)))]);
            let chunked = dice.chance(500).then_some(50_000);
            let asks = vec![Ask { method, body, chunked, reply: length, ..one_ask(dice, true, true) }];
            let ask = HttpAsk { asks, pace: HASTE, ..http_ask(dice, true) };
            (dice.millis(5), Coming::Http(HttpAsk { pipelined: false, old: false, ..ask }))
        };
        self.backends.iter_mut().for_each(|habits| habits.pace = HASTE);
        let clients = (0..1 + dice.0.below(3)).map(|_| long(dice)).collect();
        let window = (100_000, 2_000_000);
        let cruelty = Cruelty { window, short_reads: 50, short_writes: 50, spurious: 0, ..Cruelty::cruel() };
        Plan { clients, deeds: Vec::new(), cruelty, fair: false, stop: None, body_limit: 0, ..self }
    }

    /// Backends that say more than they were asked, over a kernel that tells at once: so it can be known in time.
    pub(super) fn with_surplus(mut self, dice: &mut Dice) -> Plan {
        for http in self.backends.iter_mut().filter_map(|habits| habits.http.as_mut()) {
            (http.surplus, http.closes_idle) = (dice.pick(&[(1, 100), (1, 500)]), 0);
        }
        let cruelty = Cruelty { short_writes: 100, blocked: 100, spurious: 100, accept_fails: 50, ..Cruelty::calm() };
        Plan { cruelty, fair: false, ..self }
    }

    /// Backends that answer early and close on the rest of the body, over a kernel that loses nothing: the answer is
    /// there, though writing fails.
    pub(super) fn with_slammed_doors(mut self, dice: &mut Dice) -> Plan {
        for http in self.backends.iter_mut().filter_map(|habits| habits.http.as_mut()) {
            *http =
                HttpHabits { slams: dice.pick(&[(1, 300), (1, 1000)]), chunks: http.chunks, ..HttpHabits::default() };
        }
        Plan { cruelty: Cruelty { lost: 0, ..self.cruelty }, fair: false, deeds: Vec::new(), ..self }
    }

    /// Addresses where nobody answers: several tries in a row come to nothing.
    pub(super) fn with_dead_addresses(mut self, dice: &mut Dice) -> Plan {
        let firm = *dice.0.one_of(&(0..self.backends.len()).collect::<Vec<_>>()).unwrap_or(&0);
        let dead = (0..self.backends.len()).filter(|&index| index != firm);
        self.deeds = dead.map(|index| (Duration::ZERO, index, Deed::Swallow)).collect();
        Plan { fair: false, stop: None, ..self }
    }

    /// Backends that come and go under probes, long after the clients have gone.
    pub(super) fn with_flapping(mut self, dice: &mut Dice) -> Plan {
        let evils = [(2, Deed::Refuse), (1, Deed::Kill), (2, Deed::Sicken), (1, Deed::Hang), (1, Deed::Swallow)];
        self.deeds.clear();
        for index in 0..self.backends.len() {
            let (mut at, times) = (dice.millis(2000), dice.0.below(5));
            for _ in 0..times {
                self.deeds.push((at, index, dice.pick(&evils)));
                at += dice.millis(4000);
                self.deeds.push((at, index, Deed::Return));
                at += dice.millis(4000);
            }
        }
        Plan { probes: true, fair: false, stop: None, ..self }
    }

    /// Backends that answer at once and at length, to clients whose bodies go wrong meanwhile: what is refused late must
    /// not be told in the middle of a response.
    pub(super) fn with_quarrels(mut self, dice: &mut Dice) -> Plan {
        let slow = Pace { chunk: 100, pause: Duration::from_millis(4), ..HASTE };
        for habits in &mut self.backends {
            let early = HttpHabits { early: 1000, chunks: 300, ..HttpHabits::default() };
            *habits = Habits { pace: slow, http: Some(early), ..*habits };
        }
        let quarrel = |dice: &mut Dice| {
            let length = 1000 + dice.0.below(1000);
            let fault = match dice.chance(700) {
                true => Fault::Chunk(dice.0.below(length), dice.0.below(hostile::CHUNKS.len() as u64) as usize),
                false => Fault::None,
            };
            let ask = one_ask(dice, true, true);
            let asks = vec![Ask { method: "POST", body: Some(length), chunked: Some(90), reply: 1500, fault, ..ask }];
            let ask = HttpAsk { asks, pace: slow, pipelined: false, old: false, ..http_ask(dice, true) };
            (dice.millis(50), Coming::Http(ask))
        };
        let clients = (0..2 + dice.0.below(3)).map(|_| quarrel(dice)).collect();
        Plan { clients, fair: false, body_limit: dice.pick(&[(1, 0), (1, 1200)]), ..self }
    }

    /// Backends that begin with an interim response and often die behind it; the first stands firm.
    pub(super) fn with_false_starts(mut self, dice: &mut Dice) -> Plan {
        self.backends.push(self.backends[0]);
        for habits in self.backends.iter_mut().skip(1) {
            let http = HttpHabits { interim: 1000, dies_within: 400, ..HttpHabits::default() };
            let pace = Pace { chunk: 50, pause: dice.millis(10), ..HASTE };
            *habits = Habits { pace, http: Some(http), ..*habits };
        }
        Plan { fair: false, ..self }
    }

    /// Clients that send a head byte by byte and take too long over it, however much comes.
    pub(super) fn with_dribblers(mut self, dice: &mut Dice) -> Plan {
        let dribble = |dice: &mut Dice| {
            let pace = Pace { chunk: 1, pause: Duration::from_millis(200 + dice.0.below(400)), ..HASTE };
            let ask = Ask { fault: Fault::Dribbles, method: "GET", body: None, ..one_ask(dice, true, true) };
            let ask =
                HttpAsk { asks: vec![ask], pace, pipelined: false, old: false, quit: None, ..http_ask(dice, true) };
            (dice.millis(500), Coming::Http(ask))
        };
        self.clients.extend((0..1 + dice.0.below(2)).map(|_| dribble(dice)));
        Plan { cruelty: cruelty(dice), most_clients: 0, fair: false, ..self }
    }

    /// One backend of several refuses everybody and is never taken for down: each time its turn comes the request moves
    /// on, and nobody else's turn with it.
    pub(super) fn with_a_lame_one(mut self, dice: &mut Dice) -> Plan {
        let kept = HttpHabits { chunks: 300, statuses: 300, continues: 1000, ..HttpHabits::default() };
        let habits = Habits { pace: HASTE, breaks: 0, longest: 50, http: Some(kept) };
        self.backends = vec![habits; 3];
        let lame = dice.0.below(3) as usize;
        let cruelty = cruelty(dice);
        let clients = (0..5).map(|_| (dice.millis(200), Coming::Http(http_ask(dice, true))));
        let deeds = vec![(Duration::ZERO, lame, Deed::Refuse)];
        Plan {
            clients: clients.collect(),
            cruelty,
            deeds,
            lame: Some(lame),
            fair: false,
            probes: false,
            fall: 1000,
            stop: None,
            ..self
        }
    }
}
