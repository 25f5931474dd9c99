//! Floor 1: routes, the way from a host and a path to a pool.
//!
//! Here is what a route says and how it is read; which request matches is [`http::route`](crate::http::route)'s.

use super::error::{ConfigError, Errors, Said, Wrong, quote};
use super::table::{Table, Value};
use super::typed;
use std::fmt::{self, Display, Formatter};

/// Requests of this host and path go to this pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// None: of any host.
    pub host: Option<HostPattern>,
    /// What the path begins with. None: any.
    pub path: Option<String>,
    /// Index into [`Config::pools`](super::Config::pools).
    pub pool: usize,
}

/// A host, or all below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// `api.example.com`, in lower case.
    Exact(String),
    /// `*.example.com`, kept as `.example.com`: any number of labels before it, at least one.
    Below(String),
}

impl Display for HostPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Exact(name) => f.write_str(name),
            HostPattern::Below(suffix) => write!(f, "*{suffix}"),
        }
    }
}

const LIKE: &str = "{ host = \"api.example.com\", path = \"/v1/\", pool = \"api\" }";

/// One of `[[listener.NAME.route]]`.
pub fn read(value: &Value<'_>, errors: &mut Errors) -> Option<typed::Route> {
    let mut table = errors.keep(value.table("a route", LIKE))?;
    let host = table.take("host").map(|host| host.parsed("api.example.com", pattern));
    let path = table.take("path").map(|path| path.parsed("/v1/", prefix));
    let host = host.and_then(|host| errors.keep(host));
    let path = path.and_then(|path| errors.keep(path));
    let pool = pool(value, &mut table, errors);
    table.finish(errors);
    Some(typed::Route { host, path, pool: pool? })
}

fn pool(value: &Value<'_>, table: &mut Table<'_>, errors: &mut Errors) -> Option<Said<String>> {
    let missing = || -> ConfigError { value.wrong(Wrong::new("a route without pool", format!("write {LIKE}"))) };
    let pool = table.take("pool").ok_or_else(missing).and_then(|pool| pool.text("api"));
    errors.keep(pool)
}

/// `api.example.com` or `*.example.com`; the port of a request is never compared.
fn pattern(text: &str) -> Result<HostPattern, Wrong> {
    let lower = text.to_ascii_lowercase();
    let (name, below) = lower.strip_prefix("*.").map_or((lower.as_str(), false), |name| (name, true));
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let address = name.strip_prefix('[').is_some_and(|rest| rest.ends_with(']')) && !below;
    if !(address || name.split('.').all(label)) {
        let what = format!("bad host {}", quote(text));
        return Err(Wrong::new(what, "write a name without port, as in \"api.example.com\" or \"*.example.com\""));
    }
    Ok(if below { HostPattern::Below(format!(".{name}")) } else { HostPattern::Exact(lower) })
}

/// What a path begins with, byte for byte: nothing is decoded and no dots are resolved.
fn prefix(text: &str) -> Result<String, Wrong> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"#?".contains(&byte));
    match text.starts_with('/') && plain {
        true => Ok(text.to_string()),
        false => Err(Wrong::new(
            format!("bad path {}", quote(text)),
            "a path begins with \"/\" and has no spaces, no \"#\" or \"?\" and nothing but ASCII, as in \"/v1/\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// Two pools, and a listener with `more`.
    fn with(more: &str) -> String {
        format!(
            "[pool.app]\nbackends = [\"127.0.0.1:8080\"]\n[pool.api]\nbackends = [\"127.0.0.1:8081\"]\n\
             [listener.web]\n{more}\n"
        )
    }

    #[test]
    fn routes_keep_their_order_and_find_their_pools() {
        let config = config_of(&with(
            "pool = \"app\"\n[[listener.web.route]]\nhost = \"API.example.com\"\npath = \"/v1/\"\npool = \"api\"\n\
             [[listener.web.route]]\nhost = \"*.example.com\"\npool = \"app\"",
        ));
        let web = first_listener(&config);
        let exact = HostPattern::Exact("api.example.com".into());
        assert_eq!(web.pool, Some(0));
        assert_eq!(web.routes[0], Route { host: Some(exact), path: Some("/v1/".into()), pool: 1 });
        assert_eq!(web.routes[1].host, Some(HostPattern::Below(".example.com".into())));
    }

    #[test]
    fn with_routes_no_pool_need_be_named_for_the_rest() {
        let config = config_of(&with("route = [{ path = \"/v1/\", pool = \"api\" }]"));
        assert_eq!((first_listener(&config).pool, first_listener(&config).routes.len()), (None, 1));
    }

    #[test]
    fn what_is_wrong_with_a_route_is_told() {
        for (route, told) in [
            ("{ path = \"/\" }", "a route without pool"),
            ("{ path = \"v1\", pool = \"api\" }", "bad path \"v1\""),
            ("{ path = \"/v1?x\", pool = \"api\" }", "bad path \"/v1?x\""),
            ("{ host = \"a:80\", pool = \"api\" }", "bad host \"a:80\""),
            ("{ host = \"*\", pool = \"api\" }", "bad host \"*\""),
            ("{ host = \"*.*.a\", pool = \"api\" }", "bad host \"*.*.a\""),
            ("{ hots = \"a\", pool = \"api\" }", "did you mean \"host\"?"),
            ("{ pool = \"apo\" }", "did you mean \"app\"?"),
            ("\"/v1/\"", "\"route\" must be a table"),
        ] {
            let text = refusal_of(&with(&format!("route = [{route}]")));
            assert!(text.contains(told), "{route}: {text}");
        }
        let text = refusal_of(&with("mode = \"tcp\"\npool = \"app\"\nroute = [{ pool = \"api\" }]"));
        assert!(text.contains("a tcp listener has no routes"), "{text}");
    }
}
