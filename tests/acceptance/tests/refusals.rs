//! Invalid configurations are refused with messages that a network engineer can act on, and change
//! nothing.

use std::fmt::Write;

use acceptance::{Daemon, Lab, Terminal, built, command, kernel, step, tutorial};
use testkit::netns::{ip, isolated};

#[test]
fn invalid_names_and_values_are_refused() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = device();
        let long = "n".repeat(300);
        let cases = [
            (
                "a namespace's name with a space",
                "netnses-iproute2\nnetns \"a b\"",
                "only letters, digits",
            ),
            ("one that leaves its folder", "netnses-iproute2\nnetns ../x", "only letters, digits"),
            ("one that is an option", "netnses-iproute2\nnetns -all", "does not begin with `-`"),
            (
                "one of 300 characters",
                &format!("netnses-iproute2\nnetns {long}"),
                "1 to 255 characters",
            ),
            (
                "an address without a length",
                "links-iproute2\nlink veth10\nip 10.9.9.9",
                "needs a prefix length, for example",
            ),
            (
                "a link's name of 16 characters",
                "links-iproute2\nlink abcdefghijklmnop\ntype iproute2-ip-link:veth\nvirtual_peer_name x",
                "/iproute2-ip-link:links/link[name='abcdefghijklmnop']: link name \"abcdefghijklmnop\" is longer than the kernel's 15",
            ),
        ];
        for (title, lines, words) in cases {
            refused(&daemon, title, lines, words);
        }
    });
}

#[test]
fn dangling_references_are_refused() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = device();
        let cases = [
            (
                "a nexthop whose link is in another namespace",
                "routes-iproute2\nroute 10.9.0.0/16 netns vpn10\nnexthop veth20",
                "/nexthop[dev='veth20']: veth20 is in vpn20, the route to 10.9.0.0/16 in vpn10",
            ),
            (
                "a link in an unknown namespace",
                "links-iproute2\nlink enp0s4\nnetns vpn99",
                "/iproute2-ip-link:links/link[name='enp0s4']/netns: there is no namespace vpn99: add netns vpn99",
            ),
            (
                "a route in an unknown namespace",
                "routes-iproute2\nroute 10.9.0.0/16 netns vpn99\nnexthop veth10",
                "there is no namespace vpn99: add netns vpn99",
            ),
            (
                "a peer that has a peer",
                "links-iproute2\nlink veth30\ntype iproute2-ip-link:veth\nvirtual_peer_name veth20\nnetns vpn10",
                "[name='veth30']/virtual_peer_name: veth20 names veth10 as its other end, not veth30",
            ),
            (
                "deleting a namespace that a link is configured in",
                "no netnses-iproute2 netns vpn10",
                "/iproute2-ip-link:links/link[name='enp0s4']/netns: there is no namespace vpn10",
            ),
        ];
        for (title, lines, words) in cases {
            refused(&daemon, title, lines, words);
        }
    });
}

#[test]
fn errors_of_the_kernel() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = device();
        let mtu = "/iproute2-ip-link:links/link[name='veth10']";
        refused(
            &daemon,
            "an MTU too great for a veth",
            "links-iproute2\nlink veth10\nmtu 70000",
            mtu,
        );
        refused(&daemon, "an MTU too small for a veth", "links-iproute2\nlink veth10\nmtu 10", mtu);
        let mut routes = String::from("routes-iproute2\n");
        for (second, third) in (0..500).map(|n| (n / 250, n % 250)) {
            let via = if (second, third) == (1, 249) { "1.1.1.11" } else { "1.1.1.10" };
            let _ = writeln!(
                routes,
                "route 10.{second}.{third}.0/24 netns vpn10 nexthop veth10 via address {via}"
            );
        }
        let path = "/iproute2-ip-route:routes/route[prefix='10.1.249.0/24']";
        let ran =
            refused(&daemon, "the last of 500 operations: then the 499 are gone", &routes, path);
        assert!(ran.contains("Nexthop has invalid gateway (EINVAL"), "{ran}");
    });
}

#[test]
fn a_namespace_that_holds_what_is_not_ours() {
    isolated(|| {
        let daemon = Daemon::start();
        daemon.run("configure\nnetnses-iproute2\nnetns vpn30\ncommit\n");
        ip("-n vpn30 link add foreign type veth peer name stranger");
        refused(
            &daemon,
            "deleting a namespace that holds a link that somebody else made",
            "no netnses-iproute2 netns vpn30",
            "namespace vpn30 is in use: it holds foreign",
        );
    });
}

#[test]
fn a_commit_while_another_session_holds_the_lock() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut netloom = command(built("netloom"));
        netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
        let mut other = Terminal::start(netloom);
        other.line("configure");
        other.line("lock");
        let lines = "netnses-iproute2\nnetns vpn40";
        refused(
            &daemon,
            "a commit while another session holds the lock",
            lines,
            "running is locked by session 1 of",
        );
        step("once it is unlocked the same commit passes");
        other.line("unlock");
        daemon.run(&format!("configure\n{lines}\ncommit\n"));
    });
}

#[test]
fn a_file_that_ends_early() {
    isolated(|| {
        let daemon = Daemon::start();
        let file = daemon.folder().join("truncated.json");
        let text =
            "{\n \"iproute2-ip-netns:netnses\": {\n  \"netns\": [ {\"name\": \"vpn50\"}, {\"na";
        std::fs::write(&file, text).expect("write the file");
        let load = format!("load merge {}", file.display());
        refused(&daemon, "a truncated JSON file", &load, "line 3 column");
    });
}

/// The tutorial's device, with its routes.
fn device() -> Daemon {
    let daemon = Daemon::start();
    let lessons = [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA];
    daemon.run(&format!("configure\n{}", lessons.concat()));
    daemon
}

/// Commits these lines, which must fail with these words and change nothing. Returns the message.
#[track_caller]
fn refused(daemon: &Daemon, title: &str, lines: &str, words: &str) -> String {
    step(title);
    let before = (kernel::holds(), daemon.run("show config-running\n"));
    let ran = daemon.script(&format!("configure\n{lines}\ncommit\n"));
    println!("  {}", ran.err.trim_end().replace('\n', "\n  "));
    assert_eq!(ran.status.code(), Some(1), "{title}: {}", ran.out);
    assert!(ran.err.contains(words), "{title}: {}", ran.err);
    let after = (kernel::holds(), daemon.run("show config-running\n"));
    assert_eq!(before, after, "{title}");
    ran.err
}

/// Whoever can read `/run/netns` can hold the lock for creating namespaces.
#[test]
fn a_lock_that_somebody_holds_refuses_the_commit_and_no_more() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        daemon.run("configure\nnetnses-iproute2 netns first\ncommit\n");
        let directory = std::fs::File::open("/run/netns").expect("open the directory");
        rustix::fs::flock(&directory, rustix::fs::FlockOperation::LockExclusive).expect("lock it");
        let netns = "configure\nnetnses-iproute2 netns locked\ntop\n";
        let ran = daemon.script(&format!("{netns}commit\n"));
        assert!(ran.err.contains("another process holds a lock on /run/netns"), "{}", ran.err);
        assert_eq!(kernel::holds().keys().filter(|netns| *netns == "locked").count(), 0);
        drop(directory);
        daemon.run(&format!("{netns}commit\n"));
    });
}

/// The kernel sorts a list of ports, and an empty value empties it.
#[test]
fn a_parameter_that_the_kernel_keeps_in_another_form() {
    isolated(|| {
        let _lab = Lab::new();
        let mut daemon = Daemon::start();
        let ports = "ipv4/ip_local_reserved_ports";
        let set = |value: &str| {
            format!(
                "configure\nsysctls-netloom netns 1\n\
                 variable net.ipv4.ip_local_reserved_ports value {value}\ncommit\n"
            )
        };
        daemon.run(&set("8080,148"));
        assert_eq!(kernel::parameter("", ports), "148,8080");
        assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
        daemon.run(&set("9090,8080,8081"));
        assert_eq!(kernel::parameter("", ports), "8080-8081,9090");
        daemon.stop();
        daemon.start_again(&[]);
        assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
        assert_eq!(daemon.run("configure\ncommit check\n"), "nothing to do\n");
        daemon.run("configure\nno sysctls-netloom\ncommit\n");
        assert_eq!(kernel::parameter("", ports), "");
        step("numbers in other bases");
        for (given, kept) in [("0x10", "16"), ("16", "16"), ("020", "16"), ("0x11", "17")] {
            let leaf =
                "sysctls-netloom netns 1 variable net.ipv6.conf.all.router_solicitations value";
            daemon.run(&format!("configure\n{leaf} {given}\ncommit\n"));
            assert_eq!(kernel::parameter("", "ipv6/conf/all/router_solicitations"), kept);
            assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
            assert_eq!(daemon.run("configure\ncommit check\n"), "nothing to do\n");
        }
        daemon.run("configure\nno sysctls-netloom\ncommit\n");
        step("a parameter of three numbers is not set in part");
        let memory = kernel::parameter("", "ipv4/tcp_rmem");
        for given in ["4096", "4097 131073", "0x10"] {
            let line = format!("variable net.ipv4.tcp_rmem value \"{given}\"");
            let lines = format!("sysctls-netloom netns 1\n{line}");
            refused(&daemon, given, &lines, "the parameter has 3 numbers");
            assert_eq!(kernel::parameter("", "ipv4/tcp_rmem"), memory);
        }
        step("nor one of one number by the first of three");
        let lines = "sysctls-netloom netns 1\nvariable net.ipv4.ip_default_ttl value \"65 2 3\"";
        refused(&daemon, "65 2 3", lines, "the parameter has 1 number, not 3");
        assert_eq!(kernel::parameter("", "ipv4/ip_default_ttl"), "64");
    });
}

/// A kernel without VLAN filtering accepts the VLAN attributes of a bridge, and ignores them.
#[test]
fn a_field_that_the_kernel_does_not_have() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        daemon.run("configure\nlinks-iproute2 bridge br0\ncommit\n");
        for leaf in ["vlan_default_pvid 5", "vlan_stats_enabled 1", "vlan_protocol 802.1ad"] {
            let set = |bridge: &str| {
                format!("configure\nlinks-iproute2 bridge {bridge}\nbr-info {leaf}\ncommit\n")
            };
            for bridge in ["br0", "br1"] {
                let ran = daemon.script(&set(bridge));
                let name = leaf.split(' ').next().expect("a name");
                let refused = format!("this kernel does not have {name}");
                assert!(ran.status.success() || ran.err.contains(&refused), "{}", ran.err);
                println!("  {bridge} {leaf}: {}", ran.err);
                let mtu = if bridge == "br0" { 1400 } else { 1500 };
                daemon.run(&format!("configure\nlinks-iproute2 bridge br0\nmtu {mtu}\ncommit\n"));
                assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
            }
        }
    });
}

/// A parameter of a NIC that is configured before the NIC stays as configured when the NIC is given
/// back, by an undo or by a commit.
#[test]
fn a_parameter_of_a_link_that_is_configured_later() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        let path = "ipv6/conf/enp0s4/router_solicitations";
        daemon.run(
            "configure\nsysctls-netloom netns 1\n\
             variable net.ipv6.conf.enp0s4.router_solicitations value 0\ncommit\n",
        );
        assert_eq!(kernel::parameter("", path), "0");
        let adopted =
            "links-iproute2 bridge br0\ntop\nlinks-iproute2 link enp0s4 master br0\ntop\n";
        // The kernel refuses the route, after everything else is done.
        let late = "links-iproute2 link late type veth virtual_peer_name later admin-status up ip 198.51.100.1/24\n\
                    routes-iproute2 route 223.0.113.0/24 scope link nexthop late via address 198.51.100.2";
        let ran = daemon.script(&format!("configure\n{adopted}{late}\ncommit\n"));
        assert_eq!(ran.status.code(), Some(1), "{}{}", ran.out, ran.err);
        assert_eq!(kernel::parameter("", path), "0", "{}", ran.err);
        daemon.run(&format!("configure\n{adopted}commit\nrollback 1\ncommit\n"));
        assert_eq!(kernel::parameter("", path), "0");
        assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
    });
}

/// The kernel limits the forward delay of a bridge while its spanning tree is on.
#[test]
fn a_forward_delay_that_a_spanning_tree_does_not_allow() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        let bridge = |lines: [&str; 2]| {
            let lines = lines.map(|line| format!("links-iproute2 bridge br0 br-info {line}\n"));
            lines.concat()
        };
        let words = "with a spanning tree, the forward delay is 200 to 3000 centiseconds";
        let contradiction = bridge(["forward_delay 0", "stp_state 1"]);
        refused(&daemon, "from no bridge", &contradiction, words);
        daemon.run(&format!("configure\n{}commit\n", bridge(["forward_delay 0", "stp_state 0"])));
        refused(&daemon, "from one without a spanning tree", &contradiction, words);
        let told = || {
            let data = &testkit::netns::ip_json("-d link show br0")[0]["linkinfo"]["info_data"];
            (data["forward_delay"].as_u64(), data["stp_state"].as_u64())
        };
        for (delay, state) in
            [(300, 1), (0, 0), (200, 1), (100, 0), (1500, 0), (3000, 1), (4000, 0)]
        {
            let [delay_line, state_line] =
                [format!("forward_delay {delay}"), format!("stp_state {state}")];
            daemon.run(&format!("configure\n{}commit\n", bridge([&delay_line, &state_line])));
            assert_eq!(told().0, Some(delay));
            assert_eq!(told().1.map(|state| state != 0), Some(state != 0));
            assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
        }
        daemon.run("configure\nrollback 1\ncommit\n");
        assert_eq!(told().0, Some(3000));
    });
}
