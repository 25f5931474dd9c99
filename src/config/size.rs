//! Floor 1: amounts of bytes as an operator writes them: `16KiB`, `1MiB`, `2GiB`, or plainly a number of bytes.

use super::error::{Wrong, quote};

/// Reads a whole number and perhaps a unit, in bytes.
pub fn parse(text: &str) -> Result<u64, Wrong> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(bad(text)),
    };
    let number = number.parse::<u64>().map_err(|_| bad(text))?;
    number.checked_mul(1 << shift).ok_or_else(|| bad(text))
}

/// Writes it the way [`parse`] reads it.
pub fn show(bytes: u64) -> String {
    match bytes {
        0 => "0".to_string(),
        b if b % (1 << 30) == 0 => format!("{}GiB", b >> 30),
        b if b % (1 << 20) == 0 => format!("{}MiB", b >> 20),
        b if b % (1 << 10) == 0 => format!("{}KiB", b >> 10),
        b => b.to_string(),
    }
}

fn bad(text: &str) -> Wrong {
    Wrong::new(
        format!("bad size {}", quote(text)),
        "write a number of bytes, or one with KiB, MiB or GiB, as in \"16KiB\"",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written_back() {
        for text in ["0", "1000", "16KiB", "3MiB", "2GiB"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        assert_eq!(parse("1024"), parse("1KiB"));
        assert_eq!(parse("7B"), Ok(7));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "KiB", "16k", "16KB", "16 KiB", "-1", "+1", "1.5MiB", "99999999999999999999", "99999999999GiB"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
