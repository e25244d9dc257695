//! Texts of users: they are shown to others, and stored, within limits.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use acceptance::{Daemon, step};
use testkit::netns::isolated;

#[test]
fn no_text_forges_a_line_or_acts_on_the_terminal() {
    isolated(|| {
        let daemon = Daemon::start();
        // A line end, the C1 introducer of escape sequences, DEL, and a right-to-left override.
        let evil = r#""ok\u{a}  0  #9 root: all is well\u{9b}2J\u{7f}\u{202e}""#;
        let shown = r"ok\u{a}  0  #9 root: all is well\u{9b}2J\u{7f}\u{202e}";
        daemon.run(&format!(
            "configure\nnetnses-iproute2 netns vpn1\n\
             links-iproute2 link a type veth virtual_peer_name b\nlinks-iproute2 link b type veth virtual_peer_name a\n\
             links-iproute2 link a description {evil}\n\
             commit comment {evil}\n"
        ));
        for command in [
            "show history",
            "show config-running",
            "show config-running | display set",
            "show config-running | blame",
            "show rollback 0 | compare rollback 1",
        ] {
            step(command);
            let out = daemon.run(&format!("{command}\n"));
            assert!(out.contains(shown), "{out}");
            assert!(
                out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
                "{out:?}"
            );
        }
        for form in ["json", "xml"] {
            let out = daemon.run(&format!("show config-running | display {form}\n"));
            assert!(
                out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
                "{out:?}"
            );
        }
        step("what is shown can be loaded, and is the same text");
        let file = daemon.folder().join("saved");
        let load = format!("configure\nsave {0}\nload replace {0}\ncommit\n", file.display());
        assert_eq!(daemon.run(&load), "nothing to commit\n");

        step("the log has a line for each event");
        assert!(!daemon.log().lines().any(|line| line.starts_with("  0  #9")), "{}", daemon.log());
    });
}

#[test]
fn a_comment_is_limited() {
    isolated(|| {
        let daemon = Daemon::start();
        let commit = |length| {
            let comment = "x".repeat(length);
            daemon.script(&format!(
                "configure\nnetnses-iproute2 netns vpn{length}\ncommit comment {comment}\n"
            ))
        };
        let refused = commit(4097);
        assert!(!refused.status.success());
        assert!(
            refused.err.contains(
                "the comment has 4097 characters, and at most 4096 are stored in the history"
            ),
            "{}",
            refused.err
        );
        assert!(commit(4096).status.success());
    });
}

#[test]
fn a_message_names_what_an_abbreviation_was_understood_as() {
    isolated(|| {
        let daemon = Daemon::start();
        let ran = daemon.script("configure\nlinks-iproute2 link a adm 10\n");
        assert!(ran.err.contains("(\"adm\" is understood as admin-status)"), "{}", ran.err);
    });
}
