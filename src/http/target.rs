//! Where a request wants to go: the four forms of a target (RFC 9112 3.2) and the grammar of an authority (RFC 3986).
//!
//! Nothing is decoded, normalised or resolved: what two parties decode differently is a hole. The bytes of a target go
//! on as they came.

use super::words::Verb;
use super::{Malformed, framing};
use std::net::Ipv6Addr;

/// A target, taken apart as far as a proxy must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'b> {
    /// What goes on: origin-form, or `*`. An empty path before a query is the one thing missing: `?a=b`.
    pub(super) onward: &'b [u8],
    /// Of an absolute-form, without userinfo.
    pub(super) authority: Option<&'b [u8]>,
}

/// RFC 9112 3.2: which form, and is it one that this method may have?
pub(super) fn target(verb: Verb, raw: &[u8]) -> Result<Target<'_>, Malformed> {
    if !is_clean(raw) {
        return Err(Malformed::Target);
    }
    match raw {
        // RFC 9110 9.3.6: only for whoever wants to be a tunnel to anywhere.
        _ if verb == Verb::Connect => Err(Malformed::Connect),
        [b'/', ..] => Ok(Target { onward: raw, authority: None }),
        b"*" if verb == Verb::Options => Ok(Target { onward: raw, authority: None }),
        _ => absolute(verb, raw).ok_or(Malformed::Target),
    }
}

/// Visible ASCII without a fragment, which is never sent (RFC 9110 7.1).
pub(super) fn is_clean(raw: &[u8]) -> bool {
    raw.iter().all(|&byte| (0x21..0x7f).contains(&byte) && byte != b'#')
}

/// RFC 9112 3.2.2.
fn absolute(verb: Verb, raw: &[u8]) -> Option<Target<'_>> {
    let rest = after_scheme(raw)?;
    let end = rest.iter().position(|&byte| byte == b'/' || byte == b'?').unwrap_or(rest.len());
    let (authority, onward) = rest.split_at_checked(end)?;
    let authority = without_userinfo(authority).filter(|a| is_authority(a))?;
    let onward = match onward {
        b"" if verb == Verb::Options => b"*", // RFC 9112 3.2.4: the last proxy turns it into this
        b"" => b"/",
        onward => onward,
    };
    Some(Target { onward, authority: Some(authority) })
}

fn after_scheme(raw: &[u8]) -> Option<&[u8]> {
    let after = |scheme: &[u8]| {
        let (start, rest) = raw.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    after(b"http://").or_else(|| after(b"https://"))
}

/// Userinfo is no business of the backend's (RFC 9110 4.2.4), but it must be userinfo.
fn without_userinfo(authority: &[u8]) -> Option<&[u8]> {
    match authority.iter().position(|&byte| byte == b'@') {
        None => Some(authority),
        Some(at) => {
            let (userinfo, host) = authority.split_at_checked(at)?;
            let fine = made_of(userinfo, |byte| is_reg_name(byte) || byte == b':' || byte == b',');
            host.get(1..).filter(|_| fine)
        }
    }
}

/// `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 7.2, 4.2.1).
pub(super) fn is_authority(bytes: &[u8]) -> bool {
    match bytes {
        [b'[', rest @ ..] => match rest.iter().position(|&byte| byte == b']') {
            Some(end) => is_ip_literal(&rest[..end]) && is_port(&rest[end + 1..]),
            None => false,
        },
        _ => {
            let plain = bytes.iter().position(|&byte| !PLAIN[usize::from(byte)]).unwrap_or(bytes.len());
            let host = plain + bytes[plain..].iter().position(|&byte| byte == b':').unwrap_or(bytes.len() - plain);
            host > 0 && (host == plain || made_of(&bytes[..host], is_reg_name)) && is_port(&bytes[host..])
        }
    }
}

/// Nothing, or a colon and a number; RFC 3986 3.2.3 lets it be empty.
fn is_port(bytes: &[u8]) -> bool {
    match bytes {
        [] | [b':'] => true,
        [b':', port @ ..] => framing::digits(port).is_some_and(|port| port <= u64::from(u16::MAX)),
        _ => false,
    }
}

/// RFC 3986 3.2.2. A zone has no meaning beyond the host it is on.
fn is_ip_literal(bytes: &[u8]) -> bool {
    match bytes {
        [b'v' | b'V', rest @ ..] => {
            let dot = rest.iter().position(|&byte| byte == b'.').unwrap_or(0);
            let future = |byte| is_reg_name(byte) && byte != b'%' || byte == b':';
            dot > 0
                && rest[..dot].iter().all(u8::is_ascii_hexdigit)
                && rest.len() > dot + 1
                && rest[dot + 1..].iter().copied().all(future)
        }
        _ => str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
    }
}

/// RFC 3986 `reg-name`, without the comma: it is what two `Host` fields look like once somebody has joined them.
const fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&'..=b'+' | b';' | b'=')
}

/// Those of them that stand for themselves. Every request has a host, and most are made of these.
static PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([false; 256], 0);
    while byte < plain.len() {
        plain[byte] = is_reg_name(byte as u8) && byte as u8 != b'%';
        byte += 1;
    }
    plain
};

/// Only bytes allowed, and each `%` followed by two hexadecimal digits.
fn made_of(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> bool {
    let escape = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    bytes.iter().enumerate().all(|(at, &byte)| allowed(byte) && (byte != b'%' || escape(at)))
}
