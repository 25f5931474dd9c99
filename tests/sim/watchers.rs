//! Those who watch: clients of the admin address, in one world of sixteen. Each reads at its own pace, or not at all for a
//! while, and goes before the end. Whatever it reads, events come whole and one after the other, each later than the one
//! before; a torn one, or two in one place, is no JSON.

use super::ledger::Cue;
use super::plan::Dice;
use super::tcp::{Quit, later};
use evenkeel::base::{Rng, Time};
use evenkeel::net::sim::Far;
use memchr::memmem;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

/// Where it is watched.
pub fn door() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5002))
}

/// How one watches.
#[derive(Debug, Clone, Copy)]
pub struct Watching {
    channel: &'static str,
    /// Most bytes read at once, and the rest after it.
    sip: usize,
    rest: Duration,
    /// How long it stays, and how it goes; none: it says that it has said everything.
    stays: Duration,
    quit: Option<Quit>,
    /// It goes on talking.
    talks: bool,
}

/// Who watches in the world of this seed, and from when on. By dice of its own.
pub fn some(seed: u64) -> Vec<(Duration, Watching)> {
    let dice = &mut Dice(Rng::new(seed ^ 0x3a7c4));
    if !dice.chance(60) {
        return Vec::new();
    }
    let count = dice.pick(&[(4, 1), (2, 2), (3, 3), (1, 40)]);
    let one = |_| {
        let watching = Watching {
            channel: dice.pick(&[(1, "state"), (1, "loop")]),
            sip: dice.pick(&[(3, 100_000), (1, 500)]),
            rest: dice.pick(&[(3, Duration::ZERO), (1, Duration::from_millis(400)), (1, Duration::from_secs(9))]),
            stays: dice.millis(6000),
            quit: dice.pick(&[(2, None), (1, Some(Quit::Reset)), (1, Some(Quit::Close))]),
            talks: dice.chance(200),
        };
        (dice.millis(1500), watching)
    };
    (0..count).map(one).collect()
}

/// What every event says, besides what is not looked at here.
#[derive(Deserialize)]
struct Told {
    now: f64,
}

/// One who watches.
#[derive(Debug)]
pub struct Watcher {
    pub far: Far,
    watching: Watching,
    out: Vec<u8>,
    heard: Vec<u8>,
    /// Its answer has begun; it was turned away, as one too many.
    begun: bool,
    refused: bool,
    /// The moment of the last event.
    last: f64,
    read_at: Time,
    until: Time,
}

impl Watcher {
    pub fn new(watching: Watching, cue: &mut Cue) -> Watcher {
        let far = cue.sim.dial(door());
        let until = later(cue, watching.stays);
        let out = format!("GET /api/events?of={} HTTP/1.1\r\nHost: localhost\r\n\r\n", watching.channel).into();
        Watcher {
            far,
            watching,
            out,
            heard: Vec::new(),
            begun: false,
            refused: false,
            last: -1.0,
            read_at: cue.now,
            until,
        }
    }

    /// Goes on; whether it is gone.
    pub fn act(&mut self, cue: &mut Cue) -> bool {
        let sent = cue.sim.far_write(self.far, &self.out);
        self.out.drain(..sent);
        if self.read_at <= cue.now && cue.sim.far_read(self.far, &mut self.heard, self.watching.sip) > 0 {
            if !self.watching.rest.is_zero() {
                self.read_at = later(cue, self.watching.rest);
            }
            if self.watching.talks {
                self.out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
            }
            if let Err(what) = self.hear() {
                cue.ledger.blame(format!("one who watches hears {what}"));
            }
        }
        let state = cue.sim.far(self.far);
        if state.reset || state.refused || state.ended || self.until <= cue.now {
            self.go(state.reset || state.refused, cue);
            return true;
        }
        false
    }

    fn go(&mut self, gone: bool, cue: &mut Cue) {
        match self.watching.quit {
            _ if gone => cue.sim.far_close(self.far),
            Some(Quit::Reset) => cue.sim.far_reset(self.far),
            Some(_) => cue.sim.far_close(self.far),
            None => {
                cue.sim.far_finish(self.far);
                cue.sim.far_close(self.far);
            }
        }
    }

    /// What it has heard is taken apart, as far as it is whole.
    fn hear(&mut self) -> Result<(), String> {
        if !self.begun && !self.refused {
            let Some(end) = memmem::find(&self.heard, b"\r\n\r\n") else { return Ok(()) };
            let head: Vec<u8> = self.heard.drain(..end + 4).collect();
            self.begun = head.starts_with(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
            self.refused = head.starts_with(b"HTTP/1.1 503 ");
            if !self.begun && !self.refused {
                return Err(format!("{:?}", String::from_utf8_lossy(&head)));
            }
        }
        while let Some(end) = memmem::find(&self.heard, b"\n\n").filter(|_| self.begun) {
            let event: Vec<u8> = self.heard.drain(..end + 2).collect();
            self.look_at(&event).ok_or_else(|| format!("{:?}", String::from_utf8_lossy(&event)))?;
        }
        Ok(())
    }

    /// An event of its own kind, later than the one before.
    fn look_at(&mut self, event: &[u8]) -> Option<()> {
        let text = str::from_utf8(event).ok()?.strip_prefix("event: ")?.strip_prefix(self.watching.channel)?;
        let Told { now } = serde_json::from_str(text.strip_prefix("\ndata: ")?).ok()?;
        (now > std::mem::replace(&mut self.last, now)).then_some(())
    }
}
