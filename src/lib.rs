//! evenkeel: a load balancer for HTTP/1.1 and TCP. (The map of the house comes here.)

pub mod admin;
pub mod balance;
pub mod base;
pub mod config;
pub mod demo;
pub mod host;
pub mod http;
pub mod net;
pub mod proxy;
