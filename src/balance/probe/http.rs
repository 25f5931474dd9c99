//! A backend that answers `GET path` with an expected status is fit.
//!
//! Only the status line is judged, unless a text is looked for in the [body](super::body): it says what the probe asks,
//! and a probe that insisted on a whole, well-framed body would exclude backends that serve clients well enough.

use super::{Probe, Verdict, body};
use crate::balance::health::Step;
use std::ops::RangeInclusive;

/// No status line is longer; a backend that goes on without ending it does not speak HTTP.
const LONGEST_STATUS_LINE: usize = 1024;

/// `GET path` and the statuses that mean fit.
#[derive(Debug)]
pub struct Http {
    question: Vec<u8>,
    expect: Vec<RangeInclusive<u16>>,
    body: Option<String>,
}

impl Http {
    /// Asks `path` of the backend named `host`, with these fields added to ours, or in place of them.
    pub fn new(path: &str, host: &str, headers: &[(String, String)]) -> Http {
        let mut question = format!("GET {path} HTTP/1.1\r\n");
        let said = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let ours = [("Host", host), ("User-Agent", "evenkeel-probe")].into_iter().filter(|(name, _)| !said(name));
        let theirs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in ours.chain(theirs).chain([("Connection", "close")]) {
            question += &format!("{name}: {value}\r\n");
        }
        Http { question: (question + "\r\n").into_bytes(), expect: Vec::new(), body: None }
    }

    /// An answer passes with any status within `expect`, if its body holds the text asked for.
    pub fn expecting(self, expect: &[RangeInclusive<u16>], body: Option<&str>) -> Http {
        Http { expect: expect.to_vec(), body: body.map(str::to_owned), ..self }
    }
}

impl Probe for Http {
    fn question(&self) -> &[u8] {
        &self.question
    }

    fn judge(&self, answer: &[u8], ended: bool) -> Verdict {
        let Some(end) = answer.iter().position(|&byte| byte == b'\n') else {
            return match (answer.len() < LONGEST_STATUS_LINE, ended) {
                (true, false) => Verdict::More,
                (true, true) if answer.is_empty() => Verdict::Fail(Step::Response, "closed without an answer".into()),
                _ => Verdict::Fail(Step::Response, "not an HTTP answer".into()),
            };
        };
        match (status(&answer[..end]), &self.body) {
            (None, _) => Verdict::Fail(Step::Response, "not an HTTP answer".into()),
            (Some(status), _) if !self.expect.iter().any(|range| range.contains(&status)) => {
                Verdict::Fail(Step::Status, format!("status {status}"))
            }
            (Some(_), Some(text)) => body::judge(answer, text, ended),
            (Some(_), None) => Verdict::Pass,
        }
    }

    fn status(&self, answer: &[u8]) -> Option<u16> {
        status(&answer[..answer.iter().position(|&byte| byte == b'\n')?])
    }
}

/// The status code of `HTTP/1.x NNN reason` (RFC 9112 section 4).
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    match rest {
        [b'0'..=b'9', b' ', code @ ..] => {
            let (digits, after) = code.split_at_checked(3)?;
            let ends = matches!(after.first(), None | Some(b' ' | b'\r'));
            let number = std::str::from_utf8(digits).ok()?;
            (ends && digits.iter().all(u8::is_ascii_digit)).then(|| number.parse().ok())?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(answer: &str, ended: bool) -> Verdict {
        Http::new("/", "a:1", &[]).expecting(&[200..=299, 302..=302], None).judge(answer.as_bytes(), ended)
    }

    fn no_answer(what: &str) -> Verdict {
        Verdict::Fail(Step::Response, what.into())
    }

    #[test]
    fn the_question_has_a_host_and_what_else_was_asked_for() {
        let question = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            String::from_utf8(Http::new("/up", "a:1", &headers).question().to_vec()).unwrap()
        };
        let usual = "GET /up HTTP/1.1\r\nHost: a:1\r\nUser-Agent: evenkeel-probe\r\nConnection: close\r\n\r\n";
        assert_eq!(question(&[]), usual);
        let other = "GET /up HTTP/1.1\r\nUser-Agent: evenkeel-probe\r\nhost: b\r\nX: 1\r\nConnection: close\r\n\r\n";
        assert_eq!(question(&[("host", "b"), ("X", "1")]), other);
    }

    #[test]
    fn only_an_expected_status_passes() {
        assert_eq!(judge("HTTP/1.1 200 OK\r\n", false), Verdict::Pass);
        assert_eq!(judge("HTTP/1.0 302\r\n", false), Verdict::Pass);
        assert_eq!(judge("HTTP/1.1 503 No\r\n", false), Verdict::Fail(Step::Status, "status 503".into()));
    }

    #[test]
    fn a_status_line_may_come_in_pieces_but_must_end() {
        assert_eq!(judge("HTTP/1.1 20", false), Verdict::More);
        assert_eq!(judge("HTTP/1.1 20", true), no_answer("not an HTTP answer"));
        assert_eq!(judge("", true), no_answer("closed without an answer"));
        assert_eq!(judge(&"x".repeat(2000), false), no_answer("not an HTTP answer"));
        for garbage in ["\n", "HTTP/2 200 OK\n", "HTTP/1.1 2x0\n", "HTTP/1.1 2000\n", "SSH-2.0-x\r\n"] {
            assert_eq!(judge(garbage, false), no_answer("not an HTTP answer"), "{garbage:?}");
        }
    }
}
