//! Every leaf of an adopted NIC set, and then given back.

use acceptance::{Daemon, kernel};
use testkit::netns::isolated;

use super::surroundings::Surroundings;
use super::{Case, play, script};

/// The leaves of a link that say something of one that is there already, with values; of the last one what it is for.
const CASES: [Case; 43] = [
    Case::new("mtu", "links-iproute2 link enp0s4 mtu 1300"),
    Case::new("mtu, too small for IPv6", "links-iproute2 link enp0s4 mtu 1200"),
    Case::new("mtu, too small for IPv4 too", "links-iproute2 link lo mtu 60"),
    Case::new("mtu of the loopback", "links-iproute2 link lo mtu 0"),
    Case::new("mtu of the loopback, too small for IPv6", "links-iproute2 link lo mtu 1200"),
    Case::new("admin-status", "links-iproute2 link enp0s4 admin-status down"),
    Case::new("admin-status of the loopback", "links-iproute2 link lo admin-status down"),
    Case::new("netns", "netnses-iproute2 netns blue\nlinks-iproute2 link enp0s4 netns blue"),
    Case::new(
        "netns of a port of others",
        "netnses-iproute2 netns blue\nlinks-iproute2 link enp0s5 netns blue",
    ),
    Case::new("group", "links-iproute2 link enp0s4 group 7"),
    Case::new(
        "master",
        "links-iproute2 bridge br9 admin-status up\nlinks-iproute2 link enp0s4 master br9",
    ),
    Case::new(
        "master, in place of another one",
        "links-iproute2 bridge br9 admin-status up\nlinks-iproute2 link enp0s5 master br9",
    ),
    Case::new(
        "master, in place of another one, and down",
        "links-iproute2 bridge br9 admin-status up\nlinks-iproute2 link enp0s5 admin-status down\n\
         links-iproute2 link enp0s5 master br9",
    ),
    Case::new(
        "master, of a port of others that is down",
        "links-iproute2 bridge br9 admin-status up\nlinks-iproute2 link idle0 master br9",
    ),
    Case::new("advance gso_max_size", "links-iproute2 link enp0s4 advance gso_max_size 32000"),
    Case::new(
        "advance gso_ipv4_max_size",
        "links-iproute2 link enp0s4 advance gso_ipv4_max_size 32000",
    ),
    Case::new("advance gso_max_segs", "links-iproute2 link enp0s4 advance gso_max_segs 99"),
    Case::new("advance gro_max_size", "links-iproute2 link enp0s4 advance gro_max_size 32000"),
    Case::new(
        "advance gro_ipv4_max_size",
        "links-iproute2 link enp0s4 advance gro_ipv4_max_size 32000",
    ),
    Case::new("advance txqueuelen", "links-iproute2 link enp0s4 advance txqueuelen 99"),
    Case::new("modes arp", "links-iproute2 link enp0s4 modes arp off"),
    Case::new("modes multicast", "links-iproute2 link enp0s4 modes multicast off"),
    Case::new("modes allmulticast", "links-iproute2 link enp0s4 modes allmulticast on"),
    Case::new("modes promisc", "links-iproute2 link enp0s4 modes promisc on"),
    Case::new("modes trailers", "links-iproute2 link enp0s4 modes trailers off"),
    Case::new(
        "lladdresses mac_addr",
        "links-iproute2 link enp0s4 lladdresses mac_addr 02:00:00:00:77:01",
    ),
    Case::new(
        "lladdresses broadcast_addr",
        "links-iproute2 link enp0s4 lladdresses broadcast_addr 02:00:00:00:77:ff",
    ),
    Case::new("ip", "links-iproute2 link enp0s4 ip 172.16.5.5/24"),
    Case::new("ip, of IPv6", "links-iproute2 link enp0s4 ip 2001:db8:5::1/64"),
    Case::new("ifname", "links-iproute2 link enp0s4 ifname wan0"),
    Case::new("description", "links-iproute2 link enp0s4 description another"),
    Case::new("sysctl proxy_arp", "links-iproute2 link enp0s4 sysctl proxy_arp 1"),
    Case::new("sysctl rp_filter", "links-iproute2 link enp0s4 sysctl rp_filter 1"),
    Case::new("sysctl accept_ra", "links-iproute2 link enp0s4 sysctl accept_ra 2"),
    Case::new("sysctl disable_ipv6", "links-iproute2 link enp0s4 sysctl disable_ipv6 1"),
    Case::new("bridge-conf link cost", "links-iproute2 link enp0s5 bridge-conf link cost 9"),
    Case::new("bridge-conf link guard", "links-iproute2 link enp0s5 bridge-conf link guard off"),
    Case::new("ip_forward", "sysctls-netloom netns 1 ip_forward 1"),
    Case::new("ipv6_forwarding", "sysctls-netloom netns 1 ipv6_forwarding 1"),
    Case::new(
        "all.disable_ipv6",
        "sysctls-netloom netns 1 variable net.ipv6.conf.all.disable_ipv6 value 1",
    ),
    Case::new(
        "all.ignore_routes_with_linkdown",
        "sysctls-netloom netns 1 variable net.ipv6.conf.all.ignore_routes_with_linkdown value 1",
    ),
    Case::new(
        "all.addr_gen_mode",
        "sysctls-netloom netns 1 variable net.ipv6.conf.all.addr_gen_mode value 1",
    ),
    Case::new(
        "disable_ipv6 of a link of others",
        "sysctls-netloom netns 1 variable net.ipv6.conf.their1.disable_ipv6 value 1",
    ),
];

/// The configuration is taken out by the next commit.
#[test]
fn an_adopted_link_is_given_back_whole() {
    play(
        &CASES,
        |_| &[],
        |daemon, case| {
            daemon.run(&script(case.lines, "commit"));
            daemon.run("configure\nrollback 1\ncommit\n");
        },
    );
}

/// The link is renamed by the same commit, which sets a parameter under the new name too.
#[test]
fn a_renamed_link_is_given_back_whole() {
    let of_nic = |case: &&Case| {
        let is_of_ipv6 = case.title != "ifname" && !case.title.contains("too small");
        is_of_ipv6 && case.lines.contains("link enp0s4 ")
    };
    let cases: Vec<Case> = CASES.iter().filter(of_nic).copied().collect();
    assert!(cases.len() > 20, "{} cases", cases.len());
    play(
        &cases,
        |_| &[],
        |daemon, case| {
            let netns = if case.lines.contains("netns blue") { "blue" } else { "1" };
            let renamed = format!(
                "{}\nlinks-iproute2 link enp0s4 ifname wan0\n\
                 sysctls-netloom netns {netns} variable net.ipv6.conf.wan0.hop_limit value 9",
                case.lines
            );
            daemon.run(&script(&renamed, "commit"));
            daemon.run("configure\nrollback 1\ncommit\n");
        },
    );
}

/// It is taken out after a kill of the daemon, by `--release`.
#[test]
fn a_released_host_is_given_back_whole() {
    play(
        &CASES,
        |_| &[],
        |daemon: &mut Daemon, case| {
            daemon.run(&script(case.lines, "commit"));
            daemon.kill();
            let ran = daemon.release();
            assert!(ran.status.success(), "{}: {}", case.title, ran.err);
        },
    );
}

#[test]
fn a_nic_that_stays_configured_returns_to_the_bridge_of_others() {
    isolated(|| {
        let _surroundings = Surroundings::new();
        let before = kernel::settled();
        let daemon = Daemon::start();
        let taken = "links-iproute2 bridge br9\nlinks-iproute2 link enp0s5 master br9";
        daemon.run(&script(taken, "commit"));
        let returned = "no links-iproute2 bridge br9\nno links-iproute2 link enp0s5 master";
        daemon.run(&script(returned, "commit"));
        kernel::await_as(&before);
    });
}

/// A bridge of others is renamed. Its ports, which are theirs too, stay in it.
#[test]
fn a_port_of_a_renamed_bridge_is_given_back_whole() {
    const BRIDGE: &str = "links-iproute2 link fbr ifname lan";
    const PORT: &str =
        "links-iproute2 link enp0s5 bridge-conf link cost 77\nlinks-iproute2 link enp0s5 mtu 1400";
    let ways: [&[&str]; 3] = [
        &[
            "no links-iproute2 link enp0s5 bridge-conf",
            "no links-iproute2 link enp0s5",
            "no links-iproute2",
        ],
        &["no links-iproute2"],
        &["no links-iproute2 link fbr", "no links-iproute2"],
    ];
    for way in ways {
        isolated(|| {
            let _surroundings = Surroundings::new();
            let before = kernel::settled();
            let daemon = Daemon::start();
            daemon.run(&script(&format!("{BRIDGE}\n{PORT}"), "commit"));
            for lines in way {
                daemon.run(&script(lines, "commit"));
            }
            kernel::await_as(&before);
        });
    }
}
