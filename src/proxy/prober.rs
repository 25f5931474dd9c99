//! Runs any [`Probe`] over any [`Net`] on the timers: connect, ask, listen, judge.
//!
//! A probe is a connection like any other in the same loop: it waits for events, has a deadline, and is closed whatever
//! comes of it. What it says and how the answer is judged is [`balance::probe`](crate::balance::probe)'s; what a verdict
//! means for the backend is [`balance::health`](crate::balance::health)'s. Here is when, and the wire between.

use super::context::{Context, Owner};
use super::end::{End, Filled};
use crate::balance::budget::UNSETTLED;
use crate::balance::health::Step;
use crate::balance::probe::{self, Probe, Probed, Verdict};
use crate::balance::{BackendId, Cause};
use crate::base::Time;
use crate::config::ProxyVersion;
use crate::net::{self, Net};
use crate::preface::Header;
use slab::Slab;
use std::io::{self, IoSlice};
use std::time::Duration;

/// Bytes of an answer that are looked at. The verdict is in the first line, unless the body is asked for.
const MOST_ANSWER: usize = 16 * 1024;

/// One probe under way.
struct Running {
    backend: BackendId,
    probe: Box<dyn Probe>,
    /// What it says: its own question, and before that perhaps that it speaks for nobody.
    question: Vec<u8>,
    end: End,
    began: Time,
    step: Step,
    sent: usize,
}

/// What became of a probe for now.
enum Outcome {
    Wait,
    Pass,
    /// For this reason, in the step that it is in unless another is named.
    Fail(Option<Step>, String),
}

/// The probes of one loop.
#[derive(Default)]
pub struct Prober {
    running: Slab<Running>,
    /// The probe under way of each backend.
    of_backend: Vec<Option<u32>>,
}

impl Prober {
    /// Breaks off the probe of a backend: what it would say is not asked for any more.
    pub fn forget<N: Net>(&mut self, id: BackendId, cx: &mut Context<N>) {
        let row = self.of_backend.get_mut(id.0 as usize).and_then(Option::take);
        if let Some(Running { mut end, .. }) = row.and_then(|row| self.running.try_remove(row as usize)) {
            end.drop_held(&mut cx.lender);
            cx.close(end.sock);
        }
    }

    /// Begins the probes whose time has come. A backend whose probe is still under way is left to it.
    pub fn begin_due<N: Net>(&mut self, cx: &mut Context<N>) {
        while let Some(backend) = cx.probes_due.pop(cx.now) {
            cx.stats.came_due += 1;
            let free = self.of_backend.get(backend as usize).is_none_or(Option::is_none);
            if free && cx.backends.get(BackendId(backend)).is_probed() {
                self.begin(BackendId(backend), cx);
            }
        }
    }

    /// Whom the probe of this row asks.
    pub fn backend(&self, row: u32) -> Option<BackendId> {
        self.running.get(row as usize).map(|running| running.backend)
    }

    /// How many are under way.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    fn begin<N: Net>(&mut self, backend: BackendId, cx: &mut Context<N>) {
        let probing = &cx.backends.pool(cx.backends.get(backend).pool).probing;
        let (timeout, port) = (probing.timeout, probing.port);
        let Some(probe) = probe::of_kind(&probing.kind, cx.backends.get(backend)) else { return };
        let address = cx.backends.get(backend).address.at_port(port);
        let entry = self.running.vacant_entry();
        let row = entry.key() as u32;
        let question = question(cx.backends.pool(cx.backends.get(backend).pool).proxy_protocol, probe.question());
        match cx.connect(&address, Owner::Probe(row), None) {
            Ok(end) => {
                cx.deadlines.set(end.sock.0, cx.now + timeout);
                entry.insert(Running { backend, probe, question, end, began: cx.now, step: Step::Connect, sent: 0 });
                let known = self.of_backend.len().max(backend.0 as usize + 1);
                self.of_backend.resize(known, None);
                self.of_backend[backend.0 as usize] = Some(row);
            }
            Err(error) if net::is_our_trouble(&error) => plan_in(UNSETTLED, backend, cx.now, cx), // nothing was learnt
            Err(error) => {
                let cause = Cause { step: Step::Connect, what: error.to_string(), took: Duration::ZERO };
                failed(backend, None, &cause, cx);
                plan_next(backend, cx.now, cx);
            }
        }
    }

    /// An event came for a probe's socket.
    pub fn event<N: Net>(&mut self, row: u32, readable: bool, writable: bool, broken: bool, cx: &mut Context<N>) {
        let Some(running) = self.running.get_mut(row as usize) else { return };
        running.end.note(readable, writable, broken);
        match running.drive(cx) {
            Outcome::Wait => running.end.settle(&mut cx.lender),
            Outcome::Pass => self.done(row, None, cx),
            Outcome::Fail(step, what) => self.done(row, Some((step, what)), cx),
        }
    }

    /// The deadline of a probe has come.
    pub fn expire<N: Net>(&mut self, row: u32, cx: &mut Context<N>) {
        self.done(row, Some((None, "timed out".into())), cx);
    }

    fn done<N: Net>(&mut self, row: u32, failed: Option<(Option<Step>, String)>, cx: &mut Context<N>) {
        let Some(running) = self.running.try_remove(row as usize) else { return };
        let status = running.probe.status(running.end.held());
        let Running { backend, mut end, began, step, .. } = running;
        self.of_backend[backend.0 as usize] = None;
        end.drop_held(&mut cx.lender);
        // Not a reset, though it would spare us TIME_WAIT: many servers log one as an error, every few seconds.
        cx.close(end.sock);
        if !cx.backends.get(backend).is_probed() {
            return; // it was disabled meanwhile: what it says is not asked for any more
        }
        let took = cx.now - began;
        match failed {
            None => passed(backend, step, status, took, cx),
            Some((named, what)) => {
                // Once there is a status, it is the body that is waited for.
                let waited = if status.is_some() && step == Step::Response { Step::Body } else { step };
                self::failed(backend, status, &Cause { step: named.unwrap_or(waited), what, took }, cx);
            }
        }
        plan_next(backend, began, cx);
    }
}

/// Where connections begin by saying whose they are, a probe says that it is our own.
fn question(version: Option<ProxyVersion>, asked: &[u8]) -> Vec<u8> {
    let mut question = Vec::new();
    version.into_iter().for_each(|version| Header::Local.write(version, &mut question));
    question.extend_from_slice(asked);
    question
}

fn passed<N: Net>(id: BackendId, step: Step, status: Option<u16>, took: Duration, cx: &mut Context<N>) {
    let milliseconds = took.as_secs_f64() * 1e3;
    let probed = Probed { passed: true, step, status, error: None, milliseconds, at: cx.now };
    let backend = cx.backends.get_mut(id);
    (backend.probed, backend.probes_passed) = (Some(Box::new(probed)), backend.probes_passed + 1);
    cx.backend_passed(id, took);
}

fn failed<N: Net>(id: BackendId, status: Option<u16>, cause: &Cause, cx: &mut Context<N>) {
    let (milliseconds, error) = (cause.took.as_secs_f64() * 1e3, Some(cause.what.clone()));
    let probed = Probed { passed: false, step: cause.step, status, error, milliseconds, at: cx.now };
    let backend = cx.backends.get_mut(id);
    (backend.probed, backend.probes_failed) = (Some(Box::new(probed)), backend.probes_failed + 1);
    cx.backend_failed(id, cause);
}

/// When this backend is probed next, counted from the start of the last probe.
fn plan_next<N: Net>(id: BackendId, began: Time, cx: &mut Context<N>) {
    let span = if cx.backends.get(id).health.unsettled() { UNSETTLED } else { Duration::MAX };
    plan_in(span, id, began, cx);
}

/// The same, after so long at most.
fn plan_in<N: Net>(most: Duration, id: BackendId, began: Time, cx: &mut Context<N>) {
    let span = cx.backends.pool(cx.backends.get(id).pool).probing.interval.min(most);
    // A tenth either way, so that many balancers, or many backends, do not fall into step.
    let tenth = u64::try_from(span.as_nanos() / 10).unwrap_or(u64::MAX);
    let jitter = Duration::from_nanos(cx.rng.below(tenth.saturating_mul(2).max(1)));
    let when = began + (span - Duration::from_nanos(tenth)) + jitter;
    cx.probes_due.set(id.0, when.max(cx.now));
}

impl Running {
    fn drive<N: Net>(&mut self, cx: &mut Context<N>) -> Outcome {
        if self.step == Step::Connect {
            match cx.net.outcome(self.end.sock) {
                None => return self.wait(),
                Some(Err(error)) => return Outcome::Fail(None, error.to_string()),
                Some(Ok(())) => (self.step, self.end.writable) = (Step::Send, true),
            }
        }
        if self.step == Step::Send {
            match self.ask(cx) {
                Ok(true) => self.step = Step::Response,
                Ok(false) => return Outcome::Wait,
                Err(error) => return Outcome::Fail(None, error.to_string()),
            }
        }
        self.listen(cx)
    }

    fn wait(&mut self) -> Outcome {
        (self.end.readable, self.end.writable) = (false, false);
        Outcome::Wait
    }

    fn ask<N: Net>(&mut self, cx: &mut Context<N>) -> io::Result<bool> {
        let question = &self.question;
        while self.sent < question.len() {
            if !self.end.writable {
                return Ok(false);
            }
            self.sent += self.end.send(&mut cx.net, &[IoSlice::new(&question[self.sent..])], false)?;
        }
        Ok(true)
    }

    fn listen<N: Net>(&mut self, cx: &mut Context<N>) -> Outcome {
        loop {
            let full = self.end.held().len() >= MOST_ANSWER;
            match self.probe.judge(self.end.held(), self.end.ended || full) {
                Verdict::Pass => return Outcome::Pass,
                Verdict::Fail(step, what) => return Outcome::Fail(Some(step), what),
                Verdict::More => {}
            }
            match self.end.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(_) | Filled::Ended) => {}
                Ok(Filled::Nothing) => return Outcome::Wait,
                Ok(Filled::Full) => return Outcome::Fail(None, "answer too long".into()),
                Err(error) => return Outcome::Fail(None, error.to_string()),
            }
        }
    }
}
