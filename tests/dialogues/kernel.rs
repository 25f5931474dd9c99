//! What a dialogue asks of a kernel: remote ends that speak and listen, and a balancer between them that takes turns.
//!
//! Everything happens on one thread and in lockstep, on the real kernel too: the remote ends act, the balancer turns
//! once, the remote ends act again. So a dialogue is the same story on both, and its end can be looked at from inside.

use evenkeel::balance::{BackendId, State};
use evenkeel::base::stats::Stats;
use evenkeel::config::Config;
use evenkeel::net::Net;
use evenkeel::proxy::Proxy;
use std::time::Duration;

/// A remote end: a client's, or a backend's.
pub type Wire = usize;

/// How a connection ended, seen from a remote end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A FIN: the balancer has said everything.
    Clean,
    /// A reset.
    Reset,
}

/// What an operator asks of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Drain,
    Disable,
    Enable,
    Weight(u32),
}

/// A kernel with a balancer on it.
pub trait Kernel {
    /// A client connects.
    fn dial(&mut self) -> Wire;
    /// Somebody connects to the admin address, which is the last in the configuration.
    fn dial_admin(&mut self) -> Wire;
    /// A connection that the balancer made, and to which backend.
    fn accept(&mut self) -> Option<(usize, Wire)>;
    /// Sends what there is room for; says how much.
    fn write(&mut self, wire: Wire, bytes: &[u8]) -> usize;
    /// Appends what has come; says how the connection ended, if it has and everything was read.
    fn read(&mut self, wire: Wire, into: &mut Vec<u8>) -> Option<Ending>;
    /// A FIN.
    fn finish(&mut self, wire: Wire);
    /// A reset.
    fn reset(&mut self, wire: Wire);
    /// A close, whatever that comes to.
    fn close(&mut self, wire: Wire);
    /// A backend accepts no connections from now on.
    fn refuse(&mut self, backend: usize);
    /// A backend leaves calls unanswered from now on.
    fn swallow(&mut self, backend: usize);
    /// An operator asks something of a backend.
    fn order(&mut self, backend: usize, order: Order);
    /// An operator changes the configuration. Errors: it cannot be.
    fn reload(&mut self, change: &dyn Fn(&mut Config)) -> Result<(), String>;
    /// What a backend is taken for, and what it has in flight.
    fn backend(&self, backend: usize) -> (State, u32);
    /// What the backends are called, in order.
    fn names(&self) -> Vec<String>;
    /// The balancer turns once. It waits for an event, but not beyond `until`.
    fn turn(&mut self, until: Duration);
    /// The time since some beginning.
    fn now(&self) -> Duration;
    /// How long something that is not waited for may take at most to show itself.
    fn blink(&self) -> Duration;
    /// How long something may take that needs no time-out to happen.
    fn patience(&self) -> Duration;
    /// What was counted.
    fn stats(&self) -> Stats;
    /// What the balancer holds.
    fn holdings(&self) -> Holdings;
}

/// What a balancer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    pub sessions: usize,
    pub buffers: usize,
    pub sockets: usize,
}

/// The same for every kernel.
pub fn holdings<N: Net>(proxy: &Proxy<N>) -> Holdings {
    Holdings { sessions: proxy.open_sessions(), buffers: proxy.lent_buffers(), sockets: proxy.owned_sockets() }
}

pub fn order<N: Net>(proxy: &mut Proxy<N>, backend: usize, order: Order) {
    let (cx, id) = (proxy.operate(), BackendId(backend as u32));
    match order {
        Order::Drain => cx.drain(id),
        Order::Disable => cx.disable(id),
        Order::Enable => cx.enable(id),
        Order::Weight(weight) => cx.set_weight(id, weight),
    }
}

pub fn reload<N: Net>(proxy: &mut Proxy<N>, change: &dyn Fn(&mut Config)) -> Result<(), String> {
    let mut config = proxy.config().clone();
    change(&mut config);
    proxy.reload(Ok(&config)).map(drop)
}

pub fn backend<N: Net>(proxy: &Proxy<N>, backend: usize) -> (State, u32) {
    let backend = proxy.backends().get(BackendId(backend as u32));
    (backend.state(), backend.in_flight)
}

pub fn names<N: Net>(proxy: &Proxy<N>) -> Vec<String> {
    proxy.backends().iter().map(|(_, backend)| backend.name.clone()).collect()
}

/// One turn, and the laws that hold after each.
pub fn turn<N: Net>(proxy: &mut Proxy<N>) {
    proxy.turn().expect("the loop goes on");
    let stats = proxy.stats();
    assert_eq!(stats.stuck, 0, "a session asked to go on and did nothing");
    assert_eq!(stats.violations, 0, "the books do not balance");
    if let Err(violation) = stats.check(proxy.open_sessions() as u64, proxy.alive_requests() as u64) {
        panic!("accounting: {violation}");
    }
}
