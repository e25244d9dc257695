//! Changes by other programs are seen, reported, and handled as the configuration says.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod nexthops;

use std::fs;

use acceptance::{Daemon, Host, Lab, command, kernel, step, tutorial};
use testkit::netns::{ip, isolated};

#[test]
fn objects_lost_with_a_link_are_restored_with_it() {
    isolated(|| {
        let mut lab = Lab::new();
        let daemon = device();
        let before = kernel::holds();
        step("a link that is set down loses its routes");
        ip("-n vpn10 link set veth10 down");
        kernel::until("that is told", || drift(&daemon).contains("will be restored with"));
        let told = drift(&daemon);
        println!("{told}");
        assert!(told.contains("set veth10 in vpn10 up"), "{told}");
        step("and has them again once it is up");
        ip("-n vpn10 link set veth10 up");
        kernel::until("all is as before", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("a NIC that is unplugged and plugged in again gets its configuration");
        drop(std::mem::replace(&mut lab.pc2, Host::at("spare0")));
        kernel::until("it is gone", || kernel::holds()["vpn20"] != before["vpn20"]);
        let _pc2 = Host::at("enp0s5");
        ip("link delete spare0");
        kernel::until("all is as before", || kernel::holds() == before);
        step("a cable that somebody deletes and makes again does too");
        ip("-n vpn10 link delete veth10");
        kernel::until("that is told", || drift(&daemon).contains("create veth"));
        ip("-n vpn10 link add veth10 type veth peer name veth20 netns vpn20");
        kernel::until("all is as before", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("a cable of which one end is taken out of sight is made anew by `repair`");
        lab.pc1.take("vpn20", "veth20");
        kernel::until("that is told", || drift(&daemon).contains("delete veth10"));
        daemon.run("repair\n");
        kernel::until("all is as before", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
    });
}

#[test]
fn changes_of_parameters_without_notifications_are_seen() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = device();
        daemon.run("configure\nlinks-iproute2 link veth10\nsysctl accept_ra 0\ncommit\n");
        let accept_ra = "ipv6/conf/veth10/accept_ra";
        let write = |value: &str| {
            let script = format!("echo {value} > /proc/sys/net/{accept_ra}");
            let ran = command("ip").args(["netns", "exec", "vpn10", "sh", "-c", &script]).status();
            assert!(ran.expect("run ip").success());
        };
        write("2");
        kernel::until("that is told", || drift(&daemon).contains("accept_ra"));
        println!("{}", drift(&daemon));
        write("0");
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("also of a link that was made again meanwhile");
        ip("-n vpn10 link delete veth10");
        kernel::until("that is told", || drift(&daemon).contains("create veth"));
        daemon.run("repair\nconfigure\ndrift-netloom policy repair\ncommit\n");
        write("2");
        kernel::until("it is repaired", || kernel::parameter("vpn10", accept_ra) == "0");
    });
}

#[test]
fn changes_by_others_are_reported_repaired_or_adopted() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = device();
        let before = kernel::holds();
        step("what somebody deletes is reported, and stays deleted");
        // What is removed while its link is still coming up is restored with the link.
        let delete_until_told = || {
            if kernel::holds() == before {
                ip("-n vpn10 route delete 192.168.20.0/24");
            }
            drift(&daemon).contains("192.168.20.0/24")
        };
        kernel::until("that is told", delete_until_told);
        assert!(kernel::holds() != before);
        assert!(daemon.log().contains("changed by others"), "{}", daemon.log());
        step("`repair` puts it right once");
        daemon.run("repair\n");
        assert_eq!((kernel::holds(), drift(&daemon)), (before.clone(), NOTHING.into()));
        kernel::until("that is told", delete_until_told);
        step("a policy repairs what is off already, and what comes");
        daemon.run("configure\ndrift-netloom policy repair\ncommit\n");
        kernel::until("it is repaired", || kernel::holds() == before);
        ip("-n vpn20 address delete 1.1.1.10/30 dev veth20");
        ip("-n vpn20 link set veth20 mtu 1300 down");
        ip("-n vpn10 link delete veth10");
        kernel::until("it is repaired", || kernel::holds() == before);
        step("a namespace takes what stands for a NIC here along: that has to come again");
        ip("netns delete vpn20");
        kernel::until("that is seen", || daemon.log().contains("create namespace vpn20"));
        // Until the namespace exists again, ip(8) cannot look into it.
        kernel::until("it is repaired", || !drift(&daemon).contains("create namespace vpn20"));
        let _pc2 = Host::at("enp0s5");
        kernel::until("it is repaired", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        step("another takes over what others do, in its part of the configuration");
        daemon.run(
            "configure\ndrift-netloom subtree /iproute2-ip-route:routes policy adopt\ncommit\n",
        );
        ip("-n vpn10 route replace 192.168.20.0/24 dev veth10 proto static src 1.1.1.9");
        let running = || daemon.run("show config-running routes-iproute2\n");
        kernel::until("it is in running", || running().contains("src 1.1.1.9"));
        ip("-n vpn10 route delete 192.168.20.0/24");
        kernel::until("it has left running", || !running().contains("192.168.20.0/24"));
        let history = daemon.run("show history\n");
        println!("{history}");
        assert!(history.contains("adopted what others have changed"), "{history}");
    });
}

#[test]
fn an_event_storm_takes_a_limited_share_of_time() {
    isolated(|| {
        let lab = Lab::new();
        let daemon = device();
        let before = kernel::holds();
        step("10,000 foreign routes come and go");
        let routes = |verb: &str| -> String {
            let route = |n: u32| {
                format!("route {verb} 10.{}.{}.0/24 dev veth10 proto 99\n", n >> 8, n & 255)
            };
            (0..10_000).map(route).collect()
        };
        let file = lab_file(&daemon, "storm", &(routes("add") + &routes("delete")));
        let (ours, others) = (cpu(&daemon.pid().to_string()), cpu("self"));
        ip(&format!("-n vpn10 -batch {file}"));
        // This event is handled after all those of the storm.
        ip("-n vpn10 route delete 192.168.20.0/24");
        kernel::until("what is ours is seen", || drift(&daemon).contains("192.168.20.0/24"));
        let (ours, others) = (cpu(&daemon.pid().to_string()) - ours, cpu("self") - others);
        println!("  {ours} ticks of the daemon for {others} of ip(8)");
        assert!(ours <= 2 * others + 20, "{ours} ticks of the daemon for {others} of ip(8)");
        assert_eq!(drift(&daemon).matches("to repair").count(), 1, "{}", drift(&daemon));
        daemon.run("configure\ndrift-netloom policy repair\ncommit\n");
        kernel::until("it is repaired", || kernel::holds() == before);
        step("a link flaps");
        let flap = "link set veth10 down\nlink set veth10 up\n".repeat(300);
        let file = lab_file(&daemon, "flap", &flap);
        ip(&format!("-n vpn10 -batch {file}"));
        kernel::until("all is as before", || kernel::holds() == before);
        kernel::until("nothing differs", || drift(&daemon) == NOTHING);
        drop(lab);
    });
}

const NOTHING: &str = "nothing differs from running\n";

/// The tutorial's device.
fn device() -> Daemon {
    let daemon = Daemon::start();
    let lessons =
        [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING];
    daemon.run(&format!("configure\n{}", lessons.concat()));
    daemon
}

fn drift(daemon: &Daemon) -> String {
    daemon.run("show drift\n")
}

/// The processor time of a process and its finished children, in clock ticks (proc_pid_stat(5)).
fn cpu(pid: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let times: Vec<u64> =
        fields.skip(11).take(4).map(|field| field.parse().expect("a number of ticks")).collect();
    times.iter().sum()
}

fn lab_file(daemon: &Daemon, name: &str, text: &str) -> String {
    let path = daemon.folder().join(name);
    fs::write(&path, text).expect("write a file");
    path.display().to_string()
}

#[test]
fn a_route_that_is_held_in_part_is_repaired_in_part() {
    isolated(|| {
        let daemon = Daemon::start();
        let edit = "configure
top
drift-netloom policy repair
top
links-iproute2 link away admin-status up ip 10.3.0.1/24
top
links-iproute2 link a type veth virtual_peer_name b admin-status up ip 10.2.0.1/24
top
links-iproute2 link b type veth virtual_peer_name a admin-status up
top
routes-iproute2 route 172.16.7.0/24 nexthop away
top
routes-iproute2 route 172.16.7.0/24 nexthop a
commit
";
        println!("{}", daemon.run(edit));
        let before = kernel::holds();
        assert!(before[""].iter().any(|line| line.contains("172.16.7.0/24")), "{before:?}");
        step("the last address of a link takes its routes along");
        ip("address delete 10.2.0.1/24 dev a");
        kernel::until("both are repaired", || {
            kernel::holds() == before && daemon.log().contains("repaired")
        });
        kernel::until("only the NIC is missing", || !drift(&daemon).contains("to repair"));
    });
}
