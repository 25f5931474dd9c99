//! Python's h11, asked over a pipe: one process, one line for each case.
//!
//! It reads what servers and clients read, where we read what a proxy may pass on, so it is laxer: [`LAX`] says where.
//! It also refuses what we read: [`STRICT`].

use super::corpus::Case;
use super::reading::{Ending, Framing, Message, Reading};
use evenkeel::http::Malformed::{self, *};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What we refuse and h11 may read, with the reason why it does.
pub const LAX: &[(Malformed, &str)] = &[
    (BareLf, "takes LF for CRLF, as RFC 9112 2.2 lets a recipient do"),
    (BareCr, "takes a CR inside a chunk extension"),
    (Fold, "unfolds, as RFC 9112 5.2 lets a server do"),
    (FieldValue, "passes control bytes in values other than NUL, CR and LF"),
    (Host, "does not look into Host"),
    (HostMissing, "wants it in HTTP/1.1 alone, not in 1.2"),
    (Target, "takes any visible ASCII for a target: forms and authorities are not its business"),
    (Version, "takes any two digits for a version"),
    (VersionUnsupported, "takes any two digits for a version"),
    (Connect, "serves it: tunnels are its user's business"),
    (TargetTooLong, "has one limit for all of a head"),
    (MethodTooLong, "has one limit for all of a head"),
    (TooManyFields, "has one limit for all of a head"),
    (HeadTooLarge, "counts only a head that is not whole yet"),
    (EmptyLines, "gives up only when the bytes do"),
    (Length, "takes equal lengths in a list for one, and any twenty digits"),
    (LengthTwice, "takes equal lengths for one, as RFC 9110 8.6 lets a recipient do"),
    (LengthAndCoding, "drops the length, as RFC 9112 6.1 lets a server do"),
    (CodingInOld, "does not ask for the version, though RFC 9112 6.1 does"),
    (Expectation, "knows 100-continue and overlooks others"),
    (MaxForwards, "is no proxy"),
    (ChunkSize, "lets white space follow the size, and twenty digits be a number"),
    (ChunkExtension, "takes anything up to the line end"),
    (ChunkEnd, "before 0.16 throws two bytes away behind a chunk and does not look at them"),
    (Trailer, "reads trailers as it reads fields"),
    (StatusLine, "passes control bytes in a reason"),
];

/// What h11 refuses and we read, by its own words.
pub const STRICT: &[(&str, &str)] = &[
    ("Content-Length", "judges the length of a 204 or 1xx, which has none"),
    ("Transfer-Encoding", "judges the coding of a 204 or 1xx, which has none"),
    ("_SWITCH_UPGRADE", "remembers that nobody asked for a 101; here the exchange does, not the language"),
    ("HTTP/1.0 is over", "keeps no HTTP/1.0 connection, asked or not"),
    ("no request line received", "skips no empty line before a request, as RFC 9112 2.2 asks a server to"),
];

/// Its reading, and its words if it refuses.
pub type Judged = (Reading, String);

/// What it makes of these. None: there is no Python, or it has no h11.
pub fn read(cases: &[Case], role: fn(&Case) -> Option<&str>) -> Option<Vec<Judged>> {
    let python = ["python3", "/usr/bin/python3"].into_iter().find(|python| knows_h11(python))?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/reader.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python, which was there a moment ago");
    let (mut to, mut from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let lines: Vec<String> = cases.iter().map(|case| line(case, role(case))).collect();
    let writer = std::thread::spawn(move || to.write_all(lines.concat().as_bytes()));
    let mut answers = String::new();
    from.read_to_string(&mut answers).expect("its answers");
    writer.join().expect("a writer").expect("a reader that reads to the end");
    assert!(child.wait().expect("its end").success());
    Some(answers.lines().map(|line| judged(&serde_json::from_str(line).expect("JSON"))).collect())
}

fn knows_h11(python: &str) -> bool {
    let asked = Command::new(python).args(["-c", "import h11"]).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn line(case: &Case, asked: Option<&str>) -> String {
    let hex: String = case.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}\n", json!({ "asked": asked, "bytes": hex }))
}

fn judged(said: &Value) -> Judged {
    let messages = said["messages"].as_array().into_iter().flatten().map(message).collect();
    let ending = match said["ending"].as_str() {
        Some("done") => Ending::Done(said["left"].as_u64().unwrap_or_default() as usize),
        Some("more") => Ending::More(Vec::new()),
        _ => Ending::Refused(Vec::new()),
    };
    (Reading { messages, ending }, said["why"].to_string())
}

fn message(said: &Value) -> Message {
    let framing = said["framing"].as_str().unwrap_or_default();
    Message {
        start: said["start"].as_str().unwrap_or_default().to_string(),
        framing: match framing.strip_prefix("length ") {
            Some(length) => Framing::Length(length.parse().unwrap_or(u64::MAX)),
            None if framing == "chunked" => Framing::Chunked,
            None if framing == "close" => Framing::UntilClose,
            None => Framing::None,
        },
        body: unhex(said["body"].as_str().unwrap_or_default()),
        complete: said["complete"] == true,
        ..Message::default()
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(&String::from_utf8_lossy(two), 16).unwrap_or(0)).collect()
}
