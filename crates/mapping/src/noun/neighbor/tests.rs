//! Tables of neighbours: the meaning of configurations, errors, and observed neighbours.

use expect_test::expect;
use netstate::{FdbEntry, FdbKey, Key, Neighbor, NeighborKey, Object, State};

use crate::test::{check, check_faults, check_path, check_raised, state};

const LINKS: &str = r#"
    "netnses": {"netns": [{"name": "vpn10"}]},
    "links": {"link": [{"name": "enp0s4", "netns": "vpn10"}, {"name": "eth0"}, {"name": "eth1"}]}
"#;

fn with(neighbors: &str) -> String {
    format!(r#"{{{LINKS}, "neighbors": {{"neighbor": [{neighbors}]}}}}"#)
}

#[test]
fn configured_neighbours() {
    check(
        &with(
            r#"
            {"to_addr": "192.168.10.1", "netns": "vpn10", "dev": "enp0s4", "lladdr": "B6:1D:6E:03:0E:E6"},
            {"to_addr": "10.0.0.7", "netns": "1", "dev": "eth0", "proxy": "10.0.0.7"},
            {"to_addr": "10.0.0.8", "netns": "1", "dev": "eth0", "managed": true},
            {"to_addr": "fe80::1%eth1", "netns": "1", "dev": "eth1", "lladdr": "52:54:00:00:00:01",
             "nud": "stale", "router": true, "extern_learn": true},
            {"to_addr": "10.0.0.9", "netns": "1", "dev": "eth0", "lladdr": "null", "use": false}
            "#,
        ),
        expect![[r#"
            {Netns: vpn10} = Netns
            {Link: enp0s4} = {Link: {place: {ifname: enp0s4, netns: vpn10}}}
            {Link: eth0} = {Link: {place: {ifname: eth0, netns: 1}}}
            {Link: eth1} = {Link: {place: {ifname: eth1, netns: 1}}}
            {Neighbor: {address: 10.0.0.7, dev: eth0, netns: 1, proxy: true}} = {}
            {Neighbor: {address: 10.0.0.8, dev: eth0, netns: 1, proxy: false}} = {Neighbor: {managed: true}}
            {Neighbor: {address: 10.0.0.9, dev: eth0, netns: 1, proxy: false}} = {Neighbor: {nud: 128, use: false}}
            {Neighbor: {address: fe80::1, dev: eth1, netns: 1, proxy: false}} = {Neighbor: {extern_learn: true, lladdr: 52:54:00:00:00:01, nud: 4, router: true}}
            {Neighbor: {address: 192.168.10.1, dev: enp0s4, netns: vpn10, proxy: false}} = {Neighbor: {lladdr: b6:1d:6e:03:0e:e6, nud: 128}}
        "#]],
    );
}

#[test]
fn invalid_neighbours_are_refused() {
    check_faults(
        &with(
            r#"
            {"to_addr": "10.0.0.1", "netns": "1", "lladdr": "52:54:00:00:00:01"},
            {"to_addr": "10.0.0.2", "netns": "1", "dev": "eth9"},
            {"to_addr": "10.0.0.3", "netns": "1", "dev": "enp0s4"},
            {"to_addr": "10.0.0.4", "netns": "vpn99", "dev": "eth0"},
            {"to_addr": "fe80::1", "netns": "1", "dev": "eth0"},
            {"to_addr": "fe80::1%eth0", "netns": "1", "dev": "eth0"},
            {"to_addr": "fe80::2%eth0", "netns": "1", "dev": "eth1"},
            {"to_addr": "224.0.0.5", "netns": "1", "dev": "eth1"},
            {"to_addr": "10.0.0.5", "netns": "1", "dev": "eth0", "proxy": "10.0.0.6", "nud": "permanent"}
            "#,
        ),
        expect![[r#"
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.1'][netns='1']/dev: the neighbour needs a dev, the link that it is on
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.2'][netns='1']/dev: no link eth9 is configured: add it to links, or take this out too
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.3'][netns='1']/dev: enp0s4 is in vpn10, the neighbour 10.0.0.3 in namespace 1
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.4'][netns='vpn99']/netns: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.5'][netns='1']/proxy: this is the address that the host answers for: to_addr once more
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.5'][netns='1']/nud: the host answers with its own: a proxy entry has none
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='224.0.0.5'][netns='1']: 224.0.0.5 is no address that a neighbour can have
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='fe80::1%eth0'][netns='1']: another entry is fe80::1 on eth0 already
            /iproute2-ip-neighbor:neighbors/neighbor[to_addr='fe80::2%eth0'][netns='1']/dev: the address is in zone eth0, which is another link
        "#]],
    );
}

fn learned(netns: &str, dev: &str, address: &str, nud: u16) -> (Key, Object) {
    let key = NeighborKey {
        netns: netns.parse().unwrap(),
        dev: dev.parse().unwrap(),
        address: address.parse().unwrap(),
        proxy: false,
    };
    let neighbor = Neighbor {
        lladdr: "b6:1d:6e:03:0e:e6".parse().ok(),
        nud: Some(nud),
        router: Some(false),
        ..Neighbor::default()
    };
    (Key::Neighbor(key), Object::Neighbor(neighbor))
}

#[test]
fn learned_neighbours_are_shown_as_in_the_tutorial() {
    let observed = state([
        learned("vpn10", "enp0s4", "192.168.10.1", 4),
        // The kernel's own entries for groups are not shown.
        learned("vpn10", "enp0s4", "224.0.0.22", 0x40),
    ]);
    check_raised(
        &observed,
        &format!("{{{LINKS}}}"),
        expect![[r#"
        {
          "iproute2-ip-neighbor:neighbors": {
            "neighbor": [
              {
                "to_addr": "192.168.10.1",
                "netns": "vpn10",
                "dev": "enp0s4",
                "router": false,
                "use": false,
                "managed": false,
                "extern_learn": false,
                "lladdr": "b6:1d:6e:03:0e:e6",
                "nud": "stale"
              }
            ]
          }
        }"#]],
    );
}

#[test]
fn one_address_on_two_links_is_two_neighbours() {
    let observed = state([
        learned("1", "eth0", "fe80::1", 2),
        learned("1", "eth1", "fe80::1", 4),
        learned("1", "eth2", "fe80::1", 4),
    ]);
    let configuration = with(
        r#"{"to_addr": "FE80::1", "netns": "1", "dev": "eth1", "lladdr": "52:54:00:00:00:01"}"#,
    );
    check_raised(
        &observed,
        &configuration,
        expect![[r#"
        {
          "iproute2-ip-neighbor:neighbors": {
            "neighbor": [
              {
                "to_addr": "fe80::1",
                "netns": "1",
                "dev": "eth1",
                "router": false,
                "use": false,
                "managed": false,
                "extern_learn": false,
                "lladdr": "b6:1d:6e:03:0e:e6",
                "nud": "stale"
              },
              {
                "to_addr": "fe80::1%eth0",
                "netns": "1",
                "dev": "eth0",
                "router": false,
                "use": false,
                "managed": false,
                "extern_learn": false,
                "lladdr": "b6:1d:6e:03:0e:e6",
                "nud": "reachable"
              },
              {
                "to_addr": "fe80::1%eth2",
                "netns": "1",
                "dev": "eth2",
                "router": false,
                "use": false,
                "managed": false,
                "extern_learn": false,
                "lladdr": "b6:1d:6e:03:0e:e6",
                "nud": "stale"
              }
            ]
          }
        }"#]],
    );
}

#[test]
fn paths_of_neighbours_use_the_configured_spelling() {
    let configuration =
        with(r#"{"to_addr": "fe80::1%eth1", "netns": "1", "dev": "eth1", "nud": "noarp"}"#);
    let key =
        r#"{"Neighbor": {"netns": "1", "dev": "eth1", "address": "fe80::1", "proxy": false}}"#;
    check_path(
        &configuration,
        (key, Some("nud")),
        expect!["/iproute2-ip-neighbor:neighbors/neighbor[to_addr='fe80::1%eth1'][netns='1']/nud"],
    );
    check_path(
        &configuration,
        (key, Some("lladdr")),
        expect!["/iproute2-ip-neighbor:neighbors/neighbor[to_addr='fe80::1%eth1'][netns='1']"],
    );
}

#[test]
fn forwarding_entries_that_differ_in_vlan_or_endpoint_are_one() {
    let key = |vlan, own, dst: &str| {
        let key = FdbKey {
            netns: "1".parse().unwrap(),
            dev: "vx5".parse().unwrap(),
            lladdr: "00:00:00:00:00:00".parse().unwrap(),
            vlan,
            own,
            dst: dst.parse().ok(),
        };
        Key::Fdb(key.into())
    };
    let seen = |nud, flags| Object::Fdb(FdbEntry { nud, flags, ..FdbEntry::default() }.into());
    let bridge = FdbEntry { nud: 2, master: "br0".parse().ok(), ..FdbEntry::default() };
    let observed: State = state([
        (key(0, true, "10.0.0.1"), seen(0x80, 0x02)),
        (key(0, true, "10.0.0.2"), seen(0x80, 0x12)),
        (key(10, false, ""), Object::Fdb(bridge.clone().into())),
        (key(20, false, ""), Object::Fdb(bridge.into())),
    ]);
    check_raised(
        &observed,
        "{}",
        expect![[r#"
        {
          "iproute2-ip-neighbor:neighbors": {
            "fdb": [
              {
                "lladdress": "00:00:00:00:00:00",
                "dev": "vx5",
                "netns": "1",
                "state": "permanent",
                "master": "br0",
                "flags": {
                  "self": true,
                  "router": false,
                  "use": false,
                  "extern_learn": true,
                  "sticky": false
                },
                "vxlan-paramters": {
                  "dst": "10.0.0.1"
                },
                "netloom-neighbor:vlan": [
                  10,
                  20
                ],
                "netloom-neighbor:remote": [
                  "10.0.0.1",
                  "10.0.0.2"
                ]
              }
            ]
          }
        }"#]],
    );
}
