//! What an HTTP backend answers, by its habits: in every way that HTTP allows, and in some that it does not.
//!
//! When it is said, and what is heard, is in the [module above](super).

use super::surplus::SURPLUS;
use super::{HttpServed, Mood};
use crate::sim::http_client::down;
use crate::sim::ledger::{self, Cue};
use crate::sim::tcp::later;
use crate::sim::{bytes, hostile, http_text};
use evenkeel::base::Rng;
use std::time::Duration;

/// Habits with requests. Chances are in a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpHabits {
    /// Answers in chunks, or until close; otherwise by length.
    pub chunks: u16,
    pub until_close: u16,
    /// An interim response first.
    pub interim: u16,
    /// `Connection: close`, and does.
    pub closes: u16,
    /// Closes a kept-alive connection after a while.
    pub closes_idle: u16,
    /// Answers when the head has come, before the body.
    pub early: u16,
    /// Dies when a request came, before a byte of its response.
    pub dies_before: u16,
    /// Dies in the middle of a response.
    pub dies_within: u16,
    /// Never answers.
    pub hangs: u16,
    /// Thinks for up to four seconds, which is longer than it may take to connect.
    pub thinks: u16,
    /// Answers with a status that has no body, or with an error of its own.
    pub statuses: u16,
    /// Speaks HTTP/1.0.
    pub old: u16,
    /// Says `100 Continue` to those who wait for it; otherwise it waits for them.
    pub continues: u16,
    /// Agrees to another protocol; otherwise it answers as if nobody had asked.
    pub upgrades: u16,
    /// Its response head is one that no client may see.
    pub bad_heads: u16,
    /// Its chunks go wrong in the middle.
    pub bad_chunks: u16,
    /// Says more after a response: with its last byte, or later. For kernels that tell at once.
    pub surplus: u16,
    /// Answers before it has read the body, and closes on the rest. For kernels that lose nothing.
    pub slams: u16,
}

impl HttpServed {
    /// The time to answer has come.
    pub(super) fn answer(&mut self, mood: &Mood, rng: &mut Rng, cue: &mut Cue) {
        let habits = mood.habits;
        let mut luck = |chance: u16| rng.chance(chance.into(), 1000);
        let Some(asked) = &self.asked else { return };
        let Some(number) = asked.number else { return self.answer_probe(mood.sick) };
        if luck(habits.hangs) {
            self.hung = true;
            cue.ledger.excuse(number, ledger::HUNG);
        } else if luck(habits.dies_before) {
            self.dies_at = Some(0);
        } else if asked.upgrade && luck(habits.upgrades) {
            self.switch(number);
        } else if luck(habits.bad_heads) {
            self.answer_badly(number, rng, cue);
        } else {
            self.respond(number, habits, rng, cue);
        }
    }

    fn answer_probe(&mut self, sick: bool) {
        let status = if sick { "500 Unwell" } else { "200 OK" };
        self.out.say(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok"));
        (self.answering, self.verdict) = (false, Some(!sick));
    }

    fn switch(&mut self, number: u64) {
        self.out.say(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n");
        self.out.say(format!("X-Number: {number}\r\n\r\n"));
        (self.answering, self.switched) = (false, Some(number));
    }

    fn respond(&mut self, number: u64, habits: &HttpHabits, rng: &mut Rng, cue: &mut Cue) {
        let status = if rng.chance(habits.statuses.into(), 1000) { rng.below(5) as usize } else { 0 };
        let mut luck = |chance: u16| rng.chance(chance.into(), 1000);
        let old = luck(habits.old);
        let chunks = luck(habits.chunks) && !old;
        // Without a reset nobody could tell such a response from one that broke off.
        let told = !cue.ledger.paths.place(self.at).is_unix();
        self.until_close = !chunks && !self.slams && luck(habits.until_close) && told;
        self.closes = self.until_close || luck(habits.closes);
        if luck(habits.interim) && !old {
            self.out.say(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
            cue.ledger.requests.entry(number).and_modify(|request| request.hinted = true);
        }
        let begun = self.out.len();
        if STATUSES[status].starts_with("500") && cue.ledger.retry_on.contains(&500) {
            cue.ledger.excuse(number, ledger::TURNED_DOWN);
        }
        let head_only = self.asked.as_ref().is_some_and(|asked| asked.method == "HEAD");
        let style = Style { head_only, chunks, old, status: STATUSES[status] };
        self.write_response(number, style, cue.ledger.requests[&number].reply);
        self.answering = false;
        let whole_chunks = chunks && self.out.ends_with(LAST_CHUNK);
        if luck(habits.bad_chunks) && whole_chunks {
            self.go_wrong(number, rng, cue);
        } else {
            self.plan_the_rest(habits, rng, cue);
        }
        if rng.chance(habits.dies_within.into(), 1000) {
            let anywhere = rng.below(self.out.len() as u64) as usize;
            let between = self.out.len() - begun; // behind the interim response, before a byte of the final one
            self.dies_at = Some(if begun > 0 && rng.chance(1, 2) { between } else { anywhere.max(1) });
        }
    }

    /// What it does once its response is written.
    fn plan_the_rest(&mut self, habits: &HttpHabits, rng: &mut Rng, cue: &mut Cue) {
        let mut luck = |chance: u16| rng.chance(chance.into(), 1000);
        let (idle, late) = (luck(habits.closes_idle), luck(habits.surplus));
        if luck(habits.surplus) && !self.closes {
            self.out.say(SURPLUS);
            self.surplus = SURPLUS.len();
        } else if idle || late {
            // As long as a client thinks, so that a request often meets the FIN; or much longer.
            let most = if rng.chance(3, 4) { 100_000 } else { 3_000_000 };
            self.idle_until = Some(later(cue, Duration::from_micros(rng.below(most))));
            self.late_surplus = late && !self.closes;
        }
        if self.closes && !self.until_close {
            self.closes_at = Some(later(cue, Duration::from_micros(rng.below(20_000))));
        }
    }

    /// A head that the client may not see.
    fn answer_badly(&mut self, number: u64, rng: &mut Rng, cue: &mut Cue) {
        if let Some(head) = rng.one_of(hostile::HEADS) {
            self.out.say(head.replace("{n}", &number.to_string()));
        }
        cue.ledger.excuse(number, ledger::DIED);
        (self.answering, self.hung) = (false, true);
    }

    /// A chunked body goes wrong where it should end.
    fn go_wrong(&mut self, number: u64, rng: &mut Rng, cue: &mut Cue) {
        self.out.truncate(self.out.len() - LAST_CHUNK.len());
        if let Some(words) = rng.one_of(hostile::CHUNKS) {
            self.out.say(words);
        }
        cue.ledger.excuse(number, ledger::TORN);
        self.hung = true;
    }

    fn write_response(&mut self, number: u64, style: Style, length: u64) {
        let Style { head_only, chunks, old, status } = style;
        let body = bytes::piece(down(number), 0, length);
        let version = if old { "1.0" } else { "1.1" };
        let mut text = format!("HTTP/{version} {status}\r\nX-Number: {number}\r\nKeep-Alive: timeout=9\r\n");
        match (self.closes, old) {
            (true, _) => text += "Connection: close\r\n",
            (false, true) => text += "Connection: keep-alive\r\n",
            _ => {}
        }
        let bodyless = status.starts_with("204") || status.starts_with("304");
        match (chunks, self.until_close) {
            _ if status.starts_with("204") => {}
            (true, _) => text += "Transfer-Encoding: chunked\r\n",
            (_, true) => {}
            _ => text += &format!("Content-Length: {length}\r\n"),
        }
        self.out.say(format!("{text}\r\n"));
        match (head_only || bodyless, chunks) {
            (true, _) => {}
            (_, true) => self.out.say(http_text::chunked(&body, 1 + (number % 700 + length / 1000) as usize)),
            _ => self.out.say(body),
        }
    }
}

/// How a response is written.
#[derive(Debug, Clone, Copy)]
struct Style {
    head_only: bool,
    chunks: bool,
    old: bool,
    status: &'static str,
}

/// All of them are answers, whatever they say.
const STATUSES: [&str; 5] = ["200 OK", "204 No Content", "304 Not Modified", "404 Not Found", "500 Unwell"];

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
