//! Numbers as text, appended to bytes: no formatting machinery, no allocation.

/// In decimal; the machinery of `fmt` costs more than all of this.
pub fn decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        from -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// The last so many of 32 hexadecimal digits.
pub fn hex(number: u128, digits: usize, out: &mut Vec<u8>) {
    let mut all = [0; 32];
    for (eight, part) in all.chunks_exact_mut(8).zip([96, 64, 32, 0]) {
        eight.copy_from_slice(&eight_hex((number >> part) as u32));
    }
    out.extend_from_slice(all.get(all.len() - digits..).unwrap_or_default());
}

/// Eight digits at once: each half byte gets a byte of its own, then all are made letters or figures together. Ids are in
/// every request.
fn eight_hex(number: u32) -> [u8; 8] {
    let spread = u64::from(number);
    let spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let spread = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = ((spread + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101; // one where it is ten and more
    (spread + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'9' - 1)).to_be_bytes()
}

/// An IPv4 address, dotted.
pub fn dotted(octets: [u8; 4], out: &mut Vec<u8>) {
    let (mut text, mut length) = ([0; 16], 0);
    for octet in octets {
        for (digit, shown) in [(octet / 100, octet > 99), (octet / 10 % 10, octet > 9), (octet % 10, true)] {
            text[length & 15] = b'0' + digit;
            length += usize::from(shown);
        }
        text[length & 15] = b'.';
        length += 1;
    }
    out.extend_from_slice(text.get(..length - 1).unwrap_or_default());
}

/// A number with at least so many decimal digits, zeros in front; more digits than that are cut.
pub fn pad(number: u64, digits: u32, out: &mut Vec<u8>) {
    let (mut text, mut left) = ([b'0'; 20], number);
    let places = text.len() - (digits as usize).min(text.len());
    for place in text.iter_mut().skip(places).rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(text.get(places..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_read_as_the_machinery_of_fmt_writes_them() {
        let mut rng = crate::base::Rng::new(7);
        for round in 0..10_000_u32 {
            let number = rng.bits() >> (round % 64);
            let wide = rng.id();
            assert_eq!(text(|out| decimal(number, out)), number.to_string());
            assert_eq!(text(|out| hex(wide, 32, out)), format!("{wide:032x}"));
            assert_eq!(text(|out| hex(number.into(), 16, out)), format!("{number:016x}"));
            assert_eq!(text(|out| pad(number % 1000, 3, out)), format!("{:03}", number % 1000));
            let address = Ipv4Addr::from(number as u32);
            assert_eq!(text(|out| dotted(address.octets(), out)), address.to_string());
        }
        assert_eq!(text(|out| dotted([255; 4], out)), "255.255.255.255");
        assert_eq!(text(|out| hex(0, 1, out)), "0");
    }
}
