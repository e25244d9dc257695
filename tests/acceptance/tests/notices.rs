//! People at terminals see what others do, above the line that they are typing; and a terminal that is gone ends it.

use acceptance::{Daemon, Terminal, built, command, step};
use testkit::netns::{ip, isolated};

#[test]
fn others_commits_are_shown_above_the_line_being_typed() {
    isolated(|| {
        let daemon = Daemon::start();
        let (mut ann, mut bob) = (person(&daemon), person(&daemon));
        step("bob types while ann commits");
        bob.keys("netnses-iproute2 ne");
        bob.see("netnses-iproute2 ne");
        ann.line("netnses-iproute2 netns vpn1");
        let told = ann.line("commit comment first");
        assert!(!told.contains("! "), "{told}");
        let shown = bob.see("! commit 1 by");
        println!("{shown}");
        assert!(shown.contains("1 netns added \"first\""), "{shown}");
        step("the line is still there, and can be finished");
        let shown = bob.see("(config)# netnses-iproute2 ne");
        assert_eq!(shown.matches("netnses-iproute2 ne").count(), 1, "{shown}");
        bob.line("tns vpn2");
        let told = bob.line("commit");
        assert!(told.contains("commit 2: 1 netns added"), "{told}");
        let shown = ann.see("! commit 2 by");
        assert!(!shown.contains("! commit 1"), "{shown}");
    });
}

#[test]
fn an_undone_commit_is_told_to_all_with_its_reason() {
    isolated(|| {
        let daemon = Daemon::start();
        let (mut ann, mut bob) = (person(&daemon), person(&daemon));
        step("ann tries something out");
        ann.line("netnses-iproute2 netns vpn1");
        ann.line("commit confirmed 10");
        let shown = bob.see("! commit 1 is undone in 10 minutes unless `commit` confirms it");
        println!("{shown}");
        step("bob cancels it, and she sees who");
        bob.line("commit cancel");
        let shown = ann.see("! commit 2 by");
        println!("{shown}");
        assert!(shown.contains("! commit 1 is undone: "), "{shown}");
        assert!(shown.contains("cancelled it"), "{shown}");
        assert!(shown.contains("1 netns removed \"commit 1 was cancelled\""), "{shown}");
    });
}

#[test]
fn what_others_change_in_the_kernel_is_told() {
    isolated(|| {
        ip("link add eth7 type veth peer name far7");
        let daemon = Daemon::start();
        let mut ann = person(&daemon);
        ann.line("links-iproute2 link eth7 mtu 1400");
        ann.line("commit");
        ip("link set eth7 mtu 1300");
        let shown = ann.see("! others have changed ");
        println!("{shown}");
        assert!(shown.contains("link[name='eth7']"), "{shown}");
        assert!(shown.contains("; 1 object differs from running: `show drift`"), "{shown}");
        ip("link set eth7 mtu 1400");
        ann.see("! nothing differs from running any more");
    });
}

#[test]
fn a_daemon_that_ends_is_noticed_at_the_prompt() {
    isolated(|| {
        let mut daemon = Daemon::start();
        let mut ann = person(&daemon);
        daemon.stop();
        ann.see("netloomd closed the connection; uncommitted changes are lost");
        assert!(!ann.ends());
    });
}

#[test]
fn the_program_ends_with_its_terminal_also_where_the_signal_is_ignored() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ignoring = command("sh");
        ignoring.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(built("netloom"));
        ignoring.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
        Terminal::start(ignoring).hang_up();
    });
}

/// Somebody who configures the device.
fn person(daemon: &Daemon) -> Terminal {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    let mut person = Terminal::start(netloom);
    person.line("configure");
    person
}
