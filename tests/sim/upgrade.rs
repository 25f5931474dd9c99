//! Clients that ask for another protocol. If the backend agrees, the connection becomes a tunnel, and both directions
//! are checked byte for byte as in TCP mode; if not, it is a response like any other.

use super::http_text::{self, Body, Head};
use super::ledger::{self, Cue, Loss, Request};
use super::tcp::{TcpAsk, TcpClient};
use super::ways::Asked;
use evenkeel::config::Mode;
use evenkeel::net::sim::Far;

/// See the [module](self).
#[derive(Debug)]
pub struct UpgradeClient {
    pub far: Far,
    number: u64,
    out: Vec<u8>,
    heard: Vec<u8>,
    ask: TcpAsk,
    /// It was answered in HTTP, and so much of the body is to come.
    refusal: Option<(Loss, Body)>,
    declined: Option<Body>,
    tunnel: Option<TcpClient>,
}

impl UpgradeClient {
    pub fn new(ask: TcpAsk, cue: &mut Cue) -> UpgradeClient {
        let far = cue.dial(Mode::Http);
        let number = cue.ledger.number();
        let request = Request {
            method: "GET",
            body: 0,
            reply: 0,
            repeatable: true,
            sought: cue.ledger.seek(number, true),
            forbidden: false,
            asked: cue.now,
            told: None,
            too_many: false,
            from: Some(cue.caller(far)),
            seen: 0,
            begun: false,
            seen_by: None,
            last_seen_by: None,
            home: None,
            hinted: false,
        };
        let Asked { host, prefix, .. } = request.sought;
        let host = host.unwrap_or("world");
        cue.ledger.requests.insert(number, request);
        let first = format!("GET {prefix}/r/{number} HTTP/1.1\r\nHost: {host}\r\n");
        let text = format!("{first}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        let (out, heard) = (text.into_bytes(), Vec::new());
        UpgradeClient { far, number, out, heard, ask, refusal: None, declined: None, tunnel: None }
    }

    /// One act; true after the last.
    pub fn act(&mut self, cue: &mut Cue) -> bool {
        if let Some(tunnel) = &mut self.tunnel {
            return tunnel.act(cue);
        }
        let sent = cue.sim.far_write(self.far, &self.out);
        self.out.drain(..sent);
        cue.sim.far_read(self.far, &mut self.heard, usize::MAX);
        match self.understand(cue) {
            Err(what) => {
                cue.ledger.blame(format!("{what}, on c{}", self.far.number()));
                true
            }
            Ok(true) => {
                cue.sim.far_close(self.far);
                true
            }
            Ok(false) => match &mut self.tunnel {
                Some(tunnel) => tunnel.act(cue),
                None => self.gone(cue),
            },
        }
    }

    fn gone(&mut self, cue: &mut Cue) -> bool {
        let state = cue.sim.far(self.far);
        if !(state.refused || state.reset || state.ended) {
            return false;
        }
        if cue.ledger.leaving.is_some() {
            cue.ledger.excuse(self.number, ledger::ANYTHING); // it owes nothing to whom it never answered
        }
        let begun = self.declined.is_some() || self.refusal.is_some();
        let loss = if begun { Loss::Cut } else { Loss::Silence };
        cue.ledger.lost(self.number, loss, self.far.number(), cue.now);
        cue.sim.far_close(self.far);
        true
    }

    /// True: it was answered in HTTP, to the end.
    fn understand(&mut self, cue: &mut Cue) -> Result<bool, String> {
        if self.declined.is_none() && self.refusal.is_none() {
            let Some((head, size)) = http_text::head(&self.heard)? else { return Ok(false) };
            self.heard.drain(..size);
            match head.first[1].as_str() {
                "101" => return self.switch(&head, cue).map(|()| false),
                status if status.starts_with('1') => return self.understand(cue),
                status => self.answered(status.to_owned().as_str(), &head)?,
            }
        }
        let Some(body) = self.declined.as_mut().or(self.refusal.as_mut().map(|(_, body)| body)) else {
            return Ok(false);
        };
        let taken = body.feed(&self.heard, &mut Vec::new())?;
        self.heard.drain(..taken);
        if *body != Body::Done {
            return Ok(false);
        }
        match self.refusal {
            Some((loss, _)) => cue.ledger.lost(self.number, loss, self.far.number(), cue.now),
            None => cue.ledger.answered += 1,
        }
        Ok(true)
    }

    fn answered(&mut self, status: &str, head: &Head) -> Result<(), String> {
        let bodyless = status == "204" || status == "304";
        let body = if bodyless { Body::Done } else { head.body(Body::Done)? };
        let body = if body == Body::Length(0) { Body::Done } else { body };
        match head.field("x-number") {
            Some("surplus") => self.refusal = Some((Loss::Surplus, body)),
            Some(whose) if whose == self.number.to_string() => self.declined = Some(body),
            None if status.starts_with(['4', '5']) => {
                self.refusal = Some((Loss::Status(status.parse().unwrap_or(0)), body));
            }
            _ => return Err(format!("{} asked for an upgrade, was answered {head:?}", self.number)),
        }
        Ok(())
    }

    fn switch(&mut self, head: &Head, cue: &mut Cue) -> Result<(), String> {
        let right = head.field("upgrade") == Some("echo") && head.lists("connection", "upgrade");
        if !right || head.field("x-number") != Some(&self.number.to_string()) {
            return Err(format!("{} was upgraded to {head:?}", self.number));
        }
        cue.ledger.answered += 1;
        let mut tunnel = TcpClient::new(self.far, self.ask.clone(), cue);
        cue.ledger.streams.entry(tunnel.talker.own).or_default().upgraded = true;
        tunnel.talker.hear(&std::mem::take(&mut self.heard), cue.ledger);
        self.tunnel = Some(tunnel);
        Ok(())
    }
}
