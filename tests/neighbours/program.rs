//! A foreign program: found on this machine or not, started with a folder of its own, ended by its handle.

#[path = "../support/which.rs"]
mod which;

use crate::support::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where `name` is, or a word that it is not.
pub fn find(name: &str) -> Option<PathBuf> {
    let found = which::find(name);
    if found.is_none() {
        left_out(name);
    }
    found
}

/// Says so past the test harness, which would keep it to itself.
pub fn left_out(what: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what} is not here");
}

/// A folder below the target folder, gone with its owner.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("neighbours-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("the scratch folder");
        Folder(path)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file into it, with the folders on the way; its path as text.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).expect("a scratch file");
        path.to_str().expect("a path that is text").to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running program that listens.
pub struct Program {
    /// Where.
    pub address: SocketAddr,
    child: Child,
    /// What it lives in.
    pub folder: Folder,
    _port: Option<socket2::Socket>,
}

impl Program {
    /// Starts what `command` makes of an address and a folder, and waits until it listens there. The port stays bound
    /// by us, not listening, so that nobody else gets it; a system that does not let the program share it gets it back.
    #[track_caller]
    pub fn listening(command: impl Fn(SocketAddr, &Folder) -> Command) -> Program {
        for attempt in 0..10 {
            let (held, address) = refusing();
            let held = (attempt % 2 == 0).then_some(held);
            let folder = Folder::new();
            let child =
                command(address, &folder).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("a program");
            let mut program = Program { address, child, folder, _port: held };
            if program.comes_up() {
                return program;
            }
        }
        panic!("the program does not come up: see its words above");
    }

    /// Starts a program that chooses its port itself and says it in its first line on stdout.
    #[track_caller]
    pub fn telling(command: impl Fn(&Folder) -> Command) -> Program {
        let folder = Folder::new();
        let mut child = command(&folder).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("a port");
        Program { address: SocketAddr::from(([127, 0, 0, 1], port)), child, folder, _port: None }
    }

    fn comes_up(&mut self) -> bool {
        let mut up = false;
        until("the program's listener", || {
            up = TcpStream::connect(self.address).is_ok();
            up || self.child.try_wait().expect("our own child").is_some()
        });
        up
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
