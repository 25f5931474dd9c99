//! `/metrics`: the numbers are those of what happened, in a form that Prometheus has no complaint about.

use crate::support::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

/// A page, by series.
struct Page {
    text: String,
    series: BTreeMap<String, f64>,
}

impl Page {
    #[track_caller]
    fn of(balancer: &Balancer) -> Page {
        let answer = Client::connect(balancer.admin.expect("an admin address")).get("/metrics");
        assert_eq!(answer.head.get("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let text = answer.text();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let parsed = samples.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            (series.to_string(), value.parse().unwrap_or_else(|_| panic!("{line}")))
        });
        let series: BTreeMap<String, f64> = parsed.collect();
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(series.len(), lines, "a series stands there twice");
        Page { series, text }
    }

    /// The value of one series, without the prefix that all have.
    #[track_caller]
    fn get(&self, series: &str) -> f64 {
        let found = self.series.get(&format!("evenkeel_{series}"));
        *found.unwrap_or_else(|| panic!("there is no {series} in\n{}", self.text))
    }

    /// What all series of a family come to whose labels contain `part`.
    fn sum(&self, family: &str, part: &str) -> f64 {
        let name = format!("evenkeel_{family}");
        let of = |series: &str| series.split('{').next() == Some(&name) && series.contains(part);
        self.series.iter().filter(|(series, _)| of(series)).map(|(_, value)| value).sum()
    }

    /// The names that its types tell of.
    fn families(&self) -> BTreeSet<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
    }
}

fn labels(backend: &Backend) -> String {
    format!("{{pool=\"main\",backend=\"{}\"", backend.address)
}

#[test]
fn what_happened_is_what_is_told() {
    let ill = Backend::http("ill", |exchange| exchange.answer("503 Service Unavailable", "", b"not now"));
    let well = Backend::named("well");
    let balancer = Balancer::with_file(&[&ill, &well], "http", "retry_on = [503]");
    let mut client = balancer.client();
    (0..6).for_each(|_| assert_eq!(client.get("/").text(), "well"));
    assert_eq!(client.with_body("PUT", "/", &[b'x'; 1000]).text(), "well");
    assert_eq!(balancer.client().raw("GET", "GET / HTTP/1.1\r\n\r\n").status, 400);
    let (page, state) = (Page::of(&balancer), balancer.state());
    let (turned_down, served) = (ill.requests().len() as f64, well.requests().len() as f64);
    assert!(turned_down > 0.0);

    assert_eq!(page.get("requests_total{pool=\"main\",class=\"2xx\",reason=\"finished\"}"), 7.0);
    assert_eq!(page.get("requests_total{pool=\"\",class=\"4xx\",reason=\"host_missing\"}"), 1.0);
    assert_eq!(page.sum("requests_total", ""), 8.0);
    assert_eq!(page.get("request_duration_seconds_count{pool=\"main\"}"), 7.0);
    assert_eq!(page.get("request_duration_seconds_bucket{pool=\"main\",le=\"+Inf\"}"), 7.0);
    assert_eq!(page.get("retries_total{pool=\"main\",reason=\"status\"}"), turned_down);
    assert_eq!(page.sum("retries_total", ""), turned_down);
    assert_eq!(page.get(&format!("backend_requests_total{}}}", labels(&ill))), turned_down);
    assert_eq!(page.get(&format!("backend_requests_total{}}}", labels(&well))), served);
    assert_eq!(page.get(&format!("backend_connects_total{}}}", labels(&well))), well.accepted() as f64);
    assert!(page.get(&format!("backend_connect_seconds_total{}}}", labels(&well))) > 0.0);
    assert_eq!(page.get("connections_accepted_total{listener=\"main\"}"), 2.0);
    let found = ["hit", "miss"].map(|word| page.get(&format!("upstream_lookups_total{{result=\"{word}\"}}")));
    assert_eq!(found.iter().sum::<f64>(), served + turned_down);
    assert_eq!(found[1], (ill.accepted() + well.accepted()) as f64);

    let counters = &state["counters"];
    let told = |name: &str| counters[name].as_f64().unwrap_or_else(|| panic!("no {name} in {counters}"));
    assert_eq!(told("admitted") + told("refused") + told("answered"), page.sum("requests_total", ""));
    assert_eq!(told("retries"), page.sum("retries_total", ""));
    assert_eq!(told("bytes_up"), page.get("transferred_bytes_total{direction=\"up\"}"));
    assert_eq!(told("bytes_down"), page.get("transferred_bytes_total{direction=\"down\"}"));
    assert_eq!(told("accepted"), page.sum("connections_accepted_total", ""));
    let reads = state["calls"]["read"].as_f64().unwrap();
    assert!(reads >= page.get("system_calls_total{call=\"read\"}"), "it has only read on since");
}

#[test]
fn bytes_of_a_tunnel_are_counted_and_its_duration_is_no_requests() {
    let backend = Backend::tcp("echo", backend::echo);
    let balancer = Balancer::before(&[&backend], &["--mode", "tcp", "--health", "off"]);
    let mut client = balancer.client();
    client.send([7; 12_345]).unwrap();
    until("it is under way", || Page::of(&balancer).get("requests_in_flight") == 1.0);
    assert_eq!(Page::of(&balancer).get("connections_open{listener=\"main\"}"), 1.0);
    client.finish().unwrap();
    assert_eq!(client.remainder().unwrap().len(), 12_345);
    until("it is over", || Page::of(&balancer).get("requests_in_flight") == 0.0);
    let page = Page::of(&balancer);
    let ways = ["up", "down"].map(|way| page.get(&format!("transferred_bytes_total{{direction=\"{way}\"}}")));
    assert_eq!(ways, [12_345.0; 2]);
    assert_eq!(page.get("requests_total{pool=\"main\",class=\"none\",reason=\"finished\"}"), 1.0);
    assert_eq!(page.sum("requests_total", ""), 1.0);
    assert_eq!(page.get("request_duration_seconds_count{pool=\"main\"}"), 0.0);
    assert_eq!(page.get("connections_open{listener=\"main\"}"), 0.0);
}

#[test]
fn a_backend_goes_down_to_0_and_comes_back_to_1() {
    let (one, mut two) = (Backend::named("one"), Backend::named("two"));
    let health = "path = \"/\", interval = \"100ms\", timeout = \"5s\", fall = 1, rise = 1";
    let balancer = Balancer::with_health(&[&one, &two], "http", health, "");
    let whose = labels(&two);
    let up = format!("backend_up{}}}", whose);
    let state = |word: &str| format!("backend_state{},state=\"{word}\"}}", whose);
    let to = |word: &str| format!("backend_transitions_total{},to=\"{word}\"}}", whose);
    until("it is proven", || Page::of(&balancer).get(&state("up")) == 1.0);
    assert_eq!(Page::of(&balancer).get(&up), 1.0);
    two.kill();
    until("it is down", || Page::of(&balancer).get(&up) == 0.0);
    let page = Page::of(&balancer);
    assert_eq!([page.get(&state("down")), page.get(&state("up")), page.get(&to("down"))], [1.0, 0.0, 1.0]);
    assert!(page.get(&format!("backend_probes_total{},result=\"failed\"}}", whose)) >= 1.0);
    assert_eq!(page.get(&format!("backend_up{}}}", labels(&one))), 1.0);
    two.restart();
    until("it is back", || Page::of(&balancer).get(&up) == 1.0);
    let page = Page::of(&balancer);
    assert_eq!([page.get(&to("up")), page.get(&to("down"))], [2.0, 1.0], "proven, down, and up again");
    assert!(page.get(&format!("backend_probes_total{},result=\"passed\"}}", whose)) >= 2.0);
}

#[test]
fn who_is_shed_is_told_by_reason() {
    let backend = Backend::named("one");
    let limit = "[listener.main.client_limit]\nrequests = \"1/h\"";
    let balancer = Balancer::with_file(&[&backend], "http", limit);
    let mut client = balancer.client();
    assert_eq!([client.get("/").status, client.get("/").status], [200, 429]);
    let page = Page::of(&balancer);
    assert_eq!(page.get("shed_total{reason=\"client_requests\"}"), 1.0);
    assert_eq!(page.sum("shed_total", ""), 1.0);
    assert_eq!(page.get("requests_total{pool=\"\",class=\"4xx\",reason=\"client_requests\"}"), 1.0);
}

#[test]
fn the_loop_tells_what_it_does_and_how_long_it_has_run() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    (0..10).for_each(|_| assert_eq!(balancer.client().get("/").status, 200));
    let page = Page::of(&balancer);
    let (busy, waited) = (page.get("loop_busy_seconds_total"), page.get("loop_waited_seconds_total"));
    let up = page.get("process_uptime_seconds");
    assert!(busy > 0.0 && waited > 0.0 && (busy + waited - up).abs() < 1e-6, "{busy} and {waited} of {up}");
    assert_eq!(page.get("loop_turn_duration_seconds_sum"), busy);
    let turns = page.sum("loop_wakeups_total", "");
    assert_eq!(page.get("loop_turn_duration_seconds_count"), turns - 1.0, "all but the present one");
    assert_eq!(page.get("system_calls_total{call=\"wait\"}"), turns);
    assert!(page.get("process_start_time_seconds") > 1.7e9);
    assert_eq!(page.get(&format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    for quiet in ["loop_stuck_total", "accounting_violations_total", "log_dropped_total", "access_log_lines_total"] {
        assert_eq!(page.get(quiet), 0.0, "{quiet}");
    }
    assert_eq!(page.get("receipts"), 10.0);
}

#[test]
fn who_asks_for_open_metrics_gets_them() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = Client::connect(balancer.admin.unwrap());
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    let answer = client.raw("GET", format!("GET /metrics?x=y HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n\r\n"));
    let kind = answer.head.get("content-type");
    assert_eq!(kind, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let text = answer.text();
    assert!(text.ends_with("\n# EOF\n") && text.contains("# TYPE evenkeel_requests counter\n"), "{text}");
    assert!(text.contains("\nevenkeel_requests_total{"), "{text}");
}

/// What promtool says of a page; none if it is not there.
fn promtool(page: &str) -> Option<String> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        child => child.expect("promtool"),
    };
    child.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    Some(format!("{:?}: {}", output.status.code(), String::from_utf8_lossy(&said)))
}

/// With a name that has to be escaped: only a path can be one.
#[test]
fn promtool_has_no_complaint() {
    let (nook, one) = (Nook::new(), Backend::named("one"));
    let odd = nook.address("a\"b\\c");
    let text = format!(
        "admin = \"127.0.0.1:0\"\n[listener.web]\nbind = \"127.0.0.1:0\"\npool = \"app\"\n[pool.app]\n\
         backends = [\"{}\", '{odd}']\nhealth = {{ kind = \"off\" }}\n",
        one.address
    );
    let balancer = Balancer::start(&["-c", balancer::scratch(&text).path()]);
    (0..4).for_each(|_| assert_eq!(balancer.client().get("/").status, 200));
    assert_eq!(balancer.client().raw("GET", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
    let page = Page::of(&balancer);
    let escaped = odd.replace('\\', "\\\\").replace('"', "\\\"");
    assert!(page.get(&format!("backend_connect_failures_total{{pool=\"app\",backend=\"{escaped}\"}}")) > 0.0);
    match promtool(&page.text) {
        None => println!("promtool is not installed, nothing checked"),
        Some(said) => assert_eq!(said, "Some(0): ", "of\n{}", page.text),
    }
}

/// Every name of ours in some text.
fn names(text: &str) -> BTreeSet<&str> {
    let parts = text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_'));
    parts.filter(|word| word.len() > 9 && word.starts_with("evenkeel_")).collect()
}

/// Every text in some JSON.
fn texts<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => found.push(text),
        serde_json::Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        serde_json::Value::Object(all) => all.values().for_each(|one| texts(one, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_the_readme_name_what_there_is() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let client = balancer.client();
    drop(client);
    until("a connection has ended", || Page::of(&balancer).sum("endings_total", "") > 0.0);
    let page = Page::of(&balancer);
    let families = page.families();
    let there = |name: &str| {
        let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        families.contains(name) || families.contains(bare)
    };
    let file = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let dashboard: serde_json::Value = serde_json::from_str(&file("scripts/deploy/grafana.json")).expect("JSON");
    let mut said = Vec::new();
    texts(&dashboard, &mut said);
    let drawn: BTreeSet<&str> = said.into_iter().flat_map(names).collect();
    assert!(drawn.len() > 20, "{drawn:?}");
    let unknown: Vec<_> = drawn.into_iter().filter(|name| !there(name)).collect();
    assert!(unknown.is_empty(), "the dashboard draws what there is not: {unknown:?}");

    let readme = file("README.md");
    let section = readme.split("\n### Metrics\n").nth(1).and_then(|rest| rest.split("\n### ").next());
    let told = names(section.expect("a section on metrics"));
    let unknown: Vec<_> = told.iter().filter(|name| !there(name)).collect();
    assert!(unknown.is_empty(), "the README tells of what there is not: {unknown:?}");
    let untold: Vec<_> = families.iter().filter(|name| !told.contains(*name)).collect();
    assert!(untold.is_empty(), "the README does not tell of {untold:?}");
}

/// A listener of the same name in another mode, a pool less and a pool that comes back: no series stands there twice, none
/// of what is gone stays, and what returns goes on counting.
#[test]
fn a_reload_leaves_no_series_of_what_is_gone() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let text = |mode: &str, second: bool| {
        let pool = |name: &str, backend: &Backend| {
            format!("[pool.{name}]\nbackends = [\"{}\"]\nhealth = {{ kind = \"off\" }}\n", backend.address)
        };
        let to = if second { "second" } else { "first" };
        let pools = pool("first", &one) + &if second { pool("second", &two) } else { String::new() };
        format!(
            "admin = \"127.0.0.1:0\"\n[listener.web]\nbind = \"127.0.0.1:0\"\nmode = \"{mode}\"\npool = \"{to}\"\n{pools}"
        )
    };
    let file = balancer::scratch(&text("http", true));
    let balancer = Balancer::start(&["-c", file.path()]);
    assert_eq!(balancer.client().get("/").text(), "two");
    let there = |page: &Page| page.series.keys().any(|series| series.contains("pool=\"second\""));
    assert!(there(&Page::of(&balancer)));
    let reload = |mode: &str, second: bool, times: usize| {
        std::fs::write(file.path(), text(mode, second)).expect("the scratch folder");
        balancer.signal(rustix::process::Signal::HUP);
        until("the reload", || Page::of(&balancer).get("reloads_total{result=\"taken\"}") == times as f64);
    };
    reload("tcp", false, 1);
    let page = Page::of(&balancer);
    assert!(!there(&page), "{}", page.text);
    assert_eq!(page.get("connections_accepted_total{listener=\"web\"}"), 0.0, "in TCP mode it is another one");
    reload("http", true, 2);
    let page = Page::of(&balancer);
    assert_eq!(page.get("requests_total{pool=\"second\",class=\"2xx\",reason=\"finished\"}"), 1.0);
    assert_eq!(page.get("connections_accepted_total{listener=\"web\"}"), 1.0);
}
