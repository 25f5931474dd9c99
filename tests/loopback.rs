//! The black-box proof: the built binary between real clients and real backends, on loopback.
//!
//! One binary of many topics, each a file below `loopback/`; the neighbours are in `support/`. Every port is the system's
//! choice, every wait is for a condition, every process and socket ends with its test. What the simulated kernel can
//! prove better (races, faults, deadlines) is in `simulation.rs`.

mod support;

#[path = "loopback/access.rs"]
mod access;
#[path = "loopback/admin.rs"]
mod admin;
#[path = "loopback/bodies.rs"]
mod bodies;
#[path = "loopback/bulk.rs"]
mod bulk;
#[path = "loopback/cost.rs"]
mod cost;
#[path = "loopback/crowd.rs"]
mod crowd;
#[path = "loopback/ctl.rs"]
mod ctl;
#[path = "loopback/ejection.rs"]
mod ejection;
#[path = "loopback/fields.rs"]
mod fields;
#[path = "loopback/hand_over.rs"]
mod hand_over;
#[path = "loopback/hardship.rs"]
mod hardship;
#[path = "loopback/health.rs"]
mod health;
#[path = "loopback/itself.rs"]
mod itself;
#[path = "loopback/leaving.rs"]
mod leaving;
#[path = "loopback/metrics.rs"]
mod metrics;
#[path = "loopback/old.rs"]
mod old;
#[path = "loopback/paths.rs"]
mod paths;
#[path = "loopback/pieces.rs"]
mod pieces;
#[path = "loopback/policies.rs"]
mod policies;
#[path = "loopback/receipts.rs"]
mod receipts;
#[path = "loopback/reload.rs"]
mod reload;
#[path = "loopback/retry.rs"]
mod retry;
#[path = "loopback/reuse.rs"]
mod reuse;
#[path = "loopback/rotation.rs"]
mod rotation;
#[path = "loopback/service.rs"]
mod service;
#[path = "loopback/sticky.rs"]
mod sticky;
#[path = "loopback/tcp.rs"]
mod tcp;
#[path = "loopback/timeouts.rs"]
mod timeouts;
#[path = "loopback/upgrade.rs"]
mod upgrade;
