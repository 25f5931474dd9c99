//! How unkind the simulated kernel is. Every number is a chance in a thousand unless its name says otherwise.
//!
//! Nothing here leaves the contract of [`Net`](crate::net::Net): each field is something a real kernel does, now and then.

use std::time::Duration;

/// The moods of a kernel. [`Cruelty::calm`] and [`Cruelty::cruel`] are the ends of the scale; change fields at will.
#[derive(Debug, Clone, PartialEq)]
pub struct Cruelty {
    /// A read brings fewer bytes than are there.
    pub short_reads: u16,
    /// A write takes fewer bytes than there is room for, and owes an edge.
    pub short_writes: u16,
    /// A read or an accept says that nothing is there although something is, and owes an edge.
    pub nothing: u16,
    /// A write is blocked although there is room, and owes an edge.
    pub blocked: u16,
    /// A write that more is to follow is kept until then, and lost if a reset follows. Otherwise it leaves at once.
    pub keeps: u16,
    /// A read that may choose says `more: true`; otherwise it owes an edge. (A short read is drained on epoll.)
    pub more: u16,
    /// Bytes that arrive are told of although those before them were not read (epoll and kqueue).
    pub repeats: u16,
    /// A batch contains readiness that is not true.
    pub spurious: u16,
    /// An event waits for a later batch.
    pub held_back: u16,
    /// Readable and writable come as two events (kqueue).
    pub apart: u16,
    /// `wait` returns for no reason.
    pub early: u16,
    /// `wait` returns later than asked, by up to this.
    pub late: Duration,
    /// What the program does between two waits takes up to this. Nothing, unless a test is about that.
    pub work: Duration,
    /// A call takes up to this, and what is on its way arrives meanwhile: nobody waits for the loop to look up.
    pub calls: Duration,
    /// What is sent arrives in pieces.
    pub segments: u16,
    /// A FIN arrives together with the last byte; otherwise later.
    pub end_rides: u16,
    /// Bytes that were sent or received but not read are lost in a reset.
    pub lost: u16,
    /// After a write has told of a reset, a read says a clean `End` (Linux reports a socket's error once).
    pub forgets: u16,
    /// A listener that may defer lets nobody in before there is something to read or a second has passed.
    pub defers: u16,
    /// `accept` is out of descriptors for a moment.
    pub accept_fails: u16,
    /// `connect` is out of descriptors for a moment.
    pub connect_fails: u16,
    /// More sockets than this cannot be open.
    pub descriptors: Option<usize>,
    /// The longest way of anything from one end to the other.
    pub latency: Duration,
    /// How many bytes may be under way in one direction: between these two, drawn for each direction.
    pub window: (usize, usize),
    /// There is no pipe to lend, or a pull is not supported: bytes are to be copied.
    pub no_pipe: u16,
    /// How many bytes a pipe may hold: between these two, drawn for each.
    pub pipe: (usize, usize),
    /// Like mio's selector for every Unix: each read says `more: true` until it says `Nothing`, and nothing is told,
    /// not even a reset, before a call has said so. So nothing is told twice, and who is muted is told as before.
    pub portable: bool,
}

impl Cruelty {
    /// A kernel on a quiet day: whole reads, whole writes, no lies, short ways, large windows.
    pub fn calm() -> Cruelty {
        Cruelty {
            short_reads: 0,
            short_writes: 0,
            nothing: 0,
            blocked: 0,
            keeps: 1000,
            more: 0,
            repeats: 1000,
            spurious: 0,
            held_back: 0,
            apart: 0,
            early: 0,
            late: Duration::ZERO,
            work: Duration::ZERO,
            calls: Duration::ZERO,
            segments: 0,
            end_rides: 500,
            lost: 0,
            forgets: 0,
            defers: 0,
            accept_fails: 0,
            connect_fails: 0,
            descriptors: None,
            latency: Duration::from_micros(200),
            window: (64 * 1024, 64 * 1024),
            no_pipe: 0,
            pipe: (256 * 1024, 256 * 1024),
            portable: false,
        }
    }

    /// Everything at once, and often.
    pub fn cruel() -> Cruelty {
        Cruelty {
            short_reads: 200,
            short_writes: 200,
            nothing: 100,
            blocked: 100,
            keeps: 700,
            more: 500,
            repeats: 500,
            spurious: 100,
            held_back: 150,
            apart: 300,
            early: 30,
            late: Duration::from_millis(2),
            work: Duration::ZERO,
            calls: Duration::from_micros(200),
            segments: 200,
            end_rides: 500,
            lost: 500,
            forgets: 500,
            defers: 700,
            accept_fails: 20,
            connect_fails: 0,
            descriptors: None,
            latency: Duration::from_millis(5),
            window: (200, 8 * 1024),
            no_pipe: 100,
            pipe: (1, 8 * 1024),
            portable: false,
        }
    }

    /// The same mood through mio's portable selector.
    pub fn portable(self) -> Cruelty {
        Cruelty { portable: true, ..self }
    }
}
