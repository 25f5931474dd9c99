//! The stage: a kernel with a balancer on it, and everybody who speaks and listens around it.
//!
//! Whoever waits for something here moves everybody: bytes that were said go out as there is room, bytes that came are
//! heard, connections that the balancer makes are taken, and the balancer turns.

use super::actor::Actor;
use super::kernel::{Ending, Holdings, Kernel, Order, Wire};
use super::text::Head;
use evenkeel::balance::State;
use evenkeel::base::stats::Stats;
use evenkeel::config::Config;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::time::Duration;

/// How what is said is cut into pieces that arrive one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Not at all.
    Whole,
    /// Into single bytes.
    Bytes,
    /// Each saying into two, behind so many bytes.
    Split(usize),
}

/// Sayings longer than this are never cut.
const SHORT: usize = 600;

/// One remote end.
pub struct Ear {
    wire: Wire,
    /// Of a backend: which one.
    pub backend: Option<usize>,
    /// What was heard and not yet taken.
    pub heard: Vec<u8>,
    /// What is said and not yet sent.
    outbox: VecDeque<u8>,
    /// A FIN follows.
    ends: bool,
    pub ending: Option<Ending>,
    /// It does not listen: back-pressure.
    deaf: bool,
    /// It closed or reset its connection.
    gone: bool,
    /// The head heard last.
    pub head: Head,
}

pub struct Stage {
    kernel: RefCell<Box<dyn Kernel>>,
    ears: RefCell<Vec<Ear>>,
    pace: Pace,
    name: String,
    story: RefCell<Vec<String>>,
    longest: RefCell<usize>,
    /// Sockets that listen.
    doors: Cell<usize>,
}

impl Stage {
    pub fn new(kernel: Box<dyn Kernel>, pace: Pace, name: String) -> Stage {
        let (kernel, ears, story) = (RefCell::new(kernel), RefCell::default(), RefCell::default());
        Stage { kernel, ears, pace, name, story, longest: RefCell::default(), doors: Cell::new(1) }
    }

    /// A client connects.
    pub fn client(&self) -> Actor<'_> {
        let wire = self.kernel.borrow_mut().dial();
        self.add(wire, None)
    }

    /// Somebody connects to the admin address.
    pub fn operator(&self) -> Actor<'_> {
        self.doors.set(2);
        let wire = self.kernel.borrow_mut().dial_admin();
        self.add(wire, None)
    }

    /// Some backend hears a request with this line, on whatever connection.
    pub fn backend_hears_request(&self, line: &str) -> Actor<'_> {
        let mut speaker = None;
        let full = |ear: &Ear| ear.backend.is_some() && Head::end(&ear.heard).is_some();
        self.wait(|ears| {
            speaker = ears.iter().position(full);
            speaker.is_some()
        });
        let Some(index) = speaker else { self.fail(&format!("no backend hears {line:?}")) };
        let actor = Actor { stage: self, index };
        actor.hears_head(line);
        actor
    }

    /// Some backend hears these bytes next, on whatever connection.
    pub fn backend_hears(&self, bytes: impl AsRef<[u8]>) -> Actor<'_> {
        let (bytes, mut speaker) = (bytes.as_ref(), None);
        self.wait(|ears| {
            speaker = ears.iter().position(|ear| ear.backend.is_some() && ear.heard.starts_with(bytes));
            speaker.is_some()
        });
        let Some(index) = speaker else { self.fail(&format!("no backend hears {:?}", brief(bytes))) };
        let actor = Actor { stage: self, index };
        actor.hears(bytes);
        actor
    }

    /// A connection reaches some backend, which has heard nothing on it yet.
    pub fn backend_is_called(&self) -> Actor<'_> {
        let before = self.ears.borrow().len();
        let new = |ears: &mut Vec<Ear>| ears.iter().skip(before).any(|ear| ear.backend.is_some());
        if !self.wait(new) {
            self.fail("no backend is called");
        }
        Actor { stage: self, index: self.ears.borrow().len() - 1 }
    }

    /// Nothing of anything has reached any backend, nor will it.
    pub fn no_backend_hears_anything(&self) {
        self.blink();
        let hears = |ear: &Ear| ear.backend.is_some() && !ear.gone && !ear.heard.is_empty();
        let heard = self.ears.borrow().iter().any(hears);
        self.check(!heard, "a backend hears something");
    }

    /// What backends heard, and did not take, holds no end of a chunked message.
    pub fn no_backend_hears_a_last_chunk(&self) {
        self.blink();
        let last = |ear: &Ear| ear.backend.is_some() && ear.heard.windows(5).any(|five| five == b"\r\n0\r\n");
        let heard = self.ears.borrow().iter().any(last);
        self.check(!heard, "a backend hears a last chunk");
    }

    /// So many connections were made to backends so far.
    pub fn backends_were_called(&self, times: usize) {
        let called = self.ears.borrow().iter().filter(|ear| ear.backend.is_some()).count();
        self.check(called == times, &format!("backends were called {called} times, not {times}"));
    }

    /// How often each of the first two backends was called so far.
    pub fn calls(&self) -> [usize; 2] {
        [0, 1].map(|which| self.ears.borrow().iter().filter(|ear| ear.backend == Some(which)).count())
    }

    /// A backend accepts no connections from now on.
    pub fn backend_refuses(&self, backend: usize) {
        self.kernel.borrow_mut().refuse(backend);
    }

    /// A backend leaves calls unanswered from now on.
    pub fn backend_swallows(&self, backend: usize) {
        self.kernel.borrow_mut().swallow(backend);
    }

    /// An operator asks something of a backend.
    pub fn order(&self, backend: usize, order: Order) {
        self.tell(|| format!("-- backend {backend}: {order:?} --"));
        self.kernel.borrow_mut().order(backend, order);
    }

    /// An operator changes the configuration. Errors: it cannot be.
    pub fn reload(&self, change: impl Fn(&mut Config)) -> Result<(), String> {
        self.tell(|| "-- another configuration --".into());
        self.kernel.borrow_mut().reload(&change)
    }

    /// What the backends are called, in order.
    pub fn backend_names(&self) -> Vec<String> {
        self.kernel.borrow().names()
    }

    /// What a backend is taken for, and what it has in flight.
    pub fn backend(&self, backend: usize) -> (State, u32) {
        self.kernel.borrow().backend(backend)
    }

    /// Every client connection is over, as the balancer sees it.
    pub fn every_session_ends(&self) {
        let over = self.wait(|_| self.holdings().sessions == 0);
        self.check(over, "a session does not end");
    }

    /// What is done takes no longer than this.
    pub fn takes_at_most(&self, span: Duration, what: impl FnOnce()) {
        let began = self.kernel.borrow().now();
        what();
        let took = self.kernel.borrow().now() - began;
        self.check(took <= span, &format!("it took {took:?}"));
    }

    /// Buffers out on loan.
    pub fn buffers(&self) -> usize {
        self.holdings().buffers
    }

    /// Sockets that the balancer owns.
    pub fn sockets(&self) -> usize {
        self.holdings().sockets
    }

    fn holdings(&self) -> Holdings {
        self.kernel.borrow().holdings()
    }

    /// Time passes, with all that happens in it.
    pub fn time_passes(&self, span: Duration) {
        self.tell(|| format!("-- {span:?} pass --"));
        let end = self.kernel.borrow().now() + span;
        self.move_until(end, |_| false);
    }

    /// What is under way arrives.
    pub fn blink(&self) {
        let span = self.kernel.borrow().blink();
        let end = self.kernel.borrow().now() + span;
        self.move_until(end, |_| false);
    }

    pub fn stats(&self) -> Stats {
        self.kernel.borrow().stats()
    }

    /// How often something ended for this reason.
    pub fn counted(&self, reason: &str) -> u64 {
        self.stats().reasons.get(reason).copied().unwrap_or(0)
    }

    /// Waits until something holds that needs no time-out; whether it came to that.
    pub fn wait(&self, holds: impl FnMut(&mut Vec<Ear>) -> bool) -> bool {
        let end = self.kernel.borrow().now() + self.kernel.borrow().patience();
        self.move_until(end, holds)
    }

    fn move_until(&self, end: Duration, mut holds: impl FnMut(&mut Vec<Ear>) -> bool) -> bool {
        loop {
            self.exchange();
            if holds(&mut self.ears.borrow_mut()) {
                return true;
            }
            if self.kernel.borrow().now() >= end {
                return false;
            }
            self.kernel.borrow_mut().turn(end);
        }
    }

    /// Everybody speaks and listens.
    fn exchange(&self) {
        let mut kernel = self.kernel.borrow_mut();
        while let Some((backend, wire)) = kernel.accept() {
            self.add(wire, Some(backend));
        }
        for ear in self.ears.borrow_mut().iter_mut().filter(|ear| !ear.gone) {
            ear.speak(&mut **kernel);
            ear.listen(&mut **kernel);
        }
    }

    fn add(&self, wire: Wire, backend: Option<usize>) -> Actor<'_> {
        let mut ears = self.ears.borrow_mut();
        ears.push(Ear {
            wire,
            backend,
            heard: Vec::new(),
            outbox: VecDeque::new(),
            ends: false,
            ending: None,
            deaf: false,
            gone: false,
            head: Head::default(),
        });
        Actor { stage: self, index: ears.len() - 1 }
    }

    pub(super) fn ear(&self, index: usize) -> RefMut<'_, Ear> {
        RefMut::map(self.ears.borrow_mut(), |ears| &mut ears[index])
    }

    /// Says it, in the pieces that the pace makes of it.
    pub(super) fn say(&self, index: usize, bytes: &[u8]) {
        self.tell(|| format!("{} says {:?}", self.who(index), brief(bytes)));
        let pieces: Vec<&[u8]> = match self.pace {
            _ if bytes.len() > SHORT => vec![bytes],
            Pace::Whole => vec![bytes],
            Pace::Bytes => bytes.chunks(1).collect(),
            Pace::Split(at) => <[_; 2]>::from(bytes.split_at(at.min(bytes.len()))).to_vec(),
        };
        for (number, piece) in pieces.into_iter().enumerate() {
            if number > 0 {
                self.pause();
            }
            self.ear(index).outbox.extend(piece);
            self.exchange();
        }
        if bytes.len() <= SHORT {
            let mut longest = self.longest.borrow_mut();
            *longest = (*longest).max(bytes.len());
        }
    }

    /// Between two pieces: long enough for the balancer to have read the first.
    fn pause(&self) {
        let end = self.kernel.borrow().now() + Duration::from_micros(10);
        self.move_until(end, |_| false);
    }

    pub(super) fn end(&self, index: usize) {
        self.tell(|| format!("{} ends", self.who(index)));
        self.ear(index).ends = true;
        self.exchange();
    }

    pub(super) fn leave(&self, index: usize, torn: bool) {
        self.tell(|| format!("{} {}", self.who(index), if torn { "resets" } else { "closes" }));
        let wire = self.ear(index).wire;
        match torn {
            true => self.kernel.borrow_mut().reset(wire),
            false => self.kernel.borrow_mut().close(wire),
        }
        self.ear(index).gone = true;
    }

    pub(super) fn set_deaf(&self, index: usize, deaf: bool) {
        self.ear(index).deaf = deaf;
    }

    /// Everybody leaves, and the balancer must be as empty as at the beginning.
    pub(super) fn curtain(&self) {
        let empty = Holdings { sessions: 0, buffers: 0, sockets: self.doors.get() };
        self.wait(|ears| {
            for ear in ears.iter_mut().filter(|ear| !ear.gone) {
                self.kernel.borrow_mut().close(ear.wire); // also what is called for another try just now
                ear.gone = true;
            }
            self.holdings() == empty
        });
        let left = self.holdings();
        self.check(left == empty, &format!("after the end there are {left:?}"));
    }

    /// The longest saying so far that may be cut.
    pub(super) fn longest(&self) -> usize {
        *self.longest.borrow()
    }

    pub(super) fn who(&self, index: usize) -> String {
        match self.ear(index).backend {
            Some(backend) => format!("backend {backend} (connection {index})"),
            None => format!("client (connection {index})"),
        }
    }

    pub(super) fn tell(&self, line: impl FnOnce() -> String) {
        let line = line();
        self.story.borrow_mut().push(line);
    }

    pub fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.fail(what);
        }
    }

    /// The dialogue goes another way.
    pub fn fail(&self, what: &str) -> ! {
        panic!("{what}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.name, self.story.borrow().join("\n"));
            for ear in self.ears.borrow().iter().filter(|ear| !ear.heard.is_empty() || ear.ending.is_some()) {
                let who = ear.backend.map_or("client".into(), |which| format!("backend {which}"));
                eprintln!("{who} has heard {:?}, then {:?}", brief(&ear.heard), ear.ending);
            }
        }
    }
}

impl Ear {
    fn speak(&mut self, kernel: &mut dyn Kernel) {
        if self.ending == Some(Ending::Reset) {
            self.outbox.clear();
        }
        while !self.outbox.is_empty() {
            let count = kernel.write(self.wire, self.outbox.as_slices().0);
            self.outbox.drain(..count);
            if count == 0 {
                return;
            }
        }
        if std::mem::take(&mut self.ends) {
            kernel.finish(self.wire);
        }
    }

    fn listen(&mut self, kernel: &mut dyn Kernel) {
        if !self.deaf && self.ending != Some(Ending::Reset) {
            self.ending = kernel.read(self.wire, &mut self.heard).or(self.ending);
        }
    }
}

/// Text for a human.
pub fn brief(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
    if bytes.len() > 400 { format!("{text}... ({} bytes)", bytes.len()) } else { text }
}
