//! Bridges and their ports: each attribute is given, changed and taken back, as far as this kernel has it.

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, Instant};

use netstate::link::{Bridge, BridgePort, Link, Port, Vlans};
use netstate::plan::wanted;
use netstate::{Key, LinkKind, Master, Object, Originals, Scope, Southbound as _, State};
use serde_json::{Map, Value as Json};
use testkit::netns::{ip, ip_json, isolated, program};

use crate::{Host, link, state, veth};

/// One set after the other. Together they have every attribute.
const BRIDGE: &[&str] = &[
    r#"{"ageing_time": 10000, "forward_delay": 400, "hello_time": 200, "max_age": 1000, "stp_state": 1, "priority": 4096,
        "vlan_filtering": true, "vlan_protocol": 34984, "vlan_default_pvid": 7, "vlan_stats_enabled": true,
        "vlan_stats_per_port": true, "nf_call_iptables": true, "nf_call_ip6tables": true, "nf_call_arptables": true,
        "group_fwd_mask": 16384, "group_address": "01:80:c2:00:00:04", "no_linklocal_learn": true,
        "mcast_vlan_snooping": true, "mcast_router": 2, "mcast_query_use_ifaddr": true, "mcast_querier": true,
        "mcast_hash_max": 512, "mcast_last_member_count": 3, "mcast_startup_query_count": 4,
        "mcast_last_member_interval": 200, "mcast_membership_interval": 30000, "mcast_querier_interval": 20000,
        "mcast_query_interval": 10000, "mcast_query_response_interval": 500, "mcast_startup_query_interval": 2000,
        "mcast_stats_enabled": true, "mcast_igmp_version": 3, "mcast_mld_version": 2, "fdb_max_learned": 100}"#,
    r#"{"mcast_snooping": false, "mcast_router": 0, "group_fwd_mask": 65528, "mcast_query_interval": 20000,
        "no_linklocal_learn": true, "fdb_max_learned": 200}"#,
    r#"{"mcast_snooping": true, "vlan_filtering": true, "mcast_vlan_snooping": true}"#,
    r#"{"mcast_igmp_version": 3, "group_address": "01:80:c2:00:00:0e"}"#,
];

const PORT: &[&str] = &[
    r#"{"cost": 7, "priority": 5, "guard": true, "hairpin": true, "fastleave": true, "root_block": true, "learning": false,
        "flood": false, "proxy_arp": true, "proxy_arp_wifi": true, "mcast_router": 2, "mcast_flood": false,
        "mcast_to_unicast": true, "vlan_tunnel": true, "bcast_flood": false, "group_fwd_mask": 16384,
        "neigh_suppress": true, "isolated": true, "mcast_eht_hosts_limit": 100, "locked": true,
        "mcast_max_groups": 10, "neigh_vlan_suppress": true}"#,
    r#"{"cost": 9, "mcast_router": 0, "locked": true, "mab": true, "isolated": true, "group_fwd_mask": 8}"#,
    r#"{"mcast_flood": false, "mcast_max_groups": 11}"#,
];

/// The attributes of the set that this kernel has. One without VLAN filtering reports that it is off.
fn known(set: &str, reported: &Json) -> Json {
    let all: Map<String, Json> = serde_json::from_str(set).unwrap();
    let lacks_vlans =
        reported.get("stp_state").is_some() && reported["vlan_default_pvid"].is_null();
    let is_known =
        |name: &String| !(reported[name].is_null() || lacks_vlans && name.contains("vlan_"));
    all.into_iter().filter(|(name, _)| is_known(name)).collect()
}

/// The bridge and its port as the kernel has them.
fn seen(host: &mut Host, state: &State) -> (Json, Json) {
    let scope = Scope::Only(wanted(state, &State::default(), &Originals::default()));
    let observed = host.kernel.observe(&scope).unwrap();
    let link = |id: &str| {
        let key = Key::Link(id.parse().unwrap());
        let Some(Object::Link(link)) = observed.objects.get(&key) else { panic!("no {id}") };
        link.clone()
    };
    let Some(LinkKind::Bridge(bridge)) = link("br").kind else { panic!("no bridge") };
    let json = |value: Result<Json, serde_json::Error>| value.unwrap();
    (json(serde_json::to_value(bridge)), json(serde_json::to_value(link("p").port.bridge)))
}

#[test]
fn a_bridge_and_its_port_take_each_attribute() {
    isolated(|| {
        let mut host = Host::open();
        let with = |bridge: Json, port: Json| {
            let bridge: Bridge = serde_json::from_value(bridge).unwrap();
            let bridge_port: BridgePort = serde_json::from_value(port).unwrap();
            let (key, object) = link("p", "p@1", veth("q@1"));
            let Object::Link(made) = object else { unreachable!() };
            let port = Link {
                master: Some(Master::Of("br".parse().unwrap())),
                port: Port { bridge: bridge_port, ..Port::default() },
                ..*made
            };
            state([
                link("br", "br@1", Some(LinkKind::Bridge(bridge))),
                (key, Object::Link(Box::new(port))),
                link("q", "q@1", veth("p@1")),
            ])
        };
        let nothing = || Json::Object(Map::new());
        let plain = with(nothing(), nothing());
        host.converge(&plain);
        let defaults = seen(&mut host, &plain);
        let mut given = BTreeSet::new();
        let names = |set: &str| -> Vec<String> {
            serde_json::from_str::<Map<String, Json>>(set)
                .unwrap()
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        for set in BRIDGE {
            given.extend(names(set));
            // The port comes and goes too: the kernel counts by port only on a bridge without ports.
            host.converge(&State::default());
            host.converge(&with(known(set, &defaults.0), nothing()));
        }
        for (one, other) in BRIDGE.iter().zip(&BRIDGE[1..]) {
            let [one, other] = [one, other].map(|set| {
                let mut set = known(set, &defaults.0);
                set.as_object_mut().unwrap().remove("vlan_stats_per_port");
                set.as_object_mut().unwrap().remove("vlan_protocol");
                set
            });
            host.converge(&with(one, nothing()));
            host.converge(&with(other, nothing()));
        }
        host.converge(&plain);
        assert_eq!(seen(&mut host, &plain).0, defaults.0, "all goes back");
        for set in PORT {
            given.extend(names(set));
            host.converge(&with(nothing(), known(set, &defaults.1)));
        }
        host.converge(&plain);
        let back = seen(&mut host, &plain).1;
        assert_eq!(back, defaults.1, "all goes back");
        let fields = |value: Result<Json, serde_json::Error>| -> Vec<String> {
            let Ok(Json::Object(fields)) = value else { unreachable!() };
            fields.into_iter().map(|(name, _)| name).collect()
        };
        let mut all = fields(serde_json::to_value(Bridge::default()));
        all.extend(fields(serde_json::to_value(BridgePort::default())));
        // The state of a port follows from its carrier.
        all.retain(|name| name != "state" && !given.contains(name));
        assert!(all.is_empty(), "nobody gives {all:?}");
        host.converge(&State::default());
    });
}

/// The kernel switches snooping off when there is one group too many. That is not undone when the
/// limit is raised.
#[test]
fn snooping_is_on_again_when_the_limit_of_groups_is_given_up() {
    isolated(|| {
        ip("link add name br type bridge");
        ip("link add name p type veth peer name q");
        for (link, more) in [("p", "master br"), ("q", ""), ("br", "")] {
            ip(&format!("link set dev {link} {more} up"));
        }
        let snoops =
            || ip_json("-d link show dev br")[0]["linkinfo"]["info_data"]["mcast_snooping"] == 1;
        let limited = |limit: Option<u32>| {
            let bridge = Bridge { mcast_hash_max: limit, ..Bridge::default() };
            state([link("br", "br@1", Some(LinkKind::Bridge(bridge)))])
        };
        let mut host = Host::open();
        host.converge(&limited(Some(0)));
        // The bridge itself joins the group of each of its addresses.
        ip("address add 2001:db8::1/64 dev br");
        let deadline = Instant::now() + Duration::from_secs(20);
        while snoops() {
            assert!(Instant::now() < deadline, "no group was refused");
        }
        // That is as it is while the limit stands.
        host.converge(&limited(Some(0)));
        assert!(!snoops());
        host.converge(&limited(None));
        assert!(snoops());
        host.converge(&limited(Some(0)));
        ip("address add 2001:db8::2/64 dev br");
        while snoops() {
            assert!(Instant::now() < deadline, "no group was refused");
        }
        host.converge(&State::default());
        assert!(snoops());
    });
}

/// Whether this kernel has VLANs of bridges. If not, prints that, and fails if
/// `NETLOOM_REQUIRE_ALL_KINDS` is set.
fn has_vlans() -> bool {
    ip("link add name probe type bridge");
    let has = !ip_json("-d link show dev probe")[0]["linkinfo"]["info_data"]["vlan_default_pvid"]
        .is_null();
    ip("link delete dev probe");
    if !has {
        println!("skipped: this kernel has no VLANs of bridges");
        assert!(env::var_os("NETLOOM_REQUIRE_ALL_KINDS").is_none(), "no VLANs of bridges");
    }
    has
}

/// A bridge `br`, and its port `p`, with these VLANs, or as the kernel makes them.
fn with_vlans(of_bridge: Option<&str>, of_port: Option<&str>, default_pvid: Option<u16>) -> State {
    let vlans = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    let bridge =
        Bridge { vlan_filtering: Some(true), vlan_default_pvid: default_pvid, ..Bridge::default() };
    let (id, object) = link("br", "br@1", Some(LinkKind::Bridge(bridge)));
    let Object::Link(made) = object else { unreachable!() };
    let bridge = Link { vlans: vlans(of_bridge), ..*made };
    let (port_id, object) = link("p", "p@1", veth("q@1"));
    let Object::Link(made) = object else { unreachable!() };
    let master = Some(Master::Of("br".parse().unwrap()));
    let port = Link { master, vlans: vlans(of_port), ..*made };
    let objects = [(id, bridge), (port_id, port)].map(|(id, link)| (id, Object::Link(link.into())));
    state(objects.into_iter().chain([link("q", "q@1", veth("p@1"))]))
}

/// The VLANs of a link as bridge(8) shows them.
fn shown(link: &str) -> String {
    let all: Json = serde_json::from_str(&bridge("-j vlan show")).unwrap();
    let links = all.as_array().unwrap().iter();
    let vlans = links.filter(|entry| entry["ifname"] == link).flat_map(|entry| {
        entry["vlans"].as_array().unwrap().iter().map(|vlan| {
            let end = vlan["vlanEnd"].as_u64().map(|end| format!("-{end}")).unwrap_or_default();
            let flags = vlan["flags"].as_array().into_iter().flatten();
            let flags = flags.map(|flag| match flag.as_str().unwrap() {
                "PVID" => " pvid",
                "Egress Untagged" => " untagged",
                other => panic!("{other}"),
            });
            format!("{}{end}{}", vlan["vlan"], flags.collect::<String>())
        })
    });
    let vlans: Vlans = vlans.collect::<Vec<_>>().join(", ").parse().unwrap();
    vlans.to_string()
}

fn bridge(arguments: &str) -> String {
    let ran = program("bridge").args(arguments.split_whitespace()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn a_bridge_and_its_port_have_the_configured_vlans_and_no_others() {
    isolated(|| {
        if !has_vlans() {
            return;
        }
        let mut host = Host::open();
        let mut check =
            |(of_bridge, of_port): (Option<&str>, Option<&str>), pvid, expected: [&str; 2]| {
                host.converge(&with_vlans(of_bridge, of_port, pvid));
                assert_eq!([shown("br"), shown("p")], expected);
            };
        let default = "1 pvid untagged";
        check((None, None), None, [default, default]);
        check((None, Some("10")), None, [default, "10"]);
        check(
            (Some("20"), Some("1, 10 pvid, 20-29 untagged")),
            None,
            ["20", "1, 10 pvid, 20-29 untagged"],
        );
        // All VLANs of a trunk are renumbered.
        check((Some("20"), Some("100-4094")), None, ["20", "100-4094"]);
        check((Some("20 pvid"), Some("1-4094")), None, ["20 pvid", "1-4094"]);
        check((Some("1-4094"), Some("3 pvid untagged")), None, ["1-4094", "3 pvid untagged"]);
        // The default VLAN of the bridge changes, which moves the VLANs that are as it.
        check(
            (None, Some("3, 7 pvid untagged")),
            Some(5),
            ["5 pvid untagged", "3, 7 pvid untagged"],
        );
        check((None, None), Some(7), ["7 pvid untagged", "7 pvid untagged"]);
        check((None, Some("1 pvid untagged")), None, [default, default]);
        check((None, Some("1 pvid untagged")), Some(9), ["9 pvid untagged", default]);
        check((None, None), Some(0), ["", ""]);
        check((None, Some("9")), None, [default, "9"]);
        // What others do is undone.
        bridge("vlan add dev p vid 11-12 untagged");
        bridge("vlan del dev p vid 9");
        check((None, Some("9")), None, [default, "9"]);
        check((None, None), None, [default, default]);
    });
}

#[test]
fn a_port_of_others_returns_with_its_vlans() {
    isolated(|| {
        if !has_vlans() {
            return;
        }
        ip("link add name other type bridge vlan_filtering 1");
        ip("link add name p type veth peer name q");
        ip("link set dev p master other up");
        bridge("vlan del dev p vid 1");
        bridge("vlan add dev p vid 30-31");
        bridge("vlan add dev p vid 7 pvid untagged");
        let theirs = "7 pvid untagged, 30-31";
        assert_eq!(shown("p"), theirs);
        let mut host = Host::open();
        let nic = |vlans: Option<&str>| {
            let (id, object) = link("p", "p@1", None);
            let Object::Link(nic) = object else { unreachable!() };
            let vlans = vlans.map(|text| text.parse().unwrap());
            state([(id, Object::Link(Link { vlans, ..*nic }.into()))])
        };
        host.converge(&nic(None));
        assert_eq!(shown("p"), theirs);
        host.converge(&nic(Some("8")));
        assert_eq!(shown("p"), "8");
        host.converge(&nic(None));
        assert_eq!(shown("p"), theirs);
        host.converge(&nic(Some("8")));
        host.converge(&State::default());
        assert_eq!(shown("p"), theirs);
        // It becomes a port of a bridge of ours, and returns.
        let mut ours = with_vlans(None, Some("4 pvid untagged"), None);
        let Some(Object::Link(port)) = ours.objects.get_mut(&Key::Link("p".parse().unwrap()))
        else {
            panic!("no port")
        };
        (port.kind, port.peer) = (None, None);
        ours.objects.remove(&Key::Link("q".parse().unwrap()));
        host.converge(&ours);
        assert_eq!(shown("p"), "4 pvid untagged");
        host.converge(&State::default());
        assert_eq!(shown("p"), theirs);
    });
}
