//! The storm once more over a loopback that delays, reorders and repeats packets: netem, in a network namespace of our
//! own. Left out with a word where the kernel has no netem, or nobody may make namespaces.

use crate::processes::NO_NGINX;
use std::process::{Command, Stdio};

/// Gentle enough that no time-out of the storm is due to it alone: nothing is lost for good.
const BAD_NETWORK: &str = "ip link set lo up && tc qdisc add dev lo root netem delay 3ms 1ms reorder 10% duplicate 1%";

const STORM: &str = "no_get_is_lost_and_no_byte_wrong_whatever_happens_around";

/// A shell in a namespace of its own.
fn within(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.env(NO_NGINX, "");
    command.args(["--map-root-user", "--net", "sh", "-c", script, "sh"]).stdin(Stdio::null());
    command
}

#[test]
fn the_storm_passes_over_a_bad_network_too() {
    let tried = within(BAD_NETWORK).output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        let why = tried.map_or_else(|error| error.to_string(), |it| String::from_utf8_lossy(&it.stderr).trim().into());
        println!("netem is not to be had here, left out: {why}");
        return;
    }
    let this = std::env::current_exe().expect("this binary");
    let mut storm = within(&format!("{BAD_NETWORK} && exec \"$@\""));
    let output = storm.arg(this).args(["--exact", STORM, "--nocapture"]).output().expect("a shell");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "the storm was not found: {said}");
}
