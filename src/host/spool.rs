//! Lines for standard output or a file, off the loop: who writes them never waits for who takes them.
//!
//! The loop puts lines into a batch; a batch that is large or old enough goes into a bounded queue, and a thread of its
//! own writes it. So a hundred requests share one write and one waking, and a reader that is stuck, a disk that is full
//! or slow, costs lines and nothing else. Lines are lost as wholes, counted, and told in the log when it begins and when
//! it is over. After a write that was cut short, the next begins on a line of its own.
//!
//! What the lines say is nobody's business here.

use super::aside;
use crate::base::Time;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A batch of this size goes on its way at once: to wake the writer costs more than to write a few lines ...
const BATCH: usize = 64 * 1024;

/// ... and a smaller one when its first line has waited for so long.
const PATIENCE: Duration = Duration::from_millis(100);

/// Batches that may wait for a slow writer: 1 MiB.
const QUEUE: usize = 16;

/// Memory of written batches that waits for those to come: one is filled while another is written.
const SPARE: usize = 2;

/// How long the end of the process may wait for the last lines to be taken.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Whole lines, on their way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Each line with its end.
    pub bytes: Vec<u8>,
    /// How many.
    pub lines: u64,
    /// No lines, but a word to the writer: those that follow belong into a file that is opened anew.
    pub reopen: bool,
}

/// What the two threads tell each other besides.
#[derive(Debug, Default)]
struct Shared {
    /// Lines that could not be written.
    lost: AtomicU64,
    /// The file is to be opened anew, which could not be said in the queue since that is full.
    reopen: AtomicBool,
    /// Memory of batches that were written.
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Shared {
    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory for a batch.
    fn lend(&self) -> Vec<u8> {
        self.spare().pop().unwrap_or_else(|| Vec::with_capacity(BATCH + 1024))
    }

    /// Takes it back.
    fn put(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut spare = self.spare();
        if spare.len() < SPARE {
            spare.push(bytes);
        }
    }
}

/// Where lines are put.
pub struct Spool {
    batch: Batch,
    /// When the first line of the batch came.
    since: Time,
    /// None only while it ends.
    queue: Option<SyncSender<Batch>>,
    shared: Arc<Shared>,
    /// Lines for which there was no room in the queue, and those of them that the log has not been told of.
    refused: u64,
    untold: u64,
    /// Closed when the writer has ended.
    ended: Option<Receiver<()>>,
    clock: fn() -> Duration,
    /// What it showed when it was last looked at, and when that was.
    shown: Option<(Time, Duration)>,
}

impl Spool {
    /// Lines for standard output.
    pub fn stdout() -> io::Result<Spool> {
        Spool::to(None)
    }

    /// Lines to be appended to a file, which is made if it is not there. Errors: it cannot be opened.
    pub fn file(path: &Path) -> io::Result<Spool> {
        Spool::to(Some(path.to_owned()))
    }

    /// The thread that writes opens it, too: a descriptor of ours would mean nothing there.
    fn to(path: Option<PathBuf>) -> io::Result<Spool> {
        let (mut spool, batches) = Spool::pair(QUEUE);
        let shared = Arc::clone(&spool.shared);
        let (tell, opened) = sync_channel(1);
        let (alive, ended) = sync_channel(0);
        aside::begin("access", move || {
            let _alive = alive; // until all is written
            match path.as_deref().map_or_else(|| Ok(Box::new(io::stdout()) as Out), append) {
                Err(error) => drop(tell.send(Err(error))),
                Ok(out) => {
                    let _ = tell.send(Ok(()));
                    Writer { out, path, torn: false, failing: 0, shared }.take_all(batches);
                }
            }
        })?;
        opened.recv().map_err(io::Error::other)??;
        (spool.ended, spool.clock) = (Some(ended), wall_clock);
        Ok(spool)
    }

    /// One whose batches go to whoever holds the other end, of which `room` may wait, and whose clock stands still: for
    /// simulations.
    pub fn pair(room: usize) -> (Spool, Receiver<Batch>) {
        let (queue, batches) = sync_channel(room);
        let spool = Spool {
            batch: Batch::default(),
            since: Time(0),
            queue: Some(queue),
            shared: Arc::default(),
            refused: 0,
            untold: 0,
            ended: None,
            clock: || Duration::ZERO,
            shown: None,
        };
        (spool, batches)
    }

    /// What the clock on the wall shows at the moment `now`, since 1970: it is looked at once for each moment, which many
    /// lines share. It may be set at any time, so it is for reading only.
    pub fn clock(&mut self, now: Time) -> Duration {
        match self.shown {
            Some((at, shown)) if at == now => shown,
            _ => {
                let shown = (self.clock)();
                self.shown = Some((now, shown));
                shown
            }
        }
    }

    /// Puts one line in, which `write` appends with its end.
    pub fn line(&mut self, now: Time, write: impl FnOnce(&mut Vec<u8>)) {
        if self.batch.lines == 0 {
            self.since = now;
            self.batch.bytes = self.shared.lend();
        }
        write(&mut self.batch.bytes);
        self.batch.lines += 1;
        if self.batch.bytes.len() >= BATCH {
            self.hand_on();
        }
    }

    /// When the batch is to go on its way, if there is one.
    pub fn due(&self) -> Option<Time> {
        (self.batch.lines > 0).then(|| self.since + PATIENCE)
    }

    /// Sends the batch on its way.
    pub fn hand_on(&mut self) {
        let Some(queue) = &self.queue else { return };
        let batch = std::mem::take(&mut self.batch);
        let lines = batch.lines;
        match queue.try_send(batch) {
            Ok(()) if self.untold > 0 => {
                log::warn!("access log: lines are taken again; {} were dropped", self.untold);
                self.untold = 0;
            }
            Ok(()) => {}
            Err(_) => {
                if self.untold == 0 {
                    log::warn!("access log: nobody takes the lines fast enough; they are dropped and counted");
                }
                (self.refused, self.untold) = (self.refused + lines, self.untold + lines);
            }
        }
    }

    /// Opens the file anew, as its name may lead to another by now: after a rotation.
    pub fn reopen(&mut self) {
        if self.batch.lines > 0 {
            self.hand_on(); // to the old one
        }
        let word = Batch { reopen: true, ..Batch::default() };
        if self.queue.as_ref().is_some_and(|queue| queue.try_send(word).is_err()) {
            self.shared.reopen.store(true, Ordering::Release);
        }
    }

    /// Lines that were dropped, or could not be written, so far.
    pub fn dropped(&self) -> u64 {
        self.refused + self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Spool {
    /// Lets the last lines be written, for a moment.
    fn drop(&mut self) {
        if self.batch.lines > 0 {
            self.hand_on();
        }
        self.queue = None;
        if let Some(ended) = &self.ended {
            let _ = ended.recv_timeout(LAST_WORDS); // ends with an error either way: the writer is done, or stuck
        }
    }
}

fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn append(path: &Path) -> io::Result<Out> {
    Ok(Box::new(OpenOptions::new().append(true).create(true).open(path)?))
}

type Out = Box<dyn Write + Send>;

/// The other thread.
struct Writer {
    out: Out,
    /// What is opened anew; none for standard output.
    path: Option<PathBuf>,
    /// The last write ended within a line.
    torn: bool,
    /// Lines lost since writing began to fail.
    failing: u64,
    shared: Arc<Shared>,
}

impl Writer {
    fn take_all(mut self, batches: Receiver<Batch>) {
        for batch in batches {
            self.take(&batch);
            self.shared.put(batch.bytes);
        }
    }

    fn take(&mut self, batch: &Batch) {
        if self.shared.reopen.swap(false, Ordering::AcqRel) || batch.reopen {
            self.reopen();
        }
        if batch.lines == 0 {
            return;
        }
        let mended = if self.torn { self.write(b"\n").1 } else { Ok(()) };
        let (written, ended) = match mended {
            Ok(()) => self.write(&batch.bytes),
            Err(error) => (0, Err(error)),
        };
        let left = batch.bytes.get(written..).unwrap_or_default();
        self.torn =
            if written > 0 { batch.bytes.get(written - 1) != Some(&b'\n') } else { self.torn && ended.is_err() };
        match ended {
            Ok(()) => self.tell_recovery(),
            Err(error) => self.lose(left.iter().filter(|&&byte| byte == b'\n').count() as u64, &error),
        }
    }

    /// How far it came, and why no further.
    fn write(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while written < bytes.len() {
            match self.out.write(bytes.get(written..).unwrap_or_default()) {
                Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return (written, Err(error)),
            }
        }
        (written, self.out.flush())
    }

    fn lose(&mut self, lines: u64, error: &io::Error) {
        if self.failing == 0 {
            log::error!("access log: cannot write: {error}; lines are lost and counted until it can");
        }
        self.failing += lines;
        self.shared.lost.fetch_add(lines, Ordering::Relaxed);
    }

    fn tell_recovery(&mut self) {
        if self.failing > 0 {
            log::warn!("access log: written again; {} lines were lost", self.failing);
            self.failing = 0;
        }
    }

    /// A file that cannot be opened leaves the old one in use.
    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append(path) {
            Ok(file) => {
                (self.out, self.torn) = (file, false);
                log::info!("access log: {} opened anew", path.display());
            }
            Err(error) => log::error!("access log: cannot open {}: {error}; the old one stays", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(spool: &mut Spool, text: &str, now: u64) {
        spool.line(Time(now), |out| out.extend_from_slice(text.as_bytes()));
    }

    #[test]
    fn lines_share_a_batch_until_it_is_large_or_old() {
        let (mut spool, batches) = Spool::pair(4);
        put(&mut spool, "a\n", 5);
        put(&mut spool, "b\n", 9);
        assert_eq!(spool.due(), Some(Time(5) + PATIENCE));
        assert!(batches.try_recv().is_err());
        spool.hand_on();
        assert_eq!(batches.try_recv(), Ok(Batch { bytes: b"a\nb\n".to_vec(), lines: 2, reopen: false }));
        assert_eq!(spool.due(), None);
        put(&mut spool, &format!("{}\n", "x".repeat(BATCH)), 10);
        assert_eq!(batches.try_recv().map(|batch| batch.lines), Ok(1));
    }

    /// Lines that were put in before belong into the old file.
    #[test]
    fn the_word_to_open_anew_comes_after_the_lines_before_it() {
        let (mut spool, batches) = Spool::pair(4);
        put(&mut spool, "old\n", 0);
        spool.reopen();
        put(&mut spool, "new\n", 0);
        spool.hand_on();
        let came: Vec<_> = batches.try_iter().map(|batch| (batch.reopen, batch.lines)).collect();
        assert_eq!(came, [(false, 1), (true, 0), (false, 1)]);
        assert!(!spool.shared.reopen.load(Ordering::Relaxed));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_goes_on() {
        let (mut spool, batches) = Spool::pair(1);
        for text in ["a\n", "b\n", "c\n"] {
            put(&mut spool, text, 0);
            spool.hand_on();
        }
        assert_eq!(spool.dropped(), 2);
        assert_eq!(batches.recv().map(|batch| batch.bytes), Ok(b"a\n".to_vec()));
        put(&mut spool, "d\n", 0);
        drop(spool);
        assert_eq!(batches.recv().map(|batch| batch.bytes), Ok(b"d\n".to_vec()));
    }

    /// Takes so many bytes and then fails, until it is told to take more.
    #[derive(Clone)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let room = disk.1.min(bytes.len());
            disk.1 -= room;
            disk.0.extend_from_slice(&bytes[..room]);
            if room == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(room) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_whole_lines_which_are_counted() {
        let disk = Disk(Arc::new(Mutex::new((Vec::new(), 5))));
        let shared = Arc::<Shared>::default();
        let out = Box::new(disk.clone());
        let mut writer = Writer { out, path: None, torn: false, failing: 0, shared: Arc::clone(&shared) };
        let batch = |text: &str| Batch {
            bytes: text.as_bytes().to_vec(),
            lines: text.bytes().filter(|&byte| byte == b'\n').count() as u64,
            reopen: false,
        };
        writer.take(&batch("ab\ncd\nef\n")); // "ab\ncd" fits
        writer.take(&batch("gh\n"));
        assert_eq!(shared.lost.load(Ordering::Relaxed), 3);
        disk.0.lock().unwrap().1 = 1000;
        writer.take(&batch("ij\n"));
        writer.take(&batch("kl\n"));
        assert_eq!(disk.0.lock().unwrap().0, b"ab\ncd\nij\nkl\n");
        assert_eq!(shared.lost.load(Ordering::Relaxed), 3);
    }
}
