//! A closed standard output or standard error is no panic.

use std::fs::File;
use std::process::{Command, ExitStatus, Stdio};

use acceptance::{Daemon, built, command, step};
use testkit::netns::isolated;

#[test]
fn closed_output_is_no_panic() {
    isolated(|| {
        let daemon = Daemon::start();
        let many = "show operational-data";
        step("standard error is closed: the exit status is that of the command");
        assert_eq!(ran(&daemon, &["bogus"], Closed::Error).code(), Some(1));
        assert_eq!(ran(&daemon, &["configure", "commit"], Closed::Error).code(), Some(0));
        let mut nobody = command(built("netloom"));
        nobody.args(["--socket", "/nowhere", "-c", "show"]);
        assert_eq!(status(nobody, Closed::Both).code(), Some(1));
        step("standard output is closed: no error if all commands were run");
        assert_eq!(ran(&daemon, &[many], Closed::Output).code(), Some(0));
        assert_eq!(ran(&daemon, &[many, "configure"], Closed::Output).code(), Some(1));
        assert_eq!(ran(&daemon, &[many], Closed::Both).code(), Some(0));
        assert_eq!(ran(&daemon, &["bogus"], Closed::Both).code(), Some(1));
        step("a full disk is an error");
        let mut full = netloom(&daemon, &[many]);
        full.stdout(File::options().write(true).open("/dev/full").expect("open /dev/full"));
        assert_eq!(full.status().expect("run netloom").code(), Some(1));
        step("so for the other uses");
        for option in ["--help", "--version", "--nosuch"] {
            let mut other = netloom(&daemon, &[]);
            other.arg(option);
            let code = status(other, Closed::Both).code();
            assert_ne!(code, Some(101), "{option}");
        }
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    Output,
    Error,
    Both,
}

fn netloom(daemon: &Daemon, commands: &[&str]) -> Command {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket());
    for command in commands {
        netloom.args(["-c", command]);
    }
    netloom
}

fn ran(daemon: &Daemon, commands: &[&str], closed: Closed) -> ExitStatus {
    status(netloom(daemon, commands), closed)
}

fn status(mut program: Command, closed: Closed) -> ExitStatus {
    let unread = || {
        let (reader, writer) = std::io::pipe().expect("make a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if closed != Closed::Error {
        program.stdout(unread());
    }
    if closed != Closed::Output {
        program.stderr(unread());
    }
    program.status().expect("run netloom")
}
