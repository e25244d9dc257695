//! The cost of planning 10,000 links with 100,000 routes: creating all, changing nothing, changing
//! one route, and removing all.

#![allow(clippy::unwrap_used, reason = "a bench may stop at what goes wrong")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use netstate::plan::{plan, target, wanted};
use netstate::{
    Address, AddressKey, Key, Link, LinkFlags, LinkId, LinkKind, Nexthop, Object, Originals, Place,
    Route, RouteKey, State,
};
use rustix::time::{ClockId, clock_gettime};

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
    let mut originals = Originals::default();
    let begun = cpu_time();
    let wanted = wanted(desired, touched, &originals);
    let asked = cpu_time();
    originals.remember(desired, touched, observed);
    let remembered = cpu_time();
    let target = target(desired, touched, &originals, observed).unwrap();
    let targeted = cpu_time();
    let plan = plan(&target, observed).unwrap();
    let times = [begun, asked, remembered, targeted, cpu_time()];
    let [wants, originals, targets, plans] =
        [0, 1, 2, 3].map(|at| (times[at + 1] - times[at]).as_secs_f64() * 1e3);
    let all = wants + originals + targets + plans;
    println!(
        "{what:>32}: {all:7.1} ms = wanted {wants:5.1} + originals {originals:5.1} + target {targets:5.1} \
        + plan {plans:5.1}; {} operations",
        plan.ops.len()
    );
    black_box((wanted, plan));
}

/// The processor time of this thread, which does not depend on other programs.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn links() -> State {
    let objects = (0..LINKS).flat_map(|number| {
        let ifname = format!("link{number}");
        let id: LinkId = ifname.parse().unwrap();
        let place = Place { netns: "1".parse().unwrap(), ifname: ifname.parse().unwrap() };
        let [high, low] = [number >> 8, number & 255];
        let address = format!("10.{high}.{low}.1/24").parse().unwrap();
        let address = AddressKey::new(place.netns.clone(), place.ifname.clone(), address);
        let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
        let link = Link { kind: Some(LinkKind::named("dummy")), flags, ..Link::at(place) };
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
            nexthops: [nexthop].into(),
            ..Route::default()
        };
        objects.insert(Key::Route(key), Object::Route(route.into()));
    }
    State { objects }
}

fn prefix(number: u32) -> ipnet::IpNet {
    let [_, high, middle, low] = number.to_be_bytes();
    format!("{}.{middle}.{low}.0/24", 20 + high).parse().unwrap()
}
