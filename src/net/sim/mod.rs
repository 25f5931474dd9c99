//! A simulated kernel: a [`Net`](crate::net::Net) made of queues, a clock that jumps, and a seed.
//!
//! It is never kinder than a real one. Readiness is told on true transitions and once; reads and writes are cut short;
//! events come late, shuffled, in halves, or for no reason; an end rides on the last byte or limps behind; a reset
//! takes unread bytes along or leaves them; connects are refused, delayed, swallowed; descriptors run out; a closed
//! slot is handed out again at the first legal moment. How often, says [`Cruelty`]. One seed decides all of it, so
//! that any run can be had again.
//!
//! ```text
//!                 inside face: trait Net                      outside face: dial, serve, take, far_*
//!   program  <--- events --- slots <--- inbox <== in flight == conns == in flight ==> inbox <--- actors of a test
//!            ---- calls --->   (edges owed)          ^ agenda: what arrives when ^
//! ```
//!
//! It has two faces. The *inside* face is the trait: what the program under test sees. The *outside* face ([`far`])
//! is for the actors of a test, who hold the remote ends and act between two turns: they [`dial`](Sim::dial)
//! listeners, [`serve`](Sim::serve) addresses, and move bytes through a [`Far`]. Time passes in `wait`, when nothing else
//! can happen: the clock jumps to the next arrival, alarm or deadline. And it creeps in every other call, so that what is
//! on its way arrives between any two of them, as it does where each side has a processor of its own. (A program may be
//! slow as well: then each `wait` begins by charging what was done before it.)
//!
//! It also judges. A call on a socket that is closed or was never given away, a write after `finish`, or turns on end
//! in which nothing moves: each panics with the last calls. [`Sim::open_sockets`] is compared with what the program
//! believes to own, [`Sim::trace_hash`] with that of the same seed run again.
//!
//! # How evenkeel is tested with it
//!
//! A *world* (`tests/sim/`) is drawn from a seed by a weighted grammar: clients that are honest, slow, pipelining,
//! half-closing, vanishing, hostile; backends that answer early, late, wrongly or never, restart, hang, flap under probes;
//! an operator who drains in the middle; a mood of the kernel. HTTP, TCP mode, upgrades, probes, the pool, policies and
//! ejection live in one world. Every byte is a function of its stream and position, so that one that goes astray is
//! seen. After every turn, or when the world has fallen silent, this must hold:
//!
//! 1. every byte arrives once, in order, at the right partner;
//! 2. no response reaches another request's client, and no request that must not be sent twice is;
//! 3. no call on a closed socket; the sockets open are the sockets owned;
//! 4. every session ends within its deadline, and in the end the house is empty;
//! 5. requests admitted are those finished, failed and alive; connections accepted are those open and closed;
//! 6. no sick backend is picked while a healthy one exists, none starves, and every change of mind has its reasons;
//! 7. the same seed gives the same trace;
//! 8. buffers and pipes on loan come back.
//!
//! What is lost must have an excuse that the world knows of. `scripts/seeds.sh` sweeps worlds by the hundred thousand, makes a
//! failing one smaller and tells how to replay it with every call in readable form. Whether the worlds would notice a bug
//! is itself tested: `scripts/mutants.sh` plants one after the other (`tests/mutants/`), and each must be caught.
//!
//! Beside it stand the same scripted dialogues on this kernel and on the real one (`tests/dialogues/`), fuzz targets with oracles
//! (`tests/fuzz/`, one of which drives sessions through this kernel), and real processes killed under real load
//! (`tests/chaos.rs`, `scripts/soak.sh`).
//!
//! It does not know packets, congestion or addresses' meaning. Reading order: [`Cruelty`], `pipe` (what is under way),
//! `wire` (both ends of a connection), `ready` (who is told what, when), `inside`, [`far`], `trace`.

mod cruelty;
pub mod far;
mod inside;
mod pipe;
mod ready;
mod splice;
#[cfg(test)]
mod tests;
mod trace;
mod wire;

pub use cruelty::Cruelty;
pub use far::{Far, FarState, Welcome};

use crate::base::{Address, Rng, Time};
use crate::net::{Signal, Sock};
use far::Server;
use ready::Slot;
use splice::Piped;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;
use trace::{Note, Trace};
use wire::Conn;

/// So many turns on end may pass without a byte moved, a socket made or closed, or time passed.
const PATIENCE: u32 = 1000;

/// Something that will happen at a known moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// Freight reaches an end of a connection.
    Freight(usize, wire::End),
    /// A client's connection reaches its listener.
    Knock(usize),
    /// A client has been silent for long enough: it is let in all the same.
    Offer(usize),
    /// A connection from inside reaches its server.
    Call(usize),
    /// ... which took its time to answer.
    Answer(usize),
    /// The world asked to be woken.
    Alarm,
}

/// The simulated kernel. See the [module](self).
#[derive(Debug)]
pub struct Sim {
    now: Time,
    /// When the last `wait` began to wait.
    began: Time,
    rng: Rng,
    cruelty: Cruelty,
    slots: Vec<Option<Slot>>,
    /// Slots to give away, the last first.
    free: Vec<u32>,
    /// Slots to which something happened, so that an edge may have fallen due, and those that have one to be told.
    stirred: Vec<u32>,
    /// Slots closed since the last `wait`: free from the next one on.
    closed: Vec<u32>,
    conns: Vec<Conn>,
    /// Connections of which bytes were kept since the last `wait`.
    keeping: Vec<usize>,
    pipes: Vec<Option<Piped>>,
    servers: BTreeMap<Address, Server>,
    /// Calls from inside that came to nothing.
    failures: BTreeMap<Address, u64>,
    agenda: BinaryHeap<Reverse<(Time, u64, Due)>>,
    /// Entries of the agenda so far: what is due at one moment comes in the order in which it was entered.
    entered: u64,
    signals: Vec<Signal>,
    /// Once something is sent to whom, who says what.
    swift: Vec<(Far, Far, Vec<u8>)>,
    trace: Trace,
    /// Something reached the world, which wants to act on it.
    news: bool,
    /// ... in the middle of a call, after it may have looked last: the next `wait` does not forget it.
    late_news: bool,
    silent: bool,
    idle_turns: u32,
}

impl Sim {
    /// A kernel whose every choice is decided by `seed`.
    pub fn new(seed: u64, cruelty: Cruelty) -> Sim {
        Sim {
            now: Time(1_000_000_000), // not 0: a program that starts from a zero of its own is wrong
            began: Time(0),
            rng: Rng::new(seed),
            cruelty,
            slots: Vec::new(),
            free: Vec::new(),
            stirred: Vec::new(),
            closed: Vec::new(),
            conns: Vec::new(),
            keeping: Vec::new(),
            pipes: Vec::new(),
            servers: BTreeMap::new(),
            failures: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            entered: 0,
            signals: Vec::new(),
            swift: Vec::new(),
            trace: Trace::default(),
            news: false,
            late_news: false,
            silent: false,
            idle_turns: 0,
        }
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The mood, to be changed at any time.
    pub fn cruelty_mut(&mut self) -> &mut Cruelty {
        &mut self.cruelty
    }

    /// Sockets that were given away and not closed.
    pub fn open_sockets(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Pipes that were lent and not given back.
    pub fn lent_pipes(&self) -> usize {
        self.pipes.iter().flatten().count()
    }

    /// Whether the last `wait` found that nothing would ever happen again: no event, no freight, no alarm, no deadline.
    pub fn silent(&self) -> bool {
        self.silent
    }

    /// Whether the world has something to act on since the last `wait` began: something arrived, an alarm rang, room was
    /// made for more.
    pub fn news(&self) -> bool {
        self.news
    }

    /// A number for everything that happened so far. The same seed and the same program give the same.
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// How many calls were made of either face, with the events told.
    pub fn calls(&self) -> u64 {
        self.trace.calls()
    }

    /// The last calls in readable form.
    pub fn trace_tail(&self) -> String {
        self.trace.tail()
    }

    /// From now on every call is printed: time, who, connection, call, asked, given, result.
    pub fn speak(&mut self) {
        self.trace.aloud = true;
    }

    /// Whether it does.
    pub fn speaks(&self) -> bool {
        self.trace.aloud
    }

    /// A line among the printed calls, made only when they are printed.
    pub fn remark(&mut self, words: impl FnOnce() -> String) {
        if self.trace.aloud {
            println!("{:>13.6}  {}", self.now.0 as f64 / 1e9, words());
        }
    }

    fn luck(&mut self, chance: u16) -> bool {
        chance > 0 && self.rng.chance(u64::from(chance), 1000)
    }

    fn enter(&mut self, at: Time, due: Due) {
        self.entered += 1;
        self.agenda.push(Reverse((at, self.entered, due)));
    }

    fn latency(&mut self) -> Duration {
        self.up_to(self.cruelty.latency)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_nanos(self.rng.below(longest.as_nanos() as u64 + 1))
    }

    fn window(&mut self) -> usize {
        let (least, most) = self.cruelty.window;
        least + self.rng.below((most - least) as u64 + 1) as usize
    }

    /// What was done since the last `wait` has taken its time.
    fn work(&mut self) {
        if !self.cruelty.work.is_zero() {
            self.now = self.now + self.up_to(self.cruelty.work);
        }
        self.began = self.now;
    }

    /// A call takes its time; what was on its way may have come before it looks.
    fn take_time(&mut self) {
        if !self.cruelty.calls.is_zero() {
            self.now = self.now + self.up_to(self.cruelty.calls);
            let known = std::mem::take(&mut self.news);
            self.arrivals();
            self.late_news |= self.news;
            self.news |= known;
        }
    }

    fn moved(&mut self) {
        self.idle_turns = 0;
    }

    /// Something happened to a connection that its holder inside may have to be told of.
    fn stir(&mut self, conn: usize) {
        self.stirred.extend(self.conns[conn].slot);
    }

    /// Bytes arrived at our end: they are told of, whatever was read of those before.
    fn tell_again(&mut self, conn: usize) {
        let slot = self.conns[conn].slot.and_then(|slot| self.slots[slot as usize].as_mut());
        if let Some(slot) = slot.filter(|slot| slot.watched) {
            slot.read_owed = true;
        }
    }

    fn record(&mut self, call: &'static str, slot: Option<u32>, conn: Option<usize>, end: Outcome) {
        let Outcome(asked, given, said) = end;
        self.trace.note(Note { at: self.now, call, slot, conn, asked: asked as u64, given: given as u64, said });
    }

    /// The program under test broke the contract.
    fn accuse(&self, sock: Option<Sock>, what: &str) -> ! {
        let sock = sock.map_or(String::new(), |sock| format!("socket {}: ", sock.0));
        let tail = self.trace.tail();
        panic!("{sock}{what}, at {} ns. The last calls:\n{tail}", self.now.0);
    }
}

/// How a call went, for the trace: asked, given, and a word.
struct Outcome(usize, usize, &'static str);
