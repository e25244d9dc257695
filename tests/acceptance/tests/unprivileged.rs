//! Everything also runs for a user without privileges, as root of a user namespace.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use acceptance::{Ran, built, command, step};
use tempfile::TempDir;

#[test]
fn nobody_plays_the_tutorial() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: this user has no privileges, so all the other tests show it");
        return;
    }
    let probe = nobody().args(["unshare", "--map-root-user", "--net", "--mount", "true"]).output();
    let probe = Ran::of(probe.expect("run setpriv"));
    if !probe.status.success() {
        println!("skipped: user namespaces are not for everybody here: {}", probe.err.trim());
        return;
    }
    step("PC1 pings PC2 in the demo that nobody runs");
    // The build directory may be readable only by its owner.
    let folder = TempDir::with_prefix("netloom-").expect("make a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("open the folder");
    for name in ["demo", "netloom", "netloomd"] {
        fs::copy(built(name), folder.path().join(name)).expect("copy a program");
    }
    let ran = nobody().arg(folder.path().join("demo")).current_dir("/").output();
    let ran = Ran::of(ran.expect("run the demo"));
    assert!(ran.status.success(), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("3 received, 0% packet loss"), "{}", ran.out);
}

/// A command as the user nobody.
fn nobody() -> Command {
    let mut command = command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
}
