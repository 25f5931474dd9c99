//! A balancer under watch before a backend that reads strictly: what both must look like when the abuse is over.

use super::weight::{descriptors, memory};
use crate::support::wire::wrong;
use crate::support::*;
use evenkeel::http::Malformed;
use serde_json::Value;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What one more round of the same abuse may leave behind, in KiB: an allocator is not exact to the page. Less than
/// 100 bytes for each of a thousand clients.
const JITTER: u64 = 64;

/// What many clients at once may leave behind for ever, in KiB: the lender keeps 1024 buffers of 17 KiB, and nobody says
/// how many of the many come in the same turn.
pub const MANY: u64 = 20 * 1024;

/// What few clients at once may leave behind for ever, in KiB.
pub const FEW: u64 = 1024;

/// The longest answer of the backend.
pub const BIG: usize = 256 * 1024;

/// A balancer and its backend, with a note of how they were at rest.
pub struct House {
    /// The balancer, talking at debug.
    pub balancer: Balancer,
    _backend: Backend,
    /// What the backend was sent and could not read.
    mistakes: Arc<Mutex<Vec<String>>>,
    descriptors: Option<usize>,
}

impl House {
    /// Starts both, with these tables in the configuration, and warms them up.
    #[track_caller]
    pub fn new(tables: &str) -> House {
        raise_descriptor_limit();
        let mistakes = Arc::<Mutex<Vec<String>>>::default();
        let backend = strict(Arc::clone(&mistakes));
        let balancer = Balancer::with_file(&[&backend], "http", tables);
        let mut house = House { balancer, _backend: backend, mistakes, descriptors: None };
        let before = descriptors(house.balancer.pid());
        house.descriptors = before;
        house.serves();
        house.comes_to_rest();
        house
    }

    /// It serves, and every client and every upstream connection goes: the descriptors are back.
    #[track_caller]
    pub fn comes_to_rest(&self) {
        until("the last client's end", || self.balancer.state()["open_connections"] == 0);
        until("the descriptors at their floor", || descriptors(self.balancer.pid()) <= self.descriptors);
    }

    /// A normal request, from a client of its own, which closes.
    #[track_caller]
    pub fn serves(&self) {
        let answer = self.balancer.client().raw("GET", "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        assert_eq!((answer.status, answer.text().as_str()), (200, "fine"));
    }

    /// All that must hold after whatever was done: it serves, it is at rest, the books balance, nothing was refused
    /// without a name, and the backend could read what it was sent.
    #[track_caller]
    pub fn is_sound(&self) {
        self.serves();
        self.comes_to_rest();
        let counters = self.counters();
        let count = |name: &str| counters[name].as_u64().unwrap();
        assert_eq!(count("accepted"), count("closed"), "{counters}");
        assert_eq!(count("admitted"), count("finished") + count("failed"), "{counters}");
        assert_eq!((count("stuck"), count("surplus"), count("violations")), (0, 0, 0), "{counters}");
        assert!(count("refused") <= self.refusals(), "{counters}");
        let mistakes = self.mistakes.lock().unwrap();
        assert!(mistakes.is_empty(), "the backend was sent {mistakes:?}");
    }

    /// Does it until one more round costs no more memory: what is only kept for the next one is there by then, what
    /// leaks grows for ever. None of it may cost more than `at_most` KiB.
    #[track_caller]
    pub fn stays_flat(&self, at_most: u64, abuse: impl Fn(&House)) {
        let memory = || memory(self.balancer.pid()).map_or(0, |memory| memory.now);
        let before = memory();
        let mut rounds = vec![before];
        while rounds.len() < 8 {
            abuse(self);
            self.is_sound();
            let (now, most) = (memory(), rounds.iter().copied().max().unwrap_or(0));
            rounds.push(now);
            assert!(now <= before + at_most, "it weighs more and more, in KiB: {rounds:?}");
            if rounds.len() > 2 && now <= most + JITTER {
                return eprintln!("memory after each round, in KiB: {rounds:?}");
            }
        }
        panic!("each round costs memory, in KiB: {rounds:?}");
    }

    /// The counters of the status API.
    #[track_caller]
    pub fn counters(&self) -> Value {
        self.balancer.state()["counters"].clone()
    }

    /// How often something ended for this reason.
    #[track_caller]
    pub fn ended_by(&self, reason: &str) -> u64 {
        self.counters()["reasons"][reason].as_u64().unwrap_or(0)
    }

    /// Requests refused for a flaw or for lateness, by their named reasons.
    #[track_caller]
    pub fn refusals(&self) -> u64 {
        let counters = self.counters();
        let names = Malformed::ALL.iter().map(|malformed| malformed.name()).chain(["header_timeout"]);
        names.filter_map(|name| counters["reasons"][name].as_u64()).sum()
    }
}

/// A backend that answers everything it can read and notes what it cannot. Being cut off is no mistake: that is how
/// a message is ended that must not look complete.
fn strict(mistakes: Arc<Mutex<Vec<String>>>) -> Backend {
    Backend::tcp("strict", move |stream| {
        let ended = serve(&mut Wire::new(stream));
        if let Err(error) = &ended
            && error.kind() == io::ErrorKind::InvalidData
        {
            mistakes.lock().unwrap().push(error.to_string());
        }
        ended
    })
}

fn serve(wire: &mut Wire) -> io::Result<Then> {
    while let Some(head) = wire.head()? {
        let words: Vec<&str> = head.line.split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else { return Err(wrong(head.line)) };
        if head.lists("Expect", "100-continue") {
            wire.send("HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        wire.body(head.framing()?.unwrap_or(Framing::Nothing))?;
        let body = if target == "/big" { Pattern::bytes(1, BIG) } else { b"fine".to_vec() };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let body = if method == "HEAD" { &[][..] } else { &body };
        wire.send([head.as_bytes(), body].concat())?;
    }
    Ok(Then::Close)
}

/// Waits until the balancer moves nothing any more: this counter stands still for a while.
#[track_caller]
pub fn wait_for_a_stall(balancer: &Balancer, counter: &str) {
    let (mut before, mut still) = (0, 0);
    until("back-pressure", || {
        let now = balancer.state()["counters"][counter].as_u64().unwrap();
        still = if now > 0 && now == before { still + 1 } else { 0 };
        before = now;
        std::thread::sleep(Duration::from_millis(20));
        still == 5
    });
}
