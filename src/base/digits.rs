//! Numbers as text, appended to bytes: no formatting machinery, no allocation.
//!
//! A request has dozens of them, most of them short, and each access line has more. So two digits are looked up at once,
//! and what is short is appended as a piece whose size the compiler knows.

/// The decimal digits of every number below a hundred.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

#[inline]
fn pair(number: u64) -> [u8; 2] {
    PAIRS[(number % 100) as usize]
}

/// In decimal; the machinery of `fmt` costs more than all of this.
#[inline]
pub fn decimal(number: u64, out: &mut Vec<u8>) {
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100 => out.extend_from_slice(&pair(number)),
        100..1000 => {
            let [tens, ones] = pair(number);
            out.extend_from_slice(&[b'0' + (number / 100) as u8, tens, ones]);
        }
        _ => long(number, out),
    }
}

fn long(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    for two in digits.as_chunks_mut().0.iter_mut().rev() {
        *two = pair(number);
        from -= if number < 10 { 1 } else { 2 };
        number /= 100;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// The last so many of 32 hexadecimal digits.
#[inline]
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

/// What every octet looks like in an address, with a dot behind it.
const OCTETS: [[u8; 4]; 256] = {
    let mut octets = [[b'.'; 4]; 256];
    let mut octet = 0;
    while octet < octets.len() {
        let digits = [b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8];
        octets[octet] = match octet {
            0..10 => [digits[2], b'.', 0, 0],
            10..100 => [digits[1], digits[2], b'.', 0],
            _ => [digits[0], digits[1], digits[2], b'.'],
        };
        octet += 1;
    }
    octets
};

/// An IPv4 address, dotted.
pub fn dotted(octets: [u8; 4], out: &mut Vec<u8>) {
    let (mut text, mut length) = ([0; 16], 0);
    for octet in octets {
        if let Some(place) = text.get_mut(length..length + 4) {
            place.copy_from_slice(&OCTETS[usize::from(octet)]);
        }
        length += 2 + usize::from(octet > 9) + usize::from(octet > 99);
    }
    out.extend_from_slice(&text); // all of it, which is cheaper than to ask how much
    out.truncate(out.len() + length - 1 - text.len());
}

/// A number with at least so many decimal digits, zeros in front; more digits than that are cut.
#[inline]
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
