//! Who may ask: whoever knows the token, if there is one; and nobody whom a page of another site has sent.
//!
//! A browser sends what any page tells it to, also to addresses that only this machine can reach. It tells on itself
//! though: by `Origin` and `Sec-Fetch-Site`, and, where a name was made to point here (DNS rebinding), by a `Host` that is
//! none of ours. So a request that changes something is held against these. Where there is a token, the name may be any:
//! no browser knows the token. Whoever looks may come from anywhere and under any name, except to watch: there are few
//! seats, and a page of another site that cannot read a word would still take them.

use super::{Page, assets};
use crate::base::Peer;
use crate::config::Guard;
use crate::http::{Request, Status, Verb};
use std::net::{IpAddr, Ipv6Addr};

/// Monitors ask these, and they say next to nothing. The pages say nothing at all: a browser that has them asks for the
/// token then.
const OPEN: [&[u8]; 2] = [b"/healthz", b"/readyz"];

/// Whoever asks for this stays.
const FEED: &[u8] = b"/api/events";

/// Why this request is not heard, if it is not.
pub(super) fn refuse(request: &Request<'_, '_>, path: &[u8], peer: Peer, guard: &Guard) -> Option<Page> {
    if let Some(token) = &guard.token
        && !OPEN.contains(&path)
        && !assets::is_ours(path)
        && !bearer(request).is_some_and(|said| token.is(said))
    {
        let extra = "WWW-Authenticate: Bearer realm=\"evenkeel\"\r\n";
        return Some(Page { extra, ..Page::text(Status(401), "the token is wanted: Authorization: Bearer ...\n") });
    }
    let looks = matches!(request.verb, Verb::Get | Verb::Head);
    if looks && path != FEED {
        return None;
    }
    let why = if is_cross_site(request) {
        "a page of another site may not ask for this\n"
    } else if !looks && guard.token.is_none() && peer.ip().is_some() && !is_ours(request.host, guard) {
        "this is asked of a name that is not this address's: use localhost or a number\n"
    } else {
        return None;
    };
    Some(Page::text(Status(403), why))
}

/// The values of all fields of this name.
pub(super) fn fields<'t>(request: &Request<'t, '_>, name: &'t str) -> impl Iterator<Item = &'t [u8]> {
    request.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// The token that it brings (RFC 6750 section 2.1), if it brings one only.
fn bearer<'t>(request: &Request<'t, '_>) -> Option<&'t [u8]> {
    let mut all = fields(request, "authorization");
    let (only, more) = (all.next()?, all.next());
    let (scheme, token) = only.split_at_checked(7)?;
    (more.is_none() && scheme.eq_ignore_ascii_case(b"bearer ")).then(|| token.trim_ascii())
}

/// Whether a browser says that another site's page has sent it. One of the same site may stand on another port.
fn is_cross_site(request: &Request<'_, '_>) -> bool {
    let foreign = |origin: &[u8]| {
        let authority = origin.strip_prefix(b"http://").or(origin.strip_prefix(b"https://"));
        !authority.zip(request.host).is_some_and(|(from, to)| from.eq_ignore_ascii_case(to))
    };
    let sent = |site: &[u8]| !matches!(site, b"same-origin" | b"none");
    fields(request, "origin").any(foreign) || fields(request, "sec-fetch-site").any(sent)
}

/// Whether a `Host` is a number, `localhost` or the name that the operator wrote. Browsers send one always.
fn is_ours(host: Option<&[u8]>, guard: &Guard) -> bool {
    let Some(host) = host else { return true };
    let Ok(host) = str::from_utf8(host) else { return false };
    let name = without_port(host);
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let number = match bracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<IpAddr>().is_ok(),
    };
    let named = guard.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
    number || named || name.eq_ignore_ascii_case("localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Token;
    use crate::http::{self, Limits};

    /// The status that a request with these lines is refused with, if it is.
    fn status(head: &str, guard: &Guard, peer: Peer) -> Option<u16> {
        let text = format!("{}\r\n\r\n", head.replace('\n', "\r\n"));
        let mut table = http::table();
        let request = http::head::request(text.as_bytes(), &Limits::default(), &mut table).expect(head);
        let path = request.target;
        refuse(&request, path, peer, guard).map(|page| page.status.0)
    }

    fn local() -> Peer {
        Peer::Tcp("127.0.0.1:9".parse().unwrap())
    }

    #[test]
    fn without_a_token_everybody_near_may_look_and_no_other_site_may_tell() {
        let guard = Guard { token: None, name: Some("Lb.Internal".into()) };
        let judge = |head: &str| status(head, &guard, local());
        assert_eq!(judge("GET /api/state HTTP/1.1\nHost: evil.example\nOrigin: http://evil.example"), None);
        for host in
            ["localhost", "localhost:5002", "127.0.0.1:5002", "[::1]:5002", "[::1]", "10.0.0.1", "lb.internal:1"]
        {
            assert_eq!(judge(&format!("POST / HTTP/1.1\nHost: {host}")), None, "{host}");
            assert_eq!(judge(&format!("POST / HTTP/1.1\nHost: {host}\nOrigin: http://{host}")), None, "{host}");
        }
        for host in ["evil.example", "evil.example:5002", "localhost.evil.example", "127.0.0.1.evil.example", "[v1.x]"]
        {
            assert_eq!(judge(&format!("POST / HTTP/1.1\nHost: {host}")), Some(403), "{host}");
            assert_eq!(judge(&format!("PUT / HTTP/1.1\nHost: {host}\nOrigin: http://{host}")), Some(403), "{host}");
        }
        for said in [
            "Origin: http://evil.example",
            "Origin: null",
            "Origin: http://localhost:3000",
            "Origin: http://localhost:5002\nOrigin: http://evil.example",
            "Origin: http://localhost",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
        ] {
            assert_eq!(judge(&format!("POST / HTTP/1.1\nHost: localhost:5002\n{said}")), Some(403), "{said}");
        }
        for said in ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"] {
            for line in ["POST /", "GET /api/events"] {
                assert_eq!(judge(&format!("{line} HTTP/1.1\nHost: localhost:5002\n{said}")), None, "{said}");
            }
        }
        for said in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"] {
            let head = |path: &str| format!("GET {path} HTTP/1.1\nHost: localhost:5002\n{said}");
            let seen = ["/api/events", "/api/state", "/"].map(|path| judge(&head(path)));
            assert_eq!(seen, [Some(403), None, None], "there are few seats: {said}");
        }
        assert_eq!(judge("GET /api/events HTTP/1.1\nHost: any.name"), None);
        assert_eq!(judge("POST / HTTP/1.0"), None);
        assert_eq!(status("POST / HTTP/1.1\nHost: anything", &guard, Peer::Unix), None, "no browser comes by a path");
    }

    #[test]
    fn with_a_token_only_who_knows_it_is_heard() {
        let guard = Guard { token: Some(Token::parse("0123456789abcdef").unwrap()), name: None };
        let judge = |head: &str| status(head, &guard, local());
        for path in ["/healthz", "/readyz", "/", "/loop", "/assets/style.css", "/assets/nothing"] {
            assert_eq!(judge(&format!("GET {path} HTTP/1.1\nHost: h")), None);
        }
        for said in [
            "X: y",
            "Authorization: Bearer",
            "Authorization: Bearer 0123456789abcdeg",
            "Authorization: Bearer 0123456789abcdef0",
            "Authorization: Basic 0123456789abcdef",
            "Authorization: 0123456789abcdef",
            "Authorization: Bearer 0123456789abcdef\nAuthorization: Bearer 0123456789abcdef",
        ] {
            for line in [
                "GET /api/state",
                "POST /api/backends/a",
                "GET /healthz/",
                "GET /nothing",
                "GET /loop/",
                "GET /api/events",
            ] {
                assert_eq!(judge(&format!("{line} HTTP/1.1\nHost: h\n{said}")), Some(401), "{line} {said}");
            }
        }
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let said = format!("Host: any.name\nAuthorization: {scheme} 0123456789abcdef");
            assert_eq!(judge(&format!("GET /api/state HTTP/1.1\n{said}")), None);
            assert_eq!(judge(&format!("POST /api/backends/a HTTP/1.1\n{said}")), None);
            assert_eq!(judge(&format!("POST / HTTP/1.1\n{said}\nOrigin: http://evil.example")), Some(403));
        }
    }
}
