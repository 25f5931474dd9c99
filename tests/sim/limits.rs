//! What limits excuse, and what they forbid: who was refused for want of room or for haste must have met such a moment, by
//! models of the balancer's limits that share no code with it.
//!
//! A backend was full in a turn if what it had before and what was given to it in the turn come to its limit. A client's
//! bucket is counted in windows between the earliest and the latest moment at which each of its requests can have come:
//! what is refused must be too many for the shortest that there can have been, what is served not for the longest.

use super::ledger::{Ledger, Request};
use super::plan::{Caps, Plan};
use super::ways::Way;
use super::{House, Seen};
use evenkeel::base::Time;
use evenkeel::config::Mode;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Clocks are looked at now and then.
const FUZZ: Duration = Duration::from_millis(2);

/// Requests a second, and at once.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: f64,
    burst: f64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Limited {
    /// Each backend has room for so many.
    inflight: Option<u32>,
    bucket: Option<Bucket>,
    most_clients: usize,
    /// When all of a pool were full last, as far as is known.
    full: BTreeMap<(bool, bool), Time>,
    /// What was asked from where, in order.
    asked: BTreeMap<IpAddr, Vec<u64>>,
    /// When every place in the house was taken last.
    crowded: Option<Time>,
    /// Connections on which nothing was heard yet: they may wait outside. And when one was last found to be inside.
    outside: BTreeSet<usize>,
    let_in: Option<Time>,
    /// Who waits in line for a backend, in the order of the turns in which they began, where that can be told.
    line: Option<Vec<(u64, String)>>,
    turns: u64,
    /// Backends on which nobody gives up, with what they had at the last look.
    sound: BTreeMap<usize, (u32, u64)>,
}

impl Limited {
    pub fn new(plan: &Plan) -> Limited {
        let Caps { inflight, client, .. } = plan.caps();
        let terms = client.and_then(|client| Some((client.requests?, client.burst)));
        let bucket = terms.map(|(rate, burst)| Bucket {
            rate: f64::from(rate.count) / rate.per.as_secs_f64(),
            burst: f64::from(burst.unwrap_or(rate.count)), // a second's worth, and rates here are a second's
        });
        let known = plan.heralds.before || !plan.paths.doors; // who comes by a path has no address
        let sound = (0..plan.backends.len()).filter(|&index| is_sound(plan, index)).map(|index| (index, (0, 0)));
        let sound: BTreeMap<_, _> = sound.collect();
        // In one pool, where nobody has a reason to be passed over or to go to the front.
        let simple = plan.pools().len() == 1 && sound.len() == plan.backends.len() && known && plan.is_still();
        Limited {
            inflight,
            bucket: bucket.filter(|_| known),
            most_clients: plan.most_clients,
            line: plan.caps().queue.filter(|_| simple).map(|_| Vec::new()),
            sound,
            ..Limited::default()
        }
    }

    /// Who waits is served in order. Errors: somebody was not.
    pub fn look_at_the_line(&mut self, house: &impl House) -> Result<(), String> {
        let Some(line) = &mut self.line else { return Ok(()) };
        self.turns += 1;
        let all = house.describe();
        let waits = |line: &str| line.contains(" Queued ");
        let served = |whose: &str| {
            let begins = whose.split(" Queued ").next().unwrap_or(whose);
            let (who, what) = (format!("{begins} "), whose.split(" Queued ").nth(1));
            let busy = |line: &&String| line.starts_with(&who) && what.is_some_and(|what| line.ends_with(what));
            all.iter().find(busy).is_some_and(|line| {
                ["Connecting", "Sending", "Awaiting", "Receiving", "Tunnel"].iter().any(|phase| line.contains(phase))
            })
        };
        let (stay, left): (Vec<_>, Vec<_>) = std::mem::take(line).into_iter().partition(|(_, one)| all.contains(one));
        let overtaken = |(since, one): &(u64, String)| {
            stay.iter()
                .find(|(earlier, _)| earlier < since && served(one))
                .map(|(_, other)| (one.clone(), other.clone()))
        };
        if let Some((one, other)) = left.iter().find_map(overtaken) {
            return Err(format!("{one} overtakes {other}"));
        }
        *line = stay;
        let new = |one: &&String| waits(one) && !line.iter().any(|(_, other)| other == *one);
        let new: Vec<_> = all.iter().filter(new).map(|one| (self.turns, one.clone())).collect();
        line.extend(new);
        Ok(())
    }

    /// A turn is over. `barred`: who gets no work.
    pub fn look(&mut self, plan: &Plan, house: &impl House, barred: impl Fn(usize) -> bool, now: Time) {
        if self.most_clients > 0 && house.open() >= self.most_clients {
            self.crowded = Some(now);
        }
        let Some(most) = self.inflight else { return };
        for (mode, pool) in plan.pools() {
            let mut full = true;
            for index in &pool {
                let Some((was, had)) = self.sound.get_mut(index) else { continue };
                let Some(Seen { up, ejected, requests, in_flight }) = house.backend(*index) else { continue };
                let held = u64::from(*was) + requests.saturating_sub(*had);
                full &= held >= u64::from(most) || !up || ejected || barred(*index);
                (*was, *had) = (in_flight, requests);
            }
            if full {
                self.full.insert((mode == Mode::Http, plan.is_apart(pool[0])), now);
            }
        }
    }

    /// Whether all of this pool were full at some moment since.
    pub fn was_full(&self, mode: Mode, way: Way, since: Time) -> bool {
        self.full.get(&(mode == Mode::Http, way == Way::Other)).is_some_and(|&at| at >= since)
    }

    pub fn dialled(&mut self, connection: usize) {
        self.outside.insert(connection);
    }

    /// Something was heard there, or nothing will be.
    pub fn is_inside(&mut self, connection: usize, now: Time) {
        if self.outside.remove(&connection) {
            self.let_in = Some(now);
        }
    }

    /// Whether a client that fell idle so long ago may have made room for somebody.
    pub fn made_room(&self, idle_since: Time) -> bool {
        let since = |at: Option<Time>| at.is_some_and(|at| at >= idle_since);
        since(self.crowded) && (!self.outside.is_empty() || since(self.let_in))
    }

    /// A request is on its way.
    pub fn asks(&mut self, number: u64, from: IpAddr) {
        if self.bucket.is_some() {
            self.asked.entry(from).or_default().push(number);
        }
    }

    /// Those from the same client, up to this one.
    fn with(&self, number: u64, from: Option<IpAddr>) -> &[u64] {
        let all = from.and_then(|from| self.asked.get(&from)).map_or(&[][..], Vec::as_slice);
        let end = all.iter().rposition(|&one| one == number).map_or(0, |at| at + 1);
        &all[..end]
    }
}

/// Whether whoever is given to it stays with it.
fn is_sound(plan: &Plan, index: usize) -> bool {
    let habits = &plan.backends[index];
    let scarce = plan.cruelty.descriptors.is_some() || plan.cruelty.connect_fails > 0;
    let left_alone = plan.deeds.iter().all(|&(_, whose, _)| whose != index);
    let firm = habits.http.is_none_or(|http| {
        let ill =
            [http.dies_before, http.dies_within, http.hangs, http.bad_heads, http.bad_chunks, http.surplus, http.slams];
        ill == [0; 7] && http.closes_idle == 0 && (http.statuses == 0 || plan.retry_on().is_empty())
    });
    !scarce && left_alone && firm && habits.breaks == 0
}

impl Ledger {
    /// Whether the bucket of whoever asked this can have been empty then.
    pub fn may_be_too_many(&self, number: u64, now: Time) -> bool {
        let (Some(bucket), Some(request)) = (self.limited.bucket, self.requests.get(&number)) else { return false };
        let mut had = 1.0;
        let Some((_, before)) = self.limited.with(number, request.from).split_last() else { return false };
        before.iter().rev().any(|one| {
            let earlier = &self.requests[one];
            had += f64::from(u8::from(!earlier.too_many));
            let gone = request.asked.since(earlier.told.unwrap_or(now)).saturating_sub(FUZZ);
            had > bucket.burst + bucket.rate * gone.as_secs_f64()
        })
    }

    /// A backend sees this now. Errors: its client has had more than it may.
    pub fn look_at_the_rate(&self, number: u64, now: Time) -> Result<(), String> {
        let (Some(bucket), Some(request)) = (self.limited.bucket, self.requests.get(&number)) else { return Ok(()) };
        let served = |request: &Request| request.seen > 0 || request.told.is_some() && !request.too_many;
        let mut had = 0.0;
        for one in self.limited.with(number, request.from).iter().rev() {
            let earlier = &self.requests[one];
            had += f64::from(u8::from(served(earlier)));
            let span = now.since(earlier.asked) + FUZZ;
            if had > bucket.burst + bucket.rate * span.as_secs_f64() {
                return Err(format!("{number} is the {had}. of its client in {span:?}"));
            }
        }
        Ok(())
    }
}
