//! What somebody on the stage does: a client, or a connection that a backend has taken. The verbs of a dialogue.

use super::kernel::Ending;
use super::stage::{Stage, brief};
use super::text::{self, Chunks, Head};

/// A remote end.
#[derive(Clone, Copy)]
pub struct Actor<'s> {
    pub(super) stage: &'s Stage,
    pub(super) index: usize,
}

impl PartialEq for Actor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl Actor<'_> {
    /// Sends these bytes, in the pieces that the pace of the play makes of them.
    pub fn says(&self, bytes: impl AsRef<[u8]>) {
        self.stage.say(self.index, bytes.as_ref());
    }

    /// Has said everything, and still listens.
    pub fn ends(&self) {
        self.stage.end(self.index);
    }

    /// Breaks the connection.
    pub fn resets(&self) {
        self.stage.leave(self.index, true);
    }

    /// Closes the connection.
    pub fn closes(&self) {
        self.stage.leave(self.index, false);
    }

    /// Reads nothing from now on.
    pub fn stops_listening(&self) {
        self.stage.set_deaf(self.index, true);
    }

    /// Reads again.
    pub fn listens_again(&self) {
        self.stage.set_deaf(self.index, false);
    }

    /// Which backend it is.
    pub fn backend(&self) -> usize {
        self.stage.ear(self.index).backend.expect("a backend")
    }

    /// These bytes and no others come next.
    pub fn hears(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let (mut so_far, mut more) = (0, true);
        while more && so_far < bytes.len() {
            more = self.stage.wait(|ears| ears[self.index].heard.len() > so_far); // as long as anything comes
            so_far = self.stage.ear(self.index).heard.len();
        }
        let right = self.stage.ear(self.index).heard.starts_with(bytes);
        self.check(right, || format!("does not hear {:?}", brief(bytes)));
        self.stage.ear(self.index).heard.drain(..bytes.len());
        self.stage.tell(|| format!("{} hears {:?}", self.stage.who(self.index), brief(bytes)));
    }

    /// A head with this first line comes next.
    pub fn hears_head(&self, line: &str) -> Head {
        self.stage.wait(|ears| {
            let ear = &ears[self.index];
            Head::end(&ear.heard).is_some() || ear.ending.is_some()
        });
        let head = Head::take(&mut self.stage.ear(self.index).heard);
        let Some(head) = head else { self.fail(&format!("does not hear a head {line:?}")) };
        self.stage.tell(|| format!("{} hears {head}", self.stage.who(self.index)));
        self.check(head.line == line, || format!("hears {:?}, not {line:?}", head.line));
        self.stage.ear(self.index).head = head.clone();
        head
    }

    /// The head heard last.
    pub fn head(&self) -> Head {
        self.stage.ear(self.index).head.clone()
    }

    /// A message comes next: a head with this first line, and this body, framed as the head says.
    pub fn hears_message(&self, line: &str, body: impl AsRef<[u8]>) -> Head {
        let head = self.hears_head(line);
        match (head.get("Content-Length"), head.get("Transfer-Encoding")) {
            (Some(length), None) => {
                self.check(length == body.as_ref().len().to_string(), || format!("hears a length of {length}"));
                self.hears(body);
            }
            (None, Some("chunked")) => self.hears_chunked(body, ""),
            (None, None) if line.starts_with("HTTP/1.1 ") => {
                self.hears(body);
                self.hears_end();
            }
            _ => self.check(body.as_ref().is_empty(), || format!("hears a strange framing: {head}")),
        }
        head
    }

    /// A whole chunked body comes next, with these trailers.
    pub fn hears_chunked(&self, payload: impl AsRef<[u8]>, trailers: &str) {
        self.wait_for_chunks(|chunks| chunks.complete);
        let Chunks { payload: got, complete, trailers: brought, size } = self.chunks();
        let right = complete && got == payload.as_ref() && brought == trailers;
        self.check(right, || format!("hears a chunked body {:?} {brought:?}, complete: {complete}", brief(&got)));
        self.stage.ear(self.index).heard.drain(..size);
        self.stage.tell(|| format!("{} hears {:?} in chunks", self.stage.who(self.index), brief(&got)));
    }

    /// Whole chunks with this payload come next, and no last chunk.
    pub fn hears_chunks(&self, payload: impl AsRef<[u8]>) {
        let payload = payload.as_ref();
        self.wait_for_chunks(|chunks| chunks.payload.len() >= payload.len() || chunks.complete);
        let Chunks { payload: got, complete, size, .. } = self.chunks();
        let right = !complete && got == payload;
        self.check(right, || format!("hears chunks {:?}, complete: {complete}", brief(&got)));
        self.stage.ear(self.index).heard.drain(..size);
        self.stage.tell(|| format!("{} hears {:?} in chunks", self.stage.who(self.index), brief(&got)));
    }

    fn wait_for_chunks(&self, mut enough: impl FnMut(&Chunks) -> bool) {
        self.stage.wait(|ears| {
            let ear = &ears[self.index];
            text::chunks(&ear.heard).is_ok_and(|chunks| enough(&chunks)) || ear.ending.is_some()
        });
    }

    fn chunks(&self) -> Chunks {
        let chunks = text::chunks(&self.stage.ear(self.index).heard);
        chunks.unwrap_or_else(|what| self.fail(&format!("hears bad chunks: {what}")))
    }

    /// Nothing more was said to it, and the balancer has said everything.
    pub fn hears_end(&self) {
        self.wait_for_the_end();
        self.has_heard_all();
        let ending = self.stage.ear(self.index).ending;
        self.check(ending == Some(Ending::Clean), || format!("hears {ending:?}, no end"));
        self.stage.tell(|| format!("{} hears the end", self.stage.who(self.index)));
    }

    /// The connection is broken; bytes may have been lost with it.
    pub fn hears_reset(&self) {
        self.stage.wait(|ears| ears[self.index].ending == Some(Ending::Reset));
        let ending = self.stage.ear(self.index).ending;
        self.check(ending == Some(Ending::Reset), || format!("hears {ending:?}, no reset"));
    }

    /// The connection is over, one way or the other; what was said before is left to be looked at.
    pub fn hears_reset_or_close(&self) {
        self.wait_for_the_end();
        let over = self.stage.ear(self.index).ending.is_some();
        self.check(over, || "hears neither an end nor a reset".into());
        self.stage.tell(|| format!("{}: it is over", self.stage.who(self.index)));
    }

    fn wait_for_the_end(&self) {
        self.stage.wait(|ears| ears[self.index].ending.is_some());
    }

    /// The connection stands, and nothing comes on it.
    pub fn hears_nothing_more(&self) {
        self.stage.blink();
        self.has_heard_all();
        let ending = self.stage.ear(self.index).ending;
        self.check(ending.is_none(), || format!("hears {ending:?}"));
    }

    /// What was heard and not taken.
    pub fn heard(&self) -> Vec<u8> {
        self.stage.blink();
        self.stage.ear(self.index).heard.clone()
    }

    fn has_heard_all(&self) {
        let more = self.stage.ear(self.index).heard.clone();
        self.check(more.is_empty(), || format!("hears {:?} besides", brief(&more)));
    }

    /// Its last head did not say that the connection ends, and it has not.
    pub fn is_kept_alive(&self) {
        let head = self.stage.ear(self.index).head.clone();
        self.check(!head.lists("Connection", "close"), || "was told that the connection closes".into());
        self.hears_nothing_more();
    }

    /// Is answered by the balancer itself with this status, can read it all, and is closed on.
    pub fn is_refused_with(&self, status: u16) {
        let head = self.is_answered_with(status);
        self.check(head.lists("Connection", "close"), || "is not told that the connection closes".into());
        self.hears_end();
    }

    /// Is answered by the balancer itself with this status: a short text, and nothing about who says it.
    pub fn is_answered_with(&self, status: u16) -> Head {
        let head = self.hears_own_head(status);
        let length: usize = head.get("Content-Length").and_then(|value| value.parse().ok()).expect("a length");
        self.stage.wait(|ears| ears[self.index].heard.len() >= length || ears[self.index].ending.is_some());
        let body = self.stage.ear(self.index).heard.clone();
        let reason = head.line.split_once(' ').map_or("", |(_, reason)| reason);
        let text = String::from_utf8_lossy(&body);
        self.check(body.len() >= length, || format!("hears only {text:?}"));
        self.check(text.starts_with(reason), || format!("hears {text:?}"));
        self.stage.ear(self.index).heard.drain(..length);
        head
    }

    /// The same for HEAD: no body, though its length is said.
    pub fn hears_own_head(&self, status: u16) -> Head {
        self.stage.wait(|ears| Head::end(&ears[self.index].heard).is_some() || ears[self.index].ending.is_some());
        let head = Head::take(&mut self.stage.ear(self.index).heard);
        let Some(head) = head else { self.fail(&format!("hears no answer, where {status} should be")) };
        let line = format!("HTTP/1.1 {status} ");
        self.check(head.line.starts_with(&line), || format!("hears {:?}, not {status}", head.line));
        self.check(head.get("Server").is_none(), || "hears who we are".into());
        self.stage.tell(|| format!("{} hears {head}", self.stage.who(self.index)));
        self.stage.ear(self.index).head = head.clone();
        head
    }

    /// Hears a head, whatever it says.
    pub fn hears_head_of_any_status(&self) -> Head {
        self.stage.wait(|ears| Head::end(&ears[self.index].heard).is_some() || ears[self.index].ending.is_some());
        let head = Head::take(&mut self.stage.ear(self.index).heard);
        let Some(head) = head else { self.fail("hears no answer") };
        self.stage.tell(|| format!("{} hears {head}", self.stage.who(self.index)));
        self.stage.ear(self.index).head = head.clone();
        head
    }

    /// Hears so many bytes next, whatever they are.
    pub fn hears_bytes(&self, count: usize) -> Vec<u8> {
        self.stage.wait(|ears| ears[self.index].heard.len() >= count || ears[self.index].ending.is_some());
        let heard = self.stage.ear(self.index).heard.len();
        self.check(heard >= count, || format!("hears {heard} bytes only, not {count}"));
        self.stage.ear(self.index).heard.drain(..count).collect()
    }

    /// Hears everything up to these bytes, and them.
    pub fn hears_through(&self, last: &[u8]) -> Vec<u8> {
        let end = |ear: &[u8]| ear.windows(last.len()).position(|bytes| bytes == last).map(|at| at + last.len());
        self.stage.wait(|ears| end(&ears[self.index].heard).is_some() || ears[self.index].ending.is_some());
        let end = end(&self.stage.ear(self.index).heard);
        let Some(end) = end else { self.fail(&format!("does not hear {:?}", brief(last))) };
        self.stage.ear(self.index).heard.drain(..end).collect()
    }

    fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(&what());
        }
    }

    fn fail(&self, what: &str) -> ! {
        let who = self.stage.who(self.index);
        self.stage.fail(&format!("{who} {what}"))
    }
}
