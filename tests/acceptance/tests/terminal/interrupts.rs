//! Ctrl-C stops output, and neither a session nor a commit.

use acceptance::{Ability, Daemon, Terminal, step};
use rustix::process::{Pid, Signal, kill_process};
use testkit::netns::isolated;

use crate::{netloom, person};

const MANY: usize = 20_000;

#[test]
fn ctrl_c_stops_output_and_keeps_the_candidate() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        load_many(&daemon, &mut ann);
        step("the output is stopped in the middle");
        let from = ann.transcript().len();
        ann.press(b"show config-candidate | no-more\r");
        ann.await_output(from, "route 10.");
        ann.press(b"\x03");
        let at = ann.transcript().len();
        ann.await_output(at, "(config)# ");
        let shown = ann.transcript()[from..].matches("  route 10.").count();
        assert!(shown < MANY, "all {shown} routes are shown");
        step("the session and its candidate are there");
        let from = ann.transcript().len();
        ann.press(b"show config-candidate | count\r");
        ann.await_output(from, &format!("{} lines", MANY * 2 + 1));
        step("so is the history, although the program never got to its end");
        drop(ann);
        let history = std::fs::read_to_string(daemon.folder().join("netloom/history"));
        assert!(history.expect("there is a history").contains("show config-candidate | count"));
    });
}

#[test]
fn ctrl_c_during_a_page_or_a_signal_stops_only_output() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        load_many(&daemon, &mut ann);
        let from = ann.transcript().len();
        ann.press(b"show config-candidate\r");
        ann.await_output(from, "--More--");
        ann.press(b"\x03");
        ann.await_output(from, "(config)# ");
        step("a signal has the effect of the key");
        let from = ann.transcript().len();
        ann.press(b"netnses-iproute2 nets");
        ann.await_output(from, "nets");
        kill_process(pid(ann.pid()), Signal::INT).expect("send the signal");
        let from = ann.transcript().len();
        ann.await_output(from, "(config)# ");
        ann.press(b"show config-candidate | count\r");
        ann.await_output(from, &format!("{} lines", MANY * 2 + 1));
    });
}

#[test]
fn ctrl_c_during_a_commit_shows_its_result() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        ann.line("netnses-iproute2 netns vpn1");
        step("the daemon is busy");
        kill_process(pid(daemon.pid()), Signal::STOP).expect("stop the daemon");
        let from = ann.transcript().len();
        ann.press(b"commit\r");
        ann.await_in_prompt(str::is_empty);
        // The first key may reach the program before it has sent the request.
        let told = (0..100).any(|_| {
            let from = ann.transcript().len();
            ann.press(b"\x03");
            ann.await_output(from, "^C\r\n");
            ann.transcript()[from..].contains("the commit is under way and goes on")
        });
        assert!(told, "{}", ann.transcript());
        kill_process(pid(daemon.pid()), Signal::CONT).expect("continue the daemon");
        ann.await_output(from, "commit 1: 1 netns added");
        ann.await_in_prompt(|prompt| prompt.ends_with("#"));
        ann.line("top");
        ann.line("netnses-iproute2 netns vpn2");
        ann.line("commit");
    });
}

#[test]
fn ctrl_c_at_a_prompt_gives_up_the_line() {
    isolated(|| {
        let daemon = Daemon::start();
        for answers in [true, false] {
            let mut ann = person(&daemon, Ability { answers, ..Ability::default() });
            ann.keys("netnses-iproute2 netns vpn1");
            ann.interrupt();
            ann.line("show config-candidate | count");
        }
    });
}

#[test]
fn the_terminal_is_restored_at_the_end() {
    isolated(|| {
        let daemon = Daemon::start();
        for end in ["exit\r", "\x04"] {
            let mut ann = Terminal::start(netloom(&daemon));
            let before = ann.mode();
            assert!(!before.local_modes.contains(rustix::termios::LocalModes::ICANON));
            ann.keys(end);
            assert!(ann.ends());
            let after = ann.mode();
            assert!(after.local_modes.contains(rustix::termios::LocalModes::ICANON), "{end:?}");
            ann.await_output(0, "\x1b[?2004l");
        }
        let mut ann = Terminal::start(netloom(&daemon));
        kill_process(pid(ann.pid()), Signal::TERM).expect("send the signal");
        assert!(!ann.ends());
        assert!(ann.mode().local_modes.contains(rustix::termios::LocalModes::ICANON));
    });
}

/// Loads a candidate that is long to show.
fn load_many(daemon: &Daemon, ann: &mut Terminal) {
    let mut text = "routes-iproute2\n".to_owned();
    for n in 0..MANY {
        text += &format!(" route 10.{}.{}.0/24\n  type blackhole\n", n / 250, n % 250);
    }
    let file = daemon.folder().join("many");
    std::fs::write(&file, text).expect("write the file");
    ann.line(&format!("load merge {}", file.display()));
}

fn pid(number: u32) -> Pid {
    let number = i32::try_from(number).expect("a process id is small");
    Pid::from_raw(number).expect("a process id is not zero")
}
