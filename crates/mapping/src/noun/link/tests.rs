//! Tables of links: the meaning of configurations, errors, and observed links.

mod addresses;
mod refusals;

use expect_test::expect;
use netstate::link::{Port, Statistics, Vxlan};
use netstate::{Key, Link, LinkAttributes, LinkFlags, LinkKind, LinkStatus, Object, Place};

use crate::test::{check, check_path, check_raised, state};

#[test]
fn every_container_reaches_its_struct() {
    check(
        r#"{"links": {
            "link": [{"name": "dummy0", "type": "dummy", "mtu": 9000, "group": "7", "index": "77",
                "admin-status": "down", "netloom-link:description": "loopback of PE1",
                "advance": {"txqueuelen": 10, "protodown": "off", "numtxqueues": 4},
                "modes": {"arp": "off", "multicast": "on"},
                "lladdresses": {"mac_addr": "52:54:00:00:00:AA"},
                "master": "br0", "bridge-conf": {"link": {"cost": 5, "hairpin": "on", "state": "learning"}}}],
            "bridge": [{"name": "br0", "br-info": {"stp_state": "1", "vlan_protocol": "802.1ad", "ageing_time": "100",
                "vlan_filtering": "1"}}],
            "vxlan": [{"name": "vx5", "vxlan-info": {"id": "5", "dev": "dummy0", "group": "239.1.1.1", "tos": "b8",
                "df": "inherit", "srcport": "1000 2000", "learning": false}}]
        }}"#,
        expect![[r#"
            {Link: br0} = {Link: {kind: {Bridge: {ageing_time: 100, stp_state: 1, vlan_filtering: true, vlan_protocol: 34984}}, place: {ifname: br0, netns: 1}}}
            {Link: dummy0} = {Link: {attributes: {alias: loopback of PE1, group: 7, index: 77, mac_address: 52:54:00:00:00:aa, mtu: 9000, numtxqueues: 4, protodown: false, txqueuelen: 10}, flags: {arp: false, multicast: true, up: false}, kind: Dummy, master: {Of: br0}, place: {ifname: dummy0, netns: 1}, port: {cost: 5, hairpin: true, state: 2}}}
            {Link: vx5} = {Link: {device: {ifname: dummy0, netns: 1}, kind: {Vxlan: {df: 2, id: 5, learning: false, remote: 239.1.1.1, srcport: [1000, 2000], tos: 184}}, place: {ifname: vx5, netns: 1}}}
        "#]],
    );
}

#[test]
fn a_link_may_have_another_name_in_the_kernel() {
    check(
        r#"{
            "netnses": {"netns": [{"name": "vpn10"}]},
            "links": {"link": [
                {"name": "the-uplink-of-vpn10", "netloom-link:ifname": "eth0", "netns": "vpn10",
                 "netloom-link:sysctl": {"rp_filter": "2", "disable_ipv6": "1"}},
                {"name": "eth0", "type": "tun", "netloom-link:tun": {"mode": "tap"}}
            ]}
        }"#,
        expect![[r#"
            {Netns: vpn10} = Netns
            {Link: eth0} = {Link: {kind: {Tun: {mode: 2}}, place: {ifname: eth0, netns: 1}}}
            {Link: the-uplink-of-vpn10} = {Link: {place: {ifname: eth0, netns: vpn10}}}
            {Sysctl: {netns: vpn10, path: net/ipv4/conf/eth0/rp_filter}} = {Sysctl: 2}
            {Sysctl: {netns: vpn10, path: net/ipv6/conf/eth0/disable_ipv6}} = {Sysctl: 1}
        "#]],
    );
}

#[test]
fn pairs() {
    check(
        r#"{
            "netnses": {"netns": [{"name": "vpn10"}, {"name": "vpn20"}]},
            "links": {"link": [
                {"name": "a", "type": "veth", "virtual_peer_name": "b", "netns": "vpn10"},
                {"name": "b", "netns": "vpn20"},
                {"name": "c", "type": "veth", "virtual_peer_name": "d", "netns": "vpn20"},
                {"name": "e", "type": "veth"},
                {"name": "f", "type": "veth", "virtual_peer_name": "e"}
            ]}
        }"#,
        expect![[r#"
            {Netns: vpn10} = Netns
            {Netns: vpn20} = Netns
            {Link: a} = {Link: {kind: Veth, peer: {ifname: b, netns: vpn20}, place: {ifname: a, netns: vpn10}}}
            {Link: b} = {Link: {kind: Veth, peer: {ifname: a, netns: vpn10}, place: {ifname: b, netns: vpn20}}}
            {Link: c} = {Link: {kind: Veth, peer: {ifname: d, netns: vpn20}, place: {ifname: c, netns: vpn20}}}
            {Link: e} = {Link: {kind: Veth, peer: {ifname: f, netns: 1}, place: {ifname: e, netns: 1}}}
            {Link: f} = {Link: {kind: Veth, peer: {ifname: e, netns: 1}, place: {ifname: f, netns: 1}}}
        "#]],
    );
}

#[test]
fn fields_have_paths() {
    let configuration = r#"{
        "netnses": {"netns": [{"name": "vpn10"}]},
        "links": {
            "link": [{"name": "lan", "netloom-link:ifname": "eth0", "netns": "vpn10", "mtu": 1400,
                      "advance": {"txqueuelen": 5}, "admin-status": "up",
                      "ip": [{"address": "2001:DB8::1/64"}], "netloom-link:sysctl": {"rp_filter": "1"}}],
            "bridge": [{"name": "br0", "br-info": {"priority": 3}}]
        }
    }"#;
    let check =
        |key: &str, field: Option<&str>, expect| check_path(configuration, (key, field), expect);
    check(r#"{"Link": "lan"}"#, None, expect!["/iproute2-ip-link:links/link[name='lan']"]);
    check(
        r#"{"Link": "lan"}"#,
        Some("mtu"),
        expect!["/iproute2-ip-link:links/link[name='lan']/mtu"],
    );
    check(
        r#"{"Link": "lan"}"#,
        Some("up"),
        expect!["/iproute2-ip-link:links/link[name='lan']/admin-status"],
    );
    check(
        r#"{"Link": "lan"}"#,
        Some("txqueuelen"),
        expect!["/iproute2-ip-link:links/link[name='lan']/advance/txqueuelen"],
    );
    check(
        r#"{"Link": "lan"}"#,
        Some("numtxqueues"),
        expect!["/iproute2-ip-link:links/link[name='lan']"],
    );
    check(
        r#"{"Link": "br0"}"#,
        Some("priority"),
        expect!["/iproute2-ip-link:links/bridge[name='br0']/br-info/priority"],
    );
    check(
        r#"{"Link": "docker0"}"#,
        Some("mtu"),
        expect!["/iproute2-ip-link:links/link[name='docker0']"],
    );
    check(
        r#"{"Address": {"netns": "vpn10", "dev": "eth0", "address": "2001:db8::1/64"}}"#,
        None,
        expect!["/iproute2-ip-link:links/link[name='lan']/ip[address='2001:DB8::1/64']"],
    );
    check(
        r#"{"Address": {"netns": "1", "dev": "eth0", "address": "10.0.0.1/24"}}"#,
        None,
        expect!["/iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']"],
    );
    check(
        r#"{"Sysctl": {"netns": "vpn10", "path": "net/ipv4/conf/eth0/rp_filter"}}"#,
        None,
        expect!["/iproute2-ip-link:links/link[name='lan']/netloom-link:sysctl/rp_filter"],
    );
}

#[test]
fn objects_of_others_are_shown_too() {
    let link = |netns: &str, ifname: &str, kind: LinkKind| {
        let place = Place { netns: netns.parse().unwrap(), ifname: ifname.parse().unwrap() };
        Link {
            place,
            kind: Some(kind),
            attributes: LinkAttributes { mtu: Some(1500), ..LinkAttributes::default() },
            flags: LinkFlags { up: Some(true), ..LinkFlags::default() },
            master: None,
            port: Port::default(),
            vlans: None,
            device: None,
            peer: None,
            peer_attributes: None,
            status: Some(Box::new(LinkStatus {
                index: 2,
                device_type: 1,
                flags: 0x1003,
                operstate: 2,
                linkmode: 0,
                qdisc: "noqueue".into(),
                statistics: Statistics { rx_bytes: 1234, ..Statistics::default() },
                ..LinkStatus::default()
            })),
        }
    };
    let vxlan = Vxlan { id: Some(5), remote: "239.0.0.1".parse().ok(), ..Vxlan::default() };
    let mut tunnel = link("1", "vx5", LinkKind::Vxlan(vxlan));
    let nic = link("vpn10", "eth0", LinkKind::Other(String::new()));
    tunnel.device = Some(nic.place.clone());
    let objects = [
        ("eth0@vpn10", nic),
        ("vcan0", link("1", "vcan0", LinkKind::Other("vcan".into()))),
        ("wg0", link("1", "wg0", LinkKind::Other("wireguard".into()))),
        ("vx5", tunnel),
    ];
    let observed = state(
        objects.map(|(id, link)| (Key::Link(id.parse().unwrap()), Object::Link(Box::new(link)))),
    );
    check_raised(
        &observed,
        "{}",
        expect![[r#"
        {
          "iproute2-ip-link:links": {
            "link": [
              {
                "name": "eth0@vpn10",
                "mtu": 1500,
                "admin-status": "up",
                "index": "2",
                "netns": "vpn10",
                "state": {
                  "flags": [
                    "BROADCAST",
                    "MULTICAST",
                    "NO-CARRIER",
                    "UP"
                  ],
                  "qdisc": "noqueue",
                  "operstate": "DOWN",
                  "linkmode": "DEFAULT",
                  "stats64": {
                    "rx": {
                      "bytes": "1234",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "over_errors": "0",
                      "multicast": "0"
                    },
                    "tx": {
                      "bytes": "0",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "carrier_errors": "0",
                      "collisions": "0"
                    }
                  },
                  "netloom-link:hardware": "iproute2-ip-link:ether"
                },
                "netloom-link:ifname": "eth0"
              },
              {
                "name": "vcan0",
                "mtu": 1500,
                "admin-status": "up",
                "index": "2",
                "netns": "1",
                "type": "iproute2-ip-link:vcan",
                "state": {
                  "flags": [
                    "BROADCAST",
                    "MULTICAST",
                    "NO-CARRIER",
                    "UP"
                  ],
                  "qdisc": "noqueue",
                  "operstate": "DOWN",
                  "linkmode": "DEFAULT",
                  "stats64": {
                    "rx": {
                      "bytes": "1234",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "over_errors": "0",
                      "multicast": "0"
                    },
                    "tx": {
                      "bytes": "0",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "carrier_errors": "0",
                      "collisions": "0"
                    }
                  },
                  "netloom-link:kind": "vcan",
                  "netloom-link:hardware": "iproute2-ip-link:ether"
                }
              },
              {
                "name": "wg0",
                "mtu": 1500,
                "admin-status": "up",
                "index": "2",
                "netns": "1",
                "state": {
                  "flags": [
                    "BROADCAST",
                    "MULTICAST",
                    "NO-CARRIER",
                    "UP"
                  ],
                  "qdisc": "noqueue",
                  "operstate": "DOWN",
                  "linkmode": "DEFAULT",
                  "stats64": {
                    "rx": {
                      "bytes": "1234",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "over_errors": "0",
                      "multicast": "0"
                    },
                    "tx": {
                      "bytes": "0",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "carrier_errors": "0",
                      "collisions": "0"
                    }
                  },
                  "netloom-link:kind": "wireguard",
                  "netloom-link:hardware": "iproute2-ip-link:ether"
                }
              }
            ],
            "vxlan": [
              {
                "name": "vx5",
                "mtu": 1500,
                "admin-status": "up",
                "index": "2",
                "netns": "1",
                "vxlan-info": {
                  "id": "5",
                  "dev": "eth0@vpn10",
                  "group": "239.0.0.1"
                },
                "state": {
                  "flags": [
                    "BROADCAST",
                    "MULTICAST",
                    "NO-CARRIER",
                    "UP"
                  ],
                  "qdisc": "noqueue",
                  "operstate": "DOWN",
                  "linkmode": "DEFAULT",
                  "stats64": {
                    "rx": {
                      "bytes": "1234",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "over_errors": "0",
                      "multicast": "0"
                    },
                    "tx": {
                      "bytes": "0",
                      "packets": "0",
                      "errors": "0",
                      "dropped": "0",
                      "carrier_errors": "0",
                      "collisions": "0"
                    }
                  },
                  "netloom-link:kind": "vxlan",
                  "netloom-link:hardware": "iproute2-ip-link:ether"
                }
              }
            ]
          }
        }"#]],
    );
}
