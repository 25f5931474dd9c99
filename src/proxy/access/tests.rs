use super::*;
use crate::balance::Backends;
use crate::config;
use crate::net::sim::{Cruelty, Sim};
use crate::proxy::context::Context;
use crate::proxy::phase::Phase;
use crate::proxy::reason::Reason;
use crate::{balance, http};

const HEAD: &[u8] = b"GET /a?b=\"c\" HTTP/1.1\r\nHost: a\r\nUser-Agent: \"quoted\" \xff\r\nX-Request-Id: 77\r\n\r\n";

fn context(format: Format) -> (Context<Sim>, std::sync::mpsc::Receiver<crate::host::spool::Batch>) {
    let pools = config::testing::config("-b 127.0.0.1:8080 -b 127.0.0.1:8081").pools;
    let (timeouts, limits) = (config::Timeouts::default(), config::Limits::default());
    let mut cx = Context::new(Sim::new(1, Cruelty::calm()), Backends::new(&pools, 1), timeouts, limits, 1);
    let (spool, batches) = Spool::pair(1);
    cx.access = Some(Access::new(format, spool));
    (cx, batches)
}

fn line(format: Format, of: impl FnOnce(&mut Record), status: u16) -> String {
    let (mut cx, batches) = context(format);
    cx.now = Time(10_250_000);
    let mut record = Record { id: 7, counts: true, ..Record::new(Time(1_000_000), Time(2_000_000)) };
    let mut table = http::table();
    let request = http::head::request(HEAD, &config::Limits::default(), &mut table).unwrap();
    record.asked = Some(Asked::of(&request, format != Format::Text, Box::default()));
    of(&mut record);
    let client = Peer::Tcp("192.0.2.1:4000".parse().unwrap());
    cx.log_access(Ended { record: &mut record, client, status, moved: [10, 120], body: 20 });
    cx.access = None;
    String::from_utf8(batches.recv().unwrap().bytes).unwrap()
}

/// Served by the second backend after the first one refused.
fn served(record: &mut Record) {
    (record.pool, record.moved) = (Some(balance::PoolId(0)), [5, 0]);
    record.tries(balance::BackendId(0), Time(2_100_000));
    record.tries(balance::BackendId(1), Time(2_600_000));
    (record.connected, record.answered) = (Time(3_100_000), Time(9_100_000));
    record.cost = Cost { calls: 6, copied: 130, spliced: 0 };
    record.end(Reason::Finished, Phase::Receiving);
}

#[test]
fn text_has_a_key_for_each_thing() {
    assert_eq!(
        line(Format::Text, served, 200),
        "time=1970-01-01T00:00:00.000Z client=192.0.2.1:4000 method=GET target=\"/a?b=\\x22c\\x22\" version=HTTP/1.1 \
         status=200 pool=main backend=127.0.0.1:8081 bytes_in=15 bytes_out=120 timers=1.0/0.1/1.0/6.0/9.2 end=-- \
         reason=finished retries=1 id=00000000000000000000000000000007 calls=6 copied=130 spliced=0\n"
    );
}

#[test]
fn what_did_not_happen_is_said_to_be_so() {
    let refused = |record: &mut Record| {
        record.asked = None;
        record.refused("bad_request_line");
    };
    assert_eq!(
        line(Format::Text, refused, 400),
        "time=1970-01-01T00:00:00.000Z client=192.0.2.1:4000 status=400 bytes_in=10 bytes_out=120 \
         timers=1.0/-1/-1/-1/9.2 end=PR reason=bad_request_line retries=0 id=00000000000000000000000000000007 calls=0 \
         copied=0 spliced=0\n"
    );
}

#[test]
fn json_is_an_object_with_the_same_keys() {
    let text = line(Format::Json, served, 200);
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
    for (key, value) in [
        ("method", "GET"),
        ("target", "/a?b=\"c\""),
        ("backend", "127.0.0.1:8081"),
        ("end", "--"),
        ("client_id", "77"),
        ("user_agent", "\"quoted\" \u{fffd}"),
    ] {
        assert_eq!(object[key], value, "{key}");
    }
    assert_eq!(object["timers"], serde_json::json!({"TR": 1.0, "Tw": 0.1, "Tc": 1.0, "Tr": 6.0, "Ta": 9.2}));
    assert_eq!((&object["status"], &object["referer"]), (&200.into(), &serde_json::Value::Null));
}

#[test]
fn combined_is_what_analysers_read() {
    assert_eq!(
        line(Format::Combined, served, 200),
        "192.0.2.1 - - [01/Jan/1970:00:00:00 +0000] \"GET /a?b=\\x22c\\x22 HTTP/1.1\" 200 20 \"-\" \
         \"\\x22quoted\\x22 \\xFF\"\n"
    );
    let left = |record: &mut Record| record.end(Reason::ClientReset, Phase::Awaiting);
    assert!(line(Format::Combined, left, 0).contains("HTTP/1.1\" 499 20 "));
    let tunnel = |record: &mut Record| record.asked = None;
    assert!(line(Format::Combined, tunnel, 0).contains("] \"-\" 000 20 \"-\" \"-\""));
}

proptest::proptest! {
    /// Whatever a client or an operator has put into a name, the line is JSON, one line, and says it.
    #[test]
    fn any_text_is_read_back_from_json(agent in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..40)) {
        let text = line(Format::Json, |record| {
            served(record);
            record.asked.as_mut().unwrap().set([b"GET", b"/", b" HTTP/1.1"], [b"", &agent, b""]);
        }, 200);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        proptest::prop_assert_eq!(object["user_agent"].as_str().unwrap(), String::from_utf8_lossy(&agent));
        proptest::prop_assert_eq!(text.matches('\n').count(), 1);
    }
}

/// What is written as it is, is what each format would write so if it looked at byte after byte.
#[test]
fn plain_is_what_no_format_escapes() {
    let odd = |byte: u8| !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\';
    for length in 1..=20 {
        for place in 0..length {
            for byte in 0..=u8::MAX {
                let mut bytes = vec![b'a'; length];
                bytes[place] = byte;
                assert_eq!(is_plain(&bytes), !odd(byte), "{bytes:?}");
            }
        }
    }
    assert!(is_plain(b""));
}

/// The date is made anew when its second is over, and only then.
#[test]
fn a_stamp_lasts_a_second() {
    let mut stamp = Stamp::default();
    let mut at = |millis| String::from_utf8(stamp.at(Duration::from_millis(millis), write_date).to_vec()).unwrap();
    assert_eq!(at(0), "1970-01-01T00:00:00");
    assert_eq!((at(999), at(1000)), ("1970-01-01T00:00:00".into(), "1970-01-01T00:00:01".into()));
    assert_eq!(at(999), "1970-01-01T00:00:00", "a clock may be set back");
}
