//! Fields that mean something to a proxy: their names, the lists in them, and which of them stay behind.
//!
//! What is hop-by-hop is decided here, once, for requests and responses alike ([`Hop`]); [`super::rewrite`] obeys the
//! marks. Fields that only a request knows are judged in [`super::head`].

use super::framing::{self, Coding};
use super::words::{is_token, is_word, list};
use super::{Limits, Malformed};
use httparse::Header;

/// The names that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Connection,
    ContentLength,
    Expect,
    ForwardedFor,
    ForwardedHost,
    ForwardedProto,
    Host,
    Http2Settings,
    KeepAlive,
    MaxForwards,
    ProxyConnection,
    RequestId,
    Te,
    TransferEncoding,
    Upgrade,
    Other,
}

/// Which of the names is this? By length first: most fields then have nothing left to be compared with, and what is
/// compared is a word that the compiler knows.
pub(super) fn name(field: &[u8]) -> Name {
    let is = |known: &str| is_word(field, known.as_bytes());
    match field.len() {
        2 if is("te") => Name::Te,
        4 if is("host") => Name::Host,
        6 if is("expect") => Name::Expect,
        7 if is("upgrade") => Name::Upgrade,
        10 if is("connection") => Name::Connection,
        10 if is("keep-alive") => Name::KeepAlive,
        12 if is("max-forwards") => Name::MaxForwards,
        12 if is("x-request-id") => Name::RequestId,
        14 if is("content-length") => Name::ContentLength,
        14 if is("http2-settings") => Name::Http2Settings,
        15 if is("x-forwarded-for") => Name::ForwardedFor,
        16 if is("x-forwarded-host") => Name::ForwardedHost,
        16 if is("proxy-connection") => Name::ProxyConnection,
        17 if is("transfer-encoding") => Name::TransferEncoding,
        17 if is("x-forwarded-proto") => Name::ForwardedProto,
        _ => Name::Other,
    }
}

/// One bit per field of a head: this one does not go on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks([u64; Limits::MOST_FIELDS / 64]);

impl Marks {
    pub(super) fn set(&mut self, field: usize) {
        if let Some(word) = self.0.get_mut(field / 64) {
            *word |= 1 << (field % 64);
        }
    }

    pub(super) fn has(&self, field: usize) -> bool {
        self.0.get(field / 64).is_some_and(|word| word >> (field % 64) & 1 == 1)
    }

    /// Those that are marked, in order.
    pub(super) fn for_each(self, mut one: impl FnMut(usize)) {
        for (at, mut word) in self.0.into_iter().enumerate() {
            while word > 0 {
                one(64 * at + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
    }
}

/// The options of all `Connection` fields together (RFC 9110 7.6.1).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    named: usize, // options that may name a field to remove
    /// One of them is no name known here, so that a trailer may bear it.
    pub(super) names_others: bool,
}

impl Options {
    fn and(&mut self, value: &[u8]) {
        if self.knows(value) {
            return; // one word alone, as nearly always
        }
        for option in list(value) {
            if !self.knows(option) {
                self.named += 1;
                self.names_others |= name(option) == Name::Other;
            }
        }
    }

    /// Whether this option is one that is obeyed here.
    fn knows(&mut self, option: &[u8]) -> bool {
        match option {
            o if is_word(o, b"keep-alive") => self.keep_alive = true,
            o if is_word(o, b"close") => self.close = true,
            o if is_word(o, b"upgrade") => self.upgrade = true,
            _ => return false,
        }
        true
    }
}

/// What `Content-Length` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    pub(super) bytes: u64,
    /// Which field says so.
    pub(super) index: usize,
    /// In the digits that we would write: nothing but those, and no zero before them.
    pub(super) tidy: bool,
}

impl Length {
    /// What this field says, if that is one plain number.
    pub(super) fn said(index: usize, value: &[u8]) -> Result<Length, Malformed> {
        let bytes = framing::length(value)?;
        Ok(Length { bytes, index, tidy: !value.starts_with(b"0") })
    }
}

/// What a head says about this hop alone, gathered field by field.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hop<'b> {
    pub(super) marks: Marks,
    pub(super) connection: Options,
    pub(super) coding: Coding,
    pub(super) length: Option<Length>,
    /// The first protocol that may be spoken through us, whether or not `Connection` says so too.
    pub(super) upgrade: Option<&'b [u8]>,
    /// `TE` names `trailers`.
    pub(super) trailers: bool,
}

impl<'b> Hop<'b> {
    /// One field. Names that are nobody's but the request's are left alone.
    pub(super) fn take(&mut self, index: usize, name: Name, value: &'b [u8]) -> Result<(), Malformed> {
        match name {
            Name::ContentLength => return self.take_length(index, value),
            Name::TransferEncoding => self.coding = self.coding.and(value),
            Name::Connection => self.connection.and(value),
            Name::Upgrade => self.upgrade = self.upgrade.or_else(|| list(value).find(|p| may_be_offered(p))),
            Name::Te => self.trailers |= list(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers")),
            Name::KeepAlive | Name::ProxyConnection | Name::Http2Settings => {}
            _ => return Ok(()),
        }
        self.marks.set(index);
        Ok(())
    }

    /// Twice is once too often, even with equal values: whoever joins or drops one of them frames another message.
    fn take_length(&mut self, index: usize, value: &[u8]) -> Result<(), Malformed> {
        match self.length.replace(Length::said(index, value)?) {
            None => Ok(()),
            Some(_) => Err(Malformed::LengthTwice),
        }
    }

    /// RFC 9112 9.3.
    pub(super) fn keeps_alive(&self, modern: bool) -> bool {
        !self.connection.close && (modern || self.connection.keep_alive)
    }

    /// Marks the fields that `Connection` names (RFC 9110 7.6.1), but never one that protects the next hop: a client
    /// must not be able to have it removed.
    pub(super) fn remove_named(&mut self, fields: &[Header<'b>], limits: &Limits) -> Result<(), Malformed> {
        match self.connection.named {
            0 => return Ok(()),
            // Each is compared with each field: without a bound that is a way to keep us busy.
            more if more > limits.fields => return Err(Malformed::TooManyFields),
            _ => {}
        }
        for connection in fields.iter().filter(|f| name(f.name.as_bytes()) == Name::Connection) {
            for option in list(connection.value).filter(|option| may_be_removed(option)) {
                let named = |(_, field): &(usize, &Header<'_>)| option.eq_ignore_ascii_case(field.name.as_bytes());
                fields.iter().enumerate().filter(named).for_each(|(index, _)| self.marks.set(index));
            }
        }
        Ok(())
    }
}

/// Whatever `Connection` says, these decide framing and routing, or tell the backend who asked.
fn may_be_removed(option: &[u8]) -> bool {
    !matches!(
        name(option),
        Name::Host
            | Name::ContentLength
            | Name::TransferEncoding
            | Name::Expect
            | Name::MaxForwards
            | Name::RequestId
            | Name::ForwardedFor
            | Name::ForwardedHost
            | Name::ForwardedProto
    )
}

/// RFC 9110 7.8: a token with an optional version. Another HTTP would carry requests past all that is checked here.
fn may_be_offered(protocol: &[u8]) -> bool {
    let mut parts = protocol.splitn(2, |&byte| byte == b'/');
    let http = |name: &[u8]| [&b"h2c"[..], b"h2", b"http"].iter().any(|h| name.eq_ignore_ascii_case(h));
    parts.next().is_some_and(|name| is_token(name) && !http(name)) && parts.next().is_none_or(is_token)
}

/// Fields up to and with an empty line, for the roads that are seldom taken: an error says more here.
#[cold]
pub(super) fn parse<'t, 'b>(
    bytes: &'b [u8],
    limits: &Limits,
    room: &'t mut Vec<Header<'b>>,
) -> Result<&'t [Header<'b>], Malformed> {
    room.clear();
    room.resize(limits.fields.min(Limits::MOST_FIELDS), httparse::EMPTY_HEADER);
    match httparse::parse_headers(bytes, room) {
        Ok(httparse::Status::Complete((size, fields))) if size == bytes.len() => Ok(fields),
        Err(httparse::Error::TooManyHeaders) => Err(Malformed::TooManyFields),
        Err(httparse::Error::HeaderName) if bytes.windows(2).any(|w| matches!(w, b"\n " | b"\n\t")) => {
            Err(Malformed::Fold)
        }
        Err(httparse::Error::HeaderName) if matches!(bytes, [b' ' | b'\t', ..]) => Err(Malformed::Fold),
        Err(httparse::Error::HeaderName) => Err(Malformed::FieldName),
        Err(httparse::Error::NewLine) => Err(Malformed::BareCr),
        _ => Err(Malformed::FieldValue),
    }
}

/// One field line.
#[inline]
pub(super) fn write(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.reserve(name.len() + value.len() + b": \r\n".len()); // once, not four times
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
