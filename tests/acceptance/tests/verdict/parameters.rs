//! Parameters that the kernel sets together with others.

use std::fs;

use acceptance::{kernel, step};
use testkit::netns::isolated;

use super::{NOTHING, PAIR, alike_from_empty, boot, commit, device, drift, refused};

#[test]
fn parameters_that_others_set_end_as_configured() {
    isolated(|| {
        let mut daemon = device(
            &[
                PAIR,
                "\
sysctls-netloom netns 1 variable net.ipv4.conf.a.forwarding value 0
sysctls-netloom netns 1 variable net.ipv4.conf.all.accept_redirects value 1
",
            ]
            .concat(),
        );
        let values = || {
            let paths = [
                "conf/a/forwarding",
                "conf/all/accept_redirects",
                "ip_forward",
                "conf/b/forwarding",
            ];
            paths.map(|path| kernel::parameter("", &format!("ipv4/{path}")))
        };
        step("IPv4 forwarding of all sets that of each link, and redirects");
        let told = commit(&daemon, "sysctls-netloom netns 1 ip_forward 1");
        println!("{told}");
        assert_eq!(values(), ["0", "1", "1", "1"]);
        assert_eq!(drift(&daemon), NOTHING);
        step("IPv6 forwarding of all does, against a link's");
        let ipv6 = "\
sysctls-netloom netns 1 variable net.ipv6.conf.a.forwarding value 0
sysctls-netloom netns 1 ipv6_forwarding 1
";
        commit(&daemon, ipv6);
        let forwarding = |link| kernel::parameter("", &format!("ipv6/conf/{link}/forwarding"));
        assert_eq!(["a", "b", "all"].map(forwarding), ["0", "1", "1"]);
        assert_eq!(drift(&daemon), NOTHING);
        step("a boot comes to the same");
        for parameter in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            fs::write(format!("/proc/sys/net/{parameter}"), "0").expect("write a parameter");
        }
        boot(&mut daemon, "a");
        assert_eq!(values(), ["0", "1", "1", "1"]);
        assert_eq!(["a", "b", "all"].map(forwarding), ["0", "1", "1"]);
        step("others set all links: that is drift, and a repair ends as configured");
        fs::write("/proc/sys/net/ipv4/ip_forward", "0").expect("write a parameter");
        kernel::until("it is told", || drift(&daemon).contains("ip_forward"));
        daemon.run("repair\n");
        assert_eq!(values(), ["0", "1", "1", "1"]);
        step("without the leaf the links' own parameters stay");
        commit(&daemon, "no sysctls-netloom netns 1 ip_forward");
        assert_eq!(values()[..3], ["0", "1", "0"]);
    });
}

#[test]
fn a_parameter_is_configured_under_one_name() {
    isolated(|| {
        let daemon = device("");
        let both = "\
sysctls-netloom netns 1 ip_forward 1
sysctls-netloom netns 1 variable net.ipv4.conf.all.forwarding value 0
";
        let words = ["net.ipv4.conf.all.forwarding has a leaf of its own", "set ip_forward"];
        let two = refused(&daemon, both, &words);
        step("so is the same value: one name is enough");
        refused(&daemon, &both.replace("value 0", "value 1"), &words);
        commit(&daemon, "sysctls-netloom netns 1 ip_forward 1");
        assert_eq!(kernel::parameter("", "ipv4/conf/all/forwarding"), "1");
        assert_eq!(drift(&daemon), NOTHING);
        alike_from_empty(&daemon, &[two]);
    });
}

#[test]
fn a_default_reaches_the_links_that_come_after_it() {
    isolated(|| {
        let daemon = device("");
        let values =
            || ["a", "b"].map(|link| kernel::parameter("", &format!("ipv4/conf/{link}/rp_filter")));
        step("in one commit a default comes first, and a link's own parameter counts");
        let own = "links-iproute2 link b sysctl rp_filter 1";
        let default = "sysctls-netloom netns 1 variable net.ipv4.conf.default.rp_filter value 2";
        commit(&daemon, &[PAIR, own, "\n", default, "\n"].concat());
        assert_eq!(values(), ["2", "1"]);
        step("a link that is there keeps what it has");
        commit(&daemon, &format!("no {}", default.rsplit_once(" value").expect("a value").0));
        assert_eq!(values(), ["2", "1"]);
        commit(&daemon, "links-iproute2 link a sysctl rp_filter 0");
        assert_eq!(values(), ["0", "1"]);
    });
}
