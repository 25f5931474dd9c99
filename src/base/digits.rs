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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut all = [0; 32];
    for (pair, byte) in all.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out.extend_from_slice(all.get(all.len() - digits..).unwrap_or_default());
}

/// A number with at least so many decimal digits, zeros in front; more digits than that are cut.
pub fn pad(number: u64, digits: u32, out: &mut Vec<u8>) {
    (0..digits).rev().for_each(|place| out.push(b'0' + (number / 10_u64.pow(place) % 10) as u8));
}
