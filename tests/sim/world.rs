//! The loop around the loop: actors act, the balancer turns, the properties are looked at.

use super::backend::{Backend, Deed, Habits};
use super::http_client::HttpClient;
use super::ledger::{Cue, Ledger};
use super::limits::Limited;
use super::meters::Meters;
use super::plan::{Coming, Plan, address};
use super::reloads::{Changes, Reload};
use super::tcp::{TcpClient, later};
use super::upgrade::UpgradeClient;
use super::watchers::{Watcher, Watching};
use super::{House, Order};
use evenkeel::base::Time;
use evenkeel::config::{Ejection, Mode, PolicyName};
use evenkeel::net::Signal;
use evenkeel::net::sim::{Sim, Welcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// No run takes longer: whoever still waits then has been forgotten.
const LONGEST: Duration = Duration::from_secs(900);

/// After the last client, everything of the balancer's own must be over by then.
const SILENCE: Duration = Duration::from_secs(45);

/// Whoever went silent may still take a byte now and then that its kernel finds room for, and is waited for anew.
const MOST_SILENCES: usize = 5;

/// A backend that was left alone for so long must be seen as it is: the last of the probes that were under way, one at
/// the longest interval, and three in quick succession that may take their time.
const JUDGED: Duration = Duration::from_secs(2 + 6 + 3 * 4);

/// How long a balancer that was told to leave may take (the default).
pub const DRAIN: Duration = Duration::from_secs(8);

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub hash: u64,
    pub calls: u64,
    pub answered: u64,
    pub lost: u64,
}

#[derive(Debug)]
enum Client {
    Tcp(TcpClient),
    Http(HttpClient),
    Upgrade(UpgradeClient),
}

impl Client {
    fn act(&mut self, cue: &mut Cue) -> bool {
        match self {
            Client::Tcp(client) => client.act(cue),
            Client::Http(client) => client.act(cue),
            Client::Upgrade(client) => client.act(cue),
        }
    }

    fn connection(&self) -> usize {
        match self {
            Client::Tcp(client) => client.talker.far.number(),
            Client::Http(client) => client.far.number(),
            Client::Upgrade(client) => client.far.number(),
        }
    }
}

/// What a plan means for the properties that are looked at after every turn.
struct Terms {
    inflight: Option<u32>,
    elsewhere: bool,
    ejection: Option<Ejection>,
    pools: Vec<(Mode, Vec<usize>)>,
}

/// See the [module](self).
pub struct World {
    plan: Plan,
    terms: Terms,
    start: Time,
    ledger: Ledger,
    backends: Vec<Backend>,
    coming: Vec<(Time, Coming)>,
    deeds: Vec<(Time, usize, Deed)>,
    clients: Vec<Client>,
    watching: Vec<(Time, Watching)>,
    watchers: Vec<Watcher>,
    signals: Vec<(Time, Signal)>,
    orders: Vec<(Time, usize, Order)>,
    /// Whether each backend is to work, and its weight, as far as the operator has said.
    ordered: BTreeMap<usize, (Order, u32)>,
    reloads: Vec<(Time, Reload)>,
    changes: Changes,
    stop: Option<Time>,
    /// For each pool: a backend of it that never fails. While it is there, nobody sick is picked.
    firm: Vec<usize>,
    /// What each session was doing, as was printed last.
    told: Vec<String>,
    /// Its metrics, as read last.
    meters: Meters,
    /// The balancer has left.
    left: bool,
}

/// The kernel for a plan, its backends already serving.
pub fn kernel(plan: &Plan) -> Sim {
    let mut sim = Sim::new(plan.seed, plan.cruelty.clone());
    for index in 0..plan.backends.len() {
        sim.serve(plan.paths.place(address(index)), Welcome::Accept);
    }
    sim
}

impl World {
    pub fn new(plan: Plan, start: Time) -> World {
        let backend = |(index, habits): (usize, &_)| {
            let at = address(index);
            Backend::new(at, plan.paths.place(at), *habits, plan.seed ^ (index as u64 + 1) << 32)
        };
        let mut ledger = Ledger::default();
        let scarce = plan.cruelty.descriptors.is_some() || plan.cruelty.connect_fails > 0;
        let infirm = |mode| {
            let first = plan.pool(mode).first().copied();
            scarce || plan.deeds.iter().any(|&(_, index, _)| Some(index) == first)
        };
        ledger.amnesty = [infirm(Mode::Http), infirm(Mode::Tcp)];
        let hasty = |habits: &Habits| habits.http.is_some_and(|http| http.closes_idle > 0 || http.slams > 0);
        let killed = plan.deeds.iter().any(|&(_, _, deed)| deed == Deed::Kill);
        ledger.hasty = killed || plan.backends.iter().any(hasty);
        (ledger.heralds, ledger.paths) = (plan.heralds, plan.paths);
        ledger.ways = plan.ways.each_ref().map(|ways| ways.as_ref().map(|(ways, _)| ways.clone()));
        ledger.apart = plan.ways.iter().flatten().map(|&(_, other)| address(other)).collect();
        let caps = plan.caps();
        ledger.sheds = caps.inflight.is_some();
        ledger.slows = caps.client.is_some();
        ledger.limited = Limited::new(&plan);
        ledger.makes_room = plan.most_clients > 0;
        ledger.body_limit = plan.body_limit;
        ledger.sticky = plan.sticky();
        ledger.retry_on = plan.retry_on();
        ledger.steady = (plan.fair && plan.is_steady()).then(|| plan.pool(Mode::Http).len());
        let early = |index: &usize| plan.backends[*index].http.is_some_and(|http| http.early > 0);
        let breaks = |index: &usize| plan.backends[*index].http.is_none() && plan.backends[*index].breaks > 0;
        let sound = |index: &usize| !early(index) && !breaks(index);
        let first = |mode| plan.pool(mode).first().copied().filter(|index| !infirm(mode) && sound(index));
        let firm = [Mode::Http, Mode::Tcp].into_iter().filter_map(first).collect();
        let terms = Terms {
            inflight: caps.inflight,
            elsewhere: !plan.retry_on().is_empty(),
            ejection: plan.judgement().0,
            pools: plan.pools(),
        };
        World {
            terms,
            backends: plan.backends.iter().enumerate().map(backend).collect(),
            coming: plan.clients.iter().map(|(at, ask)| (start + *at, ask.clone())).collect(),
            deeds: plan.deeds.iter().map(|&(at, index, deed)| (start + at, index, deed)).collect(),
            clients: Vec::new(),
            watching: plan.watchers.iter().map(|&(at, watching)| (start + at, watching)).collect(),
            watchers: Vec::new(),
            signals: plan.signals.iter().map(|&(at, signal)| (start + at, signal)).collect(),
            orders: plan.orders.iter().map(|&(at, index, order)| (start + at, index, order)).collect(),
            stop: plan.stop.map(|at| start + at),
            left: false,
            ordered: BTreeMap::new(),
            reloads: plan.reloads.iter().map(|&(at, reload)| (start + at, reload)).collect(),
            changes: Changes::default(),
            firm,
            told: Vec::new(),
            meters: Meters::default(),
            ledger,
            start,
            plan,
        }
    }

    /// Runs to the end of the world, or to the first violation.
    pub fn run(mut self, house: &mut impl House) -> Result<Report, String> {
        for (at, _) in &self.coming {
            house.net().alarm(*at);
        }
        for (at, ..) in &self.deeds {
            house.net().alarm(*at);
        }
        for (at, _) in &self.signals {
            house.net().alarm(*at);
        }
        for (at, ..) in &self.orders {
            house.net().alarm(*at);
        }
        for (at, _) in &self.reloads {
            house.net().alarm(*at);
        }
        for (at, _) in &self.watching {
            house.net().alarm(*at);
        }
        if let Some(at) = self.stop {
            house.net().alarm(at);
        }
        let mut news = true;
        while !self.over() && !self.left {
            if std::mem::replace(&mut news, false) {
                self.act(house.net());
                self.give_orders(house);
                self.reload(house)?;
            }
            self.turn(house)?;
            self.look_at_the_clock(house)?;
            news = house.net().news();
        }
        match self.ledger.leaving {
            Some(_) => self.leave(house)?,
            None => self.curtain(house)?,
        }
        let (hash, calls) = (house.net().trace_hash(), house.net().calls());
        Ok(Report { hash, calls, answered: self.ledger.answered, lost: self.ledger.lost })
    }

    fn over(&self) -> bool {
        let watched = !self.watching.is_empty() || !self.watchers.is_empty();
        self.coming.is_empty() && self.clients.is_empty() && self.stop.is_none() && !watched
    }

    fn turn(&mut self, house: &mut impl House) -> Result<(), String> {
        self.left |= house.turn().map_err(|error| format!("the loop ended: {error}"))?;
        if house.net().speaks() {
            self.tell(house);
        }
        house.check()?;
        if self.plan.seed.is_multiple_of(8) {
            self.meters.look(&*house)?; // it costs as much as all the rest
        }
        let (open, owned) = (house.net().open_sockets(), house.owned());
        if open != owned {
            return Err(format!("{open} sockets open, {owned} owned"));
        }
        if self.plan.most_clients > 0 && house.open() > self.plan.most_clients {
            return Err(format!("{} clients were let in", house.open()));
        }
        let barred = |index: usize| self.backends[index].vitals.barred || self.changes.removed.contains(&index);
        let now = house.net().now();
        self.ledger.limited.look(&self.plan, &*house, barred, now);
        self.ledger.limited.look_at_the_line(&*house)?;
        self.look_at_the_judgement(house)?;
        self.ledger.verdict()
    }

    /// What the operator wants, and what that means from now on.
    fn give_orders(&mut self, house: &mut impl House) {
        let now = house.net().now();
        for (_, index, order) in self.orders.extract_if(.., |(at, ..)| *at <= now) {
            house.net().remark(|| format!("backend {index}: {order:?}"));
            if self.changes.removed.contains(&index) {
                continue; // nobody knows it
            }
            house.order(index, order);
            self.ordered.entry(index).or_insert((Order::Enable, 1));
            if let Some((state, weight)) = self.ordered.get_mut(&index) {
                match order {
                    Order::Weight(new) => *weight = new,
                    other => *state = other,
                }
                let vitals = &mut self.backends[index].vitals;
                vitals.barred = *state != Order::Enable || *weight == 0;
                vitals.unasked = (*state == Order::Disable).then(|| vitals.unasked.unwrap_or(now));
            }
        }
    }

    /// Another configuration, and what that means from now on. Who leaves is not asked.
    fn reload(&mut self, house: &mut impl House) -> Result<(), String> {
        let now = house.net().now();
        for (_, reload) in self.reloads.extract_if(.., |(at, _)| *at <= now) {
            if self.ledger.leaving.is_some() {
                continue;
            }
            house.net().remark(|| format!("{reload:?}"));
            let was_gone = |index| self.changes.removed.contains(&index);
            let returns = matches!(reload, Reload::Return(index) if was_gone(index));
            self.changes.make(reload, &self.plan, house)?;
            match reload {
                Reload::Remove(index) => self.backends[index].vitals.remove(now),
                Reload::Return(index) if returns => {
                    self.ordered.remove(&index);
                    self.backends[index].vitals.renew(now);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Prints whose phase has changed.
    fn tell(&mut self, house: &mut impl House) {
        let told = house.describe();
        for line in told.iter().filter(|line| !self.told.contains(line)) {
            house.net().remark(|| line.clone());
        }
        self.told = told;
    }

    /// Property 6: no sick backend is picked while a healthy one exists, and who is sick is known for a reason.
    fn look_at_the_judgement(&mut self, house: &mut impl House) -> Result<(), String> {
        let now = house.net().now();
        for index in 0..self.backends.len() {
            let Some(seen) = house.backend(index) else { return Ok(()) };
            if self.terms.inflight.is_some_and(|most| seen.in_flight > most) {
                return Err(format!("backend {index} has {} in flight", seen.in_flight));
            }
            let failed = house.net().failures(&self.backends[index].place);
            let http = self.plan.backends[index].http.is_some();
            let vitals = &mut self.backends[index].vitals;
            vitals.failed(failed, now);
            let (was_up, had) = (vitals.up, std::mem::replace(&mut vitals.requests, seen.requests));
            vitals.looked_at(now).map_err(|what| format!("backend {index} was {what}"))?;
            if vitals.barred && seen.requests > had {
                return Err(format!("backend {index} gets no new work and was picked"));
            }
            if self.changes.removed.contains(&index) {
                vitals.up = seen.up;
                continue; // nobody judges it
            }
            // Who was turned down by the firm one, for a status that another is asked for, may go to anybody who is left.
            let elsewhere = http && self.terms.elsewhere;
            let enough = if seen.up { self.plan.rise } else { self.plan.fall };
            match http {
                true => vitals.judged(seen.up, enough).map_err(|what| format!("backend {index} was {what}"))?,
                false => vitals.up = seen.up, // a pass of a TCP probe leaves no mark
            }
            let beside = match self.terms.inflight {
                Some(_) => self.has_firm_in_beside(index), // one that is ejected and full leaves only who is down
                None => self.has_firm_beside(index),
            };
            if !was_up && !seen.up && seen.requests > had && !elsewhere && beside {
                return Err(format!("backend {index} is down and was picked"));
            }
            let was_out = self.look_at_the_ejection(index, seen.ejected, now)?;
            if was_out && seen.ejected && seen.requests > had && !elsewhere && self.has_firm_in_beside(index) {
                return Err(format!("backend {index} is ejected and was picked"));
            }
        }
        self.look_at_the_share(house)
    }

    /// Whether it was out already at the last look.
    fn look_at_the_ejection(&mut self, index: usize, out: bool, now: Time) -> Result<bool, String> {
        let errs = |habits: &Habits| habits.http.is_some_and(|http| http.statuses > 0);
        if out && self.plan.fair && !errs(&self.plan.backends[index]) {
            return Err(format!("backend {index} is ejected for nothing"));
        }
        match self.terms.ejection {
            None if out => Err(format!("backend {index} is ejected, which nobody asked for")),
            None => Ok(false),
            Some(terms) => {
                let was = self.backends[index].vitals.ejected(out, terms.base, now);
                was.map_err(|what| format!("backend {index} was {what}"))
            }
        }
    }

    /// No more of a pool are ejected than may be.
    fn look_at_the_share(&self, house: &impl House) -> Result<(), String> {
        let Some(terms) = self.terms.ejection else { return Ok(()) };
        for (_, pool) in &self.terms.pools {
            let out = pool.iter().filter(|&&index| house.backend(index).is_some_and(|seen| seen.ejected)).count();
            if out * 100 > terms.share as usize * pool.len() {
                return Err(format!("{out} of {} are ejected", pool.len()));
            }
        }
        Ok(())
    }

    /// Whether one of the same pool that never fails is up and was not ejected of late.
    fn has_firm_in_beside(&self, index: usize) -> bool {
        self.has_firm_beside(index) && self.firm.iter().all(|&firm| self.backends[firm].vitals.in_throughout)
    }

    /// Whether a backend of the same pool never fails and is known to be up.
    fn has_firm_beside(&self, index: usize) -> bool {
        let http = |index: usize| self.plan.backends[index].http.is_some();
        let beside = |&&firm: &&usize| {
            firm != index && !self.plan.is_apart(index) && http(firm) == http(index) && self.backends[firm].vitals.up
        };
        self.firm.iter().any(|firm| beside(&firm))
    }

    fn look_at_the_clock(&self, house: &mut impl House) -> Result<(), String> {
        let forgotten = house.net().silent() && !self.over();
        let late = house.net().now().since(self.start) > LONGEST;
        if forgotten || late {
            let who: Vec<_> = self.clients.iter().map(Client::connection).collect();
            return Err(format!("clients on connections {who:?} wait for ever"));
        }
        Ok(())
    }

    fn act(&mut self, sim: &mut Sim) {
        let now = sim.now();
        let mut cue = Cue { sim, ledger: &mut self.ledger, now };
        if self.stop.take_if(|at| *at <= now).is_some() {
            cue.sim.signal(Signal::Stop);
            cue.ledger.leaving = Some(now);
            cue.ledger.hurry = self.plan.hurry.map(|span| later(&mut cue, span));
        }
        if cue.ledger.hurry.is_some_and(|at| at <= now) && !cue.ledger.hurried {
            cue.sim.signal(Signal::Stop);
            (cue.ledger.hurried, cue.ledger.amnesty) = (true, [true; 2]);
        }
        for (_, signal) in self.signals.extract_if(.., |(at, _)| *at <= now) {
            cue.sim.signal(signal);
        }
        for (_, index, deed) in self.deeds.extract_if(.., |(at, ..)| *at <= now) {
            self.backends[index].suffer(deed, &mut cue);
        }
        for (_, ask) in self.coming.extract_if(.., |(at, _)| *at <= now) {
            let client = match ask {
                Coming::Tcp(ask) => Client::Tcp(TcpClient::new(cue.dial(Mode::Tcp), ask, &mut cue).greeting(&mut cue)),
                Coming::Http(ask) => Client::Http(HttpClient::new(ask, &mut cue)),
                Coming::Upgrade(ask) => Client::Upgrade(UpgradeClient::new(ask, &mut cue)),
            };
            self.clients.push(client);
        }
        for backend in &mut self.backends {
            backend.act(&mut cue);
        }
        self.clients.retain_mut(|client| !client.act(&mut cue));
        for (_, watching) in self.watching.extract_if(.., |(at, _)| *at <= now) {
            self.watchers.push(Watcher::new(watching, &mut cue));
        }
        self.watchers.retain_mut(|watcher| !watcher.act(&mut cue));
    }

    /// It was told to leave: all it still does has to be over when the time for that is.
    fn leave(&mut self, house: &mut impl House) -> Result<(), String> {
        let end = self.ledger.leaving.unwrap_or(self.start) + DRAIN + Duration::from_millis(10);
        let end = self.ledger.hurry.map_or(end, |at| end.min(at + Duration::from_millis(10)));
        while !self.left && house.net().now() <= end {
            house.net().alarm(end + Duration::from_millis(1));
            self.act(house.net());
            self.turn(house)?;
        }
        match (self.left, house.open()) {
            (true, 0) => Ok(()),
            (left, open) => Err(format!("told to leave: left {left}, {open} sessions open")),
        }
    }

    /// All clients are gone. What they left must end by itself, and the house be empty.
    fn curtain(&mut self, house: &mut impl House) -> Result<(), String> {
        for _ in 0..MOST_SILENCES {
            let gone = house.open() == 0; // or who goes last may leave a pooled connection
            let end = house.net().now() + SILENCE;
            house.net().alarm(end);
            while house.net().now() < end && !house.net().silent() {
                self.act(house.net());
                self.turn(house)?;
            }
            if gone && house.open() == 0 {
                break;
            }
        }
        self.look_into_the_empty_house(house)
    }

    fn look_into_the_empty_house(&self, house: &mut impl House) -> Result<(), String> {
        let now = house.net().now();
        for (index, backend) in self.backends.iter().enumerate() {
            let Some(seen) = house.backend(index) else { break };
            let habits = &self.plan.backends[index];
            let breaks_probes = habits.http.is_none() && habits.breaks > 0; // connections without a word as well
            let unasked = backend.vitals.unasked.is_some();
            let wrong = match seen.up {
                _ if unasked => false, // nobody asks
                true => self.plan.probes && backend.vitals.is_ill_for(JUDGED, now),
                false => self.plan.probes && !breaks_probes && backend.vitals.is_well_for(JUDGED, now),
            };
            if wrong || seen.ejected || seen.in_flight > 0 {
                return Err(format!("at the end backend {index} is taken for {seen:?}"));
            }
        }
        let probing = if self.plan.probes { self.backends.len() } else { 0 };
        let (open, lent, owned) = (house.open(), house.lent(), house.owned());
        match open == 0 && lent <= 2 * probing && owned <= house.doors() + probing {
            true => self.look_at_the_lame_one(house).and_then(|()| self.look_at_the_rotation()),
            false => Err(format!("after the end {open} sessions, {lent} buffers, {owned} sockets")),
        }
    }

    /// Who refuses everybody had its turn as often as any other, and no oftener.
    fn look_at_the_lame_one(&self, house: &impl House) -> Result<(), String> {
        let Some(lame) = self.plan.lame else { return Ok(()) };
        let requests = |&index: &usize| house.backend(index).map_or(0, |seen| seen.requests);
        let pool = self.plan.pool(Mode::Http);
        let (all, its) = (pool.iter().filter(|&&index| index != lame).map(requests).sum::<u64>(), requests(&lame));
        let share = all / pool.len() as u64;
        match its == share || its == share + 1 {
            true => Ok(()),
            false => Err(format!("backend {lame} refuses and was picked {its} times of {all}")),
        }
    }

    /// Where nothing failed, requests went round exactly.
    fn look_at_the_rotation(&self) -> Result<(), String> {
        let by_turns = self.plan.policy().0 == PolicyName::RoundRobin;
        let goes_round = by_turns && self.plan.is_steady() && self.plan.sticky().is_none();
        let pool = self.plan.pool(Mode::Http);
        let had: Vec<_> = pool.iter().map(|&index| self.ledger.had(self.backends[index].at)).collect();
        match (had.iter().max(), had.iter().min()) {
            (Some(most), Some(least)) if goes_round && self.plan.fair && !self.ledger.hasty && most - least > 1 => {
                Err(format!("the backends had {had:?} requests"))
            }
            _ => Ok(()),
        }
    }
}
