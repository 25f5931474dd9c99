//! A way into a loop from another thread of the same process. Used by [`os`](super::os) alone.

use crate::host::signals::Signal;
use mio::{Registry, Token, Waker};
use std::io;
use std::sync::{Arc, mpsc};

/// Tells a loop something from another thread, as a signal would.
#[derive(Clone)]
pub struct Remote {
    waker: Arc<Waker>,
    outbox: mpsc::Sender<Signal>,
}

impl Remote {
    /// Wakes the loop with `signal`. A loop that is gone hears nothing.
    pub fn send(&self, signal: Signal) {
        if self.outbox.send(signal).is_ok() {
            let _ = self.waker.wake(); // fails only when the loop's poll is gone
        }
    }
}

/// One that wakes a loop with an event of this token, and where that loop finds what was sent.
pub(super) fn pair(registry: &Registry, token: Token) -> io::Result<(Remote, mpsc::Receiver<Signal>)> {
    let waker = Arc::new(Waker::new(registry, token)?);
    let (outbox, inbox) = mpsc::channel();
    Ok((Remote { waker, outbox }, inbox))
}
