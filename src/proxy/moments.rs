//! What can wait for a moment.
//!
//! Clients in grace (law 2): one whose request came with its connection is served at once, and mostly done with before
//! anybody would have had to wait for it: to register it for events would be a call for nothing. If its backend takes longer
//! than a moment it is watched after all, so that one that goes away is noticed. What a session may do in that time is
//! [`session`](super::session)'s to say.
//!
//! Sources of which much is expected: events tell of them only once it is there ([`End::expect`](super::end::End::expect)).
//! If it takes longer than a moment, what has come by then is fetched, so that nobody waits for bytes that we could have.
//!
//! Of either kind a moment lasts equally long for everybody, so a queue will do.

use crate::base::Time;
use crate::net::Sock;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a client may go unwatched: long enough for a backend nearby to answer, short beside anything that one who has
/// left could cost.
pub const GRACE: Duration = Duration::from_millis(10);

/// How long bytes may lie until more have come: half a megabyte at 2 Gbit/s. On a slower way it is this that a body may be
/// late by; shorter, and the timer would wake us as often as the segments did.
pub const GATHERING: Duration = Duration::from_millis(2);

/// Whose moment is running, in the order in which it ends.
#[derive(Debug)]
pub struct Moments {
    length: Duration,
    queue: VecDeque<(Time, Sock)>,
}

impl Moments {
    /// Moments that last so long.
    pub fn of(length: Duration) -> Moments {
        Moments { length, queue: VecDeque::new() }
    }

    /// Whoever owns `sock` is to be seen to in a moment from `now` on.
    pub fn begin(&mut self, sock: Sock, now: Time) {
        self.queue.push_back((now + self.length, sock));
    }

    /// Whose moment ends first, and when.
    pub fn first(&self) -> Option<(Time, Sock)> {
        self.queue.front().copied()
    }

    /// Takes out one whose moment has ended. Its socket may have another owner by now.
    pub fn pop(&mut self, now: Time) -> Option<Sock> {
        let (_, sock) = *self.queue.front().filter(|(until, _)| *until <= now)?;
        self.queue.pop_front();
        Some(sock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_in_the_order_in_which_they_began() {
        let mut moments = Moments::of(GRACE);
        (0..3).for_each(|number| moments.begin(Sock(number), Time(u64::from(number))));
        let end = Time(0) + GRACE;
        assert_eq!(moments.first(), Some((end, Sock(0))));
        assert_eq!([moments.pop(end), moments.pop(end)], [Some(Sock(0)), None]);
        assert_eq!([moments.pop(end + GRACE), moments.pop(end + GRACE)], [Some(Sock(1)), Some(Sock(2))]);
    }
}
