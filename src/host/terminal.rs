//! The terminal that a process was started from: a screen to draw on, keys one by one, and everything back as it was.
//!
//! Only lines and echo are taken from it, so that Ctrl-C and Ctrl-Z are signals as ever, and what a panic says reads well.
//! The alternate screen keeps what stood there before. It is given back by [`leave`], from whatever thread: when the
//! process ends in good order, when it panics, and for the time that it is stopped. What it needs for that is global, as
//! the terminal itself is. Here is no decision about what is drawn.

use super::{patience, stderr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getpgrp, getpid, kill_process};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::termios::{tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use signal_hook::consts::SIGTSTP;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

/// To the alternate screen, with no cursor, and nothing that is too long goes on in the next line.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[J";

/// And back.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// How the terminal was, while it is ours.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The process is ending, and does not take it again.
static ENDING: AtomicBool = AtomicBool::new(false);

/// What a look at the keyboard brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// These, if any.
    Pressed(Vec<u8>),
    /// It is time to draw.
    None,
    /// There is no terminal any more.
    Gone,
}

/// Whether there is one to draw on and to listen to, and it is ours: this process is not in the background.
pub fn is_there() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    let able = !term.is_empty() && term != "dumb";
    able && io::stdin().is_terminal() && io::stdout().is_terminal() && is_ours()
}

/// Whether colours are welcome (no-color.org).
pub fn has_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty())
}

/// Who changes the terminal from the background is stopped.
fn is_ours() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal. Errors: it is none, or not ours.
pub fn enter() -> io::Result<()> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(restore_on_panic);
    let mut before = before();
    match before.is_some() {
        true => return Ok(()),
        false if ENDING.load(Ordering::SeqCst) || !is_ours() => return Err(ErrorKind::WouldBlock.into()),
        false => {}
    }
    let was = tcgetattr(stdin())?;
    let mut wanted = was.clone();
    wanted.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
    wanted.input_modes -= InputModes::IXON; // nobody stops the screen by Ctrl-S
    (wanted.special_codes[SpecialCodeIndex::VMIN], wanted.special_codes[SpecialCodeIndex::VTIME]) = (1, 0);
    tcsetattr(stdin(), OptionalActions::Now, &wanted)?;
    *before = Some(was);
    write(ENTER)
}

/// Gives the terminal back, if we have it. Whether we had.
pub fn leave() -> bool {
    // Not for ever: who draws may be stuck.
    let Some(was) = patience::lock(&BEFORE).and_then(|mut before| before.take()) else { return false };
    let _ = write(LEAVE); // if it is gone, nobody misses anything
    let _ = tcsetattr(stdin(), OptionalActions::Now, &was);
    true
}

/// Gives it back for good.
pub fn end() {
    ENDING.store(true, Ordering::SeqCst);
    leave();
}

/// What a panic has to say is to be seen, and on a terminal as it was. That of the main thread is the end; that of the
/// thread that prints log lines says nothing but that stderr is gone.
fn restore_on_panic() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        match std::thread::current().name() {
            Some("main") => end(),
            Some(stderr::THREAD) => {}
            _ => _ = leave(),
        }
        hook(info);
    }));
}

/// Draws, if the terminal is ours. Errors: it takes nothing any more.
pub fn draw(text: &str) -> io::Result<()> {
    let before = before();
    if before.is_some() { write(text) } else { Ok(()) }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Columns and rows.
pub fn size() -> (usize, usize) {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// The keyboard, and when it is time to draw again: keys do not make that come sooner.
pub struct Keyboard {
    every: Duration,
    due: Instant,
}

impl Keyboard {
    /// Something is drawn once in this time, and now.
    pub fn new(every: Duration) -> Keyboard {
        Keyboard { every, due: Instant::now() }
    }

    /// What is pressed before it is time to draw.
    pub fn wait(&mut self) -> Keys {
        let left = self.due.saturating_duration_since(Instant::now());
        if left > Duration::ZERO {
            return keys(left);
        }
        self.due = Instant::now() + self.every;
        Keys::None
    }
}

/// Whether somebody else reads what is pressed: who reads it from the background is stopped. (It may be gone altogether,
/// which is for those to find out who read.)
fn is_others() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group != getpgrp())
}

/// What is pressed within this time.
fn keys(within: Duration) -> Keys {
    if is_others() {
        std::thread::sleep(within);
        return Keys::Pressed(Vec::new());
    }
    let whole = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    let timeout = Timespec { tv_sec: whole, tv_nsec: within.subsec_nanos().into() };
    let (terminal, mut bytes) = (stdin(), [0; 64]);
    let mut fds = [PollFd::new(&terminal, PollFlags::IN)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Keys::Pressed(Vec::new()),
        Ok(_) if is_others() => return Keys::Pressed(Vec::new()), // meanwhile
        Ok(_) => {}
        Err(_) => return Keys::Gone,
    }
    match rustix::io::read(stdin(), &mut bytes) {
        Ok(0) => Keys::Gone,
        Ok(count) => Keys::Pressed(bytes.get(..count).unwrap_or_default().to_vec()),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Keys::Pressed(Vec::new()),
        Err(_) => Keys::Gone,
    }
}

/// Ctrl-Z: who draws has to be asked now and then whether it was pressed.
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on Ctrl-Z stops nothing by itself.
    pub fn watch() -> io::Result<Stop> {
        let pressed = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGTSTP, Arc::clone(&pressed))?;
        Ok(Stop(pressed))
    }

    /// Whether it was pressed.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Gives the terminal back and stops the process, until somebody says to go on.
    pub fn obey(&self) {
        leave();
        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP); // it knows how
        self.0.store(false, Ordering::SeqCst);
    }
}

/// Asks this process to end, as somebody outside would: by TERM.
pub fn ask_to_end() {
    let me: Pid = getpid();
    let _ = kill_process(me, Signal::TERM); // we may signal ourselves
}
