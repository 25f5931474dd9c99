//! Many seeds on all cores: the first that fails, made smaller where that is cheap, and how to see it again.

use super::plan::Plan;
use super::world::Report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::available_parallelism;
use std::time::Instant;

/// What a seed means, and how it is run.
#[derive(Clone, Copy)]
pub struct Sort<'a> {
    pub plan: fn(u64) -> Plan,
    /// Runs one plan, told aloud or not.
    pub run: &'a (dyn Fn(Plan, bool) -> Result<Report, String> + Sync),
}

impl Sort<'_> {
    /// Runs one plan; a panic counts as a violation.
    pub fn attempt(&self, plan: Plan, aloud: bool) -> Result<Report, String> {
        catch_unwind(AssertUnwindSafe(|| (self.run)(plan, aloud))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            Err(words.or_else(|| panic.downcast_ref::<&str>().map(|words| words.to_string())).unwrap_or_default())
        })
    }
}

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Swept {
    pub seeds: u64,
    pub calls: u64,
    pub answered: u64,
    pub lost: u64,
    /// Every seed that failed and what was wrong; unless all are wanted, the first alone.
    pub failed: Vec<(u64, String)>,
    pub seconds: f64,
}

/// Runs `count` seeds from `first` on. Stops at the first failure, unless `all` are wanted.
pub fn sweep(sort: Sort<'_>, first: u64, count: u64, all: bool) -> Swept {
    let began = Instant::now();
    let (next, stop) = (AtomicU64::new(first), AtomicU64::new(first + count));
    let swept = Mutex::new(Swept::default());
    std::thread::scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mine = work(sort, &next, &stop, all);
                swept.lock().expect("no thread panics").add(mine);
            });
        }
    });
    let mut swept = swept.into_inner().expect("no thread panics");
    swept.failed.sort();
    swept.failed.truncate(if all { usize::MAX } else { 1 });
    swept.seconds = began.elapsed().as_secs_f64();
    swept
}

fn work(sort: Sort<'_>, next: &AtomicU64, stop: &AtomicU64, all: bool) -> Swept {
    let mut mine = Swept::default();
    loop {
        let seed = next.fetch_add(1, Relaxed);
        if seed >= stop.load(Relaxed) {
            return mine;
        }
        mine.seeds += 1;
        match sort.attempt((sort.plan)(seed), false) {
            Ok(report) => mine.count(&report),
            Err(what) => {
                mine.failed.push((seed, what));
                if !all {
                    stop.fetch_min(seed, Relaxed); // seeds before it may still be under way elsewhere
                }
            }
        }
    }
}

impl Swept {
    fn count(&mut self, report: &Report) {
        self.calls += report.calls;
        self.answered += report.answered;
        self.lost += report.lost;
    }

    fn add(&mut self, other: Swept) {
        self.seeds += other.seeds;
        self.calls += other.calls;
        self.answered += other.answered;
        self.lost += other.lost;
        self.failed.extend(other.failed);
    }
}

/// Leaves out of a failing plan whatever it also fails without. Gives the parts left out, as [`Plan::without`] takes
/// them.
pub fn shrink(sort: Sort<'_>, seed: u64) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for part in (sort.plan)(seed).parts() {
        out.push(part);
        if sort.attempt((sort.plan)(seed).without(&out), false).is_ok() {
            out.pop();
        }
    }
    out
}
