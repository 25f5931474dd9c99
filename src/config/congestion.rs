//! Floor 1: by which algorithm TCP decides how fast it may send (tcp(7), TCP_CONGESTION): its name. Which there are, the
//! kernel knows, and is asked at the start.

use super::error::{Wrong, quote};

/// The longest name a kernel has (TCP_CA_NAME_MAX, the terminator left out).
const LONGEST: usize = 15;

/// A name, as for example `cubic` or `bbr`.
pub fn congestion(text: &str) -> Result<String, Wrong> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text.to_string()),
        false => {
            let what = format!("{} is no name of a congestion control", quote(text));
            Err(Wrong::new(what, "write one that `sysctl net.ipv4.tcp_available_congestion_control` lists, as cubic"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn listeners_and_pools_have_one_if_asked_for() {
        let text = "[listener.web]\nbind = \"127.0.0.1:1\"\npool = \"app\"\ncongestion = \"cubic\"\n\
                    [pool.app]\nbackends = [\"127.0.0.1:2\"]\ncongestion = \"bbr\"\n";
        let config = config_of(text);
        assert_eq!(first_listener(&config).congestion.as_deref(), Some("cubic"));
        assert_eq!(first_pool(&config).congestion.as_deref(), Some("bbr"));
        assert_eq!(first_pool(&config_of("[pool.app]\nbackends = [\"127.0.0.1:2\"]\n")).congestion, None);
    }

    #[test]
    fn what_no_kernel_could_know_is_refused() {
        for bad in ["", "a b", "sixteen-letters-"] {
            let text = refusal_of(&format!("[pool.app]\nbackends = [\"127.0.0.1:2\"]\ncongestion = \"{bad}\"\n"));
            assert!(
                text.starts_with("evenkeel.toml:3:14: ") && text.contains("tcp_available_congestion_control"),
                "{text}"
            );
        }
    }
}
