//! The daemon from the outside: its socket, its errors at start, and NETCONF with ncclient.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod clients;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use acceptance::{Daemon, Ran, built, client, command, step};
use testkit::netns::{ip_json, isolated};

#[test]
fn the_socket_is_the_owners_and_goes_with_the_daemon() {
    isolated(|| {
        let mut daemon = Daemon::start();
        let mode = fs::metadata(daemon.socket()).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        step("a daemon that is stopped takes its socket along");
        daemon.stop();
        assert!(!daemon.socket().exists());
        step("one that is killed cannot, and the next replaces it");
        daemon.start_again(&[]);
        daemon.kill();
        assert!(daemon.socket().exists());
        daemon.start_again(&[]);
        daemon.run("show config-running\n");
    });
}

#[test]
fn a_second_daemon_is_refused() {
    isolated(|| {
        let daemon = Daemon::start();
        let other = daemon.folder().join("other");
        step("on the same socket");
        let refused = netloomd(&[], &other, &daemon.socket());
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.err.contains("a daemon is serving this socket already"), "{}", refused.err);
        step("on the same state");
        let refused = netloomd(&[], &daemon.state(), &other);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.err.contains("netloomd: "), "{}", refused.err);
        assert!(!other.exists());
        step("with a state and a socket of its own, on the same kernel");
        let alone = daemon.folder().join("alone");
        let refused = netloomd(&[], &alone, &other);
        assert_eq!(refused.status.code(), Some(1));
        let holder = format!(
            "this network namespace is in use by another netloomd (process {})",
            daemon.pid()
        );
        assert!(refused.err.contains(&holder), "{}", refused.err);
        assert!(!alone.exists() && !other.exists());
        step("to give back, and without a daemon");
        let release =
            command(built("netloomd")).args(["--release", "--state-dir"]).arg(&alone).output();
        let refused = Ran::of(release.expect("run netloomd"));
        assert!(refused.err.contains(&holder), "{}", refused.err);
        let standalone = command(built("netloom"))
            .args(["--standalone", "-c", "show history", "--state-dir"])
            .arg(&alone)
            .output();
        let refused = Ran::of(standalone.expect("run netloom"));
        assert!(refused.err.contains(&holder), "{}", refused.err);
        step("and the first serves on");
        daemon.run("show config-running\n");
        step("in another network namespace there is another kernel");
        let elsewhere = ["unshare", "--net", "--", "timeout", "--preserve-status", "3"];
        let ran = netloomd(&elsewhere, &alone, &other);
        assert!(!ran.err.contains("in use"), "{}", ran.err);
        assert!(ran.status.success(), "{}", ran.err);
    });
}

#[test]
fn who_cannot_connect_is_told_why() {
    isolated(|| {
        let mut daemon = Daemon::start();
        // Others can reach the socket, and only its permissions keep them out.
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(daemon.folder(), everybody).expect("open the folder");
        let netloom = |by: &[&str], socket: &Path| {
            let (program, arguments) = by.split_first().expect("a program");
            let ran = command(program)
                .args(arguments)
                .arg("--socket")
                .arg(socket)
                .args(["-c", "show history"])
                .output();
            Ran::of(ran.expect("run netloom"))
        };
        let netloom_program = daemon.folder().join("netloom");
        fs::copy(built("netloom"), &netloom_program).expect("copy netloom for others");
        let own = [netloom_program.to_str().expect("a path")];
        let user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", own[0]];
        step("an ordinary user");
        let ran = netloom(&user, &daemon.socket());
        assert_eq!(ran.status.code(), Some(1));
        assert!(ran.err.contains("only its owner may connect: run netloom as root"), "{}", ran.err);
        assert!(!ran.err.contains("is netloomd running"), "{}", ran.err);
        step("another path");
        let ran = netloom(&own, &daemon.folder().join("nowhere"));
        assert!(ran.err.contains("there is no such socket: is netloomd running"), "{}", ran.err);
        step("a daemon that was killed");
        daemon.kill();
        let ran = netloom(&own, &daemon.socket());
        assert!(ran.err.contains("nobody serves this socket: is netloomd running?"), "{}", ran.err);
    });
}

#[test]
fn a_daemon_names_the_missing_privileges() {
    isolated(|| {
        let folder = tempfile::tempdir().expect("make a folder");
        let (state, socket) = (folder.path().join("state"), folder.path().join("sock"));
        let without = ["setpriv", "--bounding-set", "-net_admin"];
        let refused = netloomd(&without, &state, &socket);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.err.contains("CAP_NET_ADMIN to configure the network"), "{}", refused.err);
        assert!(!state.exists() && !socket.exists());
    });
}

#[test]
fn another_client_configures_a_network() {
    let Some(python) = client("bin/python") else { return };
    isolated(|| {
        let daemon = Daemon::start();
        let output = command(python)
            .arg("-c")
            .arg(include_str!("ncclient_session.py"))
            .arg(daemon.socket())
            .output()
            .expect("run python");
        let ran = Ran::of(output);
        assert!(ran.status.success(), "{}{}", ran.out, ran.err);
        print!("{}", ran.out);
        let links = ip_json("-n vpn10 link show dev v0");
        assert_eq!(links[0]["mtu"], 1400);
    });
}

/// Runs a daemon that must end by itself, through another program if one is given.
fn netloomd(by: &[&str], state: &Path, socket: &Path) -> Ran {
    let netloomd = built("netloomd");
    let (program, arguments) = match by.split_first() {
        Some((program, arguments)) => (PathBuf::from(program), arguments),
        None => (netloomd.clone(), by),
    };
    let mut command = command(program);
    command.args(arguments);
    if !by.is_empty() {
        command.arg(netloomd);
    }
    command.arg("--state-dir").arg(state).arg("--socket").arg(socket);
    Ran::of(command.output().expect("run netloomd"))
}
