//! Operational log lines, off the loop.
//!
//! simple_logger prints with `eprintln!`, which waits while the reader of stderr is stuck and panics once it is gone:
//! either would end a balancer for the sake of a log line. So the loop only puts lines into a bounded queue; a thread of
//! its own hands them to simple_logger, waits if it must and survives the panic. A full queue drops lines and counts
//! them; the count is told as soon as there is room.
//!
//! While something is drawn on the terminal that stderr is, lines would tear it: whoever draws [holds](hold) them then,
//! and shows the last ones itself.

use super::{aside, patience};
use log::{LevelFilter, Log, Metadata, Record};
use rustix::fs::FlockOperation;
use simple_logger::SimpleLogger;
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

// With a panic that aborts, a reader of stderr that goes, or a full disk under it, would end the balancer.
const _: () = assert!(cfg!(panic = "unwind"), "the thread that prints log lines has to survive a panic");

/// What the thread that prints lines is called.
pub const THREAD: &str = "log";

/// Lines that may wait for a slow reader.
const QUEUE: usize = 4096;

/// How long leaving the process may wait for a reader to take the last lines.
const LAST_WORDS: Duration = Duration::from_millis(500);

static DROPPED: AtomicU64 = AtomicU64::new(0);

enum Item {
    Line { level: log::Level, target: String, text: String },
    Flush(SyncSender<()>),
}

struct Offload {
    queue: SyncSender<Item>,
}

/// Log lines dropped so far because nobody read stderr.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Installs the logger of this process. A second call changes nothing.
pub fn init(level: LevelFilter) {
    let (queue, lines) = sync_channel(QUEUE);
    let printer = SimpleLogger::new().with_level(LevelFilter::Trace).with_utc_timestamps();
    let thread = aside::begin(THREAD, move || print(&printer, &lines));
    if thread.is_ok() && log::set_boxed_logger(Box::new(Offload { queue })).is_ok() {
        log::set_max_level(level);
    }
}

/// The last lines, while they are held instead of being printed.
static HELD: Mutex<Held> = Mutex::new(Held { lines: None, never: false });

struct Held {
    lines: Option<VecDeque<String>>,
    /// The process is ending: whatever is said now is printed.
    never: bool,
}

/// So many are kept.
const MOST_HELD: usize = 32;

/// Taken by whoever prints a line, or decides that it is held.
static PRINTING: Mutex<()> = Mutex::new(());

/// Holds the lines from now on, or prints them again; those that were held are gone then. If stderr is no terminal,
/// they are printed as ever. A line that is being printed is waited for, but not for ever: its reader may be stuck.
pub fn hold(on: bool) {
    let mut held = lock();
    match on && !held.never && std::io::stderr().is_terminal() {
        true if held.lines.is_some() => return,
        true => held.lines = Some(VecDeque::new()),
        false => return held.lines = None,
    }
    drop(held);
    drop(patience::lock(&PRINTING));
}

/// The last of those that are held, the newest last.
pub fn held(most: usize) -> Vec<String> {
    let held = lock();
    let Some(lines) = &held.lines else { return Vec::new() };
    lines.iter().skip(lines.len().saturating_sub(most)).cloned().collect()
}

fn lock() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it is held.
fn held_back(level: log::Level, text: &str) -> bool {
    let mut held = lock();
    let Some(lines) = &mut held.lines else { return false };
    if lines.len() == MOST_HELD {
        lines.pop_front();
    }
    lines.push_back(format!("{level:<5} {text}"));
    true
}

/// Waits a moment for the lines logged so far to be printed. For the end of the process, not for the loop: nothing is
/// held any more.
pub fn flush() {
    *lock() = Held { lines: None, never: true };
    log::logger().flush();
}

impl Log for Offload {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries speak up only when something is wrong: at -vv it is our own story that is wanted.
        let ours = metadata.target().starts_with("evenkeel");
        let level = log::max_level(); // a reload may change it
        metadata.level() <= if ours { level } else { level.min(LevelFilter::Warn) }
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let (level, target) = (record.level(), record.target().to_owned());
        let line = Item::Line { level, target, text: record.args().to_string() };
        if self.queue.try_send(line).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(Item::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(LAST_WORDS); // a stuck reader has had its time
        }
    }
}

fn print(printer: &SimpleLogger, lines: &Receiver<Item>) {
    panic::set_hook(Box::new(quiet_here(panic::take_hook())));
    let mut told = 0;
    for item in lines {
        match item {
            Item::Line { level, target, text } => say(printer, level, &target, &text),
            Item::Flush(done) => drop(done.send(())),
        }
        let lost = dropped();
        if lost != told {
            let text = format!("{} log lines were dropped: nobody read them", lost - told);
            say(printer, log::Level::Warn, "evenkeel", &text);
            told = lost;
        }
    }
}

/// Prints a line, unless it is held.
fn say(printer: &SimpleLogger, level: log::Level, target: &str, text: &str) {
    let _printing = PRINTING.lock().unwrap_or_else(PoisonError::into_inner);
    if !held_back(level, text) {
        print_line(printer, level, target, text);
    }
}

/// `eprintln!` panics when the reader of stderr is gone. The line is lost; nothing else is.
///
/// It also writes a line and its end by two calls, and while a process takes the place of another, both write to one
/// stderr. So whoever writes holds a lock on it (fcntl(2), advisory): lines stay whole. Where a system has none for what
/// stderr is, they are written all the same.
fn print_line(printer: &SimpleLogger, level: log::Level, target: &str, text: &str) {
    let lock = |operation| rustix::fs::fcntl_lock(rustix::stdio::stderr(), operation).is_ok();
    let print = || {
        printer.log(&Record::builder().level(level).target(target).args(format_args!("{text}")).build());
    };
    lock(FlockOperation::LockExclusive);
    if panic::catch_unwind(AssertUnwindSafe(print)).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    lock(FlockOperation::Unlock);
}

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Sync + Send>;

/// The panic hook as it was, except on this thread, whose only panics are about a stderr that is gone.
fn quiet_here(hook: Hook) -> impl Fn(&panic::PanicHookInfo<'_>) {
    let me = std::thread::current().id();
    move |info| {
        if std::thread::current().id() != me {
            hook(info);
        }
    }
}
