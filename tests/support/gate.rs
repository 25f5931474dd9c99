//! Between threads: a gate, at which backends hold an answer back until the test has seen what it wanted to see; and an end
//! that comes also when a test fails.

use super::PATIENCE;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Closed at first. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Inner>, Condvar)>);

#[derive(Default)]
struct Inner {
    open: bool,
    waiting: usize,
}

impl Gate {
    /// Waits here until somebody opens; a gate that stays closed fails the thread.
    pub fn pass(&self) {
        let mut inner = self.0.0.lock().unwrap();
        inner.waiting += 1;
        self.0.1.notify_all();
        let closed = |inner: &mut Inner| !inner.open;
        let (_inner, late) = self.0.1.wait_timeout_while(inner, PATIENCE, closed).unwrap();
        assert!(!late.timed_out(), "a gate stayed closed");
    }

    /// Lets everybody through, from now on.
    pub fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    /// Waits until `count` threads have come to the gate.
    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        let inner = self.0.0.lock().unwrap();
        let missing = |inner: &mut Inner| inner.waiting < count;
        let (inner, late) = self.0.1.wait_timeout_while(inner, PATIENCE, missing).unwrap();
        let came = inner.waiting;
        drop(inner);
        assert!(!late.timed_out(), "{came} of {count} came to the gate");
    }
}

/// Raises a flag when it goes, also when the test fails: threads that go on until they see it would never end else, and a
/// failure would be a hang.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
