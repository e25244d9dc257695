//! The systemd unit: its exposure, and that it allows what the daemon does.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod watchdog;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use acceptance::{Lab, built, command, kernel, step, tutorial};
use rustix::fs::Mode;
use testkit::netns::{ip, isolated};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/netloomd.service");

/// Directives that would give the service a mount namespace of its own: the namespaces that it makes
/// would not appear on the host.
const MOUNT_NAMESPACE: [&str; 17] = [
    "PrivateDevices",
    "PrivateMounts",
    "PrivateTmp",
    "PrivateIPC",
    "ProtectSystem",
    "ProtectHome",
    "ProtectProc",
    "ProcSubset",
    "ProtectControlGroups",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "InaccessiblePaths",
    "RootDirectory",
    "TemporaryFileSystem",
];

#[test]
fn the_unit_exposes_little() {
    let Some(told) = told(command("systemd-analyze").args([
        "security",
        "--offline=true",
        "--threshold=44",
        UNIT,
    ])) else {
        return;
    };
    println!("  {}", told.trim().lines().last().unwrap_or_default());
    let status = command("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=44", UNIT])
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("run systemd-analyze").success(), "{told}");
}

#[test]
fn the_unit_has_the_mount_namespace_of_the_host() {
    let unit = fs::read_to_string(UNIT).expect("read the unit");
    for directive in MOUNT_NAMESPACE {
        let set = unit.lines().any(|line| line.starts_with(&format!("{directive}=")));
        assert!(!set, "{directive}");
    }
}

/// What the daemon calls is what the unit allows: at a start, in commits with namespaces, links and
/// routes, at a restart and when everything is given back.
#[test]
fn the_unit_allows_what_the_daemon_calls() {
    let Some(allowed) = allowed() else { return };
    isolated(|| {
        let _lab = Lab::new();
        let folder = tempfile::tempdir_in("/run").expect("make a folder");
        let (socket, state) = (folder.path().join("sock"), folder.path().join("state"));
        let calls = folder.path().join("calls");
        let traced = |more: &[&str]| {
            let mut program = command("strace");
            program.args(["-f", "-qq", "-c", "-U", "name", "-o"]).arg(&calls);
            program.arg(built("netloomd")).args(more).arg("--state-dir").arg(&state);
            program.arg("--socket").arg(&socket).stderr(Stdio::null());
            program
        };
        let mut called = BTreeSet::new();
        let mut note = || {
            let text = fs::read_to_string(&calls).expect("read the calls");
            let names = text.lines().map(str::trim).filter(|line| is_call(line));
            called.extend(names.map(str::to_owned));
        };
        let script =
            [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING]
                .concat();
        for script in [script.as_str(), "no netnses-iproute2 netns vpn20\ncommit\n", ""] {
            let mut daemon = traced(&[]).spawn().expect("start strace");
            kernel::until("the daemon serves", || socket.exists());
            let file = folder.path().join("script");
            fs::write(&file, format!("configure\n{script}")).expect("write a script");
            let input = fs::File::open(&file).expect("open a script");
            let client =
                command(built("netloom")).arg("--socket").arg(&socket).stdin(input).output();
            client.expect("run netloom");
            ip("link set lo up");
            let pid = fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.id()));
            let pid = pid.expect("list children").trim().parse().expect("a process");
            let pid = rustix::process::Pid::from_raw(pid).expect("a process");
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("end it");
            daemon.wait().expect("await strace");
            note();
        }
        traced(&["--release"]).status().expect("run strace");
        note();
        println!("  {} system calls", called.len());
        assert!(called.contains("setns") && called.contains("mount"), "{called:?}");
        let forbidden: Vec<_> = called.difference(&allowed).collect();
        assert!(forbidden.is_empty(), "{forbidden:?}");
    });
}

#[test]
fn no_umask_opens_the_socket() {
    isolated(|| {
        let folder = tempfile::tempdir_in("/run").expect("make a folder");
        for umask in [0o000, 0o077] {
            let before = rustix::process::umask(Mode::from_raw_mode(umask));
            let directory = folder.path().join(format!("socket-{umask:o}"));
            let socket = directory.join("sock");
            let mut daemon = command(built("netloomd"))
                .arg("--state-dir")
                .arg(folder.path().join("state"))
                .arg("--socket")
                .arg(&socket)
                .stderr(Stdio::null())
                .spawn()
                .expect("start netloomd");
            rustix::process::umask(before);
            kernel::until("the daemon serves", || socket.exists());
            let mode = |path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
            assert_eq!((mode(&directory), mode(&socket)), (0o755, 0o600));
            daemon.kill().expect("end it");
            daemon.wait().expect("await it");
        }
    });
}

/// Whether a line of strace's summary names a system call: neither heading, rule nor total, nor
/// what strace reports of a thread that ends while it detaches (`5609 ???( <detached ...>`).
fn is_call(line: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !["syscall", "total", ""].contains(&line) && line.chars().all(word)
}

/// The system calls that the unit's filter allows.
fn allowed() -> Option<BTreeSet<String>> {
    told(command("strace").arg("--version"))?;
    let unit = fs::read_to_string(UNIT).expect("read the unit");
    let filters = unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter="));
    let mut allowed = members("@default")?;
    for filter in filters {
        let denied = filter.strip_prefix('~');
        for group in denied.unwrap_or(filter).split_whitespace() {
            let members = members(group)?;
            match denied {
                Some(_) => allowed.retain(|call| !members.contains(call)),
                None => allowed.extend(members),
            }
        }
    }
    Some(allowed)
}

/// The system calls of a group, and of the groups in it.
fn members(group: &str) -> Option<BTreeSet<String>> {
    if !group.starts_with('@') {
        return Some([group.to_owned()].into());
    }
    let told = told(command("systemd-analyze").args(["syscall-filter", group]))?;
    let lines = told.lines().skip(1).map(str::trim).filter(|line| !line.starts_with('#'));
    let members: Option<Vec<_>> = lines.filter(|line| !line.is_empty()).map(members).collect();
    Some(members?.into_iter().flatten().collect())
}

/// What a program prints; none, and a word about it, where there is no such program.
fn told(program: &mut Command) -> Option<String> {
    match program.output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            step(&format!("skipped: {program:?}: {error}"));
            None
        }
    }
}
