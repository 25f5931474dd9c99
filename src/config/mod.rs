//! Floor 1: what the operator asked for, as meant.
//!
//! Text and flags become a [`Config`] here and nowhere else; every check happens here, and each error says where, what
//! and how to mend it. Floors above take a `Config` for granted.
//!
//! [`from_args`] is the way in. A configuration exists twice: as [`typed`], each value with its place, filled by
//! [`flags`] and [`mod@file`]; and as meant, the [`Config`] of this file, made of it by [`settle`]. Small values have a
//! file each: [`access`], [`address`], [`congestion`], [`duration`], [`guard`], [`health`], [`limit`], [`network`], [`opening`],
//! [`policy`], [`say`], [`size`],
//! [`sticky`],
//! [`word`]. What goes wrong is in
//! [`error`].
//!
//! Nothing here opens, binds or looks anything up: files, variables and names come through functions of the caller.

pub mod access;
pub mod address;
pub mod args;
pub mod book;
mod clash;
pub mod completion;
pub mod congestion;
pub mod duration;
pub mod error;
pub mod file;
pub mod flags;
pub mod guard;
pub mod health;
pub mod lay;
pub mod limit;
pub mod network;
pub mod opening;
pub mod policy;
pub mod route;
pub mod say;
pub mod settle;
pub mod size;
pub mod sticky;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod typed;
pub mod word;

pub use access::AccessLog;
pub use args::{Command, Exit, from_args};
pub use error::ConfigError;
pub use guard::{Guard, Token};
pub use health::{Ejection, Health, ProbeKind};
pub use limit::{ClientLimit, Queue, Rate};
pub use opening::{Preface, ProxyVersion};
pub use policy::{HashOn, PolicyName};
pub use route::{HostPattern, Route};
pub use sticky::Sticky;

use crate::base::Address;
use std::time::Duration;

/// Everything a balancer needs to know before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where clients come in; at least one.
    pub listeners: Vec<Listener>,
    /// Named groups of backends; at least one, each with at least one backend.
    pub pools: Vec<Pool>,
    /// Where the status API is served; none: nowhere.
    pub admin: Vec<Address>,
    /// Who may speak to it.
    pub guard: Guard,
    /// How long each kind of waiting may last.
    pub timeouts: Timeouts,
    /// How large each thing may be.
    pub limits: Limits,
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// HTTP/1.1, balanced per request.
    Http,
    /// Bytes, balanced per connection.
    Tcp,
}

/// One named listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Its name in the file; `main` when it comes from flags.
    pub name: String,
    /// Where it listens: every address that the configured name stands for.
    pub bind: Vec<Address>,
    /// What it speaks.
    pub mode: Mode,
    /// Tried in order for each request. None in TCP mode.
    pub routes: Vec<Route>,
    /// Where a request goes that no route takes, and every connection in TCP mode: index into [`Config::pools`]. None:
    /// nowhere.
    pub pool: Option<usize>,
    /// What stands before the traffic of its connections.
    pub preface: Preface,
    /// More clients wait outside.
    pub max_connections: Option<u32>,
    /// What one client address may have of it.
    pub client_limit: Option<ClientLimit>,
    /// How fast TCP may send to its clients: the name of an algorithm; none: as the system does.
    pub congestion: Option<String>,
}

impl Default for Listener {
    /// One of no name that listens nowhere and leads nowhere, with everything else as it is unless asked for.
    fn default() -> Listener {
        Listener {
            name: String::new(),
            bind: Vec::new(),
            mode: Mode::Http,
            routes: Vec::new(),
            pool: None,
            preface: Preface::default(),
            max_connections: None,
            client_limit: None,
            congestion: None,
        }
    }
}

/// One named group of backends.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its name in the file; `main` when it comes from flags.
    pub name: String,
    /// How one of its backends is chosen.
    pub policy: PolicyName,
    /// What the policies that hash take for a request's key.
    pub hash: HashOn,
    /// At least one.
    pub backends: Vec<Backend>,
    /// How their health is judged.
    pub health: Health,
    /// Whether a client comes back to the backend that served it, by a cookie. Not in TCP mode.
    pub sticky: Option<Sticky>,
    /// With which statuses, from 500 to 599, a request is sent to another backend instead of being answered. Not in TCP
    /// mode.
    pub retry_on: Vec<u16>,
    /// How its backends are told whose connection they serve: by a PROXY header at the beginning of each.
    pub proxy_protocol: Option<ProxyVersion>,
    /// So many requests and tunnels may be under way at each backend.
    pub max_inflight: Option<u32>,
    /// What is done when all are full; none: the request is turned down. Only with `max_inflight`.
    pub queue: Option<Queue>,
    /// How fast TCP may send to its backends: as for a listener.
    pub congestion: Option<String>,
}

impl Default for Pool {
    /// One of no name and no backends, with everything else as it is unless asked for.
    fn default() -> Pool {
        Pool {
            name: String::new(),
            policy: PolicyName::RoundRobin,
            hash: HashOn::Client,
            backends: Vec::new(),
            health: Health::default(),
            sticky: None,
            retry_on: Vec::new(),
            proxy_protocol: None,
            max_inflight: None,
            queue: None,
            congestion: None,
        }
    }
}

/// The largest weight of a backend.
pub const MOST_WEIGHT: u32 = 256;

/// One backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// As the operator wrote it, for example `127.0.0.1:8080`: its name in logs and the API.
    pub name: String,
    /// What that resolved to.
    pub address: Address,
    /// Its share beside the others, at most [`MOST_WEIGHT`]; 0: it gets no new work.
    pub weight: u32,
}

/// How long each kind of waiting may last. The names are those of the file's `[timeouts]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each says it in its default below
pub struct Timeouts {
    pub connect: Duration,
    pub header: Duration,
    pub body: Duration,
    pub response: Duration,
    pub client_idle: Duration,
    pub upstream_idle: Duration,
    pub tunnel: Duration,
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(3),       // until an upstream connection stands
            header: Duration::from_secs(10),       // a whole request head
            body: Duration::from_secs(30),         // between bytes of a request body
            response: Duration::from_secs(30),     // to the first byte of a response, then between its bytes
            client_idle: Duration::from_secs(60),  // a kept-alive client without a request
            upstream_idle: Duration::from_secs(4), // a pooled upstream connection
            tunnel: Duration::from_secs(3600),     // TCP mode and upgraded connections, without a byte either way
            drain: Duration::from_secs(8),         // leaving
        }
    }
}

/// How large each thing may be. The names are those of the file's `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A request or response head, in bytes.
    pub head: usize,
    /// A request target, in bytes.
    pub target: usize,
    /// Fields in a head, as received; at most [`Limits::MOST_FIELDS`].
    pub fields: usize,
    /// A request body, in bytes; 0: no limit.
    pub body: u64,
    /// Client connections at once; 0: from the descriptor limit.
    pub connections: usize,
    /// Descriptors that sockets may take; 0: not known, so no limit. No key of the file: the operating system says it.
    pub descriptors: usize,
    /// A read that brings so many bytes announces more: bodies then go through pipes where the kernel has them. No key of
    /// the file, since it follows from what calls cost and not from what an operator wants; simulations choose their own.
    pub bulk: usize,
}

impl Limits {
    /// The table that a head is parsed into has room for so many fields.
    pub const MOST_FIELDS: usize = 256;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: 16 * 1024,
            target: 8 * 1024,
            fields: 100,
            body: 0,
            connections: 0,
            descriptors: 0,
            bulk: 16 * 1024,
        }
    }
}
