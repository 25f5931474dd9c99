//! PROXY headers in the world: clients come through a proxy that says whose connections they are, and backends want to
//! hear it before anything else. Written and read here by hand, apart from the balancer's own.

use super::ledger::{Cue, Ledger};
use evenkeel::base::Rng;
use evenkeel::config::{Mode, ProxyVersion};
use evenkeel::net::sim::Far;
use std::net::{IpAddr, Ipv4Addr};

/// What a client's header has, in bytes: it is written at once.
pub const LONGEST: usize = 28;

/// Who says whose connections they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heralds {
    /// The proxy before the balancer does, for every client.
    pub before: bool,
    /// The balancer does, to every backend.
    pub behind: Option<ProxyVersion>,
}

impl Heralds {
    /// What a seed makes of it, apart from all other chance.
    pub fn of(seed: u64) -> Heralds {
        let mut rng = Rng::new(seed ^ 0x6865_7261_6c64);
        let versions = [None, Some(ProxyVersion::V1), Some(ProxyVersion::V2)];
        match rng.chance(1, 6) {
            true => Heralds { before: rng.chance(1, 2), behind: *rng.one_of(&versions).unwrap() },
            false => Heralds::default(),
        }
    }
}

impl Cue<'_> {
    /// A client comes in: through the proxy, if there is one.
    pub fn dial(&mut self, mode: Mode) -> Far {
        let far = self.sim.dial(self.ledger.paths.door(mode));
        self.ledger.limited.dialled(far.number());
        if self.ledger.heralds.before {
            let IpAddr::V4(client) = self.caller(far) else { return far };
            let header =
                [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &client.octets(), &[127, 0, 0, 1, 0x0f, 0xa0, 0, 80]];
            let header = header.concat();
            assert_eq!(self.sim.far_write(far, &header), header.len(), "the smallest window is larger");
        }
        let caller = self.caller(far);
        self.ledger.callers.insert(caller);
        far
    }

    /// Who a client is to everybody behind the proxy.
    pub fn caller(&self, far: Far) -> IpAddr {
        let address = self.sim.address(far).ip();
        match (address, self.ledger.heralds.before) {
            (IpAddr::V4(four), true) => IpAddr::V4(Ipv4Addr::from_bits(four.to_bits() | 0xc0 << 24)),
            _ => address,
        }
    }
}

/// A connection to a backend of which the header has not come whole.
#[derive(Debug)]
pub struct Unheralded {
    pub far: Far,
    heard: Vec<u8>,
}

impl Unheralded {
    pub fn new(far: Far) -> Unheralded {
        Unheralded { far, heard: Vec::new() }
    }

    /// Reads the header and nothing behind it. Some: it is whole, and whose connection it is; none of a probe's.
    pub fn hear(&mut self, version: ProxyVersion, cue: &mut Cue) -> Option<Option<IpAddr>> {
        let is_whole = |heard: &[u8]| match version {
            ProxyVersion::V1 => heard.ends_with(b"\r\n"),
            ProxyVersion::V2 => heard.len() >= 16 && heard.len() == 16 + usize::from(heard[15]),
        };
        while !is_whole(&self.heard) {
            if cue.sim.far_read(self.far, &mut self.heard, 1) == 0 {
                return None;
            }
        }
        let told = source(&self.heard, version);
        if told.as_ref().is_none_or(|source| source.is_some_and(|source| !cue.ledger.callers.contains(&source))) {
            cue.ledger.blame(format!("a header for nobody who came: {:?}", self.heard));
        }
        Some(told.flatten())
    }
}

/// Whose connection a header speaks of, if of anybody's. None: it is no header.
fn source(header: &[u8], version: ProxyVersion) -> Option<Option<IpAddr>> {
    if version == ProxyVersion::V1 {
        let mut words = std::str::from_utf8(header).ok()?.strip_prefix("PROXY ")?.split([' ', '\r']);
        return match words.next()? {
            "UNKNOWN" => Some(None),
            "TCP4" => words.next()?.parse().ok().map(Some),
            _ => None,
        };
    }
    match header.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n")? {
        [0x20 | 0x21, 0, 0, 0] => Some(None),
        [0x21, 0x11, 0, 12, a, b, c, d, ..] => Some(Some(IpAddr::from([*a, *b, *c, *d]))),
        _ => None,
    }
}

impl Ledger {
    /// How backends are told whose connection they serve.
    pub fn told(&self) -> Option<ProxyVersion> {
        self.heralds.behind
    }
}
