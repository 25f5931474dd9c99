//! A bad network in a box: a relay between two parties that forwards bytes until it is told to misbehave.
//!
//! It has no opinion on what it forwards. One thread per direction of a connection, so that each can be held up alone.

use crate::support::any_port;
use socket2::SockRef;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How it treats what comes by, from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// At once.
    Clear,
    /// Each piece after a while.
    Delay(Duration),
    /// Not at all, until the mood changes: nothing is lost.
    Stall,
    /// Into nowhere: what is sent meanwhile is lost, so the connection can only be broken afterwards, and is.
    Blackhole,
    /// Each new connection is broken after so many bytes towards the caller: with a FIN, or with a reset.
    CutAt(u64, bool),
}

struct Shared {
    mood: Mutex<Mood>,
    links: Mutex<Vec<Weak<Link>>>,
    over: AtomicBool,
}

/// Two connections that are one to those outside. Closed when both pumps have let go of it.
struct Link {
    caller: TcpStream,
    called: TcpStream,
    /// Something of it was swallowed.
    tainted: AtomicBool,
    broken: AtomicBool,
}

impl Link {
    /// Lets the pumps go, so that both connections close; with a reset, if it is to be rude.
    fn break_off(&self, reset: bool) {
        self.broken.store(true, Ordering::SeqCst);
        for stream in [&self.caller, &self.called] {
            if reset {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO)); // the close becomes a RST
            }
            let _ = stream.shutdown(Shutdown::Read); // tells the peer nothing, and wakes whoever reads here
        }
    }
}

/// A relay on a port of its own.
pub struct Relay {
    /// Where to call.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Relay {
    /// Forwards to `to`.
    pub fn to(to: SocketAddr) -> Relay {
        let listener = TcpListener::bind(any_port()).expect("a free port");
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { mood: Mutex::new(Mood::Clear), links: Mutex::default(), over: AtomicBool::new(false) });
        let same = Arc::clone(&shared);
        thread::spawn(move || same.accept(&listener, to));
        Relay { address, shared }
    }

    /// Changes the mood. What a black hole has swallowed shows when it ends: those connections are broken.
    pub fn set(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
        if mood != Mood::Blackhole {
            self.break_links(|link| link.tainted.load(Ordering::SeqCst));
        }
    }

    /// Breaks every connection with a reset.
    pub fn reset_all(&self) {
        self.break_links(|_| true);
    }

    fn break_links(&self, which: impl Fn(&Link) -> bool) {
        let links: Vec<Arc<Link>> = self.shared.links.lock().unwrap().iter().filter_map(Weak::upgrade).collect();
        links.iter().filter(|link| which(link)).for_each(|link| link.break_off(true));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)); // wakes the acceptor
        self.set(Mood::Clear);
        self.reset_all();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener, to: SocketAddr) {
        for caller in listener.incoming() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(caller) = caller else { continue };
            match TcpStream::connect(to) {
                Ok(called) => self.link(caller, called),
                Err(_) => _ = SockRef::from(&caller).set_linger(Some(Duration::ZERO)),
            }
        }
    }

    fn link(self: &Arc<Self>, caller: TcpStream, called: TcpStream) {
        for stream in [&caller, &called] {
            let _ = (stream.set_nodelay(true), stream.set_write_timeout(Some(Duration::from_millis(50))));
        }
        let cut = match self.mood() {
            Mood::CutAt(at, reset) => Some((at, reset)),
            _ => None,
        };
        let link = Arc::new(Link { caller, called, tainted: AtomicBool::new(false), broken: AtomicBool::new(false) });
        let mut links = self.links.lock().unwrap();
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(&link));
        for (down, cut) in [(false, None), (true, cut)] {
            let pump = Pump { link: Arc::clone(&link), down, cut, shared: Arc::clone(self) };
            let _ = thread::Builder::new().stack_size(256 * 1024).spawn(move || pump.run());
        }
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }
}

/// One direction of one connection: `down` is towards the caller.
struct Pump {
    link: Arc<Link>,
    down: bool,
    cut: Option<(u64, bool)>,
    shared: Arc<Shared>,
}

impl Pump {
    fn run(mut self) {
        let mut buffer = vec![0; 32 * 1024];
        let link = Arc::clone(&self.link);
        let (mut from, to) = if self.down { (&link.called, &link.caller) } else { (&link.caller, &link.called) };
        loop {
            match from.read(&mut buffer) {
                _ if link.broken.load(Ordering::SeqCst) => return,
                Ok(0) => break,
                Ok(count) if self.hold() => match self.forward(&buffer[..count], to) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(_) => return link.break_off(true),
                },
                Ok(_) => {} // swallowed
                Err(_) => return link.break_off(true),
            }
        }
        if self.hold() && !link.broken.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    /// False: it was cut here.
    fn forward(&mut self, bytes: &[u8], mut to: &TcpStream) -> io::Result<bool> {
        let allowed =
            self.cut.map_or(bytes.len(), |(left, _)| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        let mut rest = &bytes[..allowed];
        while !rest.is_empty() {
            match to.write(rest) {
                _ if self.link.broken.load(Ordering::SeqCst) => return Ok(false),
                Ok(count) => rest = &rest[count..],
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
        let Some((left, reset)) = &mut self.cut else { return Ok(true) };
        *left -= allowed as u64;
        if *left > 0 {
            return Ok(true);
        }
        self.link.break_off(*reset);
        Ok(false)
    }

    /// Waits as the mood wants it; false: what came is lost.
    fn hold(&self) -> bool {
        let came = Instant::now();
        loop {
            match self.shared.mood() {
                Mood::Clear | Mood::CutAt(..) => return true,
                Mood::Delay(time) if came.elapsed() >= time => return true,
                Mood::Blackhole => {
                    self.link.tainted.store(true, Ordering::SeqCst);
                    return false;
                }
                Mood::Delay(_) | Mood::Stall => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}
