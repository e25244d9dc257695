//! VLANs of bridges and of their ports.

use acceptance::{Daemon, step};
use testkit::netns::{has_link_kind, isolated, program};

/// A commit of a bridge, or of one port alone, knows what the other has.
#[test]
fn vlans_of_a_port_and_the_default_vlan_of_its_bridge() {
    isolated(|| {
        if !has_link_kind("vlan") {
            return;
        }
        let daemon = Daemon::start();
        daemon.run(
            "configure\nlinks-iproute2\nbridge br0\nbr-info vlan_filtering 1\nexit\n\
             link p type veth virtual_peer_name q master br0 bridge-conf vlan 1 pvid true untagged true\n\
             link s type veth virtual_peer_name t master br0 bridge-conf vlan 10\ncommit\n",
        );
        let of = |port: &str| {
            let shown = program("bridge").args(["-j", "vlan", "show"]).output();
            let shown = shown.expect("run bridge").stdout;
            let shown: serde_json::Value = serde_json::from_slice(&shown).expect("JSON");
            let links = shown.as_array().into_iter().flatten();
            let of_port = links.filter(|link| link["ifname"] == port);
            let vlans = of_port.flat_map(|link| link["vlans"].as_array()).flatten();
            let words = vlans.map(|vlan| {
                let flags = vlan["flags"].as_array().into_iter().flatten();
                let flags: Vec<&str> = flags.filter_map(|flag| flag.as_str()).collect();
                format!("{} {}", vlan["vlan"], flags.join(" ")).trim().to_owned()
            });
            words.collect::<Vec<_>>().join(", ")
        };
        let (plain, default) = ("1 PVID Egress Untagged", "5 PVID Egress Untagged");
        assert_eq!((of("p").as_str(), of("s").as_str()), (plain, "10"));
        step("the bridge gets another default VLAN, and the port keeps its own");
        daemon.run("configure\nlinks-iproute2 bridge br0 br-info vlan_default_pvid 5\ncommit\n");
        assert_eq!((of("p").as_str(), of("s").as_str()), (plain, "10"));
        assert_eq!(of("br0"), default);
        step("a port that configures no VLANs any more has that of a new port");
        daemon.run("configure\nlinks-iproute2 link p\nno bridge-conf\ncommit\n");
        assert_eq!(of("p"), default);
        daemon.run("configure\nlinks-iproute2 link s\nno bridge-conf\ntop\nlinks-iproute2 bridge br0\nno br-info vlan_default_pvid\ncommit\n");
        assert_eq!((of("p").as_str(), of("s").as_str()), (plain, plain));
        assert_eq!(daemon.run("show drift\n"), "nothing differs from running\n");
    });
}
