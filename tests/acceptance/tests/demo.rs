//! The demo runs for a user without privileges, as root of a user namespace of its own. What it creates ends with it, even
//! without clean-up.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceptance::{Ran, built, command, kernel, step};
use tempfile::TempDir;

#[test]
fn nothing_outlives_a_demo_that_is_killed() {
    let mut demo = command(built("demo")).stdout(Stdio::piped()).spawn().expect("start the demo");
    let mut shown = BufReader::new(demo.stdout.take().expect("standard output is piped")).lines();
    let begun = shown.any(|line| line.is_ok_and(|line| line.contains("commit 1:")));
    assert!(begun, "the demo does not come to its first commit");
    let world = world(demo.id());
    assert!(inhabitants(&world).len() > 1, "daemon and terminal are not in the demo's world");
    step("a demo that is killed takes its daemon and its terminal along");
    demo.kill().expect("kill the demo");
    demo.wait().expect("await the demo");
    kernel::until("the demo's world is empty", || inhabitants(&world).is_empty());
}

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

/// The network namespace to which a thread of the process has moved.
fn world(process: u32) -> PathBuf {
    let process = PathBuf::from(format!("/proc/{process}"));
    let first = netns(&process);
    let tasks = fs::read_dir(process.join("task")).expect("list the demo's threads");
    let mut worlds = tasks.filter_map(|task| netns(&task.ok()?.path()));
    worlds.find(|world| Some(world) != first.as_ref()).expect("the demo has a world of its own")
}

/// The processes in that namespace.
fn inhabitants(world: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc").expect("list processes");
    let all = all.filter_map(|entry| Some(entry.ok()?.path()));
    all.filter(|process| netns(process).is_some_and(|netns| netns == world)).collect()
}

fn netns(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/net")).ok()
}

/// A command as the user nobody.
fn nobody() -> Command {
    let mut command = command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
}
