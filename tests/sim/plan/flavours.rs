//! Worlds with a theme: a corner that a plain throw of the dice seldom reaches.

use super::people::{HASTE, cruelty, http_ask, one_ask};
use super::{Coming, Dice, Plan};
use crate::sim::backend::{Deed, Habits};
use crate::sim::http_backend::HttpHabits;
use crate::sim::http_client::{Ask, HttpAsk};
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
