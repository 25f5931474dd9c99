//! The smallest balancer over [`Net`]: TCP, round robin, no timers. It shows the contract in one screen, and takes a
//! planted bug, so that the world can show that it notices.
//!
//! Not the balancer under test: that is `evenkeel::proxy`.

use super::{House, Order, Seen};
use evenkeel::config::Config;
use evenkeel::net::sim::Sim;
use evenkeel::net::{Event, ListenOptions, Moved, Net, Sent, Sock};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;

/// What is wrong with a [`Relay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    None,
    /// After `more: true` it waits for an edge.
    ForgetsMore,
    /// What its budget did not let it finish is not taken up again.
    DropsHungry,
    /// It reads although it still owes what it read before.
    IgnoresBackPressure,
    /// It throws away what a short write left over.
    LosesTail,
    /// It takes one direction's end for that of both.
    ClosesAtFirstEnd,
    /// It takes a broken connection for one that ended.
    EndsWhatBroke,
    /// It does not close the upstream socket of a client that went away.
    Leaks,
    /// It forgets to note that a write may go on.
    MissesWritable,
    /// It serves one connection for each edge of its listener.
    AcceptsOnce,
    /// It keeps the events of a turn for the next one, when slots are others'.
    StaleEvents,
}

/// Bytes taken from a side in one turn before the others have theirs.
const BUDGET: usize = 4096;

struct Side {
    sock: Sock,
    readable: bool,
    writable: bool,
    ended: bool,
    finished: bool,
    /// Read here, owed to the other side.
    owed: Vec<u8>,
}

impl Bug {
    pub const ALL: [Bug; 10] = [
        Bug::ForgetsMore,
        Bug::DropsHungry,
        Bug::IgnoresBackPressure,
        Bug::LosesTail,
        Bug::ClosesAtFirstEnd,
        Bug::EndsWhatBroke,
        Bug::Leaks,
        Bug::MissesWritable,
        Bug::AcceptsOnce,
        Bug::StaleEvents,
    ];
}

impl Side {
    fn new(sock: Sock) -> Side {
        Side {
            sock,
            readable: true, // an accepted socket may have bytes, a connected one is asked once: both may say Nothing
            writable: true,
            ended: false,
            finished: false,
            owed: Vec::new(),
        }
    }
}

struct Pair {
    sides: [Side; 2], // client, upstream
    /// Its first backend, and how many were tried from there on.
    first: usize,
    tried: usize,
    up: bool,
}

enum Next {
    Wait,
    Hungry,
    Finished,
    Broken,
}

/// See the [module](self).
pub struct Relay {
    net: Sim,
    bug: Bug,
    listener: Sock,
    backends: Vec<SocketAddr>,
    turn: usize,
    pairs: BTreeMap<usize, Pair>,
    whose: BTreeMap<Sock, (usize, usize)>,
    names: usize,
    hungry: Vec<usize>,
    accepting: bool,
    leaked: usize,
    stale: Vec<Event>,
}

impl Relay {
    pub fn new(mut net: Sim, at: SocketAddr, backends: Vec<SocketAddr>, bug: Bug) -> io::Result<Relay> {
        let listener = net.listen(&at.into(), ListenOptions::default())?;
        Ok(Relay {
            net,
            bug,
            listener,
            backends,
            turn: 0,
            pairs: BTreeMap::new(),
            whose: BTreeMap::new(),
            names: 0,
            hungry: Vec::new(),
            accepting: false,
            leaked: 0,
            stale: Vec::new(),
        })
    }

    fn admit(&mut self) {
        while self.accepting {
            match self.net.accept(self.listener) {
                Ok(Some((client, _))) => {
                    self.accepting = self.bug != Bug::AcceptsOnce;
                    self.pair(client);
                }
                Ok(None) => self.accepting = false,
                Err(_) => return, // out of descriptors: again in the next turn
            }
        }
    }

    fn pair(&mut self, client: Sock) {
        let _ = self.net.watch(client);
        let to = self.backends[self.turn % self.backends.len()];
        self.turn += 1;
        let Ok(upstream) = self.net.connect(&to.into()) else {
            return self.net.reset(client);
        };
        let name = self.names;
        self.names += 1;
        self.whose.insert(client, (name, 0));
        self.whose.insert(upstream, (name, 1));
        let sides = [Side::new(client), Side::new(upstream)];
        let pair = Pair { sides, first: self.turn - 1, tried: 1, up: false };
        self.pairs.insert(name, pair);
    }

    fn note(&mut self, event: Event) {
        let Event::Ready { sock, readable, writable, broken } = event else {
            return;
        };
        if sock == self.listener {
            self.accepting = true;
        } else if let Some(&(name, side)) = self.whose.get(&sock) {
            let Some(pair) = self.pairs.get_mut(&name) else {
                return;
            };
            pair.sides[side].readable |= readable || broken;
            pair.sides[side].writable |= (writable || broken) && self.bug != Bug::MissesWritable; // writing tells, too
            self.hungry.push(name);
        }
    }

    fn serve(&mut self, name: usize) {
        let Some(mut pair) = self.pairs.remove(&name) else {
            return;
        };
        let next = match pair.up || self.connected(name, &mut pair) {
            true => drive(&mut self.net, &mut pair, self.bug),
            false => Next::Wait,
        };
        match next {
            Next::Wait => {}
            Next::Hungry if self.bug == Bug::DropsHungry => {}
            Next::Hungry => self.hungry.push(name),
            Next::Finished => return self.part(&pair, false),
            Next::Broken => return self.part(&pair, self.bug != Bug::EndsWhatBroke),
        }
        if pair.tried > self.backends.len() {
            return self.part(&pair, true);
        }
        self.pairs.insert(name, pair);
    }

    /// Whether the upstream connection stands; when it failed, the next backend is tried.
    fn connected(&mut self, name: usize, pair: &mut Pair) -> bool {
        match self.net.outcome(pair.sides[1].sock) {
            None => false,
            Some(Ok(())) => {
                pair.up = true;
                true
            }
            Some(Err(_)) => {
                let to = self.backends[(pair.first + pair.tried) % self.backends.len()];
                pair.tried += 1;
                if let Ok(upstream) = self.net.connect(&to.into()) {
                    self.whose.remove(&pair.sides[1].sock);
                    self.net.close(pair.sides[1].sock);
                    self.whose.insert(upstream, (name, 1));
                    pair.sides[1] = Side::new(upstream);
                } else {
                    pair.tried = usize::MAX;
                }
                false
            }
        }
    }

    fn part(&mut self, pair: &Pair, broken: bool) {
        for (side, which) in pair.sides.iter().zip(0..) {
            self.whose.remove(&side.sock);
            if which == 1 && broken && self.bug == Bug::Leaks {
                self.leaked += 1;
            } else if broken {
                self.net.reset(side.sock);
            } else {
                self.net.close(side.sock);
            }
        }
    }
}

/// Moves bytes both ways until there is nothing to do, or enough was done for a turn.
fn drive(net: &mut Sim, pair: &mut Pair, bug: Bug) -> Next {
    let mut hungry = false;
    for from in 0..2 {
        match pump(net, &mut pair.sides, from, bug) {
            Ok(more) => hungry |= more,
            Err(_) => return Next::Broken,
        }
    }
    let over = pair.sides.iter().filter(|side| side.finished).count();
    match over {
        2 => Next::Finished,
        1 if bug == Bug::ClosesAtFirstEnd => Next::Finished,
        _ if hungry => Next::Hungry,
        _ => Next::Wait,
    }
}

/// One direction: true when the budget was spent before the bytes were.
fn pump(net: &mut Sim, sides: &mut [Side; 2], from: usize, bug: Bug) -> io::Result<bool> {
    let [client, upstream] = sides;
    let (from, to) = match from {
        0 => (client, upstream),
        _ => (upstream, client),
    };
    let mut budget = BUDGET;
    loop {
        while !from.owed.is_empty() && to.writable {
            match net.write(to.sock, &[IoSlice::new(&from.owed)])? {
                Sent::Blocked => to.writable = false,
                Sent::Bytes(count) => {
                    to.writable = count == from.owed.len();
                    from.owed.drain(..count);
                }
            }
            if bug == Bug::LosesTail {
                from.owed.clear();
            }
        }
        if from.ended && from.owed.is_empty() && !to.finished {
            net.finish(to.sock);
            to.finished = true;
        }
        let owes = !from.owed.is_empty() && bug != Bug::IgnoresBackPressure;
        if !from.readable || from.ended || owes {
            return Ok(false);
        }
        if budget == 0 {
            return Ok(true);
        }
        let mut room = [0; 1024];
        match net.read(from.sock, &mut room)? {
            Moved::Nothing => from.readable = false,
            Moved::End => from.ended = true,
            Moved::Bytes { count, more } => {
                from.readable = more && bug != Bug::ForgetsMore;
                from.owed.extend(&room[..count]);
                budget = budget.saturating_sub(count);
            }
        }
    }
}

impl House for Relay {
    fn turn(&mut self) -> io::Result<bool> {
        let until = match self.hungry.is_empty() && !self.accepting {
            true => None,
            false => Some(self.net.now()),
        };
        let mut events = Vec::new();
        self.net.wait(until, &mut events)?;
        if self.bug == Bug::StaleEvents {
            std::mem::swap(&mut events, &mut self.stale);
        }
        for event in events {
            self.note(event);
        }
        self.admit();
        for name in std::mem::take(&mut self.hungry) {
            self.serve(name);
        }
        Ok(false)
    }

    fn net(&mut self) -> &mut Sim {
        &mut self.net
    }

    fn owned(&self) -> usize {
        1 + 2 * self.pairs.len()
    }

    fn doors(&self) -> usize {
        1
    }

    fn open(&self) -> usize {
        self.pairs.len()
    }

    fn backend(&self, _index: usize) -> Option<Seen> {
        None
    }

    fn order(&mut self, _index: usize, _order: Order) {}

    fn reload(&mut self, _config: &Config) -> Result<(), String> {
        Ok(())
    }

    fn lent(&self) -> usize {
        0
    }

    fn describe(&self) -> Vec<String> {
        Vec::new()
    }

    fn check(&self) -> Result<(), String> {
        match self.pairs.values().flat_map(|pair| &pair.sides).map(|side| side.owed.len()).max() {
            Some(owed) if owed > 4 * BUDGET => Err(format!("{owed} bytes piled up for one socket")),
            _ => Ok(()),
        }
    }
}
