//! The black-box proof: the built binary between real clients and real backends, on loopback.
//!
//! One binary of many topics, each a file below `loopback/`; the neighbours are in `support/`. Every port is the system's
//! choice, every wait is for a condition, every process and socket ends with its test. What the simulated kernel can
//! prove better (races, faults, deadlines) is in `simulation.rs`.

mod support;

#[path = "loopback/itself.rs"]
mod itself;
