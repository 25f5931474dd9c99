//! The simulated world: clients, backends and an operator around one balancer, all decided by one seed.
//!
//! Reading order: [`plan`] (the grammar: what a seed means), [`world`] (the loop and the properties), [`ledger`]
//! (what is known and excused), the actors [`tcp`], [`http_client`], [`http_backend`], and [`relay`], a small balancer
//! with bugs to be planted, on which the world itself is tested.

#![allow(dead_code)]

pub mod backend;
pub mod bytes;
pub mod house;
pub mod http_backend;
pub mod http_client;
pub mod http_text;
pub mod ledger;
pub mod plan;
pub mod relay;
pub mod tcp;
pub mod world;

use evenkeel::net::sim::Sim;
use std::io;

/// What the world asks of a balancer.
pub trait House {
    /// One turn; true after the last.
    fn turn(&mut self) -> io::Result<bool>;
    fn net(&mut self) -> &mut Sim;
    /// Sockets that it believes to own.
    fn owned(&self) -> usize;
    /// Client connections.
    fn open(&self) -> usize;
    /// Buffers out on loan.
    fn lent(&self) -> usize;
    /// The conservation laws.
    fn check(&self) -> Result<(), String>;
}
