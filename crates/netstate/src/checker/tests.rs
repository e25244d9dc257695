//! Small plans with one error each. The checker reports it, and accepts the corrected plan.
#![allow(
    clippy::cloned_ref_to_slice_refs,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic, and small states are written as rows"
)]

mod addresses;
mod links;

use super::*;
use crate::name::NetnsName;
use crate::noun::address::{Address, AddressKey, AddressStatus};
use crate::noun::link::{Bridge, BridgePort, Dummy, Master, Veth, Vxlan};
use crate::noun::neighbor::{Neighbor, NeighborKey};
use crate::noun::route::{Nexthop, Route, RouteKey};
use crate::noun::rule::{Rule, RuleKey};
use crate::noun::sysctl::SysctlKey;
use crate::uapi::{IFA_F_SECONDARY, NUD_PERMANENT, RTPROT_KERNEL};

type Entry = (Key, Object);

/// Checks that the plan from `observed` to `target` is accepted, and that the wrong one is refused
/// for a reason that contains `reason`.
#[track_caller]
fn check_both((observed, target): (&[Entry], &[Entry]), right: &[Op], wrong: &[Op], reason: &str) {
    verdict(observed, target, right).unwrap_or_else(|violation| panic!("{violation}"));
    let violation = verdict(observed, target, wrong).expect_err("it is wrong");
    assert!(violation.to_string().contains(reason), "{violation}");
}

fn verdict(observed: &[Entry], target: &[Entry], ops: &[Op]) -> Result<(), Violation> {
    check(&state(observed), &Plan { ops: ops.to_vec() }, &state(target).objects)
}

fn state(entries: &[Entry]) -> State {
    State { objects: entries.iter().cloned().collect() }
}

fn place(at: &str) -> Place {
    let (ifname, netns) = at.split_once('@').unwrap_or((at, "1"));
    Place { netns: netns.parse().unwrap(), ifname: ifname.parse().unwrap() }
}

fn netns(name: &str) -> Entry {
    (Key::Netns(name.parse().unwrap()), Object::Netns)
}

/// A dummy link with this identity, at `NAME` or `NAME@NETNS`, with a change.
fn link(id: &str, at: &str, alter: impl FnOnce(&mut Link)) -> Entry {
    let mut link = Link { kind: Some(LinkKind::Dummy(Dummy::default())), ..Link::at(place(at)) };
    alter(&mut link);
    (Key::Link(id.parse().unwrap()), Object::Link(Box::new(link)))
}

fn up(link: &mut Link) {
    link.flags.up = Some(true);
}

fn down(link: &mut Link) {
    link.flags.up = Some(false);
}

fn bridge(link: &mut Link) {
    link.kind = Some(LinkKind::Bridge(Bridge::default()));
}

fn veth(peer: &str) -> impl Fn(&mut Link) {
    let peer = place(peer);
    move |link| {
        link.kind = Some(LinkKind::Veth(Veth::default()));
        link.peer = Some(peer.clone());
    }
}

fn port(master: &str) -> impl Fn(&mut Link) {
    let master = Master::Of(master.parse().unwrap());
    move |link| link.master = Some(master.clone())
}

fn mtu(mtu: u32) -> impl Fn(&mut Link) {
    move |link| link.attributes.mtu = Some(mtu)
}

fn both(first: impl Fn(&mut Link), second: impl Fn(&mut Link)) -> impl Fn(&mut Link) {
    move |link| {
        first(link);
        second(link);
    }
}

fn address(dev: &str, address: &str) -> Entry {
    let Place { netns, ifname: dev } = place(dev);
    let key = AddressKey::new(netns, dev, address.parse().unwrap());
    (Key::Address(key), Object::Address(Address::default()))
}

fn secondary(dev: &str, text: &str) -> Entry {
    let status = AddressStatus { flags: IFA_F_SECONDARY, ..AddressStatus::default() };
    (
        address(dev, text).0,
        Object::Address(Address { status: Some(status.into()), ..Address::default() }),
    )
}

fn neighbor(dev: &str, address: &str) -> Entry {
    let Place { netns, ifname: dev } = place(dev);
    let key = NeighborKey { netns, dev, address: address.parse().unwrap(), proxy: false };
    let neighbor = Neighbor { nud: Some(NUD_PERMANENT), ..Neighbor::default() };
    (Key::Neighbor(key), Object::Neighbor(neighbor))
}

/// A route over links, each `DEV` or `DEV via GATEWAY`.
fn route(prefix: &str, hops: &[&str]) -> Entry {
    let key = RouteKey {
        netns: NetnsName::own(),
        table: 254,
        prefix: prefix.parse().unwrap(),
        tos: 0,
        metric: 0,
    };
    let nexthop = |text: &&str| {
        let (dev, via) =
            text.split_once(" via ").map_or((*text, None), |(dev, via)| (dev, Some(via)));
        Nexthop {
            dev: Some(dev.parse().unwrap()),
            via: via.map(|via| via.parse().unwrap()),
            weight: 1,
            onlink: false,
            pervasive: false,
        }
    };
    let nexthops = hops.iter().map(nexthop).collect();
    (
        Key::Route(key),
        Object::Route(Route { protocol: Some(4), nexthops, ..Route::default() }.into()),
    )
}

fn from_source((key, object): Entry, source: &str) -> Entry {
    let Object::Route(route) = object else { panic!("a route has a source") };
    let source = Some(source.parse().unwrap());
    (key, Object::Route(Route { source, ..Route::clone(&route) }.into()))
}

fn sysctl(path: &str, value: &str) -> Entry {
    let key = SysctlKey { netns: NetnsName::own(), path: path.parse().unwrap() };
    (Key::Sysctl(key), Object::Sysctl(value.into()))
}

fn create((key, object): &Entry) -> Op {
    Op::new(key.clone(), Action::Create(object.clone()))
}

fn delete((key, object): &Entry) -> Op {
    Op::new(key.clone(), Action::Delete(object.clone()))
}

fn update((key, from): &Entry, (_, change): &Entry) -> Op {
    let (from, change) = (from.clone(), change.clone());
    Op::new(key.clone(), Action::Update { from, change })
}

/// An operation that changes a link.
fn alter(entry: &Entry, change: impl FnOnce(&mut Link)) -> Op {
    let (key, Object::Link(from)) = entry else { panic!("only links are altered") };
    let mut link = Link::at(from.place.clone());
    change(&mut link);
    let (from, change) = (Object::Link(from.clone()), Object::Link(Box::new(link)));
    Op::new(key.clone(), Action::Update { from, change })
}

fn to(at: &str) -> impl Fn(&mut Link) {
    let place = place(at);
    move |link| link.place = place.clone()
}

#[test]
fn existing_objects_cannot_be_created_and_missing_ones_not_removed() {
    let (d0, a, b) =
        (link("d0", "d0", up), address("d0", "10.0.0.1/24"), address("d0", "10.1.0.1/24"));
    let before = [d0.clone(), a.clone()];
    let after = [d0.clone(), b.clone()];
    let right = [delete(&a), create(&b)];
    check_both((&before, &after), &right, &[create(&a), delete(&a), create(&b)], "it is there");
    check_both(
        (&before, &after),
        &right,
        &[delete(&a), delete(&a)],
        "it is gone since operation 1",
    );
    check_both((&before, &after), &right, &[delete(&b), delete(&a)], "it is not there");
    check_both((&before, &after), &right, &[delete(&a), create(&b), create(&b)], "it is there");
}

#[test]
fn objects_lost_with_another_are_not_removed_again() {
    let d0 = link("d0", "d0", up);
    let hang =
        [address("d0", "10.0.0.1/24"), neighbor("d0", "10.0.0.9"), route("10.9.0.0/16", &["d0"])];
    for object in hang {
        let before = [d0.clone(), object.clone()];
        let wrong = [delete(&d0), delete(&object)];
        check_both(
            (&before, &[]),
            &[delete(&d0)],
            &wrong,
            "it is gone since operation 1 (delete d0",
        );
    }
    let below = link("v0", "v0", |link| {
        link.kind = Some(LinkKind::Vxlan(Vxlan::default()));
        link.device = Some(place("d0"));
    });
    let wrong = [delete(&d0), delete(&below)];
    check_both((&[d0.clone(), below.clone()], &[]), &[delete(&d0)], &wrong, "it is gone since");
    let (left, right) = (link("a", "a", veth("b")), link("b", "b", veth("a")));
    let wrong = [delete(&left), delete(&right)];
    check_both((&[left.clone(), right.clone()], &[]), &[delete(&left)], &wrong, "it is gone since");
}

#[test]
fn an_operation_knows_what_it_alters() {
    let (old, new) =
        (link("d0", "d0", both(down, mtu(1500))), link("d0", "d0", both(up, mtu(1400))));
    let second = link("d0", "d0", both(down, mtu(1400)));
    let right = [alter(&old, mtu(1400)), alter(&second, up)];
    let both_ways = [std::slice::from_ref(&old), std::slice::from_ref(&new)];
    let pair = (both_ways[0], both_ways[1]);
    check_both(pair, &right, &[alter(&old, mtu(1400)), alter(&old, up)], "otherwise in mtu");
    let twice = [alter(&old, mtu(1400)), alter(&second, mtu(1400)), alter(&second, up)];
    check_both(pair, &right, &twice, "it changes nothing");
    let (one, two) = (sysctl("net/ipv4/ip_forward", "0"), sysctl("net/ipv4/ip_forward", "1"));
    check_both(
        (&[one.clone()], &[two.clone()]),
        &[update(&one, &two)],
        &[update(&two, &one)],
        "by then",
    );
}

#[test]
fn objects_on_a_link_need_the_link() {
    let d0 = link("d0", "d0", down);
    let on = [
        address("d0", "10.0.0.1/24"),
        neighbor("d0", "10.0.0.9"),
        sysctl("net/ipv4/conf/d0/rp_filter", "1"),
    ];
    for object in on {
        let wrong = [create(&object), create(&d0)];
        let right = [create(&d0), create(&object)];
        check_both((&[], &[d0.clone(), object]), &right, &wrong, "there is no link d0");
    }
}

#[test]
fn the_checker_accepts_what_the_kernel_must_refuse() {
    let d0 = link("d0", "d0", both(down, mtu(1000)));
    let cases = [
        address("d0", "fd00::1/64"),
        route("10.9.0.0/16", &["d0"]),
        route("10.9.0.0/16", &["d1 via 10.1.1.1"]),
    ];
    for object in cases {
        let after = [d0.clone(), object.clone()];
        verdict(&[], &after, &[create(&d0), create(&object)]).unwrap();
    }
}

#[test]
fn unobserved_objects_are_not_missing() {
    let (elsewhere, enslaved) =
        (address("eth9@blue", "10.0.0.1/24"), link("d0", "d0", port("br9")));
    let free = link("d0", "d0", down);
    verdict(
        &[free.clone()],
        &[elsewhere.clone(), enslaved],
        &[create(&elsewhere), alter(&free, port("br9"))],
    )
    .unwrap();
}

#[test]
fn every_kind_of_object_is_removed() {
    let d0 = link("d0", "d0", up);
    let surplus = [
        netns("red"),
        link("d1", "d1", up),
        address("d0", "10.0.0.1/24"),
        neighbor("d0", "10.0.0.9"),
        route("10.9.0.0/16", &["d0"]),
    ];
    for object in surplus {
        let before = [d0.clone(), object.clone()];
        check_both(
            (&before, &[d0.clone()]),
            &[delete(&object)],
            &[],
            "it is to go, and is still there",
        );
    }
    let (key, object) = route("10.9.0.0/16", &["d0"]);
    let Object::Route(kernels) = object else { panic!("a route is one") };
    let kernels = Route { protocol: Some(RTPROT_KERNEL), ..Route::clone(&kernels) };
    let kernels = Object::Route(kernels.into());
    verdict(&[d0.clone(), (key, kernels)], &[d0], &[]).unwrap();
}

#[test]
fn the_result_equals_the_target() {
    let d0 = link("d0", "d0", both(down, mtu(1500)));
    let wanted = [
        netns("red"),
        link("d1", "d1", down),
        address("d0", "10.0.0.1/24"),
        sysctl("net/ipv4/ip_forward", "1"),
        neighbor("d0", "10.0.0.9"),
    ];
    for object in wanted {
        let after = [d0.clone(), object.clone()];
        check_both((&[d0.clone()], &after), &[create(&object)], &[], "was not made");
    }
    let altered = link("d0", "d0", both(down, mtu(1400)));
    let right = [alter(&d0, mtu(1400))];
    check_both((&[d0.clone()], &[altered]), &right, &[alter(&d0, mtu(1300))], "to be in mtu");
    let moved = link("d0", "d1", both(down, mtu(1500)));
    check_both(
        (&[d0.clone()], &[moved]),
        &[alter(&d0, to("d1"))],
        &[],
        "it is to be d1, and is d0",
    );
    let (old, new) = (route("10.9.0.0/16", &["d0"]), route("10.9.0.0/16", &["d0 via 10.0.0.9"]));
    let on = [link("d0", "d0", up), address("d0", "10.0.0.1/24")];
    let (before, after) = ([&on[..], &[old.clone()]].concat(), [&on[..], &[new.clone()]].concat());
    check_both((&before, &after), &[update(&old, &new)], &[], "not as it is to be");
}

#[test]
fn a_parameter_that_sets_others_is_set_first() {
    let all = |value| sysctl("net/ipv4/ip_forward", value);
    let one = |value| sysctl("net/ipv4/conf/d0/forwarding", value);
    let d0 = link("d0", "d0", down);
    let before = [d0.clone(), all("0"), one("0")];
    let after = [d0, all("1"), one("0")];
    let right = [update(&all("0"), &all("1")), update(&one("1"), &one("0"))];
    check_both((&before, &after), &right, &right[..1], "not as it is to be");
}

#[test]
fn forwarding_sets_whether_redirects_are_accepted() {
    let all = |value| sysctl("net/ipv4/conf/all/forwarding", value);
    let other_name = |value| sysctl("net/ipv4/ip_forward", value);
    let redirects = |value| sysctl("net/ipv4/conf/all/accept_redirects", value);
    let before = [all("0"), other_name("0"), redirects("1")];
    let after = [all("1"), other_name("1"), redirects("1")];
    let right = [update(&all("0"), &all("1")), update(&redirects("0"), &redirects("1"))];
    check_both((&before, &after), &right, &right[..1], "not as it is to be");
}

#[test]
fn a_rule_is_recreated_and_removed_only_by_an_operation() {
    let rule = |table| {
        let any = "0.0.0.0/0".parse().unwrap();
        let netns = NetnsName::own();
        let key = RuleKey::between(netns, 100, (any, any));
        let rule = Rule { table: Some(table), ..Rule::default() };
        (Key::Rule(key.into()), Object::Rule(rule.into()))
    };
    let (old, new) = (rule(1), rule(2));
    let right = [delete(&old), create(&new)];
    check_both((&[old.clone()], &[new.clone()]), &right, &[update(&old, &new)], "no request");
    check_both((&[old.clone()], &[]), &[delete(&old)], &[], "it is to go, and is still there");
    check_both((&[old.clone()], &[new]), &right, &[], "not as it is to be");
}
