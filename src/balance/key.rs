//! What a request is known by to the policies that hash: 64 bits out of one part of it.
//!
//! Any number of balancers must agree on a key with no state between them, on every machine and in every release. So
//! the function is written out here and depends on nothing: FNV-1a of the bytes, then SplitMix64's finaliser, because
//! FNV alone leaves the upper bits of short keys alike. It has no secret: who chooses his own key chooses his backend,
//! which is why the policies that hash bound the load of each. Fixed vectors are in the tests below.

use crate::base::Peer;
use crate::base::address::UNIX;
use crate::config::HashOn;
use crate::http::{self, Request};
use std::net::IpAddr;

/// The hash of some bytes.
pub fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    mix(bytes.into_iter().fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

/// Each bit of the result depends on each of `bits`; no two have the same.
pub fn mix(bits: u64) -> u64 {
    let z = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The key of a client of which nothing but the address is known, as in TCP mode. An IPv4 address that comes in
/// through an IPv6 socket is the same client. Those of Unix sockets have no address and are all the same.
pub fn of_client(client: Peer) -> u64 {
    match client.ip().map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => hash(address.octets()),
        Some(IpAddr::V6(address)) => hash(address.octets()),
        None => hash(UNIX.bytes()),
    }
}

/// The key of a request. One that lacks the part asked for, or has it empty, goes by its client: or all of those would
/// be one key.
pub fn of_request(request: &Request<'_, '_>, on: &HashOn, client: Peer) -> u64 {
    let part = match on {
        HashOn::Client => None,
        HashOn::Header(name) => header(request, name),
        HashOn::Cookie(name) => http::cookie::find(request, name),
        HashOn::Path => Some(path(request.target)),
        HashOn::Host => return host(request).map_or_else(|| of_client(client), hash_lower),
    };
    match part {
        Some(bytes) if !bytes.is_empty() => hash(bytes.iter().copied()),
        _ => of_client(client),
    }
}

/// The first field of this name.
fn header<'b>(request: &Request<'_, 'b>, name: &str) -> Option<&'b [u8]> {
    request.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// Without the query. An absolute-form without a path means the root (RFC 9112 section 3.2.1).
fn path(target: &[u8]) -> &[u8] {
    match target.split(|&byte| byte == b'?').next() {
        Some(path) if !path.is_empty() => path,
        _ => b"/",
    }
}

/// Without the port.
fn host<'b>(request: &Request<'_, 'b>) -> Option<&'b [u8]> {
    let authority = request.host.filter(|host| !host.is_empty())?;
    let from = authority.iter().position(|&byte| byte == b']').unwrap_or(0); // colons of an IPv6 literal are no port's
    let colon = authority.iter().skip(from).position(|&byte| byte == b':').map(|at| from + at);
    authority.get(..colon.unwrap_or(authority.len()))
}

/// Hosts differ in case alone are the same (RFC 9110 section 4.2.3).
fn hash_lower(bytes: &[u8]) -> u64 {
    hash(bytes.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Limits;
    use std::net::{Ipv4Addr, SocketAddr};

    const CLIENT: Peer = Peer::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 9));

    fn client(text: &str) -> u64 {
        of_client(text.parse::<IpAddr>().unwrap().into())
    }

    fn key(on: &HashOn, lines: &str) -> u64 {
        let head = format!("{lines}\r\n\r\n");
        let mut table = http::table();
        of_request(&http::head::request(head.as_bytes(), &Limits::default(), &mut table).unwrap(), on, CLIENT)
    }

    fn text(text: &str) -> u64 {
        hash(text.bytes())
    }

    /// If this fails, balancers of two releases disagree about who serves whom.
    #[test]
    fn the_hash_is_the_same_everywhere_and_for_ever() {
        for (bytes, meant) in [
            ("", 0xf52a_15e9_a9b5_e89b),
            ("a", 0x02c0_bdbf_4814_20f8),
            ("alice", 0xc5d1_556d_6677_4a5c),
            ("127.0.0.1:8080", 0x210d_e053_f452_be8d),
        ] {
            assert_eq!(text(bytes), meant, "{bytes}");
        }
        assert_eq!(of_client(CLIENT), hash([192, 0, 2, 7]));
        assert_eq!(client("::ffff:192.0.2.7"), of_client(CLIENT));
        assert_ne!(client("2001:db8::1"), client("2001:db8::2"));
    }

    #[test]
    fn a_header_counts_by_its_first_value_whatever_the_case_of_its_name() {
        let on = HashOn::Header("x-user".into());
        assert_eq!(key(&on, "GET / HTTP/1.1\r\nHost: a\r\nX-User: alice\r\nX-User: bob"), text("alice"));
        for lines in ["GET / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost: a\r\nX-User:"] {
            assert_eq!(key(&on, lines), of_client(CLIENT));
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_and_its_case_matters() {
        let on = HashOn::Cookie("id".into());
        let head = |cookies: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{cookies}");
        for cookies in
            ["Cookie: id=7", "cookie: xid=1; id=7;y=2", "Cookie: a=b\r\nCookie: id=7", "Cookie: ID=1 ;id=7; id=8"]
        {
            assert_eq!(key(&on, &head(cookies)), text("7"), "{cookies}");
        }
        for cookies in ["Cookie: xid=7", "Cookie: id", "Cookie: id=", "Cookie: ID=7", "X: id=7"] {
            assert_eq!(key(&on, &head(cookies)), of_client(CLIENT), "{cookies}");
        }
    }

    #[test]
    fn the_path_goes_without_its_query() {
        let at = |target: &str| key(&HashOn::Path, &format!("GET {target} HTTP/1.1\r\nHost: a"));
        assert_eq!(at("/a/b?c=/d"), text("/a/b"));
        assert_eq!(at("http://a/a/b?c"), text("/a/b"));
        for target in ["/", "/?a", "http://a", "http://a?b"] {
            assert_eq!(at(target), text("/"), "{target}");
        }
        assert_eq!(key(&HashOn::Path, "OPTIONS * HTTP/1.1\r\nHost: a"), text("*"));
    }

    #[test]
    fn the_host_goes_without_port_and_case() {
        let to = |host: &str| key(&HashOn::Host, &format!("GET / HTTP/1.1\r\nHost: {host}"));
        for host in ["example.com", "Example.COM", "example.com:80", "EXAMPLE.com:8080", "example.com:"] {
            assert_eq!(to(host), text("example.com"), "{host}");
        }
        assert_eq!(to("[2001:DB8::1]:80"), text("[2001:db8::1]"));
        assert_eq!(key(&HashOn::Host, "GET http://b:1/ HTTP/1.1\r\nHost: a"), text("b"));
        assert_eq!(key(&HashOn::Host, "GET / HTTP/1.0"), of_client(CLIENT));
    }
}
