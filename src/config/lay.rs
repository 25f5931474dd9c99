//! Floor 1: the flags are laid over the file, and listeners find their pools: [`Typed`] and [`Upper`] become one
//! [`Typed`] whose names all lead somewhere.
//!
//! Flags know no names. They speak about the only listener and the only pool of the file, or, where it has several,
//! about those called `main`; where there is none, they make it. `--listen` replaces all addresses of that listener,
//! `--backend` all backends of that pool. What the values stand for is [`settle`](super::settle)'s.

use super::Mode;
use super::error::{ConfigError, Errors, Place, Wrong};
use super::typed::{self, Typed, Upper};

/// The flags over the file.
pub fn lay_over(typed: &mut Typed, upper: Upper, errors: &mut Errors) -> Option<()> {
    let names: Vec<&str> = typed.listeners.iter().map(|one| one.name.value.as_str()).collect();
    let at = errors.keep(target(&names, "listener", upper.listener.spoken()))?;
    match at {
        Some(at) => {
            let lower = typed.listeners.remove(at);
            typed.listeners.insert(at, lower.under(upper.listener));
        }
        None if names.is_empty() => typed.listeners.push(upper.listener),
        None => {}
    }
    let names: Vec<&str> = typed.pools.iter().map(|one| one.name.value.as_str()).collect();
    let spoken = upper.pool.spoken();
    let at = errors.keep(target(&names, "pool", spoken))?;
    match at {
        Some(at) => {
            let lower = typed.pools.remove(at);
            typed.pools.insert(at, lower.under(upper.pool));
        }
        None if spoken.is_some() => typed.pools.push(upper.pool),
        None => {}
    }
    typed.admin = upper.admin.or(typed.admin.take());
    if let Some(header) = upper.header {
        typed.timeouts.retain(|(key, _)| *key != "header");
        typed.timeouts.push(("header", header));
    }
    Some(())
}

/// Which of `names` a flag is about: see the head of this file. Nothing if no flag spoke or there is nothing yet.
fn target(names: &[&str], kind: &str, spoken: Option<&Place>) -> Result<Option<usize>, ConfigError> {
    let Some(place) = spoken else {
        return Ok(None);
    };
    let main = names.iter().position(|name| *name == "main");
    match names.len() {
        0 => Ok(None),
        1 => Ok(Some(0)),
        _ if main.is_some() => Ok(main),
        several => {
            let what = format!("the file has {several} {kind}s, and this cannot be about all of them");
            let fix = format!("say it in the file, or call the {kind} that is meant \"main\"");
            Err(Wrong::new(what, fix).at(place.clone()))
        }
    }
}

/// For each listener the index of its pool.
pub fn link(typed: &Typed, errors: &mut Errors) -> Option<Vec<usize>> {
    if typed.pools.is_empty() {
        let place = typed.whole.clone().map_or(Place::Default, Place::File);
        errors.push(no_backend(place, None));
        return None;
    }
    for pool in typed.pools.iter().filter(|pool| pool.backends.is_empty()) {
        errors.push(no_backend(pool.name.place.clone(), Some(&pool.name.value)));
    }
    let names: Vec<&str> = typed.pools.iter().map(|one| one.name.value.as_str()).collect();
    let links = typed.listeners.iter().map(|one| link_one(one, &names));
    let links: Vec<_> = links.map(|link| errors.keep(link)).collect();
    links.into_iter().collect()
}

fn link_one(listener: &typed::Listener, names: &[&str]) -> Result<usize, ConfigError> {
    let Some(pool) = &listener.pool else {
        let name = &listener.name.value;
        let what = format!("listener {name:?} names none of the pools {}", names.join(", "));
        let fix = format!("write pool = {:?}", names.first().unwrap_or(&"main"));
        let none = || Wrong::new(what, format!("{fix} in [listener.{name}]"));
        let only = (names.len() == 1).then_some(0);
        return only.ok_or_else(|| none().at(listener.name.place.clone()));
    };
    let at = names.iter().position(|name| *name == pool.value);
    at.ok_or_else(|| Wrong::unknown("pool", &pool.value, names).at(pool.place.clone()))
}

fn no_backend(place: Place, pool: Option<&str>) -> ConfigError {
    let wrong = match (&place, pool) {
        (Place::File(_), Some(pool)) => {
            Wrong::new(format!("pool {pool:?} has no backend"), "write backends = [\"127.0.0.1:8080\"]")
        }
        (Place::File(_), None) => {
            Wrong::new("no backend is named", "add [pool.main] and backends = [\"127.0.0.1:8080\"]")
        }
        _ => Wrong::new(
            "no backend, so there is nowhere to send anything",
            "name one or more: evenkeel --backend 127.0.0.1:8080\n       \
             or see it work with two of its own: evenkeel demo",
        ),
    };
    wrong.at(place)
}

/// A pool is probed for what is asked of it: if bytes only, by connecting only.
pub fn mode_of(pool: usize, links: &[usize], typed: &Typed) -> Mode {
    let mine = links.iter().zip(&typed.listeners).filter(|(link, _)| **link == pool);
    let mut modes = mine.filter_map(|(_, listener)| listener.mode.as_ref());
    match modes.any(|mode| mode.value == Mode::Tcp) {
        true => Mode::Tcp,
        false => Mode::Http,
    }
}
