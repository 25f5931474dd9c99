//! Sockets in the file system (unix(7)): the file that comes with a listener, and what is not as it is in TCP.
//!
//! A file outlives whoever listened there: after a crash it is still in the way. So before binding somebody knocks: a
//! socket that nobody answers at is removed, one that is answered at is in use, and what is no socket is nobody's to
//! remove. When the listener is closed its file goes too, unless it is another's by then.
//!
//! A stream is held as if it were one of TCP: reading, writing, shutting down and splicing are the same calls, and so
//! cost TCP nothing. What differs is with [`os`](super::os): such a stream is never taken for drained after a short read,
//! because one ends where a descriptor was passed along with the bytes, with more behind it and no edge to come. There
//! is no RST either: a peer hears of a reset only if bytes of his were left unread (ECONNRESET), and else of an end.

use crate::base::Address;
use mio::net::{TcpStream, UnixListener};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

/// The file of a listener, which goes with this.
pub(super) struct File {
    path: Arc<Path>,
    /// Device and inode: which of all files that ever had this path.
    which: (u64, u64),
    /// It is ours to remove.
    ours: bool,
}

impl File {
    /// The file of a listener that is there already, if it has one; still somebody else's.
    pub(super) fn of(at: &Address) -> Option<File> {
        let Address::Unix(path) = at else { return None };
        Some(File { path: path.clone(), which: which(&fs::symlink_metadata(path).ok()?), ours: false })
    }

    /// It is ours to remove, or somebody else's.
    pub(super) fn belongs(&mut self, to_us: bool) {
        self.ours = to_us;
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.ours && fs::symlink_metadata(&self.path).is_ok_and(|found| which(&found) == self.which) {
            let _ = fs::remove_file(&self.path); // not permitted any more: the next listener meets nobody there
        }
    }
}

fn which(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Listens at `path`. Errors say how to mend them.
pub(super) fn listen(path: &Arc<Path>, backlog: i32) -> io::Result<(UnixListener, File)> {
    clear(path)?;
    let socket = socket()?;
    socket.bind(&SockAddr::unix(path)?).map_err(mended)?;
    let file = File { path: path.clone(), which: which(&fs::symlink_metadata(path)?), ours: true };
    socket.listen(backlog)?;
    Ok((UnixListener::from(OwnedFd::from(socket)), file))
}

/// Removes a socket that nobody listens at. Errors: somebody does, or it is no socket.
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(mended(error)),
    };
    if !found.file_type().is_socket() {
        let what = "something is there that is no socket, and is left alone: choose another path, or move it away";
        return Err(io::Error::new(ErrorKind::AlreadyExists, what));
    }
    match connect(path) {
        Err(error) if is_deserted(&error) => {
            log::info!("removing {}, a socket that nobody listens at", path.display());
            fs::remove_file(path).map_err(mended)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(mended(error)),
        _ => Err(ErrorKind::AddrInUse.into()),
    }
}

/// Whether nobody listens there: a listener whose queue is full is there all the same.
fn is_deserted(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionRefused && error.raw_os_error().is_some()
}

/// The error with what to do about it.
fn mended(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            io::Error::other(format!("{error}: choose a path in a directory that this user may write"))
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            io::Error::new(error.kind(), format!("{error}: create the directory first, or choose another path"))
        }
        _ => error,
    }
}

/// Connects to `path`: at once or not at all, for there is no handshake.
pub(super) fn connect(path: &Path) -> io::Result<TcpStream> {
    let socket = socket()?;
    match socket.connect(&SockAddr::unix(path)?) {
        // Nothing is under way, and no event will come (unix(7): EAGAIN).
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(io::Error::new(ErrorKind::ConnectionRefused, "its queue of connections is full"))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(TcpStream::from(OwnedFd::from(socket))),
    }
}

fn socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Address, Peer};
    use crate::net::os::Os;
    use crate::net::{Event, ListenOptions, Moved, Net, Sent, Sock};
    use std::io::IoSlice;
    use std::os::unix::net::UnixDatagram;
    use std::path::PathBuf;

    /// A directory that goes with its test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("evenkeel-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn address(&self) -> Address {
            Address::unix(self.0.join("s"))
        }

        fn path(&self) -> PathBuf {
            self.0.join("s")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn listen(os: &mut Os, at: &Address) -> io::Result<Sock> {
        os.listen(at, ListenOptions { deferred: true, ..ListenOptions::default() })
    }

    fn wait(os: &mut Os) {
        let mut events: Vec<Event> = Vec::new();
        while events.is_empty() {
            os.wait(None, &mut events).unwrap();
        }
    }

    /// A listener, and both ends of a connection to it.
    fn pair(os: &mut Os, at: &Address) -> (Sock, Sock, Sock) {
        let listener = listen(os, at).unwrap();
        let caller = os.connect(at).unwrap();
        assert!(matches!(os.outcome(caller), Some(Ok(()))));
        let (called, peer) = os.accept(listener).unwrap().unwrap();
        assert_eq!(peer, Peer::Unix);
        os.watch(called).unwrap();
        (listener, caller, called)
    }

    /// All bytes until the end.
    fn read_all(os: &mut Os, from: Sock) -> io::Result<Vec<u8>> {
        let (mut all, mut room) = (Vec::new(), [0; 1000]);
        loop {
            match os.read(from, &mut room)? {
                Moved::Bytes { count, .. } => all.extend_from_slice(&room[..count]),
                Moved::Nothing => wait(os),
                Moved::End => return Ok(all),
            }
        }
    }

    #[test]
    fn bytes_go_both_ways_and_the_file_goes_with_the_listener() {
        let (folder, os) = (Folder::new("both"), &mut Os::new().unwrap());
        let (listener, caller, called) = pair(os, &folder.address());
        assert_eq!(os.local_address(listener).unwrap(), folder.address());
        assert_eq!(os.local_address(called).unwrap(), folder.address());
        assert!(os.kept_back(called).is_zero());
        for (from, to) in [(caller, called), (called, caller)] {
            let pieces = [IoSlice::new(b"to "), IoSlice::new(b"you")];
            assert_eq!(os.write(from, &pieces).unwrap(), Sent::Bytes(6));
            os.finish(from);
            assert_eq!(read_all(os, to).unwrap(), b"to you");
        }
        assert!(folder.path().exists());
        os.close(listener);
        assert!(!folder.path().exists());
    }

    /// Each read ends where a descriptor came along: had one been taken for all there is, the rest would be waited for
    /// in vain.
    #[test]
    fn a_short_read_is_never_taken_for_all_there_is() {
        let (folder, os) = (Folder::new("short"), &mut Os::new().unwrap());
        let (_, caller, called) = pair(os, &folder.address());
        os.write(caller, &[IoSlice::new(b"abc")]).unwrap();
        let moved = os.read(called, &mut [0; 100]).unwrap();
        assert_eq!(moved, Moved::Bytes { count: 3, more: true });
        assert_eq!(os.read(called, &mut [0; 100]).unwrap(), Moved::Nothing);
    }

    #[test]
    #[cfg(all(target_os = "linux", not(evenkeel_portable)))]
    fn bytes_pass_through_pipes_until_nobody_takes_more_and_again_when_somebody_does() {
        let (folder, os) = (Folder::new("pipes"), &mut Os::new().unwrap());
        let (listener, from, to) = pair(os, &folder.address());
        let onward = os.connect(&folder.address()).unwrap();
        let (far, _) = os.accept(listener).unwrap().unwrap();
        os.watch(far).unwrap();
        let pipe = os.lend_pipe(1 << 20).unwrap();
        let sent: Vec<u8> = (0..3_000_000u32).map(|number| (number / 7) as u8).collect();
        let (mut written, mut inside, mut got, mut blocked) = (0, 0, Vec::new(), 0);
        while got.len() < sent.len() {
            if written < sent.len()
                && let Sent::Bytes(count) = os.write(from, &[IoSlice::new(&sent[written..])]).unwrap()
            {
                written += count;
            }
            if inside == 0
                && let Moved::Bytes { count, .. } = os.pull(to, &pipe, 256 * 1024).unwrap()
            {
                inside = count;
            }
            while inside > 0 {
                match os.push(&pipe, onward).unwrap() {
                    Sent::Bytes(count) => inside -= count,
                    Sent::Blocked => break,
                }
            }
            // The last one reads only when nobody before it gets on.
            if inside > 0 || written == sent.len() {
                blocked += usize::from(inside > 0);
                let mut room = vec![0; 100_000];
                let moved = os.read(far, &mut room).unwrap();
                let Moved::Bytes { count, .. } = moved else { panic!("{moved:?} though something was pushed") };
                got.extend_from_slice(&room[..count]);
            }
        }
        assert!(got == sent && blocked > 0, "{blocked}");
        os.take_back(pipe);
    }

    #[test]
    fn who_is_reset_hears_of_it_only_if_his_bytes_were_unread() {
        let (folder, os) = (Folder::new("reset"), &mut Os::new().unwrap());
        let (_, caller, called) = pair(os, &folder.address());
        os.write(caller, &[IoSlice::new(b"unread")]).unwrap();
        os.reset(called);
        let heard = read_all(os, caller);
        if cfg!(target_os = "linux") {
            assert_eq!(heard.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_removed_and_one_in_use_is_not() {
        let (folder, os) = (Folder::new("stale"), &mut Os::new().unwrap());
        drop(std::os::unix::net::UnixListener::bind(folder.path()).unwrap()); // as after a crash: std leaves the file
        assert_eq!(os.connect(&folder.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let listener = listen(os, &folder.address()).unwrap();
        let again = listen(&mut Os::new().unwrap(), &folder.address()).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
        os.connect(&folder.address()).expect("it listens still");
        os.close(listener);
        let _datagrams = UnixDatagram::bind(folder.path()).unwrap();
        assert_eq!(listen(os, &folder.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_queue_that_is_full_is_no_connection_and_no_stale_socket() {
        let (folder, os) = (Folder::new("full"), &mut Os::new().unwrap());
        os.listen(&folder.address(), ListenOptions { backlog: 1, deferred: false }).unwrap();
        let refused = (0..10).find_map(|_| os.connect(&folder.address()).err());
        if cfg!(target_os = "linux") {
            let refused = refused.expect("the queue holds two");
            assert_eq!((refused.kind(), is_deserted(&refused)), (ErrorKind::ConnectionRefused, false));
        }
        assert_eq!(listen(os, &folder.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn what_is_no_socket_stays_and_errors_say_what_to_do() {
        let (folder, os) = (Folder::new("other"), &mut Os::new().unwrap());
        fs::write(folder.path(), "precious").unwrap();
        let refused = listen(os, &folder.address()).unwrap_err();
        assert!(refused.to_string().contains("choose another path"), "{refused}");
        assert_eq!(fs::read(folder.path()).unwrap(), b"precious");
        fs::remove_file(folder.path()).unwrap();
        std::os::unix::fs::symlink("elsewhere", folder.path()).unwrap();
        assert!(listen(os, &folder.address()).is_err() && folder.path().is_symlink());
        let refused = listen(os, &Address::unix(folder.0.join("none/s"))).unwrap_err();
        assert!(refused.to_string().contains("create the directory first"), "{refused}");
    }

    #[test]
    fn a_file_that_is_anothers_by_now_stays() {
        let (folder, os) = (Folder::new("another"), &mut Os::new().unwrap());
        let listener = listen(os, &folder.address()).unwrap();
        fs::remove_file(folder.path()).unwrap();
        let other = &mut Os::new().unwrap();
        listen(other, &folder.address()).unwrap();
        os.close(listener);
        assert!(folder.path().exists());
        os.connect(&folder.address()).unwrap();
    }
}
