//! A backend that answers `GET path` with an expected status is fit.
//!
//! Only the status line is judged: it says what the probe asks, and a probe that insisted on a whole, well-framed body
//! would exclude backends that serve clients well enough.

use super::{Probe, Verdict};
use std::ops::RangeInclusive;

/// No status line is longer; a backend that goes on without ending it does not speak HTTP.
const LONGEST_STATUS_LINE: usize = 1024;

/// `GET path` and the statuses that mean fit.
#[derive(Debug)]
pub struct Http {
    question: Vec<u8>,
    expect: Vec<RangeInclusive<u16>>,
}

impl Http {
    /// Asks `path` of the backend named `host`. Any status within `expect` passes.
    pub fn new(path: &str, host: &str, expect: &[RangeInclusive<u16>]) -> Http {
        let question =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: evenkeel-probe\r\nConnection: close\r\n\r\n");
        Http { question: question.into_bytes(), expect: expect.to_vec() }
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
                (true, true) if answer.is_empty() => Verdict::Fail("closed without an answer".into()),
                _ => Verdict::Fail("not an HTTP answer".into()),
            };
        };
        match status(&answer[..end]) {
            Some(status) if self.expect.iter().any(|range| range.contains(&status)) => Verdict::Pass,
            Some(status) => Verdict::Fail(format!("status {status}")),
            None => Verdict::Fail("not an HTTP answer".into()),
        }
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
        Http::new("/", "a:1", &[200..=399]).judge(answer.as_bytes(), ended)
    }

    #[test]
    fn only_an_expected_status_passes() {
        assert_eq!(judge("HTTP/1.1 200 OK\r\n", false), Verdict::Pass);
        assert_eq!(judge("HTTP/1.0 302\r\n", false), Verdict::Pass);
        assert_eq!(judge("HTTP/1.1 503 No\r\n", false), Verdict::Fail("status 503".into()));
    }

    #[test]
    fn a_status_line_may_come_in_pieces_but_must_end() {
        assert_eq!(judge("HTTP/1.1 20", false), Verdict::More);
        assert_eq!(judge("HTTP/1.1 20", true), Verdict::Fail("not an HTTP answer".into()));
        assert_eq!(judge("", true), Verdict::Fail("closed without an answer".into()));
        assert_eq!(judge(&"x".repeat(2000), false), Verdict::Fail("not an HTTP answer".into()));
        for garbage in ["\n", "HTTP/2 200 OK\n", "HTTP/1.1 2x0\n", "HTTP/1.1 2000\n", "SSH-2.0-x\r\n"] {
            assert_eq!(judge(garbage, false), Verdict::Fail("not an HTTP answer".into()), "{garbage:?}");
        }
    }
}
