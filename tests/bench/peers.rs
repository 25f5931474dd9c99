//! The contenders: how each is found, configured and started. One thread each, the same origin, the same work with fields
//! (X-Forwarded-For and -Proto), no log, no probes, pools as large as the load, and everybody idle for an hour if need be.

use crate::child::{Child, Cpus, Scratch, free_port};
use crate::scenario::{Mode, Scenario};
use crate::which::find;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// We.
    Evenkeel,
    /// We, of another build.
    Other,
    /// As it comes.
    Haproxy,
    /// With `option splice-request` and `splice-response`, which `splice-auto` leaves to a guess.
    Spliced,
    /// As a proxy, nothing spooled to disk.
    Nginx,
    /// Our own limit: no peer, see [`crate::relay`] and [`crate::toy`].
    Relay,
}

impl Display for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Peer::Evenkeel => "evenkeel",
            Peer::Other => "evenkeel, the other",
            Peer::Haproxy => "HAProxy",
            Peer::Spliced => "HAProxy, spliced",
            Peer::Nginx => "nginx",
            Peer::Relay => "relay",
        })
    }
}

/// What is needed to start any of them.
pub struct Field {
    /// The processors.
    pub cpus: Cpus,
    /// For configurations and what is said.
    pub scratch: Scratch,
    /// What one process may have.
    pub descriptors: usize,
    evenkeel: PathBuf,
    /// Another build of it, which shows what a change has done.
    other: Option<PathBuf>,
    haproxy: Option<PathBuf>,
    nginx: Option<PathBuf>,
    /// Nobody takes part but we.
    alone: bool,
    /// The line that gives nginx its TCP mode, if it has one.
    stream: Option<String>,
    started: AtomicUsize,
}

/// One that runs.
pub struct Runner {
    /// Who.
    pub peer: Peer,
    /// Where.
    pub address: SocketAddr,
    /// Its process.
    pub child: Child,
    /// Behind it. Each has one to itself, or the pools of all together would exceed an origin's descriptors and the ports
    /// that lead to it.
    _origin: Child,
}

impl Field {
    /// Who is there; in words who is not. Nobody but us if we are `alone`.
    pub fn survey(cpus: Cpus, scratch: Scratch, descriptors: usize, alone: bool) -> Field {
        let evenkeel = std::env::var_os("EVENKEEL").map_or(env!("CARGO_BIN_EXE_evenkeel").into(), PathBuf::from);
        let (haproxy, nginx) = if alone { (None, None) } else { (find("haproxy"), find("nginx")) };
        for (name, found) in [("HAProxy", &haproxy), ("nginx", &nginx)] {
            if found.is_none() && !alone {
                eprintln!("bench: {name} is not installed, left out");
            }
        }
        let stream = nginx.as_deref().and_then(stream_module);
        let other = std::env::var_os("OTHER").map(PathBuf::from);
        Field {
            cpus,
            scratch,
            descriptors,
            evenkeel,
            other,
            haproxy,
            nginx,
            alone,
            stream,
            started: AtomicUsize::new(0),
        }
    }

    /// Who takes part in a scenario.
    pub fn contenders(&self, scenario: &Scenario) -> Vec<Peer> {
        let mut all = vec![Peer::Evenkeel];
        all.extend(self.other.as_ref().map(|_| Peer::Other));
        all.extend(self.haproxy.as_ref().map(|_| Peer::Haproxy));
        all.extend(self.haproxy.as_ref().filter(|_| scenario.may_splice()).map(|_| Peer::Spliced));
        if self.nginx.is_some() && scenario.mode == Mode::Tcp && self.stream.is_none() {
            eprintln!("bench: {}: this nginx has no stream module, left out", scenario.name);
        } else if self.nginx.is_some() {
            all.push(Peer::Nginx);
        }
        // It has an upstream for every client, idle or not.
        let fits = scenario.connections * 2 + 512 <= self.descriptors;
        if !fits && !self.alone {
            eprintln!("bench: {}: too few descriptors for a relay, left out", scenario.name);
        }
        all.extend((fits && !self.alone).then_some(Peer::Relay));
        all
    }

    /// One per contender: name, version.
    pub fn versions(&self) -> String {
        let ours = first_line(Command::new(&self.evenkeel).arg("--version"));
        let theirs = [(&self.haproxy, "-v"), (&self.nginx, "-v")].into_iter();
        let theirs = theirs.filter_map(|(program, flag)| Some(first_line(Command::new(program.as_ref()?).arg(flag))));
        std::iter::once(ours).chain(theirs).collect::<Vec<_>>().join("; ")
    }

    /// Starts one, and an origin behind it.
    pub fn start(&self, peer: Peer, scenario: &Scenario) -> Result<Runner, String> {
        let start = || {
            let program = self_again()?;
            let mut origin = Child::beside(&program, &["origin".to_string()], self.said("origin"))?;
            let at = origin.address()?;
            let (address, child) = match peer {
                Peer::Evenkeel => self.evenkeel(&self.evenkeel, scenario, at),
                Peer::Other => self.evenkeel(self.other.as_deref().unwrap_or(&self.evenkeel), scenario, at),
                Peer::Haproxy | Peer::Spliced => self.haproxy(peer, scenario, at),
                Peer::Nginx => self.nginx(scenario, at),
                Peer::Relay => self.relay(scenario, at),
            }?;
            Ok(Runner { peer, address, child, _origin: origin })
        };
        start().map_err(|error: String| format!("{peer}, {}: {error}", scenario.name))
    }

    fn evenkeel(&self, program: &Path, scenario: &Scenario, origin: SocketAddr) -> Result<(SocketAddr, Child), String> {
        let mode = if scenario.mode == Mode::Tcp { "tcp" } else { "http" };
        let text = format!(
            "admin = \"off\"\n[listener.main]\nbind = \"127.0.0.1:0\"\nmode = \"{mode}\"\npool = \"main\"\n\
             [pool.main]\nbackends = [\"{origin}\"]\nhealth = {{ kind = \"off\" }}\n\
             [timeouts]\nclient_idle = \"1h\"\nupstream_idle = \"1h\"\n[limits]\nconnections = {}\n",
            self.descriptors.saturating_sub(256)
        );
        let file = self.write("evenkeel.toml", &text)?;
        let mut child = self.spawn(Some(program), &["-c", &file], "evenkeel")?;
        Ok((child.address()?, child))
    }

    fn haproxy(&self, peer: Peer, scenario: &Scenario, origin: SocketAddr) -> Result<(SocketAddr, Child), String> {
        let address = free_port().map_err(|error| error.to_string())?;
        // 256 KiB pipes are best for bodies of 1 MiB, the largest for long ones.
        let pipe = if scenario.name.ends_with("-1m") { 256 * 1024 } else { 1024 * 1024 };
        let (splice, pipes) = match peer {
            Peer::Spliced => {
                ("option splice-request\n    option splice-response", format!("tune.pipesize {pipe}\n    maxpipes 256"))
            }
            _ => ("", String::new()),
        };
        let (mode, work) = match scenario.mode {
            Mode::Tcp => ("tcp", ""),
            _ => {
                ("http", "http-reuse always\n    option forwardfor\n    http-request set-header X-Forwarded-Proto http")
            }
        };
        // It would close pooled connections beyond a quarter of its descriptors, and refuse to start where as many clients
        // as upstreams did not fit, which no scenario has.
        let text = format!(
            "global\n    nbthread 1\n    no strict-limits\n    ulimit-n {}\n    maxconn {}\n    tune.pool-low-fd-ratio 100\n    \
             tune.pool-high-fd-ratio 100\n    {pipes}\n\
             defaults\n    mode {mode}\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n    {splice}\n\
             listen front\n    bind {address} backlog 4096\n    {work}\n    \
             server origin {origin} pool-max-conn -1 pool-purge-delay 1h\n",
            self.descriptors,
            self.descriptors.saturating_sub(512)
        );
        let file = self.write("haproxy.cfg", &text)?;
        self.accepting(self.spawn(self.haproxy.as_deref(), &["-db", "-f", &file], "haproxy")?, address)
    }

    fn nginx(&self, scenario: &Scenario, origin: SocketAddr) -> Result<(SocketAddr, Child), String> {
        let address = free_port().map_err(|error| error.to_string())?;
        let (load, block) = match scenario.mode {
            Mode::Tcp => (self.stream.clone().unwrap_or_default(), nginx_stream(address, origin)),
            _ => (String::new(), nginx_http(address, origin, &self.scratch.file("nginx").display().to_string())),
        };
        let text = format!(
            "{load}\ndaemon off; master_process off; worker_processes 1; pid {}; error_log stderr crit;\n\
             worker_rlimit_nofile {}; events {{ worker_connections {}; accept_mutex off; }}\n{block}",
            self.scratch.file("nginx.pid").display(),
            self.descriptors,
            self.descriptors.saturating_sub(256)
        );
        let file = self.write("nginx.conf", &text)?;
        self.accepting(self.spawn(self.nginx.as_deref(), &["-e", "stderr", "-c", &file], "nginx")?, address)
    }

    fn relay(&self, scenario: &Scenario, origin: SocketAddr) -> Result<(SocketAddr, Child), String> {
        let what = if scenario.mode == Mode::Fresh { "toy" } else { "relay" };
        let mut child = self.spawn(Some(&self_again()?), &[what, &origin.to_string()], "relay")?;
        Ok((child.address()?, child))
    }

    fn spawn(&self, program: Option<&Path>, args: &[&str], name: &str) -> Result<Child, String> {
        let program = program.ok_or("not installed")?;
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        Child::front(&self.cpus, program, &args, self.said(name))
    }

    /// A new file for what a process says.
    fn said(&self, name: &str) -> PathBuf {
        let next = self.started.fetch_add(1, Ordering::Relaxed);
        self.scratch.file(&format!("{name}.said.{next}"))
    }

    fn accepting(&self, mut child: Child, address: SocketAddr) -> Result<(SocketAddr, Child), String> {
        child.accepts(address)?;
        Ok((address, child))
    }

    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let file = self.scratch.file(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(file.display().to_string())
    }
}

/// This program, which is origin and relay too.
fn self_again() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| error.to_string())
}

fn nginx_http(address: SocketAddr, origin: SocketAddr, folder: &str) -> String {
    format!(
        "http {{\n access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; tcp_nodelay on;\n \
         client_max_body_size 0; client_body_temp_path {folder}.body; proxy_temp_path {folder}.proxy;\n \
         fastcgi_temp_path {folder}.f; uwsgi_temp_path {folder}.u; scgi_temp_path {folder}.s;\n \
         upstream origin {{ server {origin}; keepalive 16384; keepalive_requests 1000000000; keepalive_timeout 1h; \
         keepalive_time 24h; }}\n server {{ listen {address} backlog=4096; keepalive_time 24h; location / {{\n  \
         proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host;\n  \
         proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http;\n  \
         proxy_request_buffering off; proxy_max_temp_file_size 0; proxy_buffers 16 64k; proxy_busy_buffers_size 256k;\n  \
         client_body_buffer_size 64k; }} }}\n}}\n"
    )
}

fn nginx_stream(address: SocketAddr, origin: SocketAddr) -> String {
    format!(
        "stream {{ server {{ listen {address} backlog=4096; proxy_pass {origin}; proxy_timeout 1h; \
         proxy_buffer_size 64k; tcp_nodelay on; }} }}\n"
    )
}

/// Built in: nothing to load. As a file: that line. Neither: none.
fn stream_module(nginx: &Path) -> Option<String> {
    let said = Command::new(nginx).arg("-V").output().ok()?.stderr;
    let built_in = String::from_utf8_lossy(&said).split_whitespace().any(|word| word == "--with-stream");
    let file = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    let line = || file.exists().then(|| format!("load_module {};", file.display()));
    built_in.then(String::new).or_else(line)
}

/// The first line of what a command says, on whichever stream, without praise.
fn first_line(command: &mut Command) -> String {
    let Ok(output) = command.output() else { return "unknown".into() };
    let said =
        String::from_utf8_lossy(if output.stdout.is_empty() { &output.stderr } else { &output.stdout }).into_owned();
    said.lines().next().unwrap_or("unknown").split(" - http").next().unwrap_or_default().to_string()
}
