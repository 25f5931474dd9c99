//! Whether the body of an answer holds a text. Here, and only here, a probe insists on a head that can be read and a
//! body that is framed rightly: who asks for a text wants to know that a whole answer comes.

use super::Verdict;
use crate::balance::health::Step;
use crate::http::chunked::Chunked;
use crate::http::{self, Framing, Limits, Malformed, Scan, Verb};

/// Judges all that came of an answer whose status was expected; `ended`: no more is read.
pub fn judge(answer: &[u8], text: &str, ended: bool) -> Verdict {
    match body(answer, ended) {
        Ok(Some((body, _))) if holds(&body, text) => Verdict::Pass,
        Ok(Some((_, true))) => Verdict::Fail(Step::Body, format!("body lacks {text:?}")),
        Ok(_) if ended => Verdict::Fail(Step::Body, format!("answer ended without {text:?}")),
        Ok(_) => Verdict::More,
        Err(malformed) => Verdict::Fail(Step::Body, malformed.to_string()),
    }
}

fn holds(body: &[u8], text: &str) -> bool {
    memchr::memmem::find(body, text.as_bytes()).is_some()
}

/// What is there of the body, and whether that is all of it; none: its head is not whole.
fn body(answer: &[u8], ended: bool) -> Result<Option<(Vec<u8>, bool)>, Malformed> {
    let limits = Limits::default();
    let Some(size) = Scan::default().response(answer, &limits)? else { return Ok(None) };
    let (head, rest) = answer.split_at(size.min(answer.len()));
    let mut table = http::table();
    let framing = http::head::response(head, Verb::Get, &limits, &mut table)?.framing;
    let mut body = rest.to_vec();
    let whole = match framing {
        Framing::None => {
            body.clear();
            true
        }
        Framing::Length(length) => {
            body.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            body.len() as u64 == length
        }
        Framing::Chunked => {
            let decoded = Chunked::new().decode(&mut body, &limits, &mut Vec::new())?;
            body.truncate(decoded.produced);
            decoded.done
        }
        Framing::UntilClose => ended,
    };
    Ok(Some((body, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(answer: &str, ended: bool) -> Verdict {
        judge(answer.as_bytes(), "well", ended)
    }

    fn lacks() -> Verdict {
        Verdict::Fail(Step::Body, "body lacks \"well\"".into())
    }

    const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CLOSE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

    #[test]
    fn a_text_is_found_as_soon_as_it_is_there_however_the_body_is_framed() {
        for answer in [format!("{LENGTH}all well"), format!("{CHUNKED}2\r\nwe\r\n3\r\nll.\r\n"), format!("{CLOSE}well")]
        {
            assert_eq!(look(&answer, false), Verdict::Pass, "{answer}");
            for at in 0..answer.len() - 4 {
                assert_eq!(look(&answer[..at], false), Verdict::More, "{}", &answer[..at]);
            }
        }
    }

    #[test]
    fn a_whole_body_without_it_fails_at_once_and_a_cut_one_when_it_ends() {
        for answer in [format!("{LENGTH}all ill!"), format!("{LENGTH}all ill!well"), format!("{CHUNKED}0\r\n\r\nwell")]
        {
            assert_eq!(look(&answer, false), lacks(), "{answer}");
        }
        assert_eq!(look(&format!("{CLOSE}ill"), false), Verdict::More);
        assert_eq!(look(&format!("{CLOSE}ill"), true), lacks());
        assert_eq!(look("HTTP/1.1 204 No\r\nX-Well: well\r\n\r\n", false), lacks(), "heads do not count");
        let cut = Verdict::Fail(Step::Body, "answer ended without \"well\"".into());
        assert_eq!(look(&format!("{LENGTH}all"), true), cut);
        assert_eq!(look("HTTP/1.1 200 OK\r\n", true), cut);
    }

    #[test]
    fn what_cannot_be_read_fails() {
        for answer in ["HTTP/1.1 200 OK\r\nA : well\r\n\r\n", &format!("{CHUNKED}well\r\n")] {
            assert!(matches!(look(answer, false), Verdict::Fail(Step::Body, _)), "{answer}");
        }
    }
}
