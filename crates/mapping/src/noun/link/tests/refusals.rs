//! Links that contradict themselves or others.

use expect_test::expect;

use crate::test::check_faults;

#[test]
fn invalid_veth_pairs_are_refused() {
    check_faults(
        r#"{"links": {
            "link": [
                {"name": "a", "type": "veth", "virtual_peer_name": "b"},
                {"name": "b", "type": "veth", "virtual_peer_name": "c"},
                {"name": "c", "type": "veth", "virtual_peer_name": "b"},
                {"name": "d", "type": "veth"},
                {"name": "e", "type": "veth", "virtual_peer_name": "e"},
                {"name": "f", "type": "veth", "virtual_peer_name": "z"},
                {"name": "g", "type": "veth", "virtual_peer_name": "z"},
                {"name": "h", "type": "dummy", "virtual_peer_name": "y"},
                {"name": "i", "virtual_peer_name": "y"},
                {"name": "j", "type": "veth", "virtual_peer_name": "br0"},
                {"name": "k", "type": "veth", "virtual_peer_name": "a name that is too long"},
                {"name": "l", "type": "veth", "virtual_peer_name": "h"},
                {"name": "m", "type": "veth", "virtual_peer_name": "n"},
                {"name": "n", "type": "vxcan"}
            ],
            "bridge": [{"name": "br0"}]
        }}"#,
        expect![[r#"
            /iproute2-ip-link:links/link[name='h']/virtual_peer_name: only a veth or a vxcan has another end: set type to iproute2-ip-link:veth
            /iproute2-ip-link:links/link[name='i']/virtual_peer_name: only a veth or a vxcan has another end: set type to iproute2-ip-link:veth
            /iproute2-ip-link:links/link[name='a']/virtual_peer_name: b names c as its other end, not a
            /iproute2-ip-link:links/link[name='d']/virtual_peer_name: a veth has two ends: set virtual_peer_name to the other end's name
            /iproute2-ip-link:links/link[name='e']/virtual_peer_name: the other end of a pair is another link
            /iproute2-ip-link:links/link[name='f']/virtual_peer_name: g names z as its other end too; a pair has two ends
            /iproute2-ip-link:links/link[name='g']/virtual_peer_name: f names z as its other end too; a pair has two ends
            /iproute2-ip-link:links/link[name='j']/virtual_peer_name: br0 (/iproute2-ip-link:links/bridge[name='br0']) is no end of a pair
            /iproute2-ip-link:links/link[name='k']/virtual_peer_name: link name "a name that is too long" is longer than the kernel's 15 characters
            /iproute2-ip-link:links/link[name='l']/virtual_peer_name: h (/iproute2-ip-link:links/link[name='h']) is no end of a pair
            /iproute2-ip-link:links/link[name='m']/virtual_peer_name: n is a vxcan, and m is not
        "#]],
    );
}

#[test]
fn invalid_names_and_places_are_refused() {
    check_faults(
        r#"{
            "netnses": {"netns": [{"name": "vpn10"}]},
            "links": {
                "link": [
                    {"name": "abcdefghijklmnop"},
                    {"name": "eth0"},
                    {"name": "lan", "netloom-link:ifname": "eth0"},
                    {"name": "eth1", "netns": "vpn99"},
                    {"name": "v0", "type": "veth", "virtual_peer_name": "v1"},
                    {"name": "v1", "type": "veth", "virtual_peer_name": "v0", "netns": "vpn99"},
                    {"name": "w0", "type": "veth", "virtual_peer_name": "w1"},
                    {"name": "w1", "netns": "vpn99"},
                    {"name": "p0", "type": "dummy", "master": "br1"},
                    {"name": "br0"}
                ],
                "bridge": [{"name": "br0"}, {"name": "br1", "netns": "vpn99"}]
            }
        }"#,
        expect![[r#"
            /iproute2-ip-link:links/link[name='abcdefghijklmnop']: link name "abcdefghijklmnop" is longer than the kernel's 15 characters; give the link a good one as its ifname
            /iproute2-ip-link:links/link[name='eth1']/netns: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
            /iproute2-ip-link:links/link[name='lan']/netloom-link:ifname: links eth0 and lan would both be eth0 in namespace 1
            /iproute2-ip-link:links/link[name='v1']/netns: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
            /iproute2-ip-link:links/link[name='w1']/netns: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
            /iproute2-ip-link:links/bridge[name='br0']: there is /iproute2-ip-link:links/link[name='br0'] already: a link's name is unique over all lists
            /iproute2-ip-link:links/bridge[name='br1']/netns: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
        "#]],
    );
}

#[test]
fn a_primary_that_is_no_port_is_refused() {
    check_faults(
        r#"{"netnses": {"netns": [{"name": "red"}]}, "links": {
            "link": [{"name": "a", "type": "dummy"}, {"name": "b", "type": "dummy", "netns": "red"}],
            "bond": [
                {"name": "b0", "bond-info": {"mode": "active-backup", "primary": "a"}},
                {"name": "b1", "bond-info": {"mode": "active-backup", "primary": "b"}},
                {"name": "b2", "bond-info": {"mode": "active-backup", "primary": "c"}}
            ]
        }}"#,
        expect![[r#"
            /iproute2-ip-link:links/bond[name='b0']/bond-info/primary: a is no port of b0: set its master
            /iproute2-ip-link:links/bond[name='b1']/bond-info/primary: b is in red, b1 in namespace 1
            /iproute2-ip-link:links/bond[name='b2']/bond-info/primary: no link c is configured: add it to links, or take this out too
        "#]],
    );
}

#[test]
fn what_a_new_link_must_have_is_missed() {
    check_faults(
        r#"{"links": {"link": [
            {"name": "a", "type": "geneve"},
            {"name": "b", "type": "geneve", "netloom-link:geneve": {"external": true}},
            {"name": "c", "type": "xfrm"},
            {"name": "d", "type": "erspan", "netloom-link:erspan": {"ikey": "0.0.0.1"}},
            {"name": "e", "type": "erspan", "netloom-link:erspan": {"erspan_ver": 0}},
            {"name": "f", "type": "ip6erspan", "netloom-link:ip6erspan": {"iseq": true}},
            {"name": "g", "type": "ip6erspan", "netloom-link:ip6erspan": {"iseq": true, "ikey": "0.0.0.1"}}
        ]}}"#,
        expect![[r#"
            /iproute2-ip-link:links/link[name='a']/netloom-link:geneve/id: a geneve needs this
            /iproute2-ip-link:links/link[name='c']/netloom-link:xfrm/if_id: an xfrm needs this
            /iproute2-ip-link:links/link[name='d']/netloom-link:erspan/oseq: an erspan needs this
            /iproute2-ip-link:links/link[name='f']/netloom-link:ip6erspan/okey: an ip6erspan needs this
        "#]],
    );
}

#[test]
fn dangling_references_are_refused() {
    check_faults(
        r#"{
            "netnses": {"netns": [{"name": "vpn10"}]},
            "links": {
                "link": [
                    {"name": "a", "type": "dummy", "master": "b"},
                    {"name": "b", "type": "dummy", "master": "br9"},
                    {"name": "c", "type": "dummy", "master": "br0", "netns": "vpn10"},
                    {"name": "d", "type": "dummy", "device": "a"},
                    {"name": "e", "type": "virt_wifi"},
                    {"name": "f", "type": "ifb", "netloom-link:tun": {"mode": "tap"}}
                ],
                "bridge": [{"name": "br0", "master": "br0"}],
                "vxlan": [{"name": "vx", "device": "b",
                           "vxlan-info": {"id": "1", "dev": "nowhere", "srcport": "9 8"}}]
            }
        }"#,
        expect![[r#"
            /iproute2-ip-link:links/link[name='a']/master: b (/iproute2-ip-link:links/link[name='b']) is no bond, bridge or VRF
            /iproute2-ip-link:links/link[name='b']/master: no link br9 is configured: add it to links, or take this out too
            /iproute2-ip-link:links/link[name='c']/master: br0 is in namespace 1, c in vpn10
            /iproute2-ip-link:links/link[name='d']/device: a link of this type has no link below it
            /iproute2-ip-link:links/link[name='e']/type: Netloom makes links of type veth, dummy, ifb, tun, gretap, ipip, sit, ip6tnl, ip6gre, ip6gretap, vti6, macvlan, macvtap, ipvlan, ipvtap, erspan, ip6erspan, geneve, xfrm, vcan, vxcan and nlmon; to configure a link of type virt_wifi that exists already, leave the type out
            /iproute2-ip-link:links/link[name='f']/netloom-link:tun: only a link of type tun has this
            /iproute2-ip-link:links/vxlan[name='vx']/vxlan-info/srcport: the range ends before it begins
            /iproute2-ip-link:links/bridge[name='br0']/master: a link cannot be its own port
        "#]],
    );
}

#[test]
fn invalid_addresses_are_refused() {
    check_faults(
        r#"{"links": {"link": [{"name": "a", "type": "dummy",
            "ip": [{"address": "2001:db8::1/64"}, {"address": "2001:DB8::1/64"}, {"address": "224.0.0.1/24"},
                   {"address": "0.0.0.0/0"}, {"address": "1:2::3::4/64"}],
            "lladdresses": {"mac_addr": "01:00:00:00:00:01", "broadcast_addr": "ff:ff:ff:ff:ff:ff",
                            "peer_addr": "52:54:00:00:00:01"}
        }]}}"#,
        expect![[r#"
            /iproute2-ip-link:links/link[name='a']/ip[address='0.0.0.0/0']: 0.0.0.0 is no address that a link can have
            /iproute2-ip-link:links/link[name='a']/ip[address='1:2::3::4/64']: 1:2::3::4/64 is no IP address with its prefix length
            /iproute2-ip-link:links/link[name='a']/ip[address='224.0.0.1/24']: 224.0.0.1 is no address that a link can have
            /iproute2-ip-link:links/link[name='a']/ip[address='2001:db8::1/64']: a has 2001:db8::1/64 already, written differently
            /iproute2-ip-link:links/link[name='a']/lladdresses/peer_addr: a link has a broadcast address or, point to point, a peer address, not both
            /iproute2-ip-link:links/link[name='a']/lladdresses/mac_addr: this is a group address (its first octet is odd), which no link can have
        "#]],
    );
}
