//! Talkers: both ends of a TCP-mode connection. Each sends a stream of its own and checks the stream it hears.

use super::bytes::{self, NAME};
use super::ledger::{self, Cue, Ledger, Loss};
use super::ways::{Unsaid, Way};
use evenkeel::base::Time;
use evenkeel::config::Mode;
use evenkeel::net::sim::Far;
use std::net::SocketAddr;
use std::time::Duration;

/// How fast somebody speaks and listens.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Most bytes written at once, and the pause after it.
    pub chunk: u64,
    pub pause: Duration,
    /// Most bytes read at once, and the rest after it.
    pub sip: usize,
    pub rest: Duration,
}

/// How somebody goes before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quit {
    Reset,
    Close,
    /// Neither says nor hears anything any more.
    Silent,
}

/// Where a talk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    Going,
    /// The other end said everything, and it was all there.
    Ended,
    Reset,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Talker {
    pub far: Far,
    /// The stream it sends.
    pub own: u64,
    pub length: u64,
    pub sent: u64,
    pub got: u64,
    /// The stream it hears, once it has heard its name.
    pub other: Option<u64>,
    name: Vec<u8>,
    /// What it says before its stream; what it has heard before the other's, and in which pool it is.
    unsaid: Unsaid,
    ear: Option<(Vec<u8>, Way)>,
    /// Whose stream it must be, by what stood before it.
    announced: Option<u64>,
    pace: Pace,
    write_at: Time,
    read_at: Time,
}

impl Talker {
    pub fn new(far: Far, length: u64, pace: Pace, cue: &mut Cue) -> Talker {
        let (own, length) = (cue.ledger.number(), length.max(NAME));
        let stream = cue.ledger.streams.entry(own).or_default();
        (stream.length, stream.since) = (length, cue.now);
        Talker {
            far,
            own,
            length,
            sent: 0,
            got: 0,
            other: None,
            name: Vec::new(),
            unsaid: Unsaid::default(),
            ear: None,
            announced: None,
            pace,
            write_at: cue.now,
            read_at: cue.now,
        }
    }

    /// Writes and reads what its pace allows.
    pub fn talk(&mut self, cue: &mut Cue) -> Talk {
        self.speak(cue);
        self.listen(cue);
        let state = cue.sim.far(self.far);
        if state.reset || state.refused {
            return Talk::Reset;
        }
        if !state.ended {
            return Talk::Going;
        }
        let honest = self.other.is_none_or(|other| cue.ledger.streams[&other].finished_at == Some(self.got));
        if cue.ledger.paths.any() && !honest {
            return Talk::Reset; // all there is of one, on a Unix socket
        }
        self.check_end(cue.ledger);
        Talk::Ended
    }

    /// As a backend, it hears what its client said to be led to it, and then the stream.
    pub fn awaits_opening(&mut self, at: SocketAddr, ledger: &Ledger) {
        self.ear = ledger.ways[Mode::Tcp as usize].as_ref().map(|_| (Vec::new(), ledger.side(at)));
    }

    fn hear_opening(&mut self, (heard, side): (Vec<u8>, Way), ledger: &mut Ledger) {
        match ledger.opened(&heard) {
            Err(what) => ledger.blame(what),
            Ok(None) => self.ear = Some((heard, side)),
            Ok(Some((client, size))) => {
                let way = ledger.openings[&client].way;
                if way != side {
                    ledger.blame(format!("{client} was to go to the pool {way:?} and came to {side:?}"));
                }
                self.announced = Some(client);
                self.hear(&heard[size..], ledger);
            }
        }
    }

    /// Says what stands before its stream. Whether that is all said, and the stream may follow.
    fn open(&mut self, cue: &mut Cue) -> bool {
        while !self.unsaid.out.is_empty() && self.write_at <= cue.now {
            let count = self.unsaid.out.len().min(self.unsaid.chunk);
            let sent = cue.sim.far_write(self.far, &self.unsaid.out[..count]);
            if sent == 0 {
                return false;
            }
            self.unsaid.out.advance(sent);
            if !self.unsaid.out.is_empty() {
                self.write_at = later(cue, Duration::from_millis(1));
            }
        }
        self.unsaid.out.is_empty() && !self.unsaid.silent
    }

    fn speak(&mut self, cue: &mut Cue) {
        if !self.open(cue) {
            return;
        }
        while self.sent < self.length && self.write_at <= cue.now {
            let room = cue.sim.far(self.far).room as u64;
            let count = self.pace.chunk.min(self.length - self.sent).min(room);
            if count == 0 {
                return;
            }
            let piece = bytes::piece(self.own, self.sent, count);
            self.sent += cue.sim.far_write(self.far, &piece) as u64;
            self.write_at = later(cue, self.pace.pause);
        }
    }

    /// Reads what its pace allows.
    pub fn listen(&mut self, cue: &mut Cue) {
        while cue.sim.far(self.far).readable > 0 && self.read_at <= cue.now {
            let mut heard = Vec::new();
            cue.sim.far_read(self.far, &mut heard, self.pace.sip);
            self.hear(&heard, cue.ledger);
            self.read_at = later(cue, self.pace.rest);
        }
    }

    /// Hears what comes; before its name is known this may be what was read before.
    pub fn hear(&mut self, heard: &[u8], ledger: &mut Ledger) {
        if let Some((mut ear, side)) = self.ear.take() {
            ear.extend(heard);
            return self.hear_opening((ear, side), ledger);
        }
        let from = self.got;
        self.got += heard.len() as u64;
        let Some(other) = self.other else {
            return self.hear_name(heard, ledger);
        };
        if let Err(position) = bytes::check(other, from, heard) {
            ledger.blame(format!("stream {other} is wrong at {position}, heard by {}", self.own));
        }
    }

    fn hear_name(&mut self, heard: &[u8], ledger: &mut Ledger) {
        self.name.extend(heard);
        self.other = bytes::name_of(&self.name);
        let Some(other) = self.other else { return };
        if self.announced.is_some_and(|announced| announced != other) {
            ledger.blame(format!("stream {other} comes behind what {:?} said first", self.announced));
        }
        if ledger.openings.get(&self.own).is_some_and(|opening| opening.way == Way::Nowhere) {
            ledger.blame(format!("{} leads nowhere and was answered", self.own));
        }
        let name = std::mem::take(&mut self.name);
        match ledger.streams.get_mut(&other) {
            None => ledger.blame(format!("{} hears a stream that does not exist: {other:x}", self.own)),
            Some(stream) if stream.partner.is_some() => {
                ledger.blame(format!("stream {other} was delivered twice"));
            }
            Some(stream) => {
                stream.partner = Some(self.own);
                self.got = 0;
                self.hear(&name, ledger);
            }
        }
        let back = ledger.streams[&self.own].partner;
        if back.is_some_and(|back| back != other) {
            ledger.blame(format!("{} hears {other} but is heard by {back:?}", self.own));
        }
    }

    /// A clean end is a claim: that was all.
    fn check_end(&self, ledger: &mut Ledger) {
        let Some(other) = self.other else { return };
        let finished = ledger.streams[&other].finished_at;
        if finished != Some(self.got) {
            let got = self.got;
            ledger.blame(format!("clean end of stream {other} after {got}, its sender ended at {finished:?}"));
        }
    }

    /// All was said.
    pub fn said_all(&self) -> bool {
        self.sent == self.length
    }

    /// All was heard that the other will ever say.
    pub fn heard_all(&self, ledger: &Ledger) -> bool {
        self.other.is_some_and(|other| ledger.streams[&other].length == self.got)
    }

    pub fn finish(&mut self, cue: &mut Cue) {
        let stream = cue.ledger.streams.entry(self.own).or_default();
        if stream.finished_at.is_none() {
            stream.finished_at = Some(self.sent);
            cue.sim.far_finish(self.far);
        }
    }

    /// Closes; with bytes unread that is a reset, and nobody may take it for an end.
    pub fn close(&mut self, cue: &mut Cue) {
        let stream = cue.ledger.streams.entry(self.own).or_default();
        if cue.sim.far(self.far).readable == 0 && stream.finished_at.is_none() {
            stream.finished_at = Some(self.sent);
        }
        cue.sim.far_close(self.far);
    }

    pub fn quit(&mut self, how: Quit, cue: &mut Cue) {
        match how {
            Quit::Reset => cue.sim.far_reset(self.far),
            Quit::Close => self.close(cue),
            Quit::Silent => {}
        }
    }
}

/// A moment to come, at which the world is woken.
pub fn later(cue: &mut Cue, span: Duration) -> Time {
    let at = cue.now + span;
    if !span.is_zero() {
        cue.sim.alarm(at);
    }
    at
}

/// What a TCP client is to do.
#[derive(Debug, Clone)]
pub struct TcpAsk {
    pub length: u64,
    pub pace: Pace,
    /// A FIN after the last byte, while it still listens; otherwise it closes when it has heard all.
    pub half_close: bool,
    /// After so many bytes in both directions.
    pub quit: Option<(u64, Quit)>,
}

/// A client in TCP mode, from its dial on.
#[derive(Debug)]
pub struct TcpClient {
    pub talker: Talker,
    ask: TcpAsk,
}

impl TcpClient {
    pub fn new(far: Far, ask: TcpAsk, cue: &mut Cue) -> TcpClient {
        let talker = Talker::new(far, ask.length, ask.pace, cue);
        TcpClient { talker, ask }
    }

    /// It says first to whom it wants to be led, where names lead.
    pub fn greeting(mut self, cue: &mut Cue) -> TcpClient {
        let own = self.talker.own;
        if let Some(opening) = cue.ledger.ways[Mode::Tcp as usize].as_ref().map(|ways| ways.opening(own)) {
            cue.sim.remark(|| format!("client opens {own}: {opening:?}"));
            self.talker.unsaid.out.say(&opening.bytes);
            (self.talker.unsaid.chunk, self.talker.unsaid.silent) = (opening.chunk, opening.silent);
            if opening.way == Way::Nowhere {
                cue.ledger.excuse(own, ledger::ANYTHING);
            }
            cue.ledger.openings.insert(own, opening);
        }
        self
    }

    /// One act; true after the last.
    pub fn act(&mut self, cue: &mut Cue) -> bool {
        let talk = self.talker.talk(cue);
        let (own, moved) = (self.talker.own, self.talker.sent + self.talker.got);
        if let Some((_, how)) = self.ask.quit.filter(|&(at, _)| moved >= at) {
            cue.ledger.excuse(own, ledger::ANYTHING);
            self.talker.quit(how, cue);
            return true;
        }
        if self.talker.said_all() && self.ask.half_close {
            self.talker.finish(cue);
        }
        match talk {
            Talk::Reset => {
                cue.ledger.lost(own, Loss::Silence, self.talker.far.number(), cue.now);
                cue.sim.far_close(self.talker.far);
                true
            }
            Talk::Ended => {
                self.judge_end(cue);
                true
            }
            Talk::Going if self.ask.half_close => false,
            Talk::Going => self.leave_when_all_is_done(cue),
        }
    }

    fn judge_end(&mut self, cue: &mut Cue) {
        let own = self.talker.own;
        match self.talker.other {
            None => cue.ledger.lost(own, Loss::Refused, self.talker.far.number(), cue.now),
            Some(_) if !self.talker.heard_all(cue.ledger) => {
                cue.ledger.lost(own, Loss::Cut, self.talker.far.number(), cue.now);
            }
            Some(_) if !self.talker.said_all() => return self.go_on(cue),
            Some(_) => cue.ledger.answered += 1,
        }
        self.talker.close(cue);
    }

    /// The other side has ended, but not this one. It closes where it stands: a clean end of what was sent so far.
    fn go_on(&mut self, cue: &mut Cue) {
        cue.ledger.answered += 1;
        cue.ledger.excuse(self.talker.own, ledger::ANYTHING);
        self.talker.close(cue);
    }

    fn leave_when_all_is_done(&mut self, cue: &mut Cue) -> bool {
        let done = self.talker.said_all() && self.talker.heard_all(cue.ledger);
        if done {
            cue.ledger.answered += 1;
            self.talker.close(cue);
        }
        done
    }
}
