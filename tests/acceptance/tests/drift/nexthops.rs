//! Nexthop objects beside other programs: changes by these, and nexthops of their own.

use acceptance::{Daemon, kernel, step};
use testkit::netns::{ip, isolated};

use super::{NOTHING, drift};

/// Both ends of a pair with addresses, a nexthop on each, a group of both, and routes by all of them.
const CONFIGURATION: &str = "\
links-iproute2 link a type veth virtual_peer_name b admin-status up ip 10.0.0.1/24
links-iproute2 link b type veth virtual_peer_name a admin-status up
nexthops-iproute2 nexthop 1 dev a ipv4 address 10.0.0.2
nexthops-iproute2 nexthop 2 dev b ipv6 address fe80::2
nexthops-iproute2 nexthop 10 group nh 1
nexthops-iproute2 nexthop 10 group nh 2 weight 3
routes-iproute2 route 10.8.0.0/16 nhid 1
routes-iproute2 route 10.9.0.0/16 nhid 10
routes-iproute2 route 2001:db8:9::/48 nhid 2
";

const ALL_ROUTES: [&str; 3] =
    ["10.8.0.0/16 nhid 1", "10.9.0.0/16 nhid 10", "2001:db8:9::/48 nhid 2"];

/// Commits these lines, each from the top level, and returns the output.
fn commit(daemon: &Daemon, lines: &str) -> String {
    let edits: String = lines.lines().map(|line| format!("top\n{line}\n")).collect();
    daemon.run(&format!("configure\n{edits}top\ncommit\n"))
}

#[test]
fn nexthops_that_others_change_are_repaired_with_what_uses_them() {
    isolated(|| {
        let daemon = Daemon::start();
        commit(&daemon, CONFIGURATION);
        step("others have nexthops, and routes by these");
        ip("nexthop add id 50 via 10.0.0.9 dev a proto bird");
        ip("nexthop add id 51 group 50 proto bird");
        ip("route add 10.50.0.0/16 nhid 51 proto bird");
        let before = kernel::holds();
        step("a nexthop that is deleted takes its routes along; this is reported");
        ip("nexthop del id 1");
        kernel::until("that is told", || {
            drift(&daemon).contains("add nexthop 1 via 10.0.0.2 dev a")
        });
        let told = drift(&daemon);
        println!("{told}");
        assert!(told.contains("add route 10.8.0.0/16 nhid 1"), "{told}");
        daemon.run("repair\n");
        assert_eq!(kernel::holds(), before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("by a policy, it is repaired at once");
        commit(&daemon, "drift-netloom policy repair");
        ip("nexthop del id 2");
        kernel::until("all is as before", || kernel::holds() == before);
        ip("nexthop replace id 1 via 10.0.0.77 dev a");
        kernel::until("all is as before", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("a link that others set down and up has all of it again");
        commit(&daemon, "drift-netloom policy report");
        ip("link set dev a down");
        kernel::until("they are gone", || kernel::nexthops().is_empty());
        kernel::until("that is told", || drift(&daemon).contains("will be restored with"));
        ip("link set dev a up");
        kernel::until("they are there", || {
            kernel::by_nexthops().len() >= 3 && kernel::nexthops().len() >= 3
        });
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step(
            "an in-place change keeps the routes, another kind of nexthop makes them anew, and rollback undoes it",
        );
        let before = kernel::holds();
        commit(&daemon, "nexthops-iproute2 nexthop 1 ipv4 address 10.0.0.3");
        assert_eq!(kernel::by_nexthops(), ALL_ROUTES);
        let lines = "\
no nexthops-iproute2 nexthop 1
nexthops-iproute2 nexthop 1 group nh 3
nexthops-iproute2 nexthop 3 dev a
no nexthops-iproute2 nexthop 10 group nh 1
nexthops-iproute2 nexthop 10 group nh 3
";
        commit(&daemon, lines);
        assert_eq!(kernel::by_nexthops(), ALL_ROUTES);
        daemon.run("configure\nrollback 2\ncommit\n");
        assert_eq!(kernel::holds(), before);
        step("the state shows all nexthops, with those of others");
        ip("nexthop add id 60 via 10.0.0.9 dev a proto bird");
        let shown = daemon.run("show operational-data nexthops-iproute2\n");
        println!("{shown}");
        assert!(shown.contains("60") && shown.contains("bird"), "{shown}");
    });
}
