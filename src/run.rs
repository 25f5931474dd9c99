//! Floor 5: a process that balances: the loop, and what has to be done for it outside the loop.
//!
//! Here the [`Proxy`] is given an operating system, its share of descriptors and a log for requests, and is turned until
//! it has left. When it asks for its configuration to be read again, that is done on a thread of its own, since disks and
//! name servers take their time, and what was read is handed to it between two turns.

use crate::admin::stage::Stage;
use crate::config::access::{AccessLog, Target};
use crate::config::{Config, Limits};
use crate::host::errand::Errand;
use crate::host::notify;
use crate::host::spool::Spool;
use crate::host::{hand_over, limits};
use crate::net::Signal;
use crate::net::inherit::{self, Heritage, Inherited};
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

/// Balances until told to stop; a demo brings a `stage`. Errors: something without which nothing can go on is not to be had: an address, a file,
/// descriptors.
pub fn run(asked: Asked, inherited: Inherited, again: Again, stage: Option<Box<dyn Stage>>) -> io::Result<()> {
    let Asked { mut config, access, .. } = asked;
    let opened = access.as_ref().map(open).transpose()?;
    let mut os = Os::new()?;
    os.hear_signals()?;
    os.inherit(inherited);
    // What is open by now is none of the loop's own; what it has to keep free for backends is kept of the rest.
    let descriptors = limits::raise_descriptors().saturating_sub(limits::open_descriptors());
    fit(&mut config.limits, descriptors);
    let remote = os.remote();
    let seed = RandomState::new().build_hasher().finish(); // std's own keys: the one place where chance comes in
    let mut proxy = Proxy::new(&config, Traced::new(os), seed)?;
    proxy.net_mut().inner().leave_the_rest();
    proxy.log_to(opened);
    stage.into_iter().for_each(|stage| proxy.play_on(stage));
    proxy.beat_every(notify::watchdog());
    let mut helpers = Helpers {
        again,
        remote,
        descriptors,
        reading: None,
        once_more: false,
        heir: None,
        handed_over: false,
        told_leaving: false,
    };
    proxy.net_mut().inner().own_files(true);
    notify::ready();
    hand_over::tell_ready();
    loop {
        match proxy.turn()? {
            Turned::More => {}
            Turned::Reload => helpers.begin_reading(&mut proxy),
            Turned::HandOver => helpers.begin_handing_over(&mut proxy),
            Turned::Done => break,
        }
        if proxy.has_beaten() && !helpers.handed_over {
            notify::alive(); // else it is another's loop that is to be seen
        }
        helpers.look_after(&mut proxy);
        helpers.tell_leaving(&proxy);
    }
    helpers.tell_leaving(&proxy);
    if let Some(Ok(number)) = helpers.heir.and_then(Errand::wait) {
        hand_over::dismiss(number); // whoever told us to leave meanwhile meant the service
    }
    Ok(())
}

/// What is done off the loop: reading the configuration again, and starting whoever takes our place.
struct Helpers {
    again: Again,
    remote: Remote,
    descriptors: u64,
    reading: Option<Errand<Result<Config, String>>>,
    /// It was asked for again meanwhile: what is being read may be older than that.
    once_more: bool,
    heir: Option<Errand<Result<u32, String>>>,
    /// Another process is what the service manager looks after.
    handed_over: bool,
    /// It knows that we are leaving.
    told_leaving: bool,
}

impl Helpers {
    fn begin_reading(&mut self, proxy: &mut Proxy<Traced<Os>>) {
        if self.heir.is_some() {
            // Which has read it already, perhaps as it was before.
            return drop(proxy.reload(Err("a hand-over is under way: ask again when that is over".into())));
        }
        if self.reading.is_some() {
            self.once_more = true;
            return;
        }
        let (again, remote) = (Arc::clone(&self.again), self.remote.clone());
        match Errand::begin(move || again(), move || remote.send(Signal::Wake)) {
            Ok(errand) => {
                notify::reloading();
                self.reading = Some(errand);
            }
            Err(error) => drop(proxy.reload(Err(format!("no thread to read it: {error}")))),
        }
    }

    fn begin_handing_over(&mut self, proxy: &mut Proxy<Traced<Os>>) {
        if self.heir.is_some() {
            return log::warn!("a hand-over is under way already");
        }
        let remote = self.remote.clone();
        let begun = proxy.net_mut().inner().heritage().and_then(|Heritage { sockets, files }| {
            hand_over::begin(sockets, vec![(inherit::FILES, files)], move || remote.send(Signal::Wake))
        });
        match begun {
            Ok(errand) => self.heir = Some(errand),
            Err(error) => log::error!("not handed over, this process serves on: {error}"),
        }
    }

    /// Brings home what is done.
    fn look_after(&mut self, proxy: &mut Proxy<Traced<Os>>) {
        if let Some(read) = self.reading.as_ref().and_then(|errand| errand.fetch(lost)) {
            self.reading = None;
            self.reload(read, proxy);
        }
        if let Some(heir) = self.heir.as_ref().and_then(|errand| errand.fetch(lost)) {
            self.heir = None;
            self.leave_to(heir, proxy);
        }
    }

    /// Once, and not if another serves on.
    fn tell_leaving(&mut self, proxy: &Proxy<Traced<Os>>) {
        if proxy.is_leaving() && !self.handed_over && !std::mem::replace(&mut self.told_leaving, true) {
            notify::stopping();
        }
    }

    fn leave_to(&mut self, heir: Result<u32, String>, proxy: &mut Proxy<Traced<Os>>) {
        match heir {
            Ok(number) if proxy.is_leaving() => {
                log::warn!(
                    "not handed over, since this process was told to leave meanwhile: process {number} is as well"
                );
                hand_over::dismiss(number);
            }
            Ok(number) => {
                log::warn!("handed over to process {number}");
                proxy.net_mut().inner().own_files(false);
                proxy.hand_over();
                notify::succeeded_by(number);
                self.handed_over = true;
            }
            Err(why) => log::error!("not handed over, this process serves on: {why}"),
        }
    }

    fn reload(&mut self, read: Result<Config, String>, proxy: &mut Proxy<Traced<Os>>) {
        if std::mem::take(&mut self.once_more) {
            return self.begin_reading(proxy);
        }
        let fitted = read.map(|mut config| {
            fit(&mut config.limits, self.descriptors);
            config
        });
        drop(proxy.reload(fitted.as_ref().map_err(Clone::clone))); // which tells what came of it
        notify::ready();
    }
}

fn lost<T>() -> Result<T, String> {
    Err("the thread has died".into())
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
