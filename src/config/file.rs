//! Floor 1: the text of a configuration file becomes [`Typed`].
//!
//! Keys and the form of each value are checked here, all of them, so that one run shows every mistake. Whether the
//! values make sense together is [`settle`](super::settle)'s to say.

use super::error::{ConfigError, Errors, Place, Said, Source, Spot, Wrong};
use super::guard::Token;
use super::table::{Table, Value};
use super::typed::{Backend, Ejection, Health, Listener, Pool, Typed};
use super::{Limits, MOST_WEIGHT, congestion, health, limit, opening, policy, route, sticky, word};
use std::ops::RangeInclusive;
use std::sync::Arc;
use toml::de::DeTable;

/// The keys of `[timeouts]`.
pub const TIMEOUTS: [&str; 8] =
    ["connect", "header", "body", "response", "client_idle", "upstream_idle", "tunnel", "drain"];

/// The keys of `[limits]` that are amounts of bytes, and what they may be.
pub const SIZES: [(&str, RangeInclusive<u64>); 3] =
    [("head", 1 << 10..=1 << 20), ("target", 1..=1 << 20), ("body", 0..=u64::MAX)];

/// The keys of `[limits]` that are counts, and what they may be.
pub const COUNTS: [(&str, RangeInclusive<u64>); 2] =
    [("fields", 1..=Limits::MOST_FIELDS as u64), ("connections", 0..=u32::MAX as u64)];

/// Reads a whole file. What is wrong goes to `errors`, and is left out of the result.
pub fn read(source: &Arc<Source>, errors: &mut Errors) -> Typed {
    let (root, broken) = DeTable::parse_recoverable(&source.text);
    let mut typed = Typed { whole: Some(Spot::whole(source)), ..Typed::default() };
    if !broken.is_empty() {
        // What follows the first is often only its echo.
        broken.iter().take(1).for_each(|error| errors.push(syntax(source, error)));
        return typed;
    }
    let mut table = Table::new(source, "the file", root.get_ref());
    let admin = table.take("admin").map(|admin| admin.text("127.0.0.1:5002"));
    typed.admin = keep(admin, errors);
    typed.guard.token = keep(table.take("admin_token").map(|token| token.parsed("...", Token::parse)), errors);
    let file = table.take("admin_token_file").map(|file| file.text("/etc/evenkeel/token"));
    typed.guard.file = keep(file, errors);
    for (name, value) in named(table.take("listener"), "listener", errors) {
        typed.listeners.push(listener(name, value, errors));
    }
    for (name, value) in named(table.take("pool"), "pool", errors) {
        typed.pools.push(pool(name, value, errors));
    }
    timeouts(table.take("timeouts"), &mut typed, errors);
    limits(table.take("limits"), &mut typed, errors);
    table.finish(errors);
    typed
}

fn syntax(source: &Arc<Source>, error: &toml::de::Error) -> ConfigError {
    let spot = match error.span() {
        Some(span) => Spot::new(source, span),
        None => Spot::whole(source),
    };
    let what = format!("this is not TOML: {}", error.message());
    Wrong::new(what, "write key = value, with texts in quotes").at(Place::File(spot))
}

/// What is there and right.
fn keep<T>(result: Option<Result<T, ConfigError>>, errors: &mut Errors) -> Option<T> {
    result.and_then(|result| errors.keep(result))
}

/// The tables within `[listener]` or `[pool]`, whose names the operator chose.
fn named<'a>(value: Option<Value<'a>>, of: &str, errors: &mut Errors) -> Vec<(Said<String>, Table<'a>)> {
    let like = format!("[{of}.main] above its keys");
    let outer = value.map(|value| value.table(format!("[{of}]"), &like));
    let Some(outer) = keep(outer, errors) else {
        return Vec::new();
    };
    let mut tables = Vec::new();
    for value in outer.into_named() {
        let name = value.name();
        let inner = value.table(format!("[{of}.{}]", name.value), &like);
        if let Some(name) = errors.keep(check_name(name))
            && let Some(inner) = errors.keep(inner)
        {
            tables.push((name, inner));
        }
    }
    tables
}

/// Names appear in logs, metrics and paths; what TOML takes without quotes needs none there either.
fn check_name(name: Said<String>) -> Result<Said<String>, ConfigError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=64).contains(&name.value.len()) && name.value.bytes().all(plain) {
        return Ok(name);
    }
    let fix = "a name has 1 to 64 letters, digits, hyphens and underscores";
    let what = format!("bad name {}", super::error::quote(&name.value));
    Err(Wrong::new(what, fix).at(name.place))
}

fn listener(name: Said<String>, mut table: Table<'_>, errors: &mut Errors) -> Listener {
    let of = format!("[listener.{}]", name.value);
    let mut listener = Listener::new(name);
    if let Some(value) = table.take("bind") {
        let binds = value.elements();
        if binds.is_empty() {
            let fix = "write bind = \"127.0.0.1:5001\"";
            errors.push(value.wrong(Wrong::new("bind names no address", fix)));
        }
        let binds = binds.iter().map(|bind| bind.text("127.0.0.1:5001"));
        listener.bind = binds.filter_map(|bind| errors.keep(bind)).collect();
    }
    let mode = table.take("mode").map(|mode| mode.parsed("http", word::mode));
    listener.mode = keep(mode, errors);
    listener.pool = keep(table.take("pool").map(|pool| pool.text("app")), errors);
    for value in table.take("route").iter().flat_map(Value::elements) {
        listener.routes.extend(route::read(&value, errors));
    }
    listener.preface = opening::read(&mut table, errors);
    listener.limits.max_connections = limit::most(table.take("max_connections"), errors);
    limit::client(table.take("client_limit"), &of, &mut listener.limits, errors);
    let congestion = table.take("congestion").map(|name| name.parsed("cubic", congestion::congestion));
    listener.congestion = keep(congestion, errors);
    table.finish(errors);
    listener
}

fn pool(name: Said<String>, mut table: Table<'_>, errors: &mut Errors) -> Pool {
    let of = format!("[pool.{}]", name.value);
    let mut pool = Pool::new(name);
    let name = table.take("policy").map(|name| name.parsed("round-robin", policy::policy));
    pool.policy = keep(name, errors);
    let hash = table.take("hash").map(|hash| hash.parsed("header:X-User", policy::hash));
    pool.hash = keep(hash, errors);
    for value in table.take("backends").iter().flat_map(Value::elements) {
        pool.backends.extend(backend(&value, errors));
    }
    if let Some(value) = table.take("health") {
        let like = "health = { kind = \"http\", path = \"/\" }";
        let table = errors.keep(value.table(format!("health of {of}"), like));
        pool.health = table.map_or_else(Health::default, |table| probing(table, errors));
    }
    pool.health.slow_start = keep(table.take("slow_start").map(|span| span.duration()), errors);
    if let Some(value) = table.take("ejection") {
        let like = "ejection = { consecutive = 5, share = \"50%\", base = \"10s\" }";
        let table = errors.keep(value.table(format!("ejection of {of}"), like));
        pool.health.ejection = table.map(|table| ejection(table, errors));
    }
    pool.sticky = table.take("sticky").and_then(|value| sticky::read(&value, &of, errors));
    pool.retry_on = keep(table.take("retry_on").map(|value| sticky::retry_on(&value)), errors);
    let version = table.take("proxy_protocol").map(|version| version.parsed("v2", opening::version));
    pool.proxy_protocol = keep(version, errors);
    pool.limits.max_inflight = limit::most(table.take("max_inflight"), errors);
    pool.limits.queue = limit::queue(table.take("queue"), &of, errors);
    let congestion = table.take("congestion").map(|name| name.parsed("cubic", congestion::congestion));
    pool.congestion = keep(congestion, errors);
    table.finish(errors);
    pool
}

/// `"127.0.0.1:8080"` or `{ address = "127.0.0.1:8080", weight = 2 }`.
fn backend(value: &Value<'_>, errors: &mut Errors) -> Option<Said<Backend>> {
    if !value.is_table() {
        let address = errors.keep(value.text("127.0.0.1:8080"))?.value;
        return Some(value.said(Backend { address, weight: 1 }));
    }
    let like = "{ address = \"127.0.0.1:8080\", weight = 2 }";
    let mut table = errors.keep(value.table("a backend", like))?;
    let address = table.take("address");
    let weight = keep(table.take("weight").map(|weight| weight.number(0..=MOST_WEIGHT.into())), errors);
    table.finish(errors);
    let Some(address) = address else {
        let wrong = Wrong::new("a backend without address", format!("write {like}"));
        errors.push(value.wrong(wrong));
        return None;
    };
    let address = errors.keep(address.text("127.0.0.1:8080"))?;
    let weight = weight.map_or(1, |weight| narrow(weight).value);
    let backend = Backend { address: address.value, weight };
    Some(Said::new(backend, address.place))
}

fn probing(mut table: Table<'_>, errors: &mut Errors) -> Health {
    let kind = table.take("kind").map(|kind| kind.parsed("http", word::kind));
    let path = table.take("path").map(|path| path.parsed("/", word::path));
    let expect = table.take("expect").map(|expect| statuses(&expect));
    let body = table.take("body").map(|body| body.parsed("ok", health::body));
    let headers = table.take("headers").map(|headers| fields(&headers));
    let port = table.take("port").map(|port| port.number(1..=u16::MAX.into()));
    let interval = table.take("interval").map(|span| span.duration());
    let timeout = table.take("timeout").map(|span| span.duration());
    let mut count = |key| {
        let value = table.take(key).map(|count| count.number(1..=u32::MAX.into()));
        keep(value, errors).map(narrow)
    };
    let (fall, rise) = (count("fall"), count("rise"));
    table.finish(errors);
    Health {
        kind: keep(kind, errors),
        path: keep(path, errors),
        expect: keep(expect, errors),
        body: keep(body, errors),
        headers: keep(headers, errors),
        port: keep(port, errors).map(|port| Said::new(u16::try_from(port.value).unwrap_or(u16::MAX), port.place)),
        interval: keep(interval, errors),
        timeout: keep(timeout, errors),
        fall,
        rise,
        ..Health::default()
    }
}

/// `{ Host = "app.example.com" }`: what a probe says besides.
fn fields(value: &Value<'_>) -> Result<Said<Vec<(String, String)>>, ConfigError> {
    let mut all: Vec<(String, String)> = Vec::new();
    for field in value.table("headers", "headers = { Host = \"app.example.com\" }")?.into_named() {
        let (name, text) = (field.name().value, field.text("app.example.com")?.value);
        health::field(&name, &text).map_err(|wrong| field.wrong(wrong))?;
        if all.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            return Err(field.wrong(Wrong::new(format!("header {name} is named twice"), "leave one of them out")));
        }
        all.push((name, text));
    }
    Ok(value.said(all))
}

fn ejection(mut table: Table<'_>, errors: &mut Errors) -> Ejection {
    let consecutive = table.take("consecutive").map(|count| count.number(1..=u32::MAX.into()));
    let share = table.take("share").map(|share| share.parsed("50%", health::share));
    let base = table.take("base").map(|span| span.duration());
    table.finish(errors);
    Ejection {
        consecutive: keep(consecutive, errors).map(narrow),
        share: keep(share, errors),
        base: keep(base, errors),
    }
}

/// `"200-399"`, `204`, `"200,204"` or `[200, "300-399"]`.
fn statuses(value: &Value<'_>) -> Result<Said<Vec<RangeInclusive<u16>>>, ConfigError> {
    let mut all = Vec::new();
    for element in value.elements() {
        if element.is_number() {
            let code = element.number(100..=599)?.value;
            all.extend(u16::try_from(code).map(|code| code..=code));
        } else {
            all.extend(element.parsed("200-399", word::expect)?.value);
        }
    }
    match all.is_empty() {
        true => Err(value.wrong(Wrong::new("no status is expected", "write \"200-399\""))),
        false => Ok(value.said(all)),
    }
}

/// A number whose range was checked already.
fn narrow(wide: Said<u64>) -> Said<u32> {
    Said::new(u32::try_from(wide.value).unwrap_or(u32::MAX), wide.place)
}

fn timeouts(value: Option<Value<'_>>, typed: &mut Typed, errors: &mut Errors) {
    let table = value.map(|value| value.table("[timeouts]", "[timeouts] above its keys"));
    let Some(mut table) = keep(table, errors) else {
        return;
    };
    for key in TIMEOUTS {
        let span = keep(table.take(key).map(|span| span.duration()), errors);
        typed.timeouts.extend(span.map(|span| (key, span)));
    }
    table.finish(errors);
}

fn limits(value: Option<Value<'_>>, typed: &mut Typed, errors: &mut Errors) {
    let table = value.map(|value| value.table("[limits]", "[limits] above its keys"));
    let Some(mut table) = keep(table, errors) else {
        return;
    };
    for (key, range) in SIZES {
        let size = keep(table.take(key).map(|size| size.size(range.clone())), errors);
        typed.limits.extend(size.map(|size| (key, size)));
    }
    for (key, range) in COUNTS {
        let count = keep(table.take(key).map(|count| count.number(range.clone())), errors);
        typed.limits.extend(count.map(|count| (key, count)));
    }
    table.finish(errors);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Limits, Mode, ProbeKind, Timeouts};
    use super::*;

    /// The smallest file, with `more` in its pool.
    fn pool_with(more: &str) -> String {
        format!("[pool.app]\nbackends = [\"127.0.0.1:8080\"]\n{more}\n")
    }

    #[test]
    fn the_file_of_the_interface_means_the_defaults() {
        let config = config_of(GOOD);
        assert_eq!(config.timeouts, Timeouts::default());
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.admin, [at("127.0.0.1:5002")]);
        assert_eq!(first_listener(&config).name, "web");
        assert_eq!(first_listener(&config).mode, Mode::Http);
        assert_eq!(first_pool(&config).name, "app");
        assert_eq!(backends(&config), [("127.0.0.1:8080", 1), ("127.0.0.1:8081", 2)]);
        let ProbeKind::Http { path, expect, .. } = &first_pool(&config).health.kind else {
            panic!("{config:?}");
        };
        assert_eq!((path.as_str(), expect.as_slice()), ("/", &[200..=399][..]));
    }

    /// The file that packages bring, and the same with each of its examples put to work.
    fn shipped() -> (&'static str, String) {
        let shipped = include_str!("../../scripts/deploy/evenkeel.toml");
        let key = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
        let example = |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(word, _)| key(word));
        let put = |line| str::strip_prefix(line, "# ").filter(example).unwrap_or(line);
        (shipped, shipped.lines().map(put).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn the_shipped_file_is_the_defaults_written_out() {
        let small = "[listener.web]\n[pool.app]\nbackends = [\"127.0.0.1:8080\", \"127.0.0.1:8081\"]";
        assert_eq!(config_of(shipped().0), config_of(small));
    }

    #[test]
    fn the_shipped_file_has_every_key_that_is_read() {
        asked();
        config_of(&shipped().1);
        let asked = asked();
        let missing: Vec<_> = asked.iter().filter(|(_, found)| !**found).map(|(key, _)| key).collect();
        let instead = |key: &str| key == "admin_token_file" && shipped().0.contains(key); // of another, not beside it
        let missing: Vec<_> = missing.into_iter().filter(|(_, key)| !instead(key)).collect();
        assert!(asked.len() > 50, "{asked:?}");
        assert!(missing.is_empty(), "not in scripts/deploy/evenkeel.toml: {missing:?}");
    }

    #[test]
    fn what_the_file_leaves_out_has_the_same_value() {
        let mut small = config_of(&pool_with(""));
        let good = config_of(GOOD);
        assert_eq!(small.timeouts, good.timeouts);
        assert_eq!(small.limits, good.limits);
        assert_eq!(small.admin, good.admin);
        assert_eq!(first_pool(&small).health, first_pool(&good).health);
        small.listeners[0].name = "web".into();
        assert_eq!(small.listeners, good.listeners);
    }

    #[test]
    fn every_timeout_and_limit_reaches_its_place() {
        for key in TIMEOUTS {
            let config = config_of(&pool_with(&format!("[timeouts]\n{key} = \"77s\"")));
            assert!(format!("{:?}", config.timeouts).contains(&format!("{key}: 77s")));
        }
        for key in SIZES.iter().map(|(key, _)| key).chain(COUNTS.iter().map(|(key, _)| key)) {
            let value = if *key == "head" { 7777 } else { 77 };
            let config = config_of(&pool_with(&format!("[limits]\n{key} = {value}")));
            assert!(format!("{:?}", config.limits).contains(&format!("{key}: {value}")));
        }
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest_and_shows_its_line() {
        let text = refusal_of(&pool_with("polcy = \"round-robin\""));
        assert!(text.starts_with("evenkeel.toml:3:1: unknown key \"polcy\" in [pool.app]\n"), "{text}");
        assert!(text.contains("  3 | polcy = \"round-robin\"\n    | ^^^^^\n"), "{text}");
        assert!(text.ends_with("  fix: did you mean \"policy\"?"), "{text}");
        for (file, at, key) in [
            ("[listenr.web]\n".to_string(), "1:2", "listener"),
            (pool_with("[timeouts]\ndrian = \"1s\""), "4:1", "drain"),
            (pool_with("[limits]\nheads = 1"), "4:1", "head"),
            (pool_with("health = { knid = \"tcp\" }"), "3:12", "kind"),
            (pool_with("[listener.web]\nbnid = \"x\""), "4:1", "bind"),
        ] {
            let text = refusal_of(&file);
            assert!(text.starts_with(&format!("evenkeel.toml:{at}: unknown key")), "{text}");
            assert!(text.contains(&format!("did you mean {key:?}?")), "{text}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_from_top_to_bottom() {
        let text = refusal_of("[limits]\nfields = 257\n[pool.app]\nbackends = [1]\nfoo = 1\n");
        let at = |needle: &str| text.find(needle).expect(needle);
        assert!(at("toml:2:10") < at("toml:4:13") && at("toml:4:13") < at("toml:5:1"), "{text}");
    }

    #[test]
    fn values_of_the_wrong_type_are_told_how_to_be_written() {
        for (more, fix) in [
            ("health.interval = 5", "write \"5s\""),
            ("health.interval = true", "in quotes"),
            ("health.fall = \"3\"", "the number alone"),
            ("health = \"tcp\"", "kind = \"http\""),
            ("policy = 1", "in quotes"),
            ("[limits]\nfields = \"16KiB\"", "the number alone"),
            ("[limits]\nhead = 1.5", "in quotes"),
            ("[timeouts]\ndrain = \"0s\"", "longer"),
            ("[[listener]]\nbind = \"127.0.0.1:1\"", "[listener.main]"),
        ] {
            let text = refusal_of(&pool_with(more));
            assert!(text.contains(fix), "{more}: {text}");
        }
    }

    #[test]
    fn ranges_are_kept() {
        for more in [
            "[limits]\nhead = 1023",
            "[limits]\nhead = \"2MiB\"",
            "[limits]\nfields = 0",
            "[limits]\nfields = 257",
            "[limits]\ntarget = 0",
            "[limits]\nbody = -1",
            "[limits]\ntarget = \"17KiB\"",
            "health.fall = 0",
            "health.rise = 0",
            "health.rise = -1",
            "health.fall = 4294967296",
            "health.expect = []",
            "health.expect = 99",
            "health.expect = -200",
            "health.expect = [200, 600]",
            "health.path = \"x\"",
        ] {
            let text = refusal_of(&pool_with(more));
            assert!(text.contains("fix: "), "{more}: {text}");
        }
        for weight in ["257", "-1", "1.0", "\"2\""] {
            let backend = format!("{{ address = \"127.0.0.1:1\", weight = {weight} }}");
            refusal_of(&format!("[pool.app]\nbackends = [{backend}]"));
        }
        config_of(&pool_with("[limits]\nhead = 1024\nfields = 256"));
        config_of(&pool_with("[limits]\nhead = \"1MiB\"\ntarget = \"1MiB\""));
    }

    #[test]
    fn statuses_may_be_a_text_a_number_or_a_list() {
        for (written, meant) in [
            ("\"200-399\"", vec![200..=399]),
            ("\"200,204\"", vec![200..=200, 204..=204]),
            ("204", vec![204..=204]),
            ("[200, \"300-399\"]", vec![200..=200, 300..=399]),
        ] {
            let config = config_of(&pool_with(&format!("health.expect = {written}")));
            let ProbeKind::Http { expect, .. } = &first_pool(&config).health.kind else {
                panic!("{written}");
            };
            assert_eq!(*expect, meant);
        }
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let text = refusal_of("[pool.app]\nbackends = [\n\"127.0.0.1:8080\"\n");
        assert!(text.starts_with("evenkeel.toml:"), "{text}");
        assert!(text.contains("this is not TOML: "), "{text}");
        let twice = refusal_of("admin = \"off\"\nadmin = \"off\"\n");
        assert!(twice.starts_with("evenkeel.toml:2:1: this is not TOML: "), "{twice}");
    }

    #[test]
    fn a_backend_needs_an_address_and_a_name_is_a_word() {
        assert!(refusal_of("[pool.app]\nbackends = [{ weight = 2 }]").contains("without address"));
        assert!(refusal_of("[pool.\"a b\"]\nbackends = [\"127.0.0.1:1\"]").contains("bad name \"a b\""));
        assert!(refusal_of("[pool.\"\"]\nbackends = [\"127.0.0.1:1\"]").contains("bad name \"\""));
        assert!(refusal_of(&pool_with("[listener.web]\nbind = []")).contains("names no address"));
    }

    #[test]
    fn listeners_and_pools_keep_the_order_of_the_file() {
        let config = config_of(
            "[pool.z]\nbackends = [\"127.0.0.1:1\"]\n[pool.a]\nbackends = [\"127.0.0.1:2\"]\n\
             [listener.y]\nbind = \"127.0.0.1:3\"\npool = \"a\"\n\
             [listener.b]\nbind = [\"127.0.0.1:4\", \"localhost:5\"]\npool = \"z\"\n",
        );
        let pools: Vec<&str> = config.pools.iter().map(|pool| pool.name.as_str()).collect();
        let listeners = config.listeners.iter();
        let listeners: Vec<_> = listeners.map(|one| (one.name.as_str(), one.pool, one.bind.len())).collect();
        assert_eq!(pools, ["z", "a"]);
        assert_eq!(listeners, [("y", Some(1), 1), ("b", Some(0), 3)]);
    }
}
