//! The kernel alone: is each promise of the contract kept, and each liberty taken?

use super::wire::DEFERRED;
use super::*;
use crate::base::Peer;
use crate::net::{Event, ListenOptions, Moved, Net, Sent};
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;

const HERE: &str = "127.0.0.1:5001";
const THERE: &str = "127.0.0.1:8080";

fn at(text: &str) -> Address {
    Address::Tcp(text.parse().expect("an address"))
}

/// All events until nothing more happens.
fn settle(sim: &mut Sim) -> Vec<Event> {
    let mut events = Vec::new();
    while !sim.silent() {
        sim.wait(None, &mut events).expect("waits");
    }
    sim.silent = false;
    events
}

fn readable(events: &[Event], of: Sock) -> usize {
    let hit = |event: &&Event| matches!(event, Event::Ready { sock, readable: true, .. } if *sock == of);
    events.iter().filter(hit).count()
}

fn writable(events: &[Event], of: Sock) -> usize {
    let hit = |event: &&Event| matches!(event, Event::Ready { sock, writable: true, .. } if *sock == of);
    events.iter().filter(hit).count()
}

fn broken(events: &[Event], of: Sock) -> bool {
    events.iter().any(|event| matches!(event, Event::Ready { sock, broken: true, .. } if *sock == of))
}

/// A client's connection, accepted and watched, everything told that was to tell.
fn accepted(cruelty: Cruelty) -> (Sim, Sock, Far) {
    let mut sim = Sim::new(1, cruelty);
    let listener = sim.listen(&at(HERE), ListenOptions::default()).expect("free");
    let far = sim.dial(at(HERE));
    assert_eq!(readable(&settle(&mut sim), listener), 1);
    let (sock, peer) = sim.accept(listener).expect("enough").expect("one");
    assert_eq!(peer, sim.address(far).into());
    assert_eq!(sim.accept(listener).expect("enough"), None);
    sim.watch(sock).expect("watched");
    settle(&mut sim);
    (sim, sock, far)
}

fn read(sim: &mut Sim, sock: Sock, most: usize) -> std::io::Result<Moved> {
    sim.read(sock, &mut vec![0; most])
}

fn write(sim: &mut Sim, sock: Sock, count: usize) -> std::io::Result<Sent> {
    sim.write(sock, &[IoSlice::new(&vec![7; count])])
}

#[test]
fn an_edge_comes_once_and_again_only_after_nothing_more() {
    let (mut sim, sock, far) = accepted(Cruelty { repeats: 0, ..Cruelty::calm() });
    sim.far_write(far, b"hello");
    assert_eq!(readable(&settle(&mut sim), sock), 1);
    sim.far_write(far, b" again");
    assert_eq!(readable(&settle(&mut sim), sock), 0, "not drained: no rescue");
    assert_eq!(read(&mut sim, sock, 5).expect("bytes"), Moved::Bytes { count: 5, more: true });
    assert_eq!(readable(&settle(&mut sim), sock), 0, "said more: no rescue");
    assert_eq!(read(&mut sim, sock, 99).expect("bytes"), Moved::Bytes { count: 6, more: false });
    assert_eq!(readable(&settle(&mut sim), sock), 0);
    sim.far_write(far, b"x");
    assert_eq!(readable(&settle(&mut sim), sock), 1);
}

#[test]
fn each_arrival_is_told_of_unless_one_is_muted() {
    let (mut sim, sock, far) = accepted(Cruelty::calm());
    let arrives = |sim: &mut Sim| {
        sim.far_write(far, b"x");
        readable(&settle(sim), sock)
    };
    assert_eq!((arrives(&mut sim), arrives(&mut sim)), (1, 1));
    sim.mute(sock, true).expect("muted");
    assert_eq!(arrives(&mut sim), 0);
    assert_eq!(read(&mut sim, sock, 9).expect("bytes"), Moved::Bytes { count: 3, more: false });
    assert_eq!(arrives(&mut sim), 0);
    sim.mute(sock, false).expect("heard");
    assert_eq!(readable(&settle(&mut sim), sock), 1, "what came meanwhile");
    sim.mute(sock, true).expect("muted");
    sim.far_reset(far);
    assert!(broken(&settle(&mut sim), sock));
}

#[test]
fn an_unwatched_socket_hears_nothing_until_it_is_watched() {
    let mut sim = Sim::new(1, Cruelty::calm());
    let listener = sim.listen(&at(HERE), ListenOptions::default()).expect("free");
    let far = sim.dial(at(HERE));
    settle(&mut sim);
    let (sock, _) = sim.accept(listener).expect("enough").expect("one");
    sim.far_write(far, b"early");
    assert_eq!(readable(&settle(&mut sim), sock), 0);
    sim.watch(sock).expect("watched");
    assert_eq!(readable(&settle(&mut sim), sock), 1);
}

#[test]
fn a_read_cut_short_either_says_more_or_owes_an_edge() {
    let mut cruelty = Cruelty::calm();
    (cruelty.short_reads, cruelty.more, cruelty.nothing) = (700, 500, 200);
    let (mut sim, sock, far) = accepted(cruelty);
    let (mut got, mut ready) = (0, false);
    for _ in 0..20 {
        sim.far_write(far, &[1; 100]);
        let mut events = settle(&mut sim);
        loop {
            ready |= readable(&events, sock) > 0;
            while ready {
                match read(&mut sim, sock, 64).expect("bytes") {
                    Moved::Bytes { count, more } => (got, ready) = (got + count, more),
                    Moved::Nothing => ready = false,
                    Moved::End => unreachable!("nobody ended"),
                }
            }
            events = settle(&mut sim);
            if events.is_empty() {
                break;
            }
        }
    }
    assert_eq!(got, 2000);
}

#[test]
fn an_end_is_told_after_the_last_byte_and_leaves_the_other_direction_open() {
    let (mut sim, sock, far) = accepted(Cruelty::calm());
    sim.far_write(far, b"bye");
    sim.far_finish(far);
    assert!(readable(&settle(&mut sim), sock) >= 1);
    assert_eq!(read(&mut sim, sock, 3).expect("bytes"), Moved::Bytes { count: 3, more: true });
    assert_eq!(read(&mut sim, sock, 3).expect("end"), Moved::End);
    assert_eq!(write(&mut sim, sock, 10).expect("open"), Sent::Bytes(10));
    sim.finish(sock);
    settle(&mut sim);
    let mut bytes = Vec::new();
    assert_eq!(sim.far_read(far, &mut bytes, 99), 10);
    assert!(sim.far(far).ended && !sim.far(far).reset);
}

#[test]
fn a_full_window_blocks_and_the_edge_comes_when_the_far_end_reads() {
    let mut cruelty = Cruelty::calm();
    cruelty.window = (1000, 1000);
    let (mut sim, sock, far) = accepted(cruelty);
    assert_eq!(write(&mut sim, sock, 1500).expect("open"), Sent::Bytes(1000));
    assert_eq!(write(&mut sim, sock, 500).expect("open"), Sent::Blocked);
    assert_eq!(writable(&settle(&mut sim), sock), 0);
    sim.far_read(far, &mut Vec::new(), 100);
    assert_eq!(writable(&settle(&mut sim), sock), 0, "too little room to wake anybody");
    sim.far_read(far, &mut Vec::new(), 900);
    assert_eq!(writable(&settle(&mut sim), sock), 1);
    assert_eq!(sim.far_write(far, &[0; 1500]), 1000, "the same from outside");
    assert_eq!(sim.far_write(far, &[0; 1500]), 0);
}

#[test]
fn a_reset_breaks_both_directions_and_takes_unread_bytes_along_or_not() {
    for lost in [0, 1000] {
        let (mut sim, sock, far) = accepted(Cruelty::calm());
        sim.cruelty_mut().lost = lost;
        sim.far_write(far, b"half");
        settle(&mut sim);
        sim.far_reset(far);
        assert!(broken(&settle(&mut sim), sock));
        if lost == 0 {
            assert!(matches!(read(&mut sim, sock, 9), Ok(Moved::Bytes { count: 4, .. })));
        }
        let error = read(&mut sim, sock, 9).expect_err("reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(write(&mut sim, sock, 1).is_err());
    }
}

#[test]
fn an_error_told_by_a_write_may_leave_a_clean_end_for_a_read() {
    let (mut sim, sock, far) = accepted(Cruelty::calm());
    sim.cruelty_mut().forgets = 1000;
    sim.far_reset(far);
    settle(&mut sim);
    assert!(write(&mut sim, sock, 1).is_err());
    assert_eq!(read(&mut sim, sock, 9).expect("forgotten"), Moved::End);
}

#[test]
fn closing_with_bytes_unread_resets_and_so_do_bytes_for_a_closed_end() {
    let (mut sim, sock, far) = accepted(Cruelty::calm());
    sim.far_write(far, b"unread");
    settle(&mut sim);
    sim.close(sock);
    settle(&mut sim);
    assert!(sim.far(far).reset);

    let (mut sim, sock, far) = accepted(Cruelty::calm());
    sim.far_close(far);
    settle(&mut sim);
    assert_eq!(write(&mut sim, sock, 5).expect("not known yet"), Sent::Bytes(5));
    assert!(broken(&settle(&mut sim), sock));
}

#[test]
fn a_connect_succeeds_is_refused_is_late_or_is_swallowed() {
    let mut sim = Sim::new(3, Cruelty::calm());
    let outcome_of = |sim: &mut Sim, welcome: Option<Welcome>| {
        sim.unserve(at(THERE));
        if let Some(welcome) = welcome {
            sim.serve(at(THERE), welcome);
        }
        let sock = sim.connect(&at(THERE)).expect("begun");
        assert!(sim.outcome(sock).is_none());
        let told = writable(&settle(sim), sock) > 0;
        let outcome = sim.outcome(sock).map(|outcome| outcome.is_ok());
        assert_eq!(told, outcome.is_some());
        outcome
    };
    let late = Welcome::Delay(Duration::from_secs(1));
    assert_eq!(outcome_of(&mut sim, None), Some(false));
    assert_eq!(outcome_of(&mut sim, Some(Welcome::Accept)), Some(true));
    assert!(sim.take(&at(THERE)).is_some() && sim.take(&at(THERE)).is_none());
    assert_eq!(outcome_of(&mut sim, Some(Welcome::Refuse)), Some(false));
    assert_eq!(outcome_of(&mut sim, Some(Welcome::Swallow)), None);
    let before = sim.now();
    assert_eq!(outcome_of(&mut sim, Some(late)), Some(true));
    assert!(sim.now().since(before) >= Duration::from_secs(1));
}

#[test]
fn a_slot_is_free_from_the_next_wait_on_and_the_last_closed_comes_first() {
    let mut sim = Sim::new(1, Cruelty::calm());
    let first = sim.connect(&at(THERE)).expect("begun");
    let second = sim.connect(&at(THERE)).expect("begun");
    sim.close(first);
    sim.close(second);
    let third = sim.connect(&at(THERE)).expect("begun");
    assert!(third != first && third != second, "the batch is not over");
    settle(&mut sim);
    assert_eq!(sim.connect(&at(THERE)).expect("begun"), second);
    assert_eq!(sim.open_sockets(), 2);
}

#[test]
fn descriptors_run_out_and_the_connection_stays_in_the_queue() {
    let mut sim = Sim::new(1, Cruelty::calm());
    let listener = sim.listen(&at(HERE), ListenOptions::default()).expect("free");
    sim.dial(at(HERE));
    settle(&mut sim);
    sim.cruelty_mut().descriptors = Some(1);
    assert!(sim.accept(listener).is_err() && sim.connect(&at(THERE)).is_err());
    assert_eq!(readable(&settle(&mut sim), listener), 0, "no new edge tells of it");
    sim.cruelty_mut().descriptors = None;
    assert!(sim.accept(listener).expect("enough").is_some());
}

#[test]
fn a_deferring_listener_tells_of_those_who_speak_and_after_a_second_of_the_silent() {
    let mut sim = Sim::new(1, Cruelty { defers: 1000, ..Cruelty::calm() });
    let options = ListenOptions { deferred: true, ..ListenOptions::default() };
    let listener = sim.listen(&at(HERE), options).expect("free");
    let (silent, speaking) = (sim.dial(at(HERE)), sim.dial(at(HERE)));
    let start = sim.now();
    sim.wait(None, &mut Vec::new()).expect("waits"); // they stand
    sim.far_write(speaking, b"hello");
    assert_eq!(next_client(&mut sim, listener), sim.address(speaking));
    assert!(sim.now().since(start) < DEFERRED);
    assert_eq!(next_client(&mut sim, listener), sim.address(silent));
    assert!(sim.now().since(start) >= DEFERRED);
    let kept = [1, 2].map(|sock| sim.kept_back(Sock(sock)));
    assert_eq!(kept, [Duration::ZERO, DEFERRED], "who spoke, who was silent");
}

/// Whoever comes in next.
fn next_client(sim: &mut Sim, listener: Sock) -> SocketAddr {
    loop {
        if let Some((_, peer)) = sim.accept(listener).expect("enough") {
            let Peer::Tcp(peer) = peer else { panic!("no address") };
            return peer;
        }
        sim.wait(None, &mut Vec::new()).expect("waits");
        assert!(!sim.silent(), "nobody came");
    }
}

#[test]
fn the_clock_jumps_to_what_comes_first() {
    let mut sim = Sim::new(1, Cruelty::calm());
    let start = sim.now();
    let second = |n| start + Duration::from_secs(n);
    sim.alarm(second(2));
    let mut events = Vec::new();
    assert_eq!(sim.wait(Some(second(1)), &mut events).expect("waits"), second(1));
    assert_eq!(sim.wait(Some(second(9)), &mut events).expect("waits"), second(2));
    assert_eq!(sim.wait(Some(start), &mut events).expect("waits"), second(2));
    assert!(!sim.silent());
    sim.wait(None, &mut events).expect("waits");
    assert!(sim.silent() && events.is_empty());
}

#[test]
fn through_the_portable_selector_every_read_says_more() {
    let (mut sim, sock, far) = accepted(Cruelty::calm().portable());
    sim.far_write(far, b"abc");
    settle(&mut sim);
    assert_eq!(read(&mut sim, sock, 9).expect("bytes"), Moved::Bytes { count: 3, more: true });
    sim.far_reset(far);
    assert!(settle(&mut sim).is_empty(), "not even a reset is told before a call said Nothing");
}

#[test]
#[should_panic(expected = "a call on a closed socket")]
fn a_call_on_a_closed_socket_is_a_bug() {
    let (mut sim, sock, _) = accepted(Cruelty::calm());
    sim.close(sock);
    let _ = read(&mut sim, sock, 1);
}

#[test]
#[should_panic(expected = "the loop spins")]
fn turns_without_progress_are_a_bug() {
    let mut sim = Sim::new(1, Cruelty::calm());
    for _ in 0..=PATIENCE {
        sim.wait(Some(Time(0)), &mut Vec::new()).expect("waits");
    }
}

#[test]
fn what_more_is_to_follow_leaves_with_it_and_is_lost_in_a_reset() {
    let mut cruelty = Cruelty::calm();
    cruelty.end_rides = 1000;
    for (resets, expected) in [(false, 5), (true, 0)] {
        let (mut sim, sock, far) = accepted(cruelty.clone());
        assert_eq!(sim.write_more(sock, &[IoSlice::new(b"hel")]).expect("taken"), Sent::Bytes(3));
        assert_eq!(sim.write_more(sock, &[IoSlice::new(b"lo")]).expect("taken"), Sent::Bytes(2));
        if resets {
            sim.reset(sock)
        } else {
            sim.close(sock)
        }
        settle(&mut sim);
        assert_eq!(sim.far_read(far, &mut Vec::new(), 9), expected);
    }
}

#[test]
#[should_panic(expected = "left to itself")]
fn what_more_is_to_follow_and_does_not_is_a_bug() {
    let (mut sim, sock, _) = accepted(Cruelty::calm());
    let _ = sim.write_more(sock, &[IoSlice::new(b"hello")]);
    settle(&mut sim);
}

/// An echo of everything, with many clients, as a workload whose trace is compared.
fn echo(seed: u64) -> (u64, usize) {
    let mut sim = Sim::new(seed, Cruelty::cruel());
    let listener = sim.listen(&at(HERE), ListenOptions::default()).expect("free");
    let fars: Vec<Far> = (0..5).map(|_| sim.dial(at(HERE))).collect();
    let (mut events, mut got) = (Vec::new(), Vec::new());
    for turn in 0..200 {
        sim.wait(Some(Time(0)), &mut events).expect("waits");
        let soon = sim.now() + Duration::from_millis(1);
        sim.wait(Some(soon), &mut events).expect("waits");
        for event in events.drain(..) {
            let Event::Ready { sock, readable: true, .. } = event else {
                continue;
            };
            if sock == listener {
                if let Ok(Some((sock, _))) = sim.accept(listener) {
                    sim.watch(sock).expect("watched");
                }
            } else if let Ok(Moved::Bytes { count, .. }) = read(&mut sim, sock, 50) {
                let _ = write(&mut sim, sock, count);
            }
        }
        sim.far_write(fars[turn % 5], &[3; 40]);
        sim.far_read(fars[turn % 5], &mut got, 100);
    }
    (sim.trace_hash(), got.len())
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_another() {
    let (first, bytes) = echo(7);
    assert!(bytes > 0);
    assert_eq!(first, echo(7).0);
    assert_ne!(first, echo(8).0);
}
