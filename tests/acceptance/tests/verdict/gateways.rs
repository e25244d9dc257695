//! A gateway is reached through an address or a route without a gateway, and these cannot be
//! removed.

use acceptance::step;
use testkit::netns::{ip, isolated};

use super::{PAIR, ROUTES, alike_from_empty, commit, device, refused, routes, set};

#[test]
fn an_address_that_a_gateway_is_reached_by_cannot_go() {
    isolated(|| {
        let daemon = device(&[PAIR, ROUTES].concat());
        step(
            "the only address that a gateway is reached by: the route, the gateway and an address are named",
        );
        let words = ["10.9.0.0/16", "10.0.0.2", "configure one on a, for example 10.0.0.1/24"];
        let ipv4 = refused(&daemon, "no links-iproute2 link a ip 10.0.0.1/24", &words);
        let words =
            ["2001:db8:9::/48", "2001:db8::2", "configure one on a, for example 2001:db8::1/64"];
        let ipv6 = refused(&daemon, "no links-iproute2 link a ip 2001:db8::1/64", &words);
        step("with another address in the subnet it can");
        commit(
            &daemon,
            "links-iproute2 link a ip 10.0.0.7/24\nno links-iproute2 link a ip 10.0.0.1/24",
        );
        assert!(routes().contains("10.9.0.0/16 via 10.0.0.2 dev a"), "{:?}", routes());
        step("and with the route it can");
        let gone = "\
no routes-iproute2 route 10.9.0.0/16
no links-iproute2 link a ip 10.0.0.7/24
no routes-iproute2 route 2001:db8:9::/48
no links-iproute2 link a ip 2001:db8::1/64
";
        commit(&daemon, gone);
        alike_from_empty(&daemon, &[ipv4, ipv6]);
    });
}

#[test]
fn a_prefix_length_that_leaves_a_gateway_out_is_refused() {
    isolated(|| {
        let daemon = device(
            "\
links-iproute2 link a type veth virtual_peer_name b admin-status up ip 10.0.0.1/24
links-iproute2 link a ip 2001:db8::1/64
links-iproute2 link b type veth virtual_peer_name a admin-status up
routes-iproute2 route 10.9.0.0/16 nexthop a via address 10.0.0.200
routes-iproute2 route 2001:db8:9::/48 nexthop a via address 2001:db8::200
",
        );
        let longer =
            "no links-iproute2 link a ip 10.0.0.1/24\nlinks-iproute2 link a ip 10.0.0.1/25";
        let ipv4 = refused(&daemon, longer, &["10.9.0.0/16", "10.0.0.200 is not reached"]);
        let longer =
            "no links-iproute2 link a ip 2001:db8::1/64\nlinks-iproute2 link a ip 2001:db8::1/120";
        let ipv6 = refused(&daemon, longer, &["2001:db8:9::/48", "2001:db8::200 is not reached"]);
        step("a shorter one is taken, and the routes stay");
        let shorter = "no links-iproute2 link a ip 10.0.0.1/24\nlinks-iproute2 link a ip 10.0.0.1/16\n\
                       no links-iproute2 link a ip 2001:db8::1/64\nlinks-iproute2 link a ip 2001:db8::1/48";
        commit(&daemon, shorter);
        let stay = ["10.9.0.0/16 via 10.0.0.200 dev a", "2001:db8:9::/48 via 2001:db8::200 dev a"];
        assert_eq!(routes(), set(&stay));
        alike_from_empty(&daemon, &[ipv4, ipv6]);
    });
}

#[test]
fn a_route_that_a_gateway_is_reached_by_cannot_go() {
    isolated(|| {
        let daemon = device(
            &[
                PAIR,
                "\
routes-iproute2 route 172.16.0.0/24 nexthop a
routes-iproute2 route 10.9.0.0/16 nexthop a via address 172.16.0.2
routes-iproute2 route 2001:db8:7::/64 nexthop a
routes-iproute2 route 2001:db8:9::/48 nexthop a via address 2001:db8:7::2
",
            ]
            .concat(),
        );
        let without = "no routes-iproute2 route 172.16.0.0/24";
        let ipv4 = refused(&daemon, without, &["10.9.0.0/16", "172.16.0.2 is not reached"]);
        let without = "no routes-iproute2 route 2001:db8:7::/64";
        let ipv6 = refused(&daemon, without, &["2001:db8:9::/48", "2001:db8:7::2 is not reached"]);
        step("`onlink` makes the gateway one of the link");
        commit(
            &daemon,
            "no routes-iproute2 route 172.16.0.0/24\nroutes-iproute2 route 10.9.0.0/16 flag onlink",
        );
        assert!(routes().contains("10.9.0.0/16 via 172.16.0.2 dev a"), "{:?}", routes());
        alike_from_empty(&daemon, &[ipv4, ipv6]);
    });
}

#[test]
fn a_gateway_that_is_the_routers_own_address_is_refused() {
    isolated(|| {
        let daemon = device(PAIR);
        let own = "routes-iproute2 route 10.9.0.0/16 nexthop a via address 10.0.0.1";
        refused(
            &daemon,
            own,
            &["10.9.0.0/16", "10.0.0.1 is an address of the host's namespace itself"],
        );
        let own = "routes-iproute2 route 2001:db8:9::/48 nexthop a via address 2001:db8::1";
        refused(
            &daemon,
            own,
            &["2001:db8:9::/48", "2001:db8::1 is an address of the host's namespace itself"],
        );
        step("a gateway behind a gateway");
        let behind = "routes-iproute2 route 2001:db8:9::/48 nexthop a via address 2001:db8::2\n\
                      routes-iproute2 route 2001:db8:10::/48 nexthop a via address 2001:db8:9::1";
        refused(
            &daemon,
            behind,
            &["2001:db8:10::/48", "2001:db8:9::1 is not reached without another gateway"],
        );
    });
}

#[test]
fn an_onlink_gateway_needs_an_ipv4_address_in_its_namespace() {
    isolated(|| {
        let daemon = device(
            "\
netnses-iproute2 netns red
links-iproute2 link a netns red type veth virtual_peer_name b admin-status up
links-iproute2 link b netns red type veth virtual_peer_name a admin-status up
links-iproute2 link lo-red ifname lo netns red
routes-iproute2 route 2001:db8:9::/48 netns red flag onlink nexthop a via address 2001:db8::2
",
        );
        let told = || ip("-n red -4 route show proto static").trim().to_owned();
        let there = "10.9.0.0/16 via 10.0.0.2 dev a onlink";
        step("a namespace without any, and with one that is the gateway");
        let route = "routes-iproute2 route 10.9.0.0/16 netns red flag onlink nexthop a via address 10.0.0.2";
        let words = ["10.9.0.0/16", "10.0.0.2 cannot be `onlink`: red has no IPv4 address"];
        let without = refused(&daemon, route, &words);
        let own = format!("{route}\nlinks-iproute2 link b ip 10.0.0.2/24");
        let words = ["10.9.0.0/16", "10.0.0.2 is an address of red itself"];
        let own = refused(&daemon, &own, &words);
        step("an address on any link, and then a loopback that is up");
        commit(&daemon, &format!("{route}\nlinks-iproute2 link b ip 10.5.0.1/24"));
        assert_eq!(told(), there);
        commit(
            &daemon,
            "no links-iproute2 link b ip 10.5.0.1/24\nlinks-iproute2 link lo-red admin-status up",
        );
        assert_eq!(told(), there);
        step(
            "neither can go while the other is not there, although the kernel would keep the route",
        );
        let words = ["10.9.0.0/16", "configure one on a link there, or set its lo up"];
        refused(&daemon, "links-iproute2 link lo-red admin-status down", &words);
        refused(&daemon, "no links-iproute2 link lo-red", &words);
        commit(&daemon, "no routes-iproute2 route 10.9.0.0/16 netns red");
        step("nor from a kernel that has seen one");
        refused(&daemon, &format!("no links-iproute2 link lo-red\n{route}"), &words);
        alike_from_empty(&daemon, &[without, own]);
    });
}
