//! The demo where there is no terminal: a line for each thing that happens, as it happens.
//!
//! A backend goes or returns, something is done, and what came of it: when the next thing is done, or after a while.

use super::picture::{clients, find, headline, list, word};
use serde_json::Value;
use std::collections::BTreeMap;

/// After so many seconds it is told what came of an act, if nothing else was done until then.
const SETTLED: f64 = 5.0;

/// What was told so far.
#[derive(Debug, Default)]
pub struct News {
    /// Whether each backend serves, by name.
    serves: BTreeMap<String, bool>,
    /// When the newest act that was told was done, and the newest whose outcome was.
    done: f64,
    settled: f64,
}

impl News {
    /// What is new.
    pub fn of(&mut self, moment: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        let demo = &moment["demo"];
        let acts: Vec<&Value> = list(&demo["log"]).collect();
        for (place, act) in acts.iter().enumerate().rev() {
            let at = act["at"].as_f64().unwrap_or(0.0);
            if at > self.done {
                self.done = at;
                lines.push(format!("{:.1} s: {}", at, word(&act["what"])));
            }
            let over = place > 0 || demo["now"].as_f64().is_some_and(|now| now - at >= SETTLED);
            if over && at > self.settled {
                self.settled = at;
                lines.push(format!("{}{}; {}", headline(act), clients(&act["clients"]), word(&act["why"])));
            }
        }
        list(&demo["backends"]).for_each(|actor| lines.extend(self.turn(actor, find(moment, &actor["address"]))));
        lines
    }

    /// A backend has gone or returned.
    fn turn(&mut self, actor: &Value, backend: &Value) -> Option<String> {
        let (name, state) = (word(&actor["name"]), backend["state"].as_str()?);
        let serves = matches!(state, "up" | "unproven");
        let before = self.serves.insert(name.clone(), serves).unwrap_or(true);
        match (before, serves) {
            (true, false) => Some(format!("{name} is {state}: {}", word(&backend["cause"]))),
            (false, true) => Some(format!("{name} is back")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn moment(now: f64, state: &str, acts: &[f64]) -> Value {
        let act = |&at: &f64| {
            json!({"at": at, "what": "killed backend-1", "why": "no client noticed",
                   "clients": {"asked": 5, "ok": 5, "failed": 0, "refused": 2, "slowest_ms": 1.0}})
        };
        json!({
            "pools": [{"backends": [{"address": "a", "state": state, "last_probe": "passed", "cause": "refused"}]}],
            "demo": {
                "now": now,
                "backends": [{"name": "backend-1", "address": "a"}],
                "log": acts.iter().map(act).collect::<Vec<_>>(),
            },
        })
    }

    #[test]
    fn each_thing_is_told_once_and_its_outcome_when_it_is_over() {
        let mut news = News::default();
        assert!(news.of(&moment(1.0, "unproven", &[])).is_empty());
        assert!(news.of(&moment(2.0, "up", &[])).is_empty());
        assert_eq!(news.of(&moment(3.0, "up", &[2.5])), ["2.5 s: killed backend-1"]);
        assert_eq!(news.of(&moment(4.0, "down", &[2.5])), ["backend-1 is down: refused"]);
        let outcome = |at: &str| {
            format!("{at} s: killed backend-1: 5 asked, 5 ok, 0 failed, 2 refused, slowest 1 ms; no client noticed")
        };
        assert_eq!(news.of(&moment(7.5, "down", &[2.5])), [outcome("2.5")]);
        assert_eq!(news.of(&moment(8.0, "up", &[2.5])), ["backend-1 is back"]);
        assert_eq!(news.of(&moment(9.0, "up", &[8.5, 2.5])), ["8.5 s: killed backend-1"]);
        let next = news.of(&moment(10.0, "up", &[9.5, 8.5, 2.5]));
        assert_eq!(next, [outcome("8.5"), "9.5 s: killed backend-1".into()]);
        assert!(news.of(&moment(10.0, "up", &[9.5, 8.5, 2.5])).is_empty());
    }
}
