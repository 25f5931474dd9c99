//! The built binary as a process: started on ports that the system chooses, listened to, told to stop, never left behind.

use super::client::Client;
use super::{Backend, PATIENCE, until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// A running balancer.
pub struct Balancer {
    /// Where clients go: its first listener.
    pub address: SocketAddr,
    /// Where the status API is, unless it is off.
    pub admin: Option<SocketAddr>,
    child: Child,
    ears: Arc<Ears>,
}

/// Who listens to the process's stderr, and what was heard.
#[derive(Default)]
struct Ears {
    lines: Mutex<Vec<String>>,
    heard: Condvar,
    manner: AtomicU8,
}

const LISTENING: u8 = 0;
const DEAF: u8 = 1; // the pipe stays open and fills up
const GONE: u8 = 2; // the pipe is closed

impl Balancer {
    /// Starts with these arguments and waits until it listens. The admin listener is on unless they say off.
    #[track_caller]
    pub fn start(args: &[&str]) -> Balancer {
        Balancer::of(spawn(args), args)
    }

    /// As [`Balancer::start`], with no more than so many descriptors.
    #[allow(dead_code)] // chaos.rs uses it
    #[track_caller]
    pub fn start_limited(descriptors: u64, args: &[&str]) -> Balancer {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_evenkeel")]);
        Balancer::of(quietly(command.args(args)), args)
    }

    /// As [`Balancer::start`], with these variables.
    #[allow(dead_code)] // chaos.rs and loopback.rs use it
    #[track_caller]
    pub fn start_with(variables: &[(&str, &str)], args: &[&str]) -> Balancer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.envs(variables.iter().copied());
        Balancer::of(quietly(command.args(args)), args)
    }

    /// As [`Balancer::start`], by this command, which may have brought something along.
    #[allow(dead_code)] // loopback.rs uses it
    #[track_caller]
    pub fn start_as(mut command: Command, args: &[&str]) -> Balancer {
        let child = quietly(command.args(args));
        drop(command); // with our copies of what it brings
        Balancer::of(child, args)
    }

    #[track_caller]
    fn of(mut child: Child, args: &[&str]) -> Balancer {
        let ears = Ears::on(child.stderr.take().expect("a pipe"));
        let none = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut balancer = Balancer { address: none, admin: None, child, ears };
        balancer.address =
            address_in(&balancer.wait_for(|line| line.contains("listening on") && !line.contains("(admin")));
        let none_asked = args.windows(2).any(|pair| pair == ["--admin", "off"]) || args.first() == Some(&"backend");
        if !none_asked {
            balancer.admin = Some(address_in(&balancer.wait_for(|line| line.contains("(admin"))));
        }
        balancer
    }

    /// Starts before these backends, with further arguments.
    #[track_caller]
    pub fn before(backends: &[&Backend], args: &[&str]) -> Balancer {
        let addresses: Vec<String> = backends.iter().map(|b| b.address.to_string()).collect();
        let mut all = vec!["-l", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        for address in &addresses {
            all.extend(["-b", address]);
        }
        all.extend(args);
        Balancer::start(&all)
    }

    /// Starts before these backends without probes, with `extra` TOML (tables such as `[timeouts]`) and told to talk.
    #[track_caller]
    pub fn with_file(backends: &[&Backend], mode: &str, extra: &str) -> Balancer {
        Balancer::with_health(backends, mode, "kind = \"off\"", extra)
    }

    /// The same, with probes.
    #[track_caller]
    pub fn with_health(backends: &[&Backend], mode: &str, health: &str, extra: &str) -> Balancer {
        let addresses: Vec<String> = backends.iter().map(|b| format!("\"{}\"", b.address)).collect();
        let text = format!(
            "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\nmode = \"{mode}\"\npool = \"main\"\n\
             [pool.main]\nbackends = [{}]\nhealth = {{ {health} }}\n{extra}\n",
            addresses.join(", ")
        );
        let file = scratch(&text);
        Balancer::start(&["-c", file.path(), "-v"])
    }

    /// What `wanted` finds first among the lines so far or to come.
    #[track_caller]
    pub fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> String {
        let find = |lines: &[String]| lines.iter().find(|line| wanted(line)).cloned();
        let lines = self.ears.lines.lock().unwrap();
        let missing = |lines: &mut Vec<String>| find(lines).is_none() && !over(lines);
        let (lines, _) = self.ears.heard.wait_timeout_while(lines, PATIENCE, missing).unwrap();
        let found = find(&lines);
        let all = lines.join("\n");
        drop(lines);
        found.unwrap_or_else(|| panic!("no such line on stderr:\n{all}"))
    }

    /// The first line, so far or to come, that contains `words`.
    #[track_caller]
    pub fn wait_for_line(&self, words: &str) -> String {
        self.wait_for(|line| line.contains(words))
    }

    /// The lines so far that contain all of `words`.
    pub fn lines(&self, words: &[&str]) -> Vec<String> {
        let lines = self.ears.lines.lock().unwrap();
        let wanted = |line: &&String| words.iter().all(|word| line.contains(word));
        lines.iter().filter(wanted).cloned().collect()
    }

    /// A new client of it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// What the status API says.
    #[track_caller]
    pub fn state(&self) -> serde_json::Value {
        let answer = Client::connect(self.admin.expect("an admin address")).get("/api/state");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// Leaves stderr unread from the next line on: its pipe fills up.
    pub fn stop_reading_stderr(&self) {
        self.ears.manner.store(DEAF, Ordering::SeqCst);
    }

    /// Closes our end of stderr at the next line.
    pub fn close_stderr(&self) {
        self.ears.manner.store(GONE, Ordering::SeqCst);
    }

    /// The number the system knows the process by: for whoever weighs it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signalling our own child");
    }

    /// Sends TERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// How it ended, once it has.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the balancer's end", || {
            status = self.child.try_wait().expect("our own child");
            status.is_some()
        });
        status.unwrap()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let lines = self.ears.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let from = lines.len().saturating_sub(60);
            eprintln!("--- the balancer's last lines\n{}\n---", lines[from..].join("\n"));
        } else {
            let bugs = [self.lines(&["bug: "]), self.lines(&["panicked at"])].concat();
            assert!(bugs.is_empty(), "the balancer found a bug of its own: {bugs:?}");
        }
    }
}

impl Ears {
    fn on(stderr: ChildStderr) -> Arc<Ears> {
        let ears = Arc::new(Ears::default());
        let same = Arc::clone(&ears);
        std::thread::spawn(move || same.listen(BufReader::new(stderr)));
        ears
    }

    fn listen(&self, mut stderr: BufReader<ChildStderr>) {
        let mut line = String::new();
        while stderr.read_line(&mut line).unwrap_or(0) > 0 {
            self.lines.lock().unwrap().push(line.trim_end().to_string());
            self.heard.notify_all();
            line.clear();
            match self.manner.load(Ordering::SeqCst) {
                LISTENING => {}
                GONE => return,
                _ => std::thread::park(), // with the pipe in hand
            }
        }
        self.lines.lock().unwrap().push(OVER.to_string());
        self.heard.notify_all();
    }
}

const OVER: &str = "(end of stderr)";

fn over(lines: &[String]) -> bool {
    lines.last().is_some_and(|line| line == OVER)
}

/// Runs the binary to its end with these arguments: status code and stderr.
#[track_caller]
pub fn run(args: &[&str]) -> (Option<i32>, String) {
    let mut child = spawn(args);
    let stderr = child.stderr.take().expect("a pipe");
    let mut running =
        Balancer { address: SocketAddr::from(([0, 0, 0, 0], 0)), admin: None, child, ears: Ears::on(stderr) };
    let status = running.wait();
    running.wait_for_line(OVER);
    let lines: Vec<String> = running.lines(&[]).into_iter().filter(|line| line != OVER).collect();
    (status.code(), lines.join("\n"))
}

fn spawn(args: &[&str]) -> Child {
    quietly(Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args))
}

/// Without our variables, and with nothing but stderr to say something to.
fn quietly(command: &mut Command) -> Child {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVENKEEL_")) {
        command.env_remove(name);
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    quiet.spawn().expect("the built binary")
}

/// The address in `listening on ADDRESS (...)`; of a path, an address that nobody has.
#[track_caller]
fn address_in(line: &str) -> SocketAddr {
    let after = line.split("listening on ").nth(1).and_then(|rest| rest.split(' ').next());
    if after.is_some_and(|text| text.starts_with("unix:/")) {
        return SocketAddr::from(([0, 0, 0, 0], 0));
    }
    after.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no address in {line:?}"))
}

/// A file below the target folder, gone with its owner.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Its path, as an argument.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("a path that is text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A configuration file with this text.
pub fn scratch(text: &str) -> Scratch {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let name = format!("loopback-{}-{number}.toml", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the scratch folder");
    Scratch(path)
}
