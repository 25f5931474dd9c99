//! An operator who changes the configuration while everything runs: what he asks for, and what the world expects of it.
//!
//! Backends leave pools and come back, policies change, listeners come and go; and some of it cannot be done, which must
//! change nothing. What the properties make of it is in [`world`](super::world): who is removed is as one who gets no new
//! work and is not asked how he is; who has returned is new.

use super::House;
use super::house;
use super::plan::{Plan, address};
use evenkeel::base::Rng;
use evenkeel::config::{Config, HashOn, Mode, PolicyName};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// A backend leaves its pool.
    Remove(usize),
    /// It is there again.
    Return(usize),
    /// The pools have another policy.
    Policy(PolicyName),
    /// There is another listener, or it is gone.
    Spare,
    /// There is a listener where nobody can listen, and much else: all of that is refused.
    Taken,
    /// Nothing.
    Same,
}

/// What differs from the plan so far.
#[derive(Debug, Default)]
pub struct Changes {
    pub removed: BTreeSet<usize>,
    policy: Option<PolicyName>,
    spare: bool,
}

/// In one world of four. By dice of its own; never is the first of a pool removed.
pub fn some(plan: &Plan) -> Vec<(Duration, Reload)> {
    let mut rng = Rng::new(plan.seed ^ 0x004e_10ad);
    let later = |mode| plan.pool(mode).into_iter().skip(1);
    let open: Vec<usize> = later(Mode::Http).chain(later(Mode::Tcp)).collect();
    if rng.below(4) > 0 || plan.lame.is_some() {
        return Vec::new();
    }
    let mut one = || {
        let at = Duration::from_millis(rng.below(1500));
        let which = rng.below(8);
        let policy = PolicyName::ALL[rng.below(PolicyName::ALL.len() as u64) as usize].1;
        let backend = rng.one_of(&open).copied();
        Some((
            at,
            match (which, backend) {
                (0..3, Some(index)) => Reload::Remove(index),
                (3..5, Some(index)) => Reload::Return(index),
                (5, _) => Reload::Policy(policy),
                (6, _) if plan.cruelty.descriptors.is_none() => Reload::Spare, // it would take the last one
                (7, _) => Reload::Taken,
                _ => Reload::Same,
            },
        ))
    };
    let mut all: Vec<_> = (0..1 + plan.seed % 7).filter_map(|_| one()).collect();
    all.sort_by_key(|&(at, _)| at);
    all
}

impl Changes {
    /// Has the house go over to what is asked for. Errors: it did what cannot be, or did not do what can.
    pub fn make(&mut self, reload: Reload, plan: &Plan, house: &mut impl House) -> Result<(), String> {
        match reload {
            Reload::Remove(index) => drop(self.removed.insert(index)),
            Reload::Return(index) => drop(self.removed.remove(&index)),
            Reload::Policy(policy) => self.policy = Some(policy),
            Reload::Spare => self.spare = !self.spare,
            Reload::Taken | Reload::Same => {}
        }
        let mut config = self.config(plan);
        if reload == Reload::Taken {
            let mut twice = config.listeners[0].clone();
            (twice.name, twice.bind) = ("taken".into(), vec![spare(1), config.listeners[0].bind[0].clone()]);
            config.listeners.push(twice);
            config.pools.iter_mut().for_each(|pool| pool.backends.truncate(1));
        }
        let doors = house.doors();
        match (house.reload(&config), reload) {
            (Ok(()), Reload::Taken) => Err("it listens twice at one address".into()),
            (Err(_), Reload::Taken) if house.doors() == doors => Ok(()),
            (Err(what), Reload::Taken) => {
                Err(format!("refused, but {} listeners instead of {doors}: {what}", house.doors()))
            }
            (outcome, _) => outcome,
        }
    }

    fn config(&self, plan: &Plan) -> Config {
        let mut config = house::config(plan);
        let gone: Vec<String> = self.removed.iter().map(|&index| address(index).to_string()).collect();
        for pool in &mut config.pools {
            pool.backends.retain(|backend| !gone.contains(&backend.name));
            if let Some(policy) = self.policy {
                (pool.policy, pool.hash) = (policy, HashOn::Client);
            }
        }
        if self.spare {
            let mut other = config.listeners[0].clone();
            (other.name, other.bind) = ("spare".into(), vec![spare(0)]);
            config.listeners.push(other);
        }
        config
    }
}

fn spare(number: u16) -> evenkeel::base::Address {
    SocketAddr::from(([127, 0, 0, 1], 5101 + number)).into()
}
