//! Floor 5: what the admin address answers. Served by the same loop, as answers of our own.
//!
//! [`reply`] is the way in: who may ask is decided in `guard.rs`; then a request is answered with a page, or it asks for
//! something to be done, an [`Act`], and is answered when it is. These files turn requests into acts and tables into
//! text; doing it, sockets and HTTP are [the session's](crate::proxy::session).

mod assets;
mod backends;
mod events;
mod guard;
mod inside;
mod metrics;
mod ready;
mod receipts;
pub mod stage;
mod state;

pub use events::{EVENTS, loop_event, state_event};
pub use inside::{Inside, Slot, SlotSeen, TimerAhead, owner_name, slot_page};

use crate::balance::budget::Budget;
use crate::balance::queue::Queues;
use crate::balance::{BackendId, Backends, Order, PoolId};
use crate::base::stats::Stats;
use crate::base::tally::Tallies;
use crate::base::{Address, Peer, Time};
use crate::config::{self, Guard};
use crate::http::{Request, Status, Verb};
use crate::net::Calls;
use crate::proxy::context::Routing;
use crate::proxy::crowd::Crowd;
use crate::proxy::receipt::Receipts;
use serde::Serialize;
use stage::Stage;

/// An answer of our own.
#[derive(Debug)]
pub struct Page {
    /// Its status.
    pub status: Status,
    /// The media type of its body.
    pub content_type: &'static str,
    /// Its body.
    pub body: Vec<u8>,
    /// Ready field lines, each ending in CRLF.
    pub extra: &'static str,
}

impl Page {
    pub(crate) fn text(status: Status, body: &str) -> Page {
        Page { status, content_type: "text/plain; charset=utf-8", body: body.as_bytes().to_vec(), extra: "" }
    }

    /// There is nothing to watch: nobody listens, or too many do.
    pub fn no_feed(head_only: bool) -> Page {
        match head_only {
            true => Page { content_type: EVENTS, ..Page::text(Status(200), "") },
            false => Page::text(Status(503), "too many are watching\n"),
        }
    }

    /// A body is awaited that cannot come any more.
    pub fn no_body() -> Page {
        Page::text(Status(400), "there is no body\n")
    }
}

/// What a page can show: the tables of one loop, as they are now.
pub struct View<'a> {
    /// The backends and their pools.
    pub backends: &'a Backends,
    /// Who waits for them.
    pub queues: &'a Queues,
    /// What was counted.
    pub stats: &'a Stats,
    /// The same of requests, by pool, and of turns.
    pub tallies: &'a Tallies,
    /// The listeners, those that are gone too, and the clients of each.
    pub routing: &'a [Routing],
    /// See [`View::routing`].
    pub crowds: &'a [Crowd],
    /// Upstream connections without work.
    pub idle: usize,
    /// Sockets that somebody here owns.
    pub sockets: usize,
    /// What was decided for the last requests.
    pub receipts: &'a Receipts,
    /// Who may ask.
    pub guard: &'a Guard,
    /// Where clients come in: address, and what it leads to, in words.
    pub listeners: &'a [(Address, String)],
    /// How long a failing backend can hurt, by pool.
    pub budgets: &'a [Budget],
    /// What was asked of the operating system.
    pub calls: Calls,
    /// We are leaving.
    pub draining: bool,
    /// What only a demo has.
    pub demo: Option<&'a dyn Stage>,
    /// The moment.
    pub now: Time,
}

/// What is made of a request on the admin address.
#[derive(Debug)]
pub enum Reply {
    /// It is answered with this.
    Page(Page),
    /// Its body has to be there first: ask again with it.
    Body,
    /// This is to be done, and then answered with those [`backends()`].
    Act(Act),
    /// This is to be done by the whole house, and then answered.
    Ask(Ask),
    /// It is answered with what is new, again and again.
    Feed(Channel),
    /// This is to be played on the [stage], and then answered: see [`stage::play`].
    Play(Vec<u8>),
}

/// What there is to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Backends, traffic, requests.
    State,
    /// The loop itself.
    Loop,
}

/// What a request asks of the whole house.
#[derive(Debug)]
pub enum Ask {
    /// To read its configuration again.
    Reload,
    /// To have one backend more in this pool.
    Add(PoolId, config::Backend),
    /// To have these no more, who are called so.
    Remove(Vec<(BackendId, String)>),
    /// To show the socket of this number.
    Look(u32),
}

/// What a request asks to be done with backends.
#[derive(Debug)]
pub struct Act {
    /// With which; at least one.
    pub backends: Vec<BackendId>,
    /// The weight they are to have.
    pub weight: Option<u32>,
    /// What the operator wants of them.
    pub order: Option<Order>,
}

/// What is made of a request on the admin address, which comes from `peer` and brings `body`, unless that is still to
/// come.
pub fn reply(request: &Request<'_, '_>, peer: Peer, body: Option<&[u8]>, view: &View<'_>) -> Reply {
    let mut parts = request.target.splitn(2, |&byte| byte == b'?');
    let (path, query) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(page) = guard::refuse(request, path, peer, view.guard) {
        return Reply::Page(page);
    }
    match (request.verb, path.strip_prefix(b"/api/backends/")) {
        (Verb::Post, Some(name)) => backends::post(name, query, request, body, view),
        (Verb::Post, None) if path == b"/api/reload" => match body {
            Some(_) => Reply::Ask(Ask::Reload), // whatever it says
            None => Reply::Body,
        },
        (Verb::Get | Verb::Head, None) if path == b"/api/events" => events::feed(query),
        (Verb::Get | Verb::Head, None) if path.starts_with(b"/api/loop/") => inside::look(path),
        (Verb::Post, None) if path == b"/api/demo" => stage::post(request, body, view),
        _ => Reply::Page(page(request, view)),
    }
}

/// These backends, as they are now.
pub fn backends(ids: &[BackendId], view: &View<'_>) -> Page {
    backends::list(ids, view)
}

/// What may be done with a path besides looking at it.
const READ: &str = "Allow: GET, HEAD\r\n";
const READ_AND_TELL: &str = "Allow: GET, HEAD, POST\r\n";
const TELL: &str = "Allow: POST\r\n";

/// The pages that only show something, to whoever may ask.
pub fn page(request: &Request<'_, '_>, view: &View<'_>) -> Page {
    let path = request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
    let mut allow = READ;
    let page = match path {
        _ if assets::is_ours(path) => assets::page(path),
        b"/healthz" => Page::text(Status(200), "ok\n"),
        b"/readyz" => ready::page(view),
        b"/api/state" => json(&state::of_all(view, false)),
        b"/api/requests" => receipts::list(view),
        b"/metrics" => metrics::page(request, view),
        b"/api/backends" => backends::all(view),
        b"/api/events" => return Page { extra: READ, ..Page::text(Status(405), "only GET, HEAD\n") },
        b"/api/demo" => {
            allow = READ_AND_TELL;
            stage::page(view)
        }
        b"/api/reload" => return Page { extra: TELL, ..Page::text(Status(405), "only POST\n") },
        _ => {
            let (receipt, backend) = (path.strip_prefix(b"/api/requests/"), path.strip_prefix(b"/api/backends/"));
            match (receipt, backend) {
                (Some(id), _) => receipts::one(id, view),
                (_, Some(name)) => {
                    allow = READ_AND_TELL;
                    backends::one(name, view)
                }
                _ => return Page::text(Status(404), &format!("not found; there are {PATHS}\n")),
            }
        }
    };
    match request.verb {
        Verb::Get | Verb::Head => page,
        _ if page.status == Status(404) => page,
        _ => {
            let methods = allow.trim_end().trim_start_matches("Allow: ");
            Page { extra: allow, ..Page::text(Status(405), &format!("only {methods}\n")) }
        }
    }
}

const PATHS: &str = "/, /loop, /healthz, /readyz, /metrics, /api/state, /api/requests, /api/backends, /api/reload, \
                     /api/events?of=state, /api/events?of=loop and /api/loop/SLOT";

fn json(value: &impl Serialize) -> Page {
    let mut body = serde_json::to_vec_pretty(value).unwrap_or_default(); // fails only on maps whose keys are not text
    body.push(b'\n');
    Page { content_type: "application/json", body, ..Page::text(Status(200), "") }
}
