//! The model's grammar: words, targets and authorities, from RFC 3986, RFC 9110 5.6 and RFC 9112 3.2.
//!
//! No reading and no verdicts; those are [`super::model`]'s.

use std::net::Ipv6Addr;

/// RFC 9112 3.2: what goes on, and the authority if the target names one. None: no form that this method may have.
pub fn onward(method: &str, target: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    match target {
        b"*" if method == "OPTIONS" => Some((b"*".to_vec(), None)),
        [b'/', ..] => Some((target.to_vec(), None)),
        _ => absolute(method, &text(target)),
    }
}

fn absolute(method: &str, target: &str) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let (scheme, rest) = target.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None; // a proxy of http has no business with other schemes
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.split_once('@').unwrap_or(("", authority));
    if !is_authority(host.as_bytes()) || !user.bytes().all(|b| is_name(b) || b == b':' || b == b',') || !escapes(user) {
        return None;
    }
    let path = match path {
        "" if method == "OPTIONS" => "*".to_string(), // RFC 9112 3.2.4
        "" => "/".to_string(),
        query if query.starts_with('?') => format!("/{query}"),
        path => path.to_string(),
    };
    Some((path.into_bytes(), Some(host.as_bytes().to_vec())))
}

/// RFC 3986 3.2.2 and 3.2.3 without userinfo. Stricter than it in three things: a comma is how two Host fields look
/// once somebody has joined them, a host that is empty is nobody's, and a port has sixteen bits.
pub fn is_authority(value: &[u8]) -> bool {
    let value = text(value);
    if let Some(literal) = value.strip_prefix('[') {
        return literal.split_once(']').is_some_and(|(literal, port)| is_literal(literal) && is_port(port));
    }
    let (name, port) = value.find(':').map_or((value.as_str(), ""), |colon| value.split_at(colon));
    !name.is_empty() && name.bytes().all(is_name) && escapes(name) && is_port(port)
}

fn is_literal(literal: &str) -> bool {
    let future = literal.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'));
    match future {
        None => literal.parse::<Ipv6Addr>().is_ok(),
        Some((version, rest)) => {
            let hex = !version.is_empty() && version.bytes().all(|b| b.is_ascii_hexdigit());
            hex && !rest.is_empty() && rest.bytes().all(|b| b == b':' || (is_name(b) && b != b'%'))
        }
    }
}

fn is_port(port: &str) -> bool {
    let number = |digits: &str| digits.is_empty() || number(digits.as_bytes()).is_some_and(|port| port < 65536);
    port.is_empty() || port.strip_prefix(':').is_some_and(number)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

fn escapes(name: &str) -> bool {
    let whole = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    name.split('%').skip(1).all(whole)
}

/// A list of codings that exist, `chunked` perhaps behind them; empty members are none (RFC 9110 5.6.1.2).
pub fn all_known(value: &[u8]) -> bool {
    let value = text(value).to_ascii_lowercase();
    let mut members: Vec<&str> =
        value.split(',').map(|one| one.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()).collect();
    if members.last() == Some(&"chunked") {
        members.pop();
    }
    let known = |coding: &&str| ["gzip", "x-gzip", "deflate", "compress", "x-compress"].contains(coding);
    !members.is_empty() && members.iter().all(known)
}

/// 1*DIGIT, and small enough to be counted.
pub fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| text(value).parse().ok()).flatten()
}

pub fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// HTAB, SP, VCHAR, obs-text.
pub fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

pub fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
