//! Speaking to a running balancer: `evenkeel ctl`, and curl.

use crate::support::balancer::{run, scratch};
use crate::support::*;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn command(to: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVENKEEL_")) {
        command.env_remove(name);
    }
    command.arg("ctl").args(args).args(["--admin", to]).stdin(Stdio::null());
    command
}

fn admin(balancer: &Balancer) -> String {
    balancer.admin.expect("an admin address").to_string()
}

/// What the command line says: exit code, stdout and stderr.
#[track_caller]
fn ctl(balancer: &Balancer, args: &[&str]) -> (Option<i32>, String, String) {
    told(command(&admin(balancer), args).output().expect("the built binary"))
}

fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The cells of a line of a table.
fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[track_caller]
fn state_of(balancer: &Balancer, backend: &Backend) -> String {
    let state = balancer.state();
    let all = state["pools"][0]["backends"].as_array().expect("backends").clone();
    let own = all.iter().find(|one| one["name"] == backend.address.to_string()).expect("the backend");
    own["state"].as_str().expect("a state").to_string()
}

#[test]
fn the_words_of_ctl_do_what_they_say() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    let name = one.address.to_string();
    let full = format!("main/{name}");
    for (args, state, weight) in [
        (vec!["drain", &name], "draining", "1"),
        (vec!["enable", &name], "unproven", "1"),
        (vec!["disable", &full], "disabled", "1"),
        (vec!["enable", &full], "unproven", "1"),
        (vec!["weight", &name, "0"], "draining", "0"),
        (vec!["weight", &name, "7"], "unproven", "7"),
    ] {
        let (code, table, why) = ctl(&balancer, &args);
        assert_eq!((code, &*why), (Some(0), ""), "{args:?}");
        let line = table.lines().nth(1).expect("a backend");
        assert_eq!(&cells(line)[..5], ["main", &name, state, "0s", weight], "{args:?}: {table}");
        assert_eq!(table.lines().count(), 2, "{table}");
        assert_eq!(state_of(&balancer, &one), state, "{args:?}");
        assert_eq!(state_of(&balancer, &two), "unproven");
    }
    let (code, table, _) = ctl(&balancer, &["state"]);
    assert_eq!(code, Some(0));
    assert!(table.starts_with(&format!("evenkeel {}, up ", env!("CARGO_PKG_VERSION"))), "{table}");
    assert!(
        table.contains(&format!("{} -> ", balancer.address)) && table.contains(&two.address.to_string()),
        "{table}"
    );
    let (_, json, _) = ctl(&balancer, &["state", "--json"]);
    let state: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(state["pools"][0]["backends"][0]["weight"], 7);
}

#[test]
fn what_cannot_be_done_is_told_with_1() {
    let one = Backend::named("one");
    let balancer = Balancer::before(&[&one], &["--health", "off"]);
    let (code, out, why) = ctl(&balancer, &["drain", "127.0.0.1:1"]);
    let known = format!("evenkeel: no backend is called \"127.0.0.1:1\"; there are main/{}\n", one.address);
    assert_eq!((code, &*out, why), (Some(1), "", known));
    let (_held, nobody) = refusing();
    let (code, _, why) = told(command(&nobody.to_string(), &["state"]).output().unwrap());
    assert_eq!(code, Some(1));
    assert!(why.starts_with(&format!("evenkeel: cannot ask {nobody}: ")) && why.contains("fix: "), "{why}");
    let (code, _, why) = told(command(&one.address.to_string(), &["state"]).output().unwrap());
    assert_eq!(code, Some(1));
    assert!(why.contains("does not answer as a balancer does"), "{why}");
}

#[test]
fn a_backend_of_several_pools_is_meant_in_all_of_them_or_in_one() {
    let one = Backend::named("one");
    let pool = |name: &str| format!("[pool.{name}]\nbackends = [\"{}\"]\nhealth = {{ kind = \"off\" }}\n", one.address);
    let text = format!(
        "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"a\"\n\
         route = [{{ path = \"/b\", pool = \"b\" }}]\n{}{}",
        pool("a"),
        pool("b")
    );
    let file = scratch(&text);
    let balancer = Balancer::start(&["-c", file.path()]);
    let name = one.address.to_string();
    let states = |table: &str| table.lines().skip(1).map(|line| cells(line)[2].to_string()).collect::<Vec<_>>();
    let (_, table, _) = ctl(&balancer, &["drain", &format!("b/{name}")]);
    assert_eq!(states(&table), ["draining"]);
    assert_eq!(balancer.state()["pools"][0]["backends"][0]["state"], "unproven");
    let ready = Client::connect(balancer.admin.unwrap()).get("/readyz");
    assert_eq!((ready.status, ready.text().as_str()), (503, "not ready: no backend of pool b is up\n"));
    let (_, table, _) = ctl(&balancer, &["disable", &name]);
    assert_eq!(states(&table), ["disabled", "disabled"]);
    let (_, table, _) = ctl(&balancer, &["enable", &name]);
    assert_eq!(states(&table), ["unproven", "unproven"]);
    assert_eq!(Client::connect(balancer.admin.unwrap()).get("/readyz").text(), "ready\n");
}

#[test]
fn watch_shows_the_state_again_and_again_and_ends_with_who_reads_it() {
    let one = Backend::named("one");
    let balancer = Balancer::before(&[&one], &["--health", "off"]);
    let (code, text, _) = ctl(&balancer, &["watch", "--interval", "1ms", "--count", "3"]);
    assert_eq!(code, Some(0));
    assert_eq!(text.matches("evenkeel ").count(), 3, "{text}");
    assert!(!text.contains('\u{1b}'), "no terminal, no orders to it: {text:?}");
    let mut endless = command(&admin(&balancer), &["watch", "--interval", "1ms"]);
    let mut child = endless.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the built binary");
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap(); // and closes it
    assert!(first.starts_with("evenkeel "), "{first}");
    let mut why = String::new();
    child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*why), (Some(0), ""));
}

#[test]
fn others_are_let_near_with_a_token_only_and_nothing_tells_it() {
    let one = Backend::named("one");
    let at = one.address.to_string();
    let args = ["-l", "127.0.0.1:0", "-b", &at, "--health", "off", "--admin", "0.0.0.0:0"];
    let (code, why) = run(&args);
    assert_eq!(code, Some(2));
    assert!(why.starts_with("--admin: others can reach the admin address 0.0.0.0:0"), "{why}");
    let mut args = args.to_vec();
    args.push("-vv");
    let balancer = Balancer::start_with(&[("EVENKEEL_ADMIN_TOKEN", TOKEN)], &args);
    let near = format!("127.0.0.1:{}", balancer.admin.unwrap().port());
    let mut client = Client::connect(near.parse().unwrap());
    assert_eq!((client.get("/healthz").status, client.get("/readyz").status), (200, 200));
    assert_eq!(client.get("/api/state").status, 401);
    let (code, _, why) = told(command(&near, &["drain", &at]).output().unwrap());
    assert_eq!(code, Some(1));
    assert!(why.contains("wants to be shown a token") && why.contains("EVENKEEL_ADMIN_TOKEN"), "{why}");
    let (code, _, why) = told(command(&near, &["state", "--token", "another-token-of-ours"]).output().unwrap());
    assert!(code == Some(1) && why.contains("knows another token"), "{why}");
    let (code, table, _) = told(command(&near, &["drain", &at]).env("EVENKEEL_ADMIN_TOKEN", TOKEN).output().unwrap());
    assert!(code == Some(0) && table.contains("draining"), "{table}");
    let file = scratch(&format!("{TOKEN}\n"));
    let (code, table, _) = told(command(&near, &["enable", &at, "--token-file", file.path()]).output().unwrap());
    assert!(code == Some(0) && table.contains("unproven"), "{table}");
    balancer.signal(rustix::process::Signal::USR1); // all of its state
    balancer.wait_for_line("asked for the state");
    assert!(balancer.lines(&[TOKEN]).is_empty());
}

#[test]
fn a_path_is_spoken_to_as_an_address_is() {
    let (one, nook) = (Backend::named("one"), Nook::new());
    let (at, door) = (one.address.to_string(), nook.address("admin"));
    let _balancer = Balancer::start(&["-l", "127.0.0.1:0", "-b", &at, "--health", "off", "--admin", &door]);
    let (code, table, why) = told(command(&door, &["drain", &at]).output().unwrap());
    assert_eq!((code, &*why), (Some(0), ""));
    assert!(table.contains("draining"), "{table}");
}

/// curl with these arguments: what it writes. None: there is no curl here.
#[track_caller]
fn curl(args: &[&str]) -> Option<String> {
    let output = match Command::new("curl").args(["-sS", "-w", "%{http_code}"]).args(args).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("left out, there is no curl: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn backends_come_and_go_by_curl_and_no_request_is_lost() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    let url = |backend: &Backend| format!("http://{}/api/backends/{}", admin(&balancer), backend.address);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = balancer.client();
                    let mut count = 0;
                    while !over.load(Ordering::SeqCst) {
                        assert_eq!(client.get("/").status, 200); // kept alive: a close would be an error as well
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let stop = Stop(&over);
        for round in 0..20 {
            let (gone, stays) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            let action = if round % 4 < 2 { "drain" } else { "disable" };
            let Some(said) = curl(&[
                "-H",
                "Content-Type: application/json",
                "-d",
                &format!("{{\"action\":\"{action}\"}}"),
                &url(gone),
            ]) else {
                break;
            };
            assert!(said.ends_with("200"), "{said}");
            let requests = |name: &Backend| {
                let state = balancer.state();
                let all = state["pools"][0]["backends"].as_array().unwrap().clone();
                let own = all.into_iter().find(|it| it["name"] == name.address.to_string()).unwrap();
                (own["in_flight"].as_u64().unwrap(), own["requests"].as_u64().unwrap())
            };
            until("it is empty", || requests(gone).0 == 0);
            let (frozen, before) = (requests(gone).1, requests(stays).1);
            until("the other one works", || requests(stays).1 >= before + 20);
            assert_eq!(requests(gone).1, frozen, "nothing new goes there");
            let said = curl(&["-X", "POST", &format!("{}?action=enable", url(gone))]).expect("curl");
            assert!(said.ends_with("200"), "{said}");
        }
        drop(stop);
        let done: u64 = workers.into_iter().map(|worker| worker.join().expect("no request is lost")).sum();
        assert!(done > 0);
    });
    let state = balancer.state();
    assert_eq!(
        (&state["counters"]["failed"], &state["counters"]["reasons"]["no_backend"]),
        (&0.into(), &serde_json::Value::Null)
    );
}

#[test]
fn backends_come_and_go_and_the_file_has_the_last_word() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let text = format!(
        "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"main\"\n\
         [pool.main]\nbackends = [\"{}\"]\nhealth = {{ kind = \"off\" }}\n",
        one.address
    );
    let file = scratch(&text);
    let balancer = Balancer::start(&["-c", file.path()]);
    let mut client = balancer.client();
    let added = format!("main/{}", two.address);
    let (code, said, error) = ctl(&balancer, &["add", &added]);
    assert!(code == Some(0) && said.contains(&two.address.to_string()), "{said}{error}");
    let mut served: Vec<String> = (0..4).map(|_| client.get("/").text()).collect();
    served.sort();
    assert_eq!(served, ["one", "one", "two", "two"]);
    assert_eq!(ctl(&balancer, &["remove", &one.address.to_string()]).0, Some(0));
    assert_eq!((0..3).map(|_| client.get("/").text()).collect::<Vec<_>>(), ["two"; 3]);
    let (code, _, error) = ctl(&balancer, &["remove", &added]);
    assert!(code == Some(1) && error.contains("is the last one of pool main"), "{error}");
    let (code, said, error) = ctl(&balancer, &["reload"]);
    assert!(
        code == Some(0) && said.contains("reloaded: ") && said.contains("backends: 1 added, 1 removed"),
        "{said}{error}"
    );
    assert_eq!((0..3).map(|_| client.get("/").text()).collect::<Vec<_>>(), ["one"; 3]);
    std::fs::write(file.path(), text.replace("pool =", "pol =")).unwrap();
    let (code, _, error) = ctl(&balancer, &["reload"]);
    assert!(code == Some(1) && error.contains("did you mean \"pool\"?"), "{error}");
    assert_eq!(client.get("/").text(), "one");
    assert_eq!(balancer.state()["counters"]["accepted"], 1);
}
