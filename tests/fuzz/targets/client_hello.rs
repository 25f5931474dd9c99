//! See `../oracle/client_hello.rs`.
#![no_main]

#[path = "../oracle/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| oracle::client_hello::check(input));
