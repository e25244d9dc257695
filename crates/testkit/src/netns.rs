//! An isolated environment for a test: network and mount namespaces with an empty `/run`, which
//! disappear with the test.
//!
//! The test runs on a thread that has left the host's namespaces. Threads and programs that it
//! starts are in the same namespaces. Without privileges, the test binary first starts itself again
//! as root of a user namespace, so that `cargo test` needs no privileges.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test stands on fails by panic")]

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

/// Runs `test` in namespaces of its own.
#[allow(unsafe_code, reason = "unshare(2) has no safe form")]
pub fn isolated<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    become_root();
    let world = || {
        // SAFETY: neither flag separates this thread's file descriptors from those of the other threads.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWNS) }
            .expect("unshare network and mounts");
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", private).expect("keep mounts to this world");
        rustix::mount::mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None)
            .expect("mount an empty /run");
        test()
    };
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().spawn_scoped(scope, world).expect("start a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs ip(8) with these arguments, separated by spaces, in the namespaces of the calling thread.
/// Returns its output.
#[track_caller]
pub fn ip(arguments: &str) -> String {
    let output = program("ip").args(arguments.split_whitespace()).output().expect("run ip");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {errors}");
    String::from_utf8(output.stdout).expect("ip prints text")
}

/// The JSON output of ip(8); an empty list if there is none.
#[track_caller]
pub fn ip_json(arguments: &str) -> serde_json::Value {
    let text = ip(&format!("-j {arguments}"));
    match text.trim() {
        "" => serde_json::Value::Array(Vec::new()),
        text => serde_json::from_str(text).expect("ip prints JSON"),
    }
}

/// Whether this kernel can create links of that kind, in the namespaces of the calling thread. If
/// not, prints that, and fails if `NETLOOM_REQUIRE_ALL_KINDS` is set.
pub fn has_link_kind(kind: &str) -> bool {
    let made = program("ip").args(["link", "add", "probe", "type", kind]).output().expect("run ip");
    if made.status.success() {
        ip("link delete probe");
        return true;
    }
    let reason = String::from_utf8_lossy(&made.stderr);
    let is_lacking = reason.contains("Unknown device type");
    if is_lacking {
        let required = std::env::var_os("NETLOOM_REQUIRE_ALL_KINDS").is_some();
        assert!(!required, "this kernel must make {kind} links: {reason}");
        println!("skipped: {kind}: {}", reason.trim());
    }
    // Any other refusal comes from a kernel that supports the kind, but needs more attributes.
    !is_lacking
}

fn become_root() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let exe = std::env::current_exe().expect("find the test binary");
    let error = program("unshare")
        .args(["--map-root-user", "--net", "--mount"])
        .arg(exe)
        .args(std::env::args_os().skip(1))
        .exec();
    panic!("become root of a user namespace: {error}");
}

/// A program for a test, to run in the namespaces of the calling thread.
#[allow(clippy::disallowed_methods, reason = "tests may run other programs")]
pub fn program(name: &str) -> Command {
    Command::new(name)
}
