//! What one client address may have of a listener: so many connections at once, so many requests a second.
//!
//! A client is an IPv4 address, written as IPv6 or not, or 64 bits of an IPv6 address: whoever has one such address has
//! the whole network, and a limit on single addresses would be none.
//!
//! Requests are let in by a token bucket, kept as one moment: when it will be full again (the generic cell rate
//! algorithm of ATM, which says the same with one number fewer). The table has a row for each client that has a
//! connection, or whose bucket is not full yet; all others are as good as unknown. Rows without a connection stand in
//! the order in which they lost their last one: each time somebody comes, up to two at the front that are due leave, so
//! that nothing ever looks at the whole table. No more than [`MOST_RESTING`] of them are kept: beyond that the oldest is
//! forgotten, which gives an honest client a full bucket, and an attacker with so many addresses nothing that it has not
//! already. Rows with a connection are as many as connections, which have a limit of their own.
//!
//! Addresses are hashed with a key (SipHash), so that nobody outside can make them meet; it comes from the seed.

use crate::base::{Rng, Time};
use crate::config;
use slab::Slab;
use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher};
use std::net::IpAddr;
use std::time::Duration;

/// Rows of clients that have no connection: 6 MiB at most, with what finds them.
pub const MOST_RESTING: usize = 65_536;

const NONE: u32 = u32::MAX;

/// One client.
#[derive(Debug)]
struct Row {
    client: u128,
    open: u32,
    /// When its bucket is full again.
    full: Time,
    /// Its neighbours among those without a connection.
    before: u32,
    behind: u32,
}

/// A key for a hash that nobody outside knows, and the same in each run with the same seed.
#[derive(Debug)]
struct Keyed([u64; 2]);

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        self.0.iter().for_each(|&word| hasher.write_u64(word));
        hasher
    }
}

/// The clients of one listener.
#[derive(Debug)]
pub struct ClientLimit {
    most_open: u32,
    /// From one token to the next, and all that a bucket holds; zero: requests are not limited.
    token: Duration,
    depth: Duration,
    rows: Slab<Row>,
    known: HashMap<u128, u32, Keyed>,
    /// The first and last of those without a connection, and how many they are.
    first: u32,
    last: u32,
    resting: usize,
    most_resting: usize,
}

impl ClientLimit {
    /// With these terms; the key of its hash comes from `rng`.
    pub fn new(terms: &config::ClientLimit, rng: &mut Rng) -> ClientLimit {
        let token = terms.requests.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1));
        ClientLimit {
            most_open: terms.connections.unwrap_or(u32::MAX),
            token,
            depth: token.saturating_mul(terms.depth()),
            rows: Slab::new(),
            known: HashMap::with_hasher(Keyed([rng.bits(), rng.bits()])),
            first: NONE,
            last: NONE,
            resting: 0,
            most_resting: MOST_RESTING,
        }
    }

    /// A client connects. Whether it may; if so, it is to [leave](ClientLimit::leave).
    pub fn arrive(&mut self, ip: IpAddr, now: Time) -> bool {
        self.forget_due(now);
        let row = self.row(client_of(ip));
        if self.rows[row as usize].open >= self.most_open {
            return false;
        }
        self.open(row);
        true
    }

    /// A client is connected already, whether it may or not.
    pub fn seat(&mut self, ip: IpAddr, now: Time) {
        self.forget_due(now);
        let row = self.row(client_of(ip));
        self.open(row);
    }

    fn open(&mut self, row: u32) {
        if self.rows[row as usize].open == 0 {
            self.unlink(row);
        }
        self.rows[row as usize].open += 1;
    }

    /// One of its connections is over.
    pub fn leave(&mut self, ip: IpAddr, now: Time) {
        let Some(&row) = self.known.get(&client_of(ip)) else { return };
        let it = &mut self.rows[row as usize];
        if it.open != 1 {
            it.open = it.open.saturating_sub(1);
            return;
        }
        it.open = 0;
        match it.full <= now {
            true => self.remove(row),
            false => self.rest(row),
        }
    }

    /// A connected client asks something. Errors: it is to wait so long before it asks again.
    pub fn ask(&mut self, ip: IpAddr, now: Time) -> Result<(), Duration> {
        let Some(&row) = self.known.get(&client_of(ip)).filter(|_| !self.token.is_zero()) else { return Ok(()) };
        let it = &mut self.rows[row as usize];
        let full = it.full.max(now) + self.token;
        let room = now + self.depth;
        if full > room {
            return Err(full - room);
        }
        it.full = full;
        Ok(())
    }

    /// Clients in the table.
    pub fn known(&self) -> usize {
        self.rows.len()
    }

    /// The row of this client, new if it has none: then it rests, and is to be unlinked at once or left to be forgotten.
    fn row(&mut self, client: u128) -> u32 {
        if let Some(&row) = self.known.get(&client) {
            return row;
        }
        let row = self.rows.insert(Row { client, open: 0, full: Time(0), before: NONE, behind: NONE }) as u32;
        self.known.insert(client, row);
        self.rest(row);
        row
    }

    /// It has no connection any more.
    fn rest(&mut self, row: u32) {
        let last = std::mem::replace(&mut self.last, row);
        (self.rows[row as usize].before, self.rows[row as usize].behind) = (last, NONE);
        match self.rows.get_mut(last as usize) {
            Some(last) => last.behind = row,
            None => self.first = row,
        }
        self.resting += 1;
        if self.resting > self.most_resting {
            self.forget(self.first);
        }
    }

    fn unlink(&mut self, row: u32) {
        let Row { before, behind, .. } = self.rows[row as usize];
        match self.rows.get_mut(before as usize) {
            Some(before) => before.behind = behind,
            None => self.first = behind,
        }
        match self.rows.get_mut(behind as usize) {
            Some(behind) => behind.before = before,
            None => self.last = before,
        }
        self.resting -= 1;
    }

    fn forget(&mut self, row: u32) {
        self.unlink(row);
        self.remove(row);
    }

    fn remove(&mut self, row: u32) {
        let client = self.rows.remove(row as usize).client;
        self.known.remove(&client);
    }

    /// Up to two who have no connection and a full bucket are forgotten: more than can come at the same time.
    fn forget_due(&mut self, now: Time) {
        for _ in 0..2 {
            match self.rows.get(self.first as usize) {
                Some(row) if row.full <= now => self.forget(self.first),
                _ => return,
            }
        }
    }
}

/// What a client is known by.
fn client_of(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientLimit, Duration, IpAddr, Time, client_of, config};
    use crate::config::Rate;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn limit(connections: Option<u32>, requests: Option<(u32, u64)>, burst: Option<u32>) -> ClientLimit {
        let requests = requests.map(|(count, per)| Rate { count, per: Duration::from_secs(per) });
        ClientLimit::new(&config::ClientLimit { connections, requests, burst }, &mut crate::base::Rng::new(7))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(millis: u64) -> Time {
        Time(0) + Duration::from_millis(millis)
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_a_network_of_ipv6() {
        let same = |a: &str, b: &str| client_of(ip(a)) == client_of(ip(b));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(same("2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("0.0.0.0", "::1"));
    }

    #[test]
    fn who_is_inside_when_a_limit_comes_counts_and_may_stay() {
        let mut clients = limit(Some(2), None, None);
        (0..3).for_each(|_| clients.seat(ip("192.0.2.1"), at(0)));
        assert!(!clients.arrive(ip("192.0.2.1"), at(0)));
        clients.leave(ip("192.0.2.1"), at(0));
        assert!(!clients.arrive(ip("192.0.2.1"), at(0)), "two are left");
        clients.leave(ip("192.0.2.1"), at(0));
        assert!(clients.arrive(ip("192.0.2.1"), at(0)));
    }

    #[test]
    fn connections_beyond_the_limit_are_refused_until_one_leaves() {
        let mut limit = limit(Some(2), None, None);
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        assert!(limit.arrive(one, at(0)) && limit.arrive(one, at(0)));
        assert!(!limit.arrive(one, at(0)));
        assert!(limit.arrive(other, at(0)));
        limit.leave(one, at(0));
        assert!(limit.arrive(one, at(0)));
        for gone in [one, one, other] {
            limit.leave(gone, at(0));
        }
        assert_eq!(limit.known(), 0);
    }

    #[test]
    fn a_burst_passes_and_then_one_a_token() {
        let mut limit = limit(None, Some((10, 1)), Some(3));
        let one = ip("192.0.2.1");
        assert!(limit.arrive(one, at(0)));
        for _ in 0..3 {
            assert_eq!(limit.ask(one, at(5000)), Ok(()));
        }
        assert_eq!(limit.ask(one, at(5000)), Err(Duration::from_millis(100)));
        assert_eq!(limit.ask(one, at(5060)), Err(Duration::from_millis(40)));
        assert_eq!(limit.ask(one, at(5100)), Ok(()));
        assert_eq!(limit.ask(one, at(5100)), Err(Duration::from_millis(100)));
    }

    #[test]
    fn a_bucket_is_remembered_after_the_connection_and_no_longer_than_it_fills() {
        let mut limit = limit(None, Some((1, 1)), None);
        let one = ip("192.0.2.1");
        limit.arrive(one, at(0));
        assert_eq!(limit.ask(one, at(0)), Ok(()));
        limit.leave(one, at(10));
        assert_eq!(limit.known(), 1);
        limit.arrive(one, at(20));
        assert_eq!(limit.ask(one, at(20)), Err(Duration::from_millis(980)));
        limit.leave(one, at(20));
        limit.arrive(ip("192.0.2.2"), at(1000));
        assert_eq!(limit.known(), 1);
    }

    #[test]
    fn many_addresses_cannot_make_the_table_grow() {
        let mut limit = limit(None, Some((1, 3600)), None);
        limit.most_resting = 100;
        let flood = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..10_000 {
            limit.arrive(flood(number), at(0));
            assert_eq!(limit.ask(flood(number), at(0)), Ok(()));
            limit.leave(flood(number), at(0));
            assert!(limit.known() <= 101);
        }
        limit.arrive(flood(9_999), at(1));
        assert!(limit.ask(flood(9_999), at(1)).is_err(), "the youngest are remembered");
    }

    proptest! {
        /// Beside a model that counts tokens and connections for ever: the same is let in, and nobody is kept for nothing.
        #[test]
        fn it_does_what_it_says(
            deeds in prop::collection::vec((0..3u8, 0..4u8, 0..400u64), 0..300),
            (most, rate, burst) in (1..4u32, 1..20u32, 1..5u32),
        ) {
            let mut limit = limit(Some(most), Some((rate, 1)), Some(burst));
            let token = Duration::from_secs(1) / rate;
            let mut model: BTreeMap<u8, (u32, Time)> = BTreeMap::new();
            let mut now = 0;
            for (deed, who, later) in deeds {
                now += later;
                let (ip, now) = (IpAddr::from([10, 0, 0, who]), at(now));
                let (open, full) = model.entry(who).or_insert((0, Time(0)));
                match deed {
                    0 => {
                        prop_assert_eq!(limit.arrive(ip, now), *open < most);
                        *open = most.min(*open + 1);
                    }
                    1 if *open > 0 => {
                        limit.leave(ip, now);
                        *open -= 1;
                    }
                    2 if *open > 0 => {
                        let missing = (*full).max(now) - now;
                        let may = missing + token <= token * burst;
                        prop_assert_eq!(limit.ask(ip, now).is_ok(), may);
                        if may {
                            *full = (*full).max(now) + token;
                        }
                    }
                    _ => {}
                }
                let open = model.values().filter(|(open, _)| *open > 0).count();
                prop_assert!(limit.known() >= open && limit.known() <= open + limit.resting);
            }
        }
    }
}
