//! The house, guarded: reads `src/` and fails on an upward import, on a socket or a clock outside the floor that owns
//! them, and on a file grown too long. The checker is itself tested, on violations planted below.
//!
//! It reads text, not syntax: comments and strings are blanked first, then names are looked for. What it cannot see
//! (a re-export that renames, a macro that builds a path) is left to the reviewer.

use std::fs;
use std::path::Path;

/// The floors, lowest first. An import goes down or stays on its floor.
const FLOORS: [&[&str]; 6] = [
    &["base"],
    &["config"],
    &["http", "preface"],
    &["balance"],
    &["net", "host"],
    &["proxy", "admin", "ctl", "demo", "run"],
];

/// Where sockets, clocks and threads are named.
const OPERATING_SYSTEM: [&str; 2] = ["net", "host"];

/// What only those may name, and what to use instead.
const OWNED: [(&str, &str); 13] = [
    ("mio", "go through trait Net"),
    ("socket2", "go through trait Net"),
    ("TcpListener", "go through trait Net"),
    ("TcpStream", "go through trait Net"),
    ("UdpSocket", "go through trait Net"),
    ("UnixStream", "go through trait Net"),
    ("UnixListener", "go through trait Net"),
    ("os::fd", "descriptors stay in net/os.rs"),
    ("Instant", "take `now: Time` as a parameter (law 13)"),
    ("SystemTime", "take the time as a parameter (law 13)"),
    ("thread::sleep", "ask for a timer: nothing blocks but `wait` (law 1)"),
    ("thread::spawn", "there is one thread (law 1)"),
    ("thread::Builder", "there is one thread (law 1)"),
];

/// The demo starts its backends as threads; nothing else does.
const MAY_SPAWN: &str = "demo/mod.rs";

/// A file may be so long, its `mod tests` aside.
const LONGEST_FILE: usize = 400;

#[test]
fn the_house_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 5, "src/ was not found whole");
    let complaints: Vec<String> = files.iter().flat_map(|(path, text)| judge(path, text)).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Every Rust file below `folder`: its path from `root` with `/`, and its text.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let parts = path.strip_prefix(root).unwrap().components();
            let name: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
            files.push((name.join("/"), fs::read_to_string(&path).expect("a readable file")));
        }
    }
}

/// What is wrong with one file; `path` counts from `src/`.
fn judge(path: &str, text: &str) -> Vec<String> {
    let code = blank(text);
    let mut complaints = too_long(path, &code);
    if let Some((module, floor)) = floor_of(path) {
        complaints.extend(upward(path, &code, floor));
        if !OPERATING_SYSTEM.contains(&module) {
            complaints.extend(trespasses(path, &code));
        }
    } else if !["main.rs", "lib.rs"].contains(&path) {
        complaints.push(format!("src/{path}: stands on no floor; add its folder to FLOORS in tests/floors.rs"));
    }
    complaints
}

/// The top folder of a file and its floor; none for `main.rs` and `lib.rs`, which stand above.
fn floor_of(path: &str) -> Option<(&str, usize)> {
    let module = path.split('/').next()?.trim_end_matches(".rs");
    Some((module, height(module)?))
}

fn height(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn too_long(path: &str, code: &str) -> Vec<String> {
    let lines = code.lines().count() - lines_of_tests(code);
    if lines <= LONGEST_FILE || path.ends_with("/tests.rs") {
        return Vec::new();
    }
    vec![format!("src/{path}: {lines} lines without its tests, {LONGEST_FILE} at most; split it")]
}

/// Lines of `mod tests { ... }`, from its first line to its closing brace.
fn lines_of_tests(code: &str) -> usize {
    let Some(start) = words(code, "mod tests").next() else {
        return 0;
    };
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b';' if depth == 0 => return 0, // in a file of its own
            b'{' => depth += 1,
            b'}' if depth == 1 => return code[start..=at].lines().count(),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    0
}

/// Names of higher floors, after `crate::` or as far as `super::` reaches it.
fn upward(path: &str, code: &str, floor: usize) -> Vec<String> {
    let mut complaints = Vec::new();
    for start in ["crate::", "super::", "evenkeel::"] {
        for at in words(code, start) {
            for module in named_after(&code[at + start.len()..]) {
                if let Some(other) = height(module).filter(|&other| other > floor) {
                    let line = line_of(code, at);
                    complaints.push(format!(
                        "src/{path}:{line}: floor {floor} imports `{module}` of floor {other}; imports go down only"
                    ));
                }
            }
        }
    }
    complaints
}

/// The first names of a path or of each path in a group: `a::b` and `{a::b, c}`.
fn named_after(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![identifier(rest)];
    };
    let (mut names, mut depth, mut fresh) = (Vec::new(), 0, true);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !char.is_whitespace() => {
                names.push(identifier(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Names that belong to the operating system's floor.
fn trespasses(path: &str, code: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, instead) in OWNED {
        if path == MAY_SPAWN && name.starts_with("thread::") {
            continue;
        }
        for at in words(code, name) {
            let line = line_of(code, at);
            complaints.push(format!("src/{path}:{line}: names `{name}` outside net/ and host/; {instead}"));
        }
    }
    complaints
}

/// Where `name` stands as a whole word.
fn words<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let whole = move |&at: &usize| {
        let after = &code[at + name.len()..];
        !part(code[..at].chars().next_back()) && (name.ends_with(':') || !part(after.chars().next()))
    };
    code.match_indices(name).map(|(at, _)| at).filter(whole)
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The text with comments, strings and characters replaced by blanks, every line end kept.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = opaque(rest, code.chars().next_back());
        let (now, after) = rest.split_at(length.max(first.len_utf8()));
        match length {
            0 => code.push_str(now),
            _ => code.extend(now.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        rest = after;
    }
    code
}

/// Length of the comment, string or character that `rest` begins with; 0 if it begins with code.
fn opaque(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if rest.starts_with('"') {
        quoted(rest, '"')
    } else if rest.starts_with('r') && !in_word || rest.starts_with("r#") || rest.starts_with("r\"") {
        raw_string(rest)
    } else if rest.starts_with('\'') {
        character(rest)
    } else {
        0
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        depth += i32::from(here.starts_with(b"/*")) - i32::from(here.starts_with(b"*/"));
        at += if here.starts_with(b"/*") || here.starts_with(b"*/") { 2 } else { 1 };
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// A string or character with escapes, from its opening quote to its closing one.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"..."`, `r#"..."#`; a raw identifier such as `r#type` is code.
fn raw_string(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|&b| b == b'#').count();
    let close = format!("\"{}", "#".repeat(hashes));
    match rest[1 + hashes..].strip_prefix('"') {
        Some(inside) => inside.find(&close).map_or(rest.len(), |at| 2 + hashes + at + close.len()),
        None => 0,
    }
}

/// `'a'` and `'\n'` are characters; `'a` is a lifetime, hence code.
fn character(rest: &str) -> usize {
    let mut chars = rest[1..].chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => quoted(rest, '\''),
        (Some(one), Some('\'')) => 2 + one.len_utf8(),
        _ => 0,
    }
}

/// What the checker says about one planted file.
#[cfg(test)]
mod planted {
    use super::*;

    /// The only complaint about this file.
    #[track_caller]
    fn complaint(path: &str, text: &str) -> String {
        let all = judge(path, text);
        assert_eq!(all.len(), 1, "{path}: {all:?}");
        all[0].clone()
    }

    #[track_caller]
    fn silent(path: &str, text: &str) {
        assert_eq!(judge(path, text), Vec::<String>::new(), "{path}: {text}");
    }

    #[test]
    fn an_upward_import_is_named_with_its_line() {
        let words = complaint("http/head.rs", "//! Head.\n\nuse crate::proxy::Proxy;\n");
        assert_eq!(words, "src/http/head.rs:3: floor 2 imports `proxy` of floor 5; imports go down only");
    }

    #[test]
    fn every_form_of_upward_import_is_seen() {
        complaint("base/time.rs", "use crate::{base::Buffer, net::Net};\n");
        complaint("base/time.rs", "use crate::{base::{Buffer, rng}, net::{Net, Sock}};\n");
        complaint("base/time.rs", "fn x() { crate::http::head::parse() }\n");
        complaint("net/sim/world.rs", "use super::super::proxy::Proxy;\n");
        complaint("config/mod.rs", "use super::balance;\n");
        complaint("config/mod.rs", "pub(crate) use evenkeel::net::Net;\n");
        complaint("host/mod.rs", "mod tests { use crate::admin::answer; }\n");
    }

    #[test]
    fn imports_down_and_sideways_pass() {
        silent("proxy/mod.rs", "use crate::{admin, base::Time, net::Net};\nuse super::session;\n");
        silent("net/os.rs", "use crate::host::signals;\nuse crate::base::*;\n");
        silent("base/mod.rs", "mod tests { use super::*; }\n");
        silent("http/mod.rs", "use http_network::net; // crate::net is above\n/* crate::net */\n");
        silent("http/mod.rs", "const S: &str = \"crate::net\";\nconst R: &str = r#\"crate::\"net\"#;\n");
        silent("main.rs", "use evenkeel::proxy::Proxy;\nuse std::time::Instant;\n");
        silent("lib.rs", "pub mod base;\npub mod proxy;\n");
    }

    #[test]
    fn sockets_clocks_and_threads_have_an_owner() {
        let words = complaint("proxy/mod.rs", "fn now() -> u64 { std::time::Instant::now() }");
        assert_eq!(
            words,
            "src/proxy/mod.rs:1: names `Instant` outside net/ and host/; take `now: Time` as a parameter (law 13)"
        );
        complaint("http/head.rs", "use mio::Token;");
        complaint("balance/probe/tcp.rs", "use std::net::TcpStream;");
        complaint("balance/probe/tcp.rs", "use std::net::{SocketAddr, UdpSocket};");
        complaint("admin/mod.rs", "use std::os::fd::AsRawFd;");
        complaint("base/time.rs", "std::thread::sleep(x);");
        complaint("demo/backend.rs", "std::thread::spawn(x);");
        complaint("config/mod.rs", "use socket2::Socket;");
        complaint("config/mod.rs", "fn f<'a>(x: &'a str, c: char) { if c == '\"' { SystemTime::now() } }");
    }

    #[test]
    fn owners_and_lookalikes_pass() {
        silent("net/os.rs", "use mio::net::TcpStream; use std::time::Instant;");
        silent("host/signals.rs", "use signal_hook_mio::v1_0; use mio::Registry;");
        silent("demo/mod.rs", "std::thread::spawn(x);");
        silent("proxy/mod.rs", "struct Instantaneous; enum Mode { Tcp } let premiom = my_mio;");
        silent("proxy/mod.rs", "//! Instant: see `mio`.\n");
        silent("proxy/mod.rs", "let it = \"an \\\" Instant\"; let c = '\\''; /* mio /* nested */ mio */");
    }

    #[test]
    fn a_long_file_is_refused_and_its_tests_do_not_count() {
        let line = "fn x() {}\n";
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(500));
        silent("http/head.rs", &format!("{}{tests}", line.repeat(398)));
        silent("http/head/tests.rs", &line.repeat(900));
        let words = complaint("http/head.rs", &format!("{}{tests}", line.repeat(400)));
        assert_eq!(words, "src/http/head.rs: 401 lines without its tests, 400 at most; split it");
        complaint("http/head.rs", &format!("#[cfg(test)]\nmod tests;\n{}", line.repeat(500)));
    }

    #[test]
    fn a_folder_without_a_floor_is_refused() {
        let words = complaint("attic/mod.rs", "");
        assert!(words.contains("stands on no floor"), "{words}");
    }
}
