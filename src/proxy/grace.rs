//! Clients that events do not tell of, for a moment (law 2).
//!
//! A client whose request came with its connection is served at once, and mostly done with before anybody would have had
//! to wait for it: to register it for events would be a call for nothing. If its backend takes longer than a moment it is
//! watched after all, so that one that goes away is noticed. Grace lasts equally long for everybody, so a queue will do.
//! What a session may do in that time is [`session`](super::session)'s to say.

use crate::base::Time;
use crate::net::Sock;
use std::collections::VecDeque;
use std::time::Duration;

/// Long enough for a backend nearby to answer, short beside anything that a client who has left could cost.
const GRACE: Duration = Duration::from_millis(10);

/// Who is in grace, in the order in which it ends.
#[derive(Debug, Default)]
pub struct Graces {
    queue: VecDeque<(Time, Sock)>,
}

impl Graces {
    /// The client at `sock` is not watched for a while from `now` on.
    pub fn grant(&mut self, sock: Sock, now: Time) {
        self.queue.push_back((now + GRACE, sock));
    }

    /// Whose grace ends first, and when.
    pub fn first(&self) -> Option<(Time, Sock)> {
        self.queue.front().copied()
    }

    /// Takes out one whose grace has ended. Its socket may have another owner by now.
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
    fn ends_in_the_order_in_which_it_began() {
        let mut graces = Graces::default();
        (0..3).for_each(|number| graces.grant(Sock(number), Time(u64::from(number))));
        let end = Time(0) + GRACE;
        assert_eq!(graces.first(), Some((end, Sock(0))));
        assert_eq!([graces.pop(end), graces.pop(end)], [Some(Sock(0)), None]);
        assert_eq!([graces.pop(end + GRACE), graces.pop(end + GRACE)], [Some(Sock(1)), Some(Sock(2))]);
    }
}
