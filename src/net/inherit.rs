//! Listening sockets that this process was started with: by systemd (socket activation, sd_listen_fds(3)), or by the
//! process whose place it takes. And those that it leaves to whoever takes its own.
//!
//! A listener that is asked for where one of them listens is that one. Whoever waits in its queue waits on: nobody is
//! refused while processes change. The files of Unix sockets belong to who made them; they are handed on with the
//! sockets, but those of systemd stay systemd's.

use super::ear::{self, Ear};
use super::os::{Os, Slot};
use super::unix;
use crate::base::Address;
use listenfd::ListenFd;
use mio::net::{TcpListener, UnixListener};
use socket2::SockRef;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The variable by which a process hears that it takes the place of another: which of its listeners bring their files,
/// by number.
pub const FILES: &str = "EVENKEEL_HANDED_OVER";

/// Sockets that nobody has asked for yet.
#[derive(Default)]
pub struct Inherited {
    all: Vec<Heirloom>,
    /// What was wrong with others, to be told when there is a log.
    useless: Vec<String>,
    /// They come from a process like this one, and not from systemd.
    handed_over: bool,
}

struct Heirloom {
    at: Address,
    ear: Ear,
    /// Its file goes with it.
    files: bool,
}

/// What is left to another process.
pub struct Heritage {
    /// Listening sockets, in order.
    pub sockets: Vec<OwnedFd>,
    /// What [`FILES`] is to say.
    pub files: String,
}

impl Inherited {
    /// What the environment says (`LISTEN_FDS`, and `LISTEN_PID` if it is there). Before there are other threads.
    pub fn from_env() -> Inherited {
        let mut fds = ListenFd::from_env();
        let files: Vec<usize> =
            std::env::var(FILES).unwrap_or_default().split(',').filter_map(|number| number.parse().ok()).collect();
        let mut inherited = Inherited { handed_over: std::env::var_os(FILES).is_some(), ..Inherited::default() };
        for number in 0..fds.len() {
            match take(&mut fds, number) {
                Ok((at, ear)) => inherited.all.push(Heirloom { at, ear, files: files.contains(&number) }),
                Err(error) => inherited.useless.push(format!("inherited socket {number} is of no use: {error}")),
            }
        }
        inherited
    }

    /// The one that listens at `at`; where any port would do, one that has any.
    pub(super) fn take(&mut self, at: &Address) -> Option<(Ear, Option<unix::File>)> {
        let place = |is: &dyn Fn(&Address) -> bool| self.all.iter().position(|it| is(&it.at));
        let row = place(&|found| found == at).or_else(|| place(&|found| fits(found, at)))?;
        let Heirloom { at, ear, files } = self.all.remove(row);
        if self.handed_over {
            ear.forget_congestion(); // it may have been chosen by a configuration that is no more
        }
        let file = if files { unix::File::of(&at) } else { None };
        Some((ear, file))
    }

    /// Closes those that nobody has asked for.
    pub(super) fn leave(&mut self) {
        self.useless.drain(..).for_each(|what| log::warn!("{what}"));
        for Heirloom { at, .. } in self.all.drain(..) {
            log::warn!("inherited a socket that listens on {at}, where no listener is configured: closed");
        }
    }
}

/// Whether `at` leaves the port to chance, and this is one of its addresses.
fn fits(found: &Address, at: &Address) -> bool {
    match (found, at) {
        (Address::Tcp(found), Address::Tcp(at)) => at.port() == 0 && found.ip() == at.ip(),
        _ => false,
    }
}

fn take(fds: &mut ListenFd, number: usize) -> io::Result<(Address, Ear)> {
    let gone = || io::Error::other("it is not there");
    let ear = match fds.take_tcp_listener(number) {
        Ok(listener) => {
            let listener = listener.ok_or_else(gone)?;
            SockRef::from(&listener).set_tcp_nodelay(true)?; // accepted sockets inherit it
            listener.set_nonblocking(true)?;
            Ear::Tcp(TcpListener::from_std(listener))
        }
        Err(_) => {
            let listener = fds.take_unix_listener(number)?.ok_or_else(gone)?;
            listener.set_nonblocking(true)?;
            Ear::Unix(UnixListener::from_std(listener))
        }
    };
    Ok((ear.address()?, ear))
}

impl Os {
    /// Listeners are taken from these from now on, where they fit.
    pub fn inherit(&mut self, all: Inherited) {
        self.inherited = all;
    }

    /// Closes what was inherited and not asked for.
    pub fn leave_the_rest(&mut self) {
        self.inherited.leave();
    }

    /// Its listeners once more, for another process. Errors: out of descriptors.
    pub fn heritage(&self) -> io::Result<Heritage> {
        let has_file = |number: usize| self.files.iter().any(|(of, _)| of.0 as usize == number);
        heritage(self.slots.iter().filter_map(|(number, slot)| match slot {
            Slot::Listener { listener, .. } => Some((listener, has_file(number))),
            _ => None,
        }))
    }

    /// The files of its listeners are ours to remove from now on, or another process's: whoever serves there has them.
    pub fn own_files(&mut self, ours: bool) {
        self.files.iter_mut().for_each(|(_, file)| file.belongs(ours));
    }
}

/// What to leave of these listeners, of which some have files.
fn heritage<'a>(listeners: impl Iterator<Item = (&'a Ear, bool)>) -> io::Result<Heritage> {
    let (mut sockets, mut files) = (Vec::new(), Vec::new());
    for (number, (ear, has_file)) in listeners.enumerate() {
        sockets.push(match ear {
            Ear::Tcp(listener) => listener.as_fd().try_clone_to_owned()?,
            Ear::Unix(listener) => listener.as_fd().try_clone_to_owned()?,
        });
        files.extend(has_file.then(|| number.to_string()));
    }
    Ok(Heritage { sockets, files: files.join(",") })
}

/// An inherited listener, asked for with these options.
pub(super) fn opened((ear, file): (Ear, Option<unix::File>), deferred: bool) -> ear::Opened {
    ear::Opened { deferred: ear.defer(deferred), ear, file }
}
