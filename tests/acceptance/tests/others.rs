//! Objects of others stay: a routing daemon's 10,000 routes, a container engine's bridge,
//! neighbours.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;

use acceptance::{Bird, Daemon, Exported, Host, command, kernel, step};
use serde_json::Value;
use testkit::netns::{ip, ip_json, isolated};

/// The routes that bird exports, over the NIC and over the bridge.
const EXPORTED: [Exported; 3] = [
    Exported { base: V4, count: 6000, via: "172.16.5.254" },
    Exported { base: V4_BRIDGE, count: 4000, via: "172.17.0.2" },
    Exported { base: V6, count: 500, via: "2001:db8:5::fe" },
];
const V4: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 64, 0, 0));
const V4_BRIDGE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 96, 0, 0));
const V4_MORE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 80, 0, 0));
const V6: std::net::IpAddr =
    std::net::IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0x9999, 0, 0, 0, 0, 0));

/// A configuration of the links that others use.
const FIRST: &str = "\
configure
links-iproute2
link enp0s4
ip 192.168.10.10/24
mtu 1400
exit
link veth1
type iproute2-ip-link:veth
virtual_peer_name veth2
ip 192.0.2.1/30
admin-status up
exit
link veth2
type iproute2-ip-link:veth
virtual_peer_name veth1
admin-status up
exit
exit
routes-iproute2
route 10.200.0.0/16 nexthop enp0s4 via address 192.168.10.1
route 10.64.0.0/10 nexthop veth1 via address 192.0.2.2
commit
";

const SECOND: &str = "\
configure
links-iproute2
link enp0s4
no ip 192.168.10.10/24
ip 192.168.11.10/24
mtu 1450
exit
exit
no routes-iproute2 route 10.200.0.0/16
commit
";

#[test]
fn a_routing_daemon_and_a_container_engine_go_on() {
    isolated(|| {
        let _pc1 = surroundings();
        let mut daemon = Daemon::start();
        let Some(bird) = Bird::start(daemon.folder(), &EXPORTED) else { return };
        kernel::until("bird has exported its routes", || exported() == (10_000, 500));
        let before = others();
        let monitor = Monitor::start(daemon.folder());
        let unharmed = |what: &str| {
            step(what);
            let after = others();
            let lost: Vec<&String> = before.symmetric_difference(&after).take(10).collect();
            assert!(lost.is_empty(), "{what}: {lost:#?}");
            assert_eq!(monitor.of_others(), Vec::<String>::new(), "{what}");
        };

        daemon.run(FIRST);
        unharmed("a commit on the same links");
        daemon.run(SECOND);
        unharmed("another one");
        let refused = daemon.script(
            "configure\nlinks-iproute2 link enp0s4\nmtu 1300\nno ip 192.168.11.10/24\nexit\nexit\n\
             routes-iproute2 route 10.201.0.0/16 nexthop enp0s4 via address 203.0.113.1\ncommit\n",
        );
        assert!(!refused.status.success(), "{}", refused.out);
        unharmed("a commit that the kernel refuses");
        daemon.run("configure\nrollback 1\ncommit\n");
        unharmed("a rollback");
        daemon.stop();
        daemon.start_again(&[]);
        unharmed("a restart");
        daemon.stop();
        daemon.start_again(&[("NETLOOM_ABORT_AT", "operations:3")]);
        daemon.script(SECOND);
        daemon.await_end();
        daemon.start_again(&[]);
        unharmed("a commit that is cut short, and the start that undoes it");
        daemon.stop();
        let released = daemon.release();
        assert!(released.status.success(), "{}", released.err);
        unharmed("the host is given back");
        drop(bird);
    });
}

#[test]
fn a_link_that_goes_down_comes_back_with_what_others_had_on_it() {
    isolated(|| {
        let _pc1 = surroundings();
        let mut daemon = Daemon::start();
        let Some(bird) = Bird::start(daemon.folder(), &EXPORTED) else { return };
        kernel::until("bird has exported its routes", || exported() == (10_000, 500));
        ip("route add 10.128.0.0/16 via 172.16.5.253 proto static");
        // A learned neighbour is learned again when its link is up.
        ip("neigh replace 172.16.5.254 lladdr 02:00:00:00:05:fe dev enp0s4 nud permanent");
        let (before, fixed) = (others(), ip("route show 10.128.0.0/16"));
        let daemon_sets = |what: &str| {
            daemon.run(&format!("configure\nlinks-iproute2 link enp0s4\n{what}\ncommit\n"))
        };
        let same = || others() == before && ip("route show 10.128.0.0/16") == fixed;

        step("renamed and back, in two commits");
        daemon_sets("ifname wan0");
        assert_eq!(ip("route show 10.128.0.0/16"), fixed.replace("enp0s4", "wan0"));
        daemon_sets("no ifname");
        kernel::until("all is as it was", same);

        step("set down and up, in two commits");
        daemon_sets("admin-status down");
        kernel::until("bird has noticed", || exported() == (4000, 0));
        daemon_sets("admin-status up");
        kernel::until("all is as it was", same);

        step("bird takes routes back and exports others while the link is down");
        daemon_sets("admin-status down");
        let others = Exported { base: V4_MORE, ..EXPORTED[0] };
        bird.export(&[others, EXPORTED[1]]);
        kernel::until("bird has noticed", || exported() == (4000, 0));
        daemon_sets("admin-status up");
        kernel::until("the new ones are there", || exported() == (10_000, 0));
        assert!(ip("route show proto bird 10.64.0.1").is_empty());

        step("and while the link is being set down and up");
        for round in 0..6 {
            bird.export(&[[EXPORTED[0], others][round % 2], EXPORTED[1]]);
            daemon_sets(["admin-status down", "admin-status up"][round % 2]);
        }
        kernel::until("the last ones are there", || exported() == (10_000, 0));
        assert!(ip("route show proto bird 10.64.0.1").is_empty());
        daemon.stop();
        let released = daemon.release();
        assert!(released.status.success(), "{}", released.err);
        assert_eq!(exported(), (10_000, 0));
        drop(bird);
    });
}

/// A NIC and a bridge, both used by others.
fn surroundings() -> Host {
    let pc1 = Host::at("enp0s4");
    ip("link set lo up");
    ip("link set enp0s4 up");
    ip("address add 172.16.5.5/24 dev enp0s4");
    ip("address add 2001:db8:5::1/64 dev enp0s4 nodad");
    ip("link add docker0 type bridge");
    ip("address add 172.17.0.1/16 dev docker0");
    ip("link set docker0 up");
    ip("link add vethc0ffee type veth peer name ceth0");
    ip("link set vethc0ffee master docker0 up");
    ip("link set ceth0 up");
    ip("neigh add 172.17.0.2 lladdr 02:42:ac:11:00:02 dev docker0 nud permanent");
    ip("neigh add 172.17.0.3 lladdr 02:42:ac:11:00:03 dev docker0 nud reachable");
    ip("neigh add 172.16.5.254 lladdr 02:00:00:00:05:fe dev enp0s4 nud stale");
    pc1
}

/// The number of bird's routes in the kernel.
fn exported() -> (usize, usize) {
    let count = |family: &str| {
        ip_json(&format!("{family} route show proto bird")).as_array().map_or(0, Vec::len)
    };
    (count("-4"), count("-6"))
}

/// Objects of others: bird's routes, the container engine's links and addresses, and the neighbours
/// of both.
fn others() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for family in ["-4", "-6"] {
        tell(&mut all, &format!("{family} route show proto bird"), &[]);
    }
    let told = ["ifindex", "ifname", "flags", "mtu", "master", "operstate"];
    for link in ["docker0", "vethc0ffee", "ceth0"] {
        tell(&mut all, &format!("link show dev {link}"), &told);
    }
    all.extend(ip("-4 -o address show to 172.16.0.0/12").lines().map(str::to_owned));
    // The state of a neighbour changes by itself.
    tell(&mut all, "-4 neigh show", &["dst", "dev", "lladdr"]);
    all
}

/// Adds the output of ip(8), one entry per line, or only some of its fields.
fn tell(all: &mut BTreeSet<String>, question: &str, fields: &[&str]) {
    for mut entry in ip_json(question).as_array().cloned().unwrap_or_default() {
        if let Value::Object(entry) = &mut entry
            && !fields.is_empty()
        {
            entry.retain(|name, _| fields.contains(&name.as_str()));
        }
        all.insert(format!("{question}: {entry}"));
    }
}

/// `ip monitor`, which records every change.
struct Monitor {
    child: Child,
    heard: PathBuf,
}

impl Monitor {
    fn start(folder: &Path) -> Self {
        let heard = folder.join("heard");
        let file = File::create(&heard).expect("make a file");
        let child = command("setpriv")
            .args(["--pdeathsig", "KILL", "ip", "-o", "monitor", "route", "link", "neigh"])
            .stdout(file)
            .spawn()
            .expect("start ip monitor");
        let monitor = Self { child, heard };
        monitor.catch_up();
        monitor
    }

    /// The recorded changes of bird's routes, and the removed links and neighbours of the container
    /// engine.
    fn of_others(&self) -> Vec<String> {
        self.catch_up();
        let heard = fs::read_to_string(&self.heard).expect("read what was heard");
        let gone = |line: &str| {
            line.starts_with("Deleted")
                && ["docker0", "vethc0ffee", "172.16.5.254"].iter().any(|name| line.contains(name))
        };
        let others = heard.lines().filter(|line| line.contains("proto bird") || gone(line));
        others.take(10).map(str::to_owned).collect()
    }

    /// Waits until everything so far is recorded, by means of a later event.
    fn catch_up(&self) {
        let count =
            || fs::read_to_string(&self.heard).map_or(0, |heard| heard.matches("proto 77").count());
        let before = count();
        kernel::until("the monitor has caught up", || {
            ip("route replace blackhole 203.0.113.1 proto 77");
            ip("route delete blackhole 203.0.113.1 proto 77");
            count() > before
        });
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
