//! A device on which others have made a lot.
//!
//! ```text
//! PC1 eth0 ------ enp0s4 device enp0s5 ------ eth0 PC2
//!                               |
//!                               fbr (a bridge of others), its other ports their0 and, down, idle0
//! ```
//!
//! `their0` and `their1` are the ends of a cable of others, as are `idle0` and `idle1`; `enp0s4` has addresses, routes and neighbours of theirs, and
//! `enp0s5` is a port of their bridge.

use std::fs;

use acceptance::{Lab, kernel};
use testkit::netns::{has_link_kind, ip, isolated};

use super::Case;

/// A device with what others have made on it.
pub(crate) struct Surroundings {
    _lab: Lab,
}

const PARAMETERS: [(&str, &str); 10] = [
    ("ipv4/conf/their1/forwarding", "1"),
    ("ipv4/conf/enp0s4/forwarding", "1"),
    ("ipv6/conf/their1/forwarding", "1"),
    ("ipv4/conf/enp0s4/rp_filter", "2"),
    ("ipv4/conf/enp0s4/arp_announce", "1"),
    ("ipv6/conf/enp0s4/accept_ra", "0"),
    ("ipv6/conf/enp0s4/hop_limit", "77"),
    ("ipv6/conf/enp0s4/addr_gen_mode", "1"),
    ("ipv6/conf/their1/addr_gen_mode", "1"),
    ("ipv6/conf/their1/ignore_routes_with_linkdown", "1"),
];

const MADE: &str = "\
link set lo up
link add their0 type veth peer name their1
link add idle0 type veth peer name idle1
link add fbr type bridge
link set fbr up mtu 1400
link set enp0s5 master fbr
link set their0 master fbr
link set idle0 master fbr
link set enp0s5 type bridge_slave cost 7 guard on
link set their0 up
link set their1 up
link set enp0s5 up
link set enp0s4 mtu 1400 alias uplink up
address add 10.77.0.1/24 dev fbr
address add 172.16.5.5/24 broadcast + dev enp0s4
address add 172.16.5.3/24 broadcast + dev enp0s4
address add 172.16.7.1 peer 172.16.7.2 dev enp0s4 metric 50
address add 2001:db8:6::1/64 dev enp0s4 nodad
address add 2001:db8:5::1/64 dev enp0s4 nodad
address add 10.66.0.1/24 dev their1
address add 2001:db8:66::1/64 dev their1 nodad
address add 2001:db8:10::1/128 dev lo nodad
address add 192.0.2.200/32 dev lo
route add 10.9.0.0/16 via 172.16.5.254
route add 10.8.0.0/16 proto static nexthop via 172.16.5.254 weight 2 nexthop via 10.66.0.254
route add 10.7.0.0/16 via 10.66.0.254 table 77
route add 2001:db8:9::/48 via 2001:db8:5::fe
route add 2001:db8:8::/48 via 2001:db8:66::fe metric 20
route add 2001:db8:7::/48 nexthop via 2001:db8:66::fe nexthop via 2001:db8:5::fe
route add unreachable 2001:db8:bad::/48
route add blackhole 10.250.0.0/16
neigh add 172.16.5.7 lladdr 02:00:00:00:00:07 dev enp0s4 nud permanent
neigh add 2001:db8:5::7 lladdr 02:00:00:00:00:07 dev enp0s4 nud permanent
neigh add 10.66.0.7 lladdr 02:00:00:00:00:08 dev their1 nud permanent
neigh add 2001:db8:66::7 lladdr 02:00:00:00:00:08 dev their1 nud permanent
rule add from 172.16.5.0/24 lookup 77
";

impl Surroundings {
    /// In the calling thread's world.
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let file = "/run/surroundings";
        fs::write(file, MADE).expect("write a batch");
        ip(&format!("-batch {file}"));
        for (parameter, value) in PARAMETERS {
            fs::write(format!("/proc/sys/net/{parameter}"), value).expect("set a parameter");
        }
        kernel::until("IPv6 has taken up its addresses", || {
            let local = ip("-6 route show table local");
            ["2001:db8:5::1", "2001:db8:6::1", "2001:db8:66::1", "2001:db8:10::1"]
                .iter()
                .all(|address| local.contains(&format!("local {address}")))
        });
        Self { _lab: lab }
    }
}

/// The kind of links that a case needs and this kernel lacks.
pub(crate) fn lacks(case: &Case) -> Option<&'static str> {
    let kinds = ["vlan", "dummy", "vxlan", "ifb"];
    let is_needed = |kind: &&str| {
        [case.before, case.lines].iter().any(|lines| {
            lines.contains(&format!("type {kind}")) || lines.contains(&format!("2 {kind} "))
        })
    };
    kinds.into_iter().filter(is_needed).find(|kind| !isolated(|| has_link_kind(kind)))
}
