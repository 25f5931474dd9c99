//! The demo's clients before a server of the test's, on the simulated kernel: calm, and cruel.

use super::*;
use crate::net::sim::{Cruelty, Far, Sim, Welcome};
use std::collections::BTreeSet;
use std::sync::mpsc::{Sender, channel};

const THERE: &str = "127.0.0.1:5001";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BROKEN: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

fn there() -> Address {
    Address::Tcp(THERE.parse().unwrap())
}

/// One connection of the server.
struct Guest {
    far: Far,
    heard: Vec<u8>,
    owed: Vec<u8>,
    /// Every number of bytes that came at once.
    pieces: BTreeSet<usize>,
}

/// The clients, and the server that they ask.
struct World {
    load: Load<Sim>,
    wishes: Sender<Wish>,
    guests: Vec<Guest>,
    answer: &'static [u8],
    most: usize,
    alarm: Time,
}

impl World {
    fn new(seed: u64) -> World {
        let cruelty = if seed == 0 { Cruelty::calm() } else { Cruelty::cruel() };
        let mut sim = Sim::new(seed, cruelty);
        sim.serve(there(), Welcome::Accept);
        let (wishes, inbox) = channel();
        let load = Load::new(sim, there(), inbox, Arc::new(Seen::default()));
        World { load, wishes, guests: Vec::new(), answer: OK, most: 0, alarm: Time(0) }
    }

    fn sim(&mut self) -> &mut Sim {
        &mut self.load.net
    }

    fn wish(&mut self, wish: Wish) {
        self.wishes.send(wish).unwrap();
        self.sim().signal(Signal::Wake);
    }

    fn seen(&self) -> Sight {
        self.load.seen.sight()
    }

    /// One turn of the clients, and what the server does about it.
    fn turn(&mut self) {
        if self.alarm <= self.load.net.now() {
            self.alarm = self.load.net.now() + Duration::from_millis(5);
            let next = self.alarm;
            self.sim().alarm(next);
        }
        assert!(self.load.turn().unwrap());
        while let Some(far) = self.sim().take(&there()) {
            self.guests.push(Guest { far, heard: Vec::new(), owed: Vec::new(), pieces: BTreeSet::new() });
        }
        let (sim, answer) = (&mut self.load.net, self.answer);
        for guest in &mut self.guests {
            let count = sim.far_read(guest.far, &mut guest.heard, 10_000);
            guest.pieces.extend((count > 0).then_some(count));
            while let Some(end) = guest.heard.windows(4).position(|four| four == b"\r\n\r\n") {
                guest.heard.drain(..end + 4);
                guest.owed.extend_from_slice(answer);
            }
            let sent = sim.far_write(guest.far, &guest.owed);
            guest.owed.drain(..sent);
        }
        let up = |guest: &&Guest| sim.far(guest.far).room > 0;
        self.most = self.most.max(self.guests.iter().filter(up).count());
    }

    fn until(&mut self, what: &str, done: impl Fn(&World) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            self.turn();
        }
        panic!("waited in vain: {what}: {:?}", self.seen());
    }
}

#[test]
fn a_gentle_load_asks_fifty_times_a_second_on_few_connections() {
    let mut world = World::new(0);
    world.wish(Wish::Load(true));
    let end = world.sim().now() + Duration::from_secs(10);
    world.until("ten seconds", |world| world.load.net.now() >= end);
    let seen = world.seen();
    assert!((495..=502).contains(&seen.asked) && seen.failed == 0, "{seen:?}");
    assert!(seen.asked - seen.ok <= 1 && world.guests.len() <= 2, "{seen:?}, {} connections", world.guests.len());
    assert!(seen.slowest > Duration::ZERO && seen.slowest < Duration::from_millis(20), "{seen:?}");
    world.wish(Wish::Load(false));
    world.until("an empty house", |world| world.load.clients.is_empty());
    let asked = world.seen().asked;
    (0..100).for_each(|_| world.turn());
    assert_eq!((world.seen().asked, world.seen().ok), (asked, asked));
    assert_eq!(world.sim().open_sockets(), 0);
}

#[test]
fn a_burst_is_five_hundred_requests_on_fifty_connections() {
    for seed in 0..4 {
        let mut world = World::new(seed);
        world.wish(Wish::Burst);
        world.until("the burst", |world| world.seen().ok == u64::from(BURST));
        assert_eq!((world.seen().asked, world.seen().failed), (u64::from(BURST), 0), "seed {seed}");
        assert_eq!((world.guests.len(), world.most), (ABREAST, ABREAST), "seed {seed}");
        world.until("an empty house", |world| world.load.clients.is_empty());
    }
}

#[test]
fn a_slow_client_sends_byte_by_byte_and_is_heard_all_the_same() {
    for seed in 0..4 {
        let mut world = World::new(seed);
        world.wish(Wish::Slow);
        let began = world.sim().now();
        world.until("its answer", |world| world.seen().ok == 1);
        assert!(world.sim().now() - began > 30 * SLOWLY, "seed {seed}");
        assert!(world.guests[0].pieces.iter().all(|&count| count <= 2), "seed {seed}: {:?}", world.guests[0].pieces);
        assert_eq!(world.seen().slowest, Duration::ZERO, "its own time is nobody else's");
    }
}

#[test]
fn nonsense_is_to_be_refused() {
    for seed in 0..4 {
        let mut world = World::new(seed);
        let kinds = client::NONSENSE.len() as u64;
        world.answer = BAD;
        world.wish(Wish::Garbage);
        world.until("all of them", |world| world.guests.len() as u64 == kinds);
        // What never ends, to a reader as simple as the one above, is refused as well.
        world.guests.iter_mut().for_each(|guest| guest.owed = BAD.to_vec());
        world.until("the refusals", |world| world.load.clients.is_empty());
        assert_eq!((world.seen().refused, world.seen().failed), (kinds, 0), "seed {seed}");
    }
}

#[test]
fn who_takes_nonsense_for_a_request_and_who_answers_badly_fails() {
    let mut world = World::new(0);
    world.wish(Wish::Garbage);
    world.until("an end of some", |world| world.seen().failed >= 3);
    let mut world = World::new(0);
    world.answer = BROKEN;
    world.wish(Wish::Burst);
    world.until("the burst", |world| world.seen().failed == u64::from(BURST));
}

#[test]
fn nobody_there_is_a_failure_and_ends_soon() {
    let mut world = World::new(0);
    world.sim().unserve(there());
    world.wish(Wish::Burst);
    world.until("the burst", |world| world.seen().failed == u64::from(BURST));
    assert_eq!(world.sim().open_sockets(), 0);
    world.sim().serve(there(), Welcome::Swallow);
    world.wish(Wish::Slow);
    world.until("its patience", |world| world.seen().failed == u64::from(BURST) + 1);
    assert_eq!(world.sim().open_sockets(), 0);
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_costs_nothing() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.wish(Wish::Load(true));
        for round in 1..20 {
            world.until("some answers", |world| world.seen().ok >= 5 * round);
            for guest in std::mem::take(&mut world.guests) {
                world.sim().far_close(guest.far);
            }
        }
        let seen = world.seen();
        // Whose request the server had in hand when it closed may be lost; who asked on a kept one asks again.
        assert!(seen.failed <= 3, "seed {seed}: {seen:?}");
    }
}

#[test]
fn whoever_counts_begins_anew() {
    let mut world = World::new(0);
    world.wish(Wish::Burst);
    world.until("the burst", |world| world.seen().ok == u64::from(BURST));
    let before = world.load.seen.sight();
    world.load.seen.begin_anew();
    assert!(before.slowest > Duration::ZERO);
    assert_eq!(world.seen(), Sight { slowest: Duration::ZERO, ..before });
}
