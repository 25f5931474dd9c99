//! What client and backend agreed on by their heads, and how far the response has come.
//!
//! Pure decisions: who stays connected, how a body goes out, which interim responses pass.

use crate::http::{self, Framing, Persist, Request, Response, SetCookie, Verb, Version};
use crate::proxy::flow::Body;

/// More interim responses than this are a flood.
const MOST_INTERIM: u32 = 16;

/// What the response flow carries now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing: a response head is awaited.
    Head,
    /// An interim response.
    Interim,
    /// The final response.
    Final,
}

/// What the two sides agreed on.
#[derive(Debug)]
pub struct Terms {
    /// The method, as far as it matters here.
    pub verb: Verb,
    /// What the client speaks.
    pub version: Version,
    /// The client's connection outlives this exchange, as far as we know by now.
    pub keep_alive: bool,
    /// The client has announced that nothing comes after this request (RFC 9112 section 9.6).
    pub is_last: bool,
    /// The client holds its body back until it hears something.
    pub expects_continue: bool,
    /// The protocol that the client asked for and we passed on.
    offered: Option<Box<[u8]>>,
    /// The backend agreed to it.
    pub upgraded: bool,
    /// The upstream takes no more of the request; its response may still come.
    pub request_cut: bool,
    /// How far the response has come.
    pub stage: Stage,
    interims: u32,
    /// The status of the final response; 0: there is none yet.
    pub status: u16,
    /// The upstream connection outlives this exchange.
    pub upstream_keep_alive: bool,
    /// The response ends by closing, so that a cut must be made plain by a reset.
    pub until_close: bool,
}

impl Default for Terms {
    /// Nothing was agreed: what is said to a client whose request could not be read.
    fn default() -> Terms {
        Terms {
            verb: Verb::Other,
            version: Version::V11,
            keep_alive: false,
            is_last: false,
            expects_continue: false,
            offered: None,
            upgraded: false,
            request_cut: false,
            stage: Stage::Head,
            interims: 0,
            status: 0,
            upstream_keep_alive: false,
            until_close: false,
        }
    }
}

impl From<&Request<'_, '_>> for Terms {
    /// What the client asks for.
    fn from(request: &Request<'_, '_>) -> Terms {
        Terms {
            verb: request.verb,
            version: request.version,
            keep_alive: request.keep_alive,
            is_last: !request.keep_alive,
            expects_continue: request.expects_continue,
            offered: request.upgrade.map(Into::into),
            ..Terms::default()
        }
    }
}

impl Terms {
    /// The terms of a request that could not be read, but for its first word.
    pub fn unread(verb: Verb) -> Terms {
        Terms { verb, ..Terms::default() }
    }

    /// The terms of an answer of our own to the same request.
    pub fn for_answer(&self, keep_alive: bool) -> Terms {
        Terms { verb: self.verb, version: self.version, keep_alive, ..Terms::default() }
    }

    /// Whether the client has to be told in so many words that its connection is kept (HTTP/1.0).
    pub fn says_keep_alive(&self) -> bool {
        self.keep_alive && self.version == Version::V10
    }

    /// Whether the client is let go once it has the response whose head it is told.
    pub fn is_parting(&self) -> bool {
        self.stage == Stage::Final && !self.keep_alive && !self.upgraded
    }

    /// Whether the client was told nothing of a response, not even an interim one.
    pub fn nothing_said(&self) -> bool {
        self.stage == Stage::Head && self.interims == 0
    }

    /// A response head came, the request being `asked` in full or not: what it is. Errors: what it may not be.
    pub fn accept(&mut self, head: &Response<'_, '_>, asked: bool) -> Result<(), &'static str> {
        self.stage = match head.status {
            101 if self.agrees(head) && asked => Stage::Final,
            101 => return Err("it switches protocols unasked, or before the request is over"),
            100..=199 if self.interims >= MOST_INTERIM => return Err("too many interim ones"),
            100..=199 => Stage::Interim,
            _ => Stage::Final,
        };
        self.upgraded = head.status == 101;
        Ok(())
    }

    /// Whether a 101 switches to what was offered, and to nothing else (RFC 9110 section 7.8).
    fn agrees(&self, head: &Response<'_, '_>) -> bool {
        self.offered.as_deref().zip(head.upgrade).is_some_and(|(asked, given)| asked.eq_ignore_ascii_case(given))
    }

    /// Writes an accepted head for the client, a final one as the `last` on its connection or not, and with a cookie of
    /// ours or none; how its body comes in, and whether it goes out in chunks.
    pub fn write(
        &mut self,
        head: &Response<'_, '_>,
        last: bool,
        cookie: Option<SetCookie<'_>>,
        out: &mut Vec<u8>,
    ) -> (Body, bool) {
        match self.stage {
            Stage::Interim => {
                self.write_interim(head, out);
                (Body::Done, false)
            }
            _ => self.write_final(head, last, cookie, out),
        }
    }

    /// Interim responses pass to clients that know of them (RFC 9110 section 15.2).
    fn write_interim(&mut self, head: &Response<'_, '_>, out: &mut Vec<u8>) {
        self.interims += 1;
        if self.version == Version::V11 {
            http::rewrite::response(head, Framing::None, Persist::Silent, out);
        }
    }

    fn write_final(
        &mut self,
        head: &Response<'_, '_>,
        last: bool,
        cookie: Option<SetCookie<'_>>,
        out: &mut Vec<u8>,
    ) -> (Body, bool) {
        let old_client = self.version == Version::V10;
        let framing = match head.framing {
            Framing::Chunked | Framing::UntilClose if old_client => Framing::UntilClose,
            Framing::UntilClose => Framing::Chunked,
            other => other,
        };
        self.until_close = framing == Framing::UntilClose;
        self.status = head.status;
        self.upstream_keep_alive = head.keep_alive && head.framing != Framing::UntilClose;
        self.keep_alive &= !last && !self.until_close && !self.request_cut;
        let persist = match self.keep_alive {
            _ if self.upgraded => Persist::Upgrade,
            false => Persist::Close,
            true if old_client => Persist::KeepAlive,
            true => Persist::Silent,
        };
        http::rewrite::response_setting(head, framing, persist, cookie.as_ref(), out);
        (head.framing.into(), framing == Framing::Chunked)
    }
}
