//! Listeners: where clients come in, and when they have to wait outside.
//!
//! A listener tells once that somebody is at the door, so that is remembered until `accept` says nobody is left. When
//! descriptors run out, the door rests: until a socket is closed or a moment has passed, never in a spin.

use super::context::{Context, Owner, Service};
use super::end::End;
use crate::base::{Address, Peer};
use crate::net::{ListenOptions, Net, Sock};
use std::io;
use std::time::Duration;

/// How long a door rests when accepting failed, unless a socket is closed before.
const REST: Duration = Duration::from_millis(100);

/// One listener.
pub struct Door {
    /// Its socket.
    pub sock: Sock,
    /// What it leads to.
    pub service: Service,
    /// Where it listens.
    pub address: Address,
    /// Where it was asked to: with a port of 0, anywhere.
    pub asked: Address,
    /// Clients speak first.
    deferred: bool,
    congestion: Option<String>,
    /// It was told of.
    pub told: bool,
    /// Somebody may be waiting outside.
    knocked: bool,
    resting: bool,
    /// The trouble was told; once is enough.
    complained: bool,
}

impl Door {
    /// Opens a listener, which leads nowhere yet; clients may be to speak first. Errors name the address.
    pub fn open<N: Net>(at: &Address, deferred: bool, cx: &mut Context<N>) -> io::Result<Door> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {at}: {error}"));
        let options = ListenOptions { deferred, ..ListenOptions::default() };
        let sock = cx.net.listen(at, options).map_err(named)?;
        let address = cx.net.local_address(sock).inspect_err(|_| cx.net.close(sock))?;
        cx.own(sock, Owner::Door(u32::MAX)); // until it has a row
        let (service, asked) = (Service::Admin, at.clone());
        let (told, knocked, resting, complained) = (false, false, false, false);
        Ok(Door { sock, service, address, asked, deferred, congestion: None, told, knocked, resting, complained })
    }

    /// Clients speak first from now on, or not.
    pub fn defer<N: Net>(&mut self, deferred: bool, cx: &mut Context<N>) {
        if std::mem::replace(&mut self.deferred, deferred) != deferred {
            cx.net.defer(self.sock, deferred);
        }
    }

    /// Its clients are sent to at this pace from now on.
    pub fn pace<N: Net>(&mut self, congestion: Option<&str>, cx: &mut Context<N>) {
        if self.congestion.as_deref() == congestion {
            return;
        }
        self.congestion = congestion.map(str::to_owned);
        if let Err(error) = cx.net.set_congestion(self.sock, congestion) {
            log::warn!("listener {}: congestion stays as it is: {error}", self.address); // its name was known before
        }
    }

    /// Somebody is at the door.
    pub fn knock(&mut self) {
        self.knocked = true;
    }

    /// It may try again.
    pub fn wake(&mut self) {
        self.resting = false;
    }

    /// Nobody is let in any more.
    pub fn shut(&mut self) {
        self.knocked = false;
    }

    /// Whether somebody could be let in at once.
    pub fn is_waiting(&self) -> bool {
        self.knocked && !self.resting
    }

    /// Lets one client in.
    pub fn admit<N: Net>(&mut self, cx: &mut Context<N>) -> Option<(End, Peer)> {
        match cx.net.accept(self.sock) {
            Ok(Some((sock, peer))) => Some((End::admitted(sock), peer)),
            Ok(None) => {
                // Only now is the trouble over: one who got in when another left is no reason to complain once more.
                (self.knocked, self.complained) = (false, false);
                None
            }
            Err(error) => {
                self.rest(&error, cx);
                None
            }
        }
    }

    fn rest<N: Net>(&mut self, error: &io::Error, cx: &mut Context<N>) {
        if !std::mem::replace(&mut self.complained, true) {
            log::error!("cannot accept on {}: {error}; clients wait until a connection closes", self.address);
        }
        self.resting = true;
        cx.deadlines.set(self.sock.0, cx.now + REST);
    }
}
