//! The loop's account of itself, on the simulated kernel, which knows what it has charged for: work is told from waiting,
//! and turns that were for something from those that were not.

#[path = "support/lone.rs"]
mod lone;

use evenkeel::base::Time;
use evenkeel::net::sim::{Cruelty, Sim};
use evenkeel::proxy::Proxy;
use lone::{address, balancer};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Clients come one after the other, each a tenth of a second after the one before, and say nothing.
fn visited(work: Duration) -> Proxy<Sim> {
    let mut proxy = balancer(Cruelty { work, ..Cruelty::calm() });
    for number in 1..=50 {
        let at = Time(proxy.net().now().0) + SECOND / 10;
        proxy.net_mut().alarm(at);
        while proxy.net().now() < at {
            proxy.turn().unwrap();
        }
        proxy.net_mut().dial(address(5001));
        while proxy.stats().accepted < number {
            proxy.turn().unwrap();
        }
    }
    proxy
}

#[test]
fn who_does_nothing_but_wait_is_never_busy() {
    let proxy = visited(Duration::ZERO);
    let (view, stats) = (proxy.view(), proxy.stats());
    assert_eq!(view.tallies.turns.sum(), Duration::ZERO);
    assert_eq!(view.tallies.turns.count(), stats.turns - 1);
    assert!(view.tallies.waited(view.now) >= SECOND * 5, "{:?}", view.tallies.waited(view.now));
}

#[test]
fn what_the_kernel_charges_for_is_what_the_loop_calls_busy() {
    let most = Duration::from_millis(1);
    let proxy = visited(most);
    let (view, stats) = (proxy.view(), proxy.stats());
    let turns = view.tallies.turns.count();
    assert_eq!(turns, stats.turns - 1);
    let mean = view.tallies.turns.sum() / turns as u32;
    assert!(mean > most / 4 && mean < most * 3 / 4, "half of {most:?} is charged for a turn, and {mean:?} is told");
    let longer = view.tallies.turns.buckets().filter(|(bound, _)| bound.is_none_or(|bound| bound > 1_000_000));
    assert_eq!(longer.map(|(_, count)| count).sum::<u64>(), 0, "no turn takes longer");
    let passed = view.now.since(view.tallies.since);
    assert_eq!(view.tallies.waited(view.now) + view.tallies.turns.sum(), passed);
    assert!(passed >= SECOND * 5);
}

/// A kernel may wake a loop for no reason: told, and not mistaken for work.
#[test]
fn a_turn_for_which_there_was_no_reason_is_in_vain() {
    for early in [0, 500] {
        let mut proxy = balancer(Cruelty::calm());
        proxy.net_mut().cruelty_mut().early = early;
        proxy.net_mut().dial(address(5001));
        while proxy.stats().closed == 0 {
            proxy.turn().unwrap();
        }
        let stats = proxy.stats();
        assert_eq!(stats.reasons.get("header_timeout"), Some(&1));
        assert_eq!(stats.turns_in_vain > 0, early > 0, "{stats:?}");
        assert!(stats.came_due > 0 && stats.turns_in_vain < stats.turns, "{stats:?}");
    }
}

/// Nobody comes, so that nothing else wakes it.
#[test]
fn a_beat_comes_though_nothing_happens_and_is_no_turn_in_vain() {
    let mut proxy = balancer(Cruelty::calm());
    let every = SECOND * 15;
    proxy.beat_every(Some(every));
    let mut heard = Vec::new();
    for _ in 0..4 {
        proxy.turn().unwrap();
        assert!(proxy.has_beaten() && !proxy.has_beaten(), "once for each");
        heard.push(proxy.view().now);
    }
    assert!(heard.windows(2).all(|pair| pair[1].since(pair[0]) == every), "{heard:?}");
    assert_eq!((proxy.stats().turns, proxy.stats().turns_in_vain), (4, 0));
}
