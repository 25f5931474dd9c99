//! USR2: another process takes the place of the one that runs, and nobody notices.

use crate::support::*;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Tells the process of this number to hand over, and waits until it says to which.
#[track_caller]
fn hand_over(balancer: &Balancer, from: u32) -> u32 {
    let told = |before: usize| balancer.lines(&["handed over to process"]).get(before).cloned();
    let before = balancer.lines(&["handed over to process"]).len();
    kill_process(pid(from), Signal::USR2).unwrap();
    until("a hand-over", || told(before).is_some());
    told(before).unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(number as i32).unwrap()
}

fn runs(number: u32) -> bool {
    // One that has ended and waits for its parent, which has ended too, is gone all the same.
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat"));
    test_kill_process(pid(number)).is_ok() && stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Ends with the test whoever has taken over.
struct Heir(u32);

impl Drop for Heir {
    fn drop(&mut self) {
        let _ = kill_process(pid(self.0), Signal::KILL);
    }
}

/// Half of the clients are kept alive, half come anew for each request; who is told to close comes again.
#[test]
fn twenty_hand_overs_under_load_fail_no_request_and_refuse_nobody() {
    const CLIENTS: usize = 32;
    let backends = ["one", "two"].map(Backend::named);
    let balancer = Balancer::before(&[&backends[0], &backends[1]], &[]);
    let (over, asked, closed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let mut heir = Heir(balancer.pid());
    std::thread::scope(|scope| {
        let ask = |number: usize| {
            let mut client = balancer.client();
            while !over.load(Ordering::Relaxed) {
                let answer = client.get("/");
                assert_eq!(answer.status, 200, "{}", answer.text());
                asked.fetch_add(1, Ordering::Relaxed);
                if number.is_multiple_of(2) || answer.closes() {
                    closed.fetch_add(usize::from(answer.closes()), Ordering::Relaxed);
                    client = Client::connect(balancer.address); // panics if it is refused
                }
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || ask(number))).collect();
        let stop = Stop(&over);
        let mut all = BTreeSet::from([heir.0]);
        for _ in 0..20 {
            let before = asked.load(Ordering::Relaxed);
            until("requests between two hand-overs", || asked.load(Ordering::Relaxed) > before + 2 * CLIENTS);
            let old = heir.0;
            heir.0 = hand_over(&balancer, old);
            assert!(all.insert(heir.0), "each is another process");
            until("the end of the old one, which has nobody left", || !runs(old));
        }
        drop(stop);
        clients.into_iter().for_each(|client| client.join().expect("a client without complaints"));
    });
    assert!(closed.load(Ordering::Relaxed) > 0, "kept-alive clients were told to come again");
    let broken: Vec<String> = balancer.lines(&[]).into_iter().filter(|line| !line.starts_with("20")).collect();
    assert!(broken.is_empty(), "two processes write whole lines: {broken:?}");
    // The last one serves alone, the status API too.
    assert_eq!(balancer.client().get("/").status, 200);
    assert_eq!(balancer.state()["draining"], false);
    kill_process(pid(heir.0), Signal::TERM).unwrap();
    until("the end of the last one", || !runs(heir.0));
}

#[test]
fn who_cannot_take_over_leaves_the_old_one_serving() {
    let backend = Backend::named("one");
    let nook = Nook::new();
    let (file, path) = (nook.path("evenkeel.toml"), nook.path("evenkeel.toml").display().to_string());
    let good = format!(
        "admin = \"off\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"main\"\n[pool.main]\nbackends = [\"{}\"]\n",
        backend.address
    );
    std::fs::write(&file, &good).unwrap();
    let balancer = Balancer::start(&["--admin", "off", "-c", &path]);
    let mut client = balancer.client();
    assert_eq!(client.get("/").text(), "one");
    std::fs::write(&file, good.replace("pool =", "pol =")).unwrap();
    balancer.signal(Signal::USR2);
    balancer.wait_for_line("not handed over, this process serves on: it has ended: exit status: 2");
    let answer = client.get("/");
    assert_eq!((answer.text().as_str(), answer.closes()), ("one", false));
    assert_eq!(balancer.client().get("/").text(), "one");
}

/// One that gets as far as its listeners, and then finds that one of them cannot be.
#[test]
fn who_fails_late_takes_no_file_along() {
    let backend = Backend::named("one");
    let nook = Nook::new();
    let (file, door) = (nook.path("evenkeel.toml"), nook.path("door"));
    let good = format!(
        "admin = \"off\"\n[listener.main]\nbind = [\"127.0.0.1:0\", \"{}\"]\npool = \"main\"\n\
         [pool.main]\nbackends = [\"{}\"]\n",
        nook.address("door"),
        backend.address
    );
    std::fs::write(&file, &good).unwrap();
    let balancer = Balancer::start(&["--admin", "off", "-c", file.to_str().unwrap()]);
    std::fs::write(&file, good.replace("bind = [", "bind = [\"192.0.2.1:1\", ")).unwrap();
    balancer.signal(Signal::USR2);
    balancer.wait_for_line("not handed over, this process serves on: it has ended: exit status: 1");
    assert!(door.exists(), "the file of who serves on");
    assert_eq!(balancer.client().get("/").text(), "one");
}

/// Whoever tells the service to stop means all of it.
#[test]
fn told_to_stop_meanwhile_nobody_is_left() {
    let backend = Backend::named("one");
    let mut balancer = Balancer::before(&[&backend], &["--health", "off"]);
    balancer.signal(Signal::USR2);
    balancer.terminate();
    assert_eq!(balancer.wait().code(), Some(0));
    until("nobody there", || Client::try_connect(balancer.address).is_err());
}

/// A tunnel and a long answer stay with the old one, as long as the drain allows.
#[test]
fn what_is_under_way_ends_where_it_began() {
    let (backend, gate) = Backend::gated();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut busy = balancer.client();
    busy.send(client::get("/slow")).unwrap();
    gate.wait_for(1);
    let heir = Heir(hand_over(&balancer, balancer.pid()));
    assert_eq!(balancer.client().get("/").text(), "one");
    assert!(runs(balancer.pid()), "a request is still in flight there");
    gate.open();
    let answer = busy.response("GET").unwrap();
    assert_eq!((answer.text().as_str(), answer.closes()), ("one", true));
    until("the end of the old one", || !runs(balancer.pid()));
    assert_eq!(balancer.client().get("/").text(), "one");
    drop(heir);
}

/// The file of a Unix socket goes over with it.
#[test]
fn a_socket_in_the_file_system_is_handed_over_with_its_file() {
    let backend = Backend::named("one");
    let nook = Nook::new();
    let path = nook.path("door");
    let balancer = Balancer::start(&[
        "-l",
        "127.0.0.1:0",
        "-l",
        &nook.address("door"),
        "--admin",
        "off",
        "-b",
        &backend.address.to_string(),
    ]);
    let asks = || {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(&path)?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    assert!(asks().unwrap().ends_with("one"));
    let heir = Heir(hand_over(&balancer, balancer.pid()));
    until("the end of the old one", || !runs(balancer.pid()));
    assert!(asks().unwrap().ends_with("one"));
    kill_process(pid(heir.0), Signal::TERM).unwrap();
    until("the end of the new one", || !runs(heir.0));
    assert!(!path.exists(), "the last one tidies up");
}
