//! Bytes pass as they come, both ways at once.

use super::play::{Play, play};
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn the_first_bytes_of_a_response_pass_before_the_last_ones_exist() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n");
        client.hears_head("HTTP/1.1 200 OK");
        for piece in ["h", "ello", " wor"] {
            backend.says(piece);
            client.hears(piece);
        }
        backend.says("ld");
        client.hears("ld");
        client.is_kept_alive();
    });
}

#[test]
fn the_first_bytes_of_a_request_pass_before_the_last_ones_exist() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        for piece in ["h", "ello", " wor", "ld"] {
            client.says(piece);
            backend.hears(piece);
        }
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn chunks_pass_one_by_one() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        for piece in ["a", "bc", "def"] {
            client.says(format!("{}\r\n{piece}\r\n", piece.len()));
            backend.hears_chunks(piece);
        }
        client.says("0\r\n\r\n");
        backend.hears_chunked("", "");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_part_of_a_chunk_passes_before_the_rest_exists() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{CHUNKED}a\r\nhello"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears_chunks("hello");
        backend.says("world\r\n0\r\n\r\n");
        client.hears_chunked("world", "");
        client.is_kept_alive();
    });
}

#[test]
fn server_sent_events_pass_one_by_one() {
    Play::new().needs_edges().run(|s| {
        let client = s.client();
        client.says("GET /events HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
        let backend = s.backend_hears_request("GET /events HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"); // until it closes
        client.hears_head("HTTP/1.1 200 OK").has(&["Content-Type: text/event-stream", "Transfer-Encoding: chunked"]);
        for _ in 0..5 {
            backend.says("data: x\n\n");
            client.hears_chunks("data: x\n\n");
        }
        client.resets();
        backend.hears_reset_or_close();
    });
}

#[test]
fn an_answer_may_begin_before_its_request_is_over() {
    play(|s| {
        let client = s.client();
        client.says("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        let backend = s.backend_hears_request("POST /echo HTTP/1.1");
        backend.hears_chunks("a");
        backend.says(CHUNKED);
        client.hears_head("HTTP/1.1 200 OK");
        for letter in ["a", "b", "c"] {
            client.says(format!("1\r\n{letter}\r\n"));
            backend.hears_chunks(letter);
            backend.says(format!("1\r\n{letter}\r\n"));
            client.hears_chunks(letter);
        }
        client.says("0\r\n\r\n");
        backend.hears_chunked("", "");
        backend.says("0\r\n\r\n");
        client.hears_chunked("", "");
        client.is_kept_alive();
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1");
    });
}

#[test]
fn a_tunnel_passes_single_bytes_both_ways() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        client.hears_head("HTTP/1.1 101 Switching Protocols");
        for byte in [b"\0", b"a", b"\r", b"\n", b"\xff"] {
            client.says(byte);
            backend.hears(byte);
            backend.says(byte);
            client.hears(byte);
        }
    });
}

/// That its destination has something to say tells nothing of what comes from the source; that a moment brought nothing,
/// or little, does.
#[test]
fn what_comes_in_bulk_goes_through_pipes_until_little_comes() {
    let tiny = Play::new().limits(|limits| limits.bulk = 8).calm().needs_edges();
    tiny.simulated_only("how much real kernels have at once is chance").run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 145\r\n\r\n");
        client.hears_head("HTTP/1.1 200 OK");
        let pass = |piece: &str, piped: u64| {
            let before = s.stats().bytes_spliced;
            backend.says(piece);
            client.hears(piece);
            s.check(s.stats().bytes_spliced - before == piped, &format!("of {piece:?} {piped} bytes are piped"));
        };
        pass("so much is promised that it is pulled", 37);
        client.says("GET /next"); // wakes the flow, and nothing is there
        s.time_passes(Duration::from_millis(1));
        pass("so is the one behind it.......", 30);
        pass("few", 3);
        s.time_passes(Duration::from_millis(20));
        for byte in ["1", "2", "3"] {
            s.takes_at_most(Duration::from_millis(1), || pass(byte, 0));
            s.time_passes(Duration::from_millis(20));
        }
        pass("so little came lately that this is read ........", 0);
        pass("the next is pulled .....", 24);
    });
}

/// However much is promised: what has come is not kept waiting for the rest, and who waits for nothing is not looked after.
#[test]
fn a_source_that_pauses_in_the_middle_of_much_is_heard_in_a_moment() {
    const WHOLE: usize = 200_000;
    Play::new().calm().run(|s| {
        let client = s.client();
        let piece = "x".repeat(WHOLE / 4);
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("HTTP/1.1 200 OK\r\nContent-Length: {WHOLE}\r\n\r\n{piece}"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears(&piece);
        for _ in 0..2 {
            s.time_passes(Duration::from_millis(50));
            let before = s.stats().came_due;
            s.time_passes(Duration::from_millis(50));
            s.check(s.stats().came_due == before, "who has looked in vain does not look again");
            backend.says(&piece);
            client.hears(&piece);
        }
        backend.says(&piece);
        client.hears(&piece);
        client.is_kept_alive();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
        s.backend_hears_request("POST / HTTP/1.1"); // on the connection that much was expected from
        for _ in 0..3 {
            client.says(&piece);
            backend.hears(&piece);
        }
        backend.says("HTTP/1.1 413 Content Too Large\r\nContent-Length: 1\r\n\r\n!"); // while more is expected
        client.hears_message("HTTP/1.1 413 Content Too Large", "!");
        client.says(&piece);
        client.hears_end();
    });
}

/// Bytes after those that were expected are heard when they come, and not when somebody looks.
#[test]
fn after_much_little_is_heard_at_once() {
    Play::new().calm().simulated_only("real time is not to be measured in a test").run(|s| {
        let client = s.client();
        let body = "x".repeat(150_000);
        for _ in 0..3 {
            client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 150000\r\n\r\n");
            let backend = s.backend_hears_request("POST / HTTP/1.1");
            client.says(&body);
            backend.hears(&body);
            backend.says("HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n");
            client.hears_head("HTTP/1.1 200 OK");
            backend.says(&body);
            client.hears(&body);
            s.takes_at_most(Duration::from_millis(2), || {
                client.says(GET);
                s.backend_hears_request("GET / HTTP/1.1");
                backend.says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                client.hears_message("HTTP/1.1 200 OK", "ok");
            });
        }
        s.backends_were_called(1);
    });
}

/// Who cannot pass on what is there is not woken by what comes behind it, and misses neither that nor its end.
#[test]
fn what_cannot_be_passed_on_wakes_nobody() {
    let play = Play::new().calm().needs_edges().simulated_only("how much a real kernel takes is chance");
    play.run(|s| {
        for (length, ends) in [("Content-Length: 110000\r\n", false), ("", true)] {
            let (client, piece) = (s.client(), "x".repeat(1000));
            client.says(GET);
            let backend = s.backend_hears_request("GET / HTTP/1.1");
            backend.says(format!("HTTP/1.1 200 OK\r\n{length}\r\n"));
            client.hears_head("HTTP/1.1 200 OK");
            client.stops_listening();
            let woken_by = |pieces| {
                let before = s.stats();
                (0..pieces).for_each(|_| {
                    backend.says(&piece);
                    s.blink();
                });
                let now = s.stats();
                (now.turns - now.turns_in_vain) - (before.turns - before.turns_in_vain)
            };
            s.check(woken_by(75) > 10, "what can be passed on is");
            s.check(woken_by(35) < 3, "what cannot is left alone");
            if ends {
                backend.ends();
            }
            client.listens_again();
            match ends {
                true => client.hears_chunked("x".repeat(110_000), ""),
                false => client.hears("x".repeat(110_000)),
            }
            client.is_kept_alive();
        }
    });
}
