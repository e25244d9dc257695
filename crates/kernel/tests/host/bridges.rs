//! Bridges and their ports: each attribute is given, changed and taken back, as far as this kernel has it.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use netstate::link::{Bridge, BridgePort, Link, Port};
use netstate::plan::wanted;
use netstate::{Key, LinkKind, Master, Object, Originals, Scope, Southbound as _, State};
use serde_json::{Map, Value as Json};
use testkit::netns::{ip, ip_json, isolated};

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
            thread::sleep(Duration::from_millis(10));
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
            thread::sleep(Duration::from_millis(10));
        }
        host.converge(&State::default());
        assert!(snoops());
    });
}
