//! A link that another program renames, or moves to another namespace, is still the same link. The
//! daemon reports it, and moves it back instead of creating another one.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;

use acceptance::{Daemon, kernel, step};
use testkit::netns::{ip, ip_json, isolated};

const NOTHING: &str = "nothing differs from running\n";

/// A veth pair of which both ends are configured, a NIC, and an empty namespace.
const PAIR: &str = "netnses-iproute2 netns red\n\
    links-iproute2\n\
    link a\ntype veth\nvirtual_peer_name b\nadmin-status up\nip 10.0.0.1/24\nip 2001:db8::1/64\nexit\n\
    link b\ntype veth\nvirtual_peer_name a\nadmin-status up\nip 10.0.1.1/24\nexit\n\
    link wan\nifname nic0\nadmin-status up\nip 192.0.2.1/24\nexit\nexit\n\
    routes-iproute2 route 10.9.0.0/16 nexthop a via address 10.0.0.2\ntop\n\
    routes-iproute2 route 10.8.0.0/16 nexthop wan via address 192.0.2.2\n";

/// What others do, how it is shown, and for which link.
const CASES: [(&str, &str); 6] = [
    ("link set dev a down name vx up", "renamed to vx"),
    ("link set dev a netns red", "moved to red"),
    ("link set dev b netns red name vx", "moved to red as vx"),
    ("link set dev nic0 down name eth7 up", "renamed to eth7"),
    ("link set dev nic0 netns red", "moved to red"),
    ("link set dev nic0 netns red name eth7", "moved to red as eth7"),
];

#[test]
fn links_renamed_or_moved_by_others_are_moved_back() {
    isolated(|| {
        let daemon = device();
        let (before, links_before) = (kernel::holds(), links());
        for (done, told) in CASES {
            step(&format!("`ip {done}` is told, and mended by `repair`"));
            others(done, &daemon, told);
            assert!(kernel::holds() != before);
            daemon.run("repair\n");
            is_as(&daemon, &before, &links_before);
        }
        step("by any commit that touches the link");
        for (round, (done, told)) in CASES.into_iter().enumerate() {
            others(done, &daemon, told);
            let link =
                if done.contains("nic0") { "wan" } else { &done["link set dev ".len()..][..1] };
            daemon.run(&format!(
                "configure\nlinks-iproute2 link {link} group {}\ncommit\n",
                round + 1
            ));
            is_as(&daemon, &before, &links_before);
        }
        step("and at once where the policy is `repair`");
        daemon.run("configure\ndrift-netloom policy repair\ncommit\n");
        for (done, told) in CASES {
            println!("  {told}");
            ip(done);
            kernel::until("all is as before", || {
                kernel::holds() == before && links() == links_before
            });
        }
        assert!(!daemon.log().contains("File exists"), "{}", daemon.log());
    });
}

#[test]
fn a_start_finds_them_too() {
    isolated(|| {
        let mut daemon = device();
        let (before, links_before) = (kernel::holds(), links());
        for (done, _) in CASES {
            step(&format!("`ip {done}` while no daemon runs"));
            daemon.stop();
            ip(done);
            daemon.start_again(&[]);
            is_as(&daemon, &before, &links_before);
        }
        assert!(!daemon.log().contains("File exists"), "{}", daemon.log());
    });
}

#[test]
fn names_that_others_have_swapped_are_swapped_back() {
    isolated(|| {
        let daemon = device();
        let (before, links_before) = (kernel::holds(), links());
        for (one, other) in [("a", "b"), ("a", "nic0")] {
            let swap = |verdict: &str| {
                ip(&format!("link set dev {one} down name t"));
                ip(&format!("link set dev {other} down name {one}"));
                ip(&format!("link set dev t name {other} up"));
                ip(&format!("link set dev {one} up"));
                kernel::until(verdict, || {
                    let told = drift(&daemon);
                    [one, other].iter().all(|name| told.contains(&format!("renamed to {name}")))
                });
            };
            step(&format!("{one} and {other} are swapped: that is told, and mended by `repair`"));
            swap("that is told");
            daemon.run("repair\n");
            is_as(&daemon, &before, &links_before);
            step("or by a commit that touches but one of them");
            swap("that is told");
            daemon.run(&format!("configure\nlinks-iproute2 link a description {other}\ncommit\n"));
            is_as(&daemon, &before, &links_before);
        }
        assert!(!daemon.log().contains("File exists"), "{}", daemon.log());
    });
}

#[test]
fn a_removed_link_is_deleted_under_any_name() {
    isolated(|| {
        let daemon = device();
        ip("link set dev a down name vx up");
        ip("link set dev nic0 down name eth7 up");
        kernel::until("that is told", || drift(&daemon).contains("renamed to eth7"));
        step("a pair that others have renamed is removed, and a NIC has its name again");
        daemon.run(
            "configure\nno routes-iproute2\nlinks-iproute2\nno link a\nno link b\nno link wan\nexit\ncommit\n",
        );
        let names: Vec<String> = links().into_keys().collect();
        assert_eq!(names, ["far0", "lo", "nic0"]);
    });
}

/// A host with a NIC, and a daemon that has configured the veth pair and the NIC.
fn device() -> Daemon {
    ip("link add nic0 type veth peer name far0");
    ip("link set dev far0 up");
    let daemon = Daemon::start();
    daemon.run(&format!("configure\n{PAIR}commit\n"));
    daemon
}

/// Lets others do something, and waits until the daemon shows it.
#[track_caller]
fn others(done: &str, daemon: &Daemon, told: &str) {
    ip(done);
    kernel::until("that is told", || drift(daemon).contains(told));
    println!("{}", drift(daemon));
}

/// Checks that everything is as it was, with the same links.
#[track_caller]
fn is_as(
    daemon: &Daemon,
    before: &BTreeMap<String, Vec<String>>,
    links_before: &BTreeMap<String, String>,
) {
    kernel::until("all is as before", || kernel::holds() == *before);
    assert_eq!(links(), *links_before);
    kernel::until("nothing differs", || drift(daemon) == NOTHING);
}

fn drift(daemon: &Daemon) -> String {
    daemon.run("show drift\n")
}

/// The link-layer addresses of the own namespace's links. A link that was created again has another
/// one.
fn links() -> BTreeMap<String, String> {
    let links = ip_json("link show");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let links = links.as_array().into_iter().flatten();
    links.map(|link| (text(&link["ifname"]), text(&link["address"]))).collect()
}

/// Both ends of a veth pair get what only a new link can be given. A tunnel whose link below is no
/// longer configured is made anew without one.
#[test]
fn what_only_a_new_link_can_have() {
    isolated(|| {
        let daemon = Daemon::start();
        let queues = |name: &str| {
            let link = &ip_json(&format!("-d link show {name}"))[0];
            (link["num_tx_queues"].as_u64(), link["num_rx_queues"].as_u64())
        };
        step("queues of both ends of a new pair");
        daemon.run(
            "configure\nlinks-iproute2\nlink a\ntype veth\nvirtual_peer_name b\nadvance numtxqueues 4\ntop\n\
             links-iproute2 link b\ntype veth\nvirtual_peer_name a\nadvance numtxqueues 3\nip 10.0.0.1/24\n\
             commit\n",
        );
        assert_eq!((queues("a").0, queues("b").0), (Some(4), Some(3)));
        step("of either end of one that is there");
        for (end, other) in [("a", "b"), ("b", "a")] {
            let before = queues(other);
            let leaf = format!("links-iproute2 link {end} advance numrxqueues 5");
            daemon.run(&format!("configure\n{leaf}\ncommit\n"));
            assert_eq!((queues(end).1, queues(other)), (Some(5), before));
            daemon.run("configure\nrollback 1\ncommit\n");
            assert_eq!(queues(other), before);
        }
        step("a refused commit gives the other end its queues and its index back");
        let before = (queues("a"), queues("b"), kernel::ifindexes(), kernel::holds());
        let ran = daemon.script(
            "configure\nlinks-iproute2 link a advance numtxqueues 7\ntop\n\
             sysctls-netloom netns 1 variable net.ipv4.tcp_congestion_control value nobody\ncommit\n",
        );
        assert_eq!(ran.status.code(), Some(1), "{}{}", ran.out, ran.err);
        assert_eq!(before, (queues("a"), queues("b"), kernel::ifindexes(), kernel::holds()));
        step("a tunnel without its link below");
        let tunnel = "links-iproute2 vxlan v vxlan-info";
        daemon.run(&format!("configure\n{tunnel} id 7\n{tunnel} dev a\ncommit\n"));
        let below = || ip_json("-d link show v")[0]["linkinfo"]["info_data"]["link"].clone();
        assert_eq!(below(), "a");
        daemon.run(&format!("configure\nno {tunnel} dev\ncommit\n"));
        assert!(below().is_null(), "{}", below());
        assert_eq!(daemon.run("show drift\n"), NOTHING);
    });
}

/// Attributes that only a new link can have go back when they are taken out, and when the commit
/// is refused.
#[test]
fn queues_of_a_bridge_go_back() {
    isolated(|| {
        let daemon = Daemon::start();
        let queues = || ip_json("-d link show br0")[0]["num_rx_queues"].as_u64();
        let leaf = "links-iproute2 bridge br0 advance numrxqueues";
        daemon.run("configure\nlinks-iproute2 bridge br0\ncommit\n");
        let ran = daemon.script(&format!(
            "configure\n{leaf} 7\n\
             sysctls-netloom netns 1 variable net.ipv4.tcp_congestion_control value nobody\ncommit\n"
        ));
        assert_eq!(ran.status.code(), Some(1), "{}{}", ran.out, ran.err);
        assert_eq!(queues(), Some(1));
        daemon.run(&format!("configure\n{leaf} 5\ncommit\n"));
        assert_eq!(queues(), Some(5));
        daemon.run(&format!("configure\nno {leaf}\ncommit\n"));
        assert_eq!(queues(), Some(1));
        assert_eq!(daemon.run("show drift\n"), NOTHING);
    });
}

#[test]
fn a_link_of_others_is_never_taken_for_one_of_ours() {
    isolated(|| {
        let daemon = Daemon::start();
        ip("link add n1 type veth peer name f1");
        ip("link set dev n1 up");
        ip("address add 10.1.0.1/24 dev n1");
        let theirs = || ip_json("address show dev n1").to_string();
        let before = ip_json("link show dev n1")[0]["ifindex"].clone();
        daemon.run("configure\nlinks-iproute2 bridge br0\ncommit\n");
        step("a bridge of ours is to have the name of their link");
        let renamed = "configure\nlinks-iproute2 bridge br0 ifname n1\ncommit\n";
        assert!(!daemon.script(renamed).status.success());
        assert_eq!(ip_json("link show dev n1")[0]["ifindex"], before, "{}", theirs());
        assert!(theirs().contains("10.1.0.1"), "{}", theirs());
        step("and is not there any more");
        ip("link delete dev br0");
        let ran = daemon.script(renamed);
        assert!(ran.err.contains("n1 exists already"), "{}", ran.err);
        assert_eq!(ip_json("link show dev n1")[0]["ifindex"], before, "{}", theirs());
        step("their link is in the place of ours, which goes");
        ip("link set dev n1 down name br0");
        daemon.run("configure\nno links-iproute2 bridge br0\ncommit\n");
        assert_eq!(ip_json("link show dev br0")[0]["ifindex"], before);
    });
}
