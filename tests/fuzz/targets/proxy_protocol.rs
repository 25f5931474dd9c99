//! See `../oracle/proxy_protocol.rs`.
#![no_main]

#[path = "../oracle/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| oracle::proxy_protocol::check(input));
