//! The demo where it was started: a [picture](super::picture) with keys on a terminal, [lines](super::plain) elsewhere.
//!
//! On a thread of its own, which asks the admin address as anybody would, so that the loop has nothing to do with it. While
//! the picture is there, log lines do not go to the same terminal: they are [held](stderr::hold), and the last ones are a part of
//! it. The terminal is given back by whoever ends the process: see [`terminal`].

use super::picture::{Asked, Picture};
use super::plain::News;
use crate::base::Address;
use crate::host::ask::{self, Question};
use crate::host::stderr;
use crate::host::terminal::{self, Keyboard, Keys, Stop};
use serde_json::Value;
use std::io::{self, Write};
use std::time::Duration;

/// A picture is drawn so often, and lines are looked for.
const EVERY: Duration = Duration::from_millis(300);

/// Lines of the log that a picture may have.
const LOG: usize = 8;

/// Who looks, and where.
pub struct Console {
    admin: Vec<Address>,
    title: String,
    /// The balancer tells its state by events, which say more.
    streams: bool,
}

impl Console {
    /// Looks there; `title` stands above the picture.
    pub fn new(admin: Vec<Address>, title: String) -> Console {
        Console { admin, title, streams: true }
    }

    /// Shows what happens, until the process ends.
    pub fn run(mut self) {
        match terminal::is_there() {
            true => self.draw(),
            false => self.tell(),
        }
    }

    /// Lines, until nobody reads them.
    fn tell(&mut self) {
        let mut news = News::default();
        loop {
            for line in self.look().map_or(Vec::new(), |moment| news.of(&moment)) {
                if writeln!(io::stdout(), "{line}").is_err() {
                    return;
                }
            }
            ask::pause(EVERY);
        }
    }

    /// The picture, until its terminal is gone.
    fn draw(&mut self) {
        let Ok(stop) = Stop::watch() else { return };
        let _printed = Printed;
        let mut picture = Picture::new(self.title.clone(), terminal::has_colours());
        let mut keyboard = Keyboard::new(EVERY);
        loop {
            let gone = match keyboard.wait() {
                Keys::None => !self.frame(&mut picture),
                Keys::Pressed(keys) => {
                    picture.press(&keys).into_iter().for_each(|asked| self.carry_out(asked, &mut picture));
                    false
                }
                Keys::Gone => true,
            };
            if gone {
                return terminal::ask_to_end(); // whoever started it has left
            }
            if stop.is_asked() {
                stderr::hold(false);
                stop.obey();
            }
        }
    }

    /// Draws once. Whether the terminal takes it.
    fn frame(&mut self, picture: &mut Picture) -> bool {
        // Not ours for now: in the background, or at the end.
        let ours = terminal::enter().is_ok();
        stderr::hold(ours);
        if !ours {
            return true;
        }
        match self.look() {
            Some(moment) => picture.add(moment),
            None => picture.note("the balancer does not answer"),
        }
        terminal::draw(&picture.draw(terminal::size(), &stderr::held(LOG))).is_ok()
    }

    fn carry_out(&self, asked: Asked, picture: &mut Picture) {
        let body = match asked {
            Asked::Act(body) => body,
            Asked::Quit => return terminal::ask_to_end(),
        };
        match self.ask(Question { method: "POST", path: "/api/demo", body: &body, token: None }) {
            Some((200, _)) => {}
            Some((_, why)) => picture.note(&String::from_utf8_lossy(&why)),
            None => picture.note("the balancer does not answer"),
        }
    }

    /// The balancer's state, with the demo's in it.
    fn look(&mut self) -> Option<Value> {
        if self.streams {
            let (status, body) = self.get("/api/events?of=state")?;
            self.streams = status == 200;
            if self.streams {
                return event(&body);
            }
        }
        let mut state: Value = serde_json::from_slice(&self.get("/api/state")?.1).ok()?;
        let demo: Value = serde_json::from_slice(&self.get("/api/demo")?.1).ok()?;
        state.as_object_mut()?.insert("demo".into(), demo);
        Some(state)
    }

    fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        self.ask(Question { method: "GET", path, body: "", token: None })
    }

    fn ask(&self, question: Question<'_>) -> Option<(u16, Vec<u8>)> {
        ask::ask(&self.admin, question).ok()
    }
}

/// When nobody draws any more, however that comes, lines are printed again.
struct Printed;

impl Drop for Printed {
    fn drop(&mut self) {
        stderr::hold(false);
    }
}

/// What the first event of a stream says.
fn event(stream: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(stream).ok()?;
    serde_json::from_str(text.lines().find_map(|line| line.strip_prefix("data:"))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_is_heard() {
        assert_eq!(event(b"event: state\ndata: {\"now\":1.5}\n\nevent: st"), Some(serde_json::json!({"now": 1.5})));
        assert_eq!(event(b"event: state\n"), None);
    }
}
