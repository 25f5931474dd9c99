//! Floor 5: a process that balances: the loop, and what has to be done for it outside the loop.
//!
//! Here the [`Proxy`] is given an operating system, its share of descriptors and a log for requests, and is turned until
//! it has left. When it asks for its configuration to be read again, that is done on a thread of its own, since disks and
//! name servers take their time, and what was read is handed to it between two turns.

use crate::config::access::{AccessLog, Target};
use crate::config::{Config, Limits};
use crate::host::errand::Errand;
use crate::host::limits;
use crate::host::spool::Spool;
use crate::net::Signal;
use crate::net::os::{Os, Remote};
use crate::net::traced::Traced;
use crate::proxy::access::Access;
use crate::proxy::{Proxy, Turned};
use log::LevelFilter;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;

/// What the command line, the environment and the file ask for together.
#[derive(Debug, PartialEq)]
pub struct Asked {
    /// What, where and how.
    pub config: Config,
    /// How much to log.
    pub log: LevelFilter,
    /// Whether each request gets a line, and where.
    pub access: Option<AccessLog>,
}

/// Asks for the configuration again: as it is then, or what is wrong with it, in words. What the process was started with
/// besides, its flags and variables, stays as it is, and so do the logs.
pub type Again = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// Balances until told to stop. Errors: something without which nothing can go on is not to be had: an address, a file,
/// descriptors.
pub fn run(asked: Asked, again: Again) -> io::Result<()> {
    let Asked { mut config, access, .. } = asked;
    let descriptors = limits::raise_descriptors();
    fit(&mut config.limits, descriptors);
    let opened = access.as_ref().map(open).transpose()?;
    let mut os = Os::new()?;
    os.hear_signals()?;
    let remote = os.remote();
    let seed = RandomState::new().build_hasher().finish(); // std's own keys: the one place where chance comes in
    let mut proxy = Proxy::new(&config, Traced::new(os), seed)?;
    proxy.log_to(opened);
    let mut reloads = Reloads { again, remote, descriptors, reading: None, once_more: false };
    loop {
        match proxy.turn()? {
            Turned::More => {}
            Turned::Reload => reloads.begin(&mut proxy),
            Turned::Done => return Ok(()),
        }
        if let Some(read) = reloads.fetch() {
            reloads.hand_over(read, &mut proxy);
        }
    }
}

/// Reading the configuration again.
struct Reloads {
    again: Again,
    remote: Remote,
    descriptors: u64,
    reading: Option<Errand<Result<Config, String>>>,
    /// It was asked for again meanwhile: what is being read may be older than that.
    once_more: bool,
}

impl Reloads {
    fn begin(&mut self, proxy: &mut Proxy<Traced<Os>>) {
        if self.reading.is_some() {
            self.once_more = true;
            return;
        }
        let (again, remote) = (Arc::clone(&self.again), self.remote.clone());
        match Errand::begin(move || again(), move || remote.send(Signal::Wake)) {
            Ok(errand) => self.reading = Some(errand),
            Err(error) => drop(proxy.reload(Err(format!("no thread to read it: {error}")))),
        }
    }

    /// What was read, if something was.
    fn fetch(&mut self) -> Option<Result<Config, String>> {
        let read = self.reading.as_ref()?.fetch(|| Err("reading it has failed".into()))?;
        self.reading = None;
        Some(read)
    }

    fn hand_over(&mut self, read: Result<Config, String>, proxy: &mut Proxy<Traced<Os>>) {
        if std::mem::take(&mut self.once_more) {
            return self.begin(proxy);
        }
        let fitted = read.map(|mut config| {
            fit(&mut config.limits, self.descriptors);
            config
        });
        drop(proxy.reload(fitted.as_ref().map_err(Clone::clone))); // which tells what came of it
    }
}

/// Errors name the file.
fn open(log: &AccessLog) -> io::Result<Access> {
    let spool = match &log.to {
        Target::Stdout => Spool::stdout(),
        Target::File(path) => Spool::file(path).map_err(|error| {
            let what = format!("cannot write the access log {}: {error}", path.display());
            io::Error::other(format!("{what}: name a file in a directory that is there and that this user may write"))
        }),
    };
    Ok(Access::new(log.format, spool?))
}

/// Descriptors that are not for clients and their upstreams: listeners, probes, logs, the loop's own.
const RESERVED: u64 = 64;

/// Sees to it that there are descriptors for all who are let in: two for each, the client and its upstream.
fn fit(limits: &mut Limits, descriptors: u64) {
    let narrow = |wide: u64| usize::try_from(wide).unwrap_or(usize::MAX);
    let most = narrow(descriptors.saturating_sub(RESERVED) / 2);
    if limits.connections == 0 {
        limits.connections = most;
    } else if limits.connections > most {
        log::warn!(
            "limits.connections is {}, but {descriptors} descriptors are enough for {most} only: raise the limit on open \
             files (ulimit -n, LimitNOFILE=) to {}, or lower limits.connections",
            limits.connections,
            (limits.connections as u64).saturating_mul(2).saturating_add(RESERVED)
        );
    }
    limits.descriptors = narrow(descriptors);
}
