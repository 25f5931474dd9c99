//! Going over to another configuration while everything runs: all or nothing, and only as far as the two differ.
//!
//! What can fail comes first: congestion controls are asked for, and listeners are opened beside those that are there. Then nothing fails any more. Who stays is
//! known by name: a pool, and in it a backend with its address; a listener with its mode; a listening socket by where it
//! was asked to listen. Whatever stays keeps all it has: connections, health, counters, what an operator has ordered.
//! What is gone finishes: a backend what it has under way, a listener's clients their next request, which is answered
//! with `Connection: close`. Starting is going over from nothing.
//!
//! The tables of backends do their part in [`balance::change`](crate::balance::change). Reading the new configuration is
//! the caller's, off the loop: [`Turned::Reload`](super::Turned::Reload) asks for it.

use super::Proxy;
use super::context::{Context, Owner, Routing, Service};
use super::crowd::Crowd;
use super::door::Door;
use crate::balance::change::{Changed, Mentioned};
use crate::balance::{BackendId, PoolId};
use crate::base::Address;
use crate::config::{Config, Listener, Mode, Pool};
use crate::net::Net;
use std::collections::BTreeSet;
use std::{fmt, io};

/// How much became different.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Listening sockets opened and closed.
    pub doors: [usize; 2],
    /// Pools added, changed and removed.
    pub pools: [usize; 3],
    /// Backends added and removed.
    pub backends: [usize; 2],
}

/// A listening socket as it is to be: for the listener of this number in the new configuration, or the status API.
struct Planned {
    of: Option<usize>,
    door: Come,
}

enum Come {
    /// It stands in this row.
    Stays(usize),
    New(Door),
}

impl<N: Net> Proxy<N> {
    /// Goes over to the configuration that was read, if it could be. Errors, in words: it could not, we are leaving, or an
    /// address is taken or not ours; then everything is as it was.
    pub fn reload(&mut self, read: Result<&Config, String>) -> Result<Summary, String> {
        let outcome = read.and_then(|config| match self.cx.draining {
            true => Err("this process is leaving".into()),
            false => self.adopt(config).map_err(|error| error.to_string()),
        });
        match &outcome {
            Ok(summary) => {
                self.cx.stats.reloads += 1;
                log::warn!("reloaded: {summary}");
            }
            Err(why) => {
                self.cx.stats.reloads_refused += 1;
                log::error!("not reloaded, the configuration stays as it is: {why}");
            }
        }
        self.answer_askers(&outcome.as_ref().map(Summary::to_string).map_err(Clone::clone));
        outcome
    }

    pub(super) fn adopt(&mut self, config: &Config) -> io::Result<Summary> {
        self.forget_gone();
        self.check_congestion(config)?;
        let planned = self.plan_doors(config)?;
        let mut summary = Summary::default();
        let pools = self.adopt_pools(config, &mut summary);
        let listeners = self.adopt_listeners(config, &pools);
        self.adopt_doors(planned, config, &listeners, &mut summary);
        self.cx.unasked = config.admin.is_empty();
        self.cx.timeouts = config.timeouts;
        if self.cx.guard.token != config.guard.token {
            self.turn_away_all(); // whoever still may comes again
        }
        self.cx.guard = config.guard.clone();
        self.cx.limits = config.limits;
        self.cx.fit_buffers();
        self.room.fit(&config.limits);
        if !config.admin.is_empty() {
            self.cx.receipts.keep();
        }
        self.tell_budgets(config, &pools);
        self.config = config.clone();
        Ok(summary)
    }

    /// Frees the rows of backends that left earlier, as far as nobody speaks of them.
    fn forget_gone(&mut self) {
        let mut mentioned = Mentioned::default();
        self.sessions.iter().for_each(|(_, session)| session.mention(&mut mentioned));
        for (routing, _) in self.cx.routing.iter().zip(&self.cx.crowds).filter(|(_, crowd)| !crowd.is_empty()) {
            let routes = routing.routes.iter().map(|route| PoolId(route.pool as u16)); // who is inside may still ask
            mentioned.pools.extend(routes.chain(routing.pool));
        }
        let freed = self.cx.backends.forget_gone(&mentioned);
        freed.iter().for_each(|&id| self.cx.let_rest(id)); // whose pool went before it may have left something open
        self.cx.receipts.forget(&freed);
    }

    /// Errors: the kernel has no congestion control of a name that is asked for.
    fn check_congestion(&mut self, config: &Config) -> io::Result<()> {
        let of_listeners = config.listeners.iter().map(|listener| ("listener", &listener.name, &listener.congestion));
        let of_pools = config.pools.iter().map(|pool| ("pool", &pool.name, &pool.congestion));
        for (what, name, congestion) in of_listeners.chain(of_pools) {
            let Some(congestion) = congestion else { continue };
            self.cx.net.knows_congestion(congestion).map_err(|error| {
                let what = format!("{what} {name}: congestion = {congestion:?} cannot be had: {error}");
                io::Error::other(format!("{what}; `sysctl net.ipv4.tcp_available_congestion_control` lists what can"))
            })?;
        }
        Ok(())
    }

    /// Which sockets stay and which are new: those are opened. Errors: one cannot be, and none is.
    fn plan_doors(&mut self, config: &Config) -> io::Result<Vec<Planned>> {
        let mut planned: Vec<Planned> = Vec::new();
        let mut taken = BTreeSet::new();
        for (of, at) in wanted(config) {
            let stays = |(row, door): &(usize, &Door)| door.asked == *at && !taken.contains(row);
            if let Some((row, _)) = self.doors.iter().enumerate().find(stays) {
                taken.insert(row);
                planned.push(Planned { of, door: Come::Stays(row) });
                continue;
            }
            match Door::open(at, hears_first(config, of), &mut self.cx) {
                Ok(door) => planned.push(Planned { of, door: Come::New(door) }),
                Err(error) => {
                    let opened =
                        planned.iter().filter_map(|it| if let Come::New(door) = &it.door { Some(door) } else { None });
                    opened.for_each(|door| self.cx.close(door.sock));
                    return Err(error);
                }
            }
        }
        Ok(planned)
    }

    /// The row of each pool of the new configuration.
    fn adopt_pools(&mut self, config: &Config, summary: &mut Summary) -> Vec<PoolId> {
        let starts = self.config.pools.is_empty();
        for gone in self.config.pools.iter().filter(|was| config.pools.iter().all(|is| is.name != was.name)) {
            let Some(id) = self.cx.backends.find_pool(&gone.name) else { continue };
            self.cx.backends.remove_pool(id);
            let members: Vec<BackendId> = self.cx.backends.pool(id).members().collect();
            members.iter().for_each(|&id| self.cx.let_rest(id));
            members.iter().for_each(|&id| self.prober.forget(id, &mut self.cx));
            log::warn!("pool {} is removed", gone.name);
            summary.pools[2] += 1;
        }
        let adopt = |pool: &Pool| {
            let was = self.config.pools.iter().find(|was| was.name == pool.name);
            let (id, changed) = match (self.cx.backends.find_pool(&pool.name), was) {
                (Some(id), Some(was)) if was == pool => return id,
                (Some(id), Some(was)) => {
                    summary.pools[1] += 1;
                    (id, self.cx.backends.change_pool(id, was, pool, self.cx.now))
                }
                _ => {
                    summary.pools[0] += 1;
                    self.cx.backends.add_pool(pool, self.cx.now)
                }
            };
            self.cx.queues.set(id, pool.queue);
            summary.backends[0] += changed.added.len();
            summary.backends[1] += changed.removed.len();
            changed.gone().for_each(|id| self.prober.forget(id, &mut self.cx));
            self.cx.follow_change(&changed, !starts);
            id
        };
        let rows = config.pools.iter().map(adopt).collect();
        self.cx.tallies.fit(self.cx.backends.pools().count());
        rows
    }

    /// The row of each listener of the new configuration.
    fn adopt_listeners(&mut self, config: &Config, pools: &[PoolId]) -> Vec<u16> {
        self.cx.routing.iter_mut().for_each(|routing| routing.leaving = true);
        let mut renewed = Vec::new();
        let mut adopt = |listener: &Listener| {
            let routing = Routing::of(listener, pools);
            let same = |it: &Routing| (it.mode, &it.name) == (routing.mode, &routing.name);
            match self.cx.routing.iter().position(same) {
                Some(row) => {
                    self.cx.routing[row] = routing;
                    if self.cx.crowds[row].change(listener, &mut self.chance) {
                        renewed.push(row as u16);
                    }
                    row as u16
                }
                None => {
                    self.cx.routing.push(routing);
                    self.cx.crowds.push(Crowd::new(listener, &mut self.chance));
                    self.cx.routing.len() as u16 - 1
                }
            }
        };
        let rows = config.listeners.iter().map(&mut adopt).collect();
        self.sessions.iter().for_each(|(_, session)| session.count_anew(&renewed, &mut self.cx));
        rows
    }

    fn adopt_doors(&mut self, planned: Vec<Planned>, config: &Config, listeners: &[u16], summary: &mut Summary) {
        let mut before: Vec<Option<Door>> = self.doors.drain(..).map(Some).collect();
        for (row, Planned { of, door }) in (0..).zip(planned) {
            let mut door = match door {
                Come::New(door) => {
                    summary.doors[0] += 1;
                    door
                }
                Come::Stays(row) => match before.get_mut(row).and_then(Option::take) {
                    Some(door) => door,
                    None => continue, // each stays once
                },
            };
            door.service = of.map_or(Service::Admin, |of| match config.listeners[of].mode {
                Mode::Http => Service::Http(listeners[of]),
                Mode::Tcp => Service::Tcp(listeners[of]),
            });
            door.defer(hears_first(config, of), &mut self.cx);
            let congestion = of.and_then(|of| config.listeners.get(of)?.congestion.as_deref());
            door.pace(congestion, &mut self.cx);
            self.cx.own(door.sock, Owner::Door(row));
            self.doors.push(door);
        }
        for door in before.into_iter().flatten() {
            log::info!("no longer listening on {}", door.address);
            self.cx.close(door.sock);
            summary.doors[1] += 1;
        }
        self.tell_doors();
    }
}

impl<N: Net> Context<N> {
    /// What befalls connections, probes and the log when backends have come and gone. `aloud`: those that have come are told.
    pub(super) fn follow_change(&mut self, changed: &Changed, aloud: bool) {
        for &id in &changed.added {
            self.probe_soon(id);
            let backend = self.backends.get(id);
            if aloud {
                log::warn!("backend {} is added to pool {}", backend.name, self.backends.pool(backend.pool).name);
            }
        }
        for &id in &changed.removed {
            self.empty(id, "is removed");
            self.let_rest(id);
        }
        for &id in &changed.asked_otherwise {
            self.probes_due.drop(id.0);
            self.close_idle(id);
            self.probe_soon(id);
        }
        changed.released.iter().for_each(|id| self.ejections_due.drop(id.0));
        changed.reweighed.iter().for_each(|&id| self.tell_weight(id));
    }

    /// It is probed at the end of this turn, if at all.
    fn probe_soon(&mut self, id: BackendId) {
        let backend = self.backends.get(id);
        if backend.is_probed() && self.backends.pool(backend.pool).probing.is_on() {
            self.probes_due.set(id.0, self.now);
        }
    }

    /// Nobody asks how it is, and what is kept open to it is closed.
    fn let_rest(&mut self, id: BackendId) {
        self.probes_due.drop(id.0);
        self.ejections_due.drop(id.0);
        self.close_idle(id);
    }
}

/// Where to listen, and for whom: the listeners in order, then the status API.
fn wanted(config: &Config) -> impl Iterator<Item = (Option<usize>, &Address)> {
    let of = |(number, listener): (usize, &'_ Listener)| (number, listener.bind.len());
    let numbers =
        config.listeners.iter().enumerate().map(of).flat_map(|(number, count)| std::iter::repeat_n(number, count));
    let listeners = numbers.map(Some).zip(config.listeners.iter().flat_map(|listener| &listener.bind));
    listeners.chain(config.admin.iter().map(|at| (None, at)))
}

/// Whether nothing is to be said to a client there before it has spoken.
fn hears_first(config: &Config, of: Option<usize>) -> bool {
    let listener = of.and_then(|number| config.listeners.get(number));
    listener.is_none_or(|listener| listener.mode == Mode::Http || listener.preface.is_read())
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { doors: [opened, closed], pools: [added, changed, removed], backends: [come, gone] } = self;
        write!(
            f,
            "listeners: {opened} opened, {closed} closed; pools: {added} added, {changed} changed, {removed} removed; \
             backends: {come} added, {gone} removed"
        )
    }
}
