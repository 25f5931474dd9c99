//! Request heads: the verdict does not depend on how the bytes are cut; what passes means the same to a literal reading;
//! what is plainly right passes; and what is written for the backend means what the client meant, to both readers.

use super::strict::{self, Body, Read};
use super::{cuts, text};
use evenkeel::base::Peer;
use evenkeel::http::{Framing, Limits, Malformed, Onward, Request, Scan, Verb, Version, head, rewrite, table};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Limits so tight that small inputs reach them.
const TIGHT: Limits = Limits { head: 120, target: 24, fields: 5, body: 1000, connections: 0, descriptors: 0, bulk: 0 };

/// Nothing that is written anew fails for its size.
const WIDE: Limits = Limits {
    head: 1 << 20,
    target: 1 << 19,
    fields: Limits::MOST_FIELDS,
    body: 0,
    connections: 0,
    descriptors: 0,
    bulk: 0,
};

const ONWARD: Onward = Onward {
    client: Peer::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)), 4000)),
    backend: "backend:8080",
    id: 0xabc,
    trusted: false,
    proto: "http",
    cookie: None,
};

/// See the [module](self).
pub fn check(input: &[u8]) {
    for limits in [Limits::default(), TIGHT] {
        let once = verdict(input, &mut std::iter::once(input.len()), &limits);
        let bytes = verdict(input, &mut (1..=input.len()), &limits);
        assert_eq!(bytes, once, "byte by byte: {}", text(input));
        for cut in cuts(input) {
            let twice = verdict(input, &mut [cut, input.len()].into_iter(), &limits);
            assert_eq!(twice, once, "at {cut}: {}", text(input));
        }
    }
    let limits = Limits::default();
    match Scan::default().request(input, &limits) {
        Ok(Some(size)) => match head::request(&input[..size], &limits, &mut table()) {
            Ok(request) => accepted(&input[..size], &request),
            Err(why) => refused(input, why),
        },
        Ok(None) => assert!(!matches!(strict::request(input), Read::Whole(..)), "not seen: {}", text(input)),
        Err(why) => refused(input, why),
    }
}

/// What becomes of bytes that come in pieces ending at `ends`.
fn verdict(input: &[u8], ends: &mut dyn Iterator<Item = usize>, limits: &Limits) -> Result<Option<String>, Malformed> {
    let mut scan = Scan::default();
    for end in ends {
        let mut table = table();
        if let Some((head, size)) = head::next_request(&mut scan, &input[..end], limits, &mut table)? {
            assert!(size <= end && input[..size].ends_with(b"\r\n\r\n"));
            return Ok(Some(format!("{size} {head:?}")));
        }
    }
    Ok(None)
}

/// The model takes it as well, and reads the same in it.
fn accepted(input: &[u8], request: &Request) {
    let Read::Whole(model, size) = strict::request(input) else {
        panic!("{:?}: {}", strict::request(input), text(input));
    };
    assert_eq!(size, input.len(), "{}", text(input));
    assert_eq!((request.method.as_bytes(), framing(request.framing)), (&model.method[..], model.body));
    assert_eq!((request.version == Version::V10, request.fields.len()), (model.minor == 0, model.head.fields.len()));
    let close = model.head.lists("connection", "close");
    let asked = model.head.lists("connection", "keep-alive");
    assert_eq!(request.keep_alive, !close && (model.minor > 0 || asked), "{}", text(input));
    assert!(model.target.ends_with(request.target) || request.target == b"*" || request.target == b"/");
    let mut first = Vec::new();
    rewrite::request(request, &ONWARD, &mut first);
    let second = means_the_same(request, &first);
    let third = anew(&second);
    if request.max_forwards.is_none() {
        assert_eq!(text(&anew(&third)), text(&third), "no fixpoint");
    }
}

/// What was written for the backend, read again; returns it written once more.
fn means_the_same(request: &Request, written: &[u8]) -> Vec<u8> {
    let mut table = table();
    let again = match Scan::default().request(written, &WIDE) {
        Ok(Some(size)) if size == written.len() => head::request(written, &WIDE, &mut table),
        other => panic!("{other:?}: {}", text(written)),
    };
    let again = again.unwrap_or_else(|why| panic!("{why}: {}", text(written)));
    let target = if request.target.starts_with(b"?") { &[b"/", request.target].concat() } else { request.target };
    assert_eq!((again.method, again.target), (request.method, target));
    assert_eq!((again.framing, again.upgrade), (request.framing, request.upgrade), "{}", text(written));
    assert_eq!(again.host, request.host.or(Some(ONWARD.backend.as_bytes())));
    assert_eq!((again.version, again.keep_alive), (Version::V11, true));
    assert_eq!(again.expects_continue, request.expects_continue, "{}", text(written));
    assert_eq!(again.max_forwards, request.max_forwards.map(|left| left.saturating_sub(1)));
    let id = format!("{:032x}", ONWARD.id);
    assert_eq!(again.request_id, Some(request.request_id.unwrap_or(id.as_bytes())));
    clean(request, written);
    let mut second = Vec::new();
    rewrite::request(&again, &ONWARD, &mut second);
    second
}

fn anew(written: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut table = table();
    let request = head::request(written, &WIDE, &mut table).unwrap_or_else(|why| panic!("{why}: {}", text(written)));
    rewrite::request(&request, &ONWARD, &mut out);
    out
}

/// To the model, too: each field that frames or routes once, nothing of another hop, and every other field as it came.
fn clean(request: &Request, written: &[u8]) {
    let Read::Whole(sent, size) = strict::request(written) else { panic!("{}", text(written)) };
    assert_eq!((size, sent.body), (written.len(), framing(request.framing)), "{}", text(written));
    assert!(sent.target.starts_with(b"/") || sent.target == b"*", "{}", text(written));
    for once in ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"] {
        let count = sent.head.all(once).len();
        let may_lack = once == "x-forwarded-host" && request.host.is_none();
        assert!(count == 1 || count == 0 && may_lack, "{count} times {once}: {}", text(written));
    }
    assert_eq!(sent.head.all("x-forwarded-for"), [b"10.0.0.9"]);
    for never in ["keep-alive", "proxy-connection", "http2-settings"] {
        assert!(sent.head.all(never).is_empty(), "{never}: {}", text(written));
    }
    let own = ["host", "connection", "te", "upgrade", "content-length", "transfer-encoding", "max-forwards"];
    let mine = |name: &[u8]| own.iter().any(|o| o.as_bytes() == name) || name.starts_with(b"x-");
    let mut came = request.fields.iter().map(|f| (f.name.to_ascii_lowercase().into_bytes(), f.value.to_vec()));
    for field in sent.head.fields.iter().filter(|(name, _)| !mine(name)) {
        assert!(came.any(|one| one == *field), "{}: not sent, or not in this order", text(&field.0));
    }
}

/// A refusal is right only of what is not plainly right.
fn refused(input: &[u8], why: Malformed) {
    let Read::Whole(model, size) = strict::request(input) else { return };
    let empty_lines = input.chunks(2).take_while(|line| line == b"\r\n").count();
    assert!(empty_lines > 8 || !plain(&model, size), "{why}: {}", text(input));
}

/// Nobody could object: small, HTTP/1.1, a simple target and host, and no field that a proxy has an opinion on.
fn plain(model: &strict::Request, size: usize) -> bool {
    let simple = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b));
    let target = model.target.strip_prefix(b"/").is_some_and(|rest| rest.iter().all(|&b| simple(&[b]) || b == b'/'));
    let host = model.head.all("host").concat();
    let length = model.head.all("content-length").concat();
    let known = ["host", "content-length", "user-agent", "accept", "cookie", "transfer-encoding"];
    size < 1000
        && model.minor == 1
        && target
        && (model.method.len() < 20 && model.method != b"CONNECT")
        && (!host.is_empty() && simple(&host))
        && (length.len() < 16)
        && model.head.fields.len() < 50
        && model.head.fields.iter().all(|(name, _)| known.iter().any(|k| k.as_bytes() == name))
}

/// The balancer's framing in the model's words.
pub fn framing(framing: Framing) -> Body {
    match framing {
        Framing::None => Body::None,
        Framing::Length(length) => Body::Length(length),
        Framing::Chunked => Body::Chunked,
        Framing::UntilClose => Body::UntilClose,
    }
}

/// The verb of a method, as a response's framing needs it.
pub const VERBS: [Verb; 2] = [Verb::Get, Verb::Head];
