//! The cost of judging and planning is linear: four times the routes must not take much more than four times the time.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeSet;
use std::sync::Arc;

use netstate::link::LinkFlags;
use netstate::nexthop::{NexthopGroup, NexthopKind, Resilient, SingleNexthop};
use netstate::plan::{Goal, plan, target, wanted};
use netstate::verdict::Environment;
use netstate::{
    Address, AddressKey, Desired, Key, Link, LinkId, NetnsName, Nexthop, NexthopKey, NexthopObject,
    Object, Originals, Place, Route, RouteKey, State, Verdict,
};
use rustix::time::{ClockId, clock_gettime};

const FEW: u32 = 1_000;
const TIMES: u32 = 4;

/// With that factor more routes, the work takes at most this many times the time. A quadratic cost would be sixteen
/// times. Other load on the machine can make it more than four.
const MOST: f64 = 8.0;

/// The minimum of several runs is the time of the work. The rest is caused by other load on the machine.
const RUNS: usize = 3;

#[track_caller]
fn check(what: &str, work: impl Fn(&Material)) {
    let (few, many) = (Material::with(FEW), Material::with(TIMES * FEW));
    let least =
        |material: &Material| (0..RUNS).map(|_| busy(|| work(material))).fold(f64::MAX, f64::min);
    let (short, long) = (least(&few), least(&many));
    let ratio = long / short;
    assert!(ratio < MOST, "{what}: {short:.0} ns become {long:.0} ns, {ratio:.1} times as much");
}

/// The processor time of this thread in nanoseconds.
fn busy(work: impl FnOnce()) -> f64 {
    let times = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let start = times();
    work();
    times() - start
}

/// Routes over a link of others, with a gateway and a source that only addresses of others provide.
struct Material {
    desired: State,
    /// The same link, with as many addresses as there are routes. The needed ones come last.
    others: State,
}

impl Material {
    fn with(count: u32) -> Material {
        let place = Place { netns: NetnsName::own(), ifname: "west".parse().unwrap() };
        let id: LinkId = "west".parse().unwrap();
        let mut link = Link::at(place.clone());
        link.flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
        let link = (Key::Link(id), Object::Link(Box::new(link)));
        let address = |text: String| {
            let Place { netns, ifname: dev } = place.clone();
            let key = AddressKey::new(netns, dev, text.parse().unwrap());
            (Key::Address(key), Object::Address(Address::default()))
        };
        let number = |number: u32| format!("{}.{}", number >> 8, number & 255);
        let addresses = (0..count).map(|index| address(format!("10.0.{}/32", number(index))));
        let needed = [address("192.0.2.1/24".into()), address("203.0.113.1/32".into())];
        let nexthop = Nexthop {
            dev: Some(place.ifname.clone()),
            via: Some("192.0.2.2".parse().unwrap()),
            weight: 1,
            onlink: false,
            pervasive: false,
        };
        let route = Route {
            protocol: Some(4),
            scope: Some(0),
            source: Some("203.0.113.1".parse().unwrap()),
            nexthops: [nexthop].into(),
            ..Route::default()
        };
        let route = Arc::new(route);
        let routes = (0..count).map(|index| {
            let prefix = format!("20.{}.0/24", number(index)).parse().unwrap();
            let key =
                RouteKey { netns: place.netns.clone(), table: 254, prefix, tos: 0, metric: 0 };
            (Key::Route(key), Object::Route(Arc::clone(&route)))
        });
        let objects = nexthops(&place, count / 4).chain(routes_by(&place, count / 4));
        Material {
            desired: State { objects: routes.chain(objects).chain([link.clone()]).collect() },
            others: State { objects: addresses.chain(needed).chain([link]).collect() },
        }
    }

    /// The same with groups that the kernel has to make anew.
    fn made_anew(&self) -> State {
        let mut state = self.desired.clone();
        for object in state.objects.values_mut() {
            if let Object::Nexthop(nexthop) = object
                && let NexthopKind::Group(group) = &mut nexthop.kind
            {
                group.resilient =
                    Some(Resilient { buckets: 8, idle_timer: 0, unbalanced_timer: 0 });
            }
        }
        state
    }

    /// The verdict before and after the questions are answered.
    fn judge(&self) {
        let desired = Desired::from(self.desired.clone());
        let keys: BTreeSet<Key> = self.desired.objects.keys().cloned().collect();
        let (touched, originals) = (State::default(), Originals::default());
        for answers in [None, Some(&self.others)] {
            let environment = Environment {
                observed: &self.others,
                looked_for: &keys,
                touched: &touched,
                originals: &originals,
                answers,
            };
            let verdict = Verdict::of(&desired, &keys, &environment);
            assert_eq!(verdict.questions.is_empty(), answers.is_some());
            assert!(verdict.is_all_active() && verdict.refused.is_empty());
        }
    }

    /// The plan from one state to another, with everything that belongs to it.
    fn plan(&self, from: &State, to: &State) {
        let mut originals = Originals::default();
        let observed = self.others.clone().merged(from);
        let _ = wanted(to, from, &originals);
        originals.remember(to, from, &observed);
        originals.remember_taken(to, from, &observed);
        let goal = Goal::from(to);
        let target = target(goal, from, &originals, &observed).unwrap();
        let plan = plan(&target, &observed).unwrap();
        assert_eq!(plan.ops.is_empty(), from == to);
    }
}

/// Nexthops with a gateway, and as many groups of two of them.
fn nexthops(place: &Place, count: u32) -> impl Iterator<Item = (Key, Object)> {
    let nexthop = |id, kind| {
        let key = NexthopKey { netns: place.netns.clone(), id };
        let object = NexthopObject { protocol: Some(4), fdb: false, kind };
        (Key::Nexthop(key), Object::Nexthop(object.into()))
    };
    let single = move |index: u32| {
        let (dev, via) = (Some(place.ifname.clone()), Some("192.0.2.2".parse().unwrap()));
        let single = SingleNexthop { ipv6: false, dev, via, onlink: false };
        nexthop(1 + index, NexthopKind::Single(single))
    };
    let group = move |index: u32| {
        let members = [1 + index, 1 + (index + 1) % count].map(|id| (id, 1)).into();
        nexthop(1 + count + index, NexthopKind::Group(NexthopGroup { members, resilient: None }))
    };
    (0..count).map(single).chain((0..count).map(group))
}

/// Routes that use these groups.
fn routes_by(place: &Place, count: u32) -> impl Iterator<Item = (Key, Object)> {
    (0..4 * count).map(move |index| {
        let prefix = format!("30.{}.{}.0/24", index >> 8, index & 255).parse().unwrap();
        let key = RouteKey { netns: place.netns.clone(), table: 254, prefix, tos: 0, metric: 0 };
        let nhid = Some(1 + count + index % count);
        let route = Route { protocol: Some(4), scope: Some(0), nhid, ..Route::default() };
        (Key::Route(key), Object::Route(route.into()))
    })
}

#[test]
fn more_routes_cost_no_more_than_in_proportion() {
    let nothing = State::default();
    check("judge", Material::judge);
    check("plan what is there", |material| material.plan(&material.desired, &material.desired));
    check("plan new routes", |material| material.plan(&nothing, &material.desired));
    check("plan other groups", |material| material.plan(&material.desired, &material.made_anew()));
    check("plan without the routes", |material| material.plan(&material.desired, &nothing));
}
