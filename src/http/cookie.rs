//! One cookie among others: found by its name, left out of what goes on, and set (RFC 6265).
//!
//! Cookies are the site's, not ours: whatever else stands in a `Cookie` field passes byte for byte, however odd.

use super::fields;
use super::head::Request;
use crate::base::digits::{decimal, hex};

/// A cookie of our own, for a client to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value, written in 16 hexadecimal digits.
    pub value: u64,
    /// How long it is kept; none: as long as the client runs.
    pub seconds: Option<u64>,
}

/// Whether this is a field of cookies.
pub(super) fn is_field(name: &str) -> bool {
    name.eq_ignore_ascii_case("cookie")
}

/// The value of the first cookie of this name, whose case matters.
pub fn find<'b>(request: &Request<'_, 'b>, name: &str) -> Option<&'b [u8]> {
    let fields = request.fields.iter().filter(|field| is_field(field.name));
    fields.flat_map(|field| pairs(field.value)).find_map(|pair| value(pair, name))
}

/// The pairs of a field, with the spaces around them.
fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|&byte| byte == b';')
}

fn value<'b>(pair: &'b [u8], name: &str) -> Option<&'b [u8]> {
    pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// Writes a field of cookies without those of this name; nothing, if there were no others.
pub(super) fn write_without(field: &str, cookies: &[u8], name: &str, out: &mut Vec<u8>) {
    if !pairs(cookies).any(|pair| value(pair, name).is_some()) {
        return fields::write(field.as_bytes(), cookies, out);
    }
    let begin = out.len();
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b": ");
    let (mut first, mut empty) = (true, true);
    for pair in pairs(cookies).filter(|pair| value(pair, name).is_none()) {
        match std::mem::take(&mut first) {
            true => out.extend_from_slice(pair.trim_ascii_start()), // as a field begins
            false => {
                out.push(b';');
                out.extend_from_slice(pair);
            }
        }
        empty &= pair.trim_ascii().is_empty();
    }
    match empty {
        true => out.truncate(begin),
        false => out.extend_from_slice(b"\r\n"),
    }
}

/// Writes the field that sets it: for the whole site, out of reach of scripts, and not along with requests that other
/// sites make.
pub(super) fn write_set(cookie: &SetCookie<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Set-Cookie: ");
    out.extend_from_slice(cookie.name.as_bytes());
    out.push(b'=');
    hex(u128::from(cookie.value), 16, out);
    out.extend_from_slice(b"; Path=/; HttpOnly; SameSite=Lax");
    if let Some(seconds) = cookie.seconds {
        out.extend_from_slice(b"; Max-Age=");
        decimal(seconds, out);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(cookies: &str) -> String {
        let mut out = Vec::new();
        write_without("cookie", cookies.as_bytes(), "EK", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ours_is_left_out_and_the_others_stay_as_they_are() {
        for (before, after) in [
            ("EK=1; a=b", "a=b"),
            ("a=b; EK=1", "a=b"),
            ("a=b; EK=1; c=d", "a=b; c=d"),
            ("a=b;EK=1;c=d", "a=b;c=d"),
            ("a=b ;  EK=1 ;  c=\"d e\"", "a=b ;  c=\"d e\""),
            ("EK=1; EK=2; a=b; EK=", "a=b"),
            ("EK=1;  a=b;; c", "a=b;; c"),
            ("a=b; EK=1;", "a=b;"),
            ("; EK=1; a=b", "; a=b"),
            ("a=EK=1; XEK=2; ek=3; EK; EKX=4; EK =5", "a=EK=1; XEK=2; ek=3; EK; EKX=4; EK =5"),
            (" ; ", " ; "),
        ] {
            assert_eq!(without(before), format!("cookie: {after}\r\n"), "{before}");
        }
        for alone in ["EK=1", " EK=1 ", "EK=1;", "EK=; EK=2 ; "] {
            assert_eq!(without(alone), "", "{alone}");
        }
    }

    #[test]
    fn it_is_set_for_the_whole_site() {
        let written = |seconds| {
            let mut out = Vec::new();
            write_set(&SetCookie { name: "EK", value: 0xab, seconds }, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(None), "Set-Cookie: EK=00000000000000ab; Path=/; HttpOnly; SameSite=Lax\r\n");
        assert!(written(Some(3600)).ends_with("; SameSite=Lax; Max-Age=3600\r\n"));
    }
}
