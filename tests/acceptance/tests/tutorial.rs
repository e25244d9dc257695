//! The VPN tutorial in its three forms, as scripts and typed by a person.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

use acceptance::{Daemon, Lab, Ran, Terminal, built, command, kernel, step, tutorial};
use serde_json::Value;
use testkit::netns::{ip, ip_json, isolated};

#[test]
fn as_typed_the_kernel_holds_what_was_typed() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        step("two VPNs are namespaces of their own");
        daemon.run(&script(&[tutorial::TWO_VPNS]));
        assert_eq!(netns_names(), ["vpn10", "vpn20"]);
        assert!(links("").iter().all(|link| !link.starts_with("enp0s")), "the NICs have left");
        assert_eq!(addresses("vpn10", "enp0s4"), ["192.168.10.10/24"]);
        assert_eq!(addresses("vpn20", "enp0s5"), ["192.168.20.20/24"]);
        step("one pair is born across both, with routes over it");
        daemon.run(&script(&[tutorial::VETH_PAIR, tutorial::ROUTES]));
        assert_eq!(addresses("vpn10", "veth10"), ["1.1.1.9/30"]);
        assert_eq!(addresses("vpn20", "veth20"), ["1.1.1.10/30"]);
        assert_eq!(routes("vpn10"), ["192.168.20.0/24 dev veth10"]);
        assert_eq!(routes("vpn20"), ["192.168.10.0/24 dev veth20"]);
        for (netns, dev) in [("vpn10", "veth10"), ("vpn20", "veth20")] {
            let link = &ip_json(&format!("-n {netns} link show {dev}"))[0];
            assert!(link["flags"].as_array().is_some_and(|flags| flags.contains(&"UP".into())));
        }
    });
}

#[test]
fn by_way_of_gateways_pc1_reaches_pc2() {
    isolated(|| {
        let lab = Lab::new();
        let daemon = Daemon::start();
        let lessons =
            [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING];
        daemon.run(&script(&lessons));
        assert_eq!(routes("vpn10"), ["192.168.20.0/24 via 1.1.1.10 dev veth10"]);
        assert_reaches(&lab);
    });
}

#[test]
fn on_link_with_proxy_arp_pc1_reaches_pc2() {
    isolated(|| {
        let lab = Lab::new();
        let daemon = Daemon::start();
        let lessons = [
            tutorial::TWO_VPNS,
            tutorial::VETH_PAIR,
            tutorial::ROUTES,
            tutorial::FORWARDING,
            tutorial::PROXY_ARP,
        ];
        daemon.run(&script(&lessons));
        assert_reaches(&lab);
        step("taking proxy ARP out again puts the parameter back");
        let parameter = "netns exec vpn10 cat /proc/sys/net/ipv4/conf/veth10/proxy_arp";
        assert_eq!(ip(parameter), "1\n");
        daemon.run("configure\nlinks-iproute2\nlink veth10\nno sysctl\ncommit\n");
        assert_eq!(ip(parameter), "0\n");
    });
}

#[test]
fn both_vpns_may_use_the_same_prefix() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        daemon.run(&script(&[tutorial::TWO_VPNS]));
        daemon.run(
            "configure\nlinks-iproute2\nlink enp0s5\nno ip 192.168.20.20/24\nip 192.168.10.10/24\ncommit\n",
        );
        assert_eq!(addresses("vpn10", "enp0s4"), ["192.168.10.10/24"]);
        assert_eq!(addresses("vpn20", "enp0s5"), ["192.168.10.10/24"]);
    });
}

#[test]
fn without_a_daemon_the_engine_runs_in_the_command_line() {
    isolated(|| {
        let lab = Lab::new();
        let folder = tempfile::TempDir::new_in("/run").expect("make a folder");
        let lessons =
            [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING];
        let file = folder.path().join("script");
        std::fs::write(&file, script(&lessons)).expect("write the script");
        let ran = command(built("netloom"))
            .arg("--standalone")
            .arg("--state-dir")
            .arg(folder.path().join("state"))
            .stdin(std::fs::File::open(&file).expect("open the script"))
            .output();
        let ran = Ran::of(ran.expect("run netloom"));
        assert!(ran.status.success(), "{}{}", ran.out, ran.err);
        assert_reaches(&lab);
    });
}

#[test]
fn a_person_types_it_with_help_and_completion() {
    isolated(|| {
        let lab = Lab::new();
        let daemon = Daemon::start();
        let mut device = terminal(&daemon);
        let host = device.prompt().trim_end_matches('>').to_owned();
        device.line("configure");
        step("the prompts are the page's");
        let prompts: Vec<String> = (tutorial::TWO_VPNS.lines())
            .map(|line| {
                device.line(line);
                device.prompt()
            })
            .collect();
        let mode = |mode: &str| format!("{host}(config{mode})#");
        assert_eq!(prompts[0], mode("-netnses-iproute2"));
        assert_eq!(prompts[1], mode("-netnses-iproute2"));
        assert_eq!(prompts[3], mode(""));
        assert_eq!(prompts[5], mode("-[name='enp0s4']"));
        step("TAB completes what is clear");
        device.keys("rout\t");
        device.see("# routes-iproute2");
        device.keys("rou\t192.168.20.0/24 netns vpn1\t");
        device.see("# routes-iproute2 route 192.168.20.0/24 netns vpn10");
        device.keys("\r");
        device.see("(config-[prefix='192.168.20.0/24'][netns='vpn10'])#");
        step("? tells what can follow, and keeps the line");
        device.keys("nexthop ?");
        let prompt = "(config-[prefix='192.168.20.0/24'][netns='vpn10'])#";
        let shown = device.see(&format!("in the route's namespace\n{host}{prompt} nexthop\n"));
        assert!(shown.contains("enp0s4"), "{shown}");
        step("Ctrl-C drops the line, and leaving with changes is refused");
        device.interrupt();
        device.keys("\x04");
        device.see("there are uncommitted changes");
        device.line("discard-changes");
        for line in script(&[tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING])
            .lines()
            .skip(1)
        {
            device.line(line);
        }
        assert_reaches(&lab);
        device.line("end");
        device.keys("exit\r");
        assert!(device.ends());
    });
}

#[test]
fn the_second_half_commits_in_milliseconds() {
    isolated(|| {
        let _lab = Lab::new();
        let daemon = Daemon::start();
        daemon.run(&script(&[tutorial::TWO_VPNS]));
        let told = daemon.run(&script(&[tutorial::VETH_PAIR, tutorial::ROUTES_VIA]));
        println!("{told}");
        assert!(told.contains("2 links, 2 routes added ("), "{told}");
    });
}

fn script(lessons: &[&str]) -> String {
    format!("configure\n{}", lessons.concat())
}

fn terminal(daemon: &Daemon) -> Terminal {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    Terminal::start(netloom)
}

#[track_caller]
fn assert_reaches(lab: &Lab) {
    step("PC1 pings PC2");
    // A proxy ARP answer is delayed by a random time of up to 0.8 s (proxy_delay, arp(7)).
    kernel::until("PC2 answers", || lab.pc1.pings("192.168.20.1", 1).0);
    let (arrives, words) = lab.pc1.pings("192.168.20.1", 3);
    assert!(arrives, "{words}");
}

fn netns_names() -> Vec<String> {
    let list = ip_json("netns list");
    let mut names: Vec<String> = texts(&list, |entry| entry["name"].as_str().map(str::to_owned));
    names.sort();
    names
}

fn links(netns: &str) -> Vec<String> {
    let list = ip_json(&format!("{netns} link show"));
    texts(&list, |link| link["ifname"].as_str().map(str::to_owned))
}

/// The configured addresses, without the kernel's link-local ones.
fn addresses(netns: &str, dev: &str) -> Vec<String> {
    let list = ip_json(&format!("-n {netns} -4 address show dev {dev}"));
    texts(&list[0]["addr_info"], |address| {
        Some(format!("{}/{}", address["local"].as_str()?, address["prefixlen"]))
    })
}

/// The routes that the kernel did not create itself.
fn routes(netns: &str) -> Vec<String> {
    let list = ip_json(&format!("-n {netns} route show proto static"));
    texts(&list, |route| {
        let gateway = route["gateway"].as_str().map(|via| format!(" via {via}"));
        let (to, dev) = (route["dst"].as_str()?, route["dev"].as_str()?);
        Some(format!("{to}{} dev {dev}", gateway.unwrap_or_default()))
    })
}

fn texts(list: &Value, text: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(text).collect()
}
