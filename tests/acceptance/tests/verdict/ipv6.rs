//! Switching IPv6 off on a link contradicts the IPv6 objects on it.

use std::fs;

use acceptance::{kernel, step};
use testkit::netns::{has_link_kind, ip_json, isolated};

use super::{
    NOTHING, PAIR, ROUTES, addresses, alike_from_empty, commit, device, drift, refused, routes, set,
};

#[test]
fn ipv6_that_is_switched_off_contradicts_ipv6_addresses() {
    isolated(|| {
        let daemon = device(&[PAIR, ROUTES].concat());
        step("on the link: both leaves are named");
        let off = "links-iproute2 link a sysctl disable_ipv6 1";
        let words = [
            "ip[address='2001:db8::1/64']",
            "2001:db8:8::/48",
            "2001:db8:9::/48",
            "sysctl/disable_ipv6",
        ];
        let link = refused(&daemon, off, &words);
        step("on all links");
        let off = "sysctls-netloom netns 1 variable net.ipv6.conf.all.disable_ipv6 value 1";
        let words =
            ["ip[address='2001:db8::1/64']", "2001:db8:9::/48", "net.ipv6.conf.all.disable_ipv6"];
        let all = refused(&daemon, off, &words);
        step("on new links, of which this is one after a boot");
        let off = "sysctls-netloom netns 1 variable net.ipv6.conf.default.disable_ipv6 value 1";
        let words = ["ip[address='2001:db8::1/64']", "net.ipv6.conf.default.disable_ipv6"];
        let new = refused(&daemon, off, &words);
        step("the link's own parameter goes before that of all");
        let on = "\
sysctls-netloom netns 1 variable net.ipv6.conf.all.disable_ipv6 value 1
links-iproute2 link a sysctl disable_ipv6 0
";
        let before = routes();
        commit(&daemon, on);
        assert_eq!(routes(), before);
        assert!(addresses("", "a").contains("2001:db8::1/64"));
        assert_eq!(kernel::parameter("", "ipv6/conf/a/disable_ipv6"), "0");
        assert_eq!(kernel::parameter("", "ipv6/conf/b/disable_ipv6"), "1");
        assert_eq!(drift(&daemon), NOTHING);
        alike_from_empty(&daemon, &[link, all, new]);
    });
}

#[test]
fn ipv6_switched_off_by_others_is_drift_and_is_repaired() {
    isolated(|| {
        let daemon = device(&[PAIR, ROUTES].concat());
        let before = kernel::holds();
        fs::write("/proc/sys/net/ipv6/conf/a/disable_ipv6", "1").expect("write a parameter");
        kernel::until("it is told", || drift(&daemon).contains("2001:db8::1/64"));
        println!("{}", drift(&daemon));
        step("a repair cannot: the kernel's words are told");
        let ran = daemon.script("repair\n");
        println!("{}{}", ran.out, ran.err);
        let shown = drift(&daemon);
        println!("{shown}");
        assert!(shown.contains("the kernel refused to add address 2001:db8::1/64"), "{shown}");
        fs::write("/proc/sys/net/ipv6/conf/a/disable_ipv6", "0").expect("write a parameter");
        daemon.run("repair\n");
        assert_eq!(kernel::holds(), before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
    });
}

#[test]
fn an_mtu_below_1280_contradicts_ipv6() {
    isolated(|| {
        let daemon = device(&[PAIR, ROUTES].concat());
        let words = [
            "ip[address='2001:db8::1/64']",
            "mtu: 1200 of a is below 1280",
            "links/link[name='a']/mtu",
        ];
        let address = refused(&daemon, "links-iproute2 link a mtu 1200", &words);
        step("1280 itself is enough");
        commit(&daemon, "links-iproute2 link a mtu 1280");
        assert_eq!(drift(&daemon), NOTHING);
        step("parameters of IPv6 go with it too");
        let words = ["accept_ra", "mtu: 1200 of b is below 1280"];
        let parameter = "links-iproute2 link b mtu 1200\nlinks-iproute2 link b sysctl accept_ra 0";
        let parameter = refused(&daemon, parameter, &words);
        step("a route may leave the link with the same commit");
        let leaves = "\
no links-iproute2 link a ip 2001:db8::1/64
no routes-iproute2 route 2001:db8:9::/48
no routes-iproute2 route 2001:db8:8::/48
routes-iproute2 route 2001:db8:8::/48 nexthop b
links-iproute2 link a mtu 1200
";
        commit(&daemon, leaves);
        assert!(routes().contains("2001:db8:8::/48 dev b"), "{:?}", routes());
        daemon.run("configure\nrollback 1\ncommit\n");
        assert!(routes().contains("2001:db8:8::/48 dev a"), "{:?}", routes());
        step("a link without IPv6 may have less, and IPv4 stays");
        let less = "\
no links-iproute2 link a ip 2001:db8::1/64
no routes-iproute2 route 2001:db8:8::/48
no routes-iproute2 route 2001:db8:9::/48
links-iproute2 link a mtu 1200
";
        commit(&daemon, less);
        let ipv4 = ["10.8.0.0/16 dev a", "10.9.0.0/16 via 10.0.0.2 dev a"];
        assert_eq!(routes(), set(&ipv4));
        alike_from_empty(&daemon, &[address, parameter]);
    });
}

#[test]
fn an_mtu_of_a_vlan_fits_into_the_link_below() {
    isolated(|| {
        if !has_link_kind("vlan") {
            return;
        }
        let daemon = device(
            &[
                PAIR,
                "\
links-iproute2 vlan a.5 device a vlan-info id 5
links-iproute2 vlan a.5 admin-status up ip 2001:db8:5::1/64
",
            ]
            .concat(),
        );
        step("the MTU of the link below cuts that of the VLAN, which has IPv6");
        let below = "no links-iproute2 link a ip 2001:db8::1/64\nlinks-iproute2 link a mtu 1200";
        let below = refused(&daemon, below, &["2001:db8:5::1/64", "mtu: 1200", "below 1280"]);
        step("a VLAN's MTU above that of the link below");
        let above = "links-iproute2 link a mtu 1400\nlinks-iproute2 vlan a.5 mtu 1500";
        let above = refused(&daemon, above, &["mtu: 1500 is more than 1400, the mtu of a"]);
        alike_from_empty(&daemon, &[below, above]);
    });
}

#[test]
fn a_bridge_has_the_mtu_of_its_ports_or_its_own() {
    isolated(|| {
        let bridge = "\
links-iproute2 bridge br0 admin-status up ip 2001:db8:6::1/64
links-iproute2 link b master br0
";
        let daemon = device(&[PAIR, bridge].concat());
        let mtu = || ip_json("link show dev br0")[0]["mtu"].as_u64();
        step("without an MTU of its own it has that of its port, which is no drift");
        commit(&daemon, "links-iproute2 link b mtu 1400");
        assert_eq!((mtu(), drift(&daemon).as_str()), (Some(1400), NOTHING));
        step("a port that would cost it IPv6 is refused");
        let words = ["2001:db8:6::1/64", "mtu: 1200 of br0 is below 1280", "link[name='b']/mtu"];
        let small = refused(&daemon, "links-iproute2 link b mtu 1200", &words);
        step("with an MTU of its own it keeps that");
        commit(&daemon, "links-iproute2 bridge br0 mtu 1400");
        commit(&daemon, "links-iproute2 link b mtu 1200");
        assert!(addresses("", "br0").contains("2001:db8:6::1/64"));
        assert_eq!((mtu(), drift(&daemon).as_str()), (Some(1400), NOTHING));
        step("and follows the port again without it");
        commit(&daemon, "links-iproute2 link b mtu 1300\nno links-iproute2 bridge br0 mtu");
        assert_eq!((mtu(), drift(&daemon).as_str()), (Some(1300), NOTHING));
        commit(&daemon, "no links-iproute2 link b mtu");
        assert_eq!((mtu(), drift(&daemon).as_str()), (Some(1500), NOTHING));
        alike_from_empty(&daemon, &[small]);
    });
}
