//! Links that are down, missing or not configured, and the objects on them.

use std::collections::BTreeSet;

use acceptance::{Daemon, Host, kernel, step};
use testkit::netns::{has_link_kind, ip, ip_json, isolated};

use super::{
    NOTHING, PAIR, ROUTES, alike_from_empty, boot, check, commit, device, drift, is_up, person,
    refused, routes, set,
};

#[test]
fn routes_are_held_while_their_link_is_down() {
    isolated(|| {
        let mut daemon = device(&[PAIR, ROUTES].concat());
        let before = kernel::holds();
        let active = routes();
        assert_eq!(active.len(), 4, "{active:?}");
        step("a link with routes is set down: the check and the commit name what is held");
        let down = "links-iproute2 link a admin-status down";
        let told = check(&daemon, down);
        println!("{told}");
        for route in ["10.8.0.0/16", "10.9.0.0/16", "2001:db8:8::/48", "2001:db8:9::/48"] {
            let is_held = |line: &str| line.starts_with("hold ") && line.contains(route);
            assert!(told.lines().any(is_held), "{route}: {told}");
        }
        let told = commit(&daemon, down);
        println!("{told}");
        assert!(
            told.contains("held: ") && told.contains("a is down, as it is configured"),
            "{told}"
        );
        assert!(told.contains("; 4 objects are held ("), "{told}");
        assert_eq!(routes(), BTreeSet::new());
        let shown = drift(&daemon);
        println!("{shown}");
        assert_eq!(shown.matches("held since").count(), 4, "{shown}");
        step("a boot and another commit leave them held");
        let held = kernel::holds();
        boot(&mut daemon, "a");
        assert_eq!(kernel::holds(), held);
        commit(&daemon, "links-iproute2 link b mtu 1400");
        assert_eq!(routes(), BTreeSet::new());
        step("the commit that sets the link up brings them back");
        commit(&daemon, "no links-iproute2 link b mtu\nlinks-iproute2 link a admin-status up");
        assert_eq!(kernel::holds(), before);
        assert_eq!(drift(&daemon), NOTHING);
    });
}

#[test]
fn a_multipath_route_goes_over_the_links_that_are_up() {
    isolated(|| {
        let daemon = device(
            "\
links-iproute2 link a type veth virtual_peer_name b admin-status up ip 10.0.0.1/24
links-iproute2 link b type veth virtual_peer_name a admin-status up
links-iproute2 link c type veth virtual_peer_name d admin-status up ip 10.1.0.1/24
links-iproute2 link d type veth virtual_peer_name c admin-status up
links-iproute2 link a ip 2001:db8:a::1/64
links-iproute2 link c ip 2001:db8:c::1/64
routes-iproute2 route 10.9.0.0/16 nexthop a via address 10.0.0.2
routes-iproute2 route 10.9.0.0/16 nexthop c via address 10.1.0.2
routes-iproute2 route 2001:db8:9::/48 nexthop a via address 2001:db8:a::2
routes-iproute2 route 2001:db8:9::/48 nexthop c via address 2001:db8:c::2
",
        );
        let before = kernel::holds();
        let both = set(&[
            "10.9.0.0/16 via 10.0.0.2 dev a via 10.1.0.2 dev c",
            "2001:db8:9::/48 via 2001:db8:a::2 dev a via 2001:db8:c::2 dev c",
        ]);
        assert_eq!(routes(), both);
        step("one leg is shut: the route goes over the other, and is held in part");
        let told = commit(&daemon, "links-iproute2 link a admin-status down");
        println!("{told}");
        let one = ["10.9.0.0/16 via 10.1.0.2 dev c", "2001:db8:9::/48 via 2001:db8:c::2 dev c"];
        assert_eq!(routes(), set(&one));
        let shown = drift(&daemon);
        println!("{shown}");
        assert_eq!(shown.matches("held in part since").count(), 2, "{shown}");
        step("both are shut: it is held altogether");
        commit(&daemon, "links-iproute2 link c admin-status down");
        assert_eq!(routes(), BTreeSet::new());
        assert!(!drift(&daemon).contains("in part"), "{}", drift(&daemon));
        step("both are up: it goes over both");
        commit(
            &daemon,
            "links-iproute2 link a admin-status up\nlinks-iproute2 link c admin-status up",
        );
        assert_eq!(kernel::holds(), before);
        assert_eq!(drift(&daemon), NOTHING);
    });
}

#[test]
fn a_vlan_goes_down_with_the_link_below() {
    isolated(|| {
        if !has_link_kind("vlan") {
            return;
        }
        let daemon = device(
            &[
                PAIR,
                "\
links-iproute2 vlan a.5 device a vlan-info id 5
links-iproute2 vlan a.5 admin-status up ip 10.5.0.1/24
links-iproute2 vlan a.5 ip 2001:db8:5::1/64
routes-iproute2 route 10.9.0.0/16 nexthop a.5 via address 10.5.0.2
routes-iproute2 route 2001:db8:9::/48 nexthop a.5 via address 2001:db8:5::2
",
            ]
            .concat(),
        );
        let before = kernel::holds();
        step("the link below is shut: the VLAN is down, and its routes are held");
        let told = commit(&daemon, "links-iproute2 link a admin-status down");
        println!("{told}");
        assert!(!is_up("", "a.5"));
        assert_eq!(routes(), BTreeSet::new());
        let shown = drift(&daemon);
        println!("{shown}");
        assert!(shown.contains("a.5 is down with a, which it is on"), "{shown}");
        step("both come up by the same commit");
        commit(&daemon, "links-iproute2 link a admin-status up");
        assert_eq!(kernel::holds(), before);
        assert_eq!(drift(&daemon), NOTHING);
    });
}

#[test]
fn objects_on_a_missing_nic_are_held() {
    isolated(|| {
        let mut daemon = Daemon::start();
        let mut ann = person(&daemon);
        step("a NIC that is away with addresses, routes and a parameter: the answer counts them");
        let told = commit(
            &daemon,
            "\
links-iproute2 link eth1 admin-status up ip 10.1.0.1/24
links-iproute2 link eth1 ip 2001:db8:1::1/64
links-iproute2 link eth1 sysctl rp_filter 2
routes-iproute2 route 10.9.0.0/16 nexthop eth1 via address 10.1.0.2
routes-iproute2 route 2001:db8:9::/48 src 2001:db8:1::1 nexthop eth1 via address 2001:db8:1::2
",
        );
        println!("{told}");
        assert!(told.contains("; 6 objects are held ("), "{told}");
        assert!(told.contains("there is no link eth1 in the host's namespace"), "{told}");
        step("a notification tells it at a terminal");
        let shown = ann.see("6 objects are held: `show drift`");
        println!("{shown}");
        step("`show drift` tells what, why, since when and until what");
        let shown = drift(&daemon);
        println!("{shown}");
        assert_eq!(shown.matches("held since").count(), 6, "{shown}");
        assert!(shown.contains("will be restored with links-iproute2 link eth1"), "{shown}");
        step("a restart changes nothing of it, and other commits pass");
        daemon.stop();
        daemon.start_again(&[]);
        assert_eq!(drift(&daemon).matches("held since").count(), 6, "{}", drift(&daemon));
        commit(&daemon, "links-iproute2 link x type veth virtual_peer_name y admin-status up");
        step("the NIC comes: all of it is there");
        let _far = Host::at("eth1");
        let both = [
            "10.9.0.0/16 via 10.1.0.2 dev eth1",
            "2001:db8:9::/48 via 2001:db8:1::2 dev eth1 src 2001:db8:1::1",
        ];
        kernel::until("the routes are there", || routes() == set(&both));
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        assert_eq!(kernel::parameter("", "ipv4/conf/eth1/rp_filter"), "2");
    });
}

#[test]
fn a_link_that_is_not_configured_is_refused() {
    isolated(|| {
        let daemon = device(PAIR);
        let route =
            refused(&daemon, "routes-iproute2 route 10.9.0.0/16 nexthop c", &["10.9.0.0/16", "c"]);
        let ipv6 = refused(
            &daemon,
            "routes-iproute2 route 2001:db8:9::/48 nexthop c",
            &["2001:db8:9::/48", "c"],
        );
        step("a link that goes while a route is over it");
        commit(&daemon, ROUTES);
        let gone = "no links-iproute2 link a\nno links-iproute2 link b";
        let gone = refused(&daemon, gone, &["10.9.0.0/16", "nexthop"]);
        alike_from_empty(&daemon, &[route, ipv6, gone]);
    });
}

#[test]
fn a_loop_of_links_is_refused() {
    isolated(|| {
        let daemon = device(PAIR);
        let one = "links-iproute2 vlan v1 vlan-info id 1 device v1\n";
        refused(&daemon, one, &["v1", "a link cannot be below itself"]);
        let two = "\
links-iproute2 vlan v1 vlan-info id 1 device v2
links-iproute2 vlan v2 vlan-info id 2 device v1
";
        let two = refused(&daemon, two, &["v1", "a link cannot be below itself", "over v2"]);
        let tunnels = "\
links-iproute2 vxlan x1 vxlan-info id 1 dev x2
links-iproute2 vxlan x2 vxlan-info id 2 dev x3
links-iproute2 vxlan x3 vxlan-info id 3 dev x1
";
        let tunnels = refused(&daemon, tunnels, &["x1", "below itself", "over x2, x3"]);
        step("a port that is on its own bridge");
        let port = "\
links-iproute2 bridge br admin-status up
links-iproute2 vlan v3 vlan-info id 3 device br
links-iproute2 vlan v3 master br
";
        let port = refused(&daemon, port, &["v3 is on br", "cannot be its master"]);
        assert!(!two.words.contains("taken"), "{}", two.words);
        alike_from_empty(&daemon, &[two, tunnels, port]);
    });
}

#[test]
fn a_bridge_is_no_port_of_a_bridge() {
    isolated(|| {
        let daemon = device(PAIR);
        let bridges = "\
links-iproute2 bridge br0 admin-status up
links-iproute2 bridge br1 mtu 65535
links-iproute2 bridge br1 master br0
";
        let own = refused(&daemon, bridges, &["br1", "br0 is a bridge", "no bridge as a port"]);
        step("a bridge of others is one too");
        ip("link add br2 type bridge");
        let words = ["br2", "br0 is a bridge", "no bridge as a port"];
        let bridges = "links-iproute2 bridge br0\nlinks-iproute2 link br2 master br0";
        let of_others = refused(&daemon, bridges, &words);
        ip("link del br2");
        alike_from_empty(&daemon, &[own]);
        println!("{}", of_others.words);
    });
}

#[test]
fn attributes_of_a_port_fit_its_master() {
    isolated(|| {
        let daemon = device(PAIR);
        step("without a master they wait for one");
        commit(&daemon, "links-iproute2 link a bond_slave queue_id 1");
        let bridge = "links-iproute2 bridge br0\nlinks-iproute2 link a master br0\n";
        let words = ["queue_id", "the ports of a bond", "br0 is a bridge"];
        let port = refused(&daemon, bridge, &words);
        let guard = || ip_json("-d link show dev a")[0]["linkinfo"]["info_slave_data"].clone();
        assert_eq!(guard(), serde_json::Value::Null);
        step("a port of a bridge of others keeps what it has");
        ip("link add br1 type bridge");
        ip("link set dev b master br1");
        let before =
            ip_json("-d link show dev b")[0]["linkinfo"]["info_slave_data"]["guard"].clone();
        assert_eq!(before, false);
        commit(&daemon, "links-iproute2 link b bond_slave queue_id 1");
        let after =
            ip_json("-d link show dev b")[0]["linkinfo"]["info_slave_data"]["guard"].clone();
        assert_eq!((after, drift(&daemon).as_str()), (false.into(), NOTHING));
        ip("link del br1");
        alike_from_empty(&daemon, &[port]);
    });
}

#[test]
fn a_master_that_is_away_is_awaited_by_its_ports() {
    isolated(|| {
        let daemon = device(
            &[
                PAIR,
                "\
links-iproute2 link br0 admin-status up
links-iproute2 link a master br0
",
            ]
            .concat(),
        );
        println!("{}", drift(&daemon));
        step("the bridge, which others make, is away: the port is there, and is held in part");
        assert!(is_up("", "a"));
        assert!(drift(&daemon).contains("br0"), "{}", drift(&daemon));
        step("once others make it, the port is its");
        ip("link add br0 type bridge");
        kernel::until("it is enslaved", || ip_json("link show dev a")[0]["master"] == "br0");
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("a master that is no link of the configuration is refused");
        refused(&daemon, "links-iproute2 link b master br1", &["br1"]);
    });
}

#[test]
fn a_link_below_that_is_away_holds_what_is_on_it() {
    isolated(|| {
        if !has_link_kind("vlan") {
            return;
        }
        let daemon = Daemon::start();
        let told = commit(
            &daemon,
            "\
links-iproute2 link eth1 admin-status up
links-iproute2 vlan eth1.5 device eth1 vlan-info id 5
links-iproute2 vlan eth1.5 admin-status up ip 10.5.0.1/24
links-iproute2 vlan eth1.5 ip 2001:db8:5::1/64
routes-iproute2 route 10.9.0.0/16 nexthop eth1.5 via address 10.5.0.2
routes-iproute2 route 2001:db8:9::/48 nexthop eth1.5 via address 2001:db8:5::2
",
        );
        println!("{told}");
        let shown = drift(&daemon);
        println!("{shown}");
        assert!(shown.contains("eth1.5 is on eth1, which is not there"), "{shown}");
        let _far = Host::at("eth1");
        kernel::until("all of it is there", || routes().len() == 2);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("a VLAN on a link that is not configured is refused");
        refused(&daemon, "links-iproute2 vlan eth2.5 device eth2 vlan-info id 5", &["eth2"]);
    });
}

#[test]
fn a_table_exists_if_a_route_or_rule_names_it() {
    isolated(|| {
        let daemon = device(
            &[
                PAIR,
                "\
routes-iproute2 route 10.9.0.0/16 table 100 nexthop a via address 10.0.0.2
routes-iproute2 route 2001:db8:9::/48 table 100 nexthop a via address 2001:db8::2
",
            ]
            .concat(),
        );
        let count = |family: &str| {
            ip_json(&format!("{family} route show table 100")).as_array().map_or(0, Vec::len)
        };
        assert_eq!((count("-4"), count("-6")), (1, 1));
        step("its routes are held as those of table main are");
        commit(&daemon, "links-iproute2 link a admin-status down");
        assert_eq!((count("-4"), count("-6")), (0, 0));
        commit(&daemon, "links-iproute2 link a admin-status up");
        assert_eq!((count("-4"), count("-6")), (1, 1));
        assert_eq!(drift(&daemon), NOTHING);
    });
}

#[test]
fn an_mtu_is_within_the_limits_of_the_driver() {
    isolated(|| {
        ip("link add eth1 type veth peer name far");
        let daemon = device(
            "links-iproute2 link a type veth virtual_peer_name b\nlinks-iproute2 link eth1 admin-status up",
        );
        step("a link that Netloom makes, and one that it adopts");
        let made = refused(
            &daemon,
            "links-iproute2 link a mtu 1",
            &["1 is not possible on a", "68 to 65535"],
        );
        let adopted = refused(
            &daemon,
            "links-iproute2 link eth1 mtu 67",
            &["/mtu: 67 is not possible on eth1"],
        );
        let large = refused(&daemon, "links-iproute2 bridge br0 mtu 65536", &["68 to 65535"]);
        step("a kind without limits");
        if has_link_kind("ifb") {
            commit(&daemon, "links-iproute2 link i type ifb mtu 1");
        }
        alike_from_empty(&daemon, &[made, adopted, large]);
    });
}
