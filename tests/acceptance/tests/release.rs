//! `netloomd --release`: the host is as it was before the configuration, and the configuration waits for a start.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs;

use acceptance::{Daemon, Lab, kernel, step, tutorial};
use testkit::netns::{ip, isolated};

/// NICs that stay in their places, with objects on them, their parameters, and those of the host.
const IN_PLACE: &str = "\
configure
links-iproute2
link enp0s4
mtu 1300
admin-status up
ip 192.168.10.10/24
sysctl proxy_arp 1
exit
link enp0s5
ifname lan0
admin-status down
exit
exit
sysctls-netloom
netns 1
ip_forward 1
exit
exit
routes-iproute2
route 10.5.0.0/16 netns 1
nexthop enp0s4 via address 192.168.10.1
commit
";

#[test]
fn the_tutorial_leaves_nothing_behind() {
    isolated(|| {
        let _lab = lab();
        let before = kernel::snapshot();
        let mut daemon = Daemon::start();
        daemon.run(&format!("configure\n{}", tutorial()));
        let configured = kernel::holds();
        step("a daemon that runs is not robbed");
        let ran = daemon.release();
        println!("  {}", ran.err);
        assert!(!ran.status.success());
        assert!(ran.err.contains("is in use by another netloomd"), "{}", ran.err);
        assert_eq!(kernel::holds(), configured);

        step("once it has ended, the host is as it was");
        daemon.stop();
        release(&daemon);
        kernel::await_as(&before);
        step("a second time there is nothing to do");
        release(&daemon);
        kernel::await_as(&before);

        step("the next start applies the configuration again");
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), configured);
        step("and is killed, which changes nothing of that");
        daemon.kill();
        release(&daemon);
        kernel::await_as(&before);
    });
}

/// The port attributes of a NIC are lost with the bridge.
#[test]
fn a_nic_that_was_a_port_is_as_it_was() {
    isolated(|| {
        let _lab = lab();
        let before = kernel::snapshot();
        let mut daemon = Daemon::start();
        let port = "configure\nlinks-iproute2 bridge br0\ntop\n\
                    links-iproute2 link enp0s4\nmaster br0\nadmin-status up\ncommit\n";
        for give_back in ["no links-iproute2\ncommit\n", "rollback 1\ncommit\n"] {
            daemon.run(port);
            assert_ne!(kernel::snapshot(), before);
            daemon.run(&format!("configure\n{give_back}"));
            kernel::await_as(&before);
        }
        daemon.run(port);
        daemon.stop();
        release(&daemon);
        kernel::await_as(&before);
    });
}

#[test]
fn a_nic_that_stayed_where_it_was_is_as_it_was() {
    isolated(|| {
        let _lab = lab();
        let before = kernel::snapshot();
        let mut daemon = Daemon::start();
        daemon.run(IN_PLACE);
        assert_ne!(kernel::snapshot(), before);
        daemon.stop();
        release(&daemon);
        kernel::await_as(&before);
    });
}

#[test]
fn an_interrupted_commit_is_given_back_too() {
    isolated(|| {
        let _lab = lab();
        let before = kernel::snapshot();
        let mut daemon = Daemon::start();
        daemon.run(&format!("configure\n{}", tutorial::TWO_VPNS));
        daemon.stop();
        daemon.start_again(&[("NETLOOM_ABORT_AT", "operations:4")]);
        daemon.script(&format!("configure\n{}{}", tutorial::VETH_PAIR, tutorial::ROUTES_VIA));
        daemon.await_end();
        assert!(daemon.state().join("journal").exists());
        release(&daemon);
        kernel::await_as(&before);
        assert!(!daemon.state().join("journal").exists());
    });
}

#[test]
fn a_foreign_link_in_our_namespace_is_reported_and_the_rest_given_back() {
    isolated(|| {
        let _lab = lab();
        let before = kernel::snapshot();
        let mut daemon = Daemon::start();
        daemon.run(&format!("configure\n{}", tutorial()));
        daemon.stop();
        step("somebody keeps a link in a namespace of ours");
        ip("-n vpn10 link add theirs type veth peer name too");
        let ran = daemon.release();
        println!("  {}", ran.err);
        assert!(!ran.status.success());
        assert!(ran.err.contains("netns[name='vpn10']"), "{}", ran.err);
        assert!(ran.err.contains("theirs"), "{}", ran.err);
        let left = kernel::holds();
        assert!(left[""].iter().any(|line| line.contains("172.16.5.5")), "{left:?}");
        assert!(!left.contains_key("vpn20"), "{left:?}");
        step("once it is out of the way, the rest goes");
        ip("-n vpn10 link delete theirs");
        release(&daemon);
        kernel::await_as(&before);
    });
}

/// The tutorial's lab, whose NICs somebody has configured already.
fn lab() -> Lab {
    let lab = Lab::new();
    ip("link set lo up");
    ip("link set enp0s4 mtu 1400 up");
    ip("address add 172.16.5.5/24 broadcast + dev enp0s4");
    ip("address add 172.16.5.3/24 broadcast + dev enp0s4");
    ip(
        "address add 172.16.6.1/24 dev enp0s4 label enp0s4:dhcp noprefixroute valid_lft 7200 preferred_lft 3600",
    );
    ip("address add 172.16.7.1 peer 172.16.7.2 dev enp0s4 metric 50");
    ip("address add 2001:db8:6::1/64 dev enp0s4 nodad valid_lft 7200 preferred_lft 0");
    ip("address add 2001:db8:5::1/64 dev enp0s4 nodad");
    ip("route add 10.9.0.0/16 via 172.16.5.254");
    ip("route add 2001:db8:9::/48 via 2001:db8:5::fe");
    ip("neigh add 172.16.5.7 lladdr 02:00:00:00:00:07 dev enp0s4 nud permanent");
    for (parameter, value) in [
        ("ipv4/conf/enp0s4/rp_filter", "2"),
        ("ipv4/conf/enp0s4/arp_announce", "1"),
        ("ipv6/conf/enp0s4/accept_ra", "0"),
        ("ipv6/conf/enp0s4/stable_secret", "2001:db8::5ec:2e7"),
    ] {
        fs::write(format!("/proc/sys/net/{parameter}"), value).expect("set a parameter");
    }
    ip("rule add from 172.16.5.0/24 lookup 77");
    ip("route add default via 172.16.5.253 table 77");
    kernel::until("IPv6 has taken up its addresses", || {
        let local = ip("-6 route show table local");
        ["local 2001:db8:5::1", "local 2001:db8:6::1"].iter().all(|address| local.contains(address))
    });
    lab
}

fn tutorial() -> String {
    let lessons =
        [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING];
    lessons.concat()
}

#[track_caller]
fn release(daemon: &Daemon) {
    let ran = daemon.release();
    assert!(ran.status.success(), "{}", ran.err);
}
