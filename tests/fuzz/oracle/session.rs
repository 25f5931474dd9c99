//! Whole sessions: a script of what clients, backends and the operator do, played to the balancer over the simulated
//! kernel. Whatever the script, the house keeps its laws, and nobody is told what nobody said.
//!
//! A script is made of records that begin with `@` at the start of a line; [`Script`] tells what each does. Payloads are
//! raw bytes. A good one, with the CR left out:
//!
//! ```text
//! @k13                      the kernel: mood 1, seed 3
//! @>0GET /a HTTP/1.1        client 0 (dialled by it) says this ...
//! Host: h
//!
//! @.2                       20 ms pass
//! @<0HTTP/1.1 200 OK        ... and on the first connection that reached a backend this is said
//! Content-Length: 2
//!
//! ok
//! @.                        10 ms pass
//! @e0                       client 0 has said everything
//! ```
//!
//! What is checked, after every turn: sockets owned are sockets open, the conservation laws, no stuck session, no line
//! that begins with `bug`. At the end: every byte that a backend was sent is a request by the strict reader, and one that
//! some client said by the same reader; every byte that a client was sent is a response to one of its requests; when all
//! have left, the house empties.

mod heard;
mod script;

use super::text;
use evenkeel::base::Time;
use evenkeel::config::{Command, Config, from_args};
use evenkeel::net::sim::{Cruelty, Far, Sim, Welcome};
use evenkeel::net::{Net, Signal};
use evenkeel::proxy::{Proxy, Turned};
use heard::{Asked, asked, backend_heard, client_heard, whole};
use script::{Act, OPERATOR, Script, Side};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Once, OnceLock};
use std::time::Duration;

/// One input is looked at by a human.
fn aloud() -> bool {
    static ALOUD: OnceLock<bool> = OnceLock::new();
    *ALOUD.get_or_init(|| std::env::var_os("FUZZ_INPUT").is_some())
}

/// See the [module](self).
pub fn check(input: &[u8]) {
    listen_for_bugs();
    let script = Script::read(input);
    let mut stage = Stage::new(&script);
    for act in &script.acts {
        stage.play(act);
    }
    stage.curtain();
    stage.judge();
}

/// Somebody at a remote end.
#[derive(Debug)]
struct Actor {
    far: Far,
    /// Still to be sent.
    says: VecDeque<u8>,
    /// What it sent, and what it was sent.
    said: Vec<u8>,
    heard: Vec<u8>,
    /// Closes its sending side when all is said.
    finishing: bool,
    finished: bool,
    gone: bool,
    dozing: bool,
    /// A client's number; backends have none.
    name: usize,
}

impl Actor {
    fn new(far: Far, name: usize) -> Actor {
        Actor {
            far,
            says: VecDeque::new(),
            said: Vec::new(),
            heard: Vec::new(),
            finishing: false,
            finished: false,
            gone: false,
            dozing: false,
            name,
        }
    }

    fn act(&mut self, sim: &mut Sim) {
        if self.gone {
            return;
        }
        if !self.dozing {
            sim.far_read(self.far, &mut self.heard, usize::MAX >> 1);
        }
        if !self.says.is_empty() {
            let count = sim.far_write(self.far, self.says.make_contiguous());
            self.said.extend(self.says.drain(..count));
        }
        if self.finishing && !self.finished && self.says.is_empty() {
            self.finished = true;
            sim.far_finish(self.far);
        }
    }

    fn suffer(&mut self, act: &Act, sim: &mut Sim) {
        match act {
            _ if self.gone => {}
            Act::Finish(..) => self.finishing = true,
            Act::Doze(..) => self.dozing = !self.dozing,
            Act::Reset(..) => {
                self.gone = true;
                sim.far_reset(self.far);
            }
            _ => {
                self.gone = true;
                sim.far_close(self.far);
            }
        }
    }
}

/// The balancer and everybody around it.
struct Stage {
    proxy: Proxy<Sim>,
    clients: Vec<Actor>,
    backends: Vec<Actor>,
    /// For backend connections that are not there yet.
    early: Vec<(usize, Vec<u8>)>,
    tcp: bool,
    left: bool,
}

fn listener() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5001))
}

fn admin() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5002))
}

fn backend(index: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080 + index as u16))
}

/// Heads and bodies small enough to be filled.
fn config(tcp: bool, probes: bool, two: bool) -> Config {
    static ALL: OnceLock<Vec<Config>> = OnceLock::new();
    let make = |tcp: bool, probes: bool, two: bool| {
        let (mode, kind) = (if tcp { "tcp" } else { "http" }, if probes { "tcp" } else { "off" });
        let second = if two { format!(", \"{}\"", backend(1)) } else { String::new() };
        let file = format!(
            "admin = \"{}\"\n[listener.main]\nbind = \"{}\"\nmode = \"{mode}\"\n[pool.main]\nbackends = [\"{}\"{second}]\n\
             health = {{ kind = \"{kind}\" }}\n[timeouts]\ntunnel = \"40s\"\n[limits]\nhead = \"1KiB\"\ntarget = \"200\"\n\
             fields = 20\nbody = 2000\n",
            admin(),
            listener(),
            backend(0)
        );
        let args = ["evenkeel", "-c", "f"].into_iter().map(Into::into);
        match from_args(args, &|_| None, &|_| Ok(file.clone()), &|_| Err(std::io::Error::other("no names"))) {
            Ok(Command::Run { config, .. }) => config,
            other => panic!("{other:?}"),
        }
    };
    let all = ALL.get_or_init(|| (0..8).map(|bits| make(bits & 1 > 0, bits & 2 > 0, bits & 4 > 0)).collect());
    all[usize::from(tcp) | usize::from(probes) << 1 | usize::from(two) << 2].clone()
}

fn mood(number: u8) -> Cruelty {
    let cruel = Cruelty::cruel();
    match number {
        0 => Cruelty::calm(),
        1 => cruel,
        2 => Cruelty { segments: 900, window: (16, 300), ..Cruelty::calm() },
        3 => Cruelty { held_back: 500, apart: 900, spurious: 300, ..cruel },
        4 => Cruelty { short_reads: 600, short_writes: 600, nothing: 400, blocked: 400, ..cruel },
        5 => Cruelty { end_rides: 1000, latency: Duration::ZERO, ..Cruelty::calm() },
        6 => Cruelty { accept_fails: 300, connect_fails: 200, ..Cruelty::calm() },
        7 => Cruelty { descriptors: Some(6), ..Cruelty::calm() },
        8 => Cruelty::calm().portable(),
        _ => cruel.portable(),
    }
}

impl Stage {
    fn new(script: &Script) -> Stage {
        let mut sim = Sim::new(script.seed, mood(script.mood));
        (0..2).for_each(|index| sim.serve(backend(index), Welcome::Accept));
        if aloud() {
            sim.speak();
        }
        let proxy = Proxy::new(&config(script.tcp, script.probes, script.two), sim, script.seed).expect("a start");
        Stage { proxy, clients: Vec::new(), backends: Vec::new(), early: Vec::new(), tcp: script.tcp, left: false }
    }

    fn play(&mut self, act: &Act) {
        match act {
            Act::Ask(name, payload) => {
                let at = self.client(*name);
                self.clients[at].says.extend(*payload);
            }
            Act::Answer(number, payload) => match self.backends.get_mut(*number) {
                Some(backend) => backend.says.extend(*payload),
                None => self.early.push((*number, payload.to_vec())),
            },
            Act::Finish(side, number)
            | Act::Reset(side, number)
            | Act::Close(side, number)
            | Act::Doze(side, number) => {
                let actor = match side {
                    Side::Client => {
                        let at = self.client(*number);
                        self.clients.get_mut(at)
                    }
                    Side::Backend => self.backends.get_mut(*number),
                };
                if let Some(actor) = actor {
                    actor.suffer(act, self.proxy.net_mut());
                }
            }
            Act::Welcome(index, how) => self.welcome(*index, *how),
            Act::Pass(times) => self.pass(Duration::from_millis(10 * times), Duration::from_millis(2)),
            Act::Wait(seconds) => self.pass(Duration::from_secs(*seconds), Duration::from_millis(500)),
            Act::Stop => self.proxy.net_mut().signal(Signal::Stop),
            Act::Dump => self.proxy.net_mut().signal(Signal::Dump),
        }
    }

    fn welcome(&mut self, index: usize, how: u8) {
        let sim = self.proxy.net_mut();
        match how {
            b'r' => sim.serve(backend(index), Welcome::Refuse),
            b'd' => sim.serve(backend(index), Welcome::Delay(Duration::from_millis(700))),
            b's' => sim.serve(backend(index), Welcome::Swallow),
            b'u' => sim.unserve(backend(index)),
            _ => sim.serve(backend(index), Welcome::Accept),
        }
    }

    /// Where in the list the newest client of that name stands; one that has gone is followed by another.
    fn client(&mut self, name: usize) -> usize {
        if let Some(at) = self.clients.iter().rposition(|client| client.name == name && !client.gone) {
            return at;
        }
        let door = if name == OPERATOR { admin() } else { listener() };
        let far = self.proxy.net_mut().dial(door);
        self.clients.push(Actor::new(far, name));
        self.clients.len() - 1
    }

    /// Time passes, in steps so small that what is said is heard before somebody's patience ends.
    fn pass(&mut self, time: Duration, step: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            let next = (self.now() + step).min(end);
            self.proxy.net_mut().alarm(next);
            self.turn();
        }
    }

    fn now(&self) -> Time {
        self.proxy.net().now()
    }

    fn turn(&mut self) {
        self.act();
        if self.left {
            self.proxy.net_mut().wait(None, &mut Vec::new()).expect("the kernel goes on"); // what is under way arrives
            return;
        }
        self.left = self.proxy.turn().expect("the loop goes on") == Turned::Done;
        let (open, owned) = (self.proxy.net().open_sockets(), self.proxy.owned_sockets());
        assert_eq!(open, owned, "sockets open and owned");
        let stats = self.proxy.stats();
        assert_eq!(stats.stuck, 0, "a session asked to go on and did nothing");
        let (open, alive) = (self.proxy.open_sessions() as u64, self.proxy.alive_requests() as u64);
        stats.check(open, alive).unwrap_or_else(|violation| panic!("{violation}"));
        self.proxy.check_tallies().unwrap_or_else(|violation| panic!("{violation}"));
    }

    fn act(&mut self) {
        for index in 0..2 {
            while let Some(far) = self.proxy.net_mut().take(&backend(index).into()) {
                let mut actor = Actor::new(far, index);
                let number = self.backends.len();
                for (_, payload) in self.early.extract_if(.., |(early, _)| *early == number) {
                    actor.says.extend(payload);
                }
                self.backends.push(actor);
            }
        }
        let sim = self.proxy.net_mut();
        self.clients.iter_mut().chain(&mut self.backends).for_each(|actor| actor.act(sim));
    }

    /// Everybody leaves; what they left behind ends by itself.
    fn curtain(&mut self) {
        self.pass(Duration::from_millis(50), Duration::from_millis(5));
        let sim = self.proxy.net_mut();
        *sim.cruelty_mut() = Cruelty { portable: sim.cruelty_mut().portable, ..Cruelty::calm() };
        for actor in self.clients.iter_mut().chain(&mut self.backends) {
            if !std::mem::replace(&mut actor.gone, true) {
                sim.far_read(actor.far, &mut actor.heard, usize::MAX >> 1);
                sim.far_close(actor.far);
            }
        }
        (0..2).for_each(|index| self.proxy.net_mut().unserve(backend(index)));
        let end = self.now() + Duration::from_secs(200);
        self.proxy.net_mut().alarm(end);
        while self.now() < end && !self.proxy.net().silent() {
            self.turn();
        }
        assert_eq!(self.proxy.open_sessions(), 0, "sessions are left: the house is not empty");
        if !self.left {
            // Two listeners, and at most a probe for each backend.
            assert!(self.proxy.owned_sockets() <= 2 + 2, "{} sockets are left", self.proxy.owned_sockets());
            assert!(self.proxy.lent_buffers() <= 2, "{} buffers are left", self.proxy.lent_buffers());
        }
    }

    /// Who was told what.
    fn judge(&self) {
        if aloud() {
            let tell = |who: &str, actor: &Actor| println!("{who} {} heard {}", actor.far.number(), text(&actor.heard));
            self.clients.iter().for_each(|client| tell("client", client));
            self.backends.iter().for_each(|backend| tell("backend", backend));
        }
        if self.tcp {
            return self.judge_bytes();
        }
        let asked: Vec<Asked> =
            self.clients.iter().flat_map(|client| asked(&whole(&client.said, &client.says))).collect();
        for backend in &self.backends {
            backend_heard(backend, &asked);
        }
        for client in &self.clients {
            client_heard(client);
        }
    }

    /// Each side has heard the beginning of what somebody on the other side said.
    fn judge_bytes(&self) {
        let side = |heard: &[Actor], said: &[Actor]| {
            for one in heard.iter().filter(|one| one.name != OPERATOR) {
                let from = |other: &Actor| other.said.starts_with(&one.heard);
                let fine = one.heard.is_empty() || said.iter().any(from);
                assert!(fine, "nobody said this: {}", text(&one.heard));
            }
        };
        side(&self.backends, &self.clients);
        side(&self.clients, &self.backends);
    }
}

/// The balancer's own suspicions are findings; and every line is made, so that making it is tried as well.
fn listen_for_bugs() {
    struct Ears;
    impl log::Log for Ears {
        fn enabled(&self, _: &log::Metadata) -> bool {
            true
        }
        fn log(&self, record: &log::Record) {
            let line = record.args().to_string();
            assert!(!line.starts_with("bug"), "{line}");
        }
        fn flush(&self) {}
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Ears).expect("the only logger");
        log::set_max_level(log::LevelFilter::Trace);
    });
}
