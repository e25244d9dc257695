//! The source of a route is an existing address, and for IPv6 one that no other host has.

use acceptance::{Daemon, Host, kernel, step};
use testkit::netns::{ip, isolated};

use super::{
    NOTHING, PAIR, alike_from_empty, boot, commit, device, drift, has_own_address, refused, routes,
    set,
};

#[test]
fn an_ipv6_source_is_awaited_in_the_same_commit() {
    isolated(|| {
        let mut daemon = device(PAIR);
        step("an address and routes with it as their source, in one commit");
        let told = commit(
            &daemon,
            "\
links-iproute2 link a ip 2001:db8:5::1/64
routes-iproute2 route 2001:db8:8::/48 src 2001:db8:5::1 nexthop a via address 2001:db8:5::2
routes-iproute2 route 2001:db8:9::/48 src 2001:db8:5::1 nexthop a
links-iproute2 link a ip 10.5.0.1/24
routes-iproute2 route 10.8.0.0/16 src 10.5.0.1 nexthop a
",
        );
        println!("{told}");
        let sourced = set(&[
            "10.8.0.0/16 dev a src 10.5.0.1",
            "2001:db8:8::/48 via 2001:db8:5::2 dev a src 2001:db8:5::1",
            "2001:db8:9::/48 dev a src 2001:db8:5::1",
        ]);
        assert_eq!(routes(), sourced);
        let before = kernel::holds();
        step("a boot awaits it too");
        boot(&mut daemon, "a");
        assert_eq!(kernel::holds(), before);
        assert_eq!(drift(&daemon), NOTHING);
        step("so does a repair");
        ip("address delete 2001:db8:5::1/64 dev a");
        kernel::until("that is told", || drift(&daemon).contains("2001:db8:5::1"));
        daemon.run("repair\n");
        assert_eq!(kernel::holds(), before);
    });
}

#[test]
fn a_source_that_is_no_address_is_refused() {
    isolated(|| {
        let daemon = device(&[PAIR, "links-iproute2 link b ip 10.7.0.1/24"].concat());
        for (route, src) in [("10.9.0.0/16", "10.6.0.1"), ("2001:db8:9::/48", "2001:db8:6::1")] {
            let lines = format!("routes-iproute2 route {route} src {src} nexthop a");
            let words = format!("its source {src} is no address of the host's namespace");
            refused(&daemon, &lines, &[route, &words, "configure it on a link there"]);
        }
        step("an address of another link serves, and then cannot go");
        commit(&daemon, "routes-iproute2 route 10.9.0.0/16 src 10.7.0.1 nexthop a");
        assert_eq!(routes(), set(&["10.9.0.0/16 dev a src 10.7.0.1"]));
        let gone = refused(
            &daemon,
            "no links-iproute2 link b ip 10.7.0.1/24",
            &["10.9.0.0/16", "10.7.0.1"],
        );
        alike_from_empty(&daemon, &[gone]);
    });
}

#[test]
fn a_duplicate_address_is_refused_with_the_others_mac() {
    isolated(|| {
        let other = Host::at("eth1");
        other.ip("address add 2001:db8:5::1/64 dev eth0 nodad");
        let mac = other.mac();
        let daemon = device("links-iproute2 link eth1 admin-status up");
        // The other host is asked from the link's own address.
        kernel::until("the link has an address of its own", || has_own_address("eth1"));
        let lines = "\
links-iproute2 link eth1 ip 2001:db8:5::1/64
routes-iproute2 route 2001:db8:8::/48 src 2001:db8:5::1 nexthop eth1
";
        refused(&daemon, lines, &["duplicate address", "eth1", &mac]);
        step("once the other gives it up, the same commit passes");
        other.ip("address delete 2001:db8:5::1/64 dev eth0");
        commit(&daemon, lines);
        assert_eq!(routes(), set(&["2001:db8:8::/48 dev eth1 src 2001:db8:5::1"]));
        step("an address that nothing waits for is accepted, and told once detection has failed");
        other.ip("address add 2001:db8:6::1/64 dev eth0 nodad");
        commit(&daemon, "links-iproute2 link eth1 ip 2001:db8:6::1/64");
        kernel::until("it is told", || drift(&daemon).contains("another host on the link has"));
        println!("{}", drift(&daemon));
    });
}

#[test]
fn routes_with_a_source_are_restored_with_their_link() {
    isolated(|| {
        let daemon = device(
            &[
                PAIR,
                "\
routes-iproute2 route 2001:db8:8::/48 src 2001:db8::1 nexthop a via address 2001:db8::2
routes-iproute2 route 10.8.0.0/16 src 10.0.0.1 nexthop a via address 10.0.0.2
",
            ]
            .concat(),
        );
        let before = kernel::holds();
        for link in ["a", "b"] {
            step(&format!("{link} is set down and up by commits"));
            let told = commit(&daemon, &format!("links-iproute2 link {link} admin-status down"));
            println!("{told}");
            let told = commit(&daemon, &format!("links-iproute2 link {link} admin-status up"));
            println!("{told}");
            assert_eq!(kernel::holds(), before);
            assert_eq!(drift(&daemon), NOTHING);
        }
        step("by others too");
        ip("link set dev a down");
        kernel::until("the routes are gone", || routes().is_empty());
        ip("link set dev a up");
        kernel::until("they are back", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
    });
}

#[test]
fn an_ipv6_source_on_a_link_without_carrier_is_held() {
    isolated(|| {
        let other = Host::at("eth1");
        other.ip("link set eth0 down");
        let daemon = Daemon::start();
        step(
            "detection does not begin without a carrier: the route is held, the one of IPv4 is not",
        );
        let told = commit(
            &daemon,
            "\
links-iproute2 link eth1 admin-status up ip 2001:db8:5::1/64
links-iproute2 link eth1 ip 10.5.0.1/24
routes-iproute2 route 2001:db8:8::/48 src 2001:db8:5::1 nexthop eth1 via address 2001:db8:5::2
routes-iproute2 route 10.8.0.0/16 src 10.5.0.1 nexthop eth1 via address 10.5.0.2
",
        );
        println!("{told}");
        assert!(told.contains("eth1 has no carrier"), "{told}");
        assert_eq!(routes(), set(&["10.8.0.0/16 via 10.5.0.2 dev eth1 src 10.5.0.1"]));
        step("the carrier comes: so does the route");
        other.ip("link set eth0 up");
        let ipv6 = "2001:db8:8::/48 via 2001:db8:5::2 dev eth1 src 2001:db8:5::1";
        kernel::until("it is there", || routes().contains(ipv6));
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
    });
}

#[test]
fn an_ipv6_source_on_a_bridge_waits_for_a_port() {
    isolated(|| {
        let bridge = "\
links-iproute2 bridge br0 admin-status up ip 2001:db8:5::1/64
links-iproute2 link b master br0
links-iproute2 link b admin-status down
routes-iproute2 route 2001:db8:8::/48 src 2001:db8:5::1 nexthop br0 via address 2001:db8:5::2
";
        let daemon = Daemon::start();
        step("no port is up, so the bridge has no carrier, and nothing is waited for");
        let told = commit(&daemon, &[PAIR, bridge].concat());
        println!("{told}");
        assert!(told.contains("br0 has no carrier: b is down"), "{told}");
        assert_eq!(routes(), set(&[]));
        step("a commit that sets the port up brings the route");
        commit(&daemon, "links-iproute2 link b admin-status up");
        let route = "2001:db8:8::/48 via 2001:db8:5::2 dev br0 src 2001:db8:5::1";
        assert_eq!(routes(), set(&[route]));
        assert_eq!(drift(&daemon), NOTHING);
        step("one that sets the other end down takes it away");
        let told = commit(&daemon, "links-iproute2 link a admin-status down");
        assert!(told.contains("br0 has no carrier"), "{told}");
        assert_eq!(routes(), set(&[]));
    });
}

#[test]
fn a_repairing_commit_is_always_possible() {
    isolated(|| {
        let other = Host::at("eth1");
        let daemon = device(
            "\
links-iproute2 link eth1 admin-status up ip 2001:db8:5::1/64
routes-iproute2 route 2001:db8:8::/48 src 2001:db8:5::1 nexthop eth1
",
        );
        step("the link goes down, and the address is somebody else's when it is to come up again");
        commit(&daemon, "links-iproute2 link eth1 admin-status down");
        other.ip("address add 2001:db8:5::1/64 dev eth0 nodad");
        let up = "links-iproute2 link eth1 admin-status up";
        refused(&daemon, up, &["duplicate address"]);
        step("a commit of something else passes");
        let told = commit(&daemon, "links-iproute2 link x type veth virtual_peer_name y");
        println!("{told}");
        step("so does one that takes another address");
        let told = commit(
            &daemon,
            "\
links-iproute2 link eth1 admin-status up ip 2001:db8:5::7/64
no links-iproute2 link eth1 ip 2001:db8:5::1/64
routes-iproute2 route 2001:db8:8::/48 src 2001:db8:5::7
",
        );
        println!("{told}");
        assert_eq!(routes(), set(&["2001:db8:8::/48 dev eth1 src 2001:db8:5::7"]));
        assert_eq!(drift(&daemon), NOTHING);
    });
}
