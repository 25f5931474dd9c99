//! evenkeel: a load balancer for HTTP/1.1 and TCP. One thread, one poll loop, and the same code on the kernel and on a
//! simulated one. This page is the map of the house: read it first, then follow the [reading order](#reading-order).
//!
//! # Floors
//!
//! A module imports from its own floor and those below, never from above; `tests/floors.rs` fails when one does.
//!
//! | floor | modules | what stands there |
//! |---|---|---|
//! | 5 | [`proxy`], [`admin`], [`demo`], [`run`] | who owns which socket; the one loop and what it drives; a process around it |
//! | 4 | [`net`], [`host`] | all that is asked of an operating system: sockets, and the rest |
//! | 3 | [`balance`] | judgement: which backend is fit, which one is picked |
//! | 2 | [`http`], [`preface`] | language: is this a head, where does the body end, what goes on; what stands before |
//! | 1 | [`config`] | what the operator asked for, checked |
//! | 0 | [`base`] | time, buffers, timers, chance, counters |
//!
//! Floors 0 to 3 are pure: no socket, no clock. Everything above [`net`] is generic over the trait [`net::Net`], so the
//! whole balancer runs over the kernel ([`net::os`]), over a simulated kernel with a seed ([`net::sim`]), or over
//! either with every call counted ([`net::traced`]).
//!
//! # Words
//!
//! One word per idea, in code, logs, counters and README:
//!
//! - **listener**: where clients come in (in code a [`Door`](proxy::door::Door), since it opens, shuts and rests);
//! - **client**, **upstream**: a connection to us, and one of ours to a **backend**;
//! - **pool**: a named group of backends; a **policy** picks one of them; a **probe** asks whether it is fit;
//! - **session**: one client connection; **exchange**: one request and its response on it;
//! - **flow**: one direction of an exchange; **end**: one socket of a pair with what was read from it;
//! - **phase**: what a session waits for, each with a deadline; **reason**: why something ended;
//! - **turn**: one round of the loop; **slot**: a place in the table of sockets.
//!
//! # The life of a request
//!
//! A kept-alive client asks, a pooled upstream answers. Four system calls move the data; the two waits are shared with
//! everybody else to whom something happened at the same time.
//!
//! ```text
//!   wait     epoll_wait   the client's socket has become readable          Proxy::turn, sort_events
//!   1 read   recv         the request, into a buffer lent for it           Session::read_head
//!                         where does the head end? is it one?              http::Scan, http::head
//!                         which backend? take its warmest connection       Backends::pick, Idle::take
//!                         the head written anew, and the body behind it    http::rewrite, Flow::begin
//!                         all others who are ready are heard first         proxy::parts
//!   2 write  send         it leaves in one piece                           Flow::pump
//!   wait     epoll_wait   the upstream's socket has become readable
//!   3 read   recv         the response                                     Exchange::find_head
//!   4 write  send         its head written anew, its body as it came       Flow::pump
//!                         upstream to the pool, buffers back, phase Idle   Exchange::end, Session::conclude
//! ```
//!
//! What is not there matters as much. No call registers anything: each socket was registered once, for both directions,
//! edge-triggered. No call asks whether there is more: a read that brought less than there was room for has drained the
//! socket ([`net::os::Os`] says when that may be believed). No call arms a timer: a deadline that moves later is a
//! number ([`base::timers`]). `tests/loopback/cost.rs` counts.
//!
//! # Reading order
//!
//! About ten stops, each short:
//!
//! 1. [`proxy::Proxy::turn`]: the loop: wait, admit, drive, expire, sweep; [`proxy::parts`]: how those who are ready are
//!    driven.
//! 2. [`net`]: the contract with the kernel; then `read` in [`net::os`], where an edge is remembered or believed.
//! 3. [`proxy::end`] and [`proxy::flow`]: bytes from a socket to a socket, with back-pressure.
//! 4. [`proxy::session`]: a client's connection and its phases; [`proxy::exchange`]: one request on it.
//! 5. [`http`]: a lesson on what a proxy must refuse, and why.
//! 6. [`balance::health`] and [`balance::policy`]: who is excluded, who is picked; [`proxy::prober`] asks.
//! 7. [`proxy::idle`]: connections kept warm, and why they stay watched.
//! 8. [`base::timers`]: a timer wheel in a hundred lines.
//! 9. [`proxy::drain`]: leaving without loss; [`proxy::reload`]: changing without loss.
//! 10. [`net::sim`]: a kernel made of queues and a seed, crueller than the real one; then `tests/simulation.rs`.
//!
//! To see all of it at work, run `evenkeel demo` and open `/loop` on its admin address; the README has a lesson. What that
//! page shows is gathered in [`proxy::xray`] and told by [`proxy::watch`], while somebody looks and no longer.
//!
//! [`demo::backend`] is a second, small server over the same trait: the place to begin for who wants to write one.
//!
//! # As a library
//!
//! The binary is thirty lines around this:
//!
//! ```no_run
//! use evenkeel::{config, net::os::Os, proxy::{Proxy, Turned}};
//!
//! # fn run(config: config::Config) -> std::io::Result<()> {
//! let seed = 7; // decides everything that is left to chance
//! let mut proxy = Proxy::new(&config, Os::new()?, seed)?;
//! while proxy.turn()? != Turned::Done {}
//! # Ok(())
//! # }
//! ```

pub mod admin;
pub mod balance;
pub mod base;
pub mod config;
pub mod ctl;
pub mod demo;
pub mod host;
pub mod http;
pub mod net;
pub mod preface;
pub mod proxy;
pub mod run;
