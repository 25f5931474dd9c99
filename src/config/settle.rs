//! Floor 1: the flags are laid over the file, what nobody said gets its default, names become addresses and indices,
//! and all is held against each other: [`Typed`] and [`Upper`] become a [`Config`].
//!
//! The first of this is done in [`lay`](super::lay); read it first.
//!
//! A probe's time-out may be longer than its interval: probes come faster than that anyway while a backend changes
//! state, and none begins before the last has ended.

use super::address::{self, Resolve};
use super::book::Book;
use super::error::{Errors, Place, Said, Wrong};
use super::lay::{Link, lay_over, link, mode_of};
use super::typed::{self, Typed, Upper};
use super::word::{self, Kind};
use super::{
    Backend, Config, Ejection, HashOn, Health, Limits, Listener, Mode, PolicyName, Pool, Preface, ProbeKind, Route,
    Sticky, Timeouts,
};
use super::{clash, duration, guard, opening, policy, size, sticky};
use crate::base::Address;
use std::time::Duration;

/// A configuration and where each value came from.
#[derive(Debug)]
pub struct Settled {
    /// As meant.
    pub config: Config,
    /// Who said so.
    pub book: Book,
}

/// Makes one configuration of all that was said. Nothing if `errors` has more than before.
pub fn settle(mut typed: Typed, upper: Upper, resolve: Resolve<'_>, errors: &mut Errors) -> Option<Settled> {
    lay_over(&mut typed, upper, errors)?;
    let links = link(&typed, errors)?;
    let mut work = Work { resolve, errors, book: Book::default() };
    let said = typed.admin.take().unwrap_or_else(guard::default_admin);
    let admin = work.admin(&said);
    let guard = work.guard(std::mem::take(&mut typed.guard), &said, &admin);
    let mut binds = vec![(clash::Who::Admin, said.place, admin.clone())];
    let modes: Vec<Mode> = (0..typed.pools.len()).map(|pool| mode_of(pool, &links, &typed)).collect();
    let mut listeners = Vec::new();
    for (listener, link) in std::mem::take(&mut typed.listeners).into_iter().zip(links) {
        let default = link.pool.and_then(|pool| typed.pools.get(pool)).map(|pool| pool.name.value.clone());
        listeners.push(work.listener(listener, link, default, &mut binds));
    }
    let pools = std::mem::take(&mut typed.pools).into_iter().zip(modes);
    let pools: Vec<Pool> = pools.map(|(pool, mode)| work.pool(pool, mode)).collect();
    let timeouts = work.timeouts(&typed);
    let limits = work.limits(&typed);
    let config = Config { listeners, pools, admin, guard, timeouts, limits };
    clash::refuse(&binds, &config, work.errors);
    let book = work.book;
    errors.is_empty().then_some(Settled { config, book })
}

/// What is at hand while settling.
pub(super) struct Work<'a> {
    resolve: Resolve<'a>,
    pub(super) errors: &'a mut Errors,
    book: Book,
}

impl Work<'_> {
    /// The value said, or the default, noted in the book.
    pub(super) fn value<T>(&mut self, key: &str, said: Option<Said<T>>, default: T, show: fn(&T) -> String) -> T {
        let said = said.unwrap_or(Said::new(default, Place::Default));
        self.book.value(key, &show(&said.value), &said.place);
        said.value
    }

    /// Like [`Work::value`], for what is off unless asked for.
    pub(super) fn if_said<T>(&mut self, key: &str, said: Option<Said<T>>, show: fn(&T) -> String) -> Option<T> {
        let said = said?;
        self.book.value(key, &show(&said.value), &said.place);
        Some(said.value)
    }

    /// What an address stands for; nothing, and an error, if nothing.
    pub(super) fn addresses(&mut self, text: &Said<String>) -> Vec<Address> {
        let found = address::look_up(&text.value, self.resolve);
        let found = found.map_err(|wrong| wrong.at(text.place.clone()));
        self.errors.keep(found).unwrap_or_default()
    }

    /// Notes in the book what is no value.
    pub(super) fn note(&mut self, comment: &str, place: &Place) {
        self.book.note(comment, place);
    }

    fn listener(
        &mut self,
        mut said: typed::Listener,
        link: Link,
        default: Option<String>,
        binds: &mut Vec<clash::Bind>,
    ) -> Listener {
        let name = said.name.value;
        self.book.title(&format!("[listener.{name}]"));
        if said.bind.is_empty() {
            let default = "127.0.0.1:5001".to_string();
            said.bind.push(Said::new(default, Place::Default));
        }
        let shown = said.bind.iter().map(|bind| (text(&bind.value), &bind.place));
        self.book.list("bind", shown);
        let mode = self.value("mode", said.mode, Mode::Http, show_mode);
        if let Some(name) = default {
            self.value("pool", said.pool, name, |name| text(name));
        }
        let routes = self.routes(said.routes, link.routes);
        opening::refuse(&said.preface, mode, self.errors);
        let preface = self.preface(said.preface);
        let mut bind = Vec::new();
        for one in &said.bind {
            let addresses = self.addresses(one);
            bind.extend_from_slice(&addresses);
            binds.push((clash::Who::Listener(name.clone()), one.place.clone(), addresses));
        }
        let (max_connections, client_limit) = self.limits_of_listener(said.limits, mode);
        let congestion = self.if_said("congestion", said.congestion, |name| text(name));
        let pool = link.pool;
        Listener { name, bind, mode, routes, pool, preface, max_connections, client_limit, congestion }
    }

    fn preface(&mut self, said: typed::Preface) -> Preface {
        Preface {
            proxy_protocol: self.if_said("proxy_protocol", said.proxy_protocol, bool::to_string).unwrap_or_default(),
            sni: self.if_said("sni", said.sni, bool::to_string).unwrap_or_default(),
            trusted: self.if_said("trusted_proxies", said.trusted, |all| opening::show(all)).unwrap_or_default(),
        }
    }

    fn routes(&mut self, said: Vec<typed::Route>, pools: Vec<usize>) -> Vec<Route> {
        if !said.is_empty() {
            let shown = said.iter().map(|route| (show_route(route), &route.pool.place));
            self.book.list("route", shown);
        }
        let route = |(said, pool): (typed::Route, usize)| {
            let (host, path) = (said.host.map(|host| host.value), said.path.map(|path| path.value));
            Route { host, path, pool }
        };
        said.into_iter().zip(pools).map(route).collect()
    }

    fn pool(&mut self, said: typed::Pool, mode: Mode) -> Pool {
        let name = said.name.value;
        self.book.title(&format!("[pool.{name}]"));
        let chosen = said.policy.unwrap_or(Said::new(PolicyName::RoundRobin, Place::Default));
        let policy = self.value("policy", Some(chosen.clone()), chosen.value, show_policy);
        let hash = self.hash(said.hash, &chosen, mode);
        let shown = said.backends.iter().map(|one| (show_backend(&one.value), &one.place));
        self.book.list("backends", shown);
        let mut backends = Vec::new();
        for one in said.backends {
            let place = one.place.clone();
            if let Some(backend) = self.backend(one)
                && clash::refuse_again(&backend, &backends, place, self.errors)
            {
                backends.push(backend);
            }
        }
        refuse_port(&said.health, &backends, self.errors);
        let health = self.health(said.health, mode);
        let sticky = said.sticky.map(|sticky| self.sticky(sticky, mode));
        let retry_on = self.retry_on(said.retry_on, mode);
        let proxy_protocol = self.if_said("proxy_protocol", said.proxy_protocol, |version| text(version.name()));
        let (max_inflight, queue) = self.limits_of_pool(said.limits);
        let congestion = self.if_said("congestion", said.congestion, |name| text(name));
        Pool { name, policy, hash, backends, health, sticky, retry_on, proxy_protocol, max_inflight, queue, congestion }
    }

    fn sticky(&mut self, said: sticky::Typed, mode: Mode) -> Sticky {
        sticky::refuse_in_tcp("sticky", &said.cookie.place, mode, self.errors);
        let cookie = self.if_said("sticky.cookie", Some(said.cookie), |name| text(name)).unwrap_or_default();
        Sticky { cookie, ttl: self.if_said("sticky.ttl", said.ttl, span) }
    }

    fn retry_on(&mut self, said: Option<Said<Vec<u16>>>, mode: Mode) -> Vec<u16> {
        if let Some(said) = &said {
            sticky::refuse_in_tcp("retry_on", &said.place, mode, self.errors);
        }
        self.if_said("retry_on", said, |statuses| sticky::show_retry_on(statuses)).unwrap_or_default()
    }

    /// What is hashed on, if the policy hashes. Of a policy that does not and a key, who outranks the other is meant,
    /// and of equals neither.
    fn hash(&mut self, said: Option<Said<HashOn>>, policy: &Said<PolicyName>, mode: Mode) -> HashOn {
        let Some(on) = &said else { return self.hash_shown(None, policy) };
        if !policy.value.hashes() && on.place.rank() >= policy.place.rank() {
            let what = format!("policy {} has no use for a hash", show_policy(&policy.value));
            let fix = "leave it out, or choose policy = \"maglev\" or \"rendezvous\"";
            self.errors.push(Wrong::new(what, fix).at(on.place.clone()));
        } else if policy.value.hashes() && mode == Mode::Tcp && on.value != HashOn::Client {
            let what = "a listener of this pool is in mode tcp, where nothing is known but the client";
            let fix = "write hash = \"client\", or give that listener a pool of its own";
            self.errors.push(Wrong::new(what, fix).at(on.place.clone()));
        }
        self.hash_shown(said, policy)
    }

    fn hash_shown(&mut self, said: Option<Said<HashOn>>, policy: &Said<PolicyName>) -> HashOn {
        match policy.value.hashes() {
            true => self.value("hash", said, HashOn::Client, |on| text(&policy::show_hash(on))),
            false => HashOn::Client,
        }
    }

    fn backend(&mut self, said: Said<typed::Backend>) -> Option<Backend> {
        let found = address::look_up_one(&said.value.address, self.resolve);
        let found = found.map_err(|wrong| wrong.at(said.place));
        let address = self.errors.keep(found)?;
        Some(Backend { name: said.value.address, address, weight: said.value.weight })
    }

    fn health(&mut self, said: typed::Health, mode: Mode) -> Health {
        let usual = Health::default();
        let kind = self.kind(&said, mode);
        self.value("health.kind", Some(kind.clone()), Kind::Off, show_kind);
        let kind = match kind.value {
            Kind::Off => ProbeKind::Off,
            Kind::Tcp => ProbeKind::Tcp,
            Kind::Http => ProbeKind::Http {
                path: self.value("health.path", said.path, "/".to_string(), |path| text(path)),
                expect: self
                    .value("health.expect", said.expect, vec![200..=399], |ranges| text(&word::show_expect(ranges))),
                body: self.if_said("health.body", said.body, |body| text(body)),
                headers: self.if_said("health.headers", said.headers, |all| show_fields(all)).unwrap_or_default(),
            },
        };
        Health {
            kind,
            port: self.if_said("health.port", said.port, u16::to_string),
            interval: self.value("health.interval", said.interval, usual.interval, span),
            timeout: self.value("health.timeout", said.timeout, usual.timeout, span),
            fall: self.value("health.fall", said.fall, usual.fall, u32::to_string),
            rise: self.value("health.rise", said.rise, usual.rise, u32::to_string),
            slow_start: self.if_said("slow_start", said.slow_start, span),
            ejection: said.ejection.map(|ejection| self.ejection(ejection)),
        }
    }

    fn ejection(&mut self, said: typed::Ejection) -> Ejection {
        let usual = Ejection::default();
        Ejection {
            consecutive: self.value("ejection.consecutive", said.consecutive, usual.consecutive, u32::to_string),
            share: self.value("ejection.share", said.share, usual.share, |share| text(&format!("{share}%"))),
            base: self.value("ejection.base", said.base, usual.base, span),
        }
    }

    /// The kind said; else a path or an expectation asks for HTTP; else as the mode suggests. Of a kind that has no path and
    /// a path, who outranks the other is meant, and of equals neither.
    fn kind(&mut self, said: &typed::Health, mode: Mode) -> Said<Kind> {
        let path = said.path.as_ref().map(|path| &path.place);
        let expect = said.expect.as_ref().map(|expect| &expect.place);
        let body = said.body.as_ref().map(|body| &body.place);
        let detail = path.or(expect).or(body).or(said.headers.as_ref().map(|headers| &headers.place));
        let default = match mode {
            Mode::Http => Kind::Http,
            Mode::Tcp => Kind::Tcp,
        };
        let Some(kind) = &said.kind else {
            let asked = detail.map(|place| Said::new(Kind::Http, place.clone()));
            return asked.unwrap_or(Said::new(default, Place::Default));
        };
        match detail {
            Some(place) if kind.value != Kind::Http && place.rank() > kind.place.rank() => {
                Said::new(Kind::Http, place.clone())
            }
            Some(place) if kind.value != Kind::Http && place.rank() == kind.place.rank() => {
                let what = format!("a probe of kind {} has no path and no status", show_kind(&kind.value));
                let fix = "leave the path and the status out, or choose the kind \"http\"";
                self.errors.push(Wrong::new(what, fix).at(place.clone()));
                kind.clone()
            }
            _ => kind.clone(),
        }
    }

    fn timeouts(&mut self, typed: &Typed) -> Timeouts {
        self.book.title("[timeouts]");
        let mut all = Timeouts::default();
        let slots = [
            ("connect", &mut all.connect),
            ("header", &mut all.header),
            ("body", &mut all.body),
            ("response", &mut all.response),
            ("client_idle", &mut all.client_idle),
            ("upstream_idle", &mut all.upstream_idle),
            ("tunnel", &mut all.tunnel),
            ("drain", &mut all.drain),
        ];
        for (key, slot) in slots {
            *slot = self.value(key, find(&typed.timeouts, key), *slot, span);
        }
        all
    }

    fn limits(&mut self, typed: &Typed) -> Limits {
        self.book.title("[limits]");
        let limits = Limits::default();
        let said = |key| find(&typed.limits, key);
        let show = |bytes: &u64| quoted_unless_number(size::show(*bytes));
        let count = u64::to_string;
        let head = self.value("head", said("head"), limits.head as u64, show);
        if let Some(target) = said("target").filter(|target| target.value > head) {
            let what = format!("a target of {} does not fit", size::show(target.value));
            let fix = format!("it is part of a head, which has {}", size::show(head));
            self.errors.push(Wrong::new(what, fix).at(target.place));
        }
        let target = head.min(limits.target as u64);
        Limits {
            head: narrow(head),
            target: narrow(self.value("target", said("target"), target, show)),
            fields: narrow(self.value("fields", said("fields"), limits.fields as u64, count)),
            body: self.value("body", said("body"), limits.body, show),
            connections: narrow(self.value("connections", said("connections"), 0, count)),
            descriptors: limits.descriptors,
            bulk: limits.bulk,
        }
    }
}

/// A path has no ports, so another one cannot be probed.
fn refuse_port(said: &typed::Health, backends: &[Backend], errors: &mut Errors) {
    if let (Some(port), Some(unix)) = (&said.port, backends.iter().find(|backend| backend.address.is_unix())) {
        let what = format!("backend {} has no port", text(&unix.name));
        let fix = "leave health.port out, or give that backend a pool of its own";
        errors.push(Wrong::new(what, fix).at(port.place.clone()));
    }
}

fn find<T: Clone>(all: &[(&'static str, Said<T>)], key: &str) -> Option<Said<T>> {
    let found = all.iter().find(|(name, _)| *name == key);
    found.map(|(_, said)| said.clone())
}

fn narrow(wide: u64) -> usize {
    usize::try_from(wide).unwrap_or(usize::MAX)
}

/// TOML's quoting and Rust's are the same for what was let through: printable ASCII.
pub(super) fn text(plain: &str) -> String {
    format!("{plain:?}")
}

fn quoted_unless_number(shown: String) -> String {
    match shown.bytes().all(|byte| byte.is_ascii_digit()) {
        true => shown,
        false => text(&shown),
    }
}

fn span(span: &Duration) -> String {
    text(&duration::show(*span))
}

fn show_route(route: &typed::Route) -> String {
    let host = route.host.as_ref().map(|host| format!("host = {}", text(&host.value.to_string())));
    let path = route.path.as_ref().map(|path| format!("path = {}", text(&path.value)));
    let pool = format!("pool = {}", text(&route.pool.value));
    let parts: Vec<String> = host.into_iter().chain(path).chain([pool]).collect();
    format!("{{ {} }}", parts.join(", "))
}

fn show_mode(mode: &Mode) -> String {
    match mode {
        Mode::Http => text("http"),
        Mode::Tcp => text("tcp"),
    }
}

fn show_policy(policy: &PolicyName) -> String {
    text(policy.name())
}

fn show_fields(fields: &[(String, String)]) -> String {
    let shown: Vec<String> = fields.iter().map(|(name, value)| format!("{} = {}", text(name), text(value))).collect();
    format!("{{ {} }}", shown.join(", "))
}

fn show_kind(kind: &Kind) -> String {
    match kind {
        Kind::Off => text("off"),
        Kind::Tcp => text("tcp"),
        Kind::Http => text("http"),
    }
}

fn show_backend(backend: &typed::Backend) -> String {
    let address = text(&backend.address);
    format!("{{ address = {address}, weight = {} }}", backend.weight)
}

#[cfg(test)]
mod tests {
    use super::super::Command;
    use super::super::testing::*;
    use super::*;

    fn kind(line: &str, file: &str) -> ProbeKind {
        first_pool(&config_env(line, &[], file)).health.kind.clone()
    }

    fn get(path: &str) -> ProbeKind {
        ProbeKind::get(path)
    }

    #[test]
    fn the_mode_suggests_the_probe_and_flags_decide() {
        for (line, meant) in [
            ("", get("/")),
            ("--mode tcp", ProbeKind::Tcp),
            ("--mode tcp --health http", get("/")),
            ("--mode tcp --health-path /up", get("/up")),
            ("--health tcp", ProbeKind::Tcp),
            ("--health off", ProbeKind::Off),
        ] {
            assert_eq!(kind(&format!("-b 127.0.0.1:1 {line}"), ""), meant, "{line}");
        }
        let file = |health: &str| format!("[pool.a]\nbackends = [\"127.0.0.1:1\"]\nhealth = {{ {health} }}");
        let (tcp, path) = (file("kind = \"tcp\""), file("path = \"/up\""));
        assert_eq!(kind("-c f --health-path /x", &tcp), get("/x"));
        assert_eq!(kind("-c f --health tcp", &path), ProbeKind::Tcp);
        assert_eq!(kind("-c f --mode tcp", &path), get("/up"));
    }

    #[test]
    fn a_path_beside_a_kind_that_has_none_is_refused() {
        let text = refusal("-b 127.0.0.1:1 --health tcp --health-path /");
        assert!(text.starts_with("--health-path: a probe of kind \"tcp\""), "{text}");
        let file = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\nhealth = { kind = \"off\", expect = 200 }";
        assert!(refusal_of(file).contains("no path and no status"));
    }

    #[test]
    fn a_hash_belongs_to_a_policy_that_hashes() {
        let file = |more: &str| format!("[pool.a]\nbackends = [\"127.0.0.1:1\"]\n{more}");
        let hash = |line: &str, more: &str| first_pool(&config_env(line, &[], &file(more))).hash.clone();
        let user = "policy = \"maglev\"\nhash = \"header:X-User\"";
        assert_eq!(hash("-c f", user), HashOn::Header("X-User".into()));
        assert_eq!(hash("-c f", "policy = \"rendezvous\""), HashOn::Client);
        assert_eq!(hash("-c f --policy rendezvous", "hash = \"path\""), HashOn::Path);
        assert_eq!(hash("-c f --policy random", user), HashOn::Client);
        for policy in ["", "policy = \"first\"\n"] {
            let text = refusal_of(&file(&format!("{policy}hash = \"path\"")));
            assert!(text.contains("has no use for a hash") && text.contains("maglev"), "{text}");
        }
        let text = refusal_with("-c f --mode tcp", &[], &file(user));
        assert!(text.starts_with("f:4:8: a listener of this pool is in mode tcp"), "{text}");
        let text = refusal_of(&file("policy = \"maglev\"\nhash = \"header\""));
        assert!(text.starts_with("evenkeel.toml:4:8: \"header\" of which name?"), "{text}");
    }

    #[test]
    fn policy_and_hash_are_printed_and_mean_the_same() {
        let file = "[pool.a]\nbackends = [{ address = \"127.0.0.1:1\", weight = 0 }]\nhash = \"cookie:id\"";
        let line = "-c f --policy maglev";
        let Ok(Command::Check { text, .. }) = command(&format!("check --print {line}"), &[], file) else {
            panic!("refused");
        };
        for (value, origin) in [("policy = \"maglev\"", "--policy"), ("hash = \"cookie:id\"", "f:3")] {
            let found = text.lines().find(|line| line.starts_with(value)).expect(value);
            assert!(found.ends_with(&format!(" # {origin}")), "{found}");
        }
        assert_eq!(config_of(&text), config_env(line, &[], file));
    }

    #[test]
    fn a_pool_of_two_modes_is_probed_by_connecting() {
        let file = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\n[listener.x]\nbind = \"127.0.0.1:2\"\n\
            [listener.y]\nbind = \"127.0.0.1:3\"\nmode = \"tcp\"";
        assert_eq!(kind("-c f", file), ProbeKind::Tcp);
    }

    #[test]
    fn names_are_looked_up() {
        let config = config("-l localhost:5001 -b one:80 -b localhost:81 --admin localhost:5002");
        assert_eq!(first_listener(&config).bind.len(), 2);
        assert_eq!(config.admin.len(), 2);
        let addresses = first_pool(&config).backends.iter().map(|one| one.address.to_string());
        assert_eq!(addresses.collect::<Vec<_>>(), ["10.0.0.1:80", "127.0.0.1:81"]);
        let text = refusal("-b nowhere:80");
        assert!(text.starts_with("--backend: cannot find out what \"nowhere:80\" stands for"), "{text}");
    }

    #[test]
    fn paths_are_printed_as_they_are_read_and_have_no_port_to_be_probed_at() {
        let line = "-l unix:/run/in -b unix:/run/a,weight=2 -b one:80";
        let Ok(Command::Check { text, .. }) = command(&format!("check --print {line}"), &[], "") else {
            panic!("refused");
        };
        assert_eq!(config_of(&text), config(line));
        let config = config(line);
        assert_eq!(first_listener(&config).bind, [Address::unix("/run/in")]);
        let backends = first_pool(&config).backends.iter().map(|one| (one.name.as_str(), one.address.is_unix()));
        assert_eq!(backends.collect::<Vec<_>>(), [("unix:/run/a", true), ("one:80", false)]);
        let text = refusal_of("[pool.a]\nbackends = [\"unix:/run/a\"]\nhealth = { port = 9 }");
        assert!(text.starts_with("evenkeel.toml:3:19: backend \"unix:/run/a\" has no port"), "{text}");
    }

    #[test]
    fn a_small_head_makes_the_usual_target_small() {
        let file = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\n[limits]\nhead = \"4KiB\"";
        assert_eq!(config_of(file).limits.target, 4096);
        let text = refusal_of(&format!("{file}\ntarget = \"5KiB\""));
        assert!(text.contains("toml:5:10: a target of 5KiB does not fit"), "{text}");
    }

    #[test]
    fn what_is_printed_names_each_origin_and_means_the_same() {
        let file = GOOD.replace("\"/\"", "\"/a\\\"b\\\\c\"").replace("head = \"16KiB\"", "head = 9000");
        let line = "-c f -l localhost:7 --health-fall 9";
        let env = [("EVENKEEL_HEALTH_RISE", "8")];
        let Ok(Command::Check { text, .. }) = command(&format!("check --print {line}"), &env, &file) else {
            panic!("refused");
        };
        for (value, origin) in [
            ("\"localhost:7\",", "--listen"),
            ("health.fall = 9", "--health-fall"),
            ("health.rise = 8", "EVENKEEL_HEALTH_RISE"),
            ("mode = \"http\"", "f:6"),
            ("{ address = \"127.0.0.1:8081\", weight = 2 },", "f:11"),
        ] {
            let found = text.lines().find(|line| line.trim().starts_with(value)).expect(value);
            assert!(found.ends_with(&format!(" # {origin}")), "{found}");
        }
        assert_eq!(config_of(&text), config_env(line, &env, &file));
    }

    #[test]
    fn defaults_are_called_so() {
        let Ok(Command::Check { text, .. }) = command("check --print -b 127.0.0.1:1", &[], "") else {
            panic!("refused");
        };
        let told = text.lines().filter(|line| line.contains('#'));
        let told: Vec<&str> = told.filter(|line| !line.ends_with("default")).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(config_of(&text), config("-b 127.0.0.1:1"));
    }
}
