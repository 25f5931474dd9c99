//! Measures what a scrape of `/metrics` costs the loop, which does nothing else meanwhile.
//!
//! `cargo run --release --example scrape` prints the figures of README: the page is made from the tables of a balancer
//! with so many backends, and the median of a hundred pages is told.

use evenkeel::admin;
use evenkeel::base::Address;
use evenkeel::config::{Config, Guard, Limits, Pool, Timeouts};
use evenkeel::http;
use evenkeel::net::sim::{Cruelty, Sim};
use evenkeel::proxy::Proxy;
use std::time::Instant;

fn main() {
    println!("| backends | page | plain | OpenMetrics |\n|---|---|---|---|");
    for backends in [1, 100, 1000] {
        let proxy = Proxy::new(&config(backends), Sim::new(7, Cruelty::calm()), 7).expect("it listens nowhere");
        let (size, plain) = measure(&proxy, "text/plain");
        let (_, open) = measure(&proxy, "application/openmetrics-text");
        println!("| {backends} | {} KiB | {plain:.2} ms | {open:.2} ms |", size / 1024);
    }
}

/// Pools of a hundred.
fn config(backends: usize) -> Config {
    let backend = |row: usize| {
        let name = format!("10.0.{}.{}:8080", row / 256, row % 256);
        let address = Address::Tcp(name.parse().expect("an address"));
        evenkeel::config::Backend { name, address, weight: 1 }
    };
    let rows: Vec<usize> = (0..backends).collect();
    let pool = |(number, rows): (usize, &[usize])| {
        let backends = rows.iter().map(|&row| backend(row)).collect();
        Pool { name: format!("pool-{number}"), backends, ..Pool::default() }
    };
    Config {
        listeners: Vec::new(),
        pools: rows.chunks(100).enumerate().map(pool).collect(),
        admin: Vec::new(),
        guard: Guard::default(),
        timeouts: Timeouts::default(),
        limits: Limits::default(),
    }
}

/// The size of the page, and the median of the milliseconds that it takes.
fn measure(proxy: &Proxy<Sim>, accept: &str) -> (usize, f64) {
    let head = format!("GET /metrics HTTP/1.1\r\nHost: admin\r\nAccept: {accept}\r\n\r\n");
    let mut table = http::table();
    let request = http::head::request(head.as_bytes(), &http::Limits::default(), &mut table).expect("a request");
    let mut size = 0;
    let mut one = || {
        let begun = Instant::now();
        size = admin::page(&request, &proxy.view()).body.len();
        begun.elapsed().as_secs_f64() * 1e3
    };
    let mut took: Vec<f64> = (0..100).map(|_| one()).collect();
    took.sort_by(f64::total_cmp);
    (size, took[took.len() / 2])
}
