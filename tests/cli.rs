//! The built binary, as far as it gets without a network: what it says of its command line and its configuration, where
//! it says it, and with which exit code.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

#[path = "../scripts/deploy/man.rs"]
mod man;

/// A configuration file that is gone at the end of its test.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> File {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("evenkeel-cli-{}-{count}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The binary, with no variable of ours but those that a test sets.
fn evenkeel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EVENKEEL_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    evenkeel(args).output().unwrap()
}

/// What stderr says; everything of a mistake is there, and the code is 2.
fn refusal(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(output.stdout.is_empty(), "{text}");
    text
}

/// What stdout says; nothing is wrong.
fn answer(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.is_empty(), "{text}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

const GOOD: &str = "[listener.web]\nbind = \"127.0.0.1:5001\"\n\n[pool.app]\n\
    backends = [\"127.0.0.1:8080\", { address = \"127.0.0.1:8081\", weight = 2 }]\n";

#[test]
fn without_arguments_the_ways_on_are_shown() {
    let text = refusal(&run(&[]));
    assert!(text.contains("evenkeel demo"), "{text}");
    assert!(text.contains("--backend"), "{text}");
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = answer(&run(&["--help"]));
    for word in ["--listen", "--backend", "--health-interval", "demo", "check", "EVENKEEL_"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(answer(&run(&["--version"])).contains(env!("CARGO_PKG_VERSION")));
    assert!(answer(&run(&["backend", "--help"])).contains("--body-size"));
}

#[test]
fn a_flag_that_is_not_there_is_a_usage_error() {
    assert!(refusal(&run(&["--polcy", "x"])).contains("--policy"));
    assert!(refusal(&run(&["-b", "127.0.0.1:1", "--access-log-format", "json"])).contains("add --access-log"));
    assert!(refusal(&run(&["-b", "127.0.0.1:x"])).contains("bad port"));
}

#[test]
fn a_bad_file_is_told_with_line_pointer_and_fix() {
    let file = File::new(&format!("{GOOD}polcy = \"round-robin\"\n"));
    for args in [["check", "-c", file.path()], ["run", "-c", file.path()]] {
        let text = refusal(&run(&args));
        let place = format!("{}:6:1: unknown key \"polcy\" in [pool.app]\n", file.path());
        assert!(text.starts_with(&place), "{text}");
        assert!(text.contains("  6 | polcy = \"round-robin\"\n    | ^^^^^\n"), "{text}");
        assert!(text.ends_with("  fix: did you mean \"policy\"?\n"), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let text = refusal(&run(&["check", "-c", "/nowhere/evenkeel.toml"]));
    assert!(text.starts_with("--config: cannot read \"/nowhere/evenkeel.toml\": "), "{text}");
    let folder = std::env::temp_dir();
    refusal(&run(&["check", "-c", folder.to_str().unwrap()]));
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let file = File::new("");
    std::fs::write(&file.0, [0xff, 0xfe, 0x00]).unwrap();
    assert!(refusal(&run(&["check", "-c", file.path()])).contains("cannot read"));
}

#[test]
fn check_says_in_one_line_that_a_file_is_valid() {
    let file = File::new(GOOD);
    let text = answer(&run(&["check", "-c", file.path()]));
    let meant = format!("{}: valid: 1 listener, 1 pool, 2 backends\n", file.path());
    assert_eq!(text, meant);
}

#[test]
fn what_check_prints_is_a_file_that_checks_and_prints_the_same() {
    let file = File::new(GOOD);
    let mut command = evenkeel(&["check", "--print", "-c", file.path(), "--health-fall", "5"]);
    let printed = answer(&command.env("EVENKEEL_MODE", "tcp").output().unwrap());
    assert!(printed.contains("# --health-fall"), "{printed}");
    assert!(printed.contains("# EVENKEEL_MODE"), "{printed}");
    assert!(printed.contains(&format!("# {}:5", file.path())), "{printed}");
    let again = File::new(&printed);
    let again = answer(&run(&["check", "--print", "-c", again.path()]));
    let values = |text: &str| {
        let values = text.lines().map(|line| line.split('#').next().unwrap().trim_end());
        values.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&printed));
}

#[test]
fn the_file_that_packages_bring_checks_as_it_is_and_with_every_example_put_to_work() {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deploy/evenkeel.toml");
    let text = answer(&run(&["check", "-c", shipped.to_str().unwrap()]));
    assert!(text.ends_with("valid: 1 listener, 1 pool, 2 backends\n"), "{text}");
    let key = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
    let example = |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(word, _)| key(word));
    let put = |line| str::strip_prefix(line, "# ").filter(example).unwrap_or(line);
    let lines: Vec<&str> = std::fs::read_to_string(&shipped).unwrap().leak().lines().map(put).collect();
    let whole = File::new(&lines.join("\n"));
    let printed = answer(&run(&["check", "--print", "-c", whole.path()]));
    for value in ["max_inflight = 100 ", "sticky.ttl = \"1h\" ", "hash = \"header:X-User\" ", "sni = true "] {
        assert!(printed.lines().any(|line| line.starts_with(value)), "{value}: {printed}");
    }
    assert!(answer(&run(&["check", "-c", whole.path()])).contains("valid: 2 listeners, 3 pools, 5 backends"));
}

#[test]
fn the_environment_counts_where_no_flag_speaks() {
    let mut command = evenkeel(&["check"]);
    let output = command.env("EVENKEEL_BACKEND", "127.0.0.1:1 127.0.0.1:2").output();
    assert!(answer(&output.unwrap()).contains("2 backends"));
    let mut command = evenkeel(&["check", "-b", "127.0.0.1:1"]);
    let output = command.env("EVENKEEL_HEALTH_INTERVAL", "5").output();
    assert!(refusal(&output.unwrap()).starts_with("EVENKEEL_HEALTH_INTERVAL: "));
}

#[test]
fn names_are_looked_up_by_the_host() {
    answer(&run(&["check", "-b", "localhost:8080"]));
    let text = refusal(&run(&["check", "-b", "nowhere.invalid:8080"]));
    assert!(text.contains("nowhere.invalid:8080"), "{text}");
}

#[test]
fn a_stream_that_nobody_reads_is_no_panic() {
    let gone = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let refused = evenkeel(&["--polcy"]).stderr(gone()).status().unwrap();
    assert_eq!(refused.code(), Some(2));
    let helped = evenkeel(&["--help"]).stdout(gone()).status().unwrap();
    assert_eq!(helped.code(), Some(0));
}

#[test]
fn print_ends_with_what_failing_costs_and_is_still_a_file() {
    let file = File::new("[pool.app]\nbackends = [\"127.0.0.1:1\"]\n");
    let text = answer(&run(&["check", "--print", "-c", file.path()]));
    let block = "# pool app: how a failing backend hurts\n#   refused  out within 7.8 s, or 3 failed requests in a row";
    assert!(text.contains(block), "{text}");
    let again = File::new(&text);
    assert_eq!(answer(&run(&["check", "-c", again.path()])).lines().count(), 1);
}

#[test]
fn ctl_tells_how_it_is_used_and_what_is_wrong() {
    let help = answer(&run(&["ctl", "--help"]));
    for word in ["state", "drain", "disable", "enable", "weight", "reload", "watch", "--admin", "--token", "POOL/NAME"]
    {
        assert!(help.contains(word), "{word}: {help}");
    }
    for args in [&["ctl"][..], &["ctl", "drain"], &["ctl", "weight", "a"], &["ctl", "rest"]] {
        assert!(refusal(&run(args)).contains("Usage"), "{args:?}");
    }
    let text = refusal(&run(&["ctl", "weight", "a", "257"]));
    assert!(text.starts_with("WEIGHT: bad number \"257\"") && text.contains("fix: "), "{text}");
    let text = refusal(&run(&["ctl", "state", "--token", "hush"]));
    assert!(text.starts_with("--token: ") && !text.contains("hush"), "{text}");
}

#[test]
fn a_token_is_asked_for_where_others_can_reach_the_admin_address_and_never_shown() {
    let secret = "0123456789abcdef";
    let file = File::new(&format!("admin = \"0.0.0.0:5002\"\n{GOOD}"));
    let text = refusal(&run(&["check", "-c", file.path()]));
    assert!(text.contains(":1:9: others can reach the admin address 0.0.0.0:5002"), "{text}");
    let token = File::new(secret);
    let named = File::new(&format!("admin = \"0.0.0.0:5002\"\nadmin_token_file = {:?}\n{GOOD}", token.path()));
    let printed = answer(&run(&["check", "-c", named.path(), "--print"]));
    assert!(printed.contains("admin_token_file = ") && !printed.contains(secret), "{printed}");
    let again = File::new(&printed);
    answer(&run(&["check", "-c", again.path()]));
    let own = File::new(&format!("admin_token = \"{secret}\"\n{GOOD}"));
    let printed = answer(&run(&["check", "-c", own.path(), "--print"]));
    assert!(printed.contains("# admin_token is set, and not shown") && !printed.contains(secret), "{printed}");
}

/// What a program makes of `text` on its standard input; none if this machine does not have it.
fn filter(program: &str, args: &[&str], text: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("{program} is not installed: left out");
        return None;
    };
    let mut into = child.stdin.take().unwrap();
    let text = text.to_string();
    let writer = std::thread::spawn(move || into.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap(); // it may have seen enough
    Some(output)
}

#[test]
fn a_shell_understands_its_completions() {
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = answer(&run(&["completions", shell]));
        for word in ["health-interval", "round-robin", "explain"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let Some(output) = filter(shell, check, &script) else { continue };
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
    }
    assert!(refusal(&run(&["completions", "bsh"])).contains("bash"));
    refusal(&run(&["completions"]));
}

#[test]
fn bash_completes_flags_and_words() {
    let script = answer(&run(&["completions", "bash"]));
    let offered = |words: &str| {
        let count = words.split(' ').count() - 1;
        let ask = format!("COMP_WORDS=({words}); COMP_CWORD={count}; last=${{COMP_WORDS[-1]}}\n");
        let tell = "_evenkeel evenkeel \"$last\" \"${COMP_WORDS[-2]}\"; echo \"${COMPREPLY[*]}\"\n";
        let output = filter("bash", &[], &format!("{script}\n{ask}{tell}"))?;
        Some(String::from_utf8(output.stdout).unwrap().trim().to_string())
    };
    let Some(tasks) = offered("evenkeel ch") else { return };
    assert_eq!(tasks, "check");
    assert_eq!(offered("evenkeel --policy ma").unwrap(), "maglev");
    assert_eq!(offered("evenkeel check --pr").unwrap(), "--print");
}

#[test]
fn the_manual_has_a_page_for_each_task_and_renders() {
    let pages = man::pages().unwrap();
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.first(), Some(&"evenkeel.1"));
    for name in ["evenkeel-run.1", "evenkeel-check.1", "evenkeel-demo.1", "evenkeel-completions.1"] {
        assert!(names.contains(&name), "{name}");
    }
    for (name, text) in &pages {
        let Some(output) = filter("groff", &["-man", "-Tascii", "-ww", "-P-cbou"], text) else { return };
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
        assert!(shown.contains("DESCRIPTION") && shown.contains("--help"), "{name}: {shown}");
        for word in ["--policy <NAME>", "evenkeel-check(1)", "EXIT STATUS", "HUP"] {
            assert!(shown.contains(word) || name != "evenkeel.1", "{word}: {shown}");
        }
    }
}
