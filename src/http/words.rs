//! The words of the language that everybody here needs: versions, methods, tokens and lists. No rule that refuses.

/// As far as it decides anything: higher minor versions count as 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunks, no 1xx, closes unless asked not to.
    V10,
    /// HTTP/1.1.
    V11,
}

/// The methods that a proxy treats differently. It never decides framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // RFC 9110 9.3 says what each means
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Trace,
    Patch,
    Connect,
    Other,
}

impl Verb {
    pub(super) fn of(method: &str) -> Verb {
        match method {
            "GET" => Verb::Get,
            "HEAD" => Verb::Head,
            "POST" => Verb::Post,
            "PUT" => Verb::Put,
            "DELETE" => Verb::Delete,
            "OPTIONS" => Verb::Options,
            "TRACE" => Verb::Trace,
            "PATCH" => Verb::Patch,
            "CONNECT" => Verb::Connect,
            _ => Verb::Other,
        }
    }

    /// What a head begins with that was not understood or is not whole: how it is answered depends on it all the same.
    pub fn glimpsed(head: &[u8]) -> Verb {
        let start = head.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or_default();
        let word = head.get(start..).unwrap_or_default().split(|&byte| byte == b' ').next().unwrap_or_default();
        str::from_utf8(word).map_or(Verb::Other, Verb::of)
    }

    /// Asks for nothing but an answer (RFC 9110 9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Verb::Get | Verb::Head | Verb::Options | Verb::Trace)
    }

    /// Asked twice, it has the effect of once (RFC 9110 9.2.2), so it may be sent again.
    pub fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Verb::Put | Verb::Delete)
    }

    /// Max-Forwards is for these two alone (RFC 9110 7.6.2).
    pub(super) fn counts_forwards(self) -> bool {
        matches!(self, Verb::Options | Verb::Trace)
    }
}

/// The members of a comma-separated list, empty ones skipped (RFC 9110 5.6.1.2).
pub(super) fn list(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// Without the spaces and tabs around it.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether this is that word, given in small letters, as case is of no account: eight bytes at a time, since each head
/// holds many. What has passed httparse has no control bytes, so setting one bit makes letters small and leaves all
/// else apart that a token may hold, but for `^` and `~`, which no word known here has.
#[inline]
pub(super) fn is_word(bytes: &[u8], word: &[u8]) -> bool {
    if bytes.len() != word.len() {
        return false;
    }
    match (bytes.first_chunk(), bytes.last_chunk(), word.first_chunk(), word.last_chunk()) {
        (Some(start), Some(end), Some(known_start), Some(known_end)) => {
            small(start) == u64::from_ne_bytes(*known_start)
                && small(end) == u64::from_ne_bytes(*known_end)
                && (bytes.len() <= 16 || is_word(&bytes[8..], &word[8..]))
        }
        _ => bytes.iter().zip(word).all(|(byte, known)| byte | 0x20 == *known),
    }
}

fn small(eight: &[u8; 8]) -> u64 {
    u64::from_ne_bytes(*eight) | 0x2020_2020_2020_2020
}

/// RFC 9110 5.6.2.
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 5.6.2: one or more of those.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::is_word;

    #[test]
    fn a_word_is_known_whatever_its_case_and_by_every_byte() {
        for word in ["te", "host", "upgrade", "http2-settings", "proxy-connection", "transfer-encoding"] {
            assert!(is_word(word.as_bytes(), word.as_bytes()));
            assert!(is_word(word.to_uppercase().as_bytes(), word.as_bytes()));
            assert!(!is_word(&word.as_bytes()[1..], word.as_bytes()));
            for index in 0..word.len() {
                for other in (b'!'..=u8::MAX).filter(|other| !other.eq_ignore_ascii_case(&word.as_bytes()[index])) {
                    let mut bytes = word.as_bytes().to_vec();
                    bytes[index] = other;
                    assert!(!is_word(&bytes, word.as_bytes()), "{word} with {other:#x} at {index}");
                }
            }
        }
    }
}
