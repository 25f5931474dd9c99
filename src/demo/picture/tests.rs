use super::*;

fn moment(now: f64, requests: u64) -> Value {
    let backend = |port: u16, state: &str| {
        json!({"name": format!("127.0.0.1:{port}"), "address": format!("127.0.0.1:{port}"), "state": state,
               "in_flight": 3, "requests": requests, "last_probe": "connect: refused\u{1b}[31m"})
    };
    let actor = |number: u16, manner: &str| json!({"name": format!("backend-{number}"), "address": format!("127.0.0.1:{}", 8079 + number), "manner": manner});
    let act = json!({"at": 12.34, "what": "killed backend-2", "why": "2 connections failed: no client noticed",
                     "clients": {"asked": 9, "ok": 8, "failed": 0, "refused": 0, "slowest_ms": 3.4}});
    json!({
        "uptime_seconds": 15, "open_connections": 4, "draining": false,
        "counters": {"finished": 2 * requests, "failed": 0},
        "pools": [{"name": "demo", "backends": [backend(8080, "up"), backend(8081, "down")]}],
        "demo": {"now": now, "load": true, "log": [act], "backends": [actor(1, "normal"), actor(2, "killed")]},
    })
}

fn picture(colours: bool) -> Picture {
    let mut picture = Picture::new("evenkeel demo".into(), colours);
    picture.add(moment(10.0, 100));
    picture.add(moment(12.0, 150));
    picture
}

/// The lines, without what moves the cursor.
fn lines(picture: &Picture, size: (usize, usize), log: &[String]) -> Vec<String> {
    let text = picture.draw(size, log);
    let text = text.strip_prefix("\x1b[H").and_then(|text| text.strip_suffix("\x1b[K\x1b[J")).expect("a frame");
    text.split("\x1b[K\n").map(String::from).collect()
}

#[test]
fn what_matters_is_there() {
    let log: Vec<String> = (0..9).map(|number| format!("INFO  line {number}")).collect();
    let expected = "\
evenkeel demo
up 15 s, 4 connections, 50.0 requests/s; 300 finished, 0 failed; load ON

    backend    state      req/s       p50       p99 in flight  is      
> 1 backend-1  up          25.0         -         -         3  normal   
  2 backend-2  down        25.0         -         -         3  killed   connect: refused?[31m

12.3 s: killed backend-2: 9 asked, 8 ok, 0 failed, slowest 3 ms
  2 connections failed: no client noticed

INFO  line 5
INFO  line 6
INFO  line 7
INFO  line 8
? help  1 2 choose a backend:  k kill  h hang  s slow  b break  r restart
q quit  clients:  l load  u burst  c slow-client  g garbage";
    assert_eq!(lines(&picture(false), (120, 24), &log).join("\n"), expected);
}

#[test]
fn no_line_is_longer_than_the_terminal_and_no_picture_higher() {
    let log = vec!["x".repeat(500); 9];
    for (columns, rows) in [(1, 1), (10, 3), (40, 8), (79, 11), (80, 24), (200, 50)] {
        let lines = lines(&picture(false), (columns, rows), &log);
        assert!(lines.len() <= rows, "{columns} x {rows}: {} lines", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= columns), "{columns} x {rows}: {lines:?}");
        let keys = if rows > 1 { "q quit  clients:" } else { "? help" };
        assert!(lines.last().unwrap().starts_with(keys.get(..columns.min(keys.len())).unwrap()), "{lines:?}");
    }
}

#[test]
fn without_colours_there_are_none_and_with_them_words_are_the_same() {
    let plain = picture(false).draw((120, 24), &[]);
    assert!(!plain.contains("\x1b[3") && !plain.contains("\x1b[1m"), "{plain:?}");
    let coloured = picture(true).draw((120, 24), &[]);
    assert!(coloured.contains("\x1b[32mup        \x1b[0m") && coloured.contains("\x1b[31mdown"), "{coloured:?}");
    let mut stripped = coloured;
    for code in [0, 1, 2, 31, 32, 33] {
        stripped = stripped.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn latency_is_that_of_the_last_moments() {
    let mut picture = Picture::new(String::new(), false);
    for (now, counts) in [(1.0, [100, 0, 0]), (2.0, [100, 60, 40])] {
        let mut moment = moment(now, 1);
        moment["latency_bounds_ms"] = json!([0.5, 1.0]);
        moment["pools"][0]["backends"][0]["latency"] = json!(counts);
        picture.add(moment);
    }
    let text = picture.draw((120, 24), &[]);
    assert!(text.contains(" <1 ms ") || text.contains(" <1.0 ms "), "{text}");
    assert!(text.contains(" >1 ms ") || text.contains(" >1.0 ms "), "{text}");
}

#[test]
fn what_came_of_an_act_is_folded_and_its_end_is_kept() {
    assert_eq!(fold("one two three: four", 9), ["one two", "three:", "four"]);
    assert_eq!(fold("one", 0), ["one"]);
    assert_eq!(fold("a b c d e f g: nobody noticed", 15), ["a b c d e f g:", "nobody noticed"]);
    assert_eq!(fold("a b c d e f g", 3), ["a b", "c d", "g"]);
}

#[test]
fn keys_ask_for_acts_of_the_chosen_backend() {
    let mut picture = picture(false);
    let act = |deed: &str, backend: &str| Asked::Act(json!({"do": deed, "backend": backend}).to_string());
    assert_eq!(picture.press(b"k"), [act("kill", "backend-1")]);
    assert_eq!(picture.press(b"2hs"), [act("hang", "backend-2"), act("slow", "backend-2")]);
    assert_eq!(picture.press(b"9b"), [act("break", "backend-2")], "there is no ninth");
    assert_eq!(picture.press(b"1r"), [act("restart", "backend-1")]);
    for (key, deed) in [(b"l", "load"), (b"u", "burst"), (b"c", "slow-client"), (b"g", "garbage")] {
        assert_eq!(picture.press(key), [Asked::Act(json!({"do": deed}).to_string())]);
    }
    assert_eq!(picture.press(b"q"), [Asked::Quit]);
    assert_eq!(picture.press(b"\x1b[A"), [], "an arrow is not a wish");
    assert_eq!(picture.press(b"xyz\x00\xff"), []);
    let mut empty = Picture::new(String::new(), false);
    assert_eq!(empty.press(b"k1k"), [], "nobody is there to be killed");
}

#[test]
fn help_says_what_each_key_does_and_a_note_lasts_until_the_next_key() {
    let mut picture = picture(false);
    picture.note("backend-1 is killed: restart it first\n");
    picture.press(b"");
    assert_eq!(lines(&picture, (80, 24), &[])[2], "backend-1 is killed: restart it first");
    picture.press(b"?");
    let all = lines(&picture, (80, 24), &[]);
    assert_eq!(all[2], "");
    for (key, deed, ..) in KEYS {
        assert!(all.iter().any(|line| line.trim_start().starts_with(&format!("{key}  {deed}"))), "{deed}");
    }
    picture.press(b"?");
    assert!(lines(&picture, (80, 24), &[]).iter().any(|line| line.contains("killed backend-2")));
}
