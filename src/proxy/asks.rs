//! What is asked on the admin address and only the whole house can do: to go over to another configuration, be it the
//! file's or this one with a backend more or less.
//!
//! The session that brings it [waits](super::phase::Phase::Asking) without an answer. Its wish is looked at when it has
//! been driven: what the loop can do or show is done then, and what has to be read first is answered when that has been tried.

use super::Proxy;
use super::session::Session;
use crate::admin::{self, Ask, Page};
use crate::balance::{BackendId, Order, PoolId};
use crate::config;
use crate::http::Status;
use crate::net::Net;

/// Who waits for an answer: a session's row, and the id of its request, since rows have other sessions later.
pub type Asker = (u32, u128);

impl<N: Net> Proxy<N> {
    /// Looks at what was asked since the last time.
    #[inline]
    pub(super) fn attend(&mut self) {
        if !self.cx.asks.is_empty() {
            self.attend_to_asks();
        }
    }

    #[cold]
    fn attend_to_asks(&mut self) {
        for (asker, ask) in std::mem::take(&mut self.cx.asks) {
            match ask {
                Ask::Look(slot) => {
                    let page = self.show_slot(slot);
                    self.answer(asker, &page);
                }
                _ if self.cx.draining => self.answer(asker, &Page::text(Status(503), "this process is leaving\n")),
                Ask::Reload => {
                    self.askers.push(asker);
                    self.asked_to_reload = true;
                }
                Ask::Add(pool, backend) => {
                    let page = self.add(pool, backend);
                    self.answer(asker, &page);
                }
                Ask::Remove(backends) => {
                    let page = self.remove(&backends);
                    self.answer(asker, &page);
                }
            }
        }
    }

    /// Tells whoever asked for the configuration to be read again what came of it.
    pub(super) fn answer_askers(&mut self, outcome: &Result<String, String>) {
        let page = match outcome {
            Ok(done) => Page::text(Status(200), &format!("reloaded: {done}\n")),
            Err(why) => Page::text(Status(400), &format!("not reloaded, the configuration stays as it is: {why}\n")),
        };
        for asker in std::mem::take(&mut self.askers) {
            self.answer(asker, &page);
        }
    }

    fn answer(&mut self, (row, id): Asker, page: &Page) {
        let Some(session) = self.sessions.get_mut(row as usize) else { return };
        if Session::tell(session, id, page, &mut self.cx) {
            let next = session.drive(&mut self.cx);
            self.follow(row, next);
        }
    }

    fn add(&mut self, pool: PoolId, backend: config::Backend) -> Page {
        let (name, pool) = (backend.name.clone(), self.cx.backends.pool(pool).name.clone());
        let mut config = self.config.clone();
        let Some(of) = config.pools.iter_mut().find(|it| it.name == pool) else { return gone(&pool) };
        if of.backends.iter().any(|it| it.name == name || it.address == backend.address) {
            return Page::text(Status(409), &format!("{name} is in pool {pool} already\n"));
        }
        of.backends.push(backend);
        self.go_over(&config).unwrap_or_else(|| {
            let members = self.cx.backends.find_pool(&pool).map(|id| self.cx.backends.pool(id).members());
            let added = members.into_iter().flatten().filter(|&id| self.cx.backends.get(id).name == name);
            admin::backends(&added.collect::<Vec<_>>(), &self.cx.view())
        })
    }

    /// Each from its pool, or none.
    fn remove(&mut self, backends: &[(BackendId, String)]) -> Page {
        let mut config = self.config.clone();
        for (id, name) in backends {
            let backend = self.cx.backends.get(*id);
            if backend.name != *name || backend.order() == Order::Leave {
                return Page::text(Status(404), &format!("{name} is not there any more\n")); // since this turn began
            }
            let pool = &self.cx.backends.pool(backend.pool).name;
            let Some(of) = config.pools.iter_mut().find(|it| it.name == *pool) else { return gone(pool) };
            of.backends.retain(|it| !backend.is(it));
            if of.backends.is_empty() {
                let what = format!("{} is the last one of pool {pool}: add another first, or drain it\n", backend.name);
                return Page::text(Status(409), &what);
            }
        }
        let ids: Vec<BackendId> = backends.iter().map(|(id, _)| *id).collect();
        self.go_over(&config).unwrap_or_else(|| admin::backends(&ids, &self.cx.view()))
    }

    /// Goes over to it; what is wrong with it, if it cannot be.
    fn go_over(&mut self, config: &config::Config) -> Option<Page> {
        self.adopt(config).err().map(|error| Page::text(Status(500), &format!("{error}\n")))
    }
}

fn gone(pool: &str) -> Page {
    Page::text(Status(404), &format!("there is no pool {pool}\n"))
}
