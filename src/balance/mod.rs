//! Floor 3: judgement. Which backend is fit, and which one gets the next request.
//!
//! Pure: no sockets, no clock. Whoever calls says what time it is and what happened; the answer is a choice or a change
//! of state. Read [`backends`] for the table of what [`backend`] and [`pool`] describe, [`health`] and [`ejection`] for
//! who is excluded by probes and by live traffic, [`slow_start`] for who returns, [`policy`] for who is picked, [`key`]
//! for what a request is known by, [`sticky`] for who comes back to whom, [`retry_budget`] for how many are sent once
//! more, [`room`] and [`queue`] for what is done when all are full, [`client_limit`] for what one
//! client may have, and [`probe`] for what a probe says and how its answer is judged. [`budget`] says how long all of that takes.

pub mod backend;
pub mod backends;
pub mod budget;
pub mod change;
pub mod client_limit;
pub mod ejection;
pub mod health;
pub mod key;
pub mod members;
pub mod orders;
pub mod policy;
pub mod pool;
pub mod probe;
pub mod queue;
pub mod retry_budget;
pub mod room;
pub mod slow_start;
pub mod sticky;

pub use backend::{Backend, BackendId, Order};
pub use backends::{Backends, Wanted};
pub use ejection::{Sentence, Served};
pub use health::{Cause, Change, Health, State};
pub use members::Members;
pub use pool::{Pool, PoolId};
