//! The oracles of the fuzz targets over the inputs that are kept: seeds, and whatever once found a bug. The targets
//! themselves need cargo-fuzz and time; see `scripts/fuzz.sh`. Here every input is judged on every run, without either.
//!
//! `FUZZ_INPUT=path cargo test --test fuzz_corpus NAME -- --nocapture` judges one input of your own, and tells a session
//! aloud.

#[path = "fuzz/oracle/mod.rs"]
mod oracle;

use std::path::{Path, PathBuf};

/// Judges every file of a corpus; a panic is told with the file's name.
fn each(corpus: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(corpus);
    let kept = std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path());
    let asked = std::env::var_os("FUZZ_INPUT").map(PathBuf::from);
    let mut paths: Vec<PathBuf> = asked.map_or_else(|| kept.collect(), |path| vec![path]);
    paths.sort();
    assert!(!paths.is_empty(), "an empty corpus proves nothing");
    for path in paths {
        let input = std::fs::read(&path).expect("a readable input");
        let named = path.clone();
        std::panic::catch_unwind(move || check(&input)).unwrap_or_else(|_| panic!("{}", named.display()));
    }
}

#[test]
fn request_heads() {
    each("request_head", oracle::request_head::check);
}

#[test]
fn response_heads() {
    each("response_head", oracle::response_head::check);
}

#[test]
fn chunks() {
    each("chunks", oracle::chunks::check);
}

#[test]
fn configurations() {
    each("configuration", oracle::configuration::check);
}

#[test]
fn proxy_protocols() {
    each("proxy_protocol", oracle::proxy_protocol::check);
}

#[test]
fn client_hellos() {
    each("client_hello", oracle::client_hello::check);
}

#[test]
fn sessions() {
    each("session", oracle::session::check);
}

#[test]
fn streams() {
    each("stream", oracle::stream::check);
}
