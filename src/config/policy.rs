//! Floor 1: the names of the policies, and what a request is hashed on.
//!
//! What a policy does is in [`balance::policy`](crate::balance::policy); how a key is taken out of a request, in
//! [`balance::key`](crate::balance::key).

use super::error::{Wrong, quote};

/// The policies there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyName {
    /// One after the other, by weight.
    RoundRobin,
    /// Who has the fewest requests in flight for its weight.
    LeastConnections,
    /// The better of two drawn by lot.
    TwoChoices,
    /// By lot.
    Random,
    /// By the request's key: the highest of as many hashes as there are backends.
    Rendezvous,
    /// By the request's key: a place in a table.
    Maglev,
    /// The first that can take it.
    First,
}

impl PolicyName {
    /// All of them, as they are written.
    pub const ALL: [(&'static str, PolicyName); 7] = [
        ("round-robin", PolicyName::RoundRobin),
        ("least-connections", PolicyName::LeastConnections),
        ("two-choices", PolicyName::TwoChoices),
        ("random", PolicyName::Random),
        ("rendezvous", PolicyName::Rendezvous),
        ("maglev", PolicyName::Maglev),
        ("first", PolicyName::First),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        PolicyName::ALL.iter().find(|(_, policy)| *policy == self).map_or("", |(name, _)| name)
    }

    /// Whether it chooses by the request's key.
    pub fn hashes(self) -> bool {
        matches!(self, PolicyName::Rendezvous | PolicyName::Maglev)
    }
}

/// One of [`PolicyName::ALL`].
pub fn policy(text: &str) -> Result<PolicyName, Wrong> {
    let found = PolicyName::ALL.iter().find(|(name, _)| *name == text);
    found
        .map(|(_, policy)| *policy)
        .ok_or_else(|| Wrong::unknown("policy", text, &PolicyName::ALL.map(|(name, _)| name)))
}

/// Which part of a request is its key, for the policies that hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HashOn {
    /// The client's address, without its port. Also the key of a request that lacks the part asked for.
    #[default]
    Client,
    /// The value of this field.
    Header(String),
    /// The value of this cookie.
    Cookie(String),
    /// The path, without the query.
    Path,
    /// The host, without its port, in lower case.
    Host,
}

/// `client`, `header:NAME`, `cookie:NAME`, `path` or `host`.
pub fn hash(text: &str) -> Result<HashOn, Wrong> {
    match text.split_once(':') {
        Some(("header", name)) => token(name).map(HashOn::Header),
        Some(("cookie", name)) => token(name).map(HashOn::Cookie),
        _ => match text {
            "client" => Ok(HashOn::Client),
            "path" => Ok(HashOn::Path),
            "host" => Ok(HashOn::Host),
            "header" | "cookie" => {
                Err(Wrong::new(format!("{text:?} of which name?"), format!("write it behind a colon: \"{text}:NAME\"")))
            }
            _ => Err(Wrong::unknown("hash key", text, &["client", "header:NAME", "cookie:NAME", "path", "host"])),
        },
    }
}

/// Names of fields and cookies are tokens (RFC 9110 section 5.1, RFC 6265 section 4.1.1): others never match.
pub(super) fn token(name: &str) -> Result<String, Wrong> {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !name.is_empty() && name.bytes().all(fine) {
        true => Ok(name.to_string()),
        false => Err(Wrong::new(
            format!("{} is no name of a header or cookie", quote(name)),
            "a name has letters, digits and hyphens, as in \"header:X-User\" or \"cookie:session\"",
        )),
    }
}

/// Writes what [`hash`] reads.
pub fn show_hash(on: &HashOn) -> String {
    match on {
        HashOn::Client => "client".into(),
        HashOn::Header(name) => format!("header:{name}"),
        HashOn::Cookie(name) => format!("cookie:{name}"),
        HashOn::Path => "path".into(),
        HashOn::Host => "host".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_is_read_by_its_name_and_others_suggest_the_nearest() {
        for (name, meant) in PolicyName::ALL {
            assert_eq!((policy(name), meant.name()), (Ok(meant), name));
        }
        for (text, near) in
            [("round-robbin", "round-robin"), ("leastconnections", "least-connections"), ("magrev", "maglev")]
        {
            assert!(policy(text).unwrap_err().fix.contains(near), "{text}");
        }
        assert!(policy("Random").is_err() && policy("").is_err());
    }

    #[test]
    fn what_is_hashed_on_is_read_and_written_alike() {
        for text in ["client", "header:X-User", "cookie:session", "path", "host"] {
            assert_eq!(hash(text).map(|on| show_hash(&on)), Ok(text.to_string()));
        }
        for text in ["", "header", "header:", "header:a b", "cookie:", "cookie:a;b", "paht", "client:x", "Header:x"] {
            assert!(hash(text).is_err(), "{text}");
        }
        assert!(hash("header").unwrap_err().fix.contains("header:NAME"));
        assert!(hash("hosst").unwrap_err().fix.contains("\"host\""));
    }
}
