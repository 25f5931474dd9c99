//! The table of backends and the pools they stand in: who is picked, and what happens to who was.
//!
//! One row is a [`Backend`], a run of them a [`Pool`]. Counters live with the backend and not with a policy, so that they survive a change of policy. What is in flight
//! changes by [`Backends::begin`] and [`Backends::end`], cheaply; whatever else changes through [`Backends::get_mut`]
//! makes the policy look at its pool anew before the next pick, so nobody can forget to tell it. Nothing here opens a
//! connection.

use super::backend::{Backend, BackendId};
use super::ejection::{self, Sentence, Served};
use super::key;
use super::members::Members;
use super::policy::{Choice, Load};
use super::pool::{Pool, PoolId};
use super::room::{Outlook, Room};
use crate::base::{Peer, Rng, Time};
use crate::config;
use crate::http::{self, Request, SetCookie};
use std::time::Duration;

/// What a request asks of a pick.
#[derive(Debug, Default, Clone, Copy)]
pub struct Wanted<'a> {
    /// Backends that were tried for it in vain.
    pub tried: &'a [BackendId],
    /// One was picked for it before, so the rotation does not advance.
    pub again: bool,
    /// See [`Backends::key`].
    pub key: u64,
    /// See [`Backends::stuck`].
    pub stuck: Option<BackendId>,
    /// The moment.
    pub now: Time,
}

/// All backends of one loop, pool by pool.
pub struct Backends {
    pub(super) table: Vec<Backend>,
    pub(super) pools: Vec<Pool>,
    /// See [`Backends::take_relief`].
    pub(super) relief: bool,
    /// Rows of backends that are in no pool any more, and rows that are nobody's.
    pub(super) departing: Vec<u32>,
    pub(super) free: Vec<u32>,
    /// Where new policies have their chance from.
    pub(super) rng: Rng,
}

impl Backends {
    /// The table that a configuration describes, every backend unproven. `seed` decides what policies leave to chance.
    pub fn new(pools: &[config::Pool], seed: u64) -> Backends {
        let mut all = Backends {
            table: Vec::new(),
            pools: Vec::new(),
            relief: false,
            departing: Vec::new(),
            free: Vec::new(),
            rng: Rng::new(!seed), // others use the seed as it is
        };
        pools.iter().for_each(|pool| drop(all.add_pool(pool, Time(0))));
        all
    }

    /// One backend. Ids come from this table, and rows are for life: see [`super::change`].
    pub fn get(&self, id: BackendId) -> &Backend {
        &self.table[id.0 as usize]
    }

    /// One backend, to be changed. Not for what happens at each request: before the next pick, the policy looks at the
    /// whole pool anew.
    pub fn get_mut(&mut self, id: BackendId) -> &mut Backend {
        let backend = &mut self.table[id.0 as usize];
        self.pools[usize::from(backend.pool.0)].stale = true;
        self.relief = true;
        backend
    }

    /// An exchange or tunnel begins there.
    pub fn begin(&mut self, id: BackendId) {
        let backend = &mut self.table[id.0 as usize];
        backend.in_flight += 1;
        backend.requests += 1;
        if backend.is_full() {
            self.filled(id);
        }
        let backend = &self.table[id.0 as usize];
        if self.pools[usize::from(backend.pool.0)].heeds_load {
            self.moved(id, |load| load + 1);
        }
    }

    /// A connection to it stands, and that took so long.
    pub fn connected(&mut self, id: BackendId, took: Duration) {
        let backend = &mut self.table[id.0 as usize];
        (backend.connects, backend.connecting) = (backend.connects + 1, backend.connecting.saturating_add(took));
    }

    /// The head of its response has come, so long after the request was its own.
    #[inline]
    pub fn answered(&mut self, id: BackendId, took: Duration) {
        self.table[id.0 as usize].latency.note(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// It is over.
    pub fn end(&mut self, id: BackendId) {
        let backend = &mut self.table[id.0 as usize];
        let was_full = backend.is_full();
        backend.in_flight -= 1;
        if was_full && !backend.is_full() {
            self.emptied(id);
        }
        let backend = &self.table[id.0 as usize];
        if self.pools[usize::from(backend.pool.0)].heeds_load {
            self.moved(id, |load| load - 1);
        }
    }

    /// Not inlined: most policies have no use for it, and they pay for one look only.
    #[inline(never)]
    fn moved(&mut self, id: BackendId, change: fn(u64) -> u64) {
        let backend = &self.table[id.0 as usize];
        let pool = &mut self.pools[usize::from(backend.pool.0)];
        if pool.stale {
            return; // it looks at everything before the next pick
        }
        if backend.takes_work() {
            pool.load.in_flight = change(pool.load.in_flight);
        }
        pool.policy.moved(backend.row as usize, Members::new(&self.table, &pool.members));
    }

    /// Every backend of a pool with its id, pool by pool.
    pub fn iter(&self) -> impl Iterator<Item = (BackendId, &Backend)> {
        self.pools.iter().flat_map(|pool| pool.members()).map(|id| (id, self.get(id)))
    }

    /// One pool.
    pub fn pool(&self, id: PoolId) -> &Pool {
        &self.pools[usize::from(id.0)]
    }

    /// Every pool with its backends.
    pub fn pools(&self) -> impl Iterator<Item = (&Pool, Members<'_>)> {
        self.pools.iter().map(|pool| (pool, Members::new(&self.table, &pool.members)))
    }

    /// What a request is known by in this pool, made of it only if the policy asks. In a tunnel there is no request.
    pub fn key(&self, pool: PoolId, request: Option<&Request<'_, '_>>, client: Peer) -> u64 {
        match (&self.pool(pool).hash, request) {
            (None, _) => 0,
            (Some(on), Some(request)) => key::of_request(request, on, client),
            (Some(_), None) => key::of_client(client),
        }
    }

    /// The backend to which the client of a request comes back, as its cookie says.
    pub fn stuck(&self, pool: PoolId, request: &Request<'_, '_>) -> Option<BackendId> {
        let Pool { sticky, members, .. } = self.pool(pool);
        let sticky = sticky.as_ref()?;
        let row = sticky.row(http::cookie::find(request, sticky.cookie())?)?;
        members.get(row).map(|&row| BackendId(row))
    }

    /// What the client is told with a response of this backend, so that it comes back; its cookie names `stuck`.
    #[inline]
    pub fn tell_client(&self, id: BackendId, stuck: Option<BackendId>) -> Option<SetCookie<'_>> {
        let row = |id: BackendId| self.get(id).row as usize;
        self.pool(self.get(id).pool).sticky.as_ref()?.tell(row(id), stuck.map(row))
    }

    /// There is a request for this pool.
    #[inline]
    pub fn asked(&mut self, pool: PoolId) {
        self.pools[usize::from(pool.0)].retries.earn();
    }

    /// Whether a request may be sent once more; if so, that is paid for.
    pub fn may_retry(&mut self, pool: PoolId) -> bool {
        self.pools[usize::from(pool.0)].retries.spend()
    }

    /// Whether anybody is left who was not tried and may be: if `fit`, only who takes work counts.
    pub fn is_left(&self, pool: PoolId, tried: &[BackendId], fit: bool) -> bool {
        let may = |id: BackendId| if fit { self.get(id).takes_work() } else { self.get(id).may_work() };
        self.pool(pool).members().any(|id| may(id) && !tried.contains(&id))
    }

    /// Live traffic says how a backend has served. The verdict if it is ejected for it: whoever hears it is to call
    /// [`Backends::release`] when it is over.
    pub fn served(&mut self, id: BackendId, how: Served, now: Time) -> Option<Sentence> {
        let backend = &mut self.table[id.0 as usize];
        let due = backend.ejection.as_mut()?.served(how, now);
        if !due || !backend.takes_work() || !self.may_eject(id) {
            return None;
        }
        let backend = self.get_mut(id); // whose policy has to know
        (backend.ejected, backend.ejections) = (true, backend.ejections + 1);
        Some(backend.ejection.as_mut()?.eject(now))
    }

    /// Whether its pool bears one more to be out.
    fn may_eject(&self, id: BackendId) -> bool {
        let pool = self.pool(self.get(id).pool);
        let all = || Members::new(&self.table, &pool.members).iter();
        let counted = all().filter(|backend| backend.may_work()).count();
        let out = all().filter(|backend| backend.ejected).count(); // who may not work now may be back meanwhile
        pool.ejection.is_some_and(|terms| out < ejection::most(terms.share, counted))
    }

    /// An ejection is over: how long it was.
    pub fn release(&mut self, id: BackendId, now: Time) -> Option<Duration> {
        let backend = self.get_mut(id);
        let out = backend.ejection.as_mut()?.release(now)?;
        backend.ejected = false;
        self.returned(id, now);
        Some(out)
    }

    /// It was excluded and takes work again: slowly at first, if that is asked for.
    pub fn returned(&mut self, id: BackendId, now: Time) {
        let backend = &self.table[id.0 as usize];
        let pool = &mut self.pools[usize::from(backend.pool.0)];
        if backend.takes_work() {
            pool.slow_start.returned(backend.row as usize, now);
            pool.stale = true;
        }
    }

    /// Picks a backend of `pool` that is not full; nothing: see [`Backends::outlook`]. While one is left that takes work,
    /// full or not, only such are picked; when none is left, those
    /// that are excluded are tried as well, each once, the ejected before those that are down, but never one that may
    /// not work.
    pub fn pick(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        if let Some(id) = wanted.stuck
            && self.get(id).takes_work()
            && !self.get(id).is_full()
            && !wanted.tried.contains(&id)
        {
            return Some(id); // nobody's turn goes by
        }
        if self.pools[usize::from(pool.0)].stale {
            self.look_anew(pool);
        }
        if wanted.tried.is_empty() && self.is_busy(pool) {
            return None; // nobody is asked one by one
        }
        if !self.pools[usize::from(pool.0)].slow_start.is_idle() {
            return self.pick_warm(pool, wanted);
        }
        let picked = self.choose(pool, wanted, &|backend, _| backend.takes_work());
        picked.or_else(|| self.choose_unfit(pool, wanted))
    }

    /// While somebody is warming: those that are warm enough for this pick, then everybody.
    #[inline(never)]
    fn pick_warm(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        let row = &mut self.pools[usize::from(pool.0)];
        let (whole, cold) = (row.load, row.slow_start.cold(wanted));
        row.load.weight = whole.weight.saturating_sub(row.slow_start.weight());
        let picked = self.choose(pool, wanted, &|backend, row| backend.takes_work() && !cold.contains(&row));
        let picked = picked.or_else(|| self.choose(pool, wanted, &|backend, _| backend.takes_work()));
        let row = &mut self.pools[usize::from(pool.0)];
        row.load = whole;
        if let Some(id) = picked {
            row.slow_start.picked(self.table[id.0 as usize].row as usize);
        }
        picked.or_else(|| self.choose_unfit(pool, wanted))
    }

    /// Nobody is left that takes work: whose probes pass, at least, then anybody.
    #[cold]
    fn choose_unfit(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        if self.outlook(pool, wanted.tried) == Outlook::Busy {
            return None; // it is better off waiting
        }
        let picked = self.choose(pool, wanted, &|backend, _| backend.is_up() && backend.may_work());
        picked.or_else(|| self.choose(pool, wanted, &|backend, _| backend.may_work()))
    }

    /// What the policy picks of those that may be, and were not tried yet.
    #[inline]
    fn choose(
        &mut self,
        pool: PoolId,
        wanted: &Wanted<'_>,
        may: &impl Fn(&Backend, usize) -> bool,
    ) -> Option<BackendId> {
        let Pool { members, policy, load, .. } = &mut self.pools[usize::from(pool.0)];
        let backends = Members::new(&self.table, members);
        let untried = |row: usize| {
            wanted.tried.is_empty() || members.get(row).is_some_and(|&row| !wanted.tried.contains(&BackendId(row)))
        };
        let may = |row: usize| {
            backends.get(row).is_some_and(|backend| !backend.is_full() && may(backend, row)) && untried(row)
        };
        let (again, key, load) = (wanted.again, wanted.key, *load);
        let picked = policy.pick(&Choice { backends, may: &may, again, key, load });
        picked.and_then(|row| members.get(row)).map(|&row| BackendId(row))
    }

    /// A backend may have changed in more than what is in flight.
    #[inline(never)]
    pub(super) fn look_anew(&mut self, pool: PoolId) {
        let Pool { members, policy, load, stale, heeds_load, slow_start, room, .. } =
            &mut self.pools[usize::from(pool.0)];
        let backends = Members::new(&self.table, members);
        policy.learn(backends);
        slow_start.learn(backends);
        *room = Room::of(backends);
        (*stale, *load) = (false, if *heeds_load { Load::of(backends) } else { *load });
    }
}
