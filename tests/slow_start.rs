//! Who returns gets a share that grows evenly, with every policy, and the others share the rest as their weights say.

use evenkeel::balance::health::Step;
use evenkeel::balance::{BackendId, Backends, Cause, PoolId, Wanted, key};
use evenkeel::base::{Address, Time};
use evenkeel::config::{self, Health, PolicyName, Pool};
use std::collections::VecDeque;
use std::time::Duration;

const POOL: PoolId = PoolId(0);
const BACK: BackendId = BackendId(0);
const SPAN: Duration = Duration::from_secs(100);

fn at(percent: u64) -> Time {
    Time(0) + Duration::from_secs(percent)
}

/// A pool whose first backend has just returned.
fn returned(policy: PolicyName, weights: &[u32]) -> Backends {
    let health = Health { fall: 1, rise: 1, slow_start: Some(SPAN), ..Health::default() };
    let backend = |(number, &weight): (usize, &u32)| {
        let name = format!("10.0.0.{}:80", number + 1);
        config::Backend { address: Address::Tcp(name.parse().unwrap()), name, weight }
    };
    let backends = weights.iter().enumerate().map(backend).collect();
    let mut all = Backends::new(&[Pool { name: "app".into(), policy, backends, health, ..Pool::default() }], 7);
    let cause = Cause { step: Step::Connect, what: "refused".into(), took: Duration::ZERO };
    all.get_mut(BACK).health.fail(at(0), &cause);
    assert!(weights.len() == 1 || pick(&mut all, 0, at(0)) != Some(0));
    all.get_mut(BACK).health.pass(at(0), Duration::ZERO);
    all.returned(BACK, at(0));
    all
}

fn pick(backends: &mut Backends, number: u64, now: Time) -> Option<usize> {
    let key = key::hash(number.to_be_bytes());
    backends.pick(POOL, &Wanted { key, now, ..Wanted::default() }).map(|id| id.0 as usize)
}

const PICKS: u64 = 20_000;

/// The share of each in per cent of all picks, while `under_way` requests are.
fn shares(backends: &mut Backends, of: usize, under_way: usize, now: Time) -> Vec<f64> {
    let (mut had, mut flying) = (vec![0.0; of], VecDeque::new());
    for number in 0..PICKS {
        let row = pick(backends, number, now).unwrap();
        had[row] += 100.0 / PICKS as f64;
        backends.begin(BackendId(row as u32));
        flying.push_back(row);
        if flying.len() > under_way {
            backends.end(BackendId(flying.pop_front().unwrap() as u32));
        }
    }
    flying.into_iter().for_each(|row| backends.end(BackendId(row as u32)));
    had
}

#[test]
fn a_share_grows_evenly_with_every_policy_whatever_is_under_way() {
    for (_, policy) in PolicyName::ALL {
        for (weights, under_way) in [([1, 1, 1, 1], 0), ([1, 1, 1, 1], 60), ([2, 1, 1, 2], 60), ([1, 3, 2, 1], 70)] {
            let mut backends = returned(policy, &weights);
            let packs = policy == PolicyName::First;
            let all: u32 = weights.iter().sum();
            for percent in [0, 10, 25, 50, 75, 90, 100] {
                let had = shares(&mut backends, 4, under_way, at(percent));
                let due = if packs { 100.0 } else { 100.0 * f64::from(weights[0]) / f64::from(all) };
                let meant = due * percent as f64 / 100.0;
                let story = format!("{policy:?} {weights:?} {under_way} at {percent} %: {had:.1?}, meant {meant:.1}");
                assert!((had[0] - meant).abs() < 3.0, "{story}");
                for row in 1..4 {
                    let mine = (100.0 - had[0]) * f64::from(weights[row]) / f64::from(all - weights[0]);
                    assert!(packs || (had[row] - mine).abs() < 4.5, "{row}: {story}");
                }
            }
        }
    }
}

#[test]
fn who_is_alone_is_picked_however_cold() {
    for (_, policy) in PolicyName::ALL {
        let mut backends = returned(policy, &[1]);
        assert!((0..100).all(|number| pick(&mut backends, number, at(0)) == Some(0)), "{policy:?}");
    }
}

/// A key that came home stays there, and the others' keys do not move for it.
#[test]
fn keys_come_home_one_by_one() {
    for policy in [PolicyName::Rendezvous, PolicyName::Maglev] {
        let mut backends = returned(policy, &[1, 1, 1]);
        let mut owners =
            |percent| (0..2000).map(|key| pick(&mut backends, key, at(percent)).unwrap()).collect::<Vec<_>>();
        let home = owners(100);
        let mut backends = returned(policy, &[1, 1, 1]);
        let mut owners =
            |percent| (0..2000).map(|key| pick(&mut backends, key, at(percent)).unwrap()).collect::<Vec<_>>();
        let mut before = owners(0);
        for percent in [10, 40, 70, 99] {
            let now = owners(percent);
            for key in 0..2000 {
                assert!(now[key] == before[key] || now[key] == home[key] && home[key] == 0, "{policy:?} {key}");
            }
            before = now;
        }
        assert!(home.iter().zip(&before).filter(|(home, now)| home != now).count() < 20);
    }
}
