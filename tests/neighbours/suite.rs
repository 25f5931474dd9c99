//! One list of requests in every framing, asked by curl of any of the [sites](super::sites), past the balancer and
//! through it.

use super::program::Folder;
use crate::support::*;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// An answer as curl shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its status.
    pub status: String,
    /// Its fields but those that belong to a hop or to the hour, and those of trailers.
    pub fields: Vec<String>,
    /// Its body, and whatever curl shows behind it.
    pub body: Vec<u8>,
}

/// Fields that each hop, or each second, has anew.
const PASSING: [&str; 4] = ["connection:", "keep-alive:", "date:", "transfer-encoding:"];

impl Heard {
    fn parse(shown: &[u8]) -> Heard {
        let end = shown.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let (head, body) = (String::from_utf8_lossy(&shown[..end]), &shown[end + 4..]);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).expect("a status").to_string();
        if status.starts_with('1') {
            return Heard::parse(body);
        }
        let passing = |line: &&str| !PASSING.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
        Heard { status, fields: lines.filter(passing).map(str::to_string).collect(), body: body.to_vec() }
    }
}

/// What curl says, run with these arguments and fed with `stdin`. A curl that fails fails the test.
#[track_caller]
pub fn curl(args: &[&str], stdin: &[u8]) -> Vec<u8> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "--expect100-timeout", "0.1", "-H", "Host: test"]).args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("curl");
    let mut input = child.stdin.take().unwrap();
    let said = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(stdin)); // it may not read all of it
        child.wait_with_output().expect("curl")
    });
    assert!(said.status.success(), "curl {args:?}: {}", String::from_utf8_lossy(&said.stderr));
    said.stdout
}

/// What curl hears from `at`.
#[track_caller]
pub fn heard(at: SocketAddr, target: &str, args: &[&str], stdin: &[u8]) -> Heard {
    let url = format!("http://{at}{target}");
    Heard::parse(&curl(&[&["-i", &url], args].concat(), stdin))
}

/// Asks both addresses the same; the answers must be equal. The answer.
#[track_caller]
pub fn same(direct: SocketAddr, through: SocketAddr, target: &str, args: &[&str], stdin: &[u8]) -> Heard {
    let (one, other) = (heard(direct, target, args, stdin), heard(through, target, args, stdin));
    assert_eq!((&one.status, &one.fields), (&other.status, &other.fields), "{target} {args:?}");
    assert!(one.body == other.body, "{target} {args:?}: {} bytes and {}", one.body.len(), other.body.len());
    other
}

/// Which versions a site is to be asked in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/1.1.
    New,
    /// HTTP/1.0 too.
    Both,
}

/// The list, asked of a site on both ways to it.
#[track_caller]
pub fn ask_all(direct: SocketAddr, through: SocketAddr, versions: Versions) {
    let folder = Folder::new();
    let (small, big) = (Pattern::bytes(5, 1000), Pattern::bytes(6, 1_600_000)); // curl expects 100 above 1 MiB
    let (small_file, big_file) = (folder.write("small", &small), folder.write("big", &big));
    let (post_small, post_big) = (format!("@{small_file}"), format!("@{big_file}"));
    let echoed = |target: &str, args: &[&str], stdin: &[u8], body: &[u8]| {
        let answer = same(direct, through, target, args, stdin);
        assert!(answer.status == "200" && answer.body.starts_with(body), "{target} {args:?}: {}", answer.status);
    };
    for target in ["/length", "/chunked", "/close"] {
        echoed(target, &["--data-binary", &post_big], b"", &big);
        echoed(target, &["-H", "Transfer-Encoding: chunked", "--data-binary", &post_small], b"", &small);
    }
    echoed("/length", &["-H", "Transfer-Encoding: chunked", "--data-binary", &post_big], b"", &big);
    echoed("/chunked", &["-H", "Expect:", "-T", "-"], &big, &big);
    echoed("/close", &["-T", &small_file], b"", &small);
    for args in [&[][..], &["-I"], &["-r", "100-199"], &["-X", "DELETE"], &["--http1.1", "--compressed"]] {
        same(direct, through, "/file.bin", args, b"");
    }
    assert_eq!(same(direct, through, "/nowhere", &[], b"").status, "404");
    if versions == Versions::Both {
        for target in ["/length", "/chunked", "/close"] {
            echoed(target, &["-0", "--data-binary", &post_big], b"", &big);
        }
        same(direct, through, "/file.bin", &["-0"], b"");
        same(direct, through, "/file.bin", &["-0", "-I"], b"");
    }
    reuses(direct, through, &folder.path("out"));
}

/// Several answers on one connection, each whole.
#[track_caller]
fn reuses(direct: SocketAddr, through: SocketAddr, out: &Path) {
    let out = out.to_str().unwrap();
    let asked = |at: SocketAddr| {
        let url = format!("http://{at}/file.bin");
        let once = [url.as_str(), "-o", out];
        let args =
            [&["-w", "%{http_code} %{num_connects} %{size_download}\n"][..], &once, &once, &once, &once].concat();
        String::from_utf8(curl(&args, b"")).unwrap()
    };
    let answers = asked(through);
    assert_eq!(asked(direct).replace(" 1 ", " 0 "), answers.replace(" 1 ", " 0 ")); // an old server may have closed
    assert!(answers.lines().skip(1).all(|line| line.contains(" 0 ")), "curl had to connect anew: {answers}");
}
