//! Namespaces, and the loopback of each.

use acceptance::{kernel, step};
use testkit::netns::{ip, ip_json, isolated};

use super::{
    NOTHING, PAIR, addresses, alike_from_empty, boot, commit, device, drift, is_up, refused,
    routes, set,
};

#[test]
fn a_namespace_that_is_not_configured_is_refused() {
    isolated(|| {
        let daemon = device(PAIR);
        let words = ["there is no namespace red: add netns red"];
        let link = refused(&daemon, "links-iproute2 link a netns red", &words);
        let lo = refused(&daemon, "links-iproute2 link lo-red ifname lo netns red", &words);
        let route =
            refused(&daemon, "routes-iproute2 route 10.9.0.0/16 netns red nexthop a", &words);
        let ipv6 =
            refused(&daemon, "routes-iproute2 route 2001:db8:9::/48 netns red nexthop a", &words);
        alike_from_empty(&daemon, &[link, lo, route, ipv6]);
    });
}

#[test]
fn each_namespace_has_a_loopback_of_its_own() {
    isolated(|| {
        let daemon = device("");
        let host = ip("-br link show lo");
        step("two namespaces and their loopbacks in one commit, with addresses and parameters");
        let told = commit(
            &daemon,
            "\
netnses-iproute2 netns red
netnses-iproute2 netns blue
links-iproute2 link lo-red ifname lo netns red admin-status up ip 10.255.0.1/32
links-iproute2 link lo-red ip 2001:db8:ff::1/128
links-iproute2 link lo-red sysctl rp_filter 2
links-iproute2 link lo-blue ifname lo netns blue admin-status up ip 10.255.0.1/32
links-iproute2 link lo-blue ip 2001:db8:ff::2/128
links-iproute2 link lo-blue mtu 4000
",
        );
        println!("{told}");
        for (netns, own) in [("red", "2001:db8:ff::1/128"), ("blue", "2001:db8:ff::2/128")] {
            let found = addresses(netns, "lo");
            assert!(is_up(netns, "lo"), "{netns}");
            assert!(found.contains("10.255.0.1/32") && found.contains(own), "{found:?}");
        }
        assert_eq!(kernel::parameter("red", "ipv4/conf/lo/rp_filter"), "2");
        assert_eq!(ip_json("-n blue link show lo")[0]["mtu"], 4000);
        assert_eq!(ip("-br link show lo"), host, "the host's own stays as it was");
        assert_eq!(drift(&daemon), NOTHING);
        step("a loopback that is no longer configured stays, as it was before");
        commit(&daemon, "no links-iproute2 link lo-red");
        assert!(!is_up("red", "lo"));
        assert_eq!(addresses("red", "lo"), set(&["127.0.0.1/8"]));
        assert_eq!(kernel::parameter("red", "ipv4/conf/lo/rp_filter"), "0");
        step("a namespace goes with its loopback");
        commit(&daemon, "no links-iproute2 link lo-blue\nno netnses-iproute2 netns blue");
        assert_eq!(ip_json("netns list").as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn the_hosts_own_loopback_takes_addresses_and_serves_as_source() {
    isolated(|| {
        let mut daemon = device(
            &[
                PAIR,
                "\
links-iproute2 link lo admin-status up ip 10.255.0.1/32
links-iproute2 link lo ip 2001:db8:ff::1/128
routes-iproute2 route 10.9.0.0/16 src 10.255.0.1 nexthop a via address 10.0.0.2
routes-iproute2 route 2001:db8:9::/48 src 2001:db8:ff::1 nexthop a via address 2001:db8::2
",
            ]
            .concat(),
        );
        let sourced = set(&[
            "10.9.0.0/16 via 10.0.0.2 dev a src 10.255.0.1",
            "2001:db8:9::/48 via 2001:db8::2 dev a src 2001:db8:ff::1",
        ]);
        assert_eq!(routes(), sourced);
        let before = kernel::holds();
        for address in ["10.255.0.1/32", "2001:db8:ff::1/128"] {
            ip(&format!("address delete {address} dev lo"));
        }
        ip("link set lo down");
        boot(&mut daemon, "a");
        assert_eq!(kernel::holds(), before);
        assert_eq!(drift(&daemon), NOTHING);
    });
}
