//! HTTP clients: honest ones, slow ones, pipelining ones, ones that leave in the middle. Each request bears a number;
//! the response must bear the same one and a body that is a function of it.

use super::bytes;
use super::http_text::{self, Body, Head};
use super::ledger::{Cue, Request};
use super::plan::listener;
use super::tcp::{Pace, Quit, later};
use super::world::DRAIN;
use evenkeel::base::Time;
use evenkeel::config::Mode;
use evenkeel::net::sim::Far;
use std::collections::VecDeque;
use std::time::Duration;

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
}

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct HttpAsk {
    pub asks: Vec<Ask>,
    /// HTTP/1.0, one connection for each request.
    pub old: bool,
    /// All requests at once.
    pub pipelined: bool,
    pub pace: Pace,
    /// A FIN after the last request.
    pub half_close: bool,
    /// It waits for the balancer to close when all is answered.
    pub stays: bool,
    pub quit: Option<(u64, Quit)>,
}

/// The part of a response that has come.
#[derive(Debug)]
struct Reading {
    number: u64,
    body: Body,
    until_close: bool,
    got: u64,
    /// An answer of the balancer's own.
    refusal: Option<String>,
    closes: bool,
}

#[derive(Debug)]
pub struct HttpClient {
    pub far: Far,
    plan: HttpAsk,
    /// Requests not yet written, with their numbers.
    coming: VecDeque<(u64, Ask)>,
    /// Written at least in part, not yet answered.
    waiting: VecDeque<(u64, Ask)>,
    out: Vec<u8>,
    moved: u64,
    heard: Vec<u8>,
    reading: Option<Reading>,
    write_at: Time,
    read_at: Time,
    think_until: Option<Time>,
    /// The balancer said that the connection ends.
    told_close: bool,
    finished: bool,
    /// A request was answered on this connection.
    kept: bool,
}

impl HttpClient {
    pub fn new(plan: HttpAsk, cue: &mut Cue) -> HttpClient {
        let far = cue.sim.dial(listener(Mode::Http));
        let coming = plan.asks.iter().map(|ask| (register(ask, cue), ask.clone())).collect();
        HttpClient {
            far,
            plan,
            coming,
            waiting: VecDeque::new(),
            out: Vec::new(),
            moved: 0,
            heard: Vec::new(),
            reading: None,
            write_at: cue.now,
            read_at: cue.now,
            think_until: None,
            told_close: false,
            finished: false,
            kept: false,
        }
    }

    /// One act; true after the last.
    pub fn act(&mut self, cue: &mut Cue) -> bool {
        self.prepare(cue);
        self.speak(cue);
        self.listen(cue);
        if let Some((_, how)) = self.plan.quit.filter(|&(at, _)| self.moved >= at) {
            return self.quit(how, cue);
        }
        let state = cue.sim.far(self.far);
        if state.refused {
            self.waiting.append(&mut self.coming);
            for (number, _) in std::mem::take(&mut self.waiting) {
                self.lose(number, "the connection was refused", cue);
            }
            return true;
        }
        if state.readable == 0 && (state.ended || state.reset) {
            return self.gone(state.ended && !state.reset, cue);
        }
        let done = self.coming.is_empty() && self.waiting.is_empty();
        let leaves = done && !self.plan.stays && !self.plan.half_close && !self.told_close;
        if leaves {
            cue.sim.far_close(self.far);
        }
        leaves
    }

    /// Writes the next request into what goes out, when its time has come.
    fn prepare(&mut self, cue: &mut Cue) {
        while !self.told_close && (self.waiting.is_empty() || self.plan.pipelined) {
            let Some((_, ask)) = self.coming.front() else { break };
            let think = if self.plan.pipelined { Duration::ZERO } else { ask.think };
            let until = *self.think_until.get_or_insert_with(|| later(cue, think));
            if until > cue.now {
                return;
            }
            self.think_until = None;
            let Some((number, ask)) = self.coming.pop_front() else { break };
            cue.sim.remark(|| format!("client asks {number}: {ask:?}"));
            let address = cue.sim.address(self.far).ip();
            if let Some(request) = cue.ledger.requests.get_mut(&number) {
                request.from = Some(address);
            }
            self.out.extend(self.written(number, &ask));
            self.waiting.push_back((number, ask));
        }
    }

    fn written(&self, number: u64, ask: &Ask) -> Vec<u8> {
        let version = if self.plan.old { "1.0" } else { "1.1" };
        let mut text = format!("{} /r/{number} HTTP/{version}\r\nHost: world\r\n", ask.method);
        if number.is_multiple_of(3) {
            text += "Connection: x-hop\r\nX-Hop: not for you\r\n";
        }
        let body = ask.body.map(|length| bytes::piece(up(number), 0, length)).unwrap_or_default();
        let mut out = Vec::new();
        match (ask.body, ask.chunked) {
            (None, _) => out.extend(format!("{text}\r\n").bytes()),
            (Some(_), Some(size)) if !self.plan.old => {
                out.extend(format!("{text}Transfer-Encoding: chunked\r\n\r\n").bytes());
                out.extend(http_text::chunked(&body, size));
            }
            (Some(length), _) => {
                out.extend(format!("{text}Content-Length: {length}\r\n\r\n").bytes());
                out.extend(body);
            }
        }
        out
    }

    fn speak(&mut self, cue: &mut Cue) {
        while !self.out.is_empty() && self.write_at <= cue.now {
            let count = self.out.len().min(self.plan.pace.chunk.min(1 << 20) as usize);
            let sent = cue.sim.far_write(self.far, &self.out[..count]);
            if sent == 0 {
                return;
            }
            self.out.drain(..sent);
            self.moved += sent as u64;
            self.write_at = later(cue, self.plan.pace.pause);
        }
        let last = self.coming.is_empty() && self.out.is_empty();
        if self.plan.half_close && last && !self.finished {
            self.finished = true;
            cue.sim.far_finish(self.far);
        }
    }

    fn listen(&mut self, cue: &mut Cue) {
        while cue.sim.far(self.far).readable > 0 && self.read_at <= cue.now {
            let count = cue.sim.far_read(self.far, &mut self.heard, self.plan.pace.sip);
            self.moved += count as u64;
            self.read_at = later(cue, self.plan.pace.rest);
            if let Err(what) = self.understand(cue) {
                cue.ledger.blame(format!("{what}, on c{}", self.far.number()));
                return;
            }
        }
    }

    fn understand(&mut self, cue: &mut Cue) -> Result<(), String> {
        loop {
            let Some(mut reading) = self.reading.take() else {
                let Some((head, size)) = http_text::head(&self.heard)? else { return Ok(()) };
                self.heard.drain(..size);
                self.reading = self.begin(&head)?;
                continue;
            };
            let mut payload = Vec::new();
            let taken = reading.body.feed(&self.heard, &mut payload)?;
            self.heard.drain(..taken);
            reading.take(&payload)?;
            if reading.body != Body::Done {
                self.reading = Some(reading);
                return Ok(());
            }
            self.conclude(&reading, cue)?;
        }
    }

    /// A response head: whose is it? `None`: an interim one.
    fn begin(&mut self, head: &Head) -> Result<Option<Reading>, String> {
        let [version, status, _] = &head.first;
        if version != "HTTP/1.1" {
            return Err(format!("a response in {version}"));
        }
        let Some((number, ask)) = self.waiting.front() else {
            return Err(format!("a response to nobody: {head:?}"));
        };
        if status.starts_with('1') {
            return if self.plan.old { Err("an interim response to HTTP/1.0".into()) } else { Ok(None) };
        }
        if head.count("keep-alive") > 0 {
            return Err(format!("a field of another hop: {head:?}"));
        }
        let refusal = head.field("x-number").is_none().then(|| status.clone());
        if refusal.is_some() && !status.starts_with(['4', '5']) {
            return Err(format!("a response of nobody: {head:?}"));
        }
        if refusal.is_none() && head.field("x-number") != Some(&number.to_string()) {
            return Err(format!("asked {number}, was answered {head:?}"));
        }
        if self.plan.old && head.count("transfer-encoding") > 0 {
            return Err("chunks for HTTP/1.0".into());
        }
        let bodyless = ask.method == "HEAD" || status == "204" || status == "304";
        let body = if bodyless { Body::Done } else { head.body(Body::UntilClose)? };
        let until_close = body == Body::UntilClose;
        let closes = head.lists("connection", "close") || until_close || self.plan.old;
        Ok(Some(Reading { number: *number, body, until_close, got: 0, refusal, closes }))
    }

    fn conclude(&mut self, reading: &Reading, cue: &mut Cue) -> Result<(), String> {
        let number = reading.number;
        self.waiting.pop_front();
        // Answered before all of it was sent: the connection will end, though nobody could say so in time.
        self.told_close |= reading.closes || !self.out.is_empty();
        if let Some(status) = &reading.refusal {
            let far = self.far.number();
            cue.ledger.lost(number, &format!("answered {status} on c{far}"));
            return Ok(());
        }
        let reply = cue.ledger.requests[&number].reply;
        let head_only = reading.got == 0 && matches!(cue.ledger.requests[&number].method, "HEAD");
        if reading.got != reply && !head_only {
            return Err(format!("{number} has a body of {} bytes instead of {reply}", reading.got));
        }
        cue.ledger.answered += 1;
        self.kept = true;
        Ok(())
    }

    fn quit(&mut self, how: Quit, cue: &mut Cue) -> bool {
        for (number, _) in &self.waiting {
            cue.ledger.excuse(*number);
        }
        match how {
            Quit::Reset => cue.sim.far_reset(self.far),
            Quit::Close => cue.sim.far_close(self.far),
            Quit::Silent => {}
        }
        true
    }

    /// Who leaves owes an answer to those it has answered before on the same connection, as long as it has time.
    fn lose(&self, number: u64, why: &str, cue: &mut Cue) {
        let over = |leaving: Time| cue.now.since(leaving) + Duration::from_millis(100) >= DRAIN;
        if cue.ledger.leaving.is_some_and(|leaving| !self.kept || over(leaving)) {
            cue.ledger.excuse(number);
        }
        cue.ledger.lost(number, why);
    }

    /// The connection is over. What was asked and not answered is lost, or asked again on another.
    fn gone(&mut self, clean: bool, cue: &mut Cue) -> bool {
        if let Some(mut reading) = self.reading.take() {
            if reading.until_close && clean {
                reading.body = Body::Done;
                if let Err(what) = self.conclude(&reading, cue) {
                    cue.ledger.blame(format!("{what}, and a clean end"));
                }
            } else {
                self.waiting.pop_front();
                let far = self.far.number();
                self.lose(reading.number, &format!("its response was cut on c{far}"), cue);
            }
        } else if !self.told_close
            && let Some((number, _)) = self.waiting.pop_front()
        {
            self.lose(number, if clean { "closed without an answer" } else { "reset without an answer" }, cue);
        }
        cue.sim.far_close(self.far);
        self.waiting.append(&mut self.coming);
        if self.waiting.is_empty() {
            return true;
        }
        self.dial_again(cue);
        false
    }

    fn dial_again(&mut self, cue: &mut Cue) {
        self.far = cue.sim.dial(listener(Mode::Http));
        self.coming = std::mem::take(&mut self.waiting);
        self.out.clear();
        self.heard.clear();
        (self.told_close, self.finished, self.kept, self.think_until) = (false, false, false, None);
        (self.write_at, self.read_at) = (cue.now, cue.now);
    }
}

impl Reading {
    fn take(&mut self, payload: &[u8]) -> Result<(), String> {
        let from = self.got;
        self.got += payload.len() as u64;
        match bytes::check(down(self.number), from, payload) {
            Err(at) if self.refusal.is_none() => Err(format!("the response to {} is wrong at {at}", self.number)),
            _ => Ok(()),
        }
    }
}

fn register(ask: &Ask, cue: &mut Cue) -> u64 {
    let number = cue.ledger.number();
    let request = Request {
        method: ask.method,
        body: ask.body.unwrap_or(0),
        reply: ask.reply,
        seen: 0,
        seen_by: None,
        from: None,
    };
    cue.ledger.requests.insert(number, request);
    number
}

/// The stream of a request's body.
pub fn up(number: u64) -> u64 {
    number * 2
}

/// The stream of a response's body.
pub fn down(number: u64) -> u64 {
    number * 2 + 1
}
