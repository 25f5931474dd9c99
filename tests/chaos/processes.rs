//! Backends that are processes, since only a process can be killed, stopped and continued as processes are.
//!
//! Three kinds: this test's own binary run again ([`serve`]: strict, every byte checked), nginx serving files, and where
//! there is no nginx the embedded backend.

#[path = "../support/which.rs"]
mod which;

use crate::support::wire::chunked;
use crate::support::{Framing, Pattern, Wire, refusing, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Tells the test binary that it is a backend, and where; the file takes the number of each POST that it saw.
const LISTEN: &str = "CHAOS_LISTEN";
const BOOK: &str = "CHAOS_BOOK";

/// The sizes of the files that nginx serves; the seed of each is its place here.
pub const FILES: [u64; 4] = [0, 700, 40_000, 900_000];

/// What kind of program it is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Ours; its book is this file.
    Own(PathBuf),
    /// In this folder are its configuration and the files that it serves.
    Nginx(PathBuf),
    /// `evenkeel backend`.
    Embedded,
}

/// A backend that is a process on a port that stays its own while it is dead.
pub struct Process {
    /// Where it listens.
    pub address: SocketAddr,
    kind: Kind,
    child: Option<Child>,
    _port: socket2::Socket,
}

impl Process {
    /// Starts one.
    pub fn start(kind: Kind) -> Process {
        let (port, address) = refusing();
        let mut process = Process { address, kind, child: None, _port: port };
        process.restart();
        process
    }

    /// Starts it again if it is dead; returns when it answers the door.
    pub fn restart(&mut self) {
        if self.child.is_some() {
            return;
        }
        let mut command = self.command();
        let quiet = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(quiet.spawn().expect("a backend process"));
        until("a backend process", || TcpStream::connect(self.address).is_ok());
    }

    fn command(&self) -> Command {
        match &self.kind {
            Kind::Own(book) => {
                // By this name it is found even when a new one was built over it.
                let mut command = Command::new("/proc/self/exe");
                command.args(["--exact", "this_binary_as_a_backend", "--nocapture"]);
                command.env(LISTEN, self.address.to_string()).env(BOOK, book);
                command
            }
            Kind::Nginx(folder) => {
                let file = folder.join(format!("{}.conf", self.address.port()));
                fs::write(&file, nginx_file(folder, self.address)).expect("the scratch folder");
                let nginx = nginx().expect("nginx, since there was one");
                // Where there is setpriv, it goes when the test is killed; it becomes nginx under the same number.
                let leash = Path::new("/usr/bin/setpriv");
                let mut command = Command::new(if leash.exists() { leash } else { &nginx });
                if leash.exists() {
                    command.args(["--pdeathsig", "KILL"]).arg(&nginx);
                }
                command.arg("-c").arg(file);
                command
            }
            Kind::Embedded => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
                command.args(["backend", "-q", "--name", "embedded", "--body-size", "40000"]);
                command.args(["--listen", &self.address.to_string()]);
                command
            }
        }
    }

    /// As `kill -9` does it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// STOP or CONT.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            kill_process(Pid::from_child(child), signal).expect("signalling our own child");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Tells the storm not to use nginx: its master cannot change its user in a namespace whose only one is root.
pub const NO_NGINX: &str = "CHAOS_NO_NGINX";

/// Where nginx is, if it is installed.
pub fn nginx() -> Option<PathBuf> {
    if std::env::var_os(NO_NGINX).is_some() { None } else { which::find("nginx") }
}

/// One process, so that killing it kills all of it. It closes each connection after some requests, as it likes to.
fn nginx_file(folder: &Path, address: SocketAddr) -> String {
    let (folder, port) = (folder.display(), address.port());
    format!(
        "daemon off; master_process off; pid {folder}/{port}.pid; error_log {folder}/{port}.log crit;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; keepalive_requests 30; reset_timedout_connection on;\n\
         client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n\
         uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
         server {{ listen {address}; root {folder}/www; }} }}\n"
    )
}

/// A folder with the files that nginx serves.
pub fn files(folder: &Path) {
    fs::create_dir_all(folder.join("www")).expect("the scratch folder");
    for (seed, &length) in FILES.iter().enumerate() {
        let bytes = Pattern::bytes(seed as u64, usize::try_from(length).unwrap());
        fs::write(folder.join("www").join(seed.to_string()), bytes).expect("the scratch folder");
    }
}

/// The test binary's other life: a strict backend, until its stdin ends or it is killed.
pub fn serve() {
    let Some(address) = std::env::var(LISTEN).ok() else { return };
    let book = PathBuf::from(std::env::var_os(BOOK).expect("a book"));
    let listener = TcpListener::bind(address).expect("our own port");
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0); // whoever started us is gone
    });
    for stream in listener.incoming().flatten() {
        let book = book.clone();
        let serve = move || drop(live(Wire::new(stream), &book));
        let _ = std::thread::Builder::new().stack_size(256 * 1024).spawn(serve);
    }
}

/// One connection. What it may be asked: see [`Ask`](super::load::Ask).
fn live(mut wire: Wire, book: &Path) -> io::Result<()> {
    while let Some(head) = wire.head()? {
        let words: Vec<&str> = head.line.split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else { return note(book, &format!("WRONG {}", head.line)) };
        if head.lists("Connection", "upgrade") {
            return echo(&mut wire);
        }
        let parts: Vec<&str> = target.split('/').collect();
        let number = |at: usize| parts.get(at).and_then(|part| part.parse::<u64>().ok()).unwrap_or(0);
        let (id, up, down) = (number(2), number(3), number(4));
        if method == "POST" {
            note(book, &format!("POST {id}"))?;
        }
        let mut came = Pattern::new(id);
        let mut wrong = false;
        wire.body_into(head.framing()?.unwrap_or(Framing::Nothing), &mut |bytes| {
            let at = came.offset;
            wrong |= std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| came.check(bytes))).is_err();
            came.offset = at + bytes.len() as u64;
        })?;
        if wrong || came.offset != up {
            note(book, &format!("WRONG body of {target}: {} of {up} bytes", came.offset))?;
        }
        let body = Pattern::bytes(id + 1, usize::try_from(down).unwrap_or(0));
        match parts.get(1) {
            Some(&"chunked") => {
                wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                wire.send(chunked(&body, 1000, ""))?;
            }
            _ => {
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {down}\r\n\r\n"))?;
                wire.send(body)?;
            }
        }
    }
    Ok(())
}

/// Another protocol: everything comes back.
fn echo(wire: &mut Wire) -> io::Result<()> {
    wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")?;
    let mut back = wire.stream().try_clone()?;
    wire.body_into(Framing::UntilClose, &mut |bytes| drop(back.write_all(bytes)))?;
    Ok(())
}

/// A line in the book; appended in one write, so that lines of several processes do not mix.
fn note(book: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(book)?.write_all(format!("{line}\n").as_bytes())
}
