//! Floor 1: spans of time as an operator writes them: `500ms`, `5s`, `1m`, `1h`.
//!
//! A number without a unit is refused rather than guessed. Whether zero makes sense is for the caller to say.

use super::error::{Wrong, quote};
use std::time::Duration;

/// The longest there is: timers count nanoseconds, and nobody waits longer on purpose.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads a whole number and a unit.
pub fn parse(text: &str) -> Result<Duration, Wrong> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(bad(text));
    }
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => return Err(unitless(number)),
        _ => return Err(bad(text)),
    };
    let number = number.parse::<u64>().ok();
    let total = number.and_then(|number| number.checked_mul(milliseconds));
    let span = total.map(Duration::from_millis);
    span.filter(|span| *span <= LONGEST)
        .ok_or_else(|| Wrong::new(format!("duration {} is too long", quote(text)), "the longest is a year, \"8760h\""))
}

/// Like [`parse`], but zero is refused: a wait of nothing would end before it began.
pub fn parse_some(text: &str) -> Result<Duration, Wrong> {
    let span = parse(text)?;
    if span.is_zero() {
        let fix = "write a longer one; for \"hardly ever\" the longest is \"8760h\"";
        return Err(Wrong::new("a duration of zero", fix));
    }
    Ok(span)
}

/// Writes it the way [`parse`] reads it.
pub fn show(span: Duration) -> String {
    let milliseconds = span.as_millis();
    match milliseconds {
        0 => "0s".to_string(),
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// The error for a bare number.
pub fn unitless(number: &str) -> Wrong {
    let number = number.get(..number.len().min(20)).unwrap_or_default();
    Wrong::new(
        format!("duration {number} has no unit"),
        format!("write \"{number}s\" for seconds or \"{number}ms\" for milliseconds"),
    )
}

fn bad(text: &str) -> Wrong {
    Wrong::new(
        format!("bad duration {}", quote(text)),
        "write a whole number and a unit, as in \"500ms\", \"5s\", \"1m\" or \"1h\"",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written_back() {
        for text in ["500ms", "5s", "1m", "1h", "90s", "1500ms", "25h", "0s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        assert_eq!(parse("60s"), parse("1m"));
        assert_eq!(parse("8760h"), Ok(LONGEST));
    }

    #[test]
    fn a_bare_number_is_told_how_to_write_it() {
        let wrong = parse("5").unwrap_err();
        assert_eq!(wrong.what, "duration 5 has no unit");
        assert!(wrong.fix.contains("\"5s\""));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "-5s", "+5s", "5 s", " 5s", "1.5s", "5S", "5sec", "1m30s", "5µs", "٥s"] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["8761h", "99999999999999999999s", "18446744073709551615h"] {
            assert!(parse(text).unwrap_err().what.contains("too long"), "{text}");
        }
    }

    #[test]
    fn zero_is_read_but_is_not_some() {
        assert_eq!(parse("0ms"), Ok(Duration::ZERO));
        assert!(parse_some("0ms").is_err());
        assert!(parse_some("1ms").is_ok());
    }
}
