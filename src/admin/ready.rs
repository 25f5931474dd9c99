//! `/readyz`: whether it makes sense to send clients here: we are not leaving, and wherever a listener leads somebody
//! works.

use super::{Page, View};
use crate::balance::{PoolId, State};
use crate::http::Status;
use std::collections::BTreeSet;

pub(super) fn page(view: &View<'_>) -> Page {
    if view.draining {
        return Page::text(Status(503), "not ready: draining\n");
    }
    let dark: Vec<String> = view
        .backends
        .pools()
        .enumerate()
        .filter(|(row, _)| led(view).contains(row))
        .filter_map(|(_, (pool, members))| {
            let works = members.iter().any(|backend| matches!(backend.state(), State::Up | State::Unproven));
            (!works).then(|| format!("not ready: no backend of pool {} is up\n", pool.name))
        })
        .collect();
    match dark.is_empty() {
        true => Page::text(Status(200), "ready\n"),
        false => Page::text(Status(503), &dark.concat()),
    }
}

/// The pools that listeners lead to.
fn led(view: &View<'_>) -> BTreeSet<usize> {
    let here = view.routing.iter().filter(|routing| !routing.leaving);
    here.flat_map(|it| it.routes.iter().map(|route| route.pool).chain(it.pool.map(|PoolId(row)| row.into()))).collect()
}
