//! Floor 1: what cannot be twice: two listeners on one port or path, two backends at one address, a listener that is its own
//! backend.

use super::error::{Errors, Place, Wrong, quote};
use super::{Backend, Config, Listener};
use crate::base::Address;
use std::collections::BTreeSet;

/// Who listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The status API.
    Admin,
    /// The listener of that name.
    Listener(String),
}

impl Who {
    fn name(&self) -> String {
        match self {
            Who::Admin => "admin".to_string(),
            Who::Listener(name) => format!("listener {name:?}"),
        }
    }
}

/// Who listens, who said so, and where.
pub type Bind = (Who, Place, Vec<Address>);

/// Refuses addresses that two would listen at, and listeners that would be their own client.
pub fn refuse(binds: &[Bind], config: &Config, errors: &mut Errors) {
    for (index, one) in binds.iter().enumerate() {
        for other in binds.iter().take(index) {
            refuse_both(other, one, errors);
        }
        let listener = config.listeners.iter().find(|listener| one.0 == Who::Listener(listener.name.clone()));
        if let Some(listener) = listener {
            refuse_loop(one, listener, config, errors);
        }
    }
}

fn refuse_both(one: &Bind, other: &Bind, errors: &mut Errors) {
    let taken = |at: &&Address| one.2.iter().any(|earlier| same(earlier, at));
    let Some(at) = other.2.iter().find(taken) else {
        return;
    };
    let place = match one.1.rank() > other.1.rank() {
        true => &one.1,
        false => &other.1,
    };
    let what = match one.0 == other.0 {
        true => format!("{} would listen twice at {at}", one.0.name()),
        false => format!("{} and {} would both listen at {at}", one.0.name(), other.0.name()),
    };
    let fix = match one.0 == Who::Admin && one.1 == Place::Default {
        true => "choose another port, or move the admin address with --admin ADDR or --admin off",
        false if at.is_unix() => "give each its own path",
        false => "give each its own port",
    };
    errors.push(Wrong::new(what, fix).at(place.clone()));
}

/// Whether the second bind would find its port or path taken. Port 0 is a different one each time.
fn same(one: &Address, other: &Address) -> bool {
    let (Address::Tcp(one), Address::Tcp(other)) = (one, other) else { return one == other };
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    let covered = all && one.is_ipv4() == other.is_ipv4();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || covered)
}

/// A request to such a backend would come in again, and again, until no descriptor is left.
fn refuse_loop(bind: &Bind, listener: &Listener, config: &Config, errors: &mut Errors) {
    let leads_to = listener.routes.iter().map(|route| route.pool).chain(listener.pool);
    let reached: BTreeSet<usize> = leads_to.collect();
    for backend in reached.iter().filter_map(|&pool| config.pools.get(pool)).flat_map(|pool| &pool.backends) {
        if bind.2.iter().any(|ours| reaches(&backend.address, ours)) {
            let what = format!("backend {} is {} itself", quote(&backend.name), bind.0.name());
            let fix = "name the address at which the service listens, not the balancer";
            errors.push(Wrong::new(what, fix).at(bind.1.clone()));
        }
    }
}

/// Whether who connects to `at` comes in at `ours`.
fn reaches(at: &Address, ours: &Address) -> bool {
    let (Address::Tcp(at), Address::Tcp(ours)) = (at, ours) else { return at == ours };
    let reached = ours.ip() == at.ip() || ours.ip().is_unspecified() && at.ip().is_loopback();
    reached && ours.port() == at.port()
}

/// Whether `backend` is a new one; otherwise an error.
pub fn refuse_again(backend: &Backend, known: &[Backend], place: Place, errors: &mut Errors) -> bool {
    let Some(twin) = known.iter().find(|known| known.address == backend.address) else {
        return true;
    };
    let what = match twin.name == backend.name {
        true => format!("backend {} is named twice", quote(&backend.name)),
        false => {
            format!("backends {} and {} are the same, {}", quote(&twin.name), quote(&backend.name), backend.address)
        }
    };
    let fix = "leave one out; for a larger share give it a weight";
    errors.push(Wrong::new(what, fix).at(place));
    false
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn one_port_has_one_listener() {
        for line in [
            "-l 127.0.0.1:1 -l 127.0.0.1:1",
            "-l 127.0.0.1:1 -l localhost:1",
            "-l 127.0.0.1:1 -l 0.0.0.0:1",
            "-l [::]:1 -l [::1]:1",
            "-l unix:/run/a -l unix:/run//a",
        ] {
            let text = refusal(&format!("-b 127.0.0.1:9 {line}"));
            assert!(text.starts_with("--listen: listener \"main\" would listen twice at"), "{text}");
        }
        let text = refusal("-b 127.0.0.1:9 -l 127.0.0.1:5002");
        assert!(text.starts_with("--listen: admin and listener \"main\" would both"), "{text}");
        assert!(text.contains("--admin off"), "{text}");
        let text = refusal("-b 127.0.0.1:9 --admin 127.0.0.1:5001");
        assert!(text.starts_with("--admin: admin and"), "{text}");
    }

    #[test]
    fn listeners_that_only_look_alike_are_fine() {
        for line in [
            "-l 127.0.0.1:0 -l 127.0.0.1:0 --admin 127.0.0.1:0",
            "-l 127.0.0.1:1 -l [::1]:1",
            "-l 0.0.0.0:1 -l [::]:1",
            "-l 127.0.0.1:1 -l 127.0.0.2:1",
            "-l 127.0.0.1:5002 --admin off",
            "-l unix:/run/a -l unix:/run/b -l 127.0.0.1:1",
        ] {
            config(&format!("-b 127.0.0.1:9 {line}"));
        }
    }

    #[test]
    fn two_listeners_of_a_file_clash_at_the_second() {
        let file = "[pool.a]\nbackends = [\"127.0.0.1:1\"]\n[listener.x]\nbind = \"127.0.0.1:3\"\n[listener.y]\nbind = \"127.0.0.1:3\"\n";
        let text = refusal_of(file);
        assert!(text.starts_with("evenkeel.toml:6:8: listener \"x\" and listener \"y\""), "{text}");
    }

    #[test]
    fn a_backend_is_named_once() {
        let text = refusal("-b 127.0.0.1:1 -b 127.0.0.1:1,weight=2");
        assert!(text.contains("backend \"127.0.0.1:1\" is named twice"), "{text}");
        let text = refusal("-b 127.0.0.1:1 -b localhost:1");
        assert!(text.contains("are the same, 127.0.0.1:1"), "{text}");
        let text = refusal("-b unix:/run/a -b unix:/run//a");
        assert!(text.contains("are the same, unix:/run//a"), "{text}");
    }

    #[test]
    fn a_balancer_is_not_its_own_backend() {
        for line in [
            "-b 127.0.0.1:5001",
            "-l 0.0.0.0:7 -b localhost:7",
            "-l localhost:7 -b localhost:7",
            "-l unix:/run/a -b unix:/run/a",
        ] {
            let text = refusal(line);
            assert!(text.contains("is listener \"main\" itself"), "{text}");
        }
    }
}
