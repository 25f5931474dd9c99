//! The stage of a demo: backends that die, hang, slow down and break when they are told to, and clients that ask.
//!
//! It stands in the balancer's loop, as what is behind [`/api/demo`](crate::admin::stage), and does nothing there but send
//! orders to threads of its own and remember what was ordered when. What an act did to clients is what the demo's own
//! clients saw from then until the next act; why, is in [`account`](super::account).

use super::account::Account;
use super::backend::mood::{Handle, LATER, Mood};
use super::load::{ABREAST, BURST, Seen, Sight, Wish};
use crate::admin::View;
use crate::admin::stage::Stage;
use crate::base::{Address, Time};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// So many acts are remembered.
const MOST: usize = 20;

/// Wakes a loop.
pub type Bell = Box<dyn Fn() + Send>;

/// A backend of the demo.
pub struct Actor {
    /// What it calls itself.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// What it is told by.
    pub handle: Handle,
    /// Makes it look.
    pub bell: Bell,
}

/// The demo's clients.
pub struct Crowd {
    /// What they are told by.
    pub wishes: Sender<Wish>,
    /// What they saw.
    pub seen: Arc<Seen>,
    /// Makes them look.
    pub bell: Bell,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Put(Mood),
    Load,
    Wish(Wish),
}

/// Everything that can be asked for, by name. The order is that of the contract: backends first.
const DEEDS: [(&str, Deed); 9] = [
    ("kill", Deed::Put(Mood::Killed)),
    ("hang", Deed::Put(Mood::Hanging)),
    ("slow", Deed::Put(Mood::Slow)),
    ("break", Deed::Put(Mood::Broken)),
    ("restart", Deed::Put(Mood::Normal)),
    ("load", Deed::Load),
    ("burst", Deed::Wish(Wish::Burst)),
    ("slow-client", Deed::Wish(Wish::Slow)),
    ("garbage", Deed::Wish(Wish::Garbage)),
];

/// Something that was done.
struct Act {
    at: Time,
    what: String,
    /// As it was before.
    seen: Sight,
    account: Account,
    /// What came of it, once the next act has begun.
    outcome: Option<(Sight, String)>,
}

/// The stage.
pub struct Play {
    actors: Vec<Actor>,
    names: Vec<String>,
    crowd: Crowd,
    loading: bool,
    /// The newest first.
    log: VecDeque<Act>,
    curtain: Option<Box<dyn FnOnce() + Send>>,
}

impl Play {
    /// With these; `curtain` is called when everything listens.
    pub fn new(actors: Vec<Actor>, crowd: Crowd, curtain: impl FnOnce() + Send + 'static) -> Play {
        let names = actors.iter().map(|actor| actor.name.clone()).collect();
        Play { actors, names, crowd, loading: false, log: VecDeque::new(), curtain: Some(Box::new(curtain)) }
    }

    /// Tells a backend. What was done, in words.
    fn put(&self, mood: Mood, backend: Option<&str>) -> Result<String, String> {
        let known = self.names.join(" and ");
        let Some(wanted) = backend else {
            return Err(format!("say which: {{\"do\": ..., \"backend\": ...}}; there are {known}"));
        };
        let is = |actor: &&Actor| actor.name == wanted || actor.address.to_string() == wanted;
        let Some(actor) = self.actors.iter().find(is) else {
            return Err(format!("no backend of the demo is called {wanted:?}; there are {known}"));
        };
        let Actor { name, handle, bell, .. } = actor;
        if handle.mood() == Mood::Killed && !matches!(mood, Mood::Killed | Mood::Normal) {
            return Err(format!("{name} is killed: restart it first"));
        }
        handle.tell(mood);
        bell();
        Ok(match mood {
            Mood::Normal => format!("restarted {name}"),
            Mood::Killed => format!("killed {name}"),
            Mood::Hanging => format!("hung {name}"),
            Mood::Slow => format!("slowed {name} by {} s", LATER.as_secs()),
            Mood::Broken => format!("broke {name}"),
        })
    }

    /// Tells the clients.
    fn wish(&mut self, wish: Wish) -> String {
        let _ = self.crowd.wishes.send(wish); // fails only when they are gone
        (self.crowd.bell)();
        match wish {
            Wish::Load(true) => "started the gentle load".into(),
            Wish::Load(false) => "stopped the gentle load".into(),
            Wish::Burst => format!("sent a burst of {BURST} requests on {ABREAST} connections"),
            Wish::Slow => "sent a slow client".into(),
            Wish::Garbage => "sent garbage of several kinds".into(),
        }
    }

    fn account(&self, view: &View<'_>) -> Account {
        Account::now(view, self.actors.iter().map(|actor| &actor.address))
    }

    fn what_came_of(&self, act: &Act, view: &View<'_>) -> (Sight, String) {
        let seen = since(self.crowd.seen.sight(), act.seen);
        let why = self.account(view).why(&act.account, &self.names, &seen);
        (seen, why)
    }

    fn line(&self, act: &Act, view: &View<'_>) -> Value {
        let now;
        let (seen, why) = match &act.outcome {
            Some(outcome) => outcome,
            None => {
                now = self.what_came_of(act, view);
                &now
            }
        };
        json!({
            "at": round(act.at.since(Time(0)).as_secs_f64()),
            "what": act.what,
            "clients": {
                "asked": seen.asked,
                "ok": seen.ok,
                "failed": seen.failed,
                "refused": seen.refused,
                "slowest_ms": round(seen.slowest.as_secs_f64() * 1e3),
            },
            "why": why,
        })
    }
}

impl Stage for Play {
    fn open(&mut self) {
        self.curtain.take().into_iter().for_each(|rise| rise());
    }

    fn act(&mut self, body: &[u8], view: &View<'_>) -> Result<(), String> {
        let (deed, backend) = understand(body)?;
        // What was is counted to its end before anything else happens.
        let outcome = self.log.front().map(|act| self.what_came_of(act, view));
        let (seen, account) = (self.crowd.seen.sight(), self.account(view));
        let what = match deed {
            Deed::Put(mood) => self.put(mood, backend.as_deref())?,
            Deed::Wish(wish) => self.wish(wish),
            Deed::Load => {
                self.loading = !self.loading;
                self.wish(Wish::Load(self.loading))
            }
        };
        self.crowd.seen.begin_anew();
        self.log.front_mut().into_iter().for_each(|act| act.outcome = outcome.clone());
        self.log.truncate(MOST - 1);
        self.log.push_front(Act { at: view.now, what, seen, account, outcome: None });
        Ok(())
    }

    fn state(&self, view: &View<'_>) -> Value {
        let one = |actor: &Actor| {
            let (address, handle) = (actor.address.to_string(), &actor.handle);
            json!({
                "name": actor.name,
                "address": address,
                "manner": handle.mood().name(),
                "answered": handle.answered(),
            })
        };
        json!({
            "now": round(view.now.since(Time(0)).as_secs_f64()),
            "backends": self.actors.iter().map(one).collect::<Vec<_>>(),
            "load": self.loading,
            "log": self.log.iter().map(|act| self.line(act, view)).collect::<Vec<_>>(),
        })
    }
}

/// What is to be done, and with which backend. Errors: what is wrong with it.
fn understand(body: &[u8]) -> Result<(Deed, Option<String>), String> {
    let names = DEEDS.map(|(name, _)| name).join(", ");
    let said: Value = serde_json::from_slice(body).map_err(|error| format!("this is no JSON: {error}"))?;
    let Some(said) = said.as_object() else { return Err("say {\"do\": ...} in JSON".into()) };
    if let Some(odd) = said.keys().find(|key| !["do", "backend"].contains(&key.as_str())) {
        return Err(format!("{odd:?} is not understood; there are \"do\" and \"backend\""));
    }
    let Some(wanted) = said.get("do").and_then(Value::as_str) else {
        return Err(format!("say what is to be done: {{\"do\": ...}}; there are {names}"));
    };
    let Some(&(_, deed)) = DEEDS.iter().find(|(name, _)| *name == wanted) else {
        return Err(format!("{wanted:?} cannot be done; there are {names}"));
    };
    match said.get("backend") {
        None | Some(Value::Null) => Ok((deed, None)),
        Some(Value::String(backend)) => Ok((deed, Some(backend.clone()))),
        Some(_) => Err("\"backend\" is a name".into()),
    }
}

/// What was seen between two moments. Answers to what was asked before are among it.
fn since(now: Sight, then: Sight) -> Sight {
    Sight {
        asked: now.asked.saturating_sub(then.asked),
        ok: now.ok.saturating_sub(then.ok),
        failed: now.failed.saturating_sub(then.failed),
        refused: now.refused.saturating_sub(then.refused),
        slowest: now.slowest,
    }
}

/// To three digits behind the point.
fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::backend::mood;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, channel};

    /// Two backends and clients of whom nobody is at home, and how often they were woken.
    fn play() -> (Play, Receiver<Wish>, Arc<AtomicUsize>) {
        let rung = Arc::new(AtomicUsize::new(0));
        let bell = || -> Bell {
            let rung = Arc::clone(&rung);
            Box::new(move || _ = rung.fetch_add(1, Ordering::SeqCst))
        };
        let actor = |number: u16| Actor {
            name: format!("backend-{number}"),
            address: std::net::SocketAddr::from(([127, 0, 0, 1], 8079 + number)).into(),
            handle: mood::pair().0,
            bell: bell(),
        };
        let (wishes, inbox) = channel();
        let crowd = Crowd { wishes, seen: Arc::new(Seen::default()), bell: bell() };
        (Play::new(vec![actor(1), actor(2)], crowd, || {}), inbox, rung)
    }

    #[test]
    fn what_is_not_understood_is_refused_in_words() {
        for (body, word) in [
            ("", "no JSON"),
            ("[]", "say {\"do\""),
            ("{}", "there are kill, hang"),
            ("{\"do\": \"dance\"}", "\"dance\" cannot be done; there are kill, hang, slow, break, restart, load"),
            ("{\"do\": \"kill\", \"who\": 1}", "\"who\" is not understood"),
            ("{\"do\": \"kill\", \"backend\": 1}", "is a name"),
        ] {
            let why = understand(body.as_bytes()).unwrap_err();
            assert!(why.contains(word), "{body}: {why}");
        }
        for (name, deed) in DEEDS {
            assert_eq!(understand(format!("{{\"do\": \"{name}\"}}").as_bytes()), Ok((deed, None)));
        }
    }

    #[test]
    fn a_backend_is_told_by_its_name_or_address_and_woken() {
        let (play, _wishes, rung) = play();
        assert_eq!(play.put(Mood::Hanging, Some("backend-1")).as_deref(), Ok("hung backend-1"));
        assert_eq!(play.put(Mood::Killed, Some("127.0.0.1:8081")).as_deref(), Ok("killed backend-2"));
        assert_eq!(rung.load(Ordering::SeqCst), 2);
        assert_eq!((play.actors[0].handle.mood(), play.actors[1].handle.mood()), (Mood::Hanging, Mood::Killed));
        let why = play.put(Mood::Slow, Some("backend-2")).unwrap_err();
        assert!(why.contains("restart it first"), "{why}");
        assert!(play.put(Mood::Slow, None).unwrap_err().contains("there are backend-1 and backend-2"));
        assert!(play.put(Mood::Slow, Some("backend-3")).unwrap_err().contains("there are backend-1 and backend-2"));
        assert_eq!(rung.load(Ordering::SeqCst), 2, "nobody is woken for nothing");
    }

    #[test]
    fn clients_are_told_and_woken() {
        let (mut play, wishes, rung) = play();
        assert!(play.wish(Wish::Burst).contains("500 requests on 50 connections"));
        assert_eq!((wishes.try_recv(), rung.load(Ordering::SeqCst)), (Ok(Wish::Burst), 1));
    }
}
