//! Floor 1: the small values that flags, variables and the file share: modes, kinds, statuses, numbers.

use super::Mode;
use super::error::{Wrong, quote};
use std::ops::RangeInclusive;

/// What a probe does, before its details are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// See [`ProbeKind::Off`](super::ProbeKind::Off).
    Off,
    /// See [`ProbeKind::Tcp`](super::ProbeKind::Tcp).
    Tcp,
    /// See [`ProbeKind::Http`](super::ProbeKind::Http).
    Http,
}

/// `http` or `tcp`.
pub fn mode(text: &str) -> Result<Mode, Wrong> {
    match text {
        "http" => Ok(Mode::Http),
        "tcp" => Ok(Mode::Tcp),
        _ => Err(Wrong::unknown("mode", text, &["http", "tcp"])),
    }
}

/// `http`, `tcp` or `off`.
pub fn kind(text: &str) -> Result<Kind, Wrong> {
    match text {
        "http" => Ok(Kind::Http),
        "tcp" => Ok(Kind::Tcp),
        "off" => Ok(Kind::Off),
        _ => Err(Wrong::unknown("kind of probe", text, &["http", "tcp", "off"])),
    }
}

/// The target of a probe, in origin-form (RFC 9112 section 3.2.1): it goes out as written.
pub fn path(text: &str) -> Result<String, Wrong> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    match text.starts_with('/') && plain {
        true => Ok(text.to_string()),
        false => Err(Wrong::new(
            format!("bad path {}", quote(text)),
            "a path begins with \"/\" and has no spaces, no \"#\" and nothing but ASCII, as in \"/healthz\"",
        )),
    }
}

/// Statuses that count as well: `200-399`, `204`, or several with commas between.
pub fn expect(text: &str) -> Result<Vec<RangeInclusive<u16>>, Wrong> {
    text.split(',').map(|part| statuses(part.trim())).collect()
}

fn statuses(text: &str) -> Result<RangeInclusive<u16>, Wrong> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (status(from)?, status(to)?);
    match from <= to {
        true => Ok(from..=to),
        false => Err(Wrong::new(format!("the range {} is empty", quote(text)), format!("write \"{to}-{from}\""))),
    }
}

/// One status code (RFC 9110 section 15: three digits, of which the first is 1 to 5).
pub fn status(text: &str) -> Result<u16, Wrong> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = text.parse().ok().filter(|code| digits && (100..=599).contains(code));
    code.ok_or_else(|| {
        Wrong::new(
            format!("bad status {}", quote(text)),
            "write a status from 100 to 599, a range as in \"200-399\", or several with commas between",
        )
    })
}

/// Writes what [`expect`] reads.
pub fn show_expect(ranges: &[RangeInclusive<u16>]) -> String {
    let show = |range: &RangeInclusive<u16>| match range.start() == range.end() {
        true => range.start().to_string(),
        false => format!("{}-{}", range.start(), range.end()),
    };
    let shown: Vec<String> = ranges.iter().map(show).collect();
    shown.join(",")
}

/// A whole number within `range`.
pub fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, Wrong> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && range.contains(number));
    number.ok_or_else(|| {
        let fix = match *range.end() {
            u64::MAX | 0xffff_ffff => format!("write a whole number, at least {}", range.start()),
            end => format!("write a whole number from {} to {end}", range.start()),
        };
        Wrong::new(format!("bad number {}", quote(text)), fix)
    })
}

/// Like [`number`], where more than 32 bits would be a slip anyway.
pub fn small(text: &str, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    let wide = u64::from(*range.start())..=u64::from(*range.end());
    let number = number(text, wide)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_ranges_or_single_or_both() {
        assert_eq!(expect("200-399"), Ok(vec![200..=399]));
        assert_eq!(expect("200, 204"), Ok(vec![200..=200, 204..=204]));
        assert_eq!(show_expect(&expect("200-299,304").unwrap()), "200-299,304");
        for text in ["", "99", "600", "399-200", "200-", "-200", "2oo", "200,,204", "0200", "+20"] {
            assert!(expect(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_that_are_none_suggest_the_nearest() {
        assert!(mode("htpp").unwrap_err().fix.contains("\"http\""));
        assert!(kind("on").is_err());
    }

    #[test]
    fn paths_go_out_as_written_or_not_at_all() {
        assert_eq!(path("/a?b=%20").unwrap(), "/a?b=%20");
        for text in ["", "healthz", "/a b", "/\r\nX: y", "/ü", "/a#b"] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_keep_to_their_range() {
        assert_eq!(number("256", 1..=256), Ok(256));
        for text in ["0", "257", "", "-1", "+1", "1e2", "99999999999999999999"] {
            assert!(number(text, 1..=256).is_err(), "{text}");
        }
        assert!(small("4294967296", 1..=u32::MAX).is_err());
    }
}
