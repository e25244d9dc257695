//! What a line means: deletions, modes, places, formats and exit statuses of scripts.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::fs;

use acceptance::{Daemon, Ran, built, command, step};
use testkit::netns::{ip, isolated};

const LINKS: &str = "configure
netnses-iproute2 netns red
links-iproute2 link a type iproute2-ip-link:ifb
links-iproute2 link b type iproute2-ip-link:ifb
links-iproute2 link c type iproute2-ip-link:ifb mtu 1400
routes-iproute2 route 10.9.0.0/16 nexthop a
links-iproute2 link a admin-status up
commit
";

#[test]
fn no_deletes_only_what_is_written_out() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        let before = daemon.run("show config-running\n");
        let in_link = "links-iproute2 link a\n";
        for (mode, line, words) in [
            ("", "no link", "\"link\" is understood as links-iproute2"),
            ("", "no netns", "to delete all of it, write `no netnses-iproute2`"),
            ("", "no routes", "to delete one route, `no routes-iproute2 route PREFIX`"),
            (in_link, "no r", "is ambiguous"),
            (in_link, "no ro", "\"ro\" is understood as routes-iproute2"),
            (in_link, "no link", "name of link is missing"),
            ("", "no links-iproute2 link a lladd", "\"lladd\" is understood as lladdresses"),
            ("", "no links-iproute2 link a routes-iproute2", "\"routes-iproute2\" is unknown here"),
        ] {
            step(line);
            let ran = daemon.script(&format!("configure\n{mode}{line}\n"));
            assert!(ran.err.contains(words), "{line}: {}{}", ran.out, ran.err);
            assert_eq!(ran.status.code(), Some(1), "{line}");
        }
        assert_eq!(daemon.run("show config-running\n"), before);

        step("what is written out is deleted, also from the mode of a sibling");
        let shown = daemon.run(
            "configure\nlinks-iproute2 link a\nno link b\nno routes-iproute2\nshow config-candidate diff\ndiscard-changes\n",
        );
        assert!(shown.contains("- link b\n"), "{shown}");
        assert!(shown.contains("-routes-iproute2\n"), "{shown}");
        assert!(!shown.contains("link a"), "{shown}");

        step("what is absent is a warning");
        let ran = daemon.script(
            "configure\nno links-iproute2 link nosuch\nno links-iproute2 link a mtu\nno rules-iproute2\n",
        );
        assert_eq!(ran.status.code(), Some(0), "{}", ran.err);
        assert_eq!(ran.err.matches("warning: ").count(), 3, "{}", ran.err);
        assert_eq!(ran.out, "");
    });
}

#[test]
fn a_line_of_a_mode_above_is_found_there() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        step("a sibling is entered, and `up` leaves one mode");
        let shown = daemon.run(
            "configure\nlinks-iproute2\nlink a\nmtu 1300\nlink b\nmtu 1301\nup\nlink c\nmtu 1302\nup\nup\nup\n\
             rules-iproute2\nlinks-iproute2\nshow\ndiscard-changes\n",
        );
        let position =
            |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text} is not in {shown}"));
        assert!(position("link a\n") < position("mtu 1300"));
        assert!(position("link b\n") < position("mtu 1301"));
        assert!(position("link c\n") < position("mtu 1302"));

        step("the nearest mode counts, and a word of a mode above is written out");
        let ran = daemon.script("configure\nlinks-iproute2 link a\nvxla b\n");
        assert!(ran.err.contains("is unknown here"), "{}{}", ran.out, ran.err);
    });
}

#[test]
fn a_shown_part_loads_and_pastes_back() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        let whole = daemon.run("show config-running\n");
        for place in [
            "links-iproute2",
            "links-iproute2 link c",
            "links-iproute2 link c mtu",
            "links-iproute2 link *",
            "routes-iproute2 route 10.9.0.0/16",
        ] {
            for form in ["text", "set", "json", "xml"] {
                step(&format!("{place} as {form}"));
                let part = daemon.run(&format!("show config-running {place} | display {form}\n"));
                let file = daemon.folder().join("part");
                fs::write(&file, &part).expect("write the part");
                let load = format!("configure\nload merge {}\ncommit\n", file.display());
                assert_eq!(daemon.run(&load), "nothing to commit\n", "{part}");
                if ["text", "set"].contains(&form) {
                    let paste = format!("configure\nlinks-iproute2 link a\n{part}top\ncommit\n");
                    assert_eq!(daemon.run(&paste), "nothing to commit\n", "{part}");
                }
            }
        }
        assert_eq!(daemon.run("show config-running\n"), whole);
    });
}

#[test]
fn a_place_that_is_not_there_is_not_found_and_patterns_select() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        for place in [
            "config-running links-iproute2 link nosuch",
            "config-running links-iproute2 link enp0s*",
            "operational-data links-iproute2 link nosuch mtu",
            "config-candidate routes-iproute2 route 10.8.0.0/16",
            "rollback 0 links-iproute2 link nosuch",
            "config-running links-iproute2 link nosuch | display json",
        ] {
            step(place);
            let ran = daemon.script(&format!("show {place}\n"));
            assert!(ran.err.contains("not found: "), "{}{}", ran.out, ran.err);
            assert_eq!((ran.status.code(), &*ran.out), (Some(1), ""));
        }
        step("what can be empty is empty");
        assert_eq!(daemon.run("show config-running rules-iproute2\n"), "");

        step("patterns");
        let set = |place: &str| {
            daemon.run(&format!("show config-running {place} | display set | match type\n"))
        };
        assert_eq!(set("links-iproute2 link *").lines().count(), 3);
        assert_eq!(set("links-iproute2 link ?").lines().count(), 3);
        assert_eq!(set("links-iproute2 link c*").lines().count(), 1);
        let routes = daemon.run("show config-running routes-iproute2 route 10.* | count\n");
        assert_eq!(routes, "3 lines\n");
        let json = daemon.run("show config-running links-iproute2 link b* | display json\n");
        assert!(json.contains("\"b\"") && !json.contains("\"a\""), "{json}");

        step("brackets around a key are questioned");
        for line in ["link [a]", "link [name='a']", "link a]"] {
            let ran = daemon.script(&format!("configure\nlinks-iproute2 {line}\n"));
            assert!(ran.err.contains("brackets"), "{}", ran.err);
            assert_eq!(ran.status.code(), Some(1), "{line}");
        }
        let quoted = "configure\nlinks-iproute2 link \"[a]\" type iproute2-ip-link:ifb\ncommit\n";
        daemon.run(quoted);
        let shown = daemon.run("show config-running links-iproute2 link \"[a]\"\n");
        assert!(shown.contains(" link \"[a]\"\n"), "{shown}");
    });
}

#[test]
fn every_output_has_its_data() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        ip("link set c mtu 1450");
        for (lines, words) in [
            ("show history", "\"id\": \"1\""),
            ("show schedule", "\"commit\": []"),
            ("show conflicts", "\"conflict\": []"),
            ("configure\nlinks-iproute2 link b mtu 1300\ncommit check", "\"operation\": ["),
        ] {
            step(lines);
            let ran = daemon.script(&format!("{lines} | display json\n"));
            assert!(ran.out.contains("\"netloom-rpc:output\": {"), "{}{}", ran.out, ran.err);
            assert!(ran.out.contains(words), "{}", ran.out);
            let ran = daemon.script(&format!("{lines} | display xml\n"));
            assert!(
                ran.out.contains("<output xmlns=\"urn:netloom:rpc\""),
                "{}{}",
                ran.out,
                ran.err
            );
            let ran = daemon.script(&format!("{lines} | display set\n"));
            assert_eq!(ran.status.code(), Some(1), "{}", ran.out);
            assert!(ran.err.contains("shown as text, json or xml"), "{}", ran.err);
        }
        step("show drift");
        acceptance::kernel::until("the drift is known", || {
            daemon.run("show drift | display json\n").contains("netloom-drift:drift")
        });
        let xml = daemon.run("show drift | display xml\n");
        assert!(xml.contains("<drift xmlns="), "{xml}");
        step("help is text only");
        let ran = daemon.script("help | display json\n");
        assert_eq!(ran.status.code(), Some(1), "{}", ran.out);
    });
}

#[test]
fn a_check_tells_by_its_status_what_a_commit_would_do() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        let status = |commands: &[&str]| {
            let ran = with_commands(&daemon, commands);
            (ran.status.code(), ran.out + &ran.err)
        };
        let check = |line: &str| status(&["configure", line, "commit check"]);
        step("nothing to do");
        assert_eq!(check("links-iproute2 link c mtu 1400"), (Some(0), "nothing to do\n".into()));
        step("the kernel would change");
        assert_eq!(check("links-iproute2 link c mtu 1401").0, Some(3));
        step("only the configuration would change");
        let (code, text) = check("drift-netloom policy report");
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains("the configuration changes"), "{text}");
        step("refused");
        assert_eq!(check("links-iproute2 link c netns blue").0, Some(1));
        step("the end of the script does not matter, an edit after the check does");
        let mtu = "links-iproute2 link c mtu 1401";
        assert_eq!(
            status(&["configure", mtu, "commit check", "show history", "end", "exit"]).0,
            Some(3)
        );
        assert_eq!(status(&["configure", "commit check", mtu]).0, Some(1));
        assert_eq!(status(&["configure", mtu, "commit check", "commit"]).0, Some(0));
    });
}

#[test]
fn what_is_shown_restores_what_is_configured_and_no_learned_state() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(LINKS);
        daemon.run(
            "configure\nlinks-iproute2 bridge br0 ip 10.1.0.1/24 admin-status up\nneighbors-iproute2 neighbor 10.1.0.9 dev br0 lladdr 02:00:00:00:00:09\ncommit\n",
        );
        ip("neigh add 10.1.0.7 lladdr 02:00:00:00:00:07 dev br0 nud reachable");
        ip("netns add foreign");
        ip("-n foreign link add name other type bridge");
        ip("-n foreign link set other up");
        ip("-n foreign addr add 10.2.0.1/24 dev other");
        ip("-n foreign neigh add 10.2.0.7 lladdr 02:00:00:00:00:07 dev other nud reachable");
        let text = daemon.run("show config-running\n");
        assert!(text.contains("! neighbor 10.1.0.7"), "{text}");
        assert!(text.contains("! neighbor 10.2.0.7 netns foreign"), "{text}");
        assert!(text.contains("\n neighbor 10.1.0.9"), "{text}");
        let file = daemon.folder().join("running");
        fs::write(&file, &text).expect("write the text");
        let load = format!("configure\nload replace {}\n", file.display());
        assert_eq!(daemon.run(&format!("{load}commit check\n")), "nothing to do\n");
        assert_eq!(daemon.run(&format!("{load}commit\n")), "nothing to commit\n");
    });
}

#[test]
fn one_wrong_end_of_a_pair_is_one_error() {
    isolated(|| {
        let daemon = Daemon::start();
        let ran = daemon.script(
            "configure
links-iproute2 link a type iproute2-ip-link:veth virtual_peer_name b netns nowhere
links-iproute2 link b type iproute2-ip-link:veth virtual_peer_name a
commit check
",
        );
        assert!(ran.err.contains("there is no namespace nowhere"), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    });
}

#[test]
fn a_check_names_the_objects_of_others_that_a_commit_takes_along() {
    isolated(|| {
        ip("link add eth1 type veth peer name far");
        ip("link set far up");
        let daemon = Daemon::start();
        daemon.run(
            "configure\nnetnses-iproute2 netns red\nlinks-iproute2 link eth1 admin-status up ip 10.1.0.1/24\ncommit\n",
        );
        ip("route add 10.77.0.0/16 via 10.1.0.2 dev eth1");
        ip("addr add 10.78.0.1/24 dev eth1");
        step("a move takes them along");
        let moved =
            "configure\nlinks-iproute2 link eth1 netns red\ncommit check\ndiscard-changes\n";
        let shown = daemon.run(moved);
        for words in ["10.77.0.0/16", "10.78.0.1/24"] {
            let line = shown.lines().find(|line| line.contains(words));
            let line = line.unwrap_or_else(|| panic!("{words} is not in {shown}"));
            assert!(
                line.ends_with("(because eth1 moves to another namespace), made by others"),
                "{line}"
            );
        }
        step("what stays is not named");
        let changed =
            "configure\nlinks-iproute2 link eth1 mtu 1400\ncommit check\ndiscard-changes\n";
        assert!(!daemon.run(changed).contains("made by others"));
    });
}

/// A link that cannot change in place is created again. The check says that first, and what it
/// interrupts.
#[test]
fn a_check_says_what_a_recreation_interrupts() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run(
            "configure\nlinks-iproute2\n\
             link a\ntype veth\nvirtual_peer_name b\nadmin-status up\nip 10.0.0.1/24\nexit\n\
             vxlan vx\nvxlan-info\nid 7\nremote 10.0.0.9\ndev a\nexit\n\
             admin-status up\nip 10.5.0.1/24\nip 2001:db8:5::1/64\nexit\n\
             link mv\ntype macvlan\ndevice vx\nadmin-status up\ntop\n\
             routes-iproute2 route 10.77.0.0/16 nexthop vx via address 10.5.0.9\ntop\ncommit\n",
        );
        let changed = "configure\nlinks-iproute2 vxlan vx vxlan-info id 8\ntop\n";
        let shown = daemon.script(&format!("{changed}commit check\n")).out;
        assert_eq!(
            shown.lines().next(),
            Some(
                "recreate vx in the host's namespace (id cannot change in place), \
                 which interrupts 2 addresses, 1 link on it, 1 route"
            ),
            "{shown}"
        );
        daemon.run(&format!("{changed}commit\n"));
        assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
    });
}

#[test]
fn scripts_and_files_warn_of_abbreviations() {
    isolated(|| {
        let daemon = Daemon::start();
        let ran = daemon.script("conf\nlinks link a type iproute2-ip-link:ifb mt 1400\ncom\n");
        assert!(ran.status.success(), "{}", ran.err);
        assert_eq!(
            ran.err,
            "line 1: warning: \"conf\" is understood as configure\n\
             line 2: warning: \"links\" is understood as links-iproute2, \"mt\" is understood as mtu\n\
             line 3: warning: \"com\" is understood as commit\n"
        );
        step("a file, each of whose lines has one");
        let file = daemon.folder().join("links");
        let lines: String = (0..14).map(|mtu| format!(" link a mt {}\n", 1400 + mtu)).collect();
        fs::write(&file, format!("links-iproute2\n{lines}")).expect("write the file");
        let file = file.display();
        for how in ["merge", "replace"] {
            let ran = daemon.script(&format!("configure\nload {how} {file}\ndiscard-changes\n"));
            assert!(ran.status.success(), "{}", ran.err);
            let second = format!("line 2: warning: {file}: line 3: \"mt\" is understood as mtu\n");
            assert!(ran.err.contains(&second), "{}", ran.err);
            let last = format!("line 2: warning: {file}: 4 more lines have abbreviations\n");
            assert!(ran.err.ends_with(&last), "{}", ran.err);
            assert_eq!(ran.err.lines().count(), 11, "{}", ran.err);
        }
    });
}

/// Runs `netloom -c COMMAND …`.
fn with_commands(daemon: &Daemon, commands: &[&str]) -> Ran {
    let mut program = command(built("netloom"));
    program.arg("--socket").arg(daemon.socket());
    for line in commands {
        program.args(["-c", line]);
    }
    Ran::of(program.output().expect("run netloom"))
}
