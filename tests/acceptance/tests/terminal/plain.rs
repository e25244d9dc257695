//! Terminals that cannot place the cursor, and programs in the place of a person.

use std::time::Instant;

use acceptance::{Ability, Daemon, Terminal, step};
use testkit::netns::isolated;

use crate::{netloom, person};

#[test]
fn a_dumb_terminal_gets_plain_text() {
    isolated(|| {
        let daemon = Daemon::start();
        for term in [Some("dumb"), None, Some("")] {
            let mut ann = person(&daemon, Ability { term, ..Ability::default() });
            ann.line("netnses-iproute2 netns vpn1");
            ann.keys("show config-candidate | count\x08\x7f\x08\x08\x08no-more\r");
            ann.see(" netns vpn1");
            ann.keys("netnses-iproute2 ?");
            ann.see("  netns  ");
            ann.keys("\x15exit\rexit\r");
            ann.see("there are uncommitted changes");
            ann.await_in_prompt(|prompt| prompt.ends_with("(config)#"));
            ann.keys("discard-changes\rexit\rexit\r");
            assert!(ann.ends());
            let written = ann.transcript();
            assert!(!written.contains('\x1b'), "{term:?}: {written:?}");
        }
    });
}

#[test]
fn a_terminal_that_does_not_answer_is_asked_once() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut robot = person(&daemon, Ability { answers: false, ..Ability::default() });
        step("as expect and netmiko do: a line, and the next prompt");
        let start = Instant::now();
        for number in 0..20 {
            let from = robot.transcript().len();
            robot.press(format!("netnses-iproute2 netns vpn{number}\ntop\n").as_bytes());
            robot.await_output(from, "(config)# ");
        }
        println!("{:?}", start.elapsed());
        let from = robot.transcript().len();
        robot.press(b"commit\n");
        robot.await_output(from, "commit 1: 20 netns added");
        let written = robot.transcript();
        assert_eq!(written.matches('\x1b').count(), 1, "{written:?}");
        assert!(written.contains("(config)# netnses-iproute2 netns vpn7\r\n"), "{written:?}");
    });
}

#[test]
fn a_slow_terminal_gets_the_editor_later() {
    isolated(|| {
        let daemon = Daemon::start();
        let slow = Ability { answers: false, ..Ability::default() };
        let mut ann = Terminal::start_at(netloom(&daemon), slow);
        ann.answer_from_now_on();
        ann.press(b"\x1b[1;1Rconfigure\r");
        ann.await_output(0, "\x1b[?2004h");
        ann.await_in_prompt(|prompt| prompt.ends_with("(config)#"));
        ann.line("netnses-iproute2 netns vpn1");
    });
}

#[test]
fn tab_completes_also_without_an_editor() {
    isolated(|| {
        let daemon = Daemon::start();
        let plain = Ability { term: Some("dumb"), ..Ability::default() };
        let mut ann = person(&daemon, plain);
        ann.keys("netn\t ne\tvpn1");
        ann.await_in_prompt(|prompt| prompt.ends_with("(config)# netnses-iproute2  netns vpn1"));
    });
}
