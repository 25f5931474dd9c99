//! Server-sent events, each awaited before the next is sent. Both ways at once is what WebSockets do in `python.rs`.

use super::chains::of;
use super::program::find;
use crate::support::*;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;

/// curl, not waited for, its ends in our hands; killed with its owner.
struct Curl(Child);

impl Curl {
    fn start(at: SocketAddr, target: &str) -> Curl {
        let mut command = Command::new("curl");
        command.args(["-sS", "--no-buffer", "--max-time", "30", &format!("http://{at}{target}")]);
        Curl(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("curl"))
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn events_arrive_one_by_one() {
    let Some(_curl) = find("curl") else { return };
    let (next, wanted) = channel::<u32>();
    let wanted = Mutex::new(wanted);
    let site = Backend::http("events", move |exchange| {
        exchange
            .wire
            .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for number in wanted.lock().unwrap().iter().take_while(|&number| number > 0) {
            let event = format!("data: {number}\n\n");
            exchange.wire.send(format!("{:x}\r\n{event}\r\n", event.len()))?;
        }
        exchange.wire.send("0\r\n\r\n")?;
        Ok(Then::Keep)
    });
    for chain in of(site.address) {
        eprintln!("{}", chain.name);
        let mut curl = Curl::start(chain.through, "/events");
        let mut lines = BufReader::new(curl.0.stdout.take().unwrap()).lines();
        for number in 1..=20 {
            next.send(number).unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), format!("data: {number}"));
            assert_eq!(lines.next().unwrap().unwrap(), "");
        }
        next.send(0).unwrap();
        assert!(lines.next().is_none());
        assert!(curl.0.wait().unwrap().success());
    }
}
