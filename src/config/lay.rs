//! Floor 1: the flags are laid over the file, and listeners find their pools: [`Typed`] and [`Upper`] become one
//! [`Typed`] whose names all lead somewhere.
//!
//! Flags know no names. They speak about the only listener and the only pool of the file, or, where it has several,
//! about those called `main`; where there is none, they make it. `--listen` replaces all addresses of that listener,
//! `--backend` all backends of that pool. What the values stand for is [`settle`](super::settle)'s.

use super::Mode;
use super::error::{ConfigError, Errors, Place, Said, Wrong};
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

/// Where a listener leads: indices of pools.
#[derive(Debug)]
pub struct Link {
    /// What no route takes.
    pub pool: Option<usize>,
    /// Route by route.
    pub routes: Vec<usize>,
}

/// For each listener where it leads.
pub fn link(typed: &Typed, errors: &mut Errors) -> Option<Vec<Link>> {
    if typed.pools.is_empty() {
        let place = typed.whole.clone().map_or(Place::Default, Place::File);
        errors.push(no_backend(place, None));
        return None;
    }
    for pool in typed.pools.iter().filter(|pool| pool.backends.is_empty()) {
        errors.push(no_backend(pool.name.place.clone(), Some(&pool.name.value)));
    }
    let names: Vec<&str> = typed.pools.iter().map(|one| one.name.value.as_str()).collect();
    let links: Vec<_> = typed.listeners.iter().map(|one| link_one(one, &names, errors)).collect();
    links.into_iter().collect()
}

fn link_one(listener: &typed::Listener, names: &[&str], errors: &mut Errors) -> Option<Link> {
    let tcp = listener.mode.as_ref().is_some_and(|mode| mode.value == Mode::Tcp);
    if tcp {
        refuse_in_tcp(listener, errors);
    }
    let routes: Vec<_> = listener.routes.iter().map(|route| errors.keep(find(&route.pool, names))).collect();
    let pool = match listener.routes.is_empty() || listener.pool.is_some() {
        true => Some(errors.keep(default_of(listener, names))?),
        false => None,
    };
    Some(Link { pool, routes: routes.into_iter().collect::<Option<_>>()? })
}

/// Where nothing is known of a connection but the server name that its client hopes for, and that only if it is read.
fn refuse_in_tcp(listener: &typed::Listener, errors: &mut Errors) {
    if !listener.preface.sni.as_ref().is_some_and(|sni| sni.value) {
        if let Some(route) = listener.routes.first() {
            let fix = "leave them out, write sni = true to route by server name, or mode = \"http\"";
            errors.push(Wrong::new("a tcp listener has no routes", fix).at(route.pool.place.clone()));
        }
        return;
    }
    for path in listener.routes.iter().filter_map(|route| route.path.as_ref()) {
        let fix = "leave the path out: a server name is all that is known, so a route has a host";
        errors.push(Wrong::new("a tcp listener sees no paths", fix).at(path.place.clone()));
    }
}

fn find(pool: &Said<String>, names: &[&str]) -> Result<usize, ConfigError> {
    let at = names.iter().position(|name| *name == pool.value);
    at.ok_or_else(|| Wrong::unknown("pool", &pool.value, names).at(pool.place.clone()))
}

/// The pool of what no route takes: if nobody named one, there is only one.
fn default_of(listener: &typed::Listener, names: &[&str]) -> Result<usize, ConfigError> {
    let Some(pool) = &listener.pool else {
        let name = &listener.name.value;
        let what = format!("listener {name:?} names none of the pools {}", names.join(", "));
        let fix = format!("write pool = {:?}", names.first().unwrap_or(&"main"));
        let none = || Wrong::new(what, format!("{fix} in [listener.{name}]"));
        let only = (names.len() == 1).then_some(0);
        return only.ok_or_else(|| none().at(listener.name.place.clone()));
    };
    find(pool, names)
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
pub fn mode_of(pool: usize, links: &[Link], typed: &Typed) -> Mode {
    let mine =
        links.iter().zip(&typed.listeners).filter(|(link, _)| link.pool == Some(pool) || link.routes.contains(&pool));
    let mut modes = mine.filter_map(|(_, listener)| listener.mode.as_ref());
    match modes.any(|mode| mode.value == Mode::Tcp) {
        true => Mode::Tcp,
        false => Mode::Http,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Mode, ProbeKind};
    use std::time::Duration;

    const TWO: &str = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\n[pool.b]\nbackends = [\"127.0.0.1:2\"]\n\
        [listener.x]\nbind = \"127.0.0.1:3\"\npool = \"a\"\n[listener.y]\nbind = \"127.0.0.1:4\"\npool = \"b\"\n";

    #[test]
    fn flags_alone_make_main() {
        let config = config("-b 127.0.0.1:8080 -b localhost:8081,weight=2");
        assert_eq!(first_listener(&config).name, "main");
        assert_eq!(first_listener(&config).bind, [at("127.0.0.1:5001")]);
        assert_eq!(first_pool(&config).name, "main");
        assert_eq!(backends(&config), [("127.0.0.1:8080", 1), ("localhost:8081", 2)]);
        assert_eq!(config.admin, [at("127.0.0.1:5002")]);
    }

    #[test]
    fn flags_replace_lists_of_the_file_as_a_whole_and_leave_the_rest() {
        let line = "-c f -b 127.0.0.1:9 -l 127.0.0.1:7 -l [::1]:7 --mode tcp --admin off --header-timeout 1s";
        let config = config_env(line, &[], GOOD);
        assert_eq!(first_listener(&config).name, "web");
        assert_eq!(first_listener(&config).bind.len(), 2);
        assert_eq!(first_listener(&config).mode, Mode::Tcp);
        assert_eq!(backends(&config), [("127.0.0.1:9", 1)]);
        assert_eq!(config.timeouts.header, Duration::from_secs(1));
        assert!(config.admin.is_empty());
        assert!(matches!(first_pool(&config).health.kind, ProbeKind::Http { .. }));
    }

    #[test]
    fn flags_about_one_of_several_are_refused_unless_one_is_main() {
        let text = refusal_with("-c f -b 127.0.0.1:9", &[], TWO);
        assert!(text.starts_with("--backend: the file has 2 pools"), "{text}");
        let text = refusal_with("-c f -l 127.0.0.1:9", &[], TWO);
        assert!(text.starts_with("--listen: the file has 2 listeners"), "{text}");
        for line in ["--health off", "--health-fall 2", "--health-interval 1s", "--policy round-robin", "--mode tcp"] {
            refusal_with(&format!("-c f {line}"), &[], TWO);
        }
        let named = TWO.replace("[pool.b]", "[pool.main]").replace("\"b\"", "\"main\"");
        let config = config_env("-c f -b 127.0.0.1:9", &[], &named);
        assert_eq!(config.pools[1].backends[0].name, "127.0.0.1:9");
        assert_eq!(config.pools[0].backends[0].name, "127.0.0.1:1");
    }

    #[test]
    fn a_flag_beats_a_variable_and_a_variable_the_file() {
        let file = "[pool.app]\nbackends = [\"127.0.0.1:1\"]\nhealth = { fall = 7, rise = 7, interval = \"7s\" }";
        let env = [("EVENKEEL_HEALTH_FALL", "8"), ("EVENKEEL_HEALTH_RISE", "8"), ("EVENKEEL_ADMIN", "")];
        let config = config_env("-c f --health-fall 9", &env, file);
        let health = &first_pool(&config).health;
        assert_eq!((health.fall, health.rise), (9, 8));
        assert_eq!(health.interval, Duration::from_secs(7));
        assert_eq!(health.timeout, Duration::from_secs(2));
        assert_eq!(config.admin.len(), 1);
    }

    #[test]
    fn a_variable_may_name_the_file_and_several_backends() {
        let config = config_env("", &[("EVENKEEL_CONFIG", "f")], GOOD);
        assert_eq!(first_pool(&config).name, "app");
        let several = [("EVENKEEL_BACKEND", " 127.0.0.1:1,weight=3  127.0.0.1:2 ")];
        let config = config_env("", &several, "");
        assert_eq!(backends(&config), [("127.0.0.1:1", 3), ("127.0.0.1:2", 1)]);
    }

    #[test]
    fn a_pool_that_is_not_there_suggests_the_nearest() {
        let text = refusal_of(&GOOD.replace("pool = \"app\"", "pool = \"ap\""));
        assert!(text.starts_with("evenkeel.toml:7:8: unknown pool \"ap\""), "{text}");
        assert!(text.contains("did you mean \"app\"?"), "{text}");
        let text = refusal_of(&TWO.replace("pool = \"a\"\n", ""));
        assert!(text.contains("toml:5:11: listener \"x\" names none of the pools a, b"), "{text}");
    }

    #[test]
    fn without_a_backend_the_way_out_is_shown() {
        for line in ["", "run", "check", "--mode tcp", "--health-path /x", "-l 127.0.0.1:1"] {
            let text = refusal(line);
            assert!(text.starts_with("evenkeel: no backend"), "{line}: {text}");
            assert!(text.contains("evenkeel demo") && text.contains("--backend"), "{text}");
        }
        assert!(refusal_of("").starts_with("evenkeel.toml: no backend is named"));
        assert!(refusal_of("[pool.app]\n").starts_with("evenkeel.toml:1:7: pool \"app\" has no backend"));
        assert!(refusal_of("[pool.app]\nbackends = []").contains("has no backend"));
    }
}
