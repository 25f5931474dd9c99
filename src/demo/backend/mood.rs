//! A backend in another mood: dead, mute, late or broken, until it is told otherwise. For a demo and for tests.
//!
//! Who holds its [`Handle`] tells it from any thread, and wakes its loop, which looks here then. What it is told last
//! holds; answers that it has held back until then are given as the new mood has it.

use super::{At, Backend};
use crate::net::{ListenOptions, Net, Sock};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What it does with those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// Answers as its [`Manner`](super::Manner) says.
    #[default]
    Normal,
    /// Listens no more, and every connection is reset: as a process that was killed.
    Killed,
    /// Keeps its connections, takes others in, and answers nobody.
    Hanging,
    /// Answers [`LATER`].
    Slow,
    /// Answers everything with 500.
    Broken,
}

/// How much later than usual a slow one answers.
pub const LATER: Duration = Duration::from_secs(1);

impl Mood {
    /// All of them, by name; each at the place of its number.
    pub const ALL: [(Mood, &str); 5] = [
        (Mood::Normal, "normal"),
        (Mood::Killed, "killed"),
        (Mood::Hanging, "hanging"),
        (Mood::Slow, "slow"),
        (Mood::Broken, "broken"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Mood::ALL.get(self as usize).map_or("", |&(_, name)| name)
    }

    fn of(number: u8) -> Mood {
        Mood::ALL.get(usize::from(number)).map_or(Mood::Normal, |&(mood, _)| mood)
    }
}

/// What both sides know.
#[derive(Debug, Default)]
struct Known {
    mood: AtomicU8,
    answered: AtomicU64,
}

/// The end of whoever tells.
#[derive(Debug, Clone)]
pub struct Handle {
    orders: Sender<Mood>,
    known: Arc<Known>,
}

/// The backend's own end.
#[derive(Debug)]
pub struct Orders {
    orders: Receiver<Mood>,
    known: Arc<Known>,
}

/// Both ends.
pub fn pair() -> (Handle, Orders) {
    let ((sender, receiver), known) = (channel(), Arc::new(Known::default()));
    (Handle { orders: sender, known: Arc::clone(&known) }, Orders { orders: receiver, known })
}

impl Handle {
    /// It is to be in this mood. Its loop has to be woken.
    pub fn tell(&self, mood: Mood) {
        self.known.mood.store(mood as u8, Ordering::SeqCst);
        let _ = self.orders.send(mood); // fails only when it is gone
    }

    /// What it was told last, unless it could not do that.
    pub fn mood(&self) -> Mood {
        Mood::of(self.known.mood.load(Ordering::SeqCst))
    }

    /// How many requests it has answered.
    pub fn answered(&self) -> u64 {
        self.known.answered.load(Ordering::Relaxed)
    }
}

impl Orders {
    pub(super) fn count_answer(&self) {
        self.known.answered.fetch_add(1, Ordering::Relaxed);
    }
}

impl<N: Net> Backend<N> {
    /// Heeds these orders from now on.
    pub fn heed(&mut self, orders: Orders) {
        self.orders = Some(orders);
    }

    /// Looks what it was told.
    pub(super) fn obey(&mut self) {
        while let Some(mood) = self.orders.as_ref().and_then(|orders| orders.orders.try_recv().ok()) {
            self.change(mood);
        }
    }

    fn change(&mut self, mood: Mood) {
        let old = std::mem::replace(&mut self.mood, mood);
        match (old, mood) {
            (Mood::Killed, Mood::Killed) => {}
            (_, Mood::Killed) => self.die(),
            (Mood::Killed, _) => self.rise(),
            _ => self.release(),
        }
    }

    fn die(&mut self) {
        while let Some((door, address)) = self.doors.pop_first() {
            self.net.close(door);
            self.shut.push(address);
        }
        while let Some((&sock, _)) = self.connections.first_key_value() {
            self.forget(sock);
            self.net.reset(sock);
        }
    }

    /// Listens again. If it cannot, it stays dead, and says so.
    fn rise(&mut self) {
        for address in std::mem::take(&mut self.shut) {
            match self.net.listen(&address, ListenOptions::default()) {
                Ok(door) => _ = self.doors.insert(door, address),
                Err(error) => {
                    log::warn!("{}: cannot listen on {address} again: {error}", self.manner.name);
                    self.shut.push(address);
                }
            }
        }
        if self.doors.is_empty() {
            self.mood = Mood::Killed;
            self.orders.iter().for_each(|it| it.known.mood.store(Mood::Killed as u8, Ordering::SeqCst));
        }
    }

    /// Those who wait for an answer are treated as everybody is from now on.
    fn release(&mut self) {
        let waits = |at: &At| matches!(at, At::Delay);
        let all = self.connections.iter().filter(|(_, (connection, _))| waits(&connection.at));
        let held: Vec<Sock> = all.map(|(&sock, _)| sock).collect();
        for sock in held {
            self.delays.drop(sock.0);
            let _ = self.hold(sock); // which ends no connection
            self.drive(sock);
        }
    }

    /// A request is there. Whether it is answered at once.
    pub(super) fn hold(&mut self, sock: Sock) -> io::Result<bool> {
        let delay = match self.mood {
            Mood::Hanging => return Ok(true), // for as long as the other side has patience: see `step`
            Mood::Slow => self.manner.delay + LATER,
            _ => self.manner.delay,
        };
        if delay > Duration::ZERO {
            self.delays.set(sock.0, self.now + delay);
            return Ok(false);
        }
        self.prepare(sock);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Manner;
    use super::*;
    use crate::base::Address;
    use crate::net::Signal;
    use crate::net::sim::{Cruelty, Far, Sim};

    const HERE: &str = "127.0.0.1:8080";
    const ASKED: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    fn here() -> Address {
        Address::Tcp(HERE.parse().unwrap())
    }

    /// A backend on a simulated kernel, and who tells it things.
    struct House {
        backend: Backend<Sim>,
        handle: Handle,
    }

    impl House {
        fn new(seed: u64) -> House {
            let cruelty = if seed == 0 { Cruelty::calm() } else { Cruelty { accept_fails: 0, ..Cruelty::cruel() } };
            let manner = Manner { name: "one".into(), ..Manner::default() };
            let mut backend = Backend::new(Sim::new(seed, cruelty), &[here()], manner).unwrap();
            let (handle, orders) = pair();
            backend.heed(orders);
            House { backend, handle }
        }

        fn sim(&mut self) -> &mut Sim {
            &mut self.backend.net
        }

        /// Turns until nothing more happens, or `done`.
        fn settle(&mut self, done: impl Fn(&Sim) -> bool) {
            while !done(&self.backend.net) {
                assert!(self.backend.turn().unwrap());
                if self.backend.net.silent() {
                    return;
                }
            }
        }

        fn tell(&mut self, mood: Mood) {
            self.handle.tell(mood);
            self.sim().signal(Signal::Wake);
            self.backend.turn().unwrap();
            assert_eq!(self.backend.mood, mood);
        }

        fn dial(&mut self) -> Far {
            let far = self.sim().dial(here());
            self.settle(|sim| sim.far(far).connected || sim.far(far).refused);
            far
        }

        fn ask(&mut self, far: Far) {
            let mut rest = ASKED;
            while !rest.is_empty() {
                let count = self.sim().far_write(far, rest);
                rest = &rest[count..];
                self.backend.turn().unwrap();
            }
        }

        /// What comes until nothing more does.
        fn hears(&mut self, far: Far) -> String {
            let (mut text, end) = (Vec::new(), self.sim().now() + 4 * LATER);
            self.sim().alarm(end);
            while self.sim().now() < end {
                self.sim().far_read(far, &mut text, 10_000);
                if text.ends_with(b"\n") && !text.ends_with(b"\r\n") || self.sim().far(far).reset {
                    break;
                }
                self.backend.turn().unwrap();
            }
            String::from_utf8(text).unwrap()
        }
    }

    #[test]
    fn each_mood_has_its_number() {
        for (number, (mood, _)) in (0..).zip(Mood::ALL) {
            assert_eq!((mood as u8, Mood::of(number)), (number, mood));
        }
    }

    #[test]
    fn a_killed_one_resets_and_refuses_and_is_back_where_it_was() {
        for seed in 0..20 {
            let mut house = House::new(seed);
            let far = house.dial();
            house.ask(far);
            assert!(house.hears(far).starts_with("HTTP/1.1 200 OK\r\n"), "seed {seed}");
            house.tell(Mood::Killed);
            house.settle(|sim| sim.far(far).reset);
            assert!(house.sim().far(far).reset, "seed {seed}");
            assert_eq!(house.sim().open_sockets(), 0, "seed {seed}");
            house.tell(Mood::Normal);
            let again = house.dial();
            house.ask(again);
            let text = house.hears(again);
            assert!(text.ends_with("Hello from one on port 8080, request 2\n"), "seed {seed}: {text}");
            assert_eq!(house.handle.answered(), 2);
        }
    }

    #[test]
    fn a_hanging_one_answers_nobody_until_it_is_restarted() {
        for seed in 0..20 {
            let mut house = House::new(seed);
            house.tell(Mood::Hanging);
            let (stays, leaves) = (house.dial(), house.dial());
            house.ask(stays);
            house.ask(leaves);
            assert_eq!((house.hears(stays), house.handle.answered()), (String::new(), 0), "seed {seed}");
            house.sim().far_finish(leaves);
            assert_eq!(house.hears(leaves), "");
            assert_eq!(house.backend.connections.len(), 1, "seed {seed}: who has gone is not kept");
            house.tell(Mood::Normal);
            assert!(house.hears(stays).starts_with("HTTP/1.1 200 OK\r\n"), "seed {seed}");
        }
    }

    #[test]
    fn a_slow_one_answers_a_second_later_and_a_broken_one_badly() {
        for seed in 0..20 {
            let mut house = House::new(seed);
            let far = house.dial();
            house.tell(Mood::Slow);
            let before = house.sim().now();
            house.ask(far);
            assert!(house.hears(far).starts_with("HTTP/1.1 200 OK\r\n"), "seed {seed}");
            assert!(house.sim().now() - before >= LATER, "seed {seed}");
            house.tell(Mood::Broken);
            house.ask(far);
            assert!(house.hears(far).starts_with("HTTP/1.1 500 "), "seed {seed}");
        }
    }
}
