//! Headers as HAProxy 2.6 sends them, each rule of the text, and round trips.

use super::*;
use crate::base::Rng;
use crate::preface::testing::takes_no_word_back;

/// What HAProxy has sent before a request; `tests/fuzz/corpus` keeps it.
macro_rules! captured {
    ($name:literal) => {
        &include_bytes!(concat!("../../../tests/fuzz/corpus/proxy_protocol/", $name))[..]
    };
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn tcp(source: &str, destination: &str) -> Header {
    Header::Tcp { source: address(source), destination: address(destination) }
}

/// Every beginning of the header says "not yet", and whatever follows changes nothing.
#[track_caller]
fn reads(header: &[u8], expected: Header) {
    for end in 0..header.len() {
        assert_eq!(read(&header[..end]), Ok(None), "{end} bytes of {}", header.escape_ascii());
    }
    for behind in [&b""[..], b"\r\n", b"GET / HTTP/1.1\r\n\r\n", &[0; 300]] {
        let bytes = [header, behind].concat();
        assert_eq!(read(&bytes), Ok(Some((expected, header.len()))), "{}", bytes.escape_ascii());
    }
}

/// Refused, and the same once more has come.
#[track_caller]
fn refused(bytes: &[u8], why: Refusal) {
    for behind in [&b""[..], b"\r\n", b"x"] {
        assert_eq!(read(&[bytes, behind].concat()), Err(why), "{}", bytes.escape_ascii());
    }
}

/// Refused as soon as its last byte is there.
#[track_caller]
fn refused_at_once(bytes: &[u8], why: Refusal) {
    assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None), "{}", bytes.escape_ascii());
    refused(bytes, why);
}

fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = (block.len() as u16).to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, block].concat()
}

/// 192.0.2.1:1 to 192.0.2.2:443.
const FOUR: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 1, 187];

#[test]
fn what_haproxy_sends() {
    let expect = |bytes: &[u8], header| reads(before_request(bytes), header);
    expect(captured!("haproxy_v1"), tcp("127.0.0.1:53322", "127.0.0.1:47063"));
    expect(captured!("haproxy_v1_six"), tcp("[::1]:57080", "[::1]:54435"));
    expect(captured!("haproxy_v1_unix"), Header::Unknown);
    expect(captured!("haproxy_v2"), tcp("127.0.0.1:37494", "127.0.0.1:57699"));
    expect(captured!("haproxy_v2_six"), tcp("[::1]:43082", "[::1]:58613"));
    expect(captured!("haproxy_v2_unix"), Header::Local);
    expect(captured!("haproxy_v2_local_crc"), Header::Local);
    expect(captured!("haproxy_v2_crc"), tcp("127.0.0.1:57576", "127.0.0.1:55153"));
}

fn before_request(capture: &[u8]) -> &[u8] {
    capture.strip_suffix(b"GET / HTTP/1.1\r\n\r\n").unwrap()
}

#[test]
fn haproxy_and_we_write_the_same() {
    let same = |bytes: &[u8], version| {
        let header = before_request(bytes);
        assert_eq!(written(read(header).unwrap().unwrap().0, version), header, "{}", header.escape_ascii());
    };
    same(captured!("haproxy_v1"), Version::V1);
    same(captured!("haproxy_v1_six"), Version::V1);
    same(captured!("haproxy_v1_unix"), Version::V1);
    same(captured!("haproxy_v2"), Version::V2);
    same(captured!("haproxy_v2_six"), Version::V2);
    same(captured!("haproxy_v2_unix"), Version::V2);
}

#[test]
fn lines_of_version_1() {
    reads(b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", tcp("255.255.255.255:65535", "0.0.0.0:0"));
    reads(b"PROXY TCP6 2001:DB8::1 ::ffff:192.0.2.1 1 2\r\n", tcp("[2001:db8::1]:1", "[::ffff:192.0.2.1]:2"));
    let long = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY TCP6 {long} {long} 65535 65535\r\n");
    reads(line.as_bytes(), tcp(&format!("[{long}]:65535"), &format!("[{long}]:65535")));
}

#[test]
fn unknown_may_say_anything() {
    reads(b"PROXY UNKNOWN\r\n", Header::Unknown);
    reads(b"PROXY UNKNOWN ffff::1 1.2.3.4 x \xff\0\r\n", Header::Unknown);
    refused_at_once(b"PROXY UNKNOWNS\r\n", Refusal::ProxyProtocol);
}

#[test]
fn one_spelling_only() {
    use Refusal::*;
    for (line, why) in [
        ("TCP4 192.0.2.1 192.0.2.2 1", ProxyLine),
        ("TCP4 192.0.2.1 192.0.2.2 1 2 3", ProxyLine),
        ("TCP4 192.0.2.1 192.0.2.2 1 2 ", ProxyLine),
        ("TCP4 192.0.2.1", ProxyLine),
        ("TCP4", ProxyLine),
        ("TCP4  192.0.2.1 192.0.2.2 1 2", ProxyAddress),
        ("TCP4 192.0.2.1 192.0.2.2  1 2", ProxyPort),
        ("TCP4\t192.0.2.1 192.0.2.2 1 2", ProxyProtocol),
        ("tcp4 192.0.2.1 192.0.2.2 1 2", ProxyProtocol),
        ("TCP5 192.0.2.1 192.0.2.2 1 2", ProxyProtocol),
        ("UDP4 192.0.2.1 192.0.2.2 1 2", ProxyProtocol),
        ("", ProxyProtocol),
        (" TCP4 192.0.2.1 192.0.2.2 1 2", ProxyProtocol),
        ("TCP4 ::1 ::1 1 2", ProxyAddress),
        ("TCP6 192.0.2.1 192.0.2.2 1 2", ProxyAddress),
        ("TCP6 ::1 192.0.2.2 1 2", ProxyAddress),
        ("TCP4 192.0.2.01 192.0.2.2 1 2", ProxyAddress),
        ("TCP4 192.0.2.256 192.0.2.2 1 2", ProxyAddress),
        ("TCP4 192.0.2 192.0.2.2 1 2", ProxyAddress),
        ("TCP4 192.0.2.1. 192.0.2.2 1 2", ProxyAddress),
        ("TCP4 0xc0.0.2.1 192.0.2.2 1 2", ProxyAddress),
        ("TCP6 [::1] ::1 1 2", ProxyAddress),
        ("TCP6 fe80::1%1 ::1 1 2", ProxyAddress),
        ("TCP6 1::2::3 ::1 1 2", ProxyAddress),
        ("TCP6 1:2:3:4:5:6:7 ::1 1 2", ProxyAddress),
        ("TCP6 00001:: ::1 1 2", ProxyAddress),
        ("TCP4 192.0.2.1 192.0.2.2 01 2", ProxyPort),
        ("TCP4 192.0.2.1 192.0.2.2 1 00", ProxyPort),
        ("TCP4 192.0.2.1 192.0.2.2 +1 2", ProxyPort),
        ("TCP4 192.0.2.1 192.0.2.2 -1 2", ProxyPort),
        ("TCP4 192.0.2.1 192.0.2.2 65536 2", ProxyPort),
        ("TCP4 192.0.2.1 192.0.2.2 1 \u{661}", ProxyPort),
    ] {
        refused_at_once(format!("PROXY {line}\r\n").as_bytes(), why);
    }
    refused_at_once(b"PROXY TCP4 \xff\xff 192.0.2.2 1 2\r\n", ProxyLine);
}

#[test]
fn a_line_ends_in_crlf_soon() {
    refused_at_once(b"PROXY UNKNOWN\n", Refusal::ProxyLineEnd);
    refused_at_once(b"PROXY UNKNOWN\rx", Refusal::ProxyLineEnd);
    refused_at_once(b"PROXY UNKNOWN\r\r", Refusal::ProxyLineEnd);
    let padded = |size: usize| [&b"PROXY UNKNOWN "[..], &vec![b'x'; size - 16], b"\r\n"].concat();
    reads(&padded(107), Header::Unknown);
    refused_at_once(&padded(108)[..107], Refusal::ProxyLineTooLong);
    refused_at_once(&padded(200)[..107], Refusal::ProxyLineTooLong);
}

#[test]
fn anything_else_is_refused_at_its_first_wrong_byte() {
    for other in
        ["GET / HTTP/1.1\r\n", "\x16\x03\x01", "\n", "proxy ", "PR\r", "PROXY\r", "PROXY\t", "\r\n\r\n\0\r\nQUIX"]
    {
        refused(other.as_bytes(), Refusal::NotProxy);
    }
    refused_at_once(b"PROXZ", Refusal::NotProxy);
    refused_at_once(b"\r\n\r\n\r", Refusal::NotProxy);
    assert_eq!(read(b""), Ok(None));
}

#[test]
fn families_of_version_2() {
    let six = [&[0; 15][..], &[1], &[0; 15], &[2], &[0, 3, 0, 4]].concat();
    reads(&v2(0x21, 0x11, &FOUR), tcp("192.0.2.1:1", "192.0.2.2:443"));
    reads(&v2(0x21, 0x21, &six), tcp("[::1]:3", "[::2]:4"));
    reads(&v2(0x21, 0x31, &[b'/'; 216]), Header::Unix);
    for (family, size) in [(0x12, 12), (0x22, 36), (0x32, 216)] {
        reads(&v2(0x21, family, &vec![1; size]), Header::Unknown);
        refused_at_once(&v2(0x21, family, &vec![1; size - 1])[..16], Refusal::ProxyTooShort);
    }
    for family in [0x00, 0x01, 0x02, 0x10, 0x20, 0x30] {
        reads(&v2(0x21, family, b""), Header::Unknown);
        reads(&v2(0x21, family, b"whatever it may be"), Header::Unknown);
    }
}

#[test]
fn local_is_believed_whatever_else_it_says() {
    for family in 0..=255 {
        reads(&v2(0x20, family, b""), Header::Local);
        reads(&v2(0x20, family, &FOUR[1..]), Header::Local);
    }
}

#[test]
fn values_without_a_meaning_are_refused_as_soon_as_they_are_there() {
    for version in (0..=255).filter(|byte| byte >> 4 != 2) {
        refused_at_once(&v2(version, 0x11, &FOUR)[..13], Refusal::ProxyVersion);
    }
    for command in 0x22..=0x2f {
        refused_at_once(&v2(command, 0x11, &FOUR)[..13], Refusal::ProxyCommand);
    }
    for family in (0..=255).filter(|byte| byte >> 4 > 3 || byte & 15 > 2) {
        refused_at_once(&v2(0x21, family, &FOUR)[..14], Refusal::ProxyFamily);
    }
    for (family, size) in [(0x11, 12), (0x21, 36), (0x31, 216)] {
        refused_at_once(&v2(0x21, family, &vec![0; size - 1])[..16], Refusal::ProxyTooShort);
    }
}

#[test]
fn the_length_has_a_bound() {
    reads(&v2(0x20, 0, &vec![0; MOST - 16]), Header::Local);
    let size = MOST - 16 - FOUR.len() - 3;
    let noop = [&FOUR[..], &[4], &(size as u16).to_be_bytes(), &vec![0; size]].concat();
    reads(&v2(0x21, 0x11, &noop), tcp("192.0.2.1:1", "192.0.2.2:443"));
    refused_at_once(&v2(0x20, 0, &vec![0; MOST - 15])[..16], Refusal::ProxyTooLong);
    refused_at_once(&v2(0x21, 0x11, &vec![0; 65535])[..16], Refusal::ProxyTooLong);
}

#[test]
fn records_are_skipped_when_they_fit() {
    let with = |records: &[u8]| v2(0x21, 0x11, &[&FOUR[..], records].concat());
    let expected = tcp("192.0.2.1:1", "192.0.2.2:443");
    reads(&with(&[1, 0, 2, b'h', b'2', 4, 0, 0, 0xe0, 0, 1, 9, 0xff, 0, 0]), expected);
    for records in [&[4][..], &[4, 0], &[4, 0, 1], &[4, 0, 0, 4], &[4, 0xff, 0xff, 0], &[3, 0, 3, 0, 0, 0]] {
        refused_at_once(&with(records), Refusal::ProxyRecord);
    }
}

#[test]
fn a_checksum_is_held_to() {
    let whole = captured!("haproxy_v2_crc");
    let header = before_request(whole);
    for at in 16..header.len() {
        for bit in 0..8 {
            let mut bent = header.to_vec();
            bent[at] ^= 1 << bit;
            assert!(read(&bent).is_err() || bent[28] != 3, "bit {bit} of byte {at} turned unnoticed");
        }
    }
    let mut bent = header.to_vec();
    bent[20] ^= 1;
    refused_at_once(&bent, Refusal::ProxyChecksum);
}

/// The second of them would match.
#[test]
fn two_checksums_are_one_too_many() {
    let records = [&FOUR[..], &[3, 0, 4, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0]].concat();
    let mut bytes = v2(0x21, 0x11, &records);
    let (end, sum) = (bytes.len(), crc32c::of(bytes.iter().copied()));
    bytes[end - 4..].copy_from_slice(&sum.to_be_bytes());
    refused_at_once(&bytes, Refusal::ProxyChecksum);
    bytes[28] = 4;
    bytes[end - 4..].fill(0);
    let sum = crc32c::of(bytes.iter().copied());
    bytes[end - 4..].copy_from_slice(&sum.to_be_bytes());
    reads(&bytes, tcp("192.0.2.1:1", "192.0.2.2:443"));
}

fn written(header: Header, version: Version) -> Vec<u8> {
    let mut out = b"before".to_vec();
    header.write(version, &mut out);
    assert!(out.starts_with(b"before"));
    out.split_off(6)
}

#[test]
fn headers_as_written() {
    let four = Header::tcp(address("192.0.2.1:1"), address("192.0.2.2:443"));
    assert_eq!(written(four, Version::V1), b"PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n");
    assert_eq!(written(four, Version::V2), v2(0x21, 0x11, &FOUR));
    let six = tcp("[2001:db8::1]:1", "[::1]:2");
    assert_eq!(written(six, Version::V1), b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n");
    assert_eq!(written(Header::Local, Version::V1), b"PROXY UNKNOWN\r\n");
    assert_eq!(written(Header::Local, Version::V2), v2(0x20, 0, b""));
    for header in [Header::Unknown, Header::Unix] {
        assert_eq!(written(header, Version::V1), b"PROXY UNKNOWN\r\n");
        assert_eq!(written(header, Version::V2), v2(0x21, 0, b""));
    }
}

#[test]
fn a_header_has_one_family() {
    let said = |source, destination| Header::tcp(address(source), address(destination));
    assert_eq!(said("[::ffff:192.0.2.1]:1", "192.0.2.2:2"), tcp("192.0.2.1:1", "192.0.2.2:2"));
    assert_eq!(said("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2"), tcp("192.0.2.1:1", "192.0.2.2:2"));
    assert_eq!(said("192.0.2.1:1", "[::1]:2"), tcp("[::ffff:192.0.2.1]:1", "[::1]:2"));
    assert_eq!(said("[::1]:1", "192.0.2.2:2"), tcp("[::1]:1", "[::ffff:192.0.2.2]:2"));
    // Also when whoever made the header did not ask.
    let mixed = tcp("192.0.2.1:1", "[::1]:2");
    assert_eq!(written(mixed, Version::V1), b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n");
}

#[test]
fn what_is_written_is_read() {
    let mut rng = Rng::new(6);
    for _ in 0..5_000 {
        let header = Header::tcp(any_address(&mut rng), any_address(&mut rng));
        for version in [Version::V1, Version::V2] {
            let bytes = written(header, version);
            assert_eq!(read(&bytes), Ok(Some((header, bytes.len()))), "{}", bytes.escape_ascii());
        }
    }
}

/// Of either family, with many zeros.
fn any_address(rng: &mut Rng) -> SocketAddr {
    let (high, low) = (rng.bits() & rng.bits() & rng.bits(), rng.bits() & rng.bits());
    let six = u128::from(high) << 64 | u128::from(low);
    let ip: IpAddr = match rng.below(4) {
        0 => std::net::Ipv4Addr::from(low as u32).into(),
        1 => std::net::Ipv4Addr::from(low as u32).to_ipv6_mapped().into(),
        2 => std::net::Ipv6Addr::from(six & rng.bits() as u128).into(),
        _ => std::net::Ipv6Addr::from(six).into(),
    };
    SocketAddr::new(ip, rng.bits() as u16)
}

/// Bytes that are nearly a header: no panic, and no word taken back.
#[test]
fn nothing_read_is_taken_back() {
    let seeds = [captured!("haproxy_v1"), captured!("haproxy_v2_six"), captured!("haproxy_v2_crc")];
    takes_no_word_back((Rng::new(7), 3_000), (&seeds, 3), read);
}
