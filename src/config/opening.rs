//! Floor 1: what stands before the traffic of a listener's connections, who may say it, and what a pool's backends are
//! told in the same way.
//!
//! Here is what an operator wrote; what the bytes look like is [`preface`](crate::preface)'s.

use super::error::{ConfigError, Errors, Said, Wrong};
use super::network::Network;
use super::table::{Table, Value};
use super::{Mode, typed};

/// What stands before the traffic of a listener's connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preface {
    /// A PROXY header, which says whose connection it is. Only from [`Preface::trusted`], and from them always.
    pub proxy_protocol: bool,
    /// A TLS ClientHello, whose server name decides where the connection goes. In TCP mode.
    pub sni: bool,
    /// Whose word is taken for who a client is: of PROXY headers, and of `X-Forwarded-*`.
    pub trusted: Vec<Network>,
}

impl Preface {
    /// Whether anything is read before the traffic.
    pub fn is_read(&self) -> bool {
        self.proxy_protocol || self.sni
    }
}

/// How a PROXY header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyVersion {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

impl ProxyVersion {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            ProxyVersion::V1 => "v1",
            ProxyVersion::V2 => "v2",
        }
    }
}

/// `v1` or `v2`.
pub fn version(text: &str) -> Result<ProxyVersion, Wrong> {
    match text {
        "v1" => Ok(ProxyVersion::V1),
        "v2" => Ok(ProxyVersion::V2),
        _ => Err(Wrong::unknown("version of the PROXY protocol", text, &["v1", "v2"])),
    }
}

/// The keys of a listener that are about this.
pub fn read(table: &mut Table<'_>, errors: &mut Errors) -> typed::Preface {
    let proxy_protocol = table.take("proxy_protocol").map(|value| value.truth());
    let sni = table.take("sni").map(|value| value.truth());
    let trusted = table.take("trusted_proxies").map(|value| networks(&value));
    typed::Preface {
        proxy_protocol: proxy_protocol.and_then(|value| errors.keep(value)),
        sni: sni.and_then(|value| errors.keep(value)),
        trusted: trusted.and_then(|value| errors.keep(value)),
    }
}

fn networks(value: &Value<'_>) -> Result<Said<Vec<Network>>, ConfigError> {
    let one = |value: &Value<'_>| Ok(value.parsed("10.0.0.0/8", Network::parse)?.value);
    let all: Result<_, ConfigError> = value.elements().iter().map(one).collect();
    Ok(value.said(all?))
}

/// What makes no sense together.
pub fn refuse(said: &typed::Preface, mode: Mode, errors: &mut Errors) {
    let asked = |flag: &Option<Said<bool>>| flag.as_ref().filter(|flag| flag.value).map(|flag| flag.place.clone());
    let (proxy_protocol, sni) = (asked(&said.proxy_protocol), asked(&said.sni));
    let trusted = said.trusted.as_ref().filter(|trusted| !trusted.value.is_empty());
    if let Some(place) = sni
        && mode == Mode::Http
    {
        let what = "a http listener hears no TLS, so there is no server name";
        errors.push(Wrong::new(what, "leave sni out and route by host, or write mode = \"tcp\"").at(place));
    }
    match (proxy_protocol, trusted) {
        (Some(place), None) => {
            let fix = "name who may send one, as in trusted_proxies = [\"10.0.0.0/8\"]";
            errors.push(Wrong::new("nobody is trusted to send a PROXY header", fix).at(place));
        }
        (None, Some(trusted)) if mode == Mode::Tcp => {
            let what = "in mode tcp proxies are believed by their PROXY header alone";
            let fix = "write proxy_protocol = true, or leave trusted_proxies out";
            errors.push(Wrong::new(what, fix).at(trusted.place.clone()));
        }
        _ => {}
    }
}

/// As a list of TOML.
pub fn show(trusted: &[Network]) -> String {
    let shown: Vec<String> = trusted.iter().map(|network| format!("{:?}", network.to_string())).collect();
    format!("[{}]", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// Two pools, and a listener with `more`.
    fn with(more: &str) -> String {
        format!(
            "[pool.app]\nbackends = [\"127.0.0.1:8080\"]\nproxy_protocol = \"v2\"\n[pool.api]\n\
             backends = [\"127.0.0.1:8081\"]\n[listener.web]\npool = \"app\"\n{more}\n"
        )
    }

    #[test]
    fn everything_reaches_its_place() {
        let config = config_of(&with(
            "mode = \"tcp\"\nsni = true\nproxy_protocol = true\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
             [[listener.web.route]]\nhost = \"*.example.com\"\npool = \"api\"",
        ));
        let Preface { proxy_protocol, sni, trusted } = &first_listener(&config).preface;
        assert!(*proxy_protocol && *sni);
        assert_eq!(show(trusted), "[\"10.0.0.0/8\", \"::1\"]");
        assert_eq!(first_listener(&config).routes[0].pool, 1);
        assert_eq!(config.pools[0].proxy_protocol, Some(ProxyVersion::V2));
        assert!(matches!(config.pools[1].health.kind, super::super::ProbeKind::Tcp), "asked for bytes alone");
        assert!(!first_listener(&config_of(&with(""))).preface.is_read());
        config_of(&with("trusted_proxies = \"192.0.2.1\""));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_mend() {
        for (more, at, fix) in [
            ("sni = true", "8:7", "mode = \"tcp\""),
            ("proxy_protocol = true", "8:18", "trusted_proxies"),
            ("proxy_protocol = \"v1\"", "8:18", "true or false"),
            ("mode = \"tcp\"\ntrusted_proxies = [\"10.0.0.0/8\"]", "9:19", "proxy_protocol = true"),
            ("trusted_proxies = [\"10.0.0.7/8\"]", "8:20", "10.0.0.0/8"),
            ("mode = \"tcp\"\n[[listener.web.route]]\nhost = \"a.b\"\npool = \"api\"", "11:8", "sni = true"),
            ("mode = \"tcp\"\nsni = true\n[[listener.web.route]]\npath = \"/a\"\npool = \"api\"", "11:8", "host"),
        ] {
            let text = refusal_of(&with(more));
            assert!(text.starts_with(&format!("evenkeel.toml:{at}: ")) && text.contains(fix), "{more}: {text}");
        }
        let text = refusal_of(&with("").replace("\"v2\"", "\"v3\""));
        assert!(text.contains("version of the PROXY protocol \"v3\""), "{text}");
    }
}
