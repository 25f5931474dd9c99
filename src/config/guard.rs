//! Floor 1: who may speak to the admin address: whoever knows a token, if there is one, and by which name it may be
//! called.
//!
//! The token is a secret: nothing here shows it, be it `check --print`, an error or a debug line. It comes from the
//! environment or a file, never from a flag, which every process of the machine could read. Where others can reach the
//! address it is not left out.

use super::args::Read;
use super::error::{Errors, Place, Said, Wrong, quote};
use super::settle::Work;
use crate::base::Address;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

/// A shorter one could be guessed.
const SHORTEST: usize = 16;

/// A longer one has no use.
const LONGEST: usize = 512;

/// A secret of the operator's.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// What `text` says, white space around it aside. Errors do not quote it.
    pub fn parse(text: &str) -> Result<Token, Wrong> {
        let text = text.trim();
        // RFC 6750 section 2.1: what an Authorization field can carry.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Token(text.to_string()));
        }
        let fix = "a token has 16 to 512 letters, digits and -._~+/=, as openssl rand -hex 32 makes them";
        Err(Wrong::new("this is no token (it is not shown)", fix))
    }

    /// Whether this is it. How long that takes depends on the length of `other` alone.
    pub fn is(&self, other: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let mut differs = u8::from(own.len() != other.len());
        for (at, &byte) in other.iter().enumerate() {
            differs |= byte ^ own.get(at % own.len().max(1)).copied().unwrap_or(0);
            differs = std::hint::black_box(differs); // no shortcut at the first difference
        }
        differs == 0
    }

    /// The secret itself, to be sent to whom it is meant for.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(not shown)")
    }
}

/// Who may speak to the admin address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Whoever knows it; none: everybody who can reach it.
    pub token: Option<Token>,
    /// The name that the operator wrote for it, if it was one and no number.
    pub name: Option<String>,
}

/// What one layer says: file, or flags and environment.
#[derive(Debug, Default)]
pub struct Typed {
    /// `admin_token`.
    pub token: Option<Said<Token>>,
    /// `admin_token_file`.
    pub file: Option<Said<String>>,
    /// What stands in that file.
    pub read: Option<Token>,
}

impl Typed {
    /// What `upper` says, if it says anything.
    pub fn under(self, upper: Typed) -> Typed {
        if upper.token.is_some() || upper.file.is_some() { upper } else { self }
    }

    /// The file is read, if it is what counts: of both keys the one that outranks the other.
    pub fn opened(mut self, read: Read<'_>, errors: &mut Errors) -> Typed {
        if let (Some(token), Some(file)) = (&self.token, &self.file) {
            let (ours, other) = (token.place.rank(), file.place.rank());
            if ours == other {
                let wrong = Wrong::new("admin_token and admin_token_file are both there", "leave one of them out");
                errors.push(wrong.at(file.place.clone()));
            }
            if ours > other { self.file = None } else { self.token = None }
        }
        if let Some(file) = &self.file {
            let text = read(Path::new(&file.value)).map_err(|error| {
                let what = format!("cannot read the token in {}: {error}", quote(&file.value));
                Wrong::new(what, "name a file with the token in it, which this user may read")
            });
            let token = text.and_then(|text| Token::parse(&text)).map_err(|wrong| wrong.at(file.place.clone()));
            self.read = errors.keep(token);
        }
        self
    }

    /// The token, wherever it stands.
    pub fn into_token(self) -> Option<Token> {
        self.read.or(self.token.map(|token| token.value))
    }
}

impl Work<'_> {
    /// What the admin address stands for.
    pub(super) fn admin(&mut self, said: &Said<String>) -> Vec<Address> {
        self.value("admin", Some(said.clone()), String::new(), |written| super::settle::text(written));
        match said.value.as_str() {
            "off" => Vec::new(),
            _ => self.addresses(said),
        }
    }

    /// Who may speak to the admin address, which stands for these addresses.
    pub(super) fn guard(&mut self, said: Typed, admin: &Said<String>, addresses: &[Address]) -> Guard {
        if let Some(token) = &said.token {
            self.note("# admin_token is set, and not shown", &token.place);
        }
        self.if_said("admin_token_file", said.file.clone(), |path| super::settle::text(path));
        let token = said.into_token();
        let open = addresses.iter().find(|address| is_exposed(address));
        if let (None, Some(address)) = (&token, open) {
            let what = format!("others can reach the admin address {address}, and nobody is asked for a token");
            let fix = "name a file with a token: admin_token_file = \"/etc/evenkeel/token\" (or set EVENKEEL_ADMIN_TOKEN), \
                       or keep to 127.0.0.1 or unix:/path";
            self.errors.push(Wrong::new(what, fix).at(admin.place.clone()));
        }
        Guard { token, name: name_in(&admin.value) }
    }
}

/// Whether processes of other machines may come in there.
fn is_exposed(address: &Address) -> bool {
    address.tcp().is_some_and(|at| !at.ip().to_canonical().is_loopback())
}

/// `localhost` of `localhost:5002`; nothing of an address in numbers, or of none.
fn name_in(text: &str) -> Option<String> {
    let (host, _) = text.rsplit_once(':')?;
    let numeric = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    (!numeric && !text.starts_with(crate::base::address::UNIX)).then(|| host.to_string())
}

/// Where a command line may say it: in the environment, or in a file that a flag or the environment names.
pub fn of_process(file: Option<String>, env: super::flags::Env<'_>, errors: &mut Errors) -> Typed {
    let token = super::flags::said(None, "--admin-token", env);
    Typed {
        token: token.and_then(|token| errors.keep(super::flags::meaning(token, Token::parse))),
        file: super::flags::said(file, "--admin-token-file", env),
        read: None,
    }
}

/// A line of a file as an error may show it: a token that stands there is not.
pub(super) fn hide(line: &str) -> Option<String> {
    let (key, _) = line.split_once('=')?;
    let name = key.trim().trim_matches(['"', '\'']);
    // Misspelt as well: that is when the line is shown.
    let meant = strsim::damerau_levenshtein(name, "admin_token") <= 3 || name.contains("token");
    (meant && name != "admin_token_file").then(|| format!("{key}= (not shown)"))
}

/// Where nobody said it.
pub const DEFAULT_ADMIN: &str = "127.0.0.1:5002";

/// The admin address where nobody named another.
pub fn default_admin() -> Said<String> {
    Said::new(DEFAULT_ADMIN.to_string(), Place::Default)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Command, Config};
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn printed(line: &str, env: &[(&str, &str)], file: &str) -> String {
        match command(&format!("check --print {line}"), env, file) {
            Ok(Command::Check { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    }

    fn token_of(config: &Config) -> Option<&str> {
        config.guard.token.as_ref().map(Token::secret)
    }

    #[test]
    fn a_token_is_itself_and_nothing_else() {
        let token = Token::parse(" 0123456789abcdef\n").unwrap();
        assert!(token.is(SECRET.as_bytes()));
        for other in ["", "0", "0123456789abcdeg", "0123456789abcdef0", "0123456789abcdef0123456789abcdef", "abc"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        for bad in ["", "short", "0123456789 abcdef", "0123456789abcde\u{e9}", &"x".repeat(513)] {
            let wrong = Token::parse(bad).unwrap_err();
            assert!(bad.is_empty() || !wrong.what.contains(bad), "{wrong:?}");
        }
    }

    #[test]
    fn others_are_let_near_only_with_a_token() {
        for admin in ["0.0.0.0:5002", "[::]:5002", "10.0.0.7:5002", "one:5002", "[::ffff:10.0.0.7]:5002"] {
            let line = format!("-b 127.0.0.1:1 --admin {admin}");
            let text = refusal(&line);
            assert!(text.starts_with("--admin: others can reach the admin address"), "{text}");
            assert!(text.contains("admin_token_file") && text.contains("EVENKEEL_ADMIN_TOKEN"), "{text}");
            let config = config_env(&line, &[("EVENKEEL_ADMIN_TOKEN", SECRET)], "");
            assert_eq!(token_of(&config), Some(SECRET));
        }
        for admin in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/run/a.sock", "off"] {
            assert_eq!(config(&format!("-b 127.0.0.1:1 --admin {admin}")).guard.token, None);
        }
        assert_eq!(config("-b 127.0.0.1:1 --admin localhost:1").guard.name.as_deref(), Some("localhost"));
        assert_eq!(config("-b 127.0.0.1:1 --admin [::1]:1").guard.name, None);
    }

    #[test]
    fn it_comes_from_a_file_the_environment_or_a_file_that_is_named() {
        let pool = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\n";
        let said = format!("admin_token = \"{SECRET}\"\n{pool}");
        assert_eq!(token_of(&config_of(&said)), Some(SECRET));
        let over = config_env("-c evenkeel.toml", &[("EVENKEEL_ADMIN_TOKEN", "fedcba9876543210")], &said);
        assert_eq!(token_of(&over), Some("fedcba9876543210"));
        let file = config_env("-b 127.0.0.1:1 --admin-token-file t", &[], &format!("{SECRET}\n"));
        assert_eq!(token_of(&file), Some(SECRET));
        let both = [("EVENKEEL_ADMIN_TOKEN", SECRET), ("EVENKEEL_ADMIN_TOKEN_FILE", "t")];
        let exit = command("-b 127.0.0.1:1", &both, SECRET).unwrap_err();
        assert!(exit.text.contains("are both there"), "{}", exit.text);
        let text = refusal("-b 127.0.0.1:1 --admin-token-file missing.toml");
        assert!(text.starts_with("--admin-token-file: cannot read the token in \"missing.toml\""), "{text}");
    }

    #[test]
    fn nothing_shows_it() {
        let pool = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\n";
        let text = printed("-c evenkeel.toml", &[], &format!("admin_token = \"{SECRET}\"\n{pool}"));
        assert!(text.contains("# admin_token is set, and not shown") && !text.contains(SECRET), "{text}");
        let env = [("EVENKEEL_ADMIN_TOKEN", SECRET)];
        assert!(!printed("-b 127.0.0.1:1", &env, "").contains(SECRET));
        assert!(!format!("{:?}", config_env("-b 127.0.0.1:1", &env, "")).contains(SECRET));
        for line in [
            "admin_tokne = \"hush-hush\"",
            "admin_token = \"hush-hush\"",
            "\"admin_token\" = hush-hush",
            "admin-token = \"hush-hush\"",
            "  admin_token= [\"hush-hush\"]",
            "token = \"hush-hush\"",
        ] {
            let text = refusal_of(&format!("{line}\n{pool}"));
            assert!(text.contains("(not shown)") && !text.contains("hush"), "{text}");
        }
        let exit = command("-b 127.0.0.1:1", &[("EVENKEEL_ADMIN_TOKEN", "hush-hush")], "").unwrap_err();
        assert!(exit.text.starts_with("EVENKEEL_ADMIN_TOKEN: ") && !exit.text.contains("hush"), "{}", exit.text);
    }
}
