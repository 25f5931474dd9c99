//! Weights of the actors: the kernel's mood, backends' habits, clients' manners, an operator's deeds.

use super::{Coming, Dice, Scope};
use crate::sim::backend::{Deed, Habits};
use crate::sim::hostile;
use crate::sim::http_backend::HttpHabits;
use crate::sim::http_client::{Ask, Fault, HttpAsk};
use crate::sim::tcp::{Pace, Quit, TcpAsk};
use evenkeel::net::Signal;
use evenkeel::net::sim::Cruelty;
use std::time::Duration;

/// As fast as it goes.
pub(super) const HASTE: Pace = Pace { chunk: u64::MAX, pause: Duration::ZERO, sip: usize::MAX, rest: Duration::ZERO };

/// The kernel's mood, and seldom too few descriptors.
pub(super) fn scarcity(dice: &mut Dice) -> Cruelty {
    let mood = cruelty(dice);
    match dice.0.below(20) {
        0 => Cruelty { descriptors: Some(3 + dice.0.below(8) as usize), ..mood },
        1 => Cruelty { connect_fails: 200, accept_fails: 300, ..mood },
        _ => mood,
    }
}

/// The kernel's mood.
pub(super) fn cruelty(dice: &mut Dice) -> Cruelty {
    let cruel = Cruelty::cruel();
    let mood = match dice.0.below(8) {
        0 => Cruelty::calm(),
        1..4 => cruel,
        4 => Cruelty { segments: 900, window: (16, 300), ..Cruelty::calm() },
        5 => Cruelty { held_back: 500, apart: 900, spurious: 300, ..cruel },
        6 => Cruelty { short_reads: 600, short_writes: 600, nothing: 400, blocked: 400, ..cruel },
        _ => Cruelty { end_rides: 1000, latency: Duration::ZERO, ..cruel },
    };
    match dice.chance(200) {
        true => mood.portable(),
        false => mood,
    }
}

pub(super) fn habits(dice: &mut Dice, fair: bool) -> Habits {
    Habits {
        pace: pace(dice),
        breaks: if fair { 0 } else { dice.pick(&[(2, 0), (1, 200), (1, 600)]) },
        longest: dice.pick(&[(2, 50), (3, 2_000), (1, 30_000)]),
        http: None,
    }
}

/// A firm backend answers every request, though in many ways.
pub(super) fn http_habits(dice: &mut Dice, firm: bool) -> Habits {
    let often = |dice: &mut Dice| dice.pick(&[(3, 0), (2, 200), (1, 1000)]);
    let ill = |dice: &mut Dice| if firm { 0 } else { dice.pick(&[(3, 0), (1, 100), (1, 500)]) };
    let http = HttpHabits {
        chunks: often(dice),
        until_close: often(dice),
        interim: dice.pick(&[(3, 0), (1, 300)]),
        closes: dice.pick(&[(3, 0), (1, 300)]),
        closes_idle: dice.pick(&[(2, 0), (1, 500)]),
        early: dice.pick(&[(4, 0), (1, 300)]),
        dies_before: ill(dice),
        dies_within: ill(dice),
        hangs: ill(dice) / 5,
        thinks: dice.pick(&[(2, 0), (1, 500)]),
        statuses: dice.pick(&[(2, 0), (1, 300)]),
        old: dice.pick(&[(3, 0), (1, 500)]),
        continues: dice.pick(&[(1, 0), (2, 1000)]),
        upgrades: dice.pick(&[(1, 500), (2, 1000)]),
        bad_heads: ill(dice) / 2,
        bad_chunks: ill(dice),
        surplus: 0,
        slams: 0,
    };
    let hasty = HttpHabits { early: 800, until_close: 700, dies_within: 500, ..http };
    let http = if !firm && dice.chance(200) { hasty } else { http };
    let breaks = if firm { 0 } else { dice.pick(&[(2, 0), (1, 300)]) };
    Habits { pace: pace(dice), breaks, longest: dice.pick(&[(2, 50), (1, 3_000)]), http: Some(http) }
}

/// Most ask for answers, some for a tunnel.
pub(super) fn http_coming(dice: &mut Dice, fair: bool) -> Coming {
    match dice.chance(100) {
        true => Coming::Upgrade(tcp_ask(dice, fair, Scope { timers: true })),
        false => Coming::Http(http_ask(dice, fair)),
    }
}

pub(super) fn http_ask(dice: &mut Dice, fair: bool) -> HttpAsk {
    let pipelined = dice.chance(250);
    let old = !pipelined && dice.chance(150);
    let mut asks: Vec<Ask> = (0..1 + dice.0.below(5)).map(|_| one_ask(dice, pipelined, !old)).collect();
    let hostile = !fair && dice.chance(150);
    if hostile && let Some(last) = asks.last_mut() {
        go_bad(last, dice, old);
    }
    let quits = [(3, Quit::Reset), (3, Quit::Close), (1, Quit::Silent)];
    HttpAsk {
        asks,
        old,
        old_keeps: dice.chance(500),
        pipelined,
        pace: match dice.0.below(10) {
            0 => Pace { chunk: 1, ..HASTE },
            _ => pace(dice),
        },
        half_close: dice.chance(200),
        stays: dice.chance(100),
        quit: (!fair && dice.chance(200)).then(|| (dice.size(), dice.pick(&quits))),
    }
}

/// The request turns hostile.
fn go_bad(ask: &mut Ask, dice: &mut Dice, old: bool) {
    let most = ask.body.unwrap_or(0);
    ask.expects = None;
    ask.fault = match (ask.body, ask.chunked) {
        (Some(_), Some(_)) if !old && dice.chance(800) => {
            Fault::Chunk(dice.0.below(most + 1), dice.0.below(hostile::CHUNKS.len() as u64) as usize)
        }
        (Some(1..), _) if dice.chance(500) => Fault::Stalls(dice.0.below(most)),
        _ => Fault::Hostile(dice.0.below(hostile::REQUESTS.len() as u64) as usize),
    };
}

pub(super) fn one_ask(dice: &mut Dice, pipelined: bool, modern: bool) -> Ask {
    let method = match pipelined {
        true => dice.pick(&[(5, "GET"), (1, "HEAD")]),
        false => dice.pick(&[(6, "GET"), (1, "HEAD"), (3, "POST"), (2, "PUT"), (1, "DELETE")]),
    };
    let body = matches!(method, "POST" | "PUT").then(|| dice.size());
    // Thousands of tiny chunks are refused by right: the balancer is not to be kept busy with framing.
    let least = 1 + body.unwrap_or(0) / 5000;
    let chunked = dice.chance(400).then(|| (least + dice.size()) as usize);
    let expects = (modern && !pipelined && dice.chance(150)).then(|| dice.millis(1500));
    let host = modern || dice.chance(500);
    Ask { method, body, chunked, reply: dice.size(), think: dice.millis(100), expects, host, fault: Fault::None }
}

fn pace(dice: &mut Dice) -> Pace {
    match dice.0.below(6) {
        0 => Pace { chunk: 100 + dice.0.below(900), pause: dice.millis(20), ..HASTE },
        1 => Pace { sip: 100 + dice.0.below(900) as usize, rest: dice.millis(40), ..HASTE },
        _ => HASTE,
    }
}

pub(super) fn tcp_ask(dice: &mut Dice, fair: bool, scope: Scope) -> TcpAsk {
    let length = dice.size();
    let quits: &[(u64, Quit)] = match scope.timers {
        true => &[(3, Quit::Reset), (3, Quit::Close), (1, Quit::Silent)],
        false => &[(1, Quit::Reset), (1, Quit::Close)],
    };
    let quit = (!fair && dice.chance(250)).then(|| (dice.size(), dice.pick(quits)));
    TcpAsk { length, pace: pace(dice), half_close: dice.chance(500), quit }
}

/// What an operator asks for in passing.
pub(super) fn signals(dice: &mut Dice) -> Vec<(Duration, Signal)> {
    let count = dice.pick(&[(9, 0), (1, 2)]);
    let signal = |dice: &mut Dice| dice.pick(&[(1, Signal::Dump), (1, Signal::Reload), (1, Signal::HandOver)]);
    (0..count).map(|_| (dice.millis(1000), signal(dice))).collect()
}

/// Deeds against all backends but the first, which stands firm in three runs of four.
pub(super) fn deeds(dice: &mut Dice, backends: usize, scope: Scope) -> Vec<(Duration, usize, Deed)> {
    let firm = usize::from(dice.chance(750));
    let mut deeds = Vec::new();
    for index in firm..backends {
        if dice.chance(500) {
            let (at, back) = (dice.millis(300), dice.millis(300));
            let late = Deed::Delay(dice.millis(500));
            let deed = match scope.timers {
                true => dice.pick(&[
                    (4, Deed::Kill),
                    (2, Deed::Refuse),
                    (1, Deed::Swallow),
                    (1, late),
                    (1, Deed::Hang),
                    (1, Deed::Sicken),
                ]),
                false => dice.pick(&[(4, Deed::Kill), (2, Deed::Refuse), (1, late)]),
            };
            deeds.push((at, index, deed));
            deeds.push((at + back, index, Deed::Return));
        }
    }
    deeds
}
