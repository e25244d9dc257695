//! Two people at one device: their commits are merged or refused, and nothing is lost.

use acceptance::{Daemon, Ran, Terminal, built, command, kernel, step};
use testkit::netns::{ip, ip_json, isolated};

#[test]
fn independent_changes_are_merged() {
    isolated(|| {
        let daemon = device();
        let (mut ann, mut bob) = (person(&daemon), person(&daemon));
        step("both change the same link, each a leaf of their own");
        lines(&mut ann, &["links-iproute2", "link eth7", "mtu 1400"]);
        lines(&mut bob, &["links-iproute2", "link eth7", "ip 10.7.0.1/24"]);
        committed(&mut ann);
        committed(&mut bob);
        let holds = &kernel::holds()["vpn7"];
        assert!(
            holds.iter().any(|line| line == "link ifname=\"eth7\" mtu=1400 up=true"),
            "{holds:?}"
        );
        assert!(holds.iter().any(|line| line == "address 10.7.0.1/24 dev \"eth7\""), "{holds:?}");
    });
}

#[test]
fn the_second_change_of_one_leaf_is_refused() {
    isolated(|| {
        let daemon = device();
        let (mut ann, mut bob) = (person(&daemon), person(&daemon));
        lines(&mut ann, &["links-iproute2", "link eth7", "mtu 1400"]);
        lines(&mut bob, &["links-iproute2", "link eth7", "mtu 1300"]);
        committed(&mut ann);
        step("the second commit is refused and shows the leaf as it was, is and would be");
        let told = bob.line("commit");
        println!("{told}");
        let row = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.starts_with(&["links-iproute2", "link", "eth7", "mtu", "1200", "1300", "1400"])
        };
        assert!(told.lines().any(row), "{told}");
        assert_eq!(mtu(), 1400);
        step("its candidate is kept");
        let told = bob.line("do show config-candidate links-iproute2");
        assert!(told.contains("mtu 1300"), "{told}");
        step("discard-changes shows what the first one did, and the change can be made again");
        bob.line("discard-changes");
        lines(&mut bob, &["top", "links-iproute2", "link eth7", "mtu 1300"]);
        committed(&mut bob);
        assert_eq!(mtu(), 1300);
    });
}

#[test]
fn a_conflict_is_resolved_at_its_path() {
    isolated(|| {
        let daemon = device();
        let (mut ann, mut bob) = (person(&daemon), person(&daemon));
        lines(&mut ann, &["links-iproute2 link eth7 mtu 1400"]);
        lines(&mut bob, &["links-iproute2 link eth7 mtu 1300", "netnses-iproute2 netns bob1"]);
        committed(&mut ann);
        step("bob's commit is refused, and he decides");
        let told = bob.line("commit");
        assert!(told.contains("resolve all mine"), "{told}");
        let told = bob.line("resolve links-iproute2 link eth7 mtu theirs");
        assert!(told.contains("no conflict is left"), "{told}");
        step("the rest of what he did is committed, and ann's change is kept");
        committed(&mut bob);
        assert_eq!(mtu(), 1400);
        assert!(kernel::holds().contains_key("bob1"));
    });
}

#[test]
fn a_stale_session_removes_nothing_of_others() {
    isolated(|| {
        let daemon = device();
        let mut bob = person(&daemon);
        step("bob begins before ann's namespaces are there, and deletes what he knows");
        lines(&mut bob, &["no links-iproute2 link eth7 mtu"]);
        daemon.run("configure\nnetnses-iproute2\nnetns ann1\nnetns ann2\ncommit\n");
        committed(&mut bob);
        assert!(kernel::holds().contains_key("ann1") && kernel::holds().contains_key("ann2"));
        assert_eq!(mtu(), 1500);
        let running = daemon.run("show config-running netnses-iproute2\n");
        assert!(running.contains("ann1") && running.contains("ann2"), "{running}");
    });
}

#[test]
fn a_session_that_ends_leaves_no_lock() {
    isolated(|| {
        let daemon = device();
        let mut ann = person(&daemon);
        ann.line("lock");
        drop(ann);
        kernel::until("the lock is gone with its session", || {
            daemon.script("configure\nnetnses-iproute2\nnetns vpn8\ncommit\n").status.success()
        });
    });
}

/// A device with one NIC in a VPN.
fn device() -> Daemon {
    ip("link add eth7 type veth peer name far7");
    let daemon = Daemon::start();
    daemon.run(
        "configure\nnetnses-iproute2\nnetns vpn7\nlinks-iproute2\nlink eth7\nnetns vpn7\n\
         mtu 1200\nadmin-status up\ncommit\n",
    );
    daemon
}

/// Somebody who configures it.
fn person(daemon: &Daemon) -> Terminal {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    let mut person = Terminal::start(netloom);
    person.line("configure");
    person
}

fn lines(person: &mut Terminal, lines: &[&str]) {
    for line in lines {
        person.line(line);
    }
}

#[track_caller]
fn committed(person: &mut Terminal) {
    let told = person.line("commit");
    println!("{told}");
    assert!(told.contains(" ms)"), "{told}");
}

fn mtu() -> u64 {
    let link = &ip_json("-n vpn7 link show eth7")[0];
    link["mtu"].as_u64().unwrap_or_default()
}

#[test]
fn fifty_people_commit_at_once() {
    isolated(|| {
        ip("link add eth7 type veth peer name far7");
        let daemon = Daemon::start();
        step("each adds a route of their own; every fifth wants an MTU of their own, too");
        let wants_mtu = |n: usize| n.is_multiple_of(5);
        let begun: Vec<_> = (0..50)
            .map(|n| {
                let mtu = match wants_mtu(n) {
                    true => format!("links-iproute2 link eth7 mtu {}\n", 1300 + n),
                    false => String::new(),
                };
                let route = format!("routes-iproute2 route 10.{n}.0.0/16 netns 1 type blackhole\n");
                daemon.begin(&format!("configure\n{mtu}{route}commit\n"))
            })
            .collect();
        let people: Vec<Ran> = (begun.into_iter())
            .map(|person| Ran::of(person.wait_with_output().expect("await netloom")))
            .collect();
        let made = people.iter().filter(|ran| ran.status.success()).count();
        println!("  {made} commits, {} refused", people.len() - made);

        step("who is apart from all others is never refused; who is refused is told the node");
        for (n, person) in people.iter().enumerate().filter(|(_, ran)| !ran.status.success()) {
            assert!(wants_mtu(n), "{n}: {}", person.err);
            assert!(person.err.contains("eth7") && person.err.contains("mtu"), "{}", person.err);
        }
        step("kernel and running have all of each commit that was made, and nothing of the others");
        let running = daemon.run("show config-running routes-iproute2 | display set | no-more\n");
        let held = ip("route show type blackhole");
        for (n, person) in people.iter().enumerate() {
            let made = person.status.success();
            assert_eq!(running.contains(&format!("route 10.{n}.0.0/16 ")), made, "{n}: {running}");
            assert_eq!(held.contains(&format!("blackhole 10.{n}.0.0/16 ")), made, "{n}: {held}");
        }
        let link = daemon.run("show config-running links-iproute2\n");
        let of_made = |n: &usize| people[*n].status.success() && wants_mtu(*n);
        let last = (0..50).filter(of_made).find(|n| link.contains(&format!("mtu {}", 1300 + n)));
        assert!(last.is_some(), "{link}");
        let mtu = ip_json("link show eth7")[0]["mtu"].as_u64();
        assert_eq!(mtu, last.map(|n| 1300 + n as u64));

        step("one after the other: their numbers have no gaps");
        let history = daemon.run("show history | no-more\n");
        let has = |id: usize| history.contains(&format!("  #{id}  "));
        assert!((1..=made).all(has) && !has(made + 1), "{history}");
    });
}
