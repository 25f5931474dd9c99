//! What is going on, for a human: who listens where, what each session does, the whole state on request.

use super::Proxy;
use super::context::{Routing, Service};
use super::exchange::Exchange;
use super::session::Session;
use crate::balance::PoolId;
use crate::balance::budget::Budget;
use crate::config::Config;
use crate::net::Net;

impl<N: Net> Proxy<N> {
    /// Says where it listens, and what each address leads to.
    pub(super) fn tell_doors(&mut self) {
        self.cx.listeners.clear();
        for row in 0..self.doors.len() {
            let door = &self.doors[row];
            let leads_to = match door.service {
                Service::Admin => "admin".into(),
                Service::Tcp(number) => self.lead("tcp", &self.cx.routing[usize::from(number)]),
                Service::Http(number) => self.lead("http", &self.cx.routing[usize::from(number)]),
            };
            if !door.told {
                log::info!("listening on {} ({leads_to})", door.address);
            }
            self.cx.listeners.push((door.address.clone(), leads_to));
            self.doors[row].told = true;
        }
    }

    fn lead(&self, mode: &str, routing: &Routing) -> String {
        let routes = match routing.routes.len() {
            0 => None,
            1 => Some("1 route".to_string()),
            several => Some(format!("{several} routes")),
        };
        let pool = routing.pool.map(|pool| format!("pool {}", self.cx.backends.pool(pool).name));
        let parts: Vec<String> = [mode.to_string()].into_iter().chain(routes).chain(pool).collect();
        parts.join(", ")
    }

    /// The memory that clients cost while they are idle, in bytes: their sessions, the owners and deadlines of their
    /// sockets, as far as these tables are in use; the room they grew beyond that was never touched. A busy client has
    /// its exchange and what it borrows beside it.
    pub fn tables(&self) -> usize {
        self.sessions.len() * size_of::<(usize, Session)>() + self.cx.memory()
    }

    /// What a client costs while it is served, beside [`Proxy::tables`] and two buffers: its exchange, in bytes.
    pub fn exchange_size() -> usize {
        size_of::<Exchange>()
    }

    /// Says how long a backend that fails can hurt, for each pool of which it was not said before.
    pub(super) fn tell_budgets(&mut self, config: &Config, pools: &[PoolId]) {
        for (pool, id) in config.pools.iter().zip(pools) {
            let (row, budget) = (usize::from(id.0), Budget::of(pool, config));
            if self.cx.budgets.get(row) == Some(&budget) {
                continue;
            }
            log::info!("pool {}: how a failing backend hurts: {budget}", pool.name);
            match self.cx.budgets.get_mut(row) {
                Some(before) => *before = budget,
                None => self.cx.budgets.push(budget),
            }
        }
    }

    /// Each session in words: who, what it waits for, what it carries.
    pub fn describe_sessions(&self) -> impl Iterator<Item = String> {
        self.sessions.iter().map(|(row, session)| format!("session {row}: {}", session.describe()))
    }

    /// What is going on, for a human.
    pub(super) fn report(&self) -> String {
        let mut lines = vec![format!("{:?}", self.cx.stats)];
        lines.extend(self.cx.backends.iter().map(|(_, backend)| {
            format!("backend {}: {:?}, {} in flight", backend.name, backend.state(), backend.in_flight)
        }));
        lines.extend(self.describe_sessions());
        lines.join("\n")
    }
}
