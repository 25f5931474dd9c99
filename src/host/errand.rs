//! Floor 4: work that may block, done off the loop: one thread for one piece of work, whose outcome is fetched later.
//!
//! Reading files and looking up names may take as long as a disk or a name server likes, and the loop waits for nobody
//! (law 1). The thread says when it is done; how that reaches the loop is its caller's, by
//! [`Remote`](crate::net::os::Remote) for one.

use std::io;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

/// A piece of work under way.
pub struct Errand<T> {
    outcome: Receiver<T>,
}

impl<T: Send + 'static> Errand<T> {
    /// Begins `work` on a thread of its own, and calls `done` there when its outcome can be fetched. Errors: there can be
    /// no further thread.
    pub fn begin(
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce() + Send + 'static,
    ) -> io::Result<Errand<T>> {
        let (sender, outcome) = sync_channel(1);
        std::thread::Builder::new().name("errand".into()).spawn(move || {
            let _ = sender.send(work()); // fails only when nobody wants it any more
            drop(sender); // so that whoever is told finds either an outcome or none that will come
            done();
        })?;
        Ok(Errand { outcome })
    }

    /// Waits for its outcome: not for a loop.
    pub fn wait(self) -> Option<T> {
        self.outcome.recv().ok()
    }

    /// Its outcome, once. Errors: it is not there yet. A thread that has died has none: `lost` stands for it.
    pub fn fetch(&self, lost: impl FnOnce() -> T) -> Option<T> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Disconnected) => Some(lost()),
            Err(TryRecvError::Empty) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn an_outcome_is_there_when_that_is_told_and_not_before() {
        let (go, gate) = channel();
        let (told, done) = channel();
        let errand = Errand::begin(move || gate.recv().map_or(0, |()| 7), move || told.send(()).unwrap()).unwrap();
        assert_eq!(errand.fetch(|| 1), None);
        go.send(()).unwrap();
        done.recv().unwrap();
        assert_eq!(errand.fetch(|| 1), Some(7));
        assert_eq!(errand.fetch(|| 1), Some(1), "it is fetched once");
    }
}
