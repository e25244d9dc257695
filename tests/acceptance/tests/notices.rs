//! People at terminals see what others do, above the line that they edit. A terminal that is closed
//! ends its program.

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
fn an_undone_commit_sends_a_notice_with_the_reason() {
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
fn changes_by_others_in_the_kernel_send_a_notice() {
    isolated(|| {
        ip("link add eth7 type veth peer name far7");
        let daemon = Daemon::start();
        let mut ann = person(&daemon);
        ann.line("links-iproute2 link eth7 mtu 1400");
        ann.line("commit");
        ip("link set eth7 mtu 1300");
        let shown = ann.see("! others have changed ");
        println!("{shown}");
        assert!(shown.contains("! others have changed links-iproute2 link eth7; "), "{shown}");
        assert!(shown.contains("; 1 object differs from running: `show drift`"), "{shown}");
        step("the prompt shows it too, for as long as it lasts");
        ann.await_in_prompt(|prompt| prompt.ends_with("[drift 1](config)#"));
        ip("link set eth7 mtu 1400");
        ann.see("! nothing differs from running any more");
        ann.await_in_prompt(|prompt| !prompt.contains("drift"));
    });
}

#[test]
fn held_objects_are_shown_in_the_prompt_and_by_a_notice() {
    isolated(|| {
        ip("link add eth7 type veth peer name far7");
        ip("link set far7 up");
        let daemon = Daemon::start();
        let (mut ann, mut bob) = (person(&daemon), person(&daemon));
        step("ann configures routes over a link that is shut");
        ann.line("links-iproute2 link eth7");
        ann.line("ip 10.0.0.1/24");
        ann.line("admin-status down");
        ann.line("routes-iproute2");
        ann.line("route 10.8.0.0/16 nexthop eth7");
        ann.line("top");
        ann.line("routes-iproute2 route 10.9.0.0/16 nexthop eth7");
        ann.line("top");
        let told = ann.line("commit");
        println!("{told}");
        assert!(told.contains("; 2 objects are held ("), "{told}");
        assert!(told.contains("held: routes-iproute2 route 10.8.0.0/16: eth7 is down"), "{told}");
        step("her prompt shows it, and no notice tells her of her own commit");
        ann.await_in_prompt(|prompt| prompt.contains("[held 2](config)#"));
        step("bob has a notice, while he types");
        bob.keys("links-iproute2 li");
        let shown = bob.see("are held: `show drift`");
        println!("{shown}");
        assert!(
            shown.contains("! routes-iproute2 route 10.8.0.0/16 and 1 more are held; 2 "),
            "{shown}"
        );
        bob.await_in_prompt(|prompt| prompt.contains("[held 2](config)# links-iproute2 li"));
        step("whoever comes later sees it at the first prompt");
        let carol = terminal(&daemon);
        assert!(carol.prompt().contains("[held 2]>"), "{}", carol.prompt());
        step("the link comes back, and with it the routes");
        bob.line("nk eth7 admin-status up");
        let told = bob.line("commit");
        println!("{told}");
        bob.await_in_prompt(|prompt| !prompt.contains("held"));
        let shown = ann.see("! nothing is held any more");
        println!("{shown}");
        assert!(!shown.contains("are held: `show drift`"), "{shown}");
        ann.await_in_prompt(|prompt| !prompt.contains("held"));
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

/// A person who configures the device.
fn person(daemon: &Daemon) -> Terminal {
    let mut person = terminal(daemon);
    person.line("configure");
    person
}

/// A person who has just connected.
fn terminal(daemon: &Daemon) -> Terminal {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    Terminal::start(netloom)
}
