//! Processes: started on their processor, listened to, and ended by their number when the run ends, be it by an
//! error or a signal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// After so long something that should begin to listen counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody wants this program to end.
pub static LEAVING: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From now on a signal ends the run in good order, so that nobody started is left behind.
pub fn heed_signals() -> io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, LEAVING.clone())?;
    }
    Ok(())
}

/// Fails once a signal has come.
pub fn may_go_on() -> Result<(), String> {
    if LEAVING.load(Ordering::Relaxed) { Err("interrupted".into()) } else { Ok(()) }
}

/// Where processes run: the balancer alone on one processor, everybody else on the others.
#[derive(Debug, Clone)]
pub struct Cpus {
    /// The others, as taskset writes it; none where nothing is pinned.
    rest: Option<String>,
}

impl Cpus {
    /// Pins this process, and with it those that it starts, where the machine allows; says so where not.
    pub fn share() -> Cpus {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        if count < 2 {
            eprintln!("bench: one processor, so everybody shares it");
            return Cpus { rest: None };
        }
        let rest = if count == 2 { "1".to_string() } else { format!("1-{}", count - 1) };
        let pid = std::process::id().to_string();
        let pinned = Command::new("taskset").args(["-a", "-c", "-p", &rest, &pid]).stdout(Stdio::null()).status();
        if pinned.is_ok_and(|status| status.success()) {
            return Cpus { rest: Some(rest) };
        }
        eprintln!("bench: taskset is not there or not allowed, nothing is pinned");
        Cpus { rest: None }
    }

    /// A command for the balancer's processor.
    fn front(&self, program: &Path) -> Command {
        if self.rest.is_none() {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program); // becomes it, under the same number
        command
    }

    /// In words.
    pub fn said(&self) -> String {
        self.rest
            .as_ref()
            .map_or("nothing pinned".into(), |rest| format!("balancer on processor 0, the rest on {rest}"))
    }
}

/// A folder that goes away.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    pub fn new() -> io::Result<Scratch> {
        let path = std::env::temp_dir().join(format!("evenkeel-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that ends with its owner.
pub struct Child {
    process: Process,
    said: PathBuf,
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Child {
    /// One on the processor of the balancer.
    pub fn front(cpus: &Cpus, program: &Path, args: &[String], said: PathBuf) -> Result<Child, String> {
        Child::start(cpus.front(program), args, said)
    }

    /// One on the processors of this process.
    pub fn beside(program: &Path, args: &[String], said: PathBuf) -> Result<Child, String> {
        Child::start(Command::new(program), args, said)
    }

    fn start(mut command: Command, args: &[String], said: PathBuf) -> Result<Child, String> {
        let mut start = || {
            let file = File::create(&said)?;
            command.args(args).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()
        };
        let process = start().map_err(|error| format!("cannot start {args:?}: {error}"))?;
        Ok(Child { process, said })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens, once its output says so.
    pub fn address(&mut self) -> Result<SocketAddr, String> {
        self.wait_for("listening", |said| {
            let word = said.split_once("listening on ")?.1.split([' ', '\n']).next()?;
            word.parse().ok()
        })
    }

    /// Returns when it accepts at this address.
    pub fn accepts(&mut self, at: SocketAddr) -> Result<(), String> {
        self.wait_for("accepting", |_| TcpStream::connect(at).ok().map(drop))
    }

    /// Waits until its output contains these words.
    pub fn says(&mut self, words: &str) -> Result<(), String> {
        self.wait_for(words, |said| said.contains(words).then_some(()))
    }

    /// Asks it to end as Ctrl-C does, and waits until it has.
    pub fn interrupt(mut self) -> Result<(), String> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).map_err(|error| error.to_string())?;
        self.process.wait().map(drop).map_err(|error| error.to_string())
    }

    /// What it has said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    fn wait_for<T>(&mut self, what: &str, ready: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            may_go_on()?;
            if let Some(found) = ready(&self.said()) {
                return Ok(found);
            }
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("waited in vain for {what:?}; it said:\n{}", self.said()))
    }
}

/// A listener on a port that the system chooses, told on stdout in the words of evenkeel.
pub fn listen() -> io::Result<mio::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    let listener = mio::net::TcpListener::from_std(socket.into());
    let mut out = io::stdout();
    writeln!(out, "listening on {}", listener.local_addr()?)?;
    out.flush()?;
    Ok(listener)
}

/// A port that was free a moment ago, for programs that cannot be asked which one they got.
pub fn free_port() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The soft limit of descriptors goes up to the hard one; what that is, here and in all processes started from here.
pub fn raise_descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { getrlimit(Resource::Nofile).current };
    limit.map_or(1 << 20, |limit| usize::try_from(limit).unwrap_or(1 << 20))
}
