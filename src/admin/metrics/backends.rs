//! What is known of each backend. A thousand of them make most of a page, so each is named once.

use super::View;
use super::sheet::{Labels, Sheet};
use crate::balance::{Backend, State};

/// Every state there is, by the word that `/api/state` has for it.
const STATES: [(State, &str); 6] = [
    (State::Unproven, "unproven"),
    (State::Up, "up"),
    (State::Down, "down"),
    (State::Ejected, "ejected"),
    (State::Draining, "draining"),
    (State::Disabled, "disabled"),
];

pub(super) fn read(view: &View<'_>, sheet: &mut Sheet) {
    let all: Vec<(Labels, &Backend)> = view
        .backends
        .pools()
        .filter(|(pool, _)| !pool.is_gone())
        .flat_map(|(pool, members)| members.iter().map(move |backend| (named(&pool.name, &backend.name), backend)))
        .collect();
    states(&all, sheet);
    traffic(&all, sheet);
    probes(&all, sheet);
}

fn named(pool: &str, backend: &str) -> Labels {
    Labels::of(&[("pool", pool), ("backend", backend)])
}

/// The same number of each.
fn each(all: &[(Labels, &Backend)], number: impl Fn(&Backend) -> u64 + Copy) -> impl Iterator<Item = (Labels, u64)> {
    all.iter().map(move |(labels, backend)| (labels.clone(), number(backend)))
}

/// A few numbers of each, told apart by a label.
fn several<const N: usize>(
    all: &[(Labels, &Backend)],
    key: &'static str,
    numbers: impl Fn(&Backend) -> [(&'static str, u64); N] + Copy,
) -> impl Iterator<Item = (Labels, u64)> {
    all.iter()
        .flat_map(move |(labels, backend)| numbers(backend).map(|(value, number)| (labels.with(key, value), number)))
}

fn states(all: &[(Labels, &Backend)], sheet: &mut Sheet) {
    let up = each(all, |backend| u64::from(backend.is_up()));
    sheet.levels("evenkeel_backend_up", "1 unless its probes and connections fail.", up);
    let state = several(all, "state", |backend| {
        let now = backend.state();
        STATES.map(|(state, word)| (word, u64::from(state == now)))
    });
    sheet.levels("evenkeel_backend_state", "1 for what it is taken for.", state);
    let weight = each(all, |backend| u64::from(backend.weight));
    sheet.levels("evenkeel_backend_weight", "Its share beside the others.", weight);
    let changes = |backend: &Backend| [("up", backend.health.rises()), ("down", backend.health.falls())];
    sheet.counts("evenkeel_backend_transitions", "Changes of its health.", several(all, "to", changes));
    let ejections = each(all, |backend| backend.ejections);
    sheet.counts("evenkeel_backend_ejections", "Times that live traffic had it excluded.", ejections);
}

fn traffic(all: &[(Labels, &Backend)], sheet: &mut Sheet) {
    let in_flight = each(all, |backend| u64::from(backend.in_flight));
    sheet.levels("evenkeel_backend_in_flight", "Requests and tunnels under way.", in_flight);
    let requests = each(all, |backend| backend.requests);
    sheet.counts("evenkeel_backend_requests", "Requests and tunnels begun, retries too.", requests);
    let connects = each(all, |backend| backend.connects);
    sheet.counts("evenkeel_backend_connects", "Connections made for them.", connects);
    let failures = each(all, |backend| backend.connect_failures);
    sheet.counts("evenkeel_backend_connect_failures", "Connections for them that failed.", failures);
    sheet.spans(
        "evenkeel_backend_connect_seconds",
        "Time that the connections made have taken.",
        all.iter().map(|(labels, backend)| (labels.clone(), backend.connecting)),
    );
}

fn probes(all: &[(Labels, &Backend)], sheet: &mut Sheet) {
    let results = |backend: &Backend| [("passed", backend.probes_passed), ("failed", backend.probes_failed)];
    sheet.counts("evenkeel_backend_probes", "Probes, by result.", several(all, "result", results));
}
