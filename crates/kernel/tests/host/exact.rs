//! A few routes are looked up one by one. The result is the same as from the whole table, and does
//! not depend on the table's size.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netstate::plan::wanted;
use netstate::{
    Key, Object, Originals, Route, RouteKey, RouteKind, RouteMetrics, Scope, Southbound, State,
    Wanted,
};
use testkit::netns::{ip, ip_json, isolated};

use crate::{Host, address, is_up, link, route, state, veth};

fn table(desired: &State) -> Wanted {
    Wanted { expected: [].into(), ..one_by_one(desired) }
}

fn one_by_one(desired: &State) -> Wanted {
    wanted(desired, &State::default(), &Originals::default())
}

#[test]
fn both_encodings_have_the_same_content() {
    isolated(|| {
        let mut host = Host::open();
        let base = [
            link("a", "a@1", veth("b@1")),
            link("b", "b@1", veth("a@1")),
            address("a@1", "10.0.0.1/24"),
            address("a@1", "10.0.0.7/24"),
        ];
        host.converge(&state(base));
        for made in [
            "10.1.0.0/16 via 10.0.0.2 proto static",
            // This route hides the one above from a route look-up.
            "10.1.0.0/24 via 10.0.0.3",
            "10.2.0.0/16 via 10.0.0.2 proto bird",
            "10.3.0.0/16 via 10.0.0.3 proto static",
            "10.4.0.0/16 via 10.0.0.2 proto static src 10.0.0.7 mtu 1300 advmss 1200",
            "10.5.0.0/16 via 10.0.0.2 proto static tos 0x10 metric 7",
            "10.6.0.0/16 proto static nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3",
            "10.7.0.0/16 dev a proto static",
            "10.9.0.0/16 via 172.16.0.1 dev a onlink proto static",
            "10.10.0.0/16 via 10.0.0.2 proto static table 100000",
            "unreachable 10.11.0.0/16 proto static",
            "blackhole 10.12.0.0/16 proto static",
            "0.0.0.0/0 via 10.0.0.2 proto static",
        ] {
            ip(&format!("route add {made}"));
        }
        let by_gateway = |prefix| route("1", prefix, &[("a", "10.0.0.2")]);
        let alter = |(key, object): (Key, Object), alter: fn(&mut RouteKey, &mut Route)| {
            let (Key::Route(mut key), Object::Route(mut route)) = (key, object) else {
                unreachable!()
            };
            alter(&mut key, Arc::make_mut(&mut route));
            (Key::Route(key), Object::Route(route))
        };
        let mut weighted = route("1", "10.6.0.0/16", &[("a", "10.0.0.2"), ("a", "10.0.0.3")]);
        if let Object::Route(route) = &mut weighted.1 {
            Arc::make_mut(route).nexthops[0].weight = 3;
        }
        let cases = [
            by_gateway("10.1.0.0/16"),
            by_gateway("10.2.0.0/16"),
            by_gateway("10.3.0.0/16"),
            by_gateway("10.4.0.0/16"),
            alter(by_gateway("10.4.0.0/16"), |_, route| {
                route.source = "10.0.0.7".parse().ok();
                route.metrics = RouteMetrics { mtu: Some(1300), advmss: Some(1200) };
            }),
            by_gateway("10.5.0.0/16"),
            alter(by_gateway("10.5.0.0/16"), |key, _| (key.tos, key.metric) = (16, 7)),
            route("1", "10.6.0.0/16", &[("a", "10.0.0.2"), ("a", "10.0.0.3")]),
            weighted,
            route("1", "10.7.0.0/16", &[("a", "")]),
            route("1", "10.8.0.0/16", &[("a", "")]),
            route("1", "10.8.0.0/16", &[("missing", "")]),
            by_gateway("10.9.0.0/16"),
            alter(by_gateway("10.9.0.0/16"), |_, route| {
                route.nexthops[0].via = "172.16.0.1".parse().ok();
                route.nexthops[0].onlink = true;
            }),
            by_gateway("10.10.0.0/16"),
            alter(by_gateway("10.10.0.0/16"), |key, _| key.table = 100_000),
            alter(by_gateway("10.10.0.0/16"), |key, _| key.table = 100_001),
            alter(route("1", "10.11.0.0/16", &[]), |_, route| route.kind = RouteKind::Unreachable),
            alter(route("1", "10.12.0.0/16", &[]), |_, route| route.kind = RouteKind::Throw),
            by_gateway("0.0.0.0/0"),
            alter(by_gateway("0.0.0.0/0"), |key, _| key.metric = 1),
        ];
        let before = ip("-4 route show table all");
        for case in cases {
            let desired = state([case]);
            let mut told = [table(&desired), one_by_one(&desired)]
                .map(|wanted| host.kernel.observe(&Scope::Only(wanted)).expect("observe"));
            let [table, one] = &mut told;
            assert_eq!(one, table);
        }
        assert_eq!(ip("-4 route show table all"), before);
    });
}

#[test]
fn a_route_with_only_a_gateway_can_be_looked_up() {
    isolated(|| {
        let mut host = Host::open();
        let base = [link("a", "a@1", veth("b@1")), link("b", "b@1", veth("a@1"))]
            .into_iter()
            .chain([address("a@1", "10.0.0.1/24"), address("b@1", "10.0.1.1/24")]);
        let base: Vec<_> = base.collect();
        let (key, mut by_gateway) = route("1", "10.1.0.0/16", &[("a", "10.0.0.2")]);
        if let Object::Route(route) = &mut by_gateway {
            Arc::make_mut(route).nexthops[0].dev = None;
        }
        let with = |more: Option<(Key, Object)>| state(base.iter().cloned().chain(more));
        host.converge(&with(None));
        host.converge(&with(Some((key, by_gateway))));
        host.converge(&with(Some(route("1", "10.1.0.0/16", &[("b", "10.0.1.2")]))));
        host.converge(&with(None));
    });
}

#[test]
fn the_size_of_the_table_does_not_matter() {
    isolated(|| {
        let mut host = Host::open();
        let links = [link("a", "a@1", veth("b@1")), link("b", "b@1", veth("a@1"))];
        host.converge(&state(links.clone()));
        // Unchanged objects on a link are not read either.
        let desired = state(links.into_iter().chain([route("1", "10.0.0.0/24", &[("a", "")])]));
        let scope = Scope::Only(one_by_one(&desired));
        let mut time = || {
            let observe = |_| {
                let begun = Instant::now();
                host.kernel.observe(&scope).expect("observe");
                begun.elapsed()
            };
            (0..50).map(observe).min().unwrap_or(Duration::MAX)
        };
        let few = time();
        add_routes(20_000);
        let many = time();
        assert!(many < few * 5, "{few:?} among few, {many:?} among many");
    });
}

/// Adds this number of routes of another program.
fn add_routes(count: u32) {
    let mut batch = String::new();
    for number in 0..count {
        let [_, high, middle, low] = number.to_be_bytes();
        let _ = writeln!(batch, "route add {}.{middle}.{low}.0/24 dev a proto bird", 20 + high);
    }
    let file = "/run/routes";
    std::fs::write(file, batch).unwrap();
    ip(&format!("-batch {file}"));
}

#[test]
fn many_routes_are_distinguished_from_those_of_others() {
    isolated(|| {
        let mut host = Host::open();
        let base = [
            link("a", "a@1", veth("b@1")),
            link("b", "b@1", veth("a@1")),
            address("a@1", "10.0.0.1/24"),
        ];
        host.converge(&state(base.clone()));
        let ours = |count: u32| {
            let routes = (0..count).map(|number| {
                let [.., middle, low] = number.to_be_bytes();
                let prefix = format!("20.{middle}.{low}.0/24");
                let (key, object) = route("1", &prefix, &[("a", "10.0.0.2")]);
                let Object::Route(route) = object else { unreachable!() };
                let route = Route { protocol: Some(4), ..Route::clone(&route) };
                (key, Object::Route(route.into()))
            });
            state(base.iter().cloned().chain(routes))
        };
        for of_others in ["20.0.7.0/24", "20.1.7.0/24", "30.0.0.0/24"] {
            ip(&format!("route add {of_others} via 10.0.0.3 proto bird"));
        }
        host.converge(&ours(1500));
        assert_eq!(ip_json("route show proto static").as_array().unwrap().len(), 1500);
        // Another program has replaced one, and one is missing.
        ip("route replace 20.0.9.0/24 via 10.0.0.3 proto bird");
        ip("route delete 20.0.8.0/24");
        host.converge(&ours(1499));
        assert_eq!(ip_json("route show proto static").as_array().unwrap().len(), 1499);
        host.converge(&state(base.clone()));
        let left = ip_json("route show proto bird");
        let left: Vec<_> = left.as_array().unwrap().iter().map(|route| &route["dst"]).collect();
        assert_eq!(left, ["20.0.7.0/24", "20.1.7.0/24", "30.0.0.0/24"]);
    });
}

/// So many that they are read together, and the links' indexes too.
#[test]
fn many_links_are_distinguished() {
    isolated(|| {
        let mut host = Host::open();
        let pair = |number: u8| {
            let [at, far] = ["d", "e"].map(|name| format!("{name}{number}@1"));
            let near = link(&format!("d{number}"), &at, veth(&far));
            let other = link(&format!("e{number}"), &far, veth(&at));
            [near, other, address(&at, &format!("10.0.{number}.1/24"))]
        };
        let all = state((0..90).flat_map(pair));
        host.converge(&all);
        let addresses = || ip("-o -4 address show").lines().filter(|l| l.contains("10.0.")).count();
        assert_eq!(addresses(), 90);
        ip("link set d7 down");
        ip("link delete d8");
        ip("address delete 10.0.10.1/24 dev d10");
        host.converge(&all);
        assert_eq!(addresses(), 90);
        assert!(is_up(&ip_json("link show d7")));
    });
}
