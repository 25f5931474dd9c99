//! Programs that nobody here wrote, on both sides of the built binary: what they hear through it is what they hear
//! without it.
//!
//! Most tests run one list of requests ([`suite`]) twice, once past the balancer and once through it, and compare
//! status, fields and body bytes. A program that is not installed is left out, in a word on stderr. What the balancer
//! owes to rude neighbours is in `abuse.rs`, what it owes to everybody in `loopback.rs`.

mod support;

#[path = "neighbours/chains.rs"]
mod chains;
#[path = "neighbours/events.rs"]
mod events;
#[path = "neighbours/heralds.rs"]
mod heralds;
#[path = "neighbours/load.rs"]
mod load;
#[path = "neighbours/nginx.rs"]
mod nginx;
#[path = "neighbours/paths.rs"]
mod paths;
#[path = "neighbours/program.rs"]
mod program;
#[path = "neighbours/python.rs"]
mod python;
#[path = "neighbours/sites.rs"]
mod sites;
#[path = "neighbours/suite.rs"]
mod suite;
