//! The planner and the kernel together: observe, plan, execute, observe again, and nothing is left
//! to do.

use std::sync::Arc;

use netstate::link::{
    Bridge, CreatedBy, Link, LinkAttributes, LinkBelow, LinkKind, Master, PortRange, Tun, Vxlan,
};
use netstate::plan::wanted;
use netstate::{
    Key, Neighbor, NeighborKey, Object, Originals, Route, RouteKey, RouteMetrics, Scope,
    Southbound, State,
};
use testkit::netns::{has_link_kind, ip, ip_json, isolated};

use crate::{Host, Made, address, is_up, link, netns, place, route, state, sysctl, veth};

#[test]
fn two_vpns_with_a_pair_between() {
    isolated(|| {
        ip("link add enp0s4 type veth peer name pc1");
        ip("link add enp0s5 type veth peer name pc2");
        ip("addr add 10.9.9.9/24 dev enp0s4");
        ip("link set enp0s4 up");
        let mut host = Host::open();
        let first = [
            netns("vpn10"),
            netns("vpn20"),
            link("enp0s4", "enp0s4@vpn10", None),
            link("enp0s5", "enp0s5@vpn20", None),
            address("enp0s4@vpn10", "192.168.10.10/24"),
            address("enp0s5@vpn20", "192.168.20.20/24"),
        ];
        host.converge(&state(first.clone()));
        assert_eq!(
            ip_json("-n vpn10 addr show enp0s4")[0]["addr_info"][0]["local"],
            "192.168.10.10"
        );
        let second = [
            link("veth10", "veth10@vpn10", veth("veth20@vpn20")),
            link("veth20", "veth20@vpn20", veth("veth10@vpn10")),
            address("veth10@vpn10", "1.1.1.9/30"),
            address("veth20@vpn20", "1.1.1.10/30"),
            sysctl("vpn10", "net/ipv4/ip_forward", "1"),
            sysctl("vpn20", "net/ipv4/ip_forward", "1"),
            sysctl("vpn10", "net/ipv4/conf/veth10/proxy_arp", "1"),
            route("vpn10", "192.168.20.0/24", &[("veth10", "1.1.1.10")]),
            route("vpn20", "192.168.10.0/24", &[("veth20", "")]),
        ];
        host.converge(&state(first.into_iter().chain(second)));
        assert_eq!(ip_json("-n vpn10 route show 192.168.20.0/24")[0]["gateway"], "1.1.1.10");
        assert_eq!(ip_json("-n vpn20 route show 192.168.10.0/24")[0]["scope"], "link");
        host.converge(&State::default());
        assert_eq!(ip("netns list"), "");
        assert_eq!(ip_json("addr show enp0s4")[0]["addr_info"][0]["local"], "10.9.9.9");
        assert!(is_up(&ip_json("link show enp0s4")));
        assert!(!is_up(&ip_json("link show enp0s5")));
    });
}

#[test]
fn every_kind_keeps_its_attributes_and_returns_to_defaults() {
    let tap = LinkKind::Tun(Tun { mode: Some(Tun::TAP) });
    for kind in LinkKind::all().chain([tap]) {
        isolated(|| {
            let (name, facts) = (kind.name(), kind.facts());
            let made = match facts.created_by {
                CreatedBy::TunDevice => can_open("/dev/net/tun"),
                CreatedBy::Netlink => has_link_kind(name),
            };
            if !made {
                return;
            }
            let mut host = Host::open();
            let peer = facts.paired.then(|| place("far@1"));
            let (key, mut object) = link("l", "l@1", Made { kind: Some(kind.clone()), peer });
            if let (LinkBelow::Required(_), Object::Link(link)) = (facts.link_below, &mut object) {
                ip("link add below type veth peer name other");
                ip("link set below up");
                link.device = Some(place("below@1"));
            }
            let links = ip_json("link show").as_array().unwrap().len();
            let bare = (key, object);
            host.converge(&state([bare.clone()]));
            let Object::Link(made) = &bare.1 else { unreachable!() };
            let observed = host
                .kernel
                .observe(&Scope::Only(wanted(
                    &state([bare.clone()]),
                    &State::default(),
                    &Originals::default(),
                )))
                .unwrap();
            let Some(Object::Link(observed)) = observed.objects.get(&bare.0) else {
                panic!("absent")
            };
            // The kernel does not report what it was built without. The link is up, as requested.
            let reported = observed.set();
            let mut expected = made.kernel_default();
            expected.overlay(made);
            let differs = expected.changes(observed);
            let mut differs = differs.set();
            differs.retain(|field| reported.contains(field) && field.name != "up");
            assert!(differs.is_empty(), "{name}: the default is not the kernel's: {differs:?}");

            let attributes = LinkAttributes {
                mtu: Some(1400),
                txqueuelen: Some(77),
                group: Some(5),
                alias: Some("a note".into()),
                gso_max_size: Some(30_000),
                ..LinkAttributes::default()
            };
            let given = Link { attributes, ..(**made).clone() };
            host.converge(&state([(bare.0.clone(), Object::Link(Box::new(given)))]));
            let seen = &ip_json("-d link show l")[0];
            assert_eq!((&seen["mtu"], &seen["ifalias"]), (&1400.into(), &"a note".into()));
            host.converge(&state([bare]));
            assert!(ip_json("-d link show l")[0]["ifalias"].is_null());
            host.converge(&State::default());
            assert_eq!(ip_json("link show").as_array().unwrap().len(), links, "{name}");
        });
    }
}

fn can_open(path: &str) -> bool {
    let opened = std::fs::File::options().read(true).write(true).open(path);
    opened.inspect_err(|error| println!("skipped: {path}: {error}")).is_ok()
}

#[test]
fn a_bridge_with_ports_and_all_its_attributes() {
    isolated(|| {
        let mut host = Host::open();
        let bridge = Bridge {
            ageing_time: Some(10_000),
            forward_delay: Some(400),
            hello_time: Some(100),
            max_age: Some(1_000),
            stp_state: Some(1),
            priority: Some(4096),
            nf_call_iptables: Some(true),
            nf_call_arptables: Some(true),
            ..Bridge::default()
        };
        let mut port = link("p", "p@1", veth("q@1"));
        let (_, Object::Link(link_of_port)) = &mut port else { unreachable!() };
        link_of_port.master = Some(Master::Of("br".parse().unwrap()));
        link_of_port.port.bridge.hairpin = Some(true);
        link_of_port.port.bridge.cost = Some(50);
        let full = state([
            link("br", "br@1", Some(LinkKind::Bridge(bridge))),
            port,
            address("br@1", "192.0.2.1/24"),
            address("br@1", "2001:db8::1/64"),
        ]);
        host.converge(&full);
        let seen = &ip_json("-d link show br")[0]["linkinfo"]["info_data"];
        assert_eq!((&seen["priority"], &seen["max_age"]), (&4096.into(), &1000.into()));
        let seen = &ip_json("-d link show p")[0];
        assert_eq!(seen["master"], "br");
        assert_eq!(seen["linkinfo"]["info_slave_data"]["hairpin"], true);
        let plain = state([
            link("br", "br@1", Some(LinkKind::Bridge(Bridge::default()))),
            link("p", "p@1", veth("q@1")),
        ]);
        host.converge(&plain);
        assert!(ip_json("link show p")[0]["master"].is_null());
        assert_eq!(ip_json("-d link show br")[0]["linkinfo"]["info_data"]["stp_state"], 0);
    });
}

#[test]
fn a_vxlan_over_a_link_of_another_namespace() {
    isolated(|| {
        let mut host = Host::open();
        let vxlan = Vxlan {
            id: Some(42),
            remote: Some("239.1.1.1".parse().unwrap()),
            local: Some("192.0.2.1".parse().unwrap()),
            ttl: Some(5),
            dstport: Some(4789),
            srcport: Some(PortRange { low: 40_000, high: 50_000 }),
            learning: Some(false),
            maxaddress: Some(100),
            ..Vxlan::default()
        };
        let tunnel = |vxlan: &Vxlan| {
            let kind = LinkKind::Vxlan(vxlan.clone());
            let (key, object) = link("vx", "vx@red", Some(kind));
            let Object::Link(mut link) = object else { unreachable!() };
            link.device = Some(place("under@1"));
            (key, Object::Link(link))
        };
        let all = |vxlan: &Vxlan| {
            state([
                netns("red"),
                link("under", "under@1", veth("over@1")),
                address("under@1", "192.0.2.1/24"),
                tunnel(vxlan),
            ])
        };
        host.converge(&all(&vxlan));
        let seen = &ip_json("-n red -d link show vx")[0]["linkinfo"]["info_data"];
        assert_eq!(
            (&seen["id"], &seen["group"], &seen["ttl"]),
            (&42.into(), &"239.1.1.1".into(), &5.into())
        );
        host.converge(&all(&Vxlan { remote: None, ttl: None, ..vxlan.clone() }));
        host.converge(&all(&Vxlan { id: Some(43), ..vxlan }));
        host.converge(&State::default());
    });
}

#[test]
fn routes_of_every_kind() {
    isolated(|| {
        let mut host = Host::open();
        let base = [
            link("a", "a@1", veth("b@1")),
            link("b", "b@1", veth("a@1")),
            link("c", "c@1", veth("d@1")),
            link("d", "d@1", veth("c@1")),
            address("a@1", "10.0.0.1/24"),
            address("c@1", "10.0.1.1/24"),
            address("a@1", "2001:db8:a::1/64"),
            address("c@1", "2001:db8:c::1/64"),
        ];
        let with = |more: Vec<(Key, Object)>| state(base.iter().cloned().chain(more));
        let kind = |netns, prefix, kind| {
            let (key, _) = route(netns, prefix, &[]);
            (key, Object::Route(Route { kind, ..Route::default() }.into()))
        };
        let (Key::Route(key), Object::Route(plain)) =
            route("1", "10.5.0.0/16", &[("a", "10.0.0.2")])
        else {
            unreachable!()
        };
        let other = RouteKey { table: 100_000, metric: 7, tos: 0x10, ..key.clone() };
        let rich = Route {
            metrics: RouteMetrics { mtu: Some(1300), advmss: Some(1200) },
            source: Some("10.0.0.1".parse().unwrap()),
            protocol: Some(4),
            ..Route::clone(&plain)
        };
        use netstate::RouteKind::{Blackhole, Prohibit, Throw, Unreachable};
        host.converge(&with(vec![
            (Key::Route(key.clone()), Object::Route(plain.clone())),
            (Key::Route(other.clone()), Object::Route(rich.into())),
            route("1", "10.6.0.0/16", &[("a", "10.0.0.2"), ("c", "10.0.1.2")]),
            route("1", "10.7.0.0/16", &[("a", "2001:db8:a::2")]),
            route("1", "0.0.0.0/0", &[("a", "10.0.0.2")]),
            route("1", "::/0", &[("a", "2001:db8:a::2")]),
            route("1", "2001:db8:6::/48", &[("a", "2001:db8:a::2"), ("c", "2001:db8:c::2")]),
            route("1", "2001:db8:7::/48", &[("a", "")]),
            kind("1", "10.8.0.0/16", Blackhole),
            kind("1", "10.9.0.0/16", Unreachable),
            kind("1", "10.10.0.0/16", Prohibit),
            kind("1", "10.11.0.0/16", Throw),
            kind("1", "2001:db8:8::/48", Blackhole),
        ]));
        assert_eq!(ip_json("route show table 100000")[0]["metrics"][0]["mtu"], 1300);
        let onlink = |mut route: Arc<Route>| {
            let nexthop = &mut Arc::make_mut(&mut route).nexthops[0];
            nexthop.via = Some("172.16.0.1".parse().unwrap());
            nexthop.onlink = true;
            Object::Route(route)
        };
        host.converge(&with(vec![
            (Key::Route(key), onlink(plain.clone())),
            (Key::Route(other), Object::Route(plain)),
            route("1", "10.6.0.0/16", &[("c", "10.0.1.2")]),
            route("1", "10.7.0.0/16", &[("c", "2001:db8:c::2")]),
            route("1", "::/0", &[("a", "2001:db8:a::2"), ("c", "2001:db8:c::2")]),
            route("1", "2001:db8:6::/48", &[("a", "2001:db8:a::3")]),
            route("1", "2001:db8:7::/48", &[("c", "2001:db8:c::2")]),
            route("1", "10.8.0.0/16", &[("a", "10.0.0.2")]),
            kind("1", "2001:db8:8::/48", Unreachable),
        ]));
        host.converge(&with(vec![]));
        assert_eq!(ip_json("route show proto static").as_array().unwrap().len(), 0);
        assert_eq!(ip_json("-6 route show proto static").as_array().unwrap().len(), 0);
    });
}

#[test]
fn neighbours_and_parameters() {
    isolated(|| {
        let mut host = Host::open();
        let neighbor = |text: &str, proxy, neighbor| {
            let key = NeighborKey {
                netns: "1".parse().unwrap(),
                dev: "a".parse().unwrap(),
                address: text.parse().unwrap(),
                proxy,
            };
            (Key::Neighbor(key), Object::Neighbor(neighbor))
        };
        let known = |lladdr: &str| Neighbor {
            lladdr: Some(lladdr.parse().unwrap()),
            nud: Some(0x80),
            ..Neighbor::default()
        };
        let base = [link("a", "a@1", veth("b@1")), link("b", "b@1", veth("a@1"))];
        let with = |more: Vec<(Key, Object)>| state(base.iter().cloned().chain(more));
        host.converge(&with(vec![
            neighbor("10.0.0.9", false, known("02:00:00:00:00:09")),
            neighbor("2001:db8::9", false, known("02:00:00:00:00:09")),
            neighbor("10.0.0.8", true, Neighbor::default()),
            sysctl("1", "net/ipv6/conf/a/accept_ra", "2"),
            sysctl("1", "net/ipv4/ip_local_port_range", "2048 4096"),
        ]));
        assert_eq!(ip_json("neigh show proxy")[0]["dst"], "10.0.0.8");
        host.converge(&with(vec![neighbor("10.0.0.9", false, known("02:00:00:00:00:0a"))]));
        assert_eq!(ip_json("neigh show nud permanent")[0]["lladdr"], "02:00:00:00:00:0a");
        host.converge(&with(vec![]));
        assert_eq!(ip_json("neigh show nud permanent").as_array().unwrap().len(), 0);
        // The parameter of a renamed link has another name.
        let renamed = [link("a", "a0@1", veth("b@1")), link("b", "b@1", veth("a0@1"))];
        host.converge(&with(vec![sysctl("1", "net/ipv4/conf/a/proxy_arp", "1")]));
        host.converge(&state(renamed));
        let value = std::fs::read_to_string("/proc/sys/net/ipv4/conf/a0/proxy_arp").unwrap();
        assert_eq!(value.trim(), "0");
    });
}

/// Removing an IPv4 address may remove others of its subnet. Removing the last one of a link
/// removes every route on it.
#[test]
fn dependents_stay_when_addresses_change() {
    for promote in ["0", "1"] {
        isolated(|| {
            let mut host = Host::open();
            let base = [
                link("a", "a@1", veth("b@1")),
                link("b", "b@1", veth("a@1")),
                sysctl("1", "net/ipv4/conf/all/promote_secondaries", promote),
                route("1", "10.9.0.0/16", &[("a", "")]),
            ];
            let with = |addresses: &[&str], more: Vec<(Key, Object)>| {
                let addresses = addresses.iter().map(|text| address("a@1", text));
                state(base.iter().cloned().chain(addresses).chain(more))
            };
            let via = |gateway| vec![route("1", "10.8.0.0/16", &[("a", gateway)])];
            host.converge(&with(&["10.0.0.1/24", "10.0.0.2/24"], via("10.0.0.9")));
            host.converge(&with(&["10.0.0.2/24"], via("10.0.0.9")));
            host.converge(&with(&["10.0.0.3/24"], via("10.0.0.9")));
            host.converge(&with(&["10.0.1.1/24", "10.0.1.2/24", "10.0.1.3/24"], via("10.0.1.9")));
            host.converge(&with(&["10.0.1.2/24", "10.0.1.3/24", "10.0.2.1/24"], via("10.0.2.9")));
            host.converge(&with(&["10.0.2.1/25", "10.0.1.2/25"], via("10.0.2.9")));
            host.converge(&with(&[], vec![]));
            host.converge(&with(&["10.0.0.1/24"], via("10.0.0.9")));
            let (Key::Route(key), Object::Route(route)) = via("10.0.0.9").remove(0) else {
                unreachable!()
            };
            let from = |source: &str| {
                let source = Some(source.parse().unwrap());
                let route = Route { source, ..Route::clone(&route) };
                vec![(Key::Route(key.clone()), Object::Route(route.into()))]
            };
            host.converge(&with(&["10.0.0.1/24"], from("10.0.0.1")));
            host.converge(&with(&["10.0.0.1/24", "10.0.0.2/24"], from("10.0.0.2")));
            host.converge(&with(&["10.0.0.2/24", "10.0.0.3/24"], from("10.0.0.3")));
            host.converge(&with(&["10.0.0.2/24"], from("10.0.0.2")));
        });
    }
}

#[test]
fn a_route_of_others_over_a_link_of_ours_and_one_of_theirs_stays() {
    isolated(|| {
        for (near, far, subnet) in [("a", "b", 0), ("c", "d", 1)] {
            ip(&format!("link add name {near} type veth peer name {far}"));
            ip(&format!("link set dev {far} up"));
            ip(&format!("link set dev {near} up"));
            ip(&format!("addr add 10.0.{subnet}.1/24 dev {near}"));
        }
        ip("route add 10.9.0.0/16 nexthop via 10.0.0.2 dev a nexthop via 10.0.1.2 dev c");
        let before = ip("route show 10.9.0.0/16");
        let mut host = Host::open();
        let (key, Object::Link(mut link)) = link("a", "a@1", None) else { unreachable!() };
        link.attributes.mtu = Some(1400);
        host.converge(&state([(key, Object::Link(link))]));
        assert_eq!(ip("route show 10.9.0.0/16"), before);
        host.converge(&State::default());
        assert_eq!(ip("route show 10.9.0.0/16"), before);
    });
}

/// A link with an MTU below 1280 has no IPv6 parameters (`addrconf_notify`, net/ipv6/addrconf.c).
#[test]
fn a_link_gets_the_mtu_for_ipv6_and_a_parameter_of_it() {
    isolated(|| {
        let mut host = Host::open();
        let pair = |mtu| {
            let (key, mut object) = link("a", "a@1", veth("b@1"));
            if let Object::Link(link) = &mut object {
                link.attributes.mtu = Some(mtu);
            }
            (key, object)
        };
        let parameter = sysctl("1", "net/ipv6/conf/a/accept_ra", "2");
        host.converge(&state([pair(1000)]));
        host.converge(&state([pair(1500), parameter]));
        let accept_ra = std::fs::read_to_string("/proc/sys/net/ipv6/conf/a/accept_ra");
        assert_eq!(accept_ra.unwrap().trim(), "2");
        host.converge(&State::default());
    });
}

/// A bridge keeps an MTU only once it was set to another one (`br_change_mtu`, net/bridge/br_device.c).
#[test]
fn a_bridge_ends_with_the_configured_mtu_whatever_its_ports_have() {
    isolated(|| {
        let mut host = Host::open();
        let bridge = |mtu| {
            let kind = LinkKind::Bridge(Bridge::default());
            let (key, mut object) = link("br", "br@1", Some(kind));
            if let Object::Link(link) = &mut object {
                link.attributes.mtu = mtu;
            }
            (key, object)
        };
        let port = |mtu, master: Option<&str>| {
            let (key, mut object) = link("a", "a@1", veth("b@1"));
            if let Object::Link(link) = &mut object {
                link.attributes.mtu = Some(mtu);
                link.master = master.map(|name| Master::Of(name.parse().unwrap()));
            }
            [(key, object), link("b", "b@1", veth("a@1"))]
        };
        let address = || address("br@1", "2001:db8::1/64");
        let mtu = || ip_json("link show br")[0]["mtu"].as_u64().unwrap();
        host.converge(&state(port(1400, Some("br")).into_iter().chain([bridge(Some(1500))])));
        assert_eq!(mtu(), 1500);
        host.converge(&State::default());
        // Nobody has changed the MTU of the bridge, and the port would cost it its address.
        host.converge(&state([bridge(Some(1500)), address()]));
        let small = || port(1200, Some("br")).into_iter();
        host.converge(&state(small().chain([bridge(Some(1500)), address()])));
        assert_eq!(mtu(), 1500);
        host.converge(&State::default());
        // It follows its port, then not, and then again.
        let with = |own, port_has, master| {
            let ports = port(port_has, master).into_iter();
            state(ports.chain([bridge(own), address()]))
        };
        for (own, port_has, ends) in [
            (None, 1400, 1400),
            (None, 1450, 1450),
            (Some(1450), 1450, 1450),
            (Some(1450), 1300, 1450),
            (None, 1300, 1300),
            (None, 1400, 1400),
        ] {
            host.converge(&with(own, port_has, Some("br")));
            assert_eq!(mtu(), ends);
        }
        host.converge(&with(None, 1400, None));
        assert_eq!(mtu(), 1500);
    });
}
