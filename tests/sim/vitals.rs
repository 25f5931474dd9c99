//! Whether a balancer's judgement of a backend follows from what the world did to it: a backend falls and rises only
//! after as many failures and passes in a row as were asked for, and it does so in time.

use evenkeel::base::Time;
use std::time::Duration;

/// What a probe or a connect came to may be told so much later.
const LATEST: Duration = Duration::from_millis(100);

/// A connect or probe that is under way may take so long to come to something.
const UNDER_WAY: Duration = Duration::from_secs(8);

/// What a probe or a connect came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dealt {
    Pass,
    Failure,
    /// Perhaps a failure: who asked may have given up, or not have been a probe at all.
    Doubt,
}

/// What happened to a backend, as far as its balancer can have noticed.
#[derive(Debug)]
pub struct Vitals {
    /// In the order in which they were dealt.
    events: Vec<(Time, Dealt)>,
    /// Connects that came to nothing, at the last look.
    failed: u64,
    /// The operator wants it to get no new work; and no probe, since.
    pub barred: bool,
    pub unasked: Option<Time>,
    /// What probes and connects came to, at the last look.
    heard: usize,
    /// Since when nothing was done to it, and whether it has been well since.
    since: Time,
    ill: bool,
    /// What its balancer thought of it at the last look.
    pub up: bool,
    pub requests: u64,
    /// Live traffic has it excluded: since when; how often that was; and that it was in all the time since the look before.
    out: Option<Time>,
    outs: u32,
    pub in_throughout: bool,
}

impl Default for Vitals {
    fn default() -> Vitals {
        Vitals {
            events: Vec::new(),
            failed: 0,
            barred: false,
            unasked: None,
            heard: 0,
            since: Time(0),
            ill: false,
            up: true,
            requests: 0,
            out: None,
            outs: 0,
            in_throughout: true,
        }
    }
}

impl Vitals {
    /// A probe was answered, or may have been let down.
    pub fn dealt(&mut self, what: Dealt, now: Time) {
        self.events.push((now, what));
    }

    /// Somebody did something to it; `healed`: it is well again.
    pub fn suffered(&mut self, healed: bool, now: Time) {
        (self.since, self.ill) = (now, !healed);
    }

    /// The configuration has it no more.
    pub fn remove(&mut self, now: Time) {
        (self.barred, self.unasked) = (true, self.unasked.or(Some(now)));
    }

    /// The configuration has it again: nothing is known of it.
    pub fn renew(&mut self, now: Time) {
        (self.barred, self.unasked, self.up, self.requests) = (false, None, true, 0);
        (self.out, self.outs, self.since) = (None, 0, self.since.max(now));
    }

    /// Connects that came to nothing so far.
    pub fn failed(&mut self, failed: u64, now: Time) {
        for _ in self.failed..failed {
            self.events.push((now, Dealt::Failure));
        }
        self.failed = failed;
    }

    /// What became of it since the last look: nobody asks who is disabled, but for what was under way.
    pub fn looked_at(&mut self, now: Time) -> Result<(), String> {
        let heard = self.events.iter().filter(|(_, what)| *what != Dealt::Doubt).count();
        let news = std::mem::replace(&mut self.heard, heard) < heard;
        match self.unasked.filter(|&since| news && now.since(since) > UNDER_WAY) {
            Some(since) => Err(format!("asked {:?} after it was disabled", now.since(since))),
            None => Ok(()),
        }
    }

    /// Its balancer has changed its mind: enough must have spoken for it since the last thing that spoke against it.
    pub fn judged(&mut self, up: bool, enough: u32) -> Result<(), String> {
        if std::mem::replace(&mut self.up, up) == up {
            return Ok(());
        }
        let last = self.events.last().map_or(Time(0), |&(at, _)| at);
        let (against, doubt) = if up { (Dealt::Failure, Dealt::Pass) } else { (Dealt::Pass, Dealt::Doubt) };
        let settled = |&&(at, what): &&(Time, Dealt)| what == against && at + LATEST <= last;
        let since = self.events.iter().rfind(settled).map_or(Time(0), |&(at, _)| at);
        let speaks = |what| what == doubt || (what == Dealt::Failure && !up);
        let speak = self.events.iter().filter(|&&(at, what)| speaks(what) && at + LATEST >= since).count();
        match speak >= enough as usize {
            true => Ok(()),
            false => Err(format!("judged {} after {speak} of {enough}", if up { "up" } else { "down" })),
        }
    }

    /// Its balancer has it out or not: was it so at the last look? Errors: it is out for longer than so often of `base`.
    pub fn ejected(&mut self, out: bool, base: Duration, now: Time) -> Result<bool, String> {
        let was = self.out.is_some();
        // It may be back and out again within a turn: somebody waited for it, and found that it failed at once.
        let fails = self.events.last().is_some_and(|&(at, what)| at == now && what == Dealt::Failure);
        if out && fails && self.out.is_some_and(|since| now.since(since) >= base * self.outs) {
            (self.outs, self.out) = (self.outs + 1, Some(now));
        }
        self.in_throughout = !was && !out;
        self.outs += u32::from(out && !was);
        self.out = out.then(|| self.out.unwrap_or(now));
        match self.out.filter(|&since| now.since(since) > base * self.outs + LATEST) {
            Some(since) => Err(format!("out for {:?}, the {}. time", now.since(since), self.outs)),
            None => Ok(was),
        }
    }

    /// Whether it was left alone, well, for so long.
    pub fn is_well_for(&self, span: Duration, now: Time) -> bool {
        !self.ill && now.since(self.since) >= span
    }

    /// Whether it is down by the world's doing, for so long.
    pub fn is_ill_for(&self, span: Duration, now: Time) -> bool {
        self.ill && now.since(self.since) >= span
    }
}
