//! The daemon from the outside: its socket, its errors at start, and NETCONF with ncclient.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod clients;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use acceptance::{Daemon, Ran, built, command, step};
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
        step("and the first serves on");
        daemon.run("show config-running\n");
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
    let Some(python) = ncclient() else {
        println!("skipped: no ncclient; `make ncclient` installs it");
        return;
    };
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

/// A Python that has ncclient.
fn ncclient() -> Option<PathBuf> {
    let here = std::env::current_exe().expect("find this program");
    let target = here.ancestors().find(|folder| folder.ends_with("target"))?;
    let python = target.join("tools/ncclient/bin/python");
    python.is_file().then_some(python)
}
