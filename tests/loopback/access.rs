//! The access log of the built binary: one line for each request, and nobody waits for it.

use crate::support::*;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// A folder of one's own below the target folder, gone with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("access-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the scratch folder");
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path that is text").to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The lines of a file, once there are so many.
#[track_caller]
fn lines(file: &str, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(file).unwrap_or_default();
    until("lines in the access log", || read().matches('\n').count() >= count);
    read().lines().map(str::to_string).collect()
}

#[track_caller]
fn value<'a>(line: &'a str, key: &str) -> &'a str {
    let found = line.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {key} in {line}"))
}

fn logging<'a>(to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--health", "off", "--access-log", to], more].concat()
}

#[test]
fn each_request_has_a_line_whoever_answered_it() {
    let folder = Folder::new("each");
    let (one, (_held, nobody)) = (Backend::named("one"), refusing());
    let log = folder.file("access.log");
    let nobody = nobody.to_string();
    let balancer = Balancer::before(&[&one], &logging(&log, &["-b", &nobody]));
    let mut client = balancer.client();
    assert_eq!(client.get("/first").status, 200);
    assert_eq!(client.get("/second").status, 200); // whose turn it is to meet nobody
    assert_eq!(balancer.client().raw("GET", "GET / HTTP/1.1\r\n\r\n").status, 400);
    drop(client);
    let lines = lines(&log, 3);
    assert_eq!(lines.len(), 3);
    let first = &lines[0];
    assert_eq!((value(first, "method"), value(first, "target")), ("GET", "/first"));
    assert_eq!((value(first, "status"), value(first, "backend")), ("200", &*one.address.to_string()));
    assert_eq!((value(first, "end"), value(first, "reason")), ("--", "finished"));
    assert_eq!((value(first, "retries"), value(first, "pool")), ("0", "main"));
    assert_eq!(value(first, "id").len(), 32);
    assert!(value(first, "calls").parse::<u64>().unwrap() >= 4);
    assert!(value(first, "bytes_out").parse::<u64>().unwrap() > 3);
    assert_eq!(value(first, "timers").split('/').count(), 5);
    assert_eq!((value(&lines[1], "retries"), value(&lines[1], "backend")), ("1", &*one.address.to_string()));
    assert_eq!((value(&lines[2], "status"), value(&lines[2], "end")), ("400", "PR"));
    assert_ne!(value(&lines[2], "reason"), "finished");
    let counters = &balancer.state()["counters"];
    assert_eq!((&counters["access_lines"], &counters["access_dropped"]), (&3.into(), &0.into()));
}

#[test]
fn nobody_there_is_told_with_the_letters_that_everybody_knows() {
    let folder = Folder::new("nobody");
    let ((_held, nobody), log) = (refusing(), folder.file("access.log"));
    let nobody = nobody.to_string();
    let balancer = Balancer::before(&[], &logging(&log, &["-b", &nobody]));
    assert_eq!(balancer.client().get("/").status, 503);
    let line = &lines(&log, 1)[0];
    let told = ["status", "end", "reason", "backend"].map(|key| value(line, key));
    assert_eq!(told, ["503", "SC", "no_backend", &nobody]);
    assert!(value(line, "timers").contains("/-1/-1/"), "{line}");
}

#[test]
fn a_connection_in_tcp_mode_has_a_line_with_its_bytes() {
    let folder = Folder::new("tcp");
    let (echo, log) = (Backend::tcp("echo", backend::echo), folder.file("access.log"));
    let balancer = Balancer::before(&[&echo], &logging(&log, &["--mode", "tcp"]));
    let mut client = balancer.client();
    client.send(b"hello").unwrap();
    client.finish().unwrap();
    assert_eq!(client.remainder().unwrap(), b"hello");
    let line = &lines(&log, 1)[0];
    let told = ["bytes_in", "bytes_out", "reason"].map(|key| value(line, key));
    assert_eq!(told, ["5", "5", "finished"]);
    assert!(!line.contains("method="), "{line}");
}

#[test]
fn json_and_combined_are_read_by_those_who_read_them() {
    let folder = Folder::new("formats");
    for format in ["json", "combined"] {
        let (one, log) = (Backend::named("one"), folder.file(format));
        let balancer = Balancer::before(&[&one], &logging(&log, &["--access-log-format", format]));
        let request = "GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: curl \"7\"\r\nX-Request-Id: mine\r\n\r\n";
        assert_eq!(balancer.client().raw("GET", request).status, 200);
        let line = &lines(&log, 1)[0];
        if format == "json" {
            let object: serde_json::Value = serde_json::from_str(line).expect("an object");
            let told = ["target", "client_id", "user_agent", "reason"].map(|key| object[key].as_str().unwrap());
            assert_eq!(told, ["/x", "mine", "curl \"7\"", "finished"]);
            assert_eq!(object["status"], 200);
        } else {
            let tail = "] \"GET /x HTTP/1.1\" 200 3 \"-\" \"curl \\x227\\x22\"";
            assert!(line.starts_with("127.0.0.1 - - [") && line.ends_with(tail), "{line}");
        }
    }
}

#[test]
fn usr1_opens_the_file_anew_after_a_rotation() {
    let folder = Folder::new("rotation");
    let (one, log, old) = (Backend::named("one"), folder.file("access.log"), folder.file("access.log.1"));
    let balancer = Balancer::before(&[&one], &logging(&log, &[]));
    let mut client = balancer.client();
    client.get("/before");
    fs::rename(&log, &old).unwrap();
    client.get("/between");
    balancer.signal(rustix::process::Signal::USR1);
    balancer.wait_for_line("opened anew");
    client.get("/after");
    let (old, new) = (lines(&old, 2), lines(&log, 1));
    assert_eq!(old.iter().map(|line| value(line, "target")).collect::<Vec<_>>(), ["/before", "/between"]);
    assert_eq!(new.iter().map(|line| value(line, "target")).collect::<Vec<_>>(), ["/after"]);
    assert!(!balancer.lines(&["asked for the state"]).is_empty());
}

/// `/dev/full` is a disk without room.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_costs_lines_and_nothing_else() {
    let folder = Folder::new("full");
    let (one, log) = (Backend::named("one"), folder.file("access.log"));
    std::os::unix::fs::symlink("/dev/full", &log).unwrap();
    let mut balancer = Balancer::before(&[&one], &logging(&log, &[]));
    let mut client = balancer.client();
    (0..5).for_each(|_| assert_eq!(client.get("/").status, 200));
    balancer.wait_for_line("access log: cannot write: No space left on device");
    until("five lines counted as lost", || balancer.state()["counters"]["access_dropped"] == 5);
    (0..5).for_each(|_| assert_eq!(client.get("/").status, 200));
    until("ten lines counted as lost", || balancer.state()["counters"]["access_dropped"] == 10);
    assert_eq!(balancer.lines(&["cannot write"]).len(), 1, "told once");
    fs::remove_file(&log).unwrap();
    fs::write(&log, "").unwrap();
    balancer.signal(rustix::process::Signal::USR1);
    balancer.wait_for_line("opened anew");
    assert_eq!(client.get("/room").status, 200);
    balancer.wait_for_line("written again; 10 lines were lost");
    assert_eq!(value(&lines(&log, 1)[0], "target"), "/room");
    assert!(balancer.runs());
}

/// Whoever reads the log has stopped: a pipe that is full takes nothing.
#[test]
fn a_reader_that_is_stuck_costs_lines_and_nothing_else() {
    let folder = Folder::new("stuck");
    let (one, log) = (Backend::named("one"), folder.file("pipe"));
    let made = std::process::Command::new("mkfifo").arg(&log).status().expect("mkfifo");
    assert!(made.success());
    let mut pipe = OpenOptions::new().read(true).write(true).open(&log).expect("both ends"); // and never read
    pipe.write_all(b"nobody reads this\n").unwrap();
    let mut balancer = Balancer::before(&[&one], &logging(&log, &[]));
    let target = format!("/{}", "x".repeat(7000)); // the pipe and the queue of batches are soon full
    let mut client = balancer.client();
    let dropped = |balancer: &Balancer| balancer.state()["counters"]["access_dropped"].as_u64().unwrap();
    for _ in 0..100 {
        (0..20).for_each(|_| assert_eq!(client.get(&target).status, 200));
        if dropped(&balancer) > 0 {
            break;
        }
    }
    assert!(dropped(&balancer) > 0);
    balancer.wait_for_line("nobody takes the lines fast enough");
    balancer.terminate(); // its last lines do not keep it
    drop(client);
    assert!(balancer.wait().success());
}

#[test]
fn a_place_that_is_not_there_is_told_before_anything_begins() {
    let (status, text) =
        balancer::run(&["-b", "127.0.0.1:1", "-l", "127.0.0.1:0", "--access-log", "/no/such/folder/log"]);
    assert_eq!(status, Some(1));
    assert!(
        text.contains("cannot write the access log /no/such/folder/log: ") && text.contains("name a file"),
        "{text}"
    );
}

/// Else the kernel, for each of the loop's calls, has to keep the other threads from closing what it uses.
#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
#[test]
fn the_loop_shares_its_descriptors_with_no_thread() {
    use rustix::process::Signal;
    use std::path::Path;
    let (folder, one) = (Folder::new("threads"), Backend::named("one"));
    let log = folder.file("access.log");
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "-b", &one.address.to_string(), "--access-log", &log];
    // A service manager that keeps watch, with a socket that nobody reads.
    let variables = [("NOTIFY_SOCKET", &*folder.file("notify")), ("WATCHDOG_USEC", "30000000")];
    let balancer = Balancer::start_with(&variables, &args);
    assert_eq!(balancer.client().get("/").status, 200);
    lines(&log, 1);
    let (mut threads, loops) = (proc::threads(balancer.pid()), Path::new("anon_inode:[eventpoll]"));
    let main = threads.iter().position(|thread| thread.files.iter().any(|file| file == loops)).expect("the loop's");
    threads.remove(main);
    let names: Vec<&str> = threads.iter().map(|thread| &*thread.name).collect();
    assert_eq!(names, ["access", "log"]);
    for thread in &threads {
        let strange = thread.files.iter().find(|file| *file == loops || file.to_string_lossy().contains("socket:"));
        assert_eq!(strange, None, "{thread:?}");
        let wanted = [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1, Signal::USR2];
        let handled = wanted.iter().find(|signal| thread.blocked & 1 << (signal.as_raw() - 1) == 0);
        assert_eq!(handled, None, "whose handler writes to what {thread:?} has not");
    }
    let writes = |thread: &proc::Thread| thread.files.iter().any(|file| file == Path::new(&log));
    assert!(writes(&threads[0]) && !writes(&threads[1]), "{threads:?}");
}
