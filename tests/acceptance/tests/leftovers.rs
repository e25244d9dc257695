//! What the tests and the demo create ends with them, even without clean-up.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use acceptance::{built, command, kernel, step};

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
