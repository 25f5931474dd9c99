//! HTTP backends: what one connection to one of them says and hears. They believe nothing: every request must be well
//! formed, known, from where it claims to be, and, when it may not be sent twice, new.

use super::bytes;
use super::http_client::{down, up};
use super::http_text::{self, Body, Head};
use super::ledger::Cue;
use super::tcp::{Pace, later};
use evenkeel::base::{Rng, Time};
use evenkeel::net::sim::Far;
use std::net::SocketAddr;
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
}

#[derive(Debug)]
struct Asked {
    number: Option<u64>,
    method: String,
    body: Body,
    got: u64,
    /// Its answer is planned or given; it may not have come whole.
    answered: bool,
}

/// One connection to a backend.
#[derive(Debug)]
pub struct HttpServed {
    pub far: Far,
    /// The backend's address.
    at: SocketAddr,
    heard: Vec<u8>,
    asked: Option<Asked>,
    /// The request has come whole, or is answered before.
    answering: bool,
    out: Vec<u8>,
    said: bool, // a byte of the present response was written
    answer_at: Option<Time>,
    /// Dies when so many bytes are left to write.
    dies_at: Option<usize>,
    until_close: bool,
    closes: bool,
    hung: bool,
    idle_until: Option<Time>,
    write_at: Time,
}

impl HttpServed {
    pub fn new(far: Far, at: SocketAddr, now: Time) -> HttpServed {
        HttpServed {
            far,
            at,
            heard: Vec::new(),
            asked: None,
            answering: false,
            out: Vec::new(),
            said: false,
            answer_at: None,
            dies_at: None,
            until_close: false,
            closes: false,
            hung: false,
            idle_until: None,
            write_at: now,
        }
    }

    /// One act; true after the last.
    pub fn act(&mut self, habits: &HttpHabits, pace: &Pace, rng: &mut Rng, cue: &mut Cue) -> bool {
        cue.sim.far_read(self.far, &mut self.heard, usize::MAX);
        if let Err(what) = self.understand(habits, rng, cue) {
            cue.ledger.blame(format!("{what}, at the backend on c{}", self.far.number()));
        }
        if self.answer_at.is_some_and(|at| at <= cue.now) {
            self.answer_at = None;
            self.answer(habits, rng, cue);
        }
        if self.speak(pace, cue) {
            return true;
        }
        let state = cue.sim.far(self.far);
        if state.reset || state.ended && (self.hung || !self.busy()) {
            self.note_half_a_head(cue);
            cue.sim.far_close(self.far);
            return true;
        }
        self.close_when_idle(cue)
    }

    fn busy(&self) -> bool {
        self.answering || !self.out.is_empty()
    }

    fn close_when_idle(&mut self, cue: &mut Cue) -> bool {
        let idle = self.asked.is_none() && self.heard.is_empty() && !self.busy();
        let over = idle && (self.closes || self.idle_until.is_some_and(|until| until <= cue.now));
        if over {
            cue.sim.far_close(self.far);
        }
        over
    }

    /// Reads heads and bodies as far as they have come.
    fn understand(&mut self, habits: &HttpHabits, rng: &mut Rng, cue: &mut Cue) -> Result<(), String> {
        if self.asked.is_none() {
            if self.busy() || self.closes {
                return match self.heard.is_empty() {
                    true => Ok(()),
                    false => Err("a request out of turn".into()),
                };
            }
            let Some((head, size)) = http_text::head(&self.heard)? else { return Ok(()) };
            self.heard.drain(..size);
            let asked = self.admit(&head, cue)?;
            let whole = asked.body == Body::Done;
            self.asked = Some(asked);
            self.idle_until = None;
            if whole || rng.chance(habits.early.into(), 1000) {
                self.plan_answer(habits, rng, cue);
            }
        }
        let Some(asked) = &mut self.asked else { return Ok(()) };
        let mut payload = Vec::new();
        let taken = asked.body.feed(&self.heard, &mut payload)?;
        self.heard.drain(..taken);
        if let Some(number) = asked.number
            && let Err(at) = bytes::check(up(number), asked.got, &payload)
        {
            return Err(format!("the body of {number} is wrong at {at}"));
        }
        asked.got += payload.len() as u64;
        if asked.body == Body::Done {
            let answered = asked.answered;
            self.check_whole(cue)?;
            if !answered {
                self.plan_answer(habits, rng, cue);
            }
            self.close_request();
        }
        Ok(())
    }

    fn check_whole(&self, cue: &Cue) -> Result<(), String> {
        let Some(Asked { number: Some(number), got, .. }) = &self.asked else { return Ok(()) };
        let length = cue.ledger.requests[number].body;
        match *got == length {
            true => Ok(()),
            false => Err(format!("{number} ends after {got} of {length} bytes")),
        }
    }

    /// The request is over when it was read and answered, whichever comes last.
    fn close_request(&mut self) {
        let read = self.asked.as_ref().is_some_and(|asked| asked.body == Body::Done);
        if read && !self.answering && self.out.is_empty() {
            self.asked = None;
            self.said = false;
        }
    }

    fn admit(&mut self, head: &Head, cue: &mut Cue) -> Result<Asked, String> {
        let [method, target, version] = &head.first;
        let number = target.strip_prefix("/r/").and_then(|number| number.parse::<u64>().ok());
        let body = head.body(Body::Done)?;
        let body = if body == Body::Length(0) { Body::Done } else { body };
        let asked = Asked { number, method: method.clone(), body, got: 0, answered: false };
        let Some(number) = number else { return Ok(asked) }; // a probe
        let Some(request) = cue.ledger.requests.get_mut(&number) else {
            return Err(format!("a request that nobody made: {head:?}"));
        };
        request.seen += 1;
        request.seen_by.get_or_insert(self.at);
        let from = request.from.map(|from| from.to_string());
        let repeated = request.seen > 1 && request.method == "POST";
        let odd = ["x-hop", "keep-alive", "proxy-connection"].iter().find(|name| head.count(name) > 0);
        if repeated {
            return Err(format!("{number} may not be sent twice"));
        }
        if version != "HTTP/1.1" || request.method != method || head.count("host") != 1 || odd.is_some() {
            return Err(format!("not what a backend is to see of {number}: {head:?}"));
        }
        if head.field("x-forwarded-for") != from.as_deref() {
            return Err(format!("{number} came from {from:?}: {head:?}"));
        }
        Ok(asked)
    }

    fn plan_answer(&mut self, habits: &HttpHabits, rng: &mut Rng, cue: &mut Cue) {
        self.answering = true;
        if let Some(asked) = &mut self.asked {
            asked.answered = true;
        }
        let think = match rng.chance(habits.thinks.into(), 1000) {
            true => Duration::from_micros(rng.below(4_000_000)),
            false => Duration::ZERO,
        };
        self.answer_at = Some(later(cue, think));
    }

    fn answer(&mut self, habits: &HttpHabits, rng: &mut Rng, cue: &mut Cue) {
        let mut luck = |chance: u16| rng.chance(chance.into(), 1000);
        let Some(asked) = &self.asked else { return };
        let Some(number) = asked.number else {
            self.out.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            self.answering = false;
            return;
        };
        if luck(habits.hangs) {
            self.hung = true;
            return cue.ledger.excuse(number);
        }
        if luck(habits.dies_before) {
            self.dies_at = Some(0);
            return;
        }
        let (interim, chunks) = (luck(habits.interim), luck(habits.chunks));
        self.until_close = !chunks && luck(habits.until_close);
        self.closes = self.until_close || luck(habits.closes);
        let (idle, dies) = (luck(habits.closes_idle), luck(habits.dies_within));
        if interim {
            self.out.extend(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
        }
        let head_only = asked.method == "HEAD";
        self.write_response(number, head_only, chunks, cue.ledger.requests[&number].reply);
        self.answering = false;
        if idle {
            // As long as a client thinks, so that a request often meets the FIN; or much longer.
            let most = if rng.chance(3, 4) { 100_000 } else { 3_000_000 };
            self.idle_until = Some(later(cue, Duration::from_micros(rng.below(most))));
        }
        if dies {
            self.dies_at = Some(rng.below(self.out.len() as u64) as usize);
        }
    }

    fn write_response(&mut self, number: u64, head_only: bool, chunks: bool, length: u64) {
        let body = bytes::piece(down(number), 0, length);
        let mut text = format!("HTTP/1.1 200 OK\r\nX-Number: {number}\r\nKeep-Alive: timeout=9\r\n");
        if self.closes {
            text += "Connection: close\r\n";
        }
        match (chunks, self.until_close) {
            (true, _) => text += "Transfer-Encoding: chunked\r\n",
            (_, true) => {}
            _ => text += &format!("Content-Length: {length}\r\n"),
        }
        self.out.extend(format!("{text}\r\n").bytes());
        match (head_only, chunks) {
            (true, _) => {}
            (_, true) => self.out.extend(http_text::chunked(&body, 1 + (number % 700 + length / 1000) as usize)),
            _ => self.out.extend(body),
        }
    }

    /// Writes what its pace allows. True: that was its last act.
    fn speak(&mut self, pace: &Pace, cue: &mut Cue) -> bool {
        while self.write_at <= cue.now {
            if self.dies_at.is_some_and(|at| at >= self.out.len()) {
                return self.die(cue);
            }
            if self.out.is_empty() {
                break;
            }
            let most = self.out.len() - self.dies_at.unwrap_or(0);
            let count = most.min(pace.chunk.min(1 << 20) as usize);
            let sent = cue.sim.far_write(self.far, &self.out[..count]);
            if sent == 0 {
                return false;
            }
            self.said = true;
            self.out.drain(..sent);
            self.write_at = later(cue, pace.pause);
            if self.out.is_empty() {
                self.close_request();
                if self.closes && self.asked.is_none() {
                    cue.sim.far_close(self.far);
                    return true;
                }
            }
        }
        false
    }

    /// Dies, alone or with its whole process. A response that ends by closing must not seem whole: then by a reset.
    pub fn die(&mut self, cue: &mut Cue) -> bool {
        self.note_half_a_head(cue);
        if let Some(number) = self.asked.as_ref().and_then(|asked| asked.number) {
            let request = &cue.ledger.requests[&number];
            let repeatable = request.method != "POST" && request.body == 0;
            if self.said || !repeatable {
                cue.ledger.excuse(number);
            }
        }
        match self.until_close || self.far.number() % 2 == 1 {
            true => cue.sim.far_reset(self.far),
            false => cue.sim.far_close(self.far),
        }
        true
    }

    /// A request whose first bytes were seen counts as seen, though its head is not complete.
    fn note_half_a_head(&mut self, cue: &mut Cue) {
        if self.asked.is_some() {
            return;
        }
        let text = String::from_utf8_lossy(&self.heard);
        let number = text.split(' ').nth(1).and_then(|target| target.strip_prefix("/r/")?.parse::<u64>().ok());
        let certain = text.split(' ').count() > 2;
        if let Some(number) = number.filter(|_| certain)
            && let Some(request) = cue.ledger.requests.get_mut(&number)
        {
            request.seen += 1;
        }
        self.heard.clear();
    }
}
