//! The demo where there is no terminal: what it says on standard output, line by line, and of requests on stderr.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A demo whose lines are heard.
struct Told {
    child: Child,
    lines: [Receiver<String>; 2],
    base: u16,
}

impl Told {
    fn start(command: &mut Command) -> Told {
        let base = four_ports();
        let command = command.args(["demo", "--port-base", &base.to_string()]).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the built binary");
        let out = heard(child.stdout.take().unwrap());
        let err = heard(child.stderr.take().unwrap());
        Told { child, lines: [out, err], base }
    }

    /// The next line of standard output or stderr that contains all of this; those before it are passed over.
    #[track_caller]
    fn says(&self, stream: usize, words: &[&str]) -> String {
        loop {
            let line = self.lines[stream].recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("never said: {words:?}"));
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }
}

fn heard(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let all = BufReader::new(stream).lines().map_while(Result::ok);
        all.for_each(|line| _ = sender.send(line));
    });
    lines
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_tells_where_everything_is_and_what_happens_line_by_line() {
    let demo = Told::start(&mut Command::new(env!("CARGO_BIN_EXE_evenkeel")));
    let (base, admin) = (demo.base, local(demo.base + 3));
    for line in [
        format!("two backends: 127.0.0.1:{base} and 127.0.0.1:{}", base + 1),
        format!("balancer:     http://localhost:{}/", base + 2),
        format!("dashboard:    http://localhost:{}/", base + 3),
        format!("status:       http://localhost:{}/api/state", base + 3),
        format!("try:          curl http://localhost:{}/", base + 2),
    ] {
        assert_eq!(demo.says(0, &[]), line);
    }
    demo.says(1, &["listening on", "(admin"]);
    assert_eq!(Client::connect(local(base + 2)).get("/hello").status, 200);
    for words in [&["connection received from"][..], &["forwarding GET /hello to backend"], &["response 200 sent back"]]
    {
        demo.says(1, words);
    }
    act(admin, "{\"do\": \"load\"}");
    demo.says(0, &["s: started the gentle load"]);
    act(admin, "{\"do\": \"kill\", \"backend\": \"backend-2\"}");
    demo.says(0, &["s: killed backend-2"]);
    demo.says(0, &["backend-2 is down: connect: "]);
    act(admin, "{\"do\": \"restart\", \"backend\": \"backend-2\"}");
    demo.says(0, &["s: killed backend-2: ", " asked, ", " 0 failed, ", "backend-2 was taken out"]);
    demo.says(0, &["s: restarted backend-2"]);
    demo.says(0, &["backend-2 is back"]);
    act(admin, "{\"do\": \"load\"}"); // or it would be told after a while, by itself
    let line = demo.says(0, &["s: restarted backend-2: ", " ok, 0 failed, "]);
    assert!(!line.contains('\x1b'), "{line}");
}

#[test]
fn nobody_reads_what_it_says_and_it_goes_on() {
    let mut demo = Told::start(&mut Command::new(env!("CARGO_BIN_EXE_evenkeel")));
    demo.says(1, &["listening on", "(admin"]);
    demo.lines[0] = channel().1; // its other end is closed with the next line
    for round in 0..3 {
        act(local(demo.base + 3), "{\"do\": \"kill\", \"backend\": \"backend-1\"}");
        act(local(demo.base + 3), "{\"do\": \"restart\", \"backend\": \"backend-1\"}");
        until("its answer", || Client::connect(local(demo.base + 2)).get("/").status == 200);
        assert!(demo.child.try_wait().unwrap().is_none(), "round {round}");
    }
}
