//! Bytes that nobody asked for: behind a response, or on an idle connection. Over a kernel that tells at once the balancer
//! can know of them, so a request that follows is its fault; but not one that was on its way when they were said.

use super::HttpServed;
use crate::sim::http_text::Body;
use crate::sim::ledger::{self, Cue};
use std::time::Duration;

/// What nobody asked for.
pub(super) const SURPLUS: &str = "HTTP/1.1 200 OK\r\nX-Number: surplus\r\nContent-Length: 0\r\n\r\n";

/// A kernel that tells at once has told both sides by then.
const TOLD: Duration = Duration::from_millis(2);

impl HttpServed {
    /// Says something that nobody asked for.
    pub(super) fn say_surplus(&mut self, cue: &mut Cue) -> bool {
        cue.sim.far_write(self.far, SURPLUS.as_bytes());
        cue.ledger.late_surplus = Some(cue.now);
        (self.late_surplus, self.idle_until, self.out_of_turn) = (false, None, Some(cue.now + TOLD));
        false
    }

    /// Somebody sends a request where something was said out of turn: by mistake, or because neither could know.
    pub(super) fn hear_out_of_turn(&mut self, cue: &mut Cue) -> Result<(), String> {
        match self.out_of_turn {
            Some(since) if !self.heard.is_empty() && since <= cue.now => {
                Err("a request on a connection that talked out of turn".into())
            }
            Some(_) if !self.heard.is_empty() => {
                if let Some(number) = self.half_a_number() {
                    cue.ledger.excuse(number, ledger::DIED);
                }
                self.note_half_a_head(cue);
                self.closes = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A surplus goes out with the last byte of the response or not at all: nobody can know of it otherwise.
    pub(super) fn drop_late_surplus(&mut self, count: usize, cue: &mut Cue) {
        let whole = count == self.out.len() && cue.sim.far(self.far).room >= count;
        let surplus = std::mem::take(&mut self.surplus);
        if surplus > 0 && whole && self.asked.as_ref().is_some_and(|asked| asked.body == Body::Done) {
            self.out_of_turn = Some(cue.now);
        } else if surplus > 0 && self.out.len() > surplus {
            self.out.truncate(self.out.len() - surplus);
        }
    }
}
