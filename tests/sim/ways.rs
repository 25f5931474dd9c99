//! Several pools behind one listener: requests find theirs by host and path, TLS clients by the name in their ClientHello.
//!
//! The second pool of a mode is one backend more, as firm as any; the rules are thrown by dice of their own, and read here
//! by a little model that shares no code with the balancer: labels are compared from behind, and the first rule that fits
//! counts. No request and no stream may come to a backend of another pool than it says.

use super::bytes::Outbox;
use super::plan::Dice;
use evenkeel::base::Rng;
use evenkeel::config::{HostPattern, Mode, Route};

/// Where something leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// To the pool that there always is.
    #[default]
    Main,
    /// To the second one.
    Other,
    /// Nobody is to see it.
    Nowhere,
}

/// One rule: a host, `*.` and what it ends in, or any; and what the path begins with.
#[derive(Debug, Clone, Copy)]
struct Rule {
    host: Option<&'static str>,
    path: Option<&'static str>,
    way: Way,
}

/// The rules of a listener.
#[derive(Debug, Clone)]
pub struct Ways {
    seed: u64,
    rules: Vec<Rule>,
    /// What no rule fits.
    rest: Way,
}

const HOSTS: &[(u64, Option<&str>)] =
    &[(2, None), (2, Some("world")), (2, Some("api.world")), (2, Some("*.world")), (1, Some("*.api.world"))];
const PATHS: &[(u64, Option<&str>)] =
    &[(4, None), (2, Some("/v1/")), (2, Some("/v1")), (1, Some("/r/")), (1, Some("/"))];

/// What clients call the world, and where in it they ask.
const NAMES: &[&str] = &[
    "world",
    "WORLD",
    "world:80",
    "world.",
    "api.world",
    "API.World:8080",
    "x.api.world",
    "apiworld",
    "api.world.x",
    "w.orld",
    "world.api",
];
const PREFIXES: &[&str] = &["", "", "/v1", "/v10", "/V1", "/v1/v2", "/v2/v1", "/v%31"];

impl Ways {
    /// In a share of worlds, of a thousand.
    pub fn of(seed: u64, mode: Mode, share: u64) -> Option<Ways> {
        let dice = &mut Dice(Rng::new(seed ^ 0x0077_a150 ^ mode as u64));
        if !dice.chance(share) {
            return None;
        }
        let mut rules = Vec::new();
        for _ in 0..1 + dice.0.below(4) {
            let path = if mode == Mode::Http { dice.pick(PATHS) } else { None };
            let hosts = if mode == Mode::Http { HOSTS } else { &HOSTS[1..] };
            let way = dice.pick(&[(1, Way::Main), (2, Way::Other)]);
            rules.push(Rule { host: dice.pick(hosts), path, way });
        }
        Some(Ways { seed, rules, rest: dice.pick(&[(2, Way::Main), (1, Way::Nowhere)]) })
    }

    /// As the balancer is told of them.
    pub fn routes(&self, main: usize, other: usize) -> (Vec<Route>, Option<usize>) {
        let pool = |way| if way == Way::Other { other } else { main };
        let host = |host: &str| match host.strip_prefix('*') {
            Some(suffix) => HostPattern::Below(suffix.into()),
            None => HostPattern::Exact(host.into()),
        };
        let route =
            |rule: &Rule| Route { host: rule.host.map(host), path: rule.path.map(Into::into), pool: pool(rule.way) };
        (self.rules.iter().map(route).collect(), (self.rest == Way::Main).then_some(main))
    }

    /// How this request calls its host, if it does, and where it asks.
    pub fn asked(&self, number: u64, names: bool) -> Asked {
        let mut rng = Rng::new(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (name, prefix) = (*rng.one_of(NAMES).unwrap(), *rng.one_of(PREFIXES).unwrap());
        let host = names.then_some(name);
        let way = self.lead(host.unwrap_or(""), &format!("{prefix}/r/{number}"));
        Asked { host, prefix, way }
    }

    /// The model.
    fn lead(&self, host: &str, path: &str) -> Way {
        let lower = host.split(':').next().unwrap_or("").to_lowercase();
        let labels: Vec<&str> = lower.trim_end_matches('.').split('.').collect();
        let of = |rule: &str| {
            let wanted: Vec<&str> = rule.split('.').collect();
            match wanted[0] {
                "*" => {
                    labels.len() >= wanted.len()
                        && labels.iter().rev().zip(wanted[1..].iter().rev()).all(|(a, b)| a == b)
                }
                _ => labels == wanted,
            }
        };
        let fits = |rule: &&Rule| {
            rule.host.is_none_or(of) && rule.path.is_none_or(|prefix| path.get(..prefix.len()) == Some(prefix))
        };
        self.rules.iter().find(fits).map_or(self.rest, |rule| rule.way)
    }

    /// What the client of this stream says first.
    pub fn opening(&self, number: u64) -> Opening {
        let dice = &mut Dice(Rng::new(self.seed ^ number.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)));
        let name = dice.0.one_of(NAMES).unwrap().trim_end_matches('.').split(':').next().unwrap();
        let name = dice.chance(850).then_some(name);
        let way = name.map_or(self.rest, |name| self.lead(name, ""));
        let mut bytes = hello(number, name, dice);
        let few = 1 + dice.0.below(40) as usize;
        let chunk = dice.pick(&[(3, usize::MAX), (1, 1), (3, few)]);
        let mut silent = false;
        let way = match dice.0.below(20) {
            0..14 => way,
            14..16 => {
                bytes = format!("SSH-2.0-{number:016x}\r\n").into_bytes();
                self.rest
            }
            16..18 => {
                match dice.0.below(4) {
                    0 => bytes[5] = 2,                        // a ServerHello
                    1 => bytes[8] = bytes[8].wrapping_sub(1), // shorter than what is in it
                    2 => (bytes[3], bytes[4]) = (0xff, 0xff), // a record longer than there may be
                    _ => (bytes[3], bytes[4]) = (0, 0),       // an empty one
                }
                Way::Nowhere
            }
            _ => {
                bytes.truncate(1 + dice.0.below(bytes.len() as u64 - 1) as usize);
                silent = true;
                Way::Nowhere
            }
        };
        Opening { bytes, way, silent, chunk }
    }
}

/// How a request is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub host: Option<&'static str>,
    pub prefix: &'static str,
    pub way: Way,
}

/// What a TLS client says before anything else.
#[derive(Debug, Clone)]
pub struct Opening {
    pub bytes: Vec<u8>,
    pub way: Way,
    /// It says nothing more.
    pub silent: bool,
    /// So many bytes at once.
    pub chunk: usize,
}

/// Still to be said by a client.
#[derive(Debug, Default)]
pub struct Unsaid {
    pub out: Outbox,
    pub chunk: usize,
    pub silent: bool,
}

/// `inner` behind its length in so many bytes.
fn vector(size: usize, inner: &[u8]) -> Vec<u8> {
    [&inner.len().to_be_bytes()[8 - size..], inner].concat()
}

/// A ClientHello: its random bytes begin with the number of its stream. In one record or two.
fn hello(number: u64, name: Option<&str>, dice: &mut Dice) -> Vec<u8> {
    let random = [&number.to_be_bytes()[..], &[0x5e; 24]].concat();
    let session = vec![7; dice.pick(&[(1, 0), (1, 32)])];
    let extension = |kind: u16, value: &[u8]| [&kind.to_be_bytes()[..], &vector(2, value)].concat();
    let mut extensions =
        vec![extension(0x0a0a, &[]), extension(43, &[2, 3, 4]), extension(51, &vec![9; dice.0.below(90) as usize])];
    if let Some(name) = name {
        let list = vector(2, &[&[0][..], &vector(2, name.as_bytes())].concat());
        extensions.insert(dice.0.below(4) as usize, extension(0, &list));
    }
    let ciphers = vector(2, &[0x0a, 0x0a, 0x13, 1, 0x13, 2]);
    let rest = [&ciphers[..], &[1, 0], &vector(2, &extensions.concat())].concat();
    let body = [&[3, 3][..], &random, &vector(1, &session), &rest].concat();
    let message = [&[1][..], &vector(3, &body)].concat();
    let cut = if dice.chance(200) { 40 + dice.0.below(10) as usize } else { message.len() };
    let record = |part: &[u8]| [&[22, 3, 1][..], &vector(2, part)].concat();
    let (first, second) = message.split_at(cut);
    if second.is_empty() { record(first) } else { [record(first), record(second)].concat() }
}
