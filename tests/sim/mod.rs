//! The simulated world: clients, backends and an operator around one balancer, all decided by one seed.
//!
//! ```text
//!   clients ---dial---> [ Sim: far face | inside face ] <---Net--- the balancer ---> [ Sim ] ---take---> backends
//!      each client asks for numbered things, each backend answers with the number and bytes made from it
//! ```
//!
//! A round of the world: whoever has something to do does it, the balancer turns once, the properties are looked at.
//! Time jumps in the balancer's `wait`, so a minute's time-out costs nothing, and creeps in its other calls, so that what
//! somebody has said may arrive in the middle of a turn; but nobody acts then.
//!
//! What is checked. Every byte is a function of its stream and its position, so each loss, doubling and misdelivery is
//! seen where it happens. Every response bears the number of its request. Every request that reaches a backend is read
//! by a strict reader that shares no code with the balancer. No call on a closed socket and no spin (the kernel panics),
//! sockets open = sockets owned and the accounting laws after each turn; at the end no session, no buffer, no socket but
//! the listeners', nothing in flight, every backend judged as it is, and an exact rotation where nothing failed. While a
//! healthy backend is there no sick or ejected one is picked, and none is judged without as many probes or connects as
//! were asked for, nor ejected for longer, or more of a pool, than may be. No new work reaches a backend that an operator
//! has drained or disabled, from that moment on, and what it had is finished. No request and no stream comes to a backend
//! of another pool than its host and path, or the name in its ClientHello, say. Who has a cookie comes home with it, and no
//! backend sees that. A loss is a failure unless a fact excuses just it and says what may happen instead: its backend died while
//! answering (502, or a cut), it was hung (504), its client stopped (408). A clean end that hides a cut has no excuse.
//!
//! Reading order: [`plan`] (the grammar: what a seed means), [`world`] (the loop and the properties), [`ledger`]
//! (what is known and excused), [`limits`] (who may be
//! refused for want of room), [`ways`] (who is led where), [`vitals`] (what a backend's health may be taken for), the actors [`tcp`],
//! [`http_client`], [`http_backend`], [`upgrade`], what [`hostile`] ones say, [`sweep`] (many seeds, and one made
//! smaller), and [`relay`], a small balancer with bugs to be planted, on which the world itself is tested. Whether the
//! world would notice a bug of the balancer is asked by `scripts/mutants.sh`.

pub mod backend;
pub mod bytes;
pub mod heralds;
pub mod hostile;
pub mod house;
pub mod http_backend;
pub mod http_client;
pub mod http_text;
pub mod ledger;
pub mod limits;
pub mod meters;
pub mod plan;
pub mod relay;
pub mod reloads;
pub mod sweep;
pub mod tcp;
pub mod upgrade;
pub mod vitals;
pub mod watchers;
pub mod ways;
pub mod world;

use evenkeel::config::Config;
use evenkeel::net::sim::Sim;
use std::io;

/// A backend as a balancer sees it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// It takes requests while others do, too.
    pub up: bool,
    /// It is out for a time, by what live traffic says.
    pub ejected: bool,
    /// Requests and tunnels given to it.
    pub requests: u64,
    /// Of those: under way.
    pub in_flight: u32,
}

/// What an operator asks of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Drain,
    Disable,
    Enable,
    Weight(u32),
}

/// What the world asks of a balancer.
pub trait House {
    /// One turn; true after the last.
    fn turn(&mut self) -> io::Result<bool>;
    fn net(&mut self) -> &mut Sim;
    /// Sockets that it believes to own.
    fn owned(&self) -> usize;
    /// Listeners.
    fn doors(&self) -> usize;
    /// Client connections.
    fn open(&self) -> usize;
    /// What it thinks of a backend; none: it does not judge.
    fn backend(&self, index: usize) -> Option<Seen>;
    /// An operator asks something of a backend.
    fn order(&mut self, index: usize, order: Order);
    /// It is asked to go over to another configuration. Errors: it cannot.
    fn reload(&mut self, config: &Config) -> Result<(), String>;
    /// Buffers out on loan.
    fn lent(&self) -> usize;
    /// What each of its sessions is doing, in words.
    fn describe(&self) -> Vec<String>;
    /// The conservation laws.
    fn check(&self) -> Result<(), String>;
    /// Its page of metrics, if it has one.
    fn metrics(&self) -> String {
        String::new()
    }
}
