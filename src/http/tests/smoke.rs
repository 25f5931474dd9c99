use crate::http::*;

#[test]
fn a_request_goes_on() {
    let bytes = b"GET /a?b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: keep-alive, X-a\r\nx-A: 1\r\n\r\n";
    let limits = Limits::default();
    assert_eq!(Scan::default().request(bytes, &limits), Ok(Some(bytes.len())));
    let mut table = table();
    let head = head::request(bytes, &limits, &mut table).unwrap();
    let mut out = Vec::new();
    let onward = Onward { client: [127, 0, 0, 1].into(), backend: "b:1", id: 0xabc, trusted: false, proto: "http" };
    assert_eq!(rewrite::request(&head, &onward, &mut out), None);
    let expected = "GET /a?b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: x\r\nX-Request-Id: 00000000000000000000000000000abc\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
