//! What a probe says once connected, and how the answer is judged: a trait, and one file per kind.
//!
//! A probe here is words and judgement only; connecting, writing, reading and timing are the prober's
//! (`proxy/prober.rs`), over any `Net`.

mod http;
mod tcp;

pub use http::Http;
pub use tcp::Tcp;

use super::Backend;
use crate::config::ProbeKind;

/// What a probe thinks of the answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not enough was said yet.
    More,
    /// The backend is fit.
    Pass,
    /// It is not, for this reason.
    Fail(String),
}

/// One kind of probe.
pub trait Probe {
    /// What to send once connected; nothing: being connected is enough.
    fn question(&self) -> &[u8];

    /// Judges all bytes that came so far; `ended`: no more will come.
    fn judge(&self, answer: &[u8], ended: bool) -> Verdict;
}

/// The probe of this kind for this backend; none: it is not probed.
pub fn of_kind(kind: &ProbeKind, backend: &Backend) -> Option<Box<dyn Probe>> {
    match kind {
        ProbeKind::Off => None,
        ProbeKind::Tcp => Some(Box::new(Tcp)),
        ProbeKind::Http { path, expect, .. } => Some(Box::new(Http::new(path, &backend.name, expect))),
    }
}
