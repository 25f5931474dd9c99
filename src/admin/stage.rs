//! `/api/demo`: what `evenkeel demo` has and no other: backends that can be made to fail, and clients of its own.
//!
//! Here is the door; who stands behind it is a [`Stage`], which the demo brings. It is told from within the loop, so it
//! does nothing itself but tell threads of its own.

use super::backends::is_json;
use super::{Page, Reply, View, json};
use crate::http::{Request, Status};
use serde_json::Value;

/// Who plays the backends and clients of a demo. Never waits for anybody.
pub trait Stage: Send {
    /// Everything listens: whoever asks is answered from now on.
    fn open(&mut self) {}

    /// Does what `body` asks for, in JSON. Errors: that is not understood, or cannot be done; in words.
    fn act(&mut self, body: &[u8], view: &View<'_>) -> Result<(), String>;

    /// The backends, the load, and what the last acts did to clients.
    fn state(&self, view: &View<'_>) -> Value;
}

/// What there is to see.
pub(super) fn page(view: &View<'_>) -> Page {
    view.demo.map_or_else(no_demo, |stage| json(&stage.state(view)))
}

/// Something is to be done.
pub(super) fn post(request: &Request<'_, '_>, body: Option<&[u8]>, view: &View<'_>) -> Reply {
    if view.demo.is_none() {
        return Reply::Page(no_demo());
    }
    if !is_json(request) {
        return Reply::Page(Page::text(Status(415), "a body is JSON, and says so: Content-Type: application/json\n"));
    }
    body.map_or(Reply::Body, |body| Reply::Play(body.to_vec()))
}

/// Does it, and shows what there is to see then.
pub fn play(stage: Option<&mut (dyn Stage + 'static)>, body: &[u8], view: &View<'_>) -> Page {
    let Some(stage) = stage else { return no_demo() };
    match stage.act(body, view) {
        Ok(()) => json(&stage.state(view)),
        Err(why) => Page::text(Status(400), &format!("{why}\n")),
    }
}

fn no_demo() -> Page {
    Page::text(Status(404), "only `evenkeel demo` has this\n")
}
