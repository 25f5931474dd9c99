//! The demo on a terminal: a pseudo-terminal of ours, entered by setsid(1), so that it is the one it was started from.

use super::*;
use evenkeel::host::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Where the system can: no child of another test has it either, however close in time.
#[cfg(target_os = "linux")]
const AT_ONCE: OpenptFlags = OpenptFlags::CLOEXEC;
#[cfg(not(target_os = "linux"))]
const AT_ONCE: OpenptFlags = OpenptFlags::empty();

/// A demo in a terminal, and what is on it.
struct Seat {
    child: Child,
    /// Ours; none: it was taken away, and whoever reads gives up as well.
    master: Option<File>,
    /// Kept open, so that its settings can be looked at.
    slave: Option<OwnedFd>,
    shown: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    before: Termios,
    base: u16,
}

impl Seat {
    /// None: no setsid(1) here, which is said.
    fn take(size: (u16, u16), variables: &[(&str, &str)]) -> Option<Seat> {
        let base = four_ports();
        let demo = [env!("CARGO_BIN_EXE_evenkeel"), "demo", "--port-base", &base.to_string()];
        Seat::before(&demo, base, size, variables)
    }

    /// The same for whatever this command runs.
    fn before(run: &[&str], base: u16, size: (u16, u16), variables: &[(&str, &str)]) -> Option<Seat> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | AT_ONCE).expect("a pseudo-terminal");
        fcntl_setfd(&master, FdFlags::CLOEXEC).unwrap(); // or the terminal would live as long as whoever sits at it
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(&name).expect("its other end");
        resize(&master, size);
        let before = tcgetattr(&slave).unwrap();
        let end = || OwnedFd::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.arg("--ctty").args(run).env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
        let spawned = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        drop(command); // with its copies
        let Ok(child) = spawned else {
            eprintln!("left out, there is no setsid");
            return None;
        };
        let (master, shown) = (File::from(master), Arc::new(Mutex::new(String::new())));
        let (eyes, same) = (master.try_clone().unwrap(), Arc::clone(&shown));
        let reader = std::thread::spawn(move || watch(eyes, &same));
        let (master, slave, reader) = (Some(master), Some(slave.into()), Some(reader));
        Some(Seat { child, master, slave, shown, reader, before, base })
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// The last picture that is whole, its lines.
    fn picture(&self) -> Vec<String> {
        let shown = self.shown();
        let whole = shown.rsplit_once("\x1b[J").map_or("", |(whole, _)| whole);
        let picture = whole.rsplit("\x1b[H").next().unwrap_or_default();
        picture.split("\x1b[K\r\n").map(|line| line.replace("\x1b[K", "")).collect()
    }

    #[track_caller]
    fn shows(&self, word: &str) {
        until(word, || self.picture().iter().any(|line| line.contains(word)));
    }

    /// A line of the picture has all of these.
    #[track_caller]
    fn shows_line(&self, words: &[&str]) {
        until(&words.join(", "), || self.picture().iter().any(|line| words.iter().all(|word| line.contains(word))));
    }

    /// Nobody is at the other end any more.
    fn hang_up(&mut self) {
        (self.master, self.slave) = (None, None);
        self.shown.lock().unwrap().push_str(ENOUGH);
        self.reader.take().unwrap().join().unwrap();
    }

    fn press(&mut self, keys: &[u8]) {
        self.master.as_mut().unwrap().write_all(keys).unwrap();
    }

    fn settings(&self) -> Termios {
        tcgetattr(self.slave.as_ref().unwrap()).unwrap()
    }

    fn is_taken(&self) -> bool {
        !self.settings().local_modes.contains(LocalModes::ECHO)
    }

    /// As it was before.
    fn is_restored(&self) -> bool {
        let (now, before) = (self.settings(), &self.before);
        (now.local_modes, now.input_modes, now.output_modes)
            == (before.local_modes, before.input_modes, before.output_modes)
    }

    /// Its exit code.
    #[track_caller]
    fn ends(&mut self) -> Option<i32> {
        let mut status = None;
        until("its end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    #[track_caller]
    fn ends_well(&mut self) {
        assert_eq!(self.ends(), Some(0));
        assert!(self.is_restored());
        until("the end of the picture, and nothing drawn behind its back", || {
            self.shown().rsplit_once(LEAVE).is_some_and(|(_, rest)| !rest.contains("\x1b[H"))
        });
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- on the terminal\n{}\n---", self.picture().join("\n"));
        }
    }
}

/// Whoever reads stops when it finds this.
const ENOUGH: &str = "(hung up)";

/// Reads what is shown, and looks now and then whether it is to stop.
fn watch(mut eyes: File, shown: &Mutex<String>) {
    let (mut piece, moment) = ([0; 4096], Timespec { tv_sec: 0, tv_nsec: 20_000_000 });
    while !shown.lock().unwrap().ends_with(ENOUGH) {
        let mut fds = [PollFd::new(&eyes, PollFlags::IN)];
        if poll(&mut fds, Some(&moment)).is_ok_and(|ready| ready > 0) {
            let Ok(count @ 1..) = eyes.read(&mut piece) else { return };
            shown.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    }
}

fn resize(master: &impl AsFd, (columns, rows): (u16, u16)) {
    tcsetwinsize(master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

const WIDE: (u16, u16) = (110, 30);

#[test]
fn it_draws_and_a_key_changes_the_mood_of_a_backend() {
    let Some(mut seat) = Seat::take(WIDE, &[("NO_COLOR", "1")]) else { return };
    seat.shows_line(&["backend-1", "up", "normal"]);
    seat.shows(&format!("http://localhost:{}/", seat.base + 3));
    seat.shows("? help");
    for (keys, manner) in [(b"2h", "hanging"), (b"2s", "slow"), (b"2b", "broken"), (b"2k", "killed")] {
        seat.press(keys);
        seat.shows_line(&["> 2 backend-2", manner]);
    }
    seat.shows_line(&["backend-2", "killed", "connect: "]);
    seat.press(b"s");
    seat.shows("backend-2 is killed: restart it first");
    seat.press(b"r");
    seat.shows_line(&["backend-2", "up", "normal"]);
    seat.press(b"q");
    seat.ends_well();
}

#[test]
fn keys_set_clients_on_it_and_tell_what_they_saw() {
    let Some(mut seat) = Seat::take(WIDE, &[("NO_COLOR", "1")]) else { return };
    seat.shows_line(&["backend-1", "up", "normal"]);
    seat.press(b"l");
    seat.shows("load ON");
    seat.shows("started the gentle load");
    seat.press(b"2");
    seat.shows("> 2 backend-2");
    seat.press(b"1k");
    seat.shows_line(&["> 1 backend-1", "down", "killed"]);
    seat.shows_line(&["killed backend-1", " 0 failed"]);
    seat.press(b"r");
    seat.shows_line(&["backend-1", "up", "normal"]);
    for (key, word) in [(b"u", "sent a burst"), (b"c", "sent a slow client"), (b"g", "sent garbage")] {
        seat.press(key);
        seat.shows(word);
    }
    seat.press(b"l");
    seat.shows("load off");
    seat.press(b"?");
    seat.shows("it keeps connections and answers nobody");
    seat.press(b"?\x1b[A\x1b[B");
    seat.shows("sent garbage");
    seat.press(b"q");
    seat.ends_well();
}

#[test]
fn a_line_of_the_log_tears_nothing_and_is_a_part_of_the_picture() {
    let Some(mut seat) = Seat::take(WIDE, &[]) else { return };
    seat.shows("backend-1");
    seat.press(b"lk");
    seat.shows("DEBUG");
    seat.shows_line(&["killed backend-1", " 0 failed"]);
    seat.press(b"q");
    seat.ends_well();
    let shown = seat.shown();
    let (before, after) = shown.split_once(ENTER).unwrap();
    let (during, _) = after.split_once(LEAVE).unwrap();
    assert!(before.contains("balancer:     http://localhost:"), "{before}");
    for picture in during.split("\x1b[H").skip(2) {
        // Each is whole, and nothing stands behind it. The line's time is what the logger would print.
        assert!(picture.ends_with("\x1b[K\x1b[J"), "{picture:?}");
        assert!(!picture.contains("Z DEBUG") && !picture.contains("Z WARN"), "{picture:?}");
    }
}

#[test]
fn colours_repeat_what_words_say() {
    let Some(mut seat) = Seat::take(WIDE, &[]) else { return };
    seat.shows_line(&["backend-1", "\x1b[32mup"]);
    seat.press(b"k");
    seat.shows_line(&["backend-1", "\x1b[31mkilled"]);
    drop(seat);
    let Some(seat) = Seat::take(WIDE, &[("NO_COLOR", "1")]) else { return };
    seat.shows_line(&["backend-1", "up"]);
    assert!(!seat.picture().join("").contains('\x1b'));
}

#[test]
fn every_way_to_end_it_gives_the_terminal_back() {
    for (keys, signal) in [(&b"q"[..], None), (b"\x03", None), (b"", Some(Signal::TERM)), (b"", Some(Signal::INT))] {
        let Some(mut seat) = Seat::take(WIDE, &[]) else { return };
        seat.shows("backend-2");
        assert!(seat.is_taken());
        seat.press(keys);
        signal.into_iter().for_each(|signal| seat.signal(signal));
        seat.ends_well();
    }
}

/// Run by the next one, on a terminal of its own.
#[test]
#[ignore = "it panics"]
fn somebody_draws_and_panics() {
    terminal::enter().unwrap();
    terminal::draw("drawn").unwrap();
    panic!("its last words");
}

#[test]
fn a_panic_is_read_on_a_terminal_as_it_was() {
    let own = std::env::current_exe().unwrap();
    let run = [own.to_str().unwrap(), "--exact", "terminal::somebody_draws_and_panics", "--ignored", "--nocapture"];
    let Some(mut seat) = Seat::before(&run, 0, WIDE, &[]) else { return };
    assert_eq!(seat.ends(), Some(101));
    until("its last words", || seat.shown().contains("its last words"));
    assert!(seat.is_restored());
    let shown = seat.shown();
    let (during, after) = shown.split_once(LEAVE).expect("the end of what was drawn");
    assert!(during.contains(ENTER) && during.contains("drawn") && after.contains("its last words"), "{shown:?}");
}

#[test]
fn a_hang_up_reloads_nothing_and_a_terminal_that_is_gone_ends_it() {
    let Some(mut seat) = Seat::take(WIDE, &[]) else { return };
    seat.shows("backend-2");
    seat.signal(Signal::HUP);
    let word = "the demo has no configuration to read"; // a line of the log, which others soon push out
    until(word, || seat.shown().contains(word));
    assert!(seat.is_taken());
    seat.hang_up();
    assert_eq!(seat.ends(), Some(0));
}

#[test]
fn stopped_by_a_key_it_gives_the_terminal_back_and_takes_it_again_when_it_goes_on() {
    let Some(mut seat) = Seat::take(WIDE, &[]) else { return };
    seat.shows("backend-2");
    seat.press(b"\x1a");
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", seat.child.id())).unwrap_or_default();
    if state().is_empty() {
        return eprintln!("left out, there is no /proc");
    }
    until("it to stop", || state().rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')));
    assert!(seat.is_restored());
    until("what it had written", || seat.shown().ends_with(LEAVE));
    seat.signal(Signal::CONT);
    until("it to go on", || seat.shown().rsplit(LEAVE).next().is_some_and(|rest| rest.contains("backend-2")));
    assert!(seat.is_taken());
    seat.press(b"q");
    seat.ends_well();
}

/// What is typed is the shell's then: whoever reads it from the background is stopped, and a balancer with it.
#[test]
fn in_the_background_it_serves_on_and_takes_no_keys() {
    if !Command::new("dash").args(["-c", ":"]).status().is_ok_and(|status| status.success()) {
        return eprintln!("left out, there is no dash"); // others have to be asked otherwise
    }
    let base = four_ports();
    let script = "set -m; \"$0\" demo --port-base \"$1\" 2>/dev/null; echo job; jobs -p; echo; bg >/dev/null
                  while read line; do echo \"heard $line\"; done";
    let run = ["dash", "-c", script, env!("CARGO_BIN_EXE_evenkeel"), &base.to_string()];
    let Some(mut seat) = Seat::before(&run, base, WIDE, &[]) else { return };
    seat.shows("backend-2");
    seat.press(b"\x1a");
    let job = || seat.shown().rsplit_once("job\r\n")?.1.split_once("\r\n\r\n")?.0.parse().ok().and_then(Pid::from_raw);
    until("the shell's word", || job().is_some());
    let _demo = Job(job().unwrap());
    for number in 0..5 {
        until("it to serve on", || Client::try_connect(local(base + 2)).is_ok_and(|mut it| it.try_get("/").is_ok()));
        seat.press(format!("{number}kq\n").as_bytes());
        until("the shell to hear it", || seat.shown().contains(&format!("heard {number}kq")));
    }
    let (_, rest) = seat.shown().rsplit_once(LEAVE).map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
    assert!(!rest.contains("\x1b[H"), "nothing is drawn: {rest}");
}

/// Of a shell that has others to look after; ends with the test.
struct Job(Pid);

impl Drop for Job {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn nothing_is_wider_or_higher_than_the_terminal_whatever_becomes_of_it() {
    let Some(mut seat) = Seat::take((40, 12), &[("NO_COLOR", "1")]) else { return };
    seat.shows("backend-2");
    seat.press(b"lk");
    let mut last = None;
    for (columns, rows) in [(40, 12), (20, 6), (100, 40), (10, 3)] {
        resize(seat.master.as_ref().unwrap(), (columns, rows));
        let fits = |lines: &[String]| {
            lines.len() <= rows.into() && lines.iter().all(|line| line.chars().count() <= columns.into())
        };
        until("a picture that fits", || fits(&seat.picture()) && last.as_ref() != Some(&seat.picture().len()));
        last = Some(seat.picture().len());
    }
    resize(seat.master.as_ref().unwrap(), WIDE);
    seat.shows_line(&["killed backend-1", " 0 failed"]);
}

#[test]
fn a_terminal_that_can_do_nothing_gets_lines() {
    let Some(mut seat) = Seat::take(WIDE, &[("TERM", "dumb")]) else { return };
    until("its words", || seat.shown().contains("listening on"));
    until("the admin address", || Client::try_connect(local(seat.base + 3)).is_ok());
    act(local(seat.base + 3), "{\"do\": \"kill\", \"backend\": \"backend-1\"}");
    until("a line", || seat.shown().contains("s: killed backend-1\r\n"));
    assert!(!seat.shown().contains('\x1b') && !seat.is_taken());
    seat.press(b"\x03");
    seat.ends();
}
