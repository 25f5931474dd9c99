//! Floor 1: what a pool does with one client or one request beyond picking: stickiness, and which failures are tried
//! again elsewhere.
//!
//! What these do is in [`balance::sticky`](crate::balance::sticky) and [`proxy::exchange`](crate::proxy::exchange).

use super::error::{ConfigError, Errors, Said, Wrong};
use super::table::{Table, Value};
use super::{Mode, policy};
use std::time::Duration;

/// A client comes back to the backend that served it, by this cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// Its name.
    pub cookie: String,
    /// How long the client keeps it, counted from its last response; none: as long as the client runs.
    pub ttl: Option<Duration>,
}

/// The same as typed: that it is there means that it is asked for.
#[derive(Debug)]
#[allow(missing_docs)] // the keys of `sticky`
pub struct Typed {
    pub cookie: Said<String>,
    pub ttl: Option<Said<Duration>>,
}

/// How it is written.
const LIKE: &str = "sticky = { cookie = \"EVENKEEL\", ttl = \"1h\" }";

/// Reads `sticky` of a pool.
pub fn read(value: &Value<'_>, of: &str, errors: &mut Errors) -> Option<Typed> {
    let mut table: Table<'_> = errors.keep(value.table(format!("sticky of {of}"), LIKE))?;
    let cookie = table.take("cookie").map(|name| name.parsed("EVENKEEL", policy::token));
    let ttl = table.take("ttl").map(|ttl| ttl.duration().and_then(|span| seconds(&ttl, span)));
    table.finish(errors);
    let ttl = ttl.and_then(|ttl| errors.keep(ttl));
    let Some(cookie) = cookie else {
        errors.push(value.wrong(Wrong::new("sticky by which cookie?", format!("write {LIKE}"))));
        return None;
    };
    Some(Typed { cookie: errors.keep(cookie)?, ttl })
}

/// Clients count in seconds.
fn seconds(value: &Value<'_>, span: Said<Duration>) -> Result<Said<Duration>, ConfigError> {
    match span.value.subsec_nanos() {
        0 => Ok(span),
        _ => Err(value.wrong(Wrong::new("clients keep cookies for whole seconds", "write ttl = \"1s\" or longer"))),
    }
}

/// Reads `retry_on` of a pool: `"502"`, `502` or `["502", 503]`.
pub fn retry_on(value: &Value<'_>) -> Result<Said<Vec<u16>>, ConfigError> {
    let mut all: Vec<u16> = Vec::new();
    for element in value.elements() {
        let status = match element.is_number() {
            true => status(&element.number(0..=u64::MAX)?.value.to_string()),
            false => status(&element.text("502")?.value),
        };
        let status = status.map_err(|wrong| element.wrong(wrong))?;
        if all.contains(&status) {
            return Err(element.wrong(Wrong::new(format!("status {status} is named twice"), "leave one of them out")));
        }
        all.push(status);
    }
    match all.is_empty() {
        true => {
            Err(value
                .wrong(Wrong::new("retry_on names no status", "write retry_on = [\"502\", \"503\"], or leave it out")))
        }
        false => Ok(value.said(all)),
    }
}

fn status(text: &str) -> Result<u16, Wrong> {
    let digits = Some(text).filter(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let status = digits.and_then(|digits| digits.parse().ok()).filter(|status| (500..=599).contains(status));
    status.ok_or_else(|| {
        let fix = "write statuses from 500 to 599: others say nothing against a backend";
        Wrong::new(format!("{} is no status to try again on", super::error::quote(text)), fix)
    })
}

/// Where bytes alone pass there are neither cookies nor statuses.
pub fn refuse_in_tcp(key: &str, place: &super::error::Place, mode: Mode, errors: &mut Errors) {
    if mode == Mode::Tcp {
        let what = format!("a listener of this pool is in mode tcp, where {key} means nothing");
        let fix = "leave it out, or give that listener a pool of its own";
        errors.push(Wrong::new(what, fix).at(place.clone()));
    }
}

/// Writes what [`retry_on`] reads.
pub fn show_retry_on(statuses: &[u16]) -> String {
    let shown: Vec<String> = statuses.iter().map(|status| format!("\"{status}\"")).collect();
    format!("[{}]", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::config::{Command, Pool};

    const BOTH: &str = "sticky = { cookie = \"EVENKEEL\", ttl = \"1h\" }\nretry_on = [\"502\", \"503\"]";

    fn file(more: &str) -> String {
        format!("[pool.app]\nbackends = [\"127.0.0.1:8080\"]\n{more}\n")
    }

    fn pool(more: &str) -> Pool {
        first_pool(&config_of(&file(more))).clone()
    }

    #[test]
    fn both_reach_their_places_and_are_off_unless_asked_for() {
        let meant = |ttl| Some(Sticky { cookie: "EVENKEEL".into(), ttl });
        let Pool { sticky, retry_on, .. } = pool(BOTH);
        assert_eq!((sticky, retry_on), (meant(Some(Duration::from_secs(3600))), vec![502, 503]));
        assert_eq!(pool("sticky = { cookie = \"EVENKEEL\" }").sticky, meant(None));
        for one in ["retry_on = \"504\"", "retry_on = 504", "retry_on = [504]"] {
            assert_eq!(pool(one).retry_on, [504], "{one}");
        }
        let Pool { sticky, retry_on, .. } = pool("");
        assert_eq!((sticky, retry_on), (None, vec![]));
    }

    #[test]
    fn what_is_printed_means_the_same() {
        for more in [BOTH, "sticky = { cookie = \"a-b\" }", "retry_on = [599, 500]", ""] {
            let Ok(Command::Check { text, .. }) = command("check --print -c f", &[], &file(more)) else {
                panic!("refused");
            };
            assert_eq!(config_of(&text), config_of(&file(more)), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_their_fix() {
        for (more, what, fix) in [
            ("sticky = {}", "3:10: sticky by which cookie?", "EVENKEEL"),
            ("sticky = \"EVENKEEL\"", "must be a table", "cookie = "),
            ("sticky = { cookie = \"a b\" }", "3:21: \"a b\" is no name", "letters"),
            ("sticky = { cookie = \"a\", tll = \"1h\" }", "unknown key \"tll\" in sticky of [pool.app]", "\"ttl\""),
            ("sticky = { cookie = \"a\", ttl = \"1500ms\" }", "3:32: clients keep cookies for whole seconds", "1s"),
            ("sticky = { cookie = \"a\", ttl = 3 }", "has no unit", "\"3s\""),
            ("retry_on = []", "3:12: retry_on names no status", "leave it out"),
            ("retry_on = [502, \"502\"]", "3:18: status 502 is named twice", "leave one"),
            ("retry_on = [\"404\"]", "\"404\" is no status to try again on", "500 to 599"),
            ("retry_on = [600]", "\"600\" is no status", "500 to 599"),
            ("retry_on = \"5xx\"", "\"5xx\" is no status", "500 to 599"),
            ("retry_on = true", "must be a text", "\"502\""),
            ("retry_onn = 502", "unknown key", "did you mean \"retry_on\"?"),
        ] {
            let text = refusal_of(&file(more));
            assert!(text.contains(what) && text.contains(fix), "{more}\n{text}");
        }
        for more in ["sticky = { cookie = \"a\" }", "retry_on = 502"] {
            let text = refusal_with("-c f --mode tcp", &[], &file(more));
            assert!(text.contains("is in mode tcp, where") && text.starts_with("f:3:"), "{text}");
        }
    }
}
