//! Nexthop objects, and the routes and groups that use them.

use acceptance::{Daemon, Host, kernel, step};
use testkit::netns::{ip, ip_json, isolated};

use super::{
    NOTHING, PAIR, alike_from_empty, boot, check, commit, device, drift, refused, routes, set,
};

/// A nexthop on each end of the pair, a group of both, and routes by all of them.
const NEXTHOPS: &str = "\
links-iproute2 link b ip 10.7.0.1/24
nexthops-iproute2 nexthop 1 dev a ipv4 address 10.0.0.2
nexthops-iproute2 nexthop 2 dev b ipv6 address fe80::2
nexthops-iproute2 nexthop 10 group nh 1
nexthops-iproute2 nexthop 10 group nh 2 weight 3
routes-iproute2 route 10.8.0.0/16 nhid 1
routes-iproute2 route 10.9.0.0/16 nhid 10
routes-iproute2 route 2001:db8:9::/48 nhid 2
";

const ALL: [&str; 3] = [
    "id 1 via 10.0.0.2 dev a proto static",
    "id 2 via fe80::2 dev b proto static",
    "id 10 group 1/2,3 proto static",
];
const ALL_ROUTES: [&str; 3] =
    ["10.8.0.0/16 nhid 1", "10.9.0.0/16 nhid 10", "2001:db8:9::/48 nhid 2"];

#[test]
fn a_nexthop_is_held_while_its_link_has_no_carrier() {
    isolated(|| {
        let other = Host::at("eth1");
        other.ip("link set eth0 down");
        let daemon = Daemon::start();
        step("the link comes up in the same commit, and gets no carrier");
        let told = commit(
            &daemon,
            "\
links-iproute2 link eth1 admin-status up ip 10.5.0.1/24
nexthops-iproute2 nexthop 1 dev eth1 ipv4 address 10.5.0.2
routes-iproute2 route 10.8.0.0/16 nhid 1
routes-iproute2 route 10.9.0.0/16 nexthop eth1
",
        );
        println!("{told}");
        assert!(told.contains("eth1 has no carrier"), "{told}");
        assert!(told.contains("its nexthop 1 is held: eth1 has no carrier"), "{told}");
        assert_eq!(routes(), set(&["10.9.0.0/16 dev eth1"]));
        step("the carrier comes: so do the nexthop and its route");
        other.ip("link set eth0 up");
        kernel::until("they are there", || kernel::by_nexthops() == ["10.8.0.0/16 nhid 1"]);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("the carrier goes: the kernel removes both, and they are held");
        other.ip("link set eth0 down");
        kernel::until("they are gone", || kernel::nexthops().is_empty());
        kernel::until("that is told", || drift(&daemon).contains("eth1 has no carrier"));
        step("and comes again");
        other.ip("link set eth0 up");
        kernel::until("they are there", || kernel::by_nexthops() == ["10.8.0.0/16 nhid 1"]);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
    });
}

#[test]
fn a_nexthop_that_is_not_configured_is_refused() {
    isolated(|| {
        let daemon = device(PAIR);
        step("also if others have made it");
        ip("nexthop add id 7 via 10.0.0.7 dev a");
        let first = refused(
            &daemon,
            "routes-iproute2 route 10.8.0.0/16 nhid 7",
            &[
                "10.8.0.0/16",
                "nhid",
                "no nexthop 7 is configured in the host's namespace",
                "add it to nexthops",
            ],
        );
        let second = refused(
            &daemon,
            "nexthops-iproute2 nexthop 10 group nh 7",
            &["nexthop[id='10']", "no nexthop 7 is configured"],
        );
        step("what is used cannot go");
        commit(&daemon, NEXTHOPS);
        refused(&daemon, "no nexthops-iproute2 nexthop 2", &["no nexthop 2 is configured"]);
        step("what cannot be used is told");
        let lines = "\
nexthops-iproute2 nexthop 3 ipv4 address 10.0.0.9
nexthops-iproute2 nexthop 3 fdb true
routes-iproute2 route 10.6.0.0/16 nhid 3
";
        refused(&daemon, lines, &["nexthop 3 is for forwarding databases, which no route uses"]);
        let ipv6 = "routes-iproute2 route 2001:db8:8::/48 nhid 1";
        refused(&daemon, ipv6, &["an IPv6 route uses no nexthop of IPv4, and nexthop 1 is one"]);
        let ipv6 = "routes-iproute2 route 2001:db8:8::/48 nhid 10";
        refused(&daemon, ipv6, &["and 1 in group 10 is one"]);
        let nested = "nexthops-iproute2 nexthop 11 group nh 10";
        refused(&daemon, nested, &["10 is a group itself, and a group contains no other group"]);
        let drops = "\
links-iproute2 link lo admin-status up
nexthops-iproute2 nexthop 4 blackhole true
nexthops-iproute2 nexthop 10 group nh 4
";
        refused(&daemon, drops, &["4 is a blackhole, which can only be alone in a group"]);
        let gateway = "nexthops-iproute2 nexthop 5 dev a ipv4 address 10.66.0.1";
        refused(&daemon, gateway, &["nexthop[id='5']", "its gateway 10.66.0.1 is not reached"]);
        let left = "no links-iproute2 link a ip 10.0.0.1/24";
        refused(&daemon, left, &["nexthop[id='1']", "its gateway 10.0.0.2 is not reached"]);
        alike_from_empty(&daemon, &[first, second]);
    });
}

#[test]
fn routes_and_groups_are_held_with_their_nexthops() {
    isolated(|| {
        let mut daemon = device(&[PAIR, NEXTHOPS].concat());
        assert_eq!(kernel::nexthops(), ALL);
        assert_eq!(kernel::by_nexthops(), ALL_ROUTES);
        step("one link down takes the carrier of the other");
        let told = commit(&daemon, "links-iproute2 link b admin-status down");
        println!("{told}");
        assert!(told.contains("its nexthop 2 is held: b is down"), "{told}");
        assert_eq!((kernel::nexthops().len(), kernel::by_nexthops().len()), (0, 0));
        step("they are there again with the links");
        commit(&daemon, "links-iproute2 link b admin-status up");
        assert_eq!(kernel::nexthops(), ALL);
        assert_eq!(kernel::by_nexthops(), ALL_ROUTES);
        step("a group uses the members that there are");
        let lines = "\
links-iproute2 bridge br0 ip 10.3.0.1/24
nexthops-iproute2 nexthop 3 dev br0
nexthops-iproute2 nexthop 10 group nh 3
";
        let told = commit(&daemon, lines);
        assert!(told.contains("br0 is down"), "{told}");
        assert_eq!(kernel::nexthops(), ALL);
        let checked = check(&daemon, "links-iproute2 link a admin-status down");
        assert!(checked.contains("its nexthop 1 is held: a is down"), "{checked}");
        step("a boot has the same result");
        let before = kernel::holds();
        boot(&mut daemon, "a");
        assert_eq!(kernel::holds(), before);
    });
}

#[test]
fn a_blackhole_nexthop_needs_the_loopback() {
    isolated(|| {
        let daemon = device("netnses-iproute2 netns red");
        let lines = "\
nexthops-iproute2 nexthop 1 netns red blackhole true
routes-iproute2 route 10.8.0.0/16 netns red nhid 1
";
        let words = "lo, which is down in red: configure a link lo there, with admin-status up";
        let first = refused(&daemon, lines, &["nexthop[id='1']", words]);
        step("a loopback that is configured to be down holds it");
        let lo = "links-iproute2 link lo-red ifname lo netns red admin-status";
        let told = commit(&daemon, &format!("{lo} down\n{lines}"));
        assert!(told.contains("lo-red is down") || told.contains("lo is down"), "{told}");
        step("one that is up takes it");
        commit(&daemon, &format!("{lo} up"));
        let shown = ip_json("-n red nexthop show");
        assert_eq!(shown[0]["id"], 1, "{shown}");
        let route = ip_json("-n red route show proto static");
        assert_eq!(route[0]["dst"], "10.8.0.0/16", "{route}");
        alike_from_empty(&daemon, &[first]);
    });
}
