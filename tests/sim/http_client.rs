//! HTTP clients: honest ones, slow ones, pipelining ones, hostile ones, ones that leave in the middle. Each request bears
//! a number; the response must bear the same one and a body that is a function of it. What they ask is in `ask.rs`.

mod ask;

pub use ask::{Ask, Fault};

use super::bytes::{self, Outbox};
use super::http_text::{self, Body, Head};
use super::ledger::{self, Cue, Excuse, Ledger, Loss};
use super::plan::COOKIE;
use super::tcp::{Pace, Quit, later};
use super::ways::Way;
use super::world::DRAIN;
use evenkeel::base::Time;
use evenkeel::config::Mode;
use evenkeel::net::sim::Far;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct HttpAsk {
    pub asks: Vec<Ask>,
    /// HTTP/1.0, one connection for each request, unless it asks for more.
    pub old: bool,
    pub old_keeps: bool,
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
    /// There is no body, whatever the head says.
    bodyless: bool,
    got: u64,
    /// Why it is no answer to this request.
    refusal: Option<Loss>,
    closes: bool,
}

#[derive(Debug)]
pub struct HttpClient {
    pub far: Far,
    dialled: Time,
    plan: HttpAsk,
    /// Requests not yet written, with their numbers.
    coming: VecDeque<(u64, Ask)>,
    /// Written at least in part, not yet answered.
    waiting: VecDeque<(u64, Ask)>,
    out: Outbox,
    /// A body that waits for `100 Continue`, and until when.
    withheld: Option<(Vec<u8>, Time)>,
    moved: u64,
    heard: Vec<u8>,
    reading: Option<Reading>,
    write_at: Time,
    read_at: Time,
    think_until: Option<Time>,
    /// The balancer said that the connection ends.
    told_close: bool,
    /// The balancer may have ended it without saying so.
    doubtful: bool,
    finished: bool,
    /// A request was answered on this connection.
    kept: bool,
    /// Since then it may be idle, in the eyes of the balancer: something was answered on it that was asked then.
    idle: Option<Time>,
    /// The value of the balancer's cookie, and which backend that names.
    jar: Option<(String, SocketAddr)>,
}

impl HttpClient {
    pub fn new(plan: HttpAsk, cue: &mut Cue) -> HttpClient {
        let far = cue.dial(Mode::Http);
        let coming = plan.asks.iter().map(|ask| (ask.register(cue), ask.clone())).collect();
        HttpClient {
            far,
            dialled: cue.now,
            plan,
            coming,
            waiting: VecDeque::new(),
            out: Outbox::default(),
            withheld: None,
            moved: 0,
            heard: Vec::new(),
            reading: None,
            write_at: cue.now,
            read_at: cue.now,
            think_until: None,
            told_close: false,
            doubtful: false,
            finished: false,
            kept: false,
            idle: None,
            jar: None,
        }
    }

    /// One act; true after the last.
    pub fn act(&mut self, cue: &mut Cue) -> bool {
        self.prepare(cue);
        self.speak(cue);
        self.listen(cue);
        self.prepare(cue); // what was heard may have been what it waited for
        self.speak(cue);
        if let Some((_, how)) = self.plan.quit.filter(|&(at, _)| self.moved >= at) {
            return self.quit(how, cue);
        }
        let state = cue.sim.far(self.far);
        if state.connected && cue.ledger.leaving.is_some_and(|leaving| leaving < self.dialled) {
            cue.ledger.blame(format!("c{} was let in by who leaves", self.far.number()));
        }
        if state.refused {
            self.waiting.append(&mut self.coming);
            for (number, _) in std::mem::take(&mut self.waiting) {
                self.lose(number, Loss::Refused, cue);
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
            let address = cue.caller(self.far);
            if let Some(request) = cue.ledger.requests.get_mut(&number) {
                (request.from, request.asked, request.told) = (Some(address), cue.now, None);
                request.home = self.jar.as_ref().map(|&(_, home)| home);
            }
            cue.ledger.limited.asks(number, address);
            let jar = self.jar.as_ref().map(|(value, _)| value.as_str());
            let (head, body) = ask.written(number, jar, &self.plan, cue);
            self.out.say(head);
            match ask.expects.filter(|_| !body.is_empty()) {
                Some(patience) => self.withheld = Some((body, later(cue, patience))),
                None => self.out.say(body),
            }
            self.waiting.push_back((number, ask));
        }
        if self.withheld.as_ref().is_some_and(|&(_, until)| until <= cue.now) {
            self.go_on();
        }
    }

    /// The body may be sent.
    fn go_on(&mut self) {
        if let Some((body, _)) = self.withheld.take() {
            self.out.say(body);
        }
    }

    fn speak(&mut self, cue: &mut Cue) {
        while !self.out.is_empty() && self.write_at <= cue.now {
            let count = self.out.len().min(self.plan.pace.chunk.min(1 << 20) as usize);
            let sent = cue.sim.far_write(self.far, &self.out[..count]);
            if sent == 0 {
                return;
            }
            self.out.advance(sent);
            self.moved += sent as u64;
            self.write_at = later(cue, self.plan.pace.pause);
        }
        let last = self.coming.is_empty() && self.out.is_empty() && self.withheld.is_none();
        if self.plan.half_close && last && !self.finished {
            self.finished = true;
            cue.sim.far_finish(self.far);
        }
    }

    fn listen(&mut self, cue: &mut Cue) {
        while cue.sim.far(self.far).readable > 0 && self.read_at <= cue.now {
            let count = cue.sim.far_read(self.far, &mut self.heard, self.plan.pace.sip);
            self.moved += count as u64;
            cue.ledger.limited.is_inside(self.far.number(), cue.now);
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
                self.reading = self.begin(&head, cue)?;
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
    fn begin(&mut self, head: &Head, cue: &mut Cue) -> Result<Option<Reading>, String> {
        let (ledger, now) = (&mut *cue.ledger, cue.now);
        let [version, status, _] = &head.first;
        if version != "HTTP/1.1" {
            return Err(format!("a response in {version}"));
        }
        let Some((number, ask)) = self.waiting.front().cloned() else {
            return Err(format!("a response to nobody: {head:?}"));
        };
        if status.starts_with('1') {
            if status == "100" {
                self.go_on();
            }
            if let Some(request) = ledger.requests.get_mut(&number) {
                request.begun = true;
            }
            return if self.plan.old { Err("an interim response to HTTP/1.0".into()) } else { Ok(None) };
        }
        if head.count("keep-alive") > 0 {
            return Err(format!("a field of another hop: {head:?}"));
        }
        let refusal = match head.field("x-number") {
            None if status.starts_with(['4', '5']) => Some(Loss::Status(status.parse().unwrap_or(0))),
            None => return Err(format!("a response of nobody: {head:?}")),
            Some("surplus") => Some(Loss::Surplus),
            Some(whose) if whose != number.to_string() => return Err(format!("asked {number}, was answered {head:?}")),
            Some(_) => None,
        };
        if let Some(request) = ledger.requests.get_mut(&number) {
            (request.told, request.too_many) = (Some(now), refusal == Some(Loss::Status(429)));
        }
        if refusal.is_none() {
            self.look_at_the_answer(number, head, ledger)?;
        }
        if self.plan.old && head.count("transfer-encoding") > 0 {
            return Err("chunks for HTTP/1.0".into());
        }
        let bodyless = ask.method == "HEAD" || status == "204" || status == "304";
        let body = if bodyless { Body::Done } else { head.body(Body::UntilClose)? };
        let until_close = body == Body::UntilClose;
        let old = self.plan.old && !head.lists("connection", "keep-alive");
        let closes = head.lists("connection", "close") || until_close || old;
        if matches!(ask.fault, Fault::Hostile(_)) && !closes {
            return Err(format!("kept alive after what was no request: {head:?}"));
        }
        if !closes && ledger.leaving.is_some_and(|leaving| ledger.requests[&number].asked >= leaving) {
            return Err(format!("{number} was asked of who leaves, and is kept alive: {head:?}"));
        }
        Ok(Some(Reading { number, body, until_close, bodyless, got: 0, refusal, closes }))
    }

    /// Whether it is what was to be had: elsewhere if that was asked for, and with a cookie when there is news.
    fn look_at_the_answer(&mut self, number: u64, head: &Head, ledger: &Ledger) -> Result<(), String> {
        let (request, status) = (&ledger.requests[&number], head.first[1].parse().unwrap_or(0));
        let (retried, begun) =
            (ledger.retry_on.contains(&status) && request.repeatable, request.begun || request.hinted);
        if ledger.steady.is_some_and(|all| {
            let all = if request.sought.way == Way::Other { 1 } else { all };
            retried && !begun && (request.seen as usize) < all
        }) {
            return Err(format!("{number} was not asked elsewhere: {head:?}"));
        }
        let ours = |(name, value): &(String, String)| {
            let value = value.strip_prefix(COOKIE).filter(|_| name == "set-cookie")?.strip_prefix('=')?;
            value.split(';').next().map(str::to_owned)
        };
        let told = head.fields.iter().find_map(ours);
        let news = ledger.sticky.as_ref().is_some_and(|it| it.ttl.is_some() || request.home != request.last_seen_by);
        if ledger.steady.is_some() && told.is_some() != news {
            return Err(format!("{number}, at home with {:?}, hears of a cookie {told:?}: {head:?}", request.home));
        }
        self.jar = told.zip(request.last_seen_by).or(self.jar.take());
        Ok(())
    }

    fn conclude(&mut self, reading: &Reading, cue: &mut Cue) -> Result<(), String> {
        let number = reading.number;
        self.waiting.pop_front();
        self.idle = Some(cue.ledger.requests[&number].asked);
        // Answered before all of it was sent: the connection will end, though nobody could say so in time.
        self.doubtful = cue.ledger.early.contains(&number);
        self.told_close |= reading.closes || !self.out.is_empty() || self.withheld.take().is_some();
        if let Some(loss) = reading.refusal {
            cue.ledger.lost(number, loss, self.far.number(), cue.now);
            return Ok(());
        }
        let request = &cue.ledger.requests[&number];
        if request.forbidden || request.sought.way == Way::Nowhere {
            return Err(format!("{number} was answered, though no backend may have seen it"));
        }
        let reply = if reading.bodyless { 0 } else { request.reply };
        if reading.got != reply {
            return Err(format!("{number} has a body of {} bytes instead of {reply}", reading.got));
        }
        cue.ledger.answered += 1;
        self.kept = true;
        Ok(())
    }

    fn quit(&mut self, how: Quit, cue: &mut Cue) -> bool {
        for (number, _) in &self.waiting {
            cue.ledger.excuse(*number, ledger::ANYTHING);
        }
        match how {
            Quit::Reset => cue.sim.far_reset(self.far),
            Quit::Close => cue.sim.far_close(self.far),
            Quit::Silent => {}
        }
        true
    }

    /// Who leaves owes an answer to those it has answered before on the same connection, as long as it has time.
    fn lose(&self, number: u64, loss: Loss, cue: &mut Cue) {
        let over = |leaving: Time| cue.now.since(leaving) + Duration::from_millis(100) >= DRAIN;
        if cue.ledger.leaving.is_some_and(|leaving| !self.kept || over(leaving)) {
            cue.ledger.excuse(number, ledger::ANYTHING);
        }
        cue.ledger.idle = self.idle;
        cue.ledger.lost(number, loss, self.far.number(), cue.now);
    }

    /// The connection is over. What was asked and not answered is lost, or asked again on another.
    fn gone(&mut self, clean: bool, cue: &mut Cue) -> bool {
        if let Some(mut reading) = self.reading.take() {
            let whole = cue.ledger.requests.get(&reading.number).is_some_and(|request| request.reply == reading.got);
            // On a Unix socket an end may be all there is of a reset.
            if reading.until_close && clean && (whole || !cue.ledger.paths.any()) {
                reading.body = Body::Done;
                if let Err(what) = self.conclude(&reading, cue) {
                    cue.ledger.blame(format!("{what}, and a clean end"));
                }
            } else {
                self.waiting.pop_front();
                self.lose(reading.number, Loss::Cut, cue);
            }
        } else if !self.told_close
            && let Some((number, _)) = self.waiting.pop_front()
        {
            if self.doubtful {
                cue.ledger.excuse(number, Excuse { statuses: &[], cut: true });
            }
            self.lose(number, Loss::Silence, cue);
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
        (self.far, self.dialled) = (cue.dial(Mode::Http), cue.now);
        self.coming = std::mem::take(&mut self.waiting);
        (self.out, self.withheld) = (Outbox::default(), None);
        self.heard.clear();
        (self.told_close, self.doubtful, self.finished) = (false, false, false);
        (self.kept, self.idle, self.think_until) = (false, None, None);
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

/// The stream of a request's body.
pub fn up(number: u64) -> u64 {
    number * 2
}

/// The stream of a response's body.
pub fn down(number: u64) -> u64 {
    number * 2 + 1
}
