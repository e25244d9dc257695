//! The interactive terminal: no keystroke is lost, and no key ends a session.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod clients;
mod interrupts;
mod output;
mod paste;
mod plain;
mod screen;
mod wrapped;

use acceptance::{Ability, Daemon, Terminal, built, command, step};
use testkit::netns::isolated;

#[test]
fn a_question_mark_in_a_comment_or_in_quotes_is_a_character() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        step("a comment goes on after it, and the mode stays");
        ann.line("links-iproute2 link dum7");
        ann.line("! my config? yes");
        assert!(ann.prompt().contains("dum7"), "{}", ann.prompt());
        ann.line("# is it? 'quoted?'");
        step("so does a quoted word, also if all keys come at once");
        ann.line("top");
        ann.press(b"netnses-iproute2 netns vpn1\rtop\r! why? so\rcommit comment \"why? so\"\r");
        ann.see("commit 1: 1 netns, 1 link added");
        let history = ann.line("show history");
        assert!(history.contains("why? so"), "{history}");
    });
}

#[test]
fn help_shows_the_line_once_and_goes_on_with_it() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        ann.keys("netnses-iproute2 ?netns vpn1");
        let shown = ann.see("netnses-iproute2 netns vpn1");
        println!("{shown}");
        assert_eq!(shown.matches("(config)# netnses-iproute2 ?\n").count(), 1, "{shown}");
        assert_eq!(shown.matches("(config)# netnses-iproute2").count(), 2, "{shown}");
        ann.line("");
        let told = ann.line("commit");
        assert!(told.contains("commit 1: 1 netns added"), "{told}");
    });
}

#[test]
fn long_help_is_shown_in_pages() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut script = "configure\nnetnses-iproute2\n".to_owned();
        for number in 0..200 {
            script += &format!("netns vpn{number}\n");
        }
        daemon.run(&(script + "commit\n"));
        let mut ann = person(&daemon, Ability { rows: ROWS, ..Ability::default() });
        ann.keys("netnses-iproute2 netns ?");
        ann.await_output(0, "--More--");
        assert!(!ann.transcript().contains("  vpn99"), "{}", ann.transcript());
        step("the rest is not wanted, and the line is there again");
        let from = ann.transcript().len();
        ann.keys("q");
        ann.await_output(from, "netnses-iproute2 netns ");
        ann.keys("vpn9");
        ann.await_in_prompt(|prompt| prompt.ends_with("(config)# netnses-iproute2 netns vpn9"));
    });
}

const ROWS: std::num::NonZero<u16> = std::num::NonZero::new(30).unwrap();

/// The program at a terminal that is not started yet.
fn netloom(daemon: &Daemon) -> std::process::Command {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    netloom
}

/// A person who configures the device.
fn person(daemon: &Daemon, ability: Ability) -> Terminal {
    let mut person = Terminal::start_at(netloom(daemon), ability);
    person.keys("configure\r");
    person.await_in_prompt(|prompt| prompt.ends_with("(config)#"));
    person
}
