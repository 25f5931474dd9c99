//! Our own answers.

use super::*;

fn error(status: u16, close: bool, head_only: bool, keep_alive_10: bool) -> String {
    let mut out = Vec::new();
    answer::error(Status(status), 0xabc, close, head_only, keep_alive_10, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_error_says_what_and_under_which_id() {
    let expected = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 58\r\n\r\n404 Not Found\nrequest id 00000000000000000000000000000abc\n";
    assert_eq!(error(404, false, false, false), expected);
}

#[test]
fn head_gets_the_same_head_and_no_body() {
    let (head, body) =
        error(404, false, false, false).split_once("\r\n\r\n").map(|(h, b)| (h.to_string(), b.to_string())).unwrap();
    assert_eq!(error(404, false, true, false), head + "\r\n\r\n");
    assert_eq!(body.len(), 58);
}

#[test]
fn it_says_what_becomes_of_the_connection() {
    assert!(error(400, true, false, false).contains("\r\nConnection: close\r\n"));
    assert!(error(400, true, false, true).contains("\r\nConnection: close\r\n"));
    assert!(error(404, false, false, true).contains("\r\nConnection: keep-alive\r\n"));
    assert!(!error(404, false, false, false).contains("Connection"));
}

#[test]
fn those_who_should_come_again_are_told_when() {
    for status in [429, 503] {
        assert!(error(status, false, false, false).contains("\r\nRetry-After: 1\r\n"));
    }
    assert!(!error(502, false, false, false).contains("Retry-After"));
    assert!(error(405, false, false, false).contains("\r\nAllow:\r\n"));
}

#[test]
fn every_answer_parses_as_a_strict_response() {
    for status in [200, 400, 404, 405, 408, 413, 414, 417, 429, 431, 501, 502, 503, 504, 505] {
        assert_ne!(Status(status).reason(), "");
        for (close, old) in [(true, false), (false, false), (false, true)] {
            let bytes = error(status, close, false, old);
            let (length, said, alive) = judge_response(bytes.as_bytes(), Verb::Get, &Limits::default(), |head| {
                (head.framing.length(), head.status, head.keep_alive)
            })
            .unwrap()
            .unwrap();
            let body = bytes.split_once("\r\n\r\n").unwrap().1;
            assert_eq!((length, said, alive), (Some(body.len() as u64), status, !close));
            assert!(!bytes.contains("Server") && !bytes.contains("evenkeel"));
        }
    }
}

#[test]
fn the_last_hop_answers_for_itself() {
    let answer = |verb| {
        let mut out = Vec::new();
        answer::last_hop(verb, 1, false, false, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(answer(Verb::Options), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(answer(Verb::Trace).starts_with("HTTP/1.1 501 Not Implemented\r\n"));
}

#[test]
fn any_body_may_be_sent() {
    let mut out = Vec::new();
    let status = Status(200);
    answer::write(
        &Answer {
            status,
            content_type: "application/json",
            body: b"{}",
            extra: "Cache-Control: no-store\r\n",
            close: false,
            head_only: false,
            keep_alive_10: false,
        },
        &mut out,
    );
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\n{}"
    );
}
