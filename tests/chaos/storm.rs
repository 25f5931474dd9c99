//! What is done to backends and wires, and the diary of it: a loss is excused by an entry, or not at all.
//!
//! One deed at a time, and the next one only when the balancer calls every backend up again: at every moment there is
//! a second backend that could serve.

use super::load::{Ask, Cause, Trouble};
use super::processes::Process;
use super::relay::{Mood, Relay};
use evenkeel::base::Rng;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    Kill,
    Stop,
    Delay,
    Stall,
    Blackhole,
    Reset,
    CutByFin,
    CutByReset,
}

/// To whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// One of the strict backends.
    Web,
    /// One of those that serve files.
    Files,
    /// The way between the balancer and a strict backend.
    Wire,
    /// The way between some clients and the balancer.
    BadWay,
}

/// One entry of the diary.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub victim: Victim,
    pub deed: Deed,
    pub from: Instant,
    pub to: Instant,
}

/// Everything that can be hurt.
pub struct Town {
    pub web: Vec<Process>,
    pub files: Vec<Process>,
    pub wire: Relay,
    pub bad_way: Relay,
}

impl Town {
    /// One deed from its beginning to its end.
    pub fn suffer(&mut self, rng: &mut Rng) -> Entry {
        let victims = [Victim::Web, Victim::Web, Victim::Files, Victim::Wire, Victim::Wire, Victim::BadWay];
        let victim = rng.one_of(&victims).copied().unwrap_or(Victim::Web);
        let while_ = Duration::from_millis(50 + rng.below(600));
        let from = Instant::now();
        let deed = match victim {
            Victim::Web => hurt(&mut self.web, while_, rng),
            Victim::Files => hurt(&mut self.files, while_, rng),
            Victim::Wire => disturb(&self.wire, while_, rng),
            Victim::BadWay => disturb(&self.bad_way, while_, rng),
        };
        Entry { victim, deed, from, to: Instant::now() }
    }
}

fn hurt(processes: &mut [Process], while_: Duration, rng: &mut Rng) -> Deed {
    let which = rng.below(processes.len() as u64) as usize;
    let process = &mut processes[which];
    if rng.chance(1, 2) {
        process.kill();
        std::thread::sleep(while_);
        process.restart();
        return Deed::Kill;
    }
    process.signal(Signal::STOP);
    std::thread::sleep(while_);
    process.signal(Signal::CONT);
    Deed::Stop
}

fn disturb(relay: &Relay, while_: Duration, rng: &mut Rng) -> Deed {
    let at = if rng.chance(1, 2) { rng.below(200) } else { rng.below(20_000) } + 1;
    let (mood, deed) = match rng.below(6) {
        0 => (Mood::Delay(Duration::from_millis(1 + rng.below(40))), Deed::Delay),
        1 => (Mood::Stall, Deed::Stall),
        2 => (Mood::Blackhole, Deed::Blackhole),
        3 => (Mood::Clear, Deed::Reset),
        4 => (Mood::CutAt(at, false), Deed::CutByFin),
        _ => (Mood::CutAt(at, true), Deed::CutByReset),
    };
    relay.set(mood);
    if matches!(deed, Deed::Reset | Deed::CutByFin | Deed::CutByReset) {
        relay.reset_all(); // a cut is for new connections
    }
    if deed != Deed::Reset {
        std::thread::sleep(while_);
    }
    relay.set(Mood::Clear);
    deed
}

/// How long after its end a deed may still be felt: connections that it spoilt are met again by whoever takes them next.
const ECHO: Duration = Duration::from_millis(1500);

/// Whether the diary excuses this.
pub fn excuses(diary: &[Entry], trouble: &Trouble) -> bool {
    let at_the_time = |entry: &&Entry| entry.from <= trouble.ended && trouble.began <= entry.to + ECHO;
    diary.iter().filter(at_the_time).any(|entry| explains(entry, trouble))
}

/// A loss for a human: what it was, and what had been done in the seconds before.
pub fn story(diary: &[Entry], trouble: &Trouble) -> String {
    let Trouble { ask, cause, words, began, ended, bad_way } = trouble;
    let took = ended.duration_since(*began);
    let mut story = format!("{ask:?} {cause:?} after {took:?}, bad way {bad_way}: {words}");
    let before = |at: Instant| ended.saturating_duration_since(at).as_secs_f64();
    for Entry { victim, deed, from, to } in diary.iter().filter(|e| before(e.to) < 5.0 && e.from <= *ended) {
        story += &format!("\n    {victim:?} {deed:?} {:.3} to {:.3} s before", before(*from), before(*to));
    }
    story
}

/// A GET is never lost: only its answer may be cut, once it has begun. What may not be sent twice may fail, if it was
/// told so. On a bad way of its own a client may lose anything, but not by an answer that says that all is down.
fn explains(entry: &Entry, trouble: &Trouble) -> bool {
    let breaks = !matches!(entry.deed, Deed::Stop | Deed::Delay | Deed::Stall);
    let once = matches!(trouble.ask, Ask::Post | Ask::Chunks);
    match (entry.victim, &trouble.cause) {
        (Victim::BadWay, Cause::Connect | Cause::Unanswered | Cause::Cut) => trouble.bad_way && breaks,
        // What a client said may have been cut, and then a backend or the balancer waited for the rest.
        (Victim::BadWay, Cause::Status(400 | 408)) => trouble.bad_way && breaks,
        (Victim::BadWay, _) => false,
        (Victim::Files, Cause::Cut) => trouble.ask == Ask::File && breaks,
        (Victim::Files, _) => false,
        (_, _) if trouble.ask == Ask::File => false,
        (_, Cause::Cut) => breaks,
        // A cut may fall within a response head: a byte has come, so nothing is sent again.
        (_, Cause::Status(502)) => breaks && (once || matches!(entry.deed, Deed::CutByFin | Deed::CutByReset)),
        _ => false,
    }
}
