//! HTTP backends: what one connection to one of them says and hears. They believe nothing: every request must be well
//! formed, known, from where it claims to be, and, when it may not be sent twice, new. What they answer is in `answer.rs`.

mod answer;
mod surplus;

pub use answer::HttpHabits;

use super::bytes::{self, Outbox};
use super::http_client::up;
use super::http_text::{self, Body, Head};
use super::ledger::{self, Cue};
use super::tcp::{Pace, later};
use super::vitals::{Dealt, Vitals};
use super::ways::Way;
use evenkeel::base::{Rng, Time};
use evenkeel::net::sim::Far;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What backends are to see of the cookies that clients send.
const SENT_ON: &str = "a=\"1 2\";  EVENKEELX=3";

/// What a backend does to itself, and hears from others.
pub struct Mood<'a> {
    pub habits: &'a HttpHabits,
    pub pace: &'a Pace,
    /// Probes are told that it is unwell.
    pub sick: bool,
    /// It does nothing at all.
    pub hung: bool,
    /// Probes that it answered well, and badly.
    pub vitals: &'a mut Vitals,
}

/// What one connection comes to after an act.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    Goes,
    Over,
    /// It has become a tunnel.
    Switched,
}

#[derive(Debug)]
struct Asked {
    number: Option<u64>,
    method: String,
    body: Body,
    got: u64,
    upgrade: bool,
    /// Its answer is planned or given; it may not have come whole.
    answered: bool,
}

/// One connection to a backend.
#[derive(Debug)]
pub struct HttpServed {
    pub far: Far,
    /// The backend's address.
    at: SocketAddr,
    /// Whose connection it was told to be.
    herald: Option<IpAddr>,
    heard: Vec<u8>,
    asked: Option<Asked>,
    /// The request before that.
    last: Option<u64>,
    /// The request has come whole, or is answered before.
    answering: bool,
    out: Outbox,
    said: bool, // a byte of the present response was written
    answer_at: Option<Time>,
    /// Dies when so many bytes are left to write.
    dies_at: Option<usize>,
    until_close: bool,
    closes: bool,
    hung: bool,
    idle_until: Option<Time>,
    /// When it closes, as it has announced.
    closes_at: Option<Time>,
    /// So many bytes at the end of what it has to say are nobody's.
    surplus: usize,
    /// Instead of closing an idle connection, it says something.
    late_surplus: bool,
    /// Since then a request here is a fault of whoever sends it.
    out_of_turn: Option<Time>,
    /// It closes with the last byte of its answer, whatever is still coming.
    slams: bool,
    /// The request with which it becomes a tunnel.
    pub switched: Option<u64>,
    /// The verdict that its answer to a probe means.
    verdict: Option<bool>,
    write_at: Time,
}

impl HttpServed {
    pub fn new(far: Far, at: SocketAddr, herald: Option<IpAddr>, now: Time) -> HttpServed {
        HttpServed {
            far,
            at,
            herald,
            heard: Vec::new(),
            asked: None,
            last: None,
            answering: false,
            out: Outbox::default(),
            said: false,
            answer_at: None,
            dies_at: None,
            until_close: false,
            closes: false,
            hung: false,
            idle_until: None,
            closes_at: None,
            surplus: 0,
            late_surplus: false,
            out_of_turn: None,
            slams: false,
            switched: None,
            verdict: None,
            write_at: now,
        }
    }

    /// What was heard behind the request that switched protocols.
    pub fn leftover(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard)
    }

    pub fn act(&mut self, mood: &mut Mood, rng: &mut Rng, cue: &mut Cue) -> Then {
        if mood.hung {
            return self.only_look(cue);
        }
        let Mood { habits, pace, .. } = *mood;
        cue.sim.far_read(self.far, &mut self.heard, usize::MAX);
        if let Err(what) = self.understand(habits, rng, cue) {
            cue.ledger.blame(format!("{what}, at the backend on c{}", self.far.number()));
        }
        if self.answer_at.is_some_and(|at| at <= cue.now) {
            self.answer_at = None;
            self.answer(mood, rng, cue);
        }
        if self.speak(pace, mood.vitals, cue) {
            return Then::Over;
        }
        if self.switched.is_some() && self.out.is_empty() {
            return Then::Switched;
        }
        let state = cue.sim.far(self.far);
        if state.reset || state.ended && (self.hung || !self.busy()) {
            self.note_half_a_head(cue);
            cue.sim.far_close(self.far);
            return Then::Over;
        }
        match self.close_when_idle(cue) {
            true => Then::Over,
            false => Then::Goes,
        }
    }

    /// Hung, it reads no more than it needs to see whom that costs what.
    fn only_look(&mut self, cue: &mut Cue) -> Then {
        if self.asked.is_none() && self.heard.len() < 200 {
            cue.sim.far_read(self.far, &mut self.heard, 200);
        }
        let asked = self.asked.as_ref().and_then(|asked| asked.number);
        if let Some(number) = asked.or_else(|| self.half_a_number()) {
            cue.ledger.excuse(number, ledger::HUNG);
        }
        let state = cue.sim.far(self.far);
        if state.ended || state.reset {
            self.note_half_a_head(cue);
            cue.sim.far_close(self.far);
            return Then::Over;
        }
        Then::Goes
    }

    fn busy(&self) -> bool {
        self.answering || !self.out.is_empty()
    }

    fn close_when_idle(&mut self, cue: &mut Cue) -> bool {
        let idle = self.asked.is_none() && self.heard.is_empty() && !self.busy();
        if idle && self.late_surplus && self.idle_until.is_some_and(|until| until <= cue.now) {
            return self.say_surplus(cue);
        }
        let closing = self.closes && self.closes_at.is_none_or(|at| at <= cue.now);
        let over = idle && (closing || self.idle_until.is_some_and(|until| until <= cue.now));
        if over {
            cue.sim.far_close(self.far);
        }
        over
    }

    /// Reads heads and bodies as far as they have come.
    fn understand(&mut self, habits: &HttpHabits, rng: &mut Rng, cue: &mut Cue) -> Result<(), String> {
        self.hear_out_of_turn(cue)?;
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
            let slams = !whole && rng.chance(habits.slams.into(), 1000);
            if slams && let Some(number) = self.asked.as_ref().and_then(|asked| asked.number) {
                self.slams = true;
                cue.ledger.sure.insert(number);
            }
            let early = slams || rng.chance(habits.early.into(), 1000);
            if let Some(number) = self.asked.as_ref().and_then(|asked| asked.number).filter(|_| early && !whole) {
                cue.ledger.early.insert(number);
            }
            if whole || early {
                self.plan_answer(habits, rng, cue);
            } else if head.lists("expect", "100-continue") && rng.chance(habits.continues.into(), 1000) {
                self.out.say(b"HTTP/1.1 100 Continue\r\n\r\n");
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
        let limit = cue.ledger.body_limit;
        if limit > 0 && *got > limit {
            return Err(format!("{number} has a whole body of {got} bytes"));
        }
        match *got == length {
            true => Ok(()),
            false => Err(format!("{number} ends after {got} of {length} bytes")),
        }
    }

    /// The request is over when it was read and answered, whichever comes last.
    fn close_request(&mut self) {
        let read = self.asked.as_ref().is_some_and(|asked| asked.body == Body::Done);
        if read && !self.answering && self.out.is_empty() {
            self.last = self.asked.take().and_then(|asked| asked.number);
            self.said = false;
        }
    }

    fn admit(&mut self, head: &Head, cue: &mut Cue) -> Result<Asked, String> {
        let [method, target, version] = &head.first;
        let number = number_of(target);
        let body = head.body(Body::Done)?;
        let body = if body == Body::Length(0) { Body::Done } else { body };
        let upgrade = head.lists("connection", "upgrade") && head.field("upgrade") == Some("echo");
        let asked = Asked { number, method: method.clone(), body, got: 0, upgrade, answered: false };
        if number.is_none() && target == "/" && head.field("user-agent") == Some("evenkeel-probe") {
            return Ok(asked);
        }
        let Some(number) = number else {
            return Err(format!("a request that nobody made: {head:?}"));
        };
        let apart = &cue.ledger.apart;
        let is_apart = apart.contains(&self.at);
        let Some(request) = cue.ledger.requests.get_mut(&number) else {
            return Err(format!("a request that nobody made: {head:?}"));
        };
        request.seen += 1;
        request.seen_by.get_or_insert(self.at);
        request.last_seen_by = Some(self.at);
        let (sought, home) = (request.sought, request.home.filter(|home| apart.contains(home) == is_apart));
        if sought.way != if is_apart { Way::Other } else { Way::Main }
            || target != &format!("{}/r/{number}", sought.prefix)
        {
            return Err(format!("{number} was to go to the pool {:?} and came to {}: {head:?}", sought.way, self.at));
        }
        if request.seen == 1 && cue.ledger.steady.is_some() && home.is_some_and(|home| home != self.at) {
            return Err(format!("{number} is at home with {:?}", request.home));
        }
        cue.ledger.look_at_the_rate(number, cue.now)?;
        let request = &cue.ledger.requests[&number];
        if head.field("cookie").is_some_and(|cookies| cookies != SENT_ON) {
            return Err(format!("{number} has other cookies than its client sent: {head:?}"));
        }
        let unknown = cue.ledger.paths.doors && !cue.ledger.heralds.before;
        let from = request.from.map(|from| if unknown { "unknown".into() } else { from.to_string() });
        let repeated = request.seen > 1 && request.method == "POST";
        let odd = ["x-hop", "keep-alive", "proxy-connection"].iter().find(|name| head.count(name) > 0);
        if repeated {
            return Err(format!("{number} may not be sent twice"));
        }
        if request.seen > 1 && request.begun {
            return Err(format!("{number} is sent again though its response had begun"));
        }
        if request.forbidden {
            return Err(format!("{number} should have been refused: {head:?}"));
        }
        let host = match (sought.host, cue.ledger.paths.place(self.at).is_unix()) {
            (Some(host), _) => host.into(),
            (None, true) => "localhost".into(),
            (None, false) => self.at.to_string(),
        };
        if head.field("host") != Some(&host) {
            return Err(format!("{number} for another host than {host}: {head:?}"));
        }
        if version != "HTTP/1.1" || request.method != method || head.count("host") != 1 || odd.is_some() {
            return Err(format!("not what a backend is to see of {number}: {head:?}"));
        }
        let herald = self.herald.map(|herald| herald.to_string());
        if cue.ledger.told().is_some() && herald != from.clone().filter(|_| !unknown) {
            return Err(format!("{number} came from {from:?}, and the header told of {:?}", self.herald));
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
        let probe = self.asked.as_ref().is_some_and(|asked| asked.number.is_none());
        let think = match rng.chance(habits.thinks.into(), 1000) {
            true if probe => Duration::ZERO,
            true => Duration::from_micros(rng.below(4_000_000)),
            false => Duration::ZERO,
        };
        self.answer_at = Some(later(cue, think));
    }

    /// Writes what its pace allows. True: that was its last act.
    fn speak(&mut self, pace: &Pace, vitals: &mut Vitals, cue: &mut Cue) -> bool {
        while self.write_at <= cue.now {
            if self.dies_at.is_some_and(|at| at >= self.out.len()) {
                return self.die(cue);
            }
            if self.out.is_empty() {
                break;
            }
            let most = self.out.len() - self.dies_at.unwrap_or(0);
            let count = most.min(pace.chunk.min(1 << 20) as usize);
            self.drop_late_surplus(count, cue);
            let count = count.min(self.out.len());
            let sent = cue.sim.far_write(self.far, &self.out[..count]);
            if sent == 0 {
                return false;
            }
            self.said = true;
            if let Some(well) = self.verdict.take() {
                vitals.dealt(if well { Dealt::Pass } else { Dealt::Failure }, cue.now);
            }
            self.out.advance(sent);
            self.write_at = later(cue, pace.pause);
            if self.out.is_empty() {
                self.close_request();
                if self.slams || self.closes && self.asked.is_none() && self.closes_at.is_none() {
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
            match (self.said, request.repeatable) {
                (true, _) => cue.ledger.excuse(number, ledger::TORN),
                (false, false) => cue.ledger.excuse(number, ledger::DIED),
                (false, true) => {}
            }
        } else if let Some(number) = self.last {
            cue.ledger.excuse(number, ledger::TORN); // its response is written, but may be lost on its way
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
        if let Some(number) = self.half_a_number()
            && let Some(request) = cue.ledger.requests.get_mut(&number)
        {
            request.seen += 1;
        }
        self.heard.clear();
    }

    /// The number of a request of which a part was heard.
    fn half_a_number(&self) -> Option<u64> {
        let text = String::from_utf8_lossy(&self.heard);
        let mut words = text.split(' ');
        let number = words.nth(1).and_then(number_of)?;
        words.next().map(|_| number)
    }
}

/// The number in a target, wherever in the world it is.
fn number_of(target: &str) -> Option<u64> {
    target.rsplit_once("/r/")?.1.parse().ok()
}
