//! `/api/backends`: what an operator sees of backends and tells them.
//!
//! A backend is called as in the configuration. The same one may stand in several pools: its name alone means it in each of
//! them, since who drains a machine means the machine; `POOL/NAME` means it in one. What is to be done with it comes as
//! JSON or in the query, and whatever is not understood is refused whole, so that half of a wish is never granted. Who is
//! added is called `POOL/ADDRESS`, an address in numbers or a path. The configuration has the last word: what it says of a
//! pool is done when it is read again.

use super::guard::fields;
use super::state::{BackendState, backend_state};
use super::{Act, Ask, Page, Reply, View, json};
use crate::balance::{BackendId, Order, PoolId};
use crate::config::error::Wrong;
use crate::config::{self, MOST_WEIGHT, address};
use crate::http::{Framing, Request, Status};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

#[derive(Serialize)]
struct All<'a> {
    backends: Vec<OfPool<'a>>,
}

#[derive(Serialize)]
struct OfPool<'a> {
    pool: &'a str,
    #[serde(flatten)]
    backend: BackendState<'a>,
}

/// Every backend that is configured, with its pool.
fn known<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a str, BackendId)> {
    let pools = view.backends.pools().filter(|(pool, _)| !pool.is_gone());
    pools.flat_map(|(pool, _)| pool.members().map(|id| (pool.name.as_str(), id)))
}

/// All of them.
pub(super) fn all(view: &View<'_>) -> Page {
    let ids: Vec<BackendId> = known(view).map(|(_, id)| id).collect();
    list(&ids, view)
}

/// Those of a name, as it stands in the path.
pub(super) fn one(name: &[u8], view: &View<'_>) -> Page {
    find(name, view).map_or_else(|page| page, |ids| list(&ids, view))
}

/// These.
pub(super) fn list(ids: &[BackendId], view: &View<'_>) -> Page {
    let one = |&id: &BackendId| {
        let backend = view.backends.get(id);
        OfPool { pool: &view.backends.pool(backend.pool).name, backend: backend_state(backend, view.now, None) }
    };
    json(&All { backends: ids.iter().map(one).collect() })
}

/// Who is called so; at least one. Errors: nobody is.
fn find(name: &[u8], view: &View<'_>) -> Result<Vec<BackendId>, Page> {
    let name = unescape(name);
    let called = |id: BackendId| view.backends.get(id).name.as_str();
    let alone = known(view).filter(|&(_, id)| called(id) == name);
    let mut found: Vec<BackendId> = alone.map(|(_, id)| id).collect();
    if found.is_empty() {
        let full = known(view).filter(|&(pool, id)| {
            let rest = name.strip_prefix(pool).and_then(|rest| rest.strip_prefix('/'));
            rest == Some(called(id))
        });
        found.extend(full.map(|(_, id)| id));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = known(view).map(|(pool, id)| format!("{pool}/{}", called(id))).collect();
    Err(Page::text(Status(404), &format!("no backend is called {name:?}; there are {}\n", names.join(", "))))
}

/// Percent escapes as what they stand for.
fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        match (byte, digit(0).zip(digit(1))) {
            (b'%', Some((high, low))) => {
                out.push((high * 16 + low) as u8);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Something is to be done with who is called so.
pub(super) fn post(
    name: &[u8],
    query: &[u8],
    request: &Request<'_, '_>,
    body: Option<&[u8]>,
    view: &View<'_>,
) -> Reply {
    let newcomer = newcomer(name, view);
    let found = match (find(name, view), &newcomer) {
        (Err(page), None) => return Reply::Page(page),
        (found, _) => found,
    };
    let empty = matches!(request.framing, Framing::None | Framing::Length(0));
    if !empty && !is_json(request) {
        return Reply::Page(Page::text(Status(415), "a body is JSON, and says so: Content-Type: application/json\n"));
    }
    let Some(body) = body else { return Reply::Body };
    let refused = |wrong: Wrong| Reply::Page(Page::text(Status(400), &format!("{}; {}\n", wrong.what, wrong.fix)));
    let Wish { weight, deed } = match wish(query, body) {
        Ok(wish) => wish,
        Err(wrong) => return refused(wrong),
    };
    match (deed, found) {
        (Some(Deed::Add), _) => add(newcomer, weight.unwrap_or(1)).map_or_else(refused, Reply::Ask),
        (_, Err(page)) => Reply::Page(page),
        (Some(Deed::Remove), Ok(_)) if weight.is_some() => {
            refused(Wrong::new("who is removed has no weight", "leave it out"))
        }
        (Some(Deed::Remove), Ok(backends)) => {
            let named = |id: BackendId| (id, view.backends.get(id).name.clone());
            Reply::Ask(Ask::Remove(backends.into_iter().map(named).collect()))
        }
        (Some(Deed::Order(order)), Ok(backends)) => Reply::Act(Act { backends, weight, order: Some(order) }),
        (None, Ok(backends)) => Reply::Act(Act { backends, weight, order: None }),
    }
}

/// A pool that there is, and behind it what may be the address of a backend that is not in it yet: `POOL/ADDRESS`.
fn newcomer(name: &[u8], view: &View<'_>) -> Option<(PoolId, String)> {
    let name = unescape(name);
    let (pool, address) = name.split_once('/')?;
    Some((view.backends.find_pool(pool)?, address.to_string()))
}

/// Names are not looked up: that may take a while, and the loop waits for nobody.
fn add(newcomer: Option<(PoolId, String)>, weight: u32) -> Result<Ask, Wrong> {
    let Some((pool, name)) = newcomer else {
        return Err(Wrong::new("no pool is named", "POST to /api/backends/POOL/ADDRESS"));
    };
    let numbers_only = |_: &str| Err(std::io::Error::other("it is no address in numbers"));
    let address = address::look_up_one(&name, &numbers_only)?;
    Ok(Ask::Add(pool, config::Backend { name, address, weight }))
}

pub(super) fn is_json(request: &Request<'_, '_>) -> bool {
    let mut types = fields(request, "content-type");
    let media = types.next().and_then(|value| value.split(|&byte| byte == b';').next());
    media.is_some_and(|media| media.trim_ascii().eq_ignore_ascii_case(b"application/json")) && types.next().is_none()
}

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
struct Wish {
    weight: Option<u32>,
    deed: Option<Deed>,
}

/// What is to become of a backend.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Order(Order),
    Add,
    Remove,
}

const LIKE: &str = "write {\"action\": \"drain\"} (or disable, enable, add, remove) or {\"weight\": 3}";

/// What query and body ask for together.
fn wish(query: &[u8], body: &[u8]) -> Result<Wish, Wrong> {
    let mut pairs = asked(query);
    if !body.trim_ascii().is_empty() {
        let said: Pairs = serde_json::from_slice(body)
            .map_err(|error| Wrong::new(format!("the body is no JSON object: {error}"), LIKE))?;
        pairs.extend(said.0);
    }
    let mut wish = Wish::default();
    for (key, value) in pairs {
        let again = match key.as_str() {
            "action" => wish.deed.replace(deed(&value)?).is_some(),
            "weight" => wish.weight.replace(weight(&value)?).is_some(),
            _ => return Err(Wrong::unknown("key", &key, &["action", "weight"])),
        };
        if again {
            return Err(Wrong::new(format!("{key:?} is there twice"), "say it once"));
        }
    }
    match wish == Wish::default() {
        true => Err(Wrong::new("nothing is asked for", LIKE)),
        false => Ok(wish),
    }
}

fn deed(value: &Value) -> Result<Deed, Wrong> {
    match value.as_str() {
        Some("drain") => Ok(Deed::Order(Order::Drain)),
        Some("disable") => Ok(Deed::Order(Order::Disable)),
        Some("enable") => Ok(Deed::Order(Order::Serve)),
        Some("add") => Ok(Deed::Add),
        Some("remove") => Ok(Deed::Remove),
        Some(other) => Err(Wrong::unknown("action", other, &["drain", "disable", "enable", "add", "remove"])),
        None => Err(Wrong::new("\"action\" is no text", LIKE)),
    }
}

fn weight(value: &Value) -> Result<u32, Wrong> {
    let weight = value.as_u64().and_then(|weight| u32::try_from(weight).ok()).filter(|&weight| weight <= MOST_WEIGHT);
    weight.ok_or_else(|| Wrong::new("\"weight\" is bad", format!("write a whole number from 0 to {MOST_WEIGHT}")))
}

/// The pairs of a query; numbers are such.
fn asked(query: &[u8]) -> Vec<(String, Value)> {
    let pairs = query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
    let pair = |pair: &[u8]| {
        let mut parts = pair.splitn(2, |&byte| byte == b'=').map(unescape);
        let (key, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|_| digits);
        (key, number.map_or(Value::from(text), Value::from))
    };
    pairs.map(pair).collect()
}

/// An object as it was written: a key that comes twice is there twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pairs, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, body: &str) -> Result<Wish, String> {
        wish(query.as_bytes(), body.as_bytes()).map_err(|wrong| format!("{}; {}", wrong.what, wrong.fix))
    }

    fn orders(order: Order) -> Result<Wish, String> {
        Ok(Wish { deed: Some(Deed::Order(order)), weight: None })
    }

    #[test]
    fn a_wish_is_an_action_or_a_weight_or_both() {
        assert_eq!(of("", "{\"action\":\"drain\"}"), orders(Order::Drain));
        assert_eq!(of("", " { \"action\" : \"disable\" }\n"), orders(Order::Disable));
        assert_eq!(of("action=enable", ""), orders(Order::Serve));
        assert_eq!(of("action=%64rain", " "), orders(Order::Drain));
        for weight in [0, 1, 256] {
            let meant = Ok(Wish { weight: Some(weight), deed: None });
            assert_eq!(of("", &format!("{{\"weight\":{weight}}}")), meant);
            assert_eq!(of(&format!("weight={weight}"), ""), meant);
        }
        let both = Ok(Wish { weight: Some(3), deed: Some(Deed::Order(Order::Serve)) });
        assert_eq!(of("", "{\"weight\":3,\"action\":\"enable\"}"), both);
        assert_eq!(of("weight=3", "{\"action\":\"enable\"}"), both);
    }

    #[test]
    fn whatever_is_not_understood_is_refused_by_name() {
        for (query, body, words) in [
            ("", "", "nothing is asked for"),
            ("", "{}", "nothing is asked for"),
            ("", "{\"wieght\":3}", "unknown key \"wieght\"; did you mean \"weight\"?"),
            ("acton=drain", "", "unknown key \"acton\"; did you mean \"action\"?"),
            ("", "{\"action\":\"drian\"}", "unknown action \"drian\"; did you mean \"drain\"?"),
            ("", "{\"frobnicate\":1}", "one of: action, weight"),
            ("", "{\"weight\":3,\"x\":1}", "unknown key \"x\""),
            ("", "{\"weight\":257}", "from 0 to 256"),
            ("", "{\"weight\":-1}", "from 0 to 256"),
            ("", "{\"weight\":1.5}", "from 0 to 256"),
            ("", "{\"weight\":\"3\"}", "from 0 to 256"),
            ("weight=+3", "", "from 0 to 256"),
            ("", "{\"action\":1}", "no text"),
            ("", "{\"weight\":1,\"weight\":2}", "\"weight\" is there twice"),
            ("weight=1", "{\"weight\":1}", "\"weight\" is there twice"),
            ("", "[1]", "no JSON object"),
            ("", "{\"weight\":3", "no JSON object"),
            ("", "{\"weight\":3} x", "no JSON object"),
            ("", "drain", "no JSON object"),
            ("", &"[".repeat(60_000), "no JSON object"),
        ] {
            let told = of(query, body).unwrap_err();
            assert!(told.contains(words), "{query} {body}: {told}");
        }
    }

    #[test]
    fn escapes_are_what_they_stand_for_and_the_rest_stays() {
        for (text, plain) in
            [("a%2Fb", "a/b"), ("%3a%3A", "::"), ("100%", "100%"), ("%2", "%2"), ("%zz", "%zz"), ("", "")]
        {
            assert_eq!(unescape(text.as_bytes()), plain);
        }
        assert_eq!(unescape(b"%ff"), "\u{fffd}");
    }
}
