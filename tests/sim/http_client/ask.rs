//! One request: what is wrong with it, how it is written, what may come of it.

use super::{HttpAsk, up};
use crate::sim::ledger::{self, Cue, Excuse, Request};
use crate::sim::plan::COOKIE;
use crate::sim::ways::Asked;
use crate::sim::{bytes, hostile, http_text};
use std::time::Duration;

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It is this one of [`hostile::REQUESTS`].
    Hostile(usize),
    /// Its chunked body goes wrong after so many bytes, in this one of the ways of [`hostile::CHUNKS`].
    Chunk(u64, usize),
    /// It is sent so slowly that its time is over before its head is.
    Dribbles,
    /// Its body stops after so many bytes, and nothing more comes.
    Stalls(u64),
}

/// One request to make.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: &'static str,
    /// Bytes of its body; methods without one have none.
    pub body: Option<u64>,
    /// The body comes in chunks of this size.
    pub chunked: Option<usize>,
    /// Bytes of the response's body.
    pub reply: u64,
    /// The pause before it, on a connection kept alive.
    pub think: Duration,
    /// Its body waits for `100 Continue`, for so long.
    pub expects: Option<Duration>,
    /// It names its host; HTTP/1.0 need not.
    pub host: bool,
    pub fault: Fault,
}

impl Ask {
    /// Enters it into the books, with all that may come of it. Its number.
    pub(super) fn register(&self, cue: &mut Cue) -> u64 {
        let number = cue.ledger.number();
        let limit = cue.ledger.body_limit;
        let request = Request {
            method: self.method,
            body: if self.fault == Fault::None { self.body.unwrap_or(0) } else { u64::MAX },
            reply: self.reply,
            repeatable: self.method != "POST" && self.body.is_none(),
            sought: cue.ledger.seek(number, self.host),
            forbidden: matches!(self.fault, Fault::Hostile(_) | Fault::Dribbles),
            seen: 0,
            begun: false,
            seen_by: None,
            last_seen_by: None,
            home: None,
            hinted: false,
            from: None,
            asked: cue.now,
            told: None,
            too_many: false,
        };
        cue.ledger.requests.insert(number, request);
        match self.fault {
            Fault::None => {}
            Fault::Hostile(index) => {
                let statuses = hostile::REQUESTS[index].statuses;
                cue.ledger.excuse(number, Excuse { statuses, cut: false });
            }
            Fault::Chunk(..) => cue.ledger.excuse(number, Excuse { statuses: &[400], cut: true }),
            Fault::Dribbles => cue.ledger.excuse(number, Excuse { statuses: &[408], cut: false }),
            Fault::Stalls(_) => cue.ledger.excuse(number, ledger::STOPPED),
        }
        if limit > 0 && self.body.is_some_and(|length| length > limit) {
            cue.ledger.excuse(number, ledger::TOO_LARGE);
        }
        number
    }

    /// Head and body, with this value of our cookie.
    pub(super) fn written(&self, number: u64, jar: Option<&str>, plan: &HttpAsk, cue: &mut Cue) -> (Vec<u8>, Vec<u8>) {
        if let Fault::Hostile(index) = self.fault {
            let text = hostile::REQUESTS[index].text.replace("{n}", &number.to_string());
            return (text.into_bytes(), Vec::new());
        }
        let mut text = self.head(number, cue.ledger.requests[&number].sought, plan);
        if cue.ledger.sticky.is_some() {
            let ours = jar.map(|value| format!("{COOKIE}={value};  ")).unwrap_or_default();
            text += &format!("Cookie: a=\"1 2\";  {ours}{COOKIE}X=3\r\n");
        }
        let most = match self.fault {
            Fault::Chunk(most, _) | Fault::Stalls(most) => most,
            _ => u64::MAX,
        };
        let body = self.body.map(|length| bytes::piece(up(number), 0, length.min(most))).unwrap_or_default();
        let body = match (self.body, self.chunked) {
            (None, _) => Vec::new(),
            (Some(_), Some(size)) if !plan.old => {
                text += "Transfer-Encoding: chunked\r\n";
                let mut body = http_text::chunked(&body, size);
                if self.fault != Fault::None {
                    body.truncate(body.len() - b"0\r\n\r\n".len());
                }
                if let Fault::Chunk(_, how) = self.fault {
                    body.extend(hostile::CHUNKS[how].bytes());
                }
                body
            }
            (Some(length), _) => {
                text += &format!("Content-Length: {length}\r\n");
                expect_refusal(number, length, cue);
                body
            }
        };
        text += "\r\n";
        (text.into_bytes(), body)
    }

    fn head(&self, number: u64, sought: Asked, plan: &HttpAsk) -> String {
        let version = if plan.old { "1.0" } else { "1.1" };
        let mut text = format!("{} {}/r/{number} HTTP/{version}\r\n", self.method, sought.prefix);
        if let Some(host) = sought.host {
            text += &format!("Host: {host}\r\n");
        }
        if plan.old && plan.old_keeps {
            text += "Connection: keep-alive\r\n";
        } else if number.is_multiple_of(3) {
            text += "Connection: x-hop\r\nX-Hop: not for you\r\n";
        }
        if self.expects.is_some() && self.body.is_some_and(|length| length > 0) {
            text += "Expect: 100-continue\r\n";
        }
        text
    }
}

/// A length over the limit is refused by the head alone.
fn expect_refusal(number: u64, length: u64, cue: &mut Cue) {
    let limit = cue.ledger.body_limit;
    if limit > 0
        && length > limit
        && let Some(request) = cue.ledger.requests.get_mut(&number)
    {
        request.forbidden = true;
    }
}
