//! `load running-kernel` and `netloom import`: the configuration that describes what others have set in the
//! kernel. Committing it changes nothing, and taking it out neither.

use acceptance::{Daemon, kernel, step};
use testkit::netns::{ip, ip_json, isolated, program};

/// A router that was set up by hand.
const ROUTER: &[&str] = &[
    "netns add red",
    "netns add blue",
    "link add n1 type veth peer name f1",
    "link set n1 mtu 9000 alias core up",
    "link set f1 up",
    "address add 10.2.0.1/24 dev f1",
    "address add 10.0.0.1/24 dev n1",
    "address add 10.0.0.5/24 dev n1",
    "address add 2001:db8::1/64 dev n1 nodad",
    "link add br0 type bridge forward_delay 400 stp_state 1",
    "link add p0 type veth peer name p1 netns red",
    "link set p0 master br0 up",
    "-n red link set p1 up",
    "-n red link set lo up",
    "address add 10.3.0.1 peer 10.3.0.2 dev n1 label n1:far metric 7",
    "address add 10.4.0.1/24 dev n1 label other noprefixroute preferred_lft 0",
    "address add 2001:db8:4::1/64 dev n1 nodad home preferred_lft 5000",
    "-n red address add 192.0.2.1/24 dev p1",
    "-n red address add 198.51.100.1/32 dev lo",
    "link set br0 up",
    "address add 10.1.0.1/24 dev br0",
    "route add 10.9.0.0/16 via 10.0.0.2",
    "route add 10.8.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.2.0.4",
    "route add blackhole 10.7.0.0/16",
    "nexthop add id 1 via 10.0.0.2 dev n1",
    "nexthop add id 2 group 1,3",
    "nexthop add id 3 via 10.0.0.9 dev n1 proto zebra",
    "route add 10.5.0.0/16 nhid 2",
    "route add 2001:db8:9::/48 via 2001:db8::2 metric 50",
    "route add 10.6.0.0/16 via 10.0.0.2 proto zebra table 100",
    "-n red route add default via 192.0.2.254",
    "rule add pref 100 from 10.0.0.0/8 lookup 100",
    "-6 rule add pref 200 fwmark 5 lookup 200",
    "neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev n1",
];

/// A link of each kind, as ip-link(8) makes it. The first word is the kind.
const KINDS: &[&str] = &[
    "veth link add k-veth type veth peer name q-veth",
    "dummy link add k-dummy mtu 1400 type dummy",
    "ifb link add k-ifb type ifb",
    "tun tuntap add dev k-tun mode tun",
    "bridge link add k-bridge type bridge ageing_time 1000 vlan_filtering 1",
    "bond link add k-bond type bond mode 802.3ad miimon 100 lacp_rate fast",
    "vlan link add link n1 name k-vlan type vlan id 7 protocol 802.1ad",
    "vrf link add k-vrf type vrf table 77",
    "vxlan link add k-vxlan type vxlan id 77 remote 10.0.0.9 dev n1 dstport 4789 ttl 5",
    "geneve link add k-geneve type geneve id 77 remote 10.0.0.9",
    "gre link add k-gre type gre local 10.0.0.1 remote 10.0.0.9 key 7 ttl 9",
    "gretap link add k-gretap type gretap local 10.0.0.1 remote 10.0.0.9",
    "ipip link add k-ipip type ipip local 10.0.0.1 remote 10.0.0.9",
    "sit link add k-sit type sit local 10.0.0.1 remote 10.0.0.9",
    "vti link add k-vti type vti local 10.0.0.1 remote 10.0.0.9 key 5",
    "ip6tnl link add k-ip6tnl type ip6tnl local 2001:db8::1 remote 2001:db8::9 mode ipip6",
    "ip6gre link add k-ip6gre type ip6gre local 2001:db8::1 remote 2001:db8::9",
    "ip6gretap link add k-ip6gretap type ip6gretap local 2001:db8::1 remote 2001:db8::9",
    "vti6 link add k-vti6 type vti6 local 2001:db8::1 remote 2001:db8::9 key 5",
    "erspan link add k-erspan type erspan seq key 30 local 10.0.0.1 remote 10.0.0.9 erspan_ver 1 erspan 5",
    "xfrm link add k-xfrm type xfrm dev n1 if_id 9",
    "macvlan link add k-macvlan link n1 type macvlan mode bridge",
    "macvtap link add k-macvtap link n1 type macvtap mode vepa",
    "ipvlan link add k-ipvlan link f1 type ipvlan mode l3",
    "ipvtap link add k-ipvtap link f1 type ipvtap",
    "vcan link add k-vcan type vcan",
    "vxcan link add k-vxcan type vxcan peer name q-vxcan",
    "nlmon link add k-nlmon type nlmon",
];

const NOTHING: &str = "nothing to do in the kernel; the configuration changes\n";

#[test]
fn a_router_that_was_set_up_by_hand() {
    isolated(|| {
        ROUTER.iter().for_each(|line| drop(ip(line)));
        let before = kernel::holds();
        let daemon = Daemon::start();
        step("what is there is described, and a commit of it changes nothing");
        let checked = daemon.script("configure\nload running-kernel\ncommit check\n").out;
        assert_eq!(checked, NOTHING);
        let printed = daemon.script("configure\nload running-kernel\nshow config-candidate\n").out;
        for line in [
            "10.0.0.1/24",
            "2001:db8::1/64",
            "forward_delay 400",
            "mtu 9000",
            "198.51.100.1/32",
            "peer 10.3.0.2 label n1:far metric 7",
            "default netns red",
        ] {
            assert!(printed.contains(line), "{line} in\n{printed}");
        }
        // Defaults, addresses of the kernel, and routes of daemons are not there.
        for text in ["hello_time", "fe80", "127.0.0.1", "10.6.0.0", "proto kernel", "netns 1"] {
            assert!(!printed.contains(text), "{text} in\n{printed}");
        }
        daemon.run("configure\nload running-kernel\ncommit\n");
        assert_eq!(kernel::holds(), before);
        assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
        step("there is nothing more to import, except routes of daemons");
        assert_eq!(daemon.run("configure\nload running-kernel\n"), "nothing to import\n");
        let more =
            "configure\nload running-kernel routing-daemons\nshow config-candidate | match 10.6\n";
        assert!(daemon.script(more).out.contains("10.6.0.0/16"));
        step("an address that others add later can be imported too");
        ip("address add 10.1.0.9/24 dev br0");
        let show = "configure\nload running-kernel\nshow config-candidate | match 10.1.0.9\n";
        let later = daemon.script(show).out;
        assert!(later.contains("10.1.0.9/24"), "{later}");
        step("one namespace alone");
        let ran = daemon.script("configure\nload running-kernel netns nowhere\n");
        assert!(ran.err.contains("there is no namespace nowhere"), "{}", ran.err);
        ip("address delete 10.1.0.9/24 dev br0");
        step("a program prints what is not configured");
        assert_eq!(daemon.netloom(&["import"]).out, "");
        let ran = daemon.netloom(&["import", "--routing-daemons", "--netns", "1", "--form", "set"]);
        assert!(ran.out.contains("route 10.6.0.0/16 table 100"), "{}{}", ran.out, ran.err);
        step("all of it is given up, and the host is as it was");
        daemon.run("configure\nrollback 1\ncommit\n");
        assert_eq!(kernel::holds(), before);
    });
}

#[test]
fn each_kind_of_link() {
    isolated(|| {
        ROUTER.iter().take(9).for_each(|line| drop(ip(line)));
        for line in KINDS {
            let (kind, command) = line.split_once(' ').unwrap_or_default();
            let made = program("ip").args(command.split_whitespace()).output().expect("run ip");
            if !made.status.success() {
                println!("skipped: this kernel lacks {kind}");
                let required = std::env::var_os("NETLOOM_REQUIRE_ALL_KINDS").is_some();
                assert!(!required, "{kind}: {}", String::from_utf8_lossy(&made.stderr));
            }
        }
        let daemon = Daemon::start();
        let before = kernel::holds();
        step("all of them are described");
        let ran = daemon.script("configure\nload running-kernel\ncommit check\ncommit\n");
        assert!(ran.out.starts_with(NOTHING), "{}", ran.out);
        assert_eq!(ran.err, "");
        assert_eq!(kernel::holds(), before);
        let config = daemon.run("show config-running\n");
        for name in made() {
            assert!(config.contains(&format!(" {name}\n")), "{name} in\n{config}");
        }
        step("they are given up, and stay");
        daemon.run("configure\nno links-iproute2\ncommit\n");
        assert_eq!(kernel::holds(), before);
    });
}

/// The names of the links that this test has made.
fn made() -> Vec<String> {
    let links = ip_json("link show");
    let names = links.as_array().into_iter().flatten().filter_map(|link| link["ifname"].as_str());
    names.filter(|name| name.starts_with("k-")).map(str::to_owned).collect()
}
