//! What the world knows: who asked for what, what reached whom, which faults excuse which loss, and what went wrong.
//!
//! An excuse is given for one request or one stream and for a fact, and says what may happen instead of success, never
//! "anything". All that has none must succeed.

use super::heralds::Heralds;
use super::limits::Limited;
use super::plan::Paths;
use super::ways::{Asked, Opening, Way, Ways};
use evenkeel::base::Time;
use evenkeel::config::{Mode, Sticky};
use evenkeel::net::sim::Sim;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One direction of a TCP-mode connection or of a tunnel.
#[derive(Debug, Default, Clone)]
pub struct Stream {
    /// So many bytes it has when it ends.
    pub length: u64,
    /// Its sender has sent a FIN, after so many bytes. Without one, nobody may see a clean end.
    pub finished_at: Option<u64>,
    /// The stream that came back on the same connection, as seen by the receiver of this one.
    pub partner: Option<u64>,
    /// When its sender came.
    pub since: Time,
    /// It passes over an upgraded connection.
    pub upgraded: bool,
}

/// One HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    /// Bytes of its body, and of the response's.
    pub body: u64,
    pub reply: u64,
    /// It may be sent again though a part of it was sent before: idempotent, and without a body.
    pub repeatable: bool,
    /// How its client calls the host, and where that leads.
    pub sought: Asked,
    /// No backend may ever see it.
    pub forbidden: bool,
    /// The address of the client that asks.
    pub from: Option<IpAddr>,
    /// When it was sent, the first byte of it.
    pub asked: Time,
    /// When its client heard a response begin, and that it was one for asking too often.
    pub told: Option<Time>,
    pub too_many: bool,
    /// How often a backend saw it.
    pub seen: u32,
    /// Its client has heard an interim response.
    pub begun: bool,
    /// Which backend saw it first, and which last.
    pub seen_by: Option<SocketAddr>,
    pub last_seen_by: Option<SocketAddr>,
    /// The backend that its client's cookie names.
    pub home: Option<SocketAddr>,
    /// An interim response was said to it, though perhaps not heard by its client.
    pub hinted: bool,
}

/// How something was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The balancer answered with this status.
    Status(u16),
    /// A response or a stream was cut.
    Cut,
    /// The connection ended before a response.
    Silence,
    /// The connection was refused.
    Refused,
    /// Another's answer, which its backend had said unasked.
    Surplus,
}

/// What may happen to a request instead of success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excuse {
    /// It may be answered with one of these.
    pub statuses: &'static [u16],
    /// Its response may be cut, or lost in a reset.
    pub cut: bool,
}

/// Its client has left, or so much is broken that nothing can be promised.
pub const ANYTHING: Excuse = Excuse { statuses: &[], cut: true };
/// Its backend died before a byte of a response.
pub const DIED: Excuse = Excuse { statuses: &[502], cut: false };
/// ... or after.
pub const TORN: Excuse = Excuse { statuses: &[502], cut: true };
/// Its backend does nothing any more.
pub const HUNG: Excuse = Excuse { statuses: &[504], cut: true };
/// An answer to it was turned down, and whatever another backend makes of it is what it gets.
pub const TURNED_DOWN: Excuse = Excuse { statuses: &[502, 503, 504], cut: false };
/// No pool is there for it.
pub const LED_NOWHERE: Excuse = Excuse { statuses: &[404], cut: false };
/// Its client has stopped in the middle, and must be told so: when its time is over, or at once if it said so.
pub const STOPPED: Excuse = Excuse { statuses: &[400, 408], cut: true };
/// Its body is larger than is allowed; the response may have begun before that came out.
pub const TOO_LARGE: Excuse = Excuse { statuses: &[413], cut: true };

/// What a late surplus may do to others lasts no longer.
const CROSSING: Duration = Duration::from_secs(20); // somebody reads slowly, 230 bytes at a time in seed 433367

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Ledger {
    last: u64,
    /// Who says whose connections they are, and everybody who has come so far.
    pub heralds: Heralds,
    /// Who is at paths.
    pub paths: Paths,
    /// Who is led where in each mode, the backends of the second pools, and what clients said to be led.
    pub ways: [Option<Ways>; 2],
    pub apart: BTreeSet<SocketAddr>,
    pub openings: BTreeMap<u64, Opening>,
    pub callers: BTreeSet<IpAddr>,
    pub streams: BTreeMap<u64, Stream>,
    pub requests: BTreeMap<u64, Request>,
    excuses: Vec<(u64, Excuse)>,
    /// TCP connections that a backend killed before it knew whose they were: each excuses one failure.
    pub orphans: u32,
    /// Something happens that may cost anybody anything (no backend is left, descriptors run out), for each mode.
    pub amnesty: [bool; 2],
    /// Requests that were answered before they had come whole: their connection may end without a word of warning, since
    /// nobody knew that when the response began.
    pub early: BTreeSet<u64>,
    /// Requests that are answered though they cannot be sent to their end: the answer is there to be read.
    pub sure: BTreeSet<u64>,
    /// Idle connections are closed by backends, or backends killed: a request that cannot be sent twice may meet that.
    pub hasty: bool,
    /// Requests may find everybody full and be turned down; come too fast; lose an idle connection to others who come.
    pub sheds: bool,
    pub slows: bool,
    pub makes_room: bool,
    /// When they may.
    pub limited: Limited,
    /// The connection of a request was idle since then, when it ended.
    pub idle: Option<Time>,
    /// When the balancer was told to leave.
    pub leaving: Option<Time>,
    /// When it is told to leave at once, and whether it was.
    pub hurry: Option<Time>,
    pub hurried: bool,
    /// When a backend last said something on an idle connection.
    pub late_surplus: Option<Time>,
    /// Clients come back by this cookie.
    pub sticky: Option<Sticky>,
    /// These are asked of another backend.
    pub retry_on: Vec<u16>,
    /// Nothing is broken, and nobody excluded: of so many HTTP backends.
    pub steady: Option<usize>,
    /// Larger bodies are to be refused; 0: none.
    pub body_limit: u64,
    pub answered: u64,
    pub lost: u64,
    wrong: Option<String>,
}

impl Ledger {
    /// A number that nobody has.
    pub fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// How a request is asked that names its host or does not; if it leads nowhere, it is told so.
    pub fn seek(&mut self, number: u64, names: bool) -> Asked {
        let plain = Asked { host: names.then_some("world"), prefix: "", way: Way::Main };
        let sought = self.ways[Mode::Http as usize].as_ref().map_or(plain, |ways| ways.asked(number, names));
        if sought.way == Way::Nowhere {
            self.excuse(number, LED_NOWHERE);
        }
        sought
    }

    /// Which pool of its mode a backend is in.
    pub fn side(&self, at: SocketAddr) -> Way {
        if self.apart.contains(&at) { Way::Other } else { Way::Main }
    }

    /// Whose opening `heard` begins with, and how long that is; none as long as it may still be somebody's.
    pub fn opened(&self, heard: &[u8]) -> Result<Option<(u64, usize)>, String> {
        let begins = |(_, opening): &(&u64, &Opening)| heard.starts_with(&opening.bytes) && !opening.silent;
        if let Some((&number, opening)) = self.openings.iter().find(begins) {
            return Ok(Some((number, opening.bytes.len())));
        }
        match self.openings.values().any(|opening| opening.way != Way::Nowhere && opening.bytes.starts_with(heard)) {
            true => Ok(None),
            false => Err(format!("a backend hears an opening that nobody said to it: {heard:?}")),
        }
    }

    /// From now on such a loss of `number` is nobody's fault.
    pub fn excuse(&mut self, number: u64, excuse: Excuse) {
        self.excuses.push((number, excuse));
    }

    /// Whether this may happen to `number`.
    pub fn may(&self, number: u64, loss: Loss, now: Time) -> bool {
        let given = |&(whose, excuse): &(u64, Excuse)| whose == number && excuse.allows(loss);
        self.excuses.iter().any(given) || self.may_anybody(number, loss, now)
    }

    /// Whether the state of the world excuses it.
    fn may_anybody(&self, number: u64, loss: Loss, now: Time) -> bool {
        match self.requests.get(&number) {
            Some(request) if self.may_be_shed((number, request), loss, now) => true,
            Some(request) if request.sought.way == Way::Nowhere && matches!(loss, Loss::Status(_)) => false,
            Some(request) if request.forbidden || self.sure.contains(&number) => false,
            Some(request) if self.hasty && !request.repeatable && loss == Loss::Status(502) => true,
            Some(_) => {
                self.amnesty[Mode::Http as usize] && matches!(loss, Loss::Status(502..=504) | Loss::Cut | Loss::Silence)
            }
            None if self.streams.get(&number).is_some_and(|stream| stream.upgraded) => {
                self.amnesty[Mode::Http as usize] || self.leaving.is_some()
            }
            None => self.amnesty[Mode::Tcp as usize] || self.leaving.is_some() || self.may_be_closed(number, loss),
        }
    }

    fn may_be_shed(&self, (number, request): (u64, &Request), loss: Loss, now: Time) -> bool {
        let way = request.sought.way;
        match loss {
            Loss::Status(_) if request.forbidden => false,
            Loss::Status(503) => {
                self.sheds && way != Way::Nowhere && self.limited.was_full(Mode::Http, way, request.asked)
            }
            Loss::Status(429) => self.slows && self.may_be_too_many(number, now),
            // Its connection was idle, whatever it meant to say.
            Loss::Silence => {
                let idle = self.idle.is_some_and(|since| self.limited.made_room(since));
                self.makes_room && request.seen == 0 && idle
            }
            _ => false,
        }
    }

    /// Whether a TCP client may be closed on that found no room, before anybody heard it.
    fn may_be_closed(&self, number: u64, loss: Loss) -> bool {
        let Some(stream) = self.streams.get(&number) else { return false };
        let way = self.openings.get(&number).map_or(Way::Main, |opening| opening.way);
        let unheard = stream.partner.is_none() && loss != Loss::Cut;
        self.sheds && unheard && self.limited.was_full(Mode::Tcp, way, stream.since)
    }

    /// `number` was lost: a fault unless there is an excuse.
    pub fn lost(&mut self, number: u64, loss: Loss, at: usize, now: Time) {
        self.lost += 1;
        let crossed = self.late_surplus.is_some_and(|said| now.since(said) <= CROSSING);
        // Or its connection was thought free after such an answer to nobody, and closed by whoever had given it.
        let stranded = |request: &Request| !request.repeatable && request.seen == 0 && loss == Loss::Status(502);
        let stranded = self.requests.get(&number).is_some_and(stranded);
        if self.may(number, loss, now) || crossed && (loss == Loss::Surplus || stranded) {
            return;
        }
        match self.orphans {
            0 => self.blame(format!("{number} lost without excuse: {loss:?} on c{at}")),
            _ if self.requests.contains_key(&number) => {
                self.blame(format!("{number} lost without excuse: {loss:?} on c{at}"));
            }
            _ => self.orphans -= 1,
        }
    }

    /// How many requests a backend was the first to see.
    pub fn had(&self, backend: SocketAddr) -> usize {
        self.requests.values().filter(|request| request.seen_by == Some(backend)).count()
    }

    /// A property is violated. The first time counts.
    pub fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    pub fn verdict(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }
}

impl Excuse {
    fn allows(self, loss: Loss) -> bool {
        match loss {
            Loss::Status(status) => self.statuses.contains(&status),
            Loss::Cut | Loss::Silence | Loss::Refused => self.cut,
            Loss::Surplus => false,
        }
    }
}

/// What an actor has at hand when it acts.
pub struct Cue<'a> {
    pub sim: &'a mut Sim,
    pub ledger: &'a mut Ledger,
    pub now: Time,
}
