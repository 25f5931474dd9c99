//! Random bytes, and requests that are almost right. Seeded: a failure names its seed and comes again.

use super::house::{FEW, House};

/// xorshift64*, for whoever wants chance that repeats.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..1 + self.below(most)).map(|_| self.below(256) as u8).collect()
    }
}

const REQUESTS: [&str; 6] = [
    "GET /a?b=c HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nhello world",
    "POST /a HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nSum: 1\r\n\r\n",
    "GET http://test:80/a HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\nMax-Forwards: 3\r\n\r\n",
];

/// What a mutation likes to put in.
const PIECES: [&[u8]; 14] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"0",
    b"-",
    b"\xff",
    b"Content-Length: 3\r\n",
    b";",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: other\r\n",
];

/// One or two requests with a few mistakes in them.
fn mutated(chance: &mut Chance) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..1 + chance.below(2)).flat_map(|_| REQUESTS[chance.below(6)].bytes()).collect();
    for _ in 0..1 + chance.below(3) {
        let size = bytes.len();
        let at = chance.below(size);
        let until = (at + chance.below(6)).min(size);
        match chance.below(5) {
            0 => bytes[at] = chance.below(256) as u8,
            1 => drop(bytes.drain(at..until)),
            2 => drop(bytes.splice(at..at, bytes[at..until].to_vec())),
            3 => drop(bytes.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
            _ => bytes.swap(at, until - usize::from(until == size)),
        }
        if bytes.is_empty() {
            bytes.push(b'G');
        }
    }
    bytes
}

/// Says it, says no more, and listens to the end.
fn say(house: &House, bytes: &[u8], cut: usize) {
    let mut client = house.balancer.client();
    let (first, rest) = bytes.split_at(cut.min(bytes.len()));
    let _ = client.send(first).and_then(|()| client.send(rest)).and_then(|()| client.finish()); // it may be let go early
    if let Err(error) = client.remainder() {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "no end to {:?}", String::from_utf8_lossy(bytes));
    }
}

const ROUND: u64 = 700;

/// Says what `make` makes of each seed, from a few threads.
fn say_all(house: &House, from: u64, make: impl Fn(&mut Chance) -> Vec<u8> + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let make = &make;
            scope.spawn(move || {
                for seed in (from..from + ROUND).filter(|seed| seed % 4 == thread) {
                    let mut chance = Chance::new(seed);
                    let bytes = make(&mut chance);
                    say(house, &bytes, chance.below(bytes.len() + 1));
                }
            });
        }
    });
}

const QUICK: &str = "[timeouts]\nupstream_idle = \"100ms\"";

#[test]
fn random_bytes_are_refused_and_forgotten() {
    let house = House::new(QUICK);
    house.stays_flat(FEW, |house| say_all(house, 1, |chance| chance.bytes(600)));
    assert_eq!(house.counters()["admitted"], house.counters()["finished"]); // none of them was a request
}

#[test]
fn almost_right_requests_never_reach_the_backend_wrong() {
    let house = House::new(QUICK);
    house.stays_flat(FEW, |house| say_all(house, 100_000, mutated));
    assert!(house.refusals() > 500, "{}", house.counters());
    assert!(house.counters()["finished"].as_u64() > Some(500), "{}", house.counters());
}
