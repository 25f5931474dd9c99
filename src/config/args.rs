//! Floor 1: the command line becomes a [`Command`], or an [`Exit`] that says why not.
//!
//! This is the way in. Nothing here touches the process: variables, files and names are looked up by what the caller
//! brings. Read [`flags`] for the words, [`settle`](super::settle) for what they mean.

use super::Config;
use super::access::{self, AccessLog};
use super::address::{self, Resolve};
use super::error::{Errors, Place, Said, Source, Wrong, quote};
use super::flags::{self, Check, Demo, Env, Explain, Line, Log, Run, Serve, Task};
use super::say::{Ctl, Say, Target, To};
use super::settle::{Settled, settle};
use super::typed::Typed;
use super::{completion, duration, file, size, word};
use crate::base::Address;
use clap::Parser;
use log::LevelFilter;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What is to be done.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // there is one of it in a process
pub enum Command {
    /// Balance.
    Run {
        /// What, where and how.
        config: Config,
        /// How much to log.
        log: LevelFilter,
        /// Whether each request gets a line, and where.
        access: Option<AccessLog>,
    },
    /// Show it working, with backends of its own.
    Demo {
        /// Backends on it and the next, balancer and dashboard on the two after; none: on the usual ports.
        port_base: Option<u16>,
        /// How much to log.
        log: LevelFilter,
    },
    /// Be a backend.
    Backend {
        /// Every address that the one given stands for.
        listen: Vec<Address>,
        /// What to call itself, if not after its port.
        name: Option<String>,
        /// How long to wait before an answer.
        delay: Duration,
        /// The status of each answer.
        status: u16,
        /// The length of each body; none: as long as its text.
        body_size: Option<u64>,
        /// How much to log.
        log: LevelFilter,
    },
    /// Tell the receipt of a request.
    Explain {
        /// Its id, or the first digits of it.
        id: String,
        /// Whom to ask.
        to: Target,
    },
    /// Speak to a running balancer.
    Ctl {
        /// What to say.
        say: Say,
        /// To whom.
        to: Target,
    },
    /// Say that the configuration is right, and perhaps what it is.
    Check {
        /// For stdout, without the last line end.
        text: String,
        /// The configuration, if it is to be printed: what follows from it may be said as well.
        printed: Option<Box<Config>>,
    },
}

/// Why there is nothing more to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// What to say, without the last line end.
    pub text: String,
    /// Help, version or completions were asked for; everything else belongs on stderr.
    pub to_stdout: bool,
    /// 0, or 2 for a mistake in usage or configuration.
    pub code: u8,
}

impl Exit {
    fn answer(text: String) -> Exit {
        Exit { text: text.trim_end().to_string(), to_stdout: true, code: 0 }
    }

    fn usage(text: String) -> Exit {
        Exit { text, to_stdout: false, code: 2 }
    }
}

/// Reads a file.
pub type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Understands a command line. `args` begins with the program's name.
pub fn from_args(
    args: impl Iterator<Item = OsString>,
    env: Env<'_>,
    read: Read<'_>,
    resolve: Resolve<'_>,
) -> Result<Command, Exit> {
    let line = Line::try_parse_from(args).map_err(|error| from_clap(&error))?;
    let host = Host { env, read, resolve };
    let mut errors = Errors::default();
    let command = match line.task {
        None => host.run(line.run, &mut errors),
        Some(Task::Run(run)) => host.run(run, &mut errors),
        Some(Task::Demo(demo)) => host.demo(demo, &mut errors),
        Some(Task::Backend(serve)) => host.serve(serve, &mut errors),
        Some(Task::Check(check)) => host.check(check, &mut errors),
        Some(Task::Ctl(ctl)) => host.ctl(ctl, &mut errors),
        Some(Task::Explain(explain)) => host.explain(explain, &mut errors),
        Some(Task::Completions(of)) => return Err(Exit::answer(completion::script(of.shell))),
    };
    command.filter(|_| errors.is_empty()).ok_or_else(|| Exit::usage(errors.text()))
}

fn from_clap(error: &clap::Error) -> Exit {
    Exit {
        text: error.render().to_string().trim_end().to_string(),
        to_stdout: !error.use_stderr(),
        code: if error.use_stderr() { 2 } else { 0 },
    }
}

/// What of the process is needed.
struct Host<'a> {
    env: Env<'a>,
    read: Read<'a>,
    resolve: Resolve<'a>,
}

/// All that the flags of `run` come to.
struct Asked {
    settled: Settled,
    log: Said<LevelFilter>,
    access: Said<Option<AccessLog>>,
    file: Option<PathBuf>,
}

impl Host<'_> {
    fn run(&self, run: Run, errors: &mut Errors) -> Option<Command> {
        let Asked { settled, log, access, .. } = self.settled(run, errors)?;
        Some(Command::Run { config: settled.config, log: log.value, access: access.value })
    }

    fn check(&self, check: Check, errors: &mut Errors) -> Option<Command> {
        let Asked { settled, log, access, file } = self.settled(check.run, errors)?;
        let subject = file.map_or("the command line".to_string(), |file| file.display().to_string());
        let text = match check.print {
            false => format!("{subject}: {}", summary(&settled.config)),
            true => format!(
                "{}\n# log level {}: {}\n# access log {}: {}",
                settled.book.to_string().trim_end(),
                log.value.as_str().to_ascii_lowercase(),
                super::book::origin(&log.place),
                access::show(access.value.as_ref()),
                super::book::origin(&access.place)
            ),
        };
        let printed = check.print.then(|| Box::new(settled.config));
        Some(Command::Check { text, printed })
    }

    fn settled(&self, mut run: Run, errors: &mut Errors) -> Option<Asked> {
        let log = self.level(&run.log, LevelFilter::Info, errors);
        let access = run.access_log(self.env, errors);
        let (file, place) = self.config_path(run.config.take());
        let mut upper = run.upper(self.env, errors);
        let mut typed = match &file {
            Some(path) => self.typed(path, place, errors),
            None => Typed::default(),
        };
        let guard = std::mem::take(&mut typed.guard).under(std::mem::take(&mut upper.guard));
        typed.guard = guard.opened(self.read, errors);
        // Mistakes in values would only be followed by mistakes that are none.
        if !errors.is_empty() {
            return None;
        }
        Some(Asked { settled: settle(typed, upper, self.resolve, errors)?, log, access, file })
    }

    fn config_path(&self, given: Option<PathBuf>) -> (Option<PathBuf>, Place) {
        let flag = "--config";
        match given {
            Some(path) => (Some(path), Place::Flag(flag)),
            None => match flags::said(None, flag, self.env) {
                Some(said) => (Some(said.value.into()), said.place),
                None => (None, Place::Default),
            },
        }
    }

    fn typed(&self, path: &Path, place: Place, errors: &mut Errors) -> Typed {
        let name = path.display().to_string();
        match (self.read)(path) {
            Ok(text) => file::read(&Arc::new(Source { name, text }), errors),
            Err(error) => {
                let what = format!("cannot read {}: {error}", quote(&name));
                let fix = "name a configuration file that this user may read";
                errors.push(Wrong::new(what, fix).at(place));
                Typed::default()
            }
        }
    }

    fn explain(&self, explain: Explain, errors: &mut Errors) -> Option<Command> {
        let to = self.target(explain.to, errors);
        let id = errors.keep(flags::meaning(Said::new(explain.id, Place::Flag("ID")), request_id));
        Some(Command::Explain { id: id?.value, to: to? })
    }

    fn ctl(&self, ctl: Ctl, errors: &mut Errors) -> Option<Command> {
        let to = self.target(ctl.to, errors);
        let say = ctl.word.meaning(errors);
        Some(Command::Ctl { say: say?, to: to? })
    }

    fn target(&self, to: To, errors: &mut Errors) -> Option<Target> {
        to.target(self.env, self.read, self.resolve, errors)
    }

    fn demo(&self, demo: Demo, errors: &mut Errors) -> Option<Command> {
        // The demo's whole point is to be watched: each request tells its story.
        let log = self.level(&demo.log, LevelFilter::Debug, errors).value;
        let base = |text: &str| word::small(text, 1..=65_532);
        let port_base = flag(demo.port_base, "--port-base", base, errors);
        let port_base = port_base.and_then(|port| u16::try_from(port).ok());
        Some(Command::Demo { port_base, log })
    }

    fn serve(&self, serve: Serve, errors: &mut Errors) -> Option<Command> {
        let log = self.level(&serve.log, LevelFilter::Info, errors).value;
        let look_up = |text: &str| address::look_up(text, self.resolve);
        let listen = flag(Some(serve.listen), "--listen", look_up, errors);
        let name = flag(serve.name, "--name", name, errors);
        let delay = flag(serve.delay, "--delay", duration::parse, errors);
        let status = flag(serve.status, "--status", final_status, errors);
        let body_size = flag(serve.body_size, "--body-size", size::parse, errors);
        Some(Command::Backend {
            listen: listen?,
            name,
            delay: delay.unwrap_or_default(),
            status: status.unwrap_or(200),
            body_size,
            log,
        })
    }

    /// `--log-level`, or as many steps from `usual` as the flags say; only without both the environment.
    fn level(&self, log: &Log, usual: LevelFilter, errors: &mut Errors) -> Said<LevelFilter> {
        let steps = i16::from(log.verbose) - i16::from(log.quiet);
        let place = match steps {
            1.. => Place::Flag("--verbose"),
            _ => Place::Flag("--quiet"),
        };
        if log.verbose > 0 || log.quiet > 0 {
            return Said::new(step(usual, steps), place);
        }
        let said = flags::said(log.log_level.clone(), "--log-level", self.env);
        let said = said.and_then(|said| errors.keep(flags::meaning(said, level)));
        said.unwrap_or(Said::new(usual, Place::Default))
    }
}

/// What a flag that has no variable means.
fn flag<T>(
    given: Option<String>,
    flag: &'static str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
    errors: &mut Errors,
) -> Option<T> {
    let said = Said::new(given?, Place::Flag(flag));
    errors.keep(flags::meaning(said, parse)).map(|said| said.value)
}

/// So many steps up or down, and no further than there are.
fn step(from: LevelFilter, steps: i16) -> LevelFilter {
    let at = (from as i16).saturating_add(steps);
    let at = usize::try_from(at).unwrap_or(0).min(LevelFilter::Trace as usize);
    LevelFilter::iter().nth(at).unwrap_or(from)
}

fn level(text: &str) -> Result<LevelFilter, Wrong> {
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    let level = text.parse().ok();
    level.ok_or_else(|| Wrong::unknown("log level", text, &known))
}

/// As many of its 32 hexadecimal digits as tell it apart.
fn request_id(text: &str) -> Result<String, Wrong> {
    match (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase()),
        false => {
            let fix =
                "write the id of the access log, of an error page or of X-Request-Id: up to 32 hexadecimal digits";
            Err(Wrong::new(format!("bad request id {}", quote(text)), fix))
        }
    }
}

/// A backend's name goes into a header field and a line of text.
fn name(text: &str) -> Result<String, Wrong> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    match printable && !text.trim().is_empty() && text.len() <= 64 {
        true => Ok(text.to_string()),
        false => {
            Err(Wrong::new(format!("bad name {}", quote(text)), "a name has 1 to 64 printable characters of ASCII"))
        }
    }
}

/// A status that ends an exchange: 1xx are only announcements (RFC 9110 section 15.2).
fn final_status(text: &str) -> Result<u16, Wrong> {
    let code = word::number(text, 200..=599)?;
    Ok(u16::try_from(code).unwrap_or(200))
}

/// One line about a configuration in which nothing is wrong.
fn summary(config: &Config) -> String {
    let count = |number: usize, thing: &str| match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    };
    let backends = config.pools.iter().map(|pool| pool.backends.len()).sum();
    format!(
        "valid: {}, {}, {}",
        count(config.listeners.len(), "listener"),
        count(config.pools.len(), "pool"),
        count(backends, "backend")
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::base::Rng;

    fn level_of(line: &str, env: &[(&str, &str)]) -> LevelFilter {
        match command(line, env, "") {
            Ok(Command::Run { log, .. } | Command::Demo { log, .. } | Command::Backend { log, .. }) => log,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn run_is_meant_unless_another_is_named() {
        assert_eq!(command("-b 127.0.0.1:1", &[], ""), command("run -b 127.0.0.1:1", &[], ""));
    }

    #[test]
    fn the_log_level_goes_in_steps_or_by_name() {
        for (flags, level) in [
            ("", LevelFilter::Info),
            ("-v", LevelFilter::Debug),
            ("-vv", LevelFilter::Trace),
            ("-vvvvv", LevelFilter::Trace),
            ("-q", LevelFilter::Warn),
            ("-q -q", LevelFilter::Error),
            ("-qqq", LevelFilter::Off),
            ("-qqqqq", LevelFilter::Off),
            ("--log-level warn", LevelFilter::Warn),
        ] {
            assert_eq!(level_of(&format!("-b 127.0.0.1:1 {flags}"), &[]), level, "{flags}");
        }
        let env = [("EVENKEEL_LOG_LEVEL", "error")];
        assert_eq!(level_of("-b 127.0.0.1:1", &env), LevelFilter::Error);
        assert_eq!(level_of("-b 127.0.0.1:1 -v", &env), LevelFilter::Debug);
        assert_eq!(level_of("demo", &[]), LevelFilter::Debug);
        refusal("-b 127.0.0.1:1 -v --log-level info");
    }

    #[test]
    fn a_demo_needs_four_ports() {
        let base = |line| match command(line, &[], "") {
            Ok(Command::Demo { port_base, .. }) => port_base,
            other => panic!("{other:?}"),
        };
        assert_eq!(base("demo"), None);
        assert_eq!(base("demo --port-base 65532"), Some(65_532));
        for port in ["0", "65533", "x"] {
            assert!(refusal(&format!("demo --port-base {port}")).starts_with("--port-base: "));
        }
    }

    #[test]
    fn a_backend_has_its_flags() {
        let line = "backend --listen localhost:9 --name a --delay 0ms --status 503 --body-size 1KiB -q";
        let backend = Command::Backend {
            listen: ["[::1]:9", "127.0.0.1:9"].map(|at| Address::Tcp(at.parse().unwrap())).into(),
            name: Some("a".to_string()),
            delay: Duration::ZERO,
            status: 503,
            body_size: Some(1024),
            log: LevelFilter::Warn,
        };
        assert_eq!(command(line, &[], ""), Ok(backend));
        refusal("backend");
        for wrong in ["--status 100", "--status 600", "--delay 1", "--body-size 1k", "--name ü"] {
            let text = refusal(&format!("backend --listen 127.0.0.1:9 {wrong}"));
            assert!(text.starts_with(wrong.split(' ').next().unwrap()), "{text}");
        }
    }

    #[test]
    fn check_says_so_in_one_line() {
        let text = "f: valid: 1 listener, 1 pool, 2 backends".to_string();
        assert_eq!(command("check -c f", &[], GOOD), Ok(Command::Check { text, printed: None }));
        let text = refusal_with("check -c missing.toml", &[], "");
        assert!(text.starts_with("--config: cannot read \"missing.toml\""), "{text}");
        let env = [("EVENKEEL_CONFIG", "missing.toml")];
        assert!(refusal_with("check", &env, "").starts_with("EVENKEEL_CONFIG: cannot read"));
    }

    #[test]
    fn help_and_version_are_no_mistakes() {
        for line in ["--help", "-h", "help", "run --help", "demo -h", "--version", "-V"] {
            let exit = command(line, &[], "").unwrap_err();
            assert_eq!((exit.code, exit.to_stdout), (0, true), "{line}");
        }
        for line in ["--polcy x", "dmeo", "--listen", "-b"] {
            refusal(line);
        }
    }

    /// One small deed of a tired operator, or of a disk.
    fn mangle(text: &str, rng: &mut Rng) -> String {
        const PIECES: [&str; 12] =
            ["\"", "[", "]", "{", "=", ".", "\n", "é", "\0", "-1", "99999999999999999999", "[[pool]]"];
        let mut bytes = text.as_bytes().to_vec();
        let mut below = |limit: usize| rng.below(limit as u64) as usize;
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            let end = (at + below(8)).min(bytes.len());
            match below(4) {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..at, PIECES[below(PIECES.len())].bytes())),
                2 => bytes.truncate(at),
                _ => bytes[at..end].rotate_left((end > at).into()),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn no_mangled_file_is_a_panic_and_each_refusal_has_a_fix() {
        let mut rng = Rng::new(1);
        let mut refused = 0;
        for _ in 0..2_000 {
            let file = mangle(GOOD, &mut rng);
            match command("check --print -c f", &[], &file) {
                Ok(Command::Check { text, .. }) => drop(config_of(&text)),
                Ok(other) => panic!("{other:?}"),
                Err(exit) => {
                    refused += 1;
                    assert!(exit.text.contains("fix: ") && exit.code == 2, "{file}\n{}", exit.text);
                }
            }
        }
        assert!(refused > 500, "{refused}");
    }

    #[test]
    fn no_mangled_command_line_is_a_panic() {
        let good = "run -l 127.0.0.1:1 -b [::1]:2,weight=3 --health-path / --health-interval 5s --admin off";
        let mut rng = Rng::new(2);
        for _ in 0..2_000 {
            let _ = command(&mangle(good, &mut rng), &[], GOOD);
        }
    }
}
