//! Which route does a request take? The first whose host and path match.
//!
//! The host is compared without its port and without regard to case; the path byte for byte as the client wrote it, up to
//! its query: nothing is decoded and no dots are resolved, since the backend might do either differently. A prefix that
//! ends in `/` means a folder; one that does not also matches longer names.

use super::Request;
use crate::config::{HostPattern, Route};

/// The index of the pool that `routes` lead this request to.
pub fn find(routes: &[Route], request: &Request<'_, '_>) -> Option<usize> {
    let host = request.host.map_or(&[][..], name_of);
    let path = request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
    let path = if path.is_empty() { b"/" } else { path }; // RFC 9112 section 3.2.1
    let fits = |route: &&Route| {
        route.host.as_ref().is_none_or(|pattern| is_of(host, pattern))
            && route.path.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_bytes()))
    };
    routes.iter().find(fits).map(|route| route.pool)
}

/// The index of the pool that the first route for this host leads to, paths aside.
pub fn find_host(routes: &[Route], host: &str) -> Option<usize> {
    let fits = |route: &&Route| route.host.as_ref().is_none_or(|pattern| is_of(host.as_bytes(), pattern));
    routes.iter().find(fits).map(|route| route.pool)
}

/// A host without its port (RFC 3986 section 3.2) and without the dot that may end a full name.
fn name_of(host: &[u8]) -> &[u8] {
    let end = match host.first() {
        Some(b'[') => host.iter().position(|&byte| byte == b']').map_or(host.len(), |at| at + 1),
        _ => host.iter().position(|&byte| byte == b':').unwrap_or(host.len()),
    };
    let name = host.get(..end).unwrap_or_default();
    name.strip_suffix(b".").unwrap_or(name)
}

fn is_of(host: &[u8], pattern: &HostPattern) -> bool {
    match pattern {
        HostPattern::Exact(name) => host.eq_ignore_ascii_case(name.as_bytes()),
        HostPattern::Below(suffix) => host
            .len()
            .checked_sub(suffix.len())
            .filter(|before| *before > 0)
            .and_then(|before| host.get(before..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes())),
    }
}
