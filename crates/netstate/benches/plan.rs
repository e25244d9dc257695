//! What planning costs: 10,000 links with 100,000 routes, made, left alone, changed by one route, and removed.

#![allow(clippy::unwrap_used, reason = "a bench may stop at what goes wrong")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use netstate::plan::{plan, target};
use netstate::{
    Address, AddressKey, Key, Link, LinkFlags, LinkId, LinkKind, Nexthop, Object, Originals, Place,
    Route, RouteKey, State,
};

const LINKS: u32 = 10_000;
const ROUTES: u32 = 100_000;

fn main() {
    let (links, all) = (links(), links().merged(&routes()));
    let empty = State::default();
    println!("{LINKS} links with an address each, {ROUTES} routes");
    measure("make all", &all, &empty, &empty);
    measure("make the routes", &all, &links, &links);
    measure("leave all alone", &all, &all, &all);
    let mut one_less = all.clone();
    one_less.objects.pop_last();
    measure("make one route", &all, &one_less, &one_less);
    measure("remove all", &empty, &all, &all);
    let only = |key: &Key| matches!(key, Key::Route(route) if route.prefix == prefix(7));
    let one = State { objects: all.objects.into_iter().filter(|(key, _)| only(key)).collect() };
    measure("make one route, all it reaches", &one, &empty, &empty);
}

fn measure(what: &str, desired: &State, touched: &State, observed: &State) {
    let begun = Instant::now();
    let target = target(desired, touched, &Originals::default(), observed).unwrap();
    let targeted = begun.elapsed();
    let plan = plan(&target, observed).unwrap();
    let all = begun.elapsed();
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let (target, both) = (milliseconds(targeted), milliseconds(all));
    println!(
        "{what:>32}: {both:7.1} ms, {target:6.1} of them target; {} operations",
        plan.ops.len()
    );
    black_box(plan);
}

fn links() -> State {
    let objects = (0..LINKS).flat_map(|number| {
        let ifname = format!("link{number}");
        let id: LinkId = ifname.parse().unwrap();
        let place = Place { netns: "1".parse().unwrap(), ifname: ifname.parse().unwrap() };
        let [high, low] = [number >> 8, number & 255];
        let address = format!("10.{high}.{low}.1/24").parse().unwrap();
        let address = AddressKey { netns: place.netns.clone(), dev: place.ifname.clone(), address };
        let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
        let link = Link { kind: Some(LinkKind::Dummy), flags, ..Link::at(place) };
        [
            (Key::Link(id), Object::Link(Box::new(link))),
            (Key::Address(address), Object::Address(Address::default())),
        ]
    });
    State { objects: objects.collect() }
}

fn routes() -> State {
    let mut objects = BTreeMap::new();
    for number in 0..ROUTES {
        let (netns, metric) = ("1".parse().unwrap(), 0);
        let key = RouteKey { netns, table: 254, prefix: prefix(number), tos: 0, metric };
        let link = number % LINKS;
        let nexthop = Nexthop {
            dev: Some(format!("link{link}").parse().unwrap()),
            via: Some(format!("10.{}.{}.2", link >> 8, link & 255).parse().unwrap()),
            weight: 1,
            onlink: false,
            pervasive: false,
        };
        let route = Route {
            protocol: Some(4),
            scope: Some(0),
            nexthops: vec![nexthop],
            ..Route::default()
        };
        objects.insert(Key::Route(key), Object::Route(route));
    }
    State { objects }
}

fn prefix(number: u32) -> ipnet::IpNet {
    let [_, high, middle, low] = number.to_be_bytes();
    format!("{}.{middle}.{low}.0/24", 20 + high).parse().unwrap()
}
