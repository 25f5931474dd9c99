//! A session as it is seen from outside: by those who count, and by those who look at it.

use super::Session;
use crate::admin::SlotSeen;
use crate::balance::change::Mentioned;
use crate::base::Peer;
use crate::proxy::phase::Phase;

impl Session {
    /// What it waits for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Its client.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether an admitted request is under way.
    pub fn is_alive(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_admitted())
    }

    /// The backends and pools it speaks of.
    pub fn mention(&self, all: &mut Mentioned) {
        self.exchange.iter().for_each(|exchange| exchange.mention(all));
    }

    /// Whether a request or an answer to one is under way that was not counted yet.
    pub fn is_pending(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_pending())
    }

    /// What it is doing, for a human.
    pub fn describe(&self) -> String {
        let story = self.exchange.as_ref().map_or("", |exchange| exchange.story());
        format!("{} {:?} {story}", self.peer, self.phase)
    }

    /// What can be seen of it beside that, for whoever looks at one of its sockets.
    pub fn show_to(&self, seen: &mut SlotSeen) {
        seen.peer = Some(self.peer.to_string());
        seen.phase = Some(self.phase.name());
        seen.buffers = usize::from(!self.client.held().is_empty());
        if let Some(exchange) = &self.exchange {
            exchange.show_to(seen);
        }
    }
}
