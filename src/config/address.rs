//! Floor 1: `127.0.0.1:80`, `[::1]:80`, `localhost:80`, `unix:/run/app.sock`: an address as written, and what it stands
//! for.
//!
//! Names are looked up by a [`Resolve`] that the caller brings: nothing here knows a network, and tests need none.

use super::error::{Wrong, quote};
use crate::base::Address;
use crate::base::address::UNIX;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Looks a `host:port` up. Only names come here; addresses in numbers stand for themselves.
pub type Resolve<'a> = &'a dyn Fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The longest path of a Unix socket in bytes: what `sun_path` holds before its NUL (unix(7)).
const LONGEST_PATH: usize = if cfg!(any(target_os = "linux", target_os = "android")) { 107 } else { 103 };

/// Everything that `text` stands for, at least one address, each once, in the resolver's order.
pub fn look_up(text: &str, resolve: Resolve<'_>) -> Result<Vec<Address>, Wrong> {
    match text.strip_prefix(UNIX) {
        Some(path) => Ok(vec![unix(text, path)?]),
        None => Ok(look_up_tcp(text, resolve)?.into_iter().map(Address::from).collect()),
    }
}

/// As [`look_up`], where only TCP will do.
pub fn look_up_tcp(text: &str, resolve: Resolve<'_>) -> Result<Vec<SocketAddr>, Wrong> {
    let (host, port) = split(text)?;
    if let Some(address) = numeric(host, port)? {
        return Ok(vec![address]);
    }
    let found = resolve(text).map_err(|error| unresolved(text, &error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    match addresses.is_empty() {
        true => Err(unresolved(text, "the name has no address")),
        false => Ok(addresses),
    }
}

/// The one address that `text` stands for as a backend: of several the first of IPv4, since a service behind a name
/// of both families that listens on one of them only listens on that one.
pub fn look_up_one(text: &str, resolve: Resolve<'_>) -> Result<Address, Wrong> {
    if let Some(path) = text.strip_prefix(UNIX) {
        return unix(text, path);
    }
    let found = look_up_tcp(text, resolve)?;
    let chosen = found.iter().find(|address| address.is_ipv4());
    let chosen = chosen.or(found.first()).copied();
    match chosen {
        Some(address) if address.port() != 0 => Ok(address.into()),
        _ => Err(Wrong::new(
            format!("bad port in {}: nothing answers on port 0", quote(text)),
            "write the port on which the backend listens",
        )),
    }
}

/// A socket in the file system.
fn unix(text: &str, path: &str) -> Result<Address, Wrong> {
    let bad = |why: &str, fix: String| Err(Wrong::new(format!("bad path in {}: {why}", quote(text)), fix));
    if path.starts_with('@') || path.starts_with('\0') {
        return bad(
            "it names no file",
            "evenkeel knows sockets in the file system only: write \"unix:/run/...\"".into(),
        );
    }
    if !path.starts_with('/') || path.starts_with("//") {
        let fix = format!("write it from the root on, as in \"unix:/{}\"", path.trim_matches('/'));
        return bad("it does not begin with one slash", fix);
    }
    if path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..") {
        return bad("it names a directory", "name the socket in it, as in \"unix:/run/app.sock\"".into());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return bad(
            "it has more than plain characters",
            "use visible ASCII without spaces: it is a name in logs".into(),
        );
    }
    match path.len() <= LONGEST_PATH {
        true => Ok(Address::unix(path)),
        false => bad(
            &format!("it has {} bytes", path.len()),
            format!("a socket's path has at most {LONGEST_PATH} bytes: choose a shorter one"),
        ),
    }
}

/// Host, without brackets only if it had none, and port.
fn split(text: &str) -> Result<(&str, u16), Wrong> {
    refuse_schemes(text)?;
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => return Err(no_port(text)),
    };
    if host.is_empty() || host == "*" {
        let fix = format!("write \"0.0.0.0:{port}\" or \"[::]:{port}\" to mean every interface");
        return Err(Wrong::new(format!("no host in {}", quote(text)), fix));
    }
    if host.contains(':') && !host.starts_with('[') {
        let fix = format!("an IPv6 address stands in brackets, as in \"[{host}]:{port}\"");
        return Err(Wrong::new(format!("bad address {}", quote(text)), fix));
    }
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits => Ok((host, port)),
        _ => Err(Wrong::new(
            format!("bad port {} in {}", quote(port), quote(text)),
            "a port is a number from 0 to 65535",
        )),
    }
}

/// What is an address, but not one of ours.
fn refuse_schemes(text: &str) -> Result<(), Wrong> {
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        let fix = format!("leave the scheme out: {}", quote(rest));
        return Err(Wrong::new(format!("{} is a URL", quote(text)), fix));
    }
    Ok(())
}

/// The address, if the host is one in numbers; nothing for a name that could exist.
fn numeric(host: &str, port: u16) -> Result<Option<SocketAddr>, Wrong> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').and_then(|v6| v6.parse::<Ipv6Addr>().ok());
        let address = inner.map(|v6| SocketAddr::new(IpAddr::V6(v6), port));
        return address.map(Some).ok_or_else(|| {
            let fix = "write it as in \"[::1]:8080\"";
            Wrong::new(format!("bad IPv6 address {}", quote(host)), fix)
        });
    }
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return Ok(Some(SocketAddr::new(IpAddr::V4(v4), port)));
    }
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let fix = "write four numbers from 0 to 255, as in \"127.0.0.1:8080\"";
        return Err(Wrong::new(format!("bad IPv4 address {}", quote(host)), fix));
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match host.len() <= 253 && host.bytes().all(named) {
        true => Ok(None),
        false => {
            Err(Wrong::new(format!("bad host name {}", quote(host)), "a name has letters, digits, dots and hyphens"))
        }
    }
}

fn no_port(text: &str) -> Wrong {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fix = match digits {
        true => format!("write host:port, as in \"127.0.0.1:{text}\""),
        false if text.is_empty() => "write host:port, as in \"127.0.0.1:8080\"".to_string(),
        false => format!("write host:port, as in {}", quote(&format!("{text}:8080"))),
    };
    Wrong::new(format!("no port in {}", quote(text)), fix)
}

fn unresolved(text: &str, why: &str) -> Wrong {
    Wrong::new(
        format!("cannot find out what {} stands for: {why}", quote(text)),
        "check the name, or write the address in numbers",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
        let found: &[&str] = match name {
            "localhost:80" => &["[::1]:80", "127.0.0.1:80", "127.0.0.1:80"],
            "six:80" => &["[::6]:80"],
            "empty:80" => &[],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(found.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn fix(text: &str) -> String {
        look_up(text, &resolve).unwrap_err().fix
    }

    #[test]
    fn numbers_stand_for_themselves() {
        for text in ["127.0.0.1:80", "[::1]:80", "0.0.0.0:0"] {
            assert_eq!(look_up(text, &resolve), Ok(vec![text.parse::<SocketAddr>().unwrap().into()]));
        }
    }

    #[test]
    fn a_name_is_every_address_once_and_a_backend_is_one() {
        assert_eq!(look_up("localhost:80", &resolve).unwrap().len(), 2);
        let one = |name| look_up_one(name, &resolve).unwrap().to_string();
        assert_eq!(one("localhost:80"), "127.0.0.1:80");
        assert_eq!(one("six:80"), "[::6]:80");
        assert!(look_up_one("127.0.0.1:0", &resolve).is_err());
    }

    #[test]
    fn each_mistake_has_its_own_fix() {
        assert!(fix("127.0.0.1").contains("127.0.0.1:8080"));
        assert!(fix("5001").contains("127.0.0.1:5001"));
        assert!(fix("[::1]").contains("host:port"));
        assert!(fix(":5001").contains("0.0.0.0:5001"));
        assert!(fix("*:5001").contains("0.0.0.0:5001"));
        assert!(fix("::1:80").contains("[::1]:80"));
        assert!(fix("http://127.0.0.1:80/").contains("\"127.0.0.1:80\""));
        for port in ["x", "65536", "-1", "+80", "", "8 0", "99999999999"] {
            assert!(fix(&format!("127.0.0.1:{port}")).contains("65535"), "{port}");
        }
    }

    #[test]
    fn what_cannot_be_a_host_is_not_looked_up() {
        for text in ["300.0.0.1:80", "1.2.3:80", "[::1:80", "[x]:80", "a b:80", "a,b:80", "ä:80"] {
            let wrong = look_up(text, &|name| panic!("looked up {name}")).unwrap_err();
            assert!(wrong.what.starts_with("bad"), "{text}: {}", wrong.what);
        }
    }

    #[test]
    fn names_without_address_say_so() {
        for text in ["empty:80", "nowhere:80"] {
            assert!(look_up(text, &resolve).unwrap_err().what.contains(text));
        }
    }

    #[test]
    fn a_path_is_one_address_and_nobody_is_asked_for_it() {
        let nobody: Resolve<'_> = &|name| panic!("looked up {name}");
        let run = Address::unix("/run/app.sock");
        assert_eq!(look_up("unix:/run/app.sock", nobody), Ok(vec![run.clone()]));
        assert_eq!(look_up_one("unix:/run/app.sock", nobody), Ok(run));
        let longest = format!("unix:/{}", "x".repeat(LONGEST_PATH - 1));
        assert!(look_up(&longest, nobody).is_ok());
        assert!(fix(&(longest + "x")).contains(&LONGEST_PATH.to_string()));
        for (text, mend) in [
            ("unix:run/app.sock", "\"unix:/run/app.sock\""),
            ("unix:///run/app.sock", "\"unix:/run/app.sock\""),
            ("unix:@app", "file system"),
            ("unix:", "unix:/"),
            ("unix:/run/", "name the socket"),
            ("unix:/run/my app", "visible"),
        ] {
            assert!(fix(text).contains(mend), "{text}: {}", fix(text));
            assert!(look_up(text, nobody).unwrap_err().what.contains(text), "{text}");
        }
    }
}
