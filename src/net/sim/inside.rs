//! The inside face: [`Net`] for the program under test, with every liberty that the contract leaves to a kernel.

use super::ready::{Kind, Slot};
use super::wire::{DEFERRED, End, Stage};
use super::{Due, Outcome, Sim};
use crate::base::{Address, Peer, Time};
use crate::net::{Event, ListenOptions, Moved, Net, Pipe, Sent, Sock};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// EMFILE, the same number on every Unix.
const TOO_MANY_OPEN_FILES: i32 = 24;

impl Net for Sim {
    fn wait(&mut self, until: Option<Time>, events: &mut Vec<Event>) -> io::Result<Time> {
        self.open_turn();
        self.look_for_kept();
        self.work();
        (self.news, self.silent) = (std::mem::take(&mut self.late_news), false);
        self.arrivals();
        let mut batch = Vec::new();
        self.gather(&mut batch);
        if !self.luck(self.cruelty.early) {
            self.jump(until, &mut batch);
        }
        let limit = until.map_or(u64::MAX, |until| until.0);
        self.record("wait", None, None, Outcome(limit as usize, batch.len(), ""));
        self.record_events(&batch);
        events.append(&mut batch);
        Ok(self.now)
    }

    fn began(&self) -> Time {
        self.began
    }

    fn listen(&mut self, at: &Address, options: ListenOptions) -> io::Result<Sock> {
        let port = match at.port() {
            0 => 20_000 + self.slots.len() as u16,
            port => port,
        };
        let at = at.at_port(Some(port));
        if self.listener(&at).is_some() {
            return Err(ErrorKind::AddrInUse.into());
        }
        let ListenOptions { backlog, deferred: defers } = options;
        let kind = Kind::Listener { at, backlog: backlog as usize, defers, queue: VecDeque::new() };
        let sock = self.give(Slot::new(kind, true));
        self.record("listen", Some(sock.0), None, Outcome(port.into(), 0, ""));
        Ok(sock)
    }

    fn defer(&mut self, listener: Sock, deferred: bool) {
        if let Kind::Listener { defers, .. } = &mut self.slot_mut(listener).kind {
            *defers = deferred;
        }
    }

    fn knows_congestion(&mut self, name: &str) -> io::Result<()> {
        if name == "cubic" { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    fn set_congestion(&mut self, sock: Sock, _: Option<&str>) -> io::Result<()> {
        self.slot(sock); // which must be open; bytes here have no pace
        Ok(())
    }

    fn local_address(&mut self, sock: Sock) -> io::Result<Address> {
        match &self.slot(sock).kind {
            Kind::Listener { at, .. } => Ok(at.clone()),
            Kind::Stream { conn, .. } => Ok(self.conns[*conn].called.clone()),
        }
    }

    fn accept(&mut self, listener: Sock) -> io::Result<Option<(Sock, Peer)>> {
        self.take_time();
        let short = self.out_of_descriptors(self.cruelty.accept_fails);
        let nothing = self.luck(self.cruelty.nothing);
        let slot = self.slot_mut(listener);
        let Kind::Listener { queue, .. } = &mut slot.kind else {
            self.accuse(Some(listener), "accept on what does not listen");
        };
        if short && !queue.is_empty() {
            self.record("accept", Some(listener.0), None, Outcome(0, 0, "out of descriptors"));
            return Err(io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES));
        }
        let next = queue.front().copied().filter(|_| !nothing);
        let Some(conn) = next else {
            slot.read_owed = true;
            self.record("accept", Some(listener.0), None, Outcome(0, 0, "nothing"));
            return Ok(None);
        };
        queue.pop_front();
        let sock = self.give(Slot::new(Kind::Stream { conn, known: true }, false));
        self.conns[conn].slot = Some(sock.0);
        self.record("accept", Some(listener.0), Some(conn), Outcome(0, sock.0 as usize, "client"));
        let peer = match self.conns[conn].called.is_unix() {
            true => Peer::Unix,
            false => self.conns[conn].caller.into(),
        };
        Ok(Some((sock, peer)))
    }

    fn kept_back(&mut self, client: Sock) -> Duration {
        let conn = self.stream(client, "kept_back");
        if self.conns[conn].kept_back { DEFERRED } else { Duration::ZERO }
    }

    fn connect(&mut self, to: &Address) -> io::Result<Sock> {
        self.take_time();
        if self.out_of_descriptors(self.cruelty.connect_fails) {
            self.record("connect", None, None, Outcome(to.port().into(), 0, "out of descriptors"));
            return Err(io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES));
        }
        if let Some(why) = self.turned_away(to) {
            self.record("connect", None, None, Outcome(0, 0, "turned away"));
            return Err(why.into());
        }
        let caller = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 30_000);
        let conn = self.new_conn(caller, to.clone());
        let mut slot = Slot::new(Kind::Stream { conn, known: false }, true);
        slot.write_owed = true;
        let sock = self.give(slot);
        self.conns[conn].slot = Some(sock.0);
        let at = self.now + self.latency();
        self.enter(at, Due::Call(conn));
        self.record("connect", Some(sock.0), Some(conn), Outcome(to.port().into(), 0, ""));
        Ok(sock)
    }

    fn outcome(&mut self, connecting: Sock) -> Option<io::Result<()>> {
        self.take_time();
        let conn = self.stream(connecting, "outcome");
        let (result, said) = match self.conns[conn].stage {
            Stage::Calling => (None, "not yet"),
            Stage::Failed(kind) => (Some(Err(kind.into())), "failed"),
            Stage::Up if self.conns[conn].inside.inbox.reset => {
                self.slot_mut(connecting).error_told = true;
                (Some(Err(ErrorKind::ConnectionReset.into())), "reset")
            }
            Stage::Up => (Some(Ok(())), "up"),
        };
        let up = matches!(result, Some(Ok(())));
        if let Kind::Stream { known, .. } = &mut self.slot_mut(connecting).kind {
            *known |= up;
        }
        self.record("outcome", Some(connecting.0), Some(conn), Outcome(0, 0, said));
        result
    }

    fn watch(&mut self, sock: Sock) -> io::Result<()> {
        self.take_time();
        let conn = self.stream(sock, "watch");
        if self.slot(sock).watched {
            self.accuse(Some(sock), "watched twice");
        }
        let greeted = self.rng.chance(1, 2);
        let slot = self.slot_mut(sock);
        (slot.watched, slot.read_owed) = (true, true);
        slot.write_owed |= greeted;
        self.record("watch", Some(sock.0), Some(conn), Outcome(0, 0, ""));
        Ok(())
    }

    fn read(&mut self, from: Sock, into: &mut [u8]) -> io::Result<Moved> {
        self.take_time();
        let conn = self.stream(from, "read");
        if into.is_empty() {
            self.accuse(Some(from), "read into nothing");
        }
        let result = self.read_some(from, conn, into);
        let given = self.record_read("read", (from, conn), into.len(), &result);
        self.trace.mix_bytes(&into[..given]);
        result
    }

    fn write(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        self.write_pieces("write", to, pieces, false)
    }

    fn write_more(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        self.write_pieces("write more", to, pieces, true)
    }

    fn lend_pipe(&mut self, _: u64) -> Option<Pipe> {
        self.give_pipe()
    }

    fn take_back(&mut self, pipe: Pipe) {
        self.drop_pipe(&pipe);
    }

    fn pull(&mut self, from: Sock, into: &Pipe, most: usize) -> io::Result<Moved> {
        self.take_time();
        let conn = self.stream(from, "pull");
        let result = self.pull_some(from, conn, into, most);
        self.record_read("pull", (from, conn), most, &result);
        result
    }

    fn low_water(&mut self, sock: Sock, bytes: usize) {
        let conn = self.stream(sock, "low_water");
        self.record("low water", Some(sock.0), Some(conn), Outcome(bytes, 0, ""));
        self.slot_mut(sock).low_water = bytes;
    }

    fn mute(&mut self, sock: Sock, muted: bool) -> io::Result<()> {
        let conn = self.stream(sock, "mute");
        self.record("mute", Some(sock.0), Some(conn), Outcome(usize::from(muted), 0, ""));
        if !self.slot(sock).watched {
            self.accuse(Some(sock), "who is not watched hears nothing anyway");
        }
        if !self.cruelty.portable {
            self.slot_mut(sock).mute(muted);
        }
        Ok(())
    }

    fn push(&mut self, from: &Pipe, to: Sock) -> io::Result<Sent> {
        self.take_time();
        let conn = self.writable_stream(to, "push");
        let bytes = self.piped_bytes(from);
        let result = self.write_some(to, conn, &bytes, false);
        self.take_from_pipe(from, &result);
        self.record_write("push", (to, conn), bytes.len(), &result);
        result
    }

    fn trim(&mut self) -> bool {
        false
    }

    fn finish(&mut self, sock: Sock) {
        self.take_time();
        let conn = self.stream(sock, "finish");
        self.record("finish", Some(sock.0), Some(conn), Outcome(0, 0, ""));
        self.send_end(conn, End::Inside);
    }

    fn reset(&mut self, sock: Sock) {
        self.take_time();
        let conn = self.stream(sock, "reset");
        self.record("reset", Some(sock.0), Some(conn), Outcome(0, 0, ""));
        self.break_up(conn, End::Inside);
        self.release(sock);
    }

    fn close(&mut self, sock: Sock) {
        self.take_time();
        let conn = self.slot(sock).conn();
        self.record("close", Some(sock.0), conn, Outcome(0, 0, ""));
        match conn {
            Some(conn) => {
                if self.conns[conn].stage == Stage::Calling {
                    self.note_failure(conn);
                }
                self.let_go(conn, End::Inside);
            }
            None => self.send_away(sock),
        }
        self.release(sock);
    }
}

impl Sim {
    /// The connection of a socket that may still be written to, or a panic.
    fn writable_stream(&self, to: Sock, call: &str) -> usize {
        let conn = self.stream(to, call);
        if self.conns[conn].inside.finished {
            self.accuse(Some(to), &format!("{call} after finish"));
        }
        conn
    }

    pub(super) fn read_some(&mut self, from: Sock, conn: usize, into: &mut [u8]) -> io::Result<Moved> {
        if !self.known(from) {
            return Err(ErrorKind::NotConnected.into());
        }
        let inbox = &self.conns[conn].inside.inbox;
        let (ready, ended, reset) = (inbox.ready(), inbox.ended, inbox.reset);
        if self.luck(self.cruelty.nothing) && !(reset || ended && ready == 0) {
            return Ok(self.nothing(from));
        }
        match ready {
            0 if reset => self.read_error(from),
            0 if ended => {
                self.slot_mut(from).end_told = true;
                Ok(Moved::End)
            }
            0 => Ok(self.nothing(from)),
            ready => Ok(self.read_bytes(from, conn, into, ready)),
        }
    }

    fn nothing(&mut self, from: Sock) -> Moved {
        self.slot_mut(from).read_owed = true;
        Moved::Nothing
    }

    fn read_bytes(&mut self, from: Sock, conn: usize, into: &mut [u8], ready: usize) -> Moved {
        let most = ready.min(into.len());
        let most = match self.luck(self.cruelty.short_reads) {
            true => 1 + self.rng.below(most as u64) as usize,
            false => most,
        };
        let inbox = &mut self.conns[conn].inside.inbox;
        let count = inbox.take(&mut into[..most]);
        self.news = true; // whoever sends has room for more
        // Left in the queue and not cut short: any kernel would say more. Otherwise either word is legal.
        let certain = inbox.readable() && most == into.len() || self.cruelty.portable;
        let more = self.luck(self.cruelty.more) || certain;
        self.slot_mut(from).read_owed = !more;
        self.moved();
        Moved::Bytes { count, more }
    }

    /// Linux tells an error once; after that, and by whatever call it was told, a read says a clean end.
    fn read_error(&mut self, from: Sock) -> io::Result<Moved> {
        let forgets = self.luck(self.cruelty.forgets);
        let slot = self.slot_mut(from);
        if slot.error_told && forgets {
            slot.end_told = true;
            return Ok(Moved::End);
        }
        slot.error_told = true;
        Err(ErrorKind::ConnectionReset.into())
    }

    fn write_pieces(&mut self, call: &'static str, to: Sock, pieces: &[IoSlice<'_>], more: bool) -> io::Result<Sent> {
        self.take_time();
        let conn = self.writable_stream(to, call);
        let bytes = pieces.iter().map(|piece| &**piece).collect::<Vec<_>>().concat();
        if bytes.is_empty() {
            self.accuse(Some(to), &format!("{call} of nothing"));
        }
        let result = self.write_some(to, conn, &bytes, more);
        let given = self.record_write(call, (to, conn), bytes.len(), &result);
        self.trace.mix_bytes(&bytes[..given]);
        result
    }

    fn write_some(&mut self, to: Sock, conn: usize, bytes: &[u8], more: bool) -> io::Result<Sent> {
        if !self.known(to) {
            return Err(ErrorKind::NotConnected.into());
        }
        if self.conns[conn].inside.inbox.reset {
            let first = !std::mem::replace(&mut self.slot_mut(to).error_told, true);
            return Err(match first {
                true => ErrorKind::ConnectionReset.into(),
                false => ErrorKind::BrokenPipe.into(),
            });
        }
        let room = self.conns[conn].far.inbox.room() - self.conns[conn].kept.len();
        let mut count = room.min(bytes.len());
        if count > 0 && self.luck(self.cruelty.short_writes) {
            count = 1 + self.rng.below(count as u64) as usize;
        }
        if count == 0 || self.luck(self.cruelty.blocked) {
            self.slot_mut(to).write_owed = true;
            self.send_kept(conn);
            return Ok(Sent::Blocked);
        }
        self.slot_mut(to).write_owed |= count < bytes.len();
        self.conns[conn].kept.extend(&bytes[..count]);
        if more && count == bytes.len() && self.luck(self.cruelty.keeps) {
            self.keeping.push(conn);
        } else {
            self.send_kept(conn);
        }
        self.moved();
        Ok(Sent::Bytes(count))
    }

    /// The connection that a socket stands for, or a panic.
    fn stream(&self, sock: Sock, call: &str) -> usize {
        match self.slot(sock).conn() {
            Some(conn) => conn,
            None => self.accuse(Some(sock), &format!("{call} on a listener")),
        }
    }

    fn known(&self, sock: Sock) -> bool {
        matches!(self.slot(sock).kind, Kind::Stream { known: true, .. })
    }

    fn out_of_descriptors(&mut self, chance: u16) -> bool {
        let full = self.cruelty.descriptors.is_some_and(|most| self.open_sockets() >= most);
        full || self.luck(chance)
    }
}
