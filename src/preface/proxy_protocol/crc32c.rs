//! CRC32c (RFC 9260 appendix A, once RFC 4960 appendix B), bit by bit: a header with a checksum is rare and short, so a
//! table would cost more cache than it saves time.

/// The polynomial of Castagnoli, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum of some bytes.
pub fn of(bytes: impl IntoIterator<Item = u8>) -> u32 {
    !bytes.into_iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| shift(sum)))
}

fn shift(sum: u32) -> u32 {
    match sum & 1 {
        0 => sum >> 1,
        _ => sum >> 1 ^ POLYNOMIAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720 B.4 and the customary check value.
    #[test]
    fn known_sums() {
        assert_eq!(of(*b"123456789"), 0xe306_9283);
        assert_eq!(of([0; 32]), 0x8a91_36aa);
        assert_eq!(of([0xff; 32]), 0x62a8_ab43);
        assert_eq!(of(0..32), 0x46dd_794e);
        assert_eq!(of([]), 0);
    }
}
