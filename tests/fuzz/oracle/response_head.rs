//! Response heads: as for requests, for an answer to GET and to HEAD, and written for every kind of client.

use super::request_head::{VERBS, framing};
use super::strict::{self, Body, Read};
use super::{cuts, text};
use evenkeel::http::{Framing, Limits, Malformed, Persist, Response, Scan, Verb, Version, head, rewrite, table};

const TIGHT: Limits = Limits { head: 120, target: 24, fields: 5, body: 1000, connections: 0, descriptors: 0, bulk: 0 };

/// See the [module](self).
pub fn check(input: &[u8]) {
    for verb in VERBS {
        for limits in [Limits::default(), TIGHT] {
            let once = verdict(input, &mut std::iter::once(input.len()), verb, &limits);
            let bytes = verdict(input, &mut (1..=input.len()), verb, &limits);
            assert_eq!(bytes, once, "byte by byte: {}", text(input));
            for cut in cuts(input) {
                let twice = verdict(input, &mut [cut, input.len()].into_iter(), verb, &limits);
                assert_eq!(twice, once, "at {cut}: {}", text(input));
            }
        }
        let limits = Limits::default();
        match Scan::default().response(input, &limits) {
            Ok(Some(size)) => {
                if let Ok(response) = head::response(&input[..size], verb, &limits, &mut table()) {
                    accepted(&input[..size], verb, &response);
                } else {
                    refused(input, verb);
                }
            }
            Ok(None) => assert!(!matches!(strict::response(input, false), Read::Whole(..)), "{}", text(input)),
            Err(_) => refused(input, verb),
        }
    }
}

fn verdict(
    input: &[u8],
    ends: &mut dyn Iterator<Item = usize>,
    verb: Verb,
    limits: &Limits,
) -> Result<Option<String>, Malformed> {
    let mut scan = Scan::default();
    for end in ends {
        let mut table = table();
        if let Some((head, size)) = head::next_response(&mut scan, &input[..end], verb, limits, &mut table)? {
            return Ok(Some(format!("{size} {head:?}")));
        }
    }
    Ok(None)
}

fn accepted(input: &[u8], verb: Verb, response: &Response) {
    let Read::Whole(model, size) = strict::response(input, verb == Verb::Head) else {
        panic!("{:?}: {}", strict::response(input, verb == Verb::Head), text(input));
    };
    assert_eq!((size, model.status, &model.reason[..]), (input.len(), response.status, response.reason));
    assert_eq!((framing(response.framing), model.minor == 0), (model.body, response.version == Version::V10));
    let close = model.head.lists("connection", "close");
    if response.keep_alive {
        assert!(!close && (model.minor > 0 || model.head.lists("connection", "keep-alive")), "{}", text(input));
        assert_ne!(model.body, Body::UntilClose);
    }
    for old in [false, true] {
        let body = match response.framing {
            Framing::Chunked | Framing::UntilClose if old => Framing::UntilClose,
            Framing::UntilClose => Framing::Chunked,
            other => other,
        };
        let persist = match (body, old) {
            _ if response.upgrade.is_some() => Persist::Upgrade,
            (Framing::UntilClose, _) => Persist::Close,
            (_, true) => Persist::KeepAlive,
            (_, false) => Persist::Silent,
        };
        written(response, verb, body, persist);
    }
}

/// What a client would be sent means what the backend meant, and is written the same way when read and written again.
fn written(response: &Response, verb: Verb, body: Framing, persist: Persist) {
    let mut sent = Vec::new();
    rewrite::response(response, body, persist, &mut sent);
    let limits = Limits { head: 1 << 20, fields: Limits::MOST_FIELDS, ..Limits::default() };
    assert_eq!(Scan::default().response(&sent, &limits), Ok(Some(sent.len())), "{}", text(&sent));
    let mut table = table();
    let again = head::response(&sent, verb, &limits, &mut table).unwrap_or_else(|why| panic!("{why}: {}", text(&sent)));
    assert_eq!((again.status, again.reason, again.framing), (response.status, response.reason, body));
    assert_eq!((again.version, again.upgrade), (Version::V11, response.upgrade));
    assert_eq!(again.keep_alive, persist != Persist::Close && body != Framing::UntilClose, "{}", text(&sent));
    let Read::Whole(model, size) = strict::response(&sent, verb == Verb::Head) else { panic!("{}", text(&sent)) };
    assert_eq!((size, model.body), (sent.len(), framing(body)), "{}", text(&sent));
    assert!(model.head.all("content-length").len() + model.head.all("transfer-encoding").len() <= 1);
    for never in ["keep-alive", "proxy-connection", "http2-settings", "te"] {
        assert!(model.head.all(never).is_empty(), "{never}: {}", text(&sent));
    }
    let mut twice = Vec::new();
    rewrite::response(&again, body, persist, &mut twice);
    assert_eq!(text(&twice), text(&sent), "no fixpoint");
}

/// A refusal is right only of what is not plainly right.
fn refused(input: &[u8], verb: Verb) {
    let Read::Whole(model, size) = strict::response(input, verb == Verb::Head) else { return };
    let known = ["content-length", "server", "content-type", "date", "set-cookie"];
    let length = model.head.all("content-length").concat();
    let plain = size < 1000
        && model.head.fields.len() < 50
        && length.len() < 16
        && length.iter().all(u8::is_ascii_digit)
        && model.head.fields.iter().all(|(name, _)| known.iter().any(|k| k.as_bytes() == name));
    assert!(!plain, "refused: {}", text(input));
}
