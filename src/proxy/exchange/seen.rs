//! An exchange as it is seen from outside: by those who count, and by those who look at it.

use super::{Exchange, Kind, Search};
use crate::admin::SlotSeen;
use crate::balance::change::Mentioned;

impl Exchange {
    /// The backends and pools it speaks of.
    pub fn mention(&self, all: &mut Mentioned) {
        let Search { pool, stuck, tried, .. } = &self.search;
        if matches!(self.kind, Kind::Request | Kind::Tunnel) {
            all.pools.insert(*pool); // what we answer ourselves is looked for nowhere, and may last as long as someone watches
        }
        let backends = tried.iter().chain(stuck).chain(&self.record.backend);
        all.backends.extend(backends.copied().chain(self.upstream.as_ref().map(|upstream| upstream.backend)));
    }

    /// What is forwarded, for the log.
    pub fn story(&self) -> &str {
        match &self.record.asked {
            Some(asked) => asked.what(),
            None if self.kind == Kind::Tunnel => "connection",
            None => "request",
        }
    }

    /// Whether it answers a client, and that has not been counted yet.
    pub fn is_pending(&self) -> bool {
        self.record.counts
    }

    /// What can be seen of it, for whoever looks at one of its sockets.
    pub fn show_to(&self, seen: &mut SlotSeen) {
        let held = self.upstream.as_ref().is_some_and(|upstream| !upstream.end.held().is_empty());
        seen.buffers += usize::from(held);
        let [up, down] = self.record.moved;
        (seen.bytes_up, seen.bytes_down) = (up + self.request.moved, down + self.response.moved);
        seen.story = self.story().into();
        seen.backend = self.upstream.as_ref().map(|upstream| upstream.backend);
        seen.tries = self.record.tries;
        seen.calls = self.record.cost.calls;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::{Backends, PoolId};
    use crate::base::{Peer, Time};
    use crate::config::{Limits, Timeouts};
    use crate::net::sim::{Cruelty, Sim};
    use crate::proxy::context::Context;
    use crate::proxy::exchange::Terms;
    use crate::proxy::record::Record;

    #[test]
    fn who_watches_speaks_of_no_pool() {
        let sim = Sim::new(1, Cruelty::calm());
        let mut cx = Context::new(sim, Backends::new(&[], 1), Timeouts::default(), Limits::default(), 1);
        let record = Record::new(Time(0), Time(0));
        let feed = Exchange::feed(Terms::default(), Vec::new(), record, (0, Peer::Unix), &mut cx);
        let mut all = Mentioned::default();
        feed.mention(&mut all);
        assert!(all.pools.is_empty() && all.backends.is_empty());
        let mut blank = *feed;
        (blank.kind, blank.search.pool) = (Kind::Request, PoolId(3));
        blank.mention(&mut all);
        assert!(all.pools.contains(&PoolId(3)));
    }
}
