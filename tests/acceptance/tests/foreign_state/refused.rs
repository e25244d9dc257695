//! Every kind of operation, followed by one that the kernel refuses: a route whose scope does not go with its gateway. A
//! plan makes routes by a gateway last of all.

use super::{Case, play, script};

/// What the kernel refuses at the end of each commit.
const REFUSED: &str = "\
links-iproute2 link late type veth virtual_peer_name later admin-status up ip 198.51.100.1/24
routes-iproute2 route 223.0.113.0/24 scope link nexthop late via address 198.51.100.2";

/// Links of ours, on which others have made something besides.
const OURS: &str = "\
netnses-iproute2 netns red
links-iproute2 link v0 type veth virtual_peer_name v1 admin-status up ip 10.1.0.1/24
links-iproute2 link v1 type veth virtual_peer_name v0 admin-status up
links-iproute2 bridge br0 admin-status up
routes-iproute2 route 10.100.0.0/16 nexthop v0 via address 10.1.0.2
neighbors-iproute2 neighbor 10.1.0.9 dev v0 lladdr 02:00:00:00:00:09
rules-iproute2 rule 500 from 10.1.0.0/24 action table 500";

const fn ours(title: &'static str, lines: &'static str) -> Case {
    Case { title, before: OURS, lines, lost: &[] }
}

const CASES: [Case; 47] = [
    Case::new("a namespace is made", "netnses-iproute2 netns blue"),
    Case::new(
        "a bridge is made, and a NIC is its port",
        "links-iproute2 bridge br9 admin-status up\nlinks-iproute2 link enp0s4 master br9",
    ),
    Case::new(
        "a port of others becomes a port of ours",
        "links-iproute2 bridge br9 admin-status up\nlinks-iproute2 link enp0s5 master br9",
    ),
    Case::new("a port of others is adopted", "links-iproute2 link enp0s5 mtu 1300"),
    Case::new("a port of others is renamed", "links-iproute2 link enp0s5 ifname lan0"),
    Case::new(
        "a port of others moves",
        "netnses-iproute2 netns blue\nlinks-iproute2 link enp0s5 netns blue",
    ),
    Case::new(
        "a port of others has other values as a port",
        "links-iproute2 link enp0s5 bridge-conf link cost 9",
    ),
    Case::new("a NIC moves", "netnses-iproute2 netns blue\nlinks-iproute2 link enp0s4 netns blue"),
    Case::new("a NIC is renamed", "links-iproute2 link enp0s4 ifname wan0"),
    Case::new("a NIC goes down", "links-iproute2 link enp0s4 admin-status down"),
    Case::new("a NIC's MTU", "links-iproute2 link enp0s4 mtu 1300"),
    Case::new("a NIC's MTU, too small for IPv6", "links-iproute2 link enp0s4 mtu 1200"),
    Case::new(
        "a NIC's link-layer address",
        "links-iproute2 link enp0s4 lladdresses mac_addr 02:00:00:00:77:01",
    ),
    Case::new("a NIC without ARP", "links-iproute2 link enp0s4 modes arp off"),
    Case::new("a NIC without multicast", "links-iproute2 link enp0s4 modes multicast off"),
    Case::new("a NIC without IPv6", "links-iproute2 link enp0s4 sysctl disable_ipv6 1"),
    Case::new("a parameter of a NIC", "links-iproute2 link enp0s4 sysctl rp_filter 1"),
    Case::new("the loopback's MTU", "links-iproute2 link lo mtu 1200"),
    Case::new("the loopback's MTU, too small for IPv4", "links-iproute2 link lo mtu 0"),
    Case::new("the loopback goes down", "links-iproute2 link lo admin-status down"),
    Case::new("an address on a NIC", "links-iproute2 link enp0s4 ip 172.16.5.9/24"),
    Case::new("an address that is there already", "links-iproute2 link enp0s4 ip 172.16.5.5/24"),
    Case::new(
        "a route that is there already",
        "links-iproute2 link enp0s4\nroutes-iproute2 route 10.9.0.0/16 nexthop enp0s4 via address 172.16.5.253",
    ),
    Case::new(
        "a route of IPv6 that is there already",
        "links-iproute2 link their1\nroutes-iproute2 route 2001:db8:8::/48 metric 20 nexthop their1 via address 2001:db8:66::fd",
    ),
    Case::new(
        "a neighbour that is there already",
        "links-iproute2 link enp0s4\nneighbors-iproute2 neighbor 172.16.5.7 dev enp0s4 lladdr 02:00:00:00:00:77",
    ),
    Case::new("a rule", "rules-iproute2 rule 600 from 10.1.0.0/24 action table 500"),
    Case::new("forwarding of IPv4", "sysctls-netloom netns 1 ip_forward 1"),
    Case::new("forwarding of IPv6", "sysctls-netloom netns 1 ipv6_forwarding 1"),
    Case::new(
        "no IPv6 at all",
        "sysctls-netloom netns 1 variable net.ipv6.conf.all.disable_ipv6 value 1",
    ),
    Case::new(
        "no IPv6 on new links",
        "sysctls-netloom netns 1 variable net.ipv6.conf.default.disable_ipv6 value 1",
    ),
    Case::new(
        "routes of links that are down",
        "sysctls-netloom netns 1 variable net.ipv6.conf.all.ignore_routes_with_linkdown value 1",
    ),
    Case::new(
        "how link-local addresses are made",
        "sysctls-netloom netns 1 variable net.ipv6.conf.all.addr_gen_mode value 1",
    ),
    Case::new(
        "a secret that is set",
        "sysctls-netloom netns 1 variable net.ipv6.conf.enp0s4.stable_secret value 2001:db8::5ec",
    ).losing(&["stable_secret", "enp0s4/addr_gen_mode"]),
    Case::new(
        "a parameter of the host",
        "sysctls-netloom netns 1 variable net.ipv4.tcp_ecn value 1",
    ),
    Case::new(
        "IPv6 off on a link of others",
        "sysctls-netloom netns 1 variable net.ipv6.conf.their1.disable_ipv6 value 1",
    ),
    Case::new(
        "a VXLAN tunnel is made",
        "links-iproute2 link enp0s4\nlinks-iproute2 vxlan vx9 vxlan-info id 9 dev enp0s4\nlinks-iproute2 vxlan vx9 admin-status up",
    ),
    Case::new(
        "a VLAN is made",
        "links-iproute2 link enp0s4\nlinks-iproute2 vlan vl9 vlan-info id 9\nlinks-iproute2 vlan vl9 device enp0s4 admin-status up",
    ),
    ours("a namespace of ours goes", "no netnses-iproute2 netns red"),
    ours(
        "a cable of ours goes",
        "no routes-iproute2 route 10.100.0.0/16\nno neighbors-iproute2 neighbor 10.1.0.9\nno links-iproute2 link v0\nno links-iproute2 link v1",
    ).losing(&["ifindex", "address"]),
    ours("a bridge of ours goes", "no links-iproute2 bridge br0").losing(&["ifindex"]),
    ours("a cable of ours moves", "links-iproute2 link v1 netns red"),
    ours("a link of ours goes down", "links-iproute2 link v0 admin-status down"),
    ours("a link of ours has no IPv6", "links-iproute2 link v0 mtu 1200"),
    ours(
        "an address of ours goes",
        "no links-iproute2 link v0 ip 10.1.0.1/24\nno routes-iproute2 route 10.100.0.0/16",
    ).losing(&["order"]),
    ours(
        "a route of ours changes",
        "routes-iproute2 route 10.100.0.0/16 nexthop v0 via address 10.1.0.3",
    ),
    ours("a neighbour of ours goes", "no neighbors-iproute2 neighbor 10.1.0.9"),
    ours("a rule of ours goes", "no rules-iproute2 rule 500 from 10.1.0.0/24"),
];

/// What others have made on the links of ours.
const THEIRS_ON_OURS: [&str; 8] = [
    "address add 10.2.0.1/24 dev v0",
    "address add 2001:db8:2::1/64 dev v0 nodad",
    "route add 10.200.0.0/16 via 10.2.0.2",
    "route add 2001:db8:20::/48 via 2001:db8:2::2",
    "neigh add 10.2.0.9 lladdr 02:00:00:00:00:02 dev v0 nud permanent",
    "link add their2 type veth peer name their3",
    "link set their2 master br0 up",
    "address add 10.3.0.1/24 dev br0",
];

#[test]
fn a_refused_commit_leaves_it() {
    play(
        &CASES,
        |case| {
            if case.before == OURS { &THEIRS_ON_OURS } else { &[] }
        },
        |daemon, case| {
            let ran = daemon.script(&script(&format!("{}\n{REFUSED}", case.lines), "commit"));
            assert!(!ran.status.success(), "{}: {}", case.title, ran.out);
            assert!(ran.err.contains("invalid gateway"), "{}: {}", case.title, ran.err);
        },
    );
}

/// The kernel refuses the port, and carries out the requests after that. One of these gives the bridge an MTU that follows from the
/// port.
#[test]
fn a_refused_port_leaves_the_mtu_of_its_bridge() {
    const LOOPBACK: [Case; 1] = [Case {
        before: "links-iproute2 bridge br9 admin-status up",
        ..Case::new(
            "a port that no bridge takes",
            "links-iproute2 link lo mtu 1400\nlinks-iproute2 link lo master br9",
        )
    }];
    play(
        &LOOPBACK,
        |_| &[],
        |daemon, case| {
            let ran = daemon.script(&script(case.lines, "commit"));
            assert!(ran.err.contains("the kernel refused to set lo"), "{}", ran.err);
        },
    );
}
