//! ClientHellos as they were caught on the wire, and ones made by hand for what no honest client sends.

use super::*;
use crate::base::Rng;
use crate::preface::testing::takes_no_word_back;

/// What a client has sent; `tests/fuzz/corpus` keeps it.
macro_rules! captured {
    ($name:literal) => {
        &include_bytes!(concat!("../../../tests/fuzz/corpus/client_hello/", $name))[..]
    };
}

/// Every beginning says "not yet", and whatever follows changes nothing.
#[track_caller]
fn names(bytes: &[u8], name: Option<&str>) {
    let expected = Ok(Some(Hello { server_name: name.map(str::to_string) }));
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), Ok(None), "{end} bytes of {}", bytes.len());
    }
    assert_eq!(read(bytes), expected);
    for behind in [&[0][..], &[22, 3, 1], &[0; 20_000]] {
        assert_eq!(read(&[bytes, behind].concat()), expected, "{} bytes behind", behind.len());
    }
}

#[track_caller]
fn refused(bytes: &[u8], why: Refusal) {
    assert_eq!(read(bytes), Err(why));
    assert_eq!(read(&[bytes, b"x"].concat()), Err(why));
}

/// Refused as soon as its last byte is there.
#[track_caller]
fn refused_at_once(bytes: &[u8], why: Refusal) {
    assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
    refused(bytes, why);
}

/// A length of `N` bytes, and the bytes.
fn vector<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_be_bytes();
    [&length[8 - N..], bytes].concat()
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector::<2>(value)].concat()
}

/// A list of names, each with its kind, as an extension.
fn sni(names: &[(u8, &[u8])]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|(kind, name)| [&[*kind][..], &vector::<2>(name)].concat()).collect();
    extension(0, &vector::<2>(&list))
}

/// A ClientHello as a handshake message; `tail` stands behind the compression methods.
fn handshake(tail: &[u8]) -> Vec<u8> {
    let body = [&[3, 3][..], &[7; 32], &vector::<1>(&[9; 32]), &vector::<2>(&[0x13, 1]), &[1, 0], tail].concat();
    [&[1][..], &vector::<3>(&body)].concat()
}

fn with(extensions: &[Vec<u8>]) -> Vec<u8> {
    handshake(&vector::<2>(&extensions.concat()))
}

/// In records of `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|piece| [&[22, 3, 1][..], &vector::<2>(piece)].concat()).collect()
}

fn named(name: &[u8]) -> Vec<u8> {
    records(&with(&[sni(&[(0, name)])]), 1 << 14)
}

/// The handshake message that a capture in one record holds.
fn unwrapped(capture: &[u8]) -> &[u8] {
    &capture[5..]
}

#[test]
fn what_clients_send() {
    names(captured!("openssl_13"), Some("shop.example.com"));
    names(captured!("openssl_12"), Some("api.example.com"));
    names(captured!("openssl_no_name"), None);
    names(captured!("openssl_records"), Some("cut.example.com"));
    names(captured!("curl"), Some("www.example.net"));
    names(captured!("curl_address"), None);
    names(captured!("node"), Some("node_1.example.org"));
    names(captured!("python"), Some("python.example.com"));
    names(captured!("python_big"), Some("big.example.com"));
}

#[test]
fn any_cut_into_records_reads_the_same() {
    for capture in [captured!("openssl_12"), captured!("node"), captured!("python_big")] {
        let whole = read(capture).unwrap();
        let message = unwrapped(capture);
        for size in message.len().div_ceil(MOST_RECORDS)..=message.len() {
            assert_eq!(read(&records(message, size)), Ok(whole.clone()), "records of {size}");
        }
    }
    names(&records(unwrapped(captured!("openssl_12")), 50), Some("api.example.com"));
}

#[test]
fn so_many_records_and_no_more() {
    let message = with(&[sni(&[(0, b"a.example")]), extension(21, &[0; 200])]);
    let size = message.len().div_ceil(MOST_RECORDS);
    names(&records(&message, size), Some("a.example"));
    let bytes = records(&message, 1);
    assert_eq!(read(&bytes[..MOST_RECORDS * 6]), Ok(None));
    refused_at_once(&bytes[..MOST_RECORDS * 6 + 1], Refusal::TlsRecords);
}

#[test]
fn unknown_extensions_and_old_hellos_pass() {
    let grease = [extension(0x0a0a, b""), extension(0xfafa, b"\0"), extension(0x5a5a, &[1; 99])];
    names(&records(&with(&grease), 1 << 14), None);
    let [first, second, third] = grease;
    names(&records(&with(&[first, second, sni(&[(0, b"g.example")]), third]), 100), Some("g.example"));
    names(&records(&handshake(b""), 1 << 14), None);
    names(&records(&with(&[]), 1 << 14), None);
    for minor in [0, 3, 4, 0xff] {
        let mut bytes = named(b"any.minor.version");
        bytes[2] = minor;
        names(&bytes, Some("any.minor.version"));
    }
}

#[test]
fn a_large_one_in_two_records() {
    let room = |size| with(&[extension(21, &vec![0; size]), sni(&[(0, b"late.example")])]);
    let empty = room(0).len();
    let largest = room(MOST - 2 * 5 - empty);
    assert_eq!(records(&largest, 10_000).len(), MOST);
    assert_eq!(read(&records(&largest, 10_000)), Ok(Some(Hello { server_name: Some("late.example".into()) })));
    assert_eq!(read(&records(&largest, 10_000)[..MOST - 1]), Ok(None));
    // The same in three records no longer fits the window.
    refused_at_once(&records(&largest, 7_000)[..MOST], Refusal::HelloTooLong);
    // And one that cannot fit is refused when it says so.
    let over = room(MOST - HEADS + 4 - empty + 1);
    refused_at_once(&records(&over, 1 << 14)[..9], Refusal::HelloTooLong);
}

#[test]
fn names_are_host_names() {
    let label = "x".repeat(63);
    let longest = [&label[..], &label, &label, &label[..61]].join(".");
    for name in ["a", "localhost", "xn--bcher-kva.example", "_sip.example", "a-b.c_d.9", "1.2.3", "1.2.3.4.5", &longest]
    {
        names(&named(name.as_bytes()), Some(name));
    }
    names(&named(b"MiXeD.Example"), Some("mixed.example"));
    let (wide, long) = ("x".repeat(64), format!("{longest}y"));
    let bad = ["", ".", "a.", ".a", "a..b", "a b", "a:443", "a/b", "*.a", "a\0b", "a\nb", "b\u{fc}cher", &wide, &long];
    for name in bad {
        refused(&named(name.as_bytes()), Refusal::ServerName);
    }
    refused(&named(&[0xff, 0xfe]), Refusal::ServerName);
    for name in ["127.0.0.1", "::1", "2001:db8::1"] {
        refused(&named(name.as_bytes()), Refusal::ServerNameAddress);
    }
    refused(&named(b"[::1]"), Refusal::ServerName);
}

#[test]
fn one_name_only() {
    let (one, two) = (sni(&[(0, b"a.example")]), sni(&[(0, b"b.example")]));
    for twice in [vec![one.clone(), two], vec![one.clone(), one.clone()], vec![one.clone(), sni(&[(9, b"")])]] {
        refused(&records(&with(&twice), 1 << 14), Refusal::ServerNameTwice);
    }
    refused(&records(&with(&[sni(&[(0, b"a"), (0, b"b")])]), 1 << 14), Refusal::ServerNameTwice);
    names(&records(&with(&[sni(&[(9, b"\xff"), (0, b"a"), (9, b"")])]), 1 << 14), Some("a"));
    names(&records(&with(&[sni(&[(9, b"\xff")])]), 1 << 14), None);
}

#[test]
fn lengths_that_do_not_fit() {
    let inside = |tail: &[u8]| refused_at_once(&records(&handshake(tail), 1 << 14), Refusal::HelloLengths);
    inside(&[0]);
    inside(&[0, 1]);
    inside(&[0, 0, 0]);
    inside(&[0, 1, 0, 0]);
    inside(&vector::<2>(&[0, 0, 0]));
    inside(&vector::<2>(&[0, 0, 0, 9, 0]));
    inside(&vector::<2>(&extension(0, b"")));
    inside(&vector::<2>(&extension(0, &[0, 0])));
    inside(&vector::<2>(&extension(0, &[0, 4, 0, 0, 1, b'a', 0])));
    inside(&vector::<2>(&extension(0, &[0, 5, 0, 0, 1, b'a'])));
    inside(&vector::<2>(&extension(0, &[0, 4, 0, 0, 2, b'a'])));
    inside(&vector::<2>(&extension(0, &[0, 2, 0, 0])));
    inside(&vector::<2>(&[extension(1, b"x"), vec![9]].concat()));
    for body in [&[][..], &[3, 3], &[0; 34], &[0; 36], &[0; 39]] {
        let message = [&[1][..], &vector::<3>(body)].concat();
        refused_at_once(&records(&message, 1 << 14), Refusal::HelloLengths);
    }
}

#[test]
fn the_parts_before_the_extensions_are_held_to_their_sizes() {
    let hello = |session: &[u8], ciphers: &[u8], compressions: &[u8]| {
        let parts = [vector::<1>(session), vector::<2>(ciphers), vector::<1>(compressions)].concat();
        let body = [&[3; 34][..], &parts].concat();
        read(&records(&[&[1][..], &vector::<3>(&body)].concat(), 1 << 14))
    };
    assert_eq!(hello(&[], &[0, 1], &[0]), Ok(Some(Hello { server_name: None })));
    assert_eq!(hello(&[1; 33], &[0, 1], &[0]), Err(Refusal::HelloLengths));
    assert_eq!(hello(&[], &[], &[0]), Err(Refusal::HelloLengths));
    assert_eq!(hello(&[], &[0, 1, 2], &[0]), Err(Refusal::HelloLengths));
    assert_eq!(hello(&[], &[0, 1], &[]), Err(Refusal::HelloLengths));
}

#[test]
fn other_records_and_messages() {
    refused(b"GET / HTTP/1.1\r\n", Refusal::NotTls);
    refused(&[0x80, 0x2e, 1, 0, 2], Refusal::NotTls); // SSL 2.0
    refused(&[23, 3, 3, 0, 1, 1], Refusal::NotTls);
    refused_at_once(&[22, 2], Refusal::NotTls);
    refused_at_once(&[22, 3, 1, 0, 0], Refusal::TlsRecord);
    refused_at_once(&[22, 3, 1, 0x40, 1], Refusal::TlsRecord);
    refused_at_once(&[22, 3, 1, 0, 9, 2], Refusal::NotHello);
    let half = records(&named(b"a.example")[5..], 20)[..25].to_vec();
    assert_eq!(read(&half), Ok(None));
    for odd in [&[21][..], &[20], &[22, 2], &[22, 3, 1, 0, 0]] {
        refused_at_once(&[&half, odd].concat(), Refusal::TlsRecord);
    }
}

/// Bytes that are nearly a ClientHello: no panic, and no word taken back.
#[test]
fn nothing_read_is_taken_back() {
    let seeds = [captured!("openssl_12"), captured!("openssl_no_name"), &records(&captured!("node")[5..], 90)];
    takes_no_word_back((Rng::new(8), 2_000), (&seeds, 4), read);
}
