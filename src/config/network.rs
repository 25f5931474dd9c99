//! Floor 1: networks as an operator writes them, `10.0.0.0/8`, `::1/128`, a single address, or `unix:` for whoever comes
//! through a Unix socket, and who is in one.
//!
//! Used for who is trusted, so nothing is guessed: a network in which an address within it is written (`10.0.0.7/8`) is
//! refused rather than rounded. Names are not looked up: whoever can change a name could then change who is trusted.

use super::error::{Wrong, quote};
use crate::base::Peer;
use crate::base::address::UNIX;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses that begin with the same bits; or all clients of Unix sockets, who have none.
///
/// IPv4 that is written as IPv6 (`::ffff:10.0.0.1`, as a socket of both families reports it) counts as the IPv4 that it
/// is, in networks and in addresses. So `0.0.0.0/0` is all of IPv4 however it comes, and `::/0` is IPv6 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// The first of its addresses; all bits behind the prefix are 0. None: those without one.
    first: Option<IpAddr>,
    /// So many bits are the same in all of them.
    prefix: u32,
}

/// Bits that `::ffff:0:0` has before the IPv4 address begins.
const MAPPED: u32 = 96;

impl Network {
    /// Reads an address and perhaps a prefix.
    pub fn parse(text: &str) -> Result<Network, Wrong> {
        if text == UNIX {
            return Ok(Network { first: None, prefix: 0 });
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| bad_address(text, address, prefix))?;
        let most = bits(first);
        let prefix = match prefix {
            None => most,
            Some(digits) => length(digits, most).ok_or_else(|| bad_prefix(text, first, digits))?,
        };
        match masked(first, prefix) {
            start if start == first => Ok(Network::plain(first, prefix)),
            start => Err(within(text, first, start, prefix)),
        }
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.first.is_some_and(|first| masked(address.to_canonical(), self.prefix) == first)
    }

    /// Whether this client is in it.
    pub fn includes(&self, client: Peer) -> bool {
        match client.ip() {
            Some(address) => self.contains(address),
            None => self.first.is_none(),
        }
    }

    /// With IPv4 as IPv4.
    fn plain(first: IpAddr, prefix: u32) -> Network {
        match (first.to_canonical(), prefix.checked_sub(MAPPED)) {
            (v4 @ IpAddr::V4(_), Some(prefix)) if first.is_ipv6() => Network { first: Some(v4), prefix },
            _ => Network { first: Some(first), prefix },
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            None => f.write_str(UNIX),
            Some(first) if self.prefix == bits(first) => write!(f, "{first}"),
            Some(first) => write!(f, "{first}/{}", self.prefix),
        }
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS }
}

/// The address with 0 for every bit behind the prefix.
fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    let behind = bits(address).saturating_sub(prefix);
    match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(v4.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(v6.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0))),
    }
}

/// A plain number, at most `most`.
fn length(digits: &str, most: u32) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|&prefix| plain && prefix <= most)
}

fn within(text: &str, address: IpAddr, start: IpAddr, prefix: u32) -> Wrong {
    let fix = format!("write \"{start}/{prefix}\" for the whole network, or \"{address}\" for this address alone");
    Wrong::new(format!("bad network {}: it has bits behind its prefix of {prefix}", quote(text)), fix)
}

fn bad_prefix(text: &str, address: IpAddr, digits: &str) -> Wrong {
    let mask = digits.parse().ok().map(Ipv4Addr::to_bits).filter(|mask| mask.leading_ones() == mask.count_ones());
    let fix = match mask {
        Some(mask) if address.is_ipv4() => {
            let prefix = mask.leading_ones();
            format!("a prefix counts bits: write \"{}/{prefix}\"", masked(address, prefix))
        }
        _ => format!("a prefix is a number from 0 to {}, or is left out for one address", bits(address)),
    };
    Wrong::new(format!("bad prefix {} in {}", quote(digits), quote(text)), fix)
}

/// What was probably meant, if something is near.
fn bad_address(text: &str, address: &str, prefix: Option<&str>) -> Wrong {
    let what = format!("bad network {}", quote(text));
    let inner = address.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(address);
    let inner = inner.parse().or_else(|_| text.parse().map(|with_port: std::net::SocketAddr| with_port.ip()));
    if let Ok(address) = inner {
        let slash = if prefix.is_some() { "/" } else { "" };
        let fix = format!("no brackets and no port: write \"{address}{slash}{}\"", prefix.unwrap_or_default());
        return Wrong::new(what, fix);
    }
    let fix = match text {
        _ if text.starts_with(UNIX) => "write \"unix:\" for all who come through a Unix socket: they have no address",
        "*" | "all" | "any" => "write \"0.0.0.0/0\" for all of IPv4 and \"::/0\" for all of IPv6",
        _ => "write an address in numbers, alone or with a prefix, as in \"10.0.0.0/8\" or \"fd00::/8\"",
    };
    Wrong::new(what, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
    }

    #[track_caller]
    fn fix(text: &str) -> String {
        let wrong = Network::parse(text).unwrap_err();
        assert!(wrong.what.starts_with("bad ") && wrong.what.contains(text.get(..10).unwrap_or(text)), "{wrong:?}");
        wrong.fix
    }

    #[track_caller]
    fn has(text: &str, inside: &[&str], outside: &[&str]) {
        let network = network(text);
        let contains = |address: &&&str| network.contains(address.parse().unwrap());
        assert_eq!(inside.iter().find(|address| !contains(address)), None, "not in {text}");
        assert_eq!(outside.iter().find(contains), None, "in {text}");
    }

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        has("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0", "::", "a00::"]);
        has("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127", "192.0.3.128"]);
        has("127.0.0.1", &["127.0.0.1"], &["127.0.0.2", "::1"]);
        has("127.0.0.1/32", &["127.0.0.1"], &["127.0.0.0"]);
        has("::1/128", &["::1"], &["::", "::2", "127.0.0.1"]);
        has("fd00::/8", &["fd00::", "fdff::1"], &["fc00::", "fe00::"]);
        has("2001:db8::/33", &["2001:db8:7fff::1"], &["2001:db8:8000::"]);
    }

    #[test]
    fn everything_is_one_family() {
        has("0.0.0.0/0", &["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], &["::", "::1.2.3.4"]);
        has("::/0", &["::", "ffff::"], &["1.2.3.4", "::ffff:1.2.3.4"]);
    }

    #[test]
    fn mapped_addresses_are_what_they_map() {
        has("10.0.0.0/8", &["::ffff:10.1.2.3"], &["::ffff:11.1.2.3", "::10.1.2.3"]);
        has("::ffff:10.0.0.0/104", &["10.1.2.3", "::ffff:10.1.2.3"], &["11.0.0.0"]);
        has("::ffff:10.0.0.1", &["10.0.0.1", "::ffff:a00:1"], &["10.0.0.2"]);
        has("::ffff:0:0/96", &["1.2.3.4"], &["::1"]);
        assert_eq!(network("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn it_is_shown_as_it_is_read() {
        for text in ["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", "0.0.0.0/0", "::/0"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("10.0.0.1/32").to_string(), "10.0.0.1");
    }

    #[test]
    fn bits_behind_the_prefix_are_mended() {
        let fix = fix("10.0.0.7/8");
        assert_eq!(fix, "write \"10.0.0.0/8\" for the whole network, or \"10.0.0.7\" for this address alone");
        assert!(super::tests::fix("fd00::1/8").contains("\"fd00::/8\""));
        assert!(super::tests::fix("1.2.3.4/0").contains("\"0.0.0.0/0\""));
        assert!(super::tests::fix("::ffff:10.0.0.0/80").contains("\"::/80\""));
    }

    #[test]
    fn each_mistake_has_its_own_fix() {
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(fix(text).contains("0 to 32"), "{text}");
        }
        assert!(fix("::/129").contains("0 to 128"));
        assert!(fix("::/99999999999").contains("0 to 128"));
        assert!(fix("10.0.0.7/255.0.0.0").ends_with("write \"10.0.0.0/8\""));
        assert!(fix("10.0.0.0/255.0.255.0").contains("0 to 32"));
        assert!(fix("[::1]/128").ends_with("write \"::1/128\""));
        assert!(fix("[::1]").ends_with("write \"::1\""));
        assert!(fix("127.0.0.1:80").ends_with("write \"127.0.0.1\""));
        assert!(fix("[::1]:80").ends_with("write \"::1\""));
        assert!(fix("*").contains("0.0.0.0/0"));
        for text in ["", "localhost", "10/8", "10.0.0/8", "010.0.0.0/8", "fe80::1%eth0", " 10.0.0.0/8", "10.0.0.0 /8"] {
            assert!(fix(text).contains("in numbers"), "{text}");
        }
    }

    #[test]
    fn clients_of_unix_sockets_are_in_no_network_but_their_own() {
        let tcp = |text: &str| Peer::Tcp(std::net::SocketAddr::new(text.parse().unwrap(), 9));
        assert!(network("unix:").includes(Peer::Unix) && !network("unix:").includes(tcp("127.0.0.1")));
        for text in ["0.0.0.0/0", "::/0", "127.0.0.1"] {
            assert!(!network(text).includes(Peer::Unix), "{text}");
        }
        assert!(network("127.0.0.1").includes(tcp("127.0.0.1")) && !network("127.0.0.1").includes(tcp("127.0.0.2")));
        assert_eq!(network("unix:").to_string(), "unix:");
        assert!(fix("unix:/run/x").contains("\"unix:\""));
    }

    /// Against arithmetic on bits, one at a time.
    #[test]
    fn membership_is_equality_of_the_first_bits() {
        let mut rng = Rng::new(1);
        let bit = |bytes: &[u8], nth: usize| bytes[nth / 8] >> (7 - nth % 8) & 1;
        for _ in 0..20_000 {
            let address = rng.bits().to_be_bytes();
            let prefix = rng.below(33) as usize;
            let other = masked_noise(&mut rng, address);
            let v4 = |bytes: [u8; 8]| Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[..4]).unwrap());
            let start = masked(v4(address).into(), prefix as u32);
            let network = network(&format!("{start}/{prefix}"));
            let same = (0..prefix).all(|nth| bit(&address, nth) == bit(&other, nth));
            assert_eq!(network.contains(v4(other).into()), same, "{network} {}", v4(other));
            assert_eq!(network.contains(v4(other).to_ipv6_mapped().into()), same);
        }
    }

    /// One bit of the first four bytes turned, or none.
    fn masked_noise(rng: &mut Rng, mut address: [u8; 8]) -> [u8; 8] {
        let nth = rng.below(40) as usize;
        address[nth / 8] ^= 0x80 >> (nth % 8);
        address
    }
}
