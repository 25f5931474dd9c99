//! What a probe says once connected, and how the answer is judged: a trait, and one file per kind.
//!
//! A probe here is words and judgement only; connecting, writing, reading and timing are the prober's
//! (`proxy/prober.rs`), over any `Net`.

mod body;
mod http;
mod tcp;

pub use http::Http;
pub use tcp::Tcp;

use super::Backend;
use super::health::Step;
use crate::base::Time;
use crate::config::ProbeKind;
use serde::Serialize;

/// What a probe thinks of the answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not enough was said yet.
    More,
    /// The backend is fit.
    Pass,
    /// It is not: how far it came, and the reason.
    Fail(Step, String),
}

/// What a probe came to, verbatim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probed {
    /// The backend is fit.
    pub passed: bool,
    /// How far it came.
    pub step: Step,
    /// The status of the answer, whatever became of the rest.
    pub status: Option<u16>,
    /// Why it failed, in the operating system's words or ours.
    pub error: Option<String>,
    /// How long it took.
    pub milliseconds: f64,
    /// When it was over.
    #[serde(skip)]
    pub at: Time,
}

/// One kind of probe.
pub trait Probe {
    /// What to send once connected; nothing: being connected is enough.
    fn question(&self) -> &[u8];

    /// Judges all bytes that came so far; `ended`: no more will come.
    fn judge(&self, answer: &[u8], ended: bool) -> Verdict;

    /// The status of the answer, if it has come so far and has one.
    fn status(&self, answer: &[u8]) -> Option<u16> {
        let _ = answer;
        None
    }
}

/// The probe of this kind for this backend; none: it is not probed.
pub fn of_kind(kind: &ProbeKind, backend: &Backend) -> Option<Box<dyn Probe>> {
    match kind {
        ProbeKind::Off => None,
        ProbeKind::Tcp => Some(Box::new(Tcp)),
        ProbeKind::Http { path, expect, body, headers } => {
            Some(Box::new(Http::new(path, backend.host(), headers).expecting(expect, body.as_deref())))
        }
    }
}
