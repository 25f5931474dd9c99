//! Floor 3: judgement. Which backend is fit, and which one gets the next request.
//!
//! Pure: no sockets, no clock. Whoever calls says what time it is and what happened; the answer is a choice or a change
//! of state. Read [`backends`] for the table, [`health`] for who is excluded, [`policy`] for who is picked and
//! [`key`] for what a request is known by, and [`probe`] for what a probe says and how its answer is judged.

pub mod backends;
pub mod health;
pub mod key;
pub mod policy;
pub mod probe;

pub use backends::{Backend, BackendId, Backends, PoolId, Wanted};
pub use health::{Cause, Change, Health, State};
