//! Small plans with one error each. The checker reports it, and accepts the corrected plan.
#![allow(
    clippy::cloned_ref_to_slice_refs,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic, and small states are written as rows"
)]

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
    let key = AddressKey { netns, dev, address: address.parse().unwrap() };
    (Key::Address(key), Object::Address(Address::default()))
}

fn secondary(dev: &str, text: &str) -> Entry {
    let status = AddressStatus { flags: IFA_F_SECONDARY, ..AddressStatus::default() };
    (address(dev, text).0, Object::Address(Address { status: Some(status) }))
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
    (Key::Route(key), Object::Route(Route { protocol: Some(4), nexthops, ..Route::default() }))
}

fn from_source((key, object): Entry, source: &str) -> Entry {
    let Object::Route(route) = object else { panic!("a route has a source") };
    (key, Object::Route(Route { source: Some(source.parse().unwrap()), ..route }))
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
fn a_place_has_only_one_link() {
    let (old, new) = (link("x", "d0", down), link("y", "d0", down));
    let right = [delete(&old), create(&new)];
    let wrong = [create(&new), delete(&old)];
    check_both((&[old.clone()], &[new.clone()]), &right, &wrong, "there is a link d0 already");
    let (a, b) = (link("a", "a", down), link("b", "b", down));
    let aside = link("a", "aside", down);
    let right = [alter(&a, to("aside")), alter(&b, to("a")), alter(&aside, to("b"))];
    let after = [link("a", "b", down), link("b", "a", down)];
    let wrong = [alter(&a, to("b"))];
    check_both((&[a, b], &after), &right, &wrong, "there is a link b already");
    let (peer, pair) = (link("b", "b", down), link("a", "a", both(veth("b"), down)));
    let right = [delete(&peer), create(&pair)];
    let wrong = [create(&pair), delete(&peer)];
    check_both((&[peer], &[pair]), &right, &wrong, "the place of its peer, b, is taken");
}

#[test]
fn links_need_namespaces_masters_and_devices() {
    let (red, inside) = (netns("red"), link("d0", "d0@red", down));
    let after = [red.clone(), inside.clone()];
    let right = [create(&red), create(&inside)];
    let wrong = [create(&inside), create(&red)];
    check_both((&[], &after), &right, &wrong, "there is no namespace red");
    let (br, free) = (link("br", "br", both(bridge, down)), link("d0", "d0", down));
    let enslaved = link("d0", "d0", both(down, port("br")));
    let right = [create(&br), alter(&free, port("br"))];
    let wrong = [alter(&free, port("br")), create(&br)];
    let after = [br.clone(), enslaved];
    check_both((&[free.clone()], &after), &right, &wrong, "there is no link br");
    let tunnel = link("v0", "v0", |link| {
        link.kind = Some(LinkKind::Vxlan(Vxlan::default()));
        link.device = Some(place("d0"));
    });
    let right = [create(&free), create(&tunnel)];
    let wrong = [create(&tunnel), create(&free)];
    check_both((&[], &[free, tunnel]), &right, &wrong, "there is no link d0");
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
fn a_link_is_renamed_while_it_is_down_and_a_bridge_stays_in_its_namespace() {
    let (old, lowered) = (link("d0", "d0", up), link("d0", "d0", down));
    let new = link("d0", "d1", down);
    let right = [alter(&old, down), alter(&lowered, to("d1"))];
    check_both(
        (&[old.clone()], &[new]),
        &right,
        &[alter(&old, to("d1"))],
        "renamed while it is up",
    );
    let (red, br) = (netns("red"), link("br", "br", both(bridge, down)));
    let after = [red.clone(), link("br", "br@red", both(bridge, down))];
    let right = [delete(&br), create(&after[1])];
    let before = [red, br.clone()];
    check_both((&before, &after), &right, &[alter(&br, to("br@red"))], "stays in its namespace");
}

#[test]
fn create_only_attributes_are_sent_only_for_a_new_link() {
    let vxlan = |id| {
        move |link: &mut Link| {
            let vxlan = Vxlan { id: Some(id), ..Vxlan::default() };
            link.kind = Some(LinkKind::Vxlan(vxlan));
        }
    };
    let (old, new) = (link("v0", "v0", vxlan(1)), link("v0", "v0", vxlan(2)));
    let right = [delete(&old), create(&new)];
    check_both((&[old.clone()], &[new]), &right, &[alter(&old, vxlan(2))], "only a new link");
    let nic = link("nic", "nic", |link| link.kind = Some(LinkKind::Other(String::new())));
    check_both((&[], &[]), &[], &[create(&nic)], "of no type that can be made");
    check_both((&[nic.clone()], &[nic.clone()]), &[], &[delete(&nic)], "cannot be removed");
}

#[test]
fn a_route_needs_links_that_are_up_and_a_gateway_that_is_reached() {
    let (d0, d0_up) = (link("d0", "d0", down), link("d0", "d0", up));
    let direct = route("10.9.0.0/16", &["d0"]);
    let right = [alter(&d0, up), create(&direct)];
    let wrong = [create(&direct), alter(&d0, up)];
    let after = [d0_up.clone(), direct.clone()];
    check_both((&[d0.clone()], &after), &right, &wrong, "d0 is down");
    let to_gateway = [address("d0", "10.9.0.1/16"), direct];
    for leading in to_gateway {
        let far = route("10.8.0.0/16", &["d0 via 10.9.0.9"]);
        let (before, after) = ([d0_up.clone()], [d0_up.clone(), leading.clone(), far.clone()]);
        let right = [create(&leading), create(&far)];
        let wrong = [create(&far), create(&leading)];
        check_both((&before, &after), &right, &wrong, "nothing leads to its gateway 10.9.0.9");
    }
    let (source, sourced) = (address("d0", "10.7.0.1/32"), route("10.6.0.0/16", &["d0"]));
    let sourced = from_source(sourced, "10.7.0.1");
    let after = [d0_up.clone(), source.clone(), sourced.clone()];
    let right = [create(&source), create(&sourced)];
    let wrong = [create(&sourced), create(&source)];
    check_both((&[d0_up], &after), &right, &wrong, "its source 10.7.0.1 is on no link");
}

#[test]
fn ipv6_needs_an_mtu_of_1280() {
    let (small, large) =
        (link("d0", "d0", both(up, mtu(1000))), link("d0", "d0", both(up, mtu(1500))));
    let on = [
        address("d0", "fd00::1/64"),
        neighbor("d0", "fd00::9"),
        route("fd09::/64", &["d0"]),
        sysctl("net/ipv6/conf/d0/accept_ra", "0"),
    ];
    for object in on {
        let after = [large.clone(), object.clone()];
        let right = [alter(&small, mtu(1500)), create(&object)];
        let wrong = [create(&object), alter(&small, mtu(1500))];
        check_both((&[small.clone()], &after), &right, &wrong, "d0 has no IPv6");
        if matches!(object.0, Key::Sysctl(_)) {
            continue;
        }
        let before = [large.clone(), object.clone()];
        let wrong = [alter(&large, mtu(1000)), delete(&object)];
        let right = [delete(&object), alter(&large, mtu(1000))];
        check_both((&before, &[small.clone()]), &right, &wrong, "it is gone since operation 1");
    }
    let (narrow, wide) = (address("d0", "fd00::1/64"), address("d0", "fd00::1/48"));
    let (before, after) = ([large.clone(), narrow.clone()], [large, wide.clone()]);
    let right = [delete(&narrow), create(&wide)];
    let wrong = [create(&wide), delete(&narrow)];
    check_both((&before, &after), &right, &wrong, "has this address already");
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
fn secondary_addresses_are_removed_before_the_primary() {
    let (d0, first) = (link("d0", "d0", up), address("d0", "10.0.0.1/24"));
    let second = secondary("d0", "10.0.0.2/24");
    let before = [d0.clone(), first.clone(), second.clone()];
    let right = [delete(&second), delete(&first), create(&second)];
    let after = [d0.clone(), second.clone()];
    check_both((&before, &after), &right, &[delete(&first)], "may go along or not");
    // The kernel makes the second one of a subnet secondary.
    let wrong = [create(&first), create(&second), delete(&first)];
    check_both((&[d0.clone()], &after), &[create(&second)], &wrong, "may go along or not");
}

#[test]
fn routes_and_neighbours_are_lost_with_the_last_address_and_the_source() {
    let (d0, d1) = (link("d0", "d0", up), link("d1", "d1", up));
    let (old, new) = (address("d0", "10.0.0.1/24"), address("d0", "10.1.0.1/24"));
    let (route_, neighbor) = (route("10.9.0.0/16", &["d0"]), neighbor("d0", "10.0.0.9"));
    for lost in [route_, neighbor] {
        let (before, after) =
            ([d0.clone(), old.clone(), lost.clone()], [d0.clone(), new.clone(), lost.clone()]);
        let right = [delete(&old), create(&new), create(&lost)];
        let wrong = [delete(&old), create(&new)];
        check_both((&before, &after), &right, &wrong, "went along with operation 1");
        verdict(&before, &after, &[create(&new), delete(&old)]).unwrap();
    }
    let sourced = from_source(route("10.9.0.0/16", &["d1"]), "10.0.0.1");
    let before = [d0.clone(), d1.clone(), old.clone(), new.clone(), sourced.clone()];
    let without = [d0, d1, new];
    let wrong = [delete(&old), delete(&sourced)];
    check_both((&before, &without), &[delete(&old)], &wrong, "it is gone since operation 1");
}

#[test]
fn a_link_that_goes_down_or_moves_loses_objects() {
    let (old, red) = (link("d0", "d0", up), netns("red"));
    let lowered = link("d0", "d0", down);
    let lost =
        [address("d0", "fd00::1/64"), neighbor("d0", "10.0.0.9"), route("10.9.0.0/16", &["d0"])];
    for object in lost {
        let (before, after) = ([old.clone(), object.clone()], [old.clone(), object.clone()]);
        let right = [alter(&old, down), alter(&lowered, up), create(&object)];
        let wrong = [alter(&old, down), alter(&lowered, up)];
        check_both((&before, &after), &right, &wrong, "went along with operation 1");
    }
    let stays = address("d0", "10.0.0.1/24");
    let before = [red.clone(), old.clone(), stays.clone()];
    let back = link("d0", "d0@red", down);
    let right =
        [alter(&old, to("d0@red")), alter(&back, to("d0")), alter(&lowered, up), create(&stays)];
    check_both((&before, &before), &right, &right[..3], "went along with operation 1");
    check_both((&before, &before), &[], &right[..2], "not as it is to be in up");
}

#[test]
fn a_route_over_several_links_lasts_while_one_carries_it() {
    let (d0, d1) = (link("d0", "d0", up), link("d1", "d1", up));
    let over = route("10.9.0.0/16", &["d0", "d1"]);
    let before = [d0.clone(), d1.clone(), over.clone()];
    let lowered = link("d0", "d0", down);
    let after = [lowered, link("d1", "d1", down)];
    let right = [alter(&d0, down), alter(&d1, down)];
    let wrong = [alter(&d0, down), create(&over), alter(&d1, down)];
    check_both((&before, &after), &right, &wrong, "it is there");
    // The route is removed at once with a link that is removed (`fib_sync_down_dev`).
    let wrong = [delete(&d0), delete(&over)];
    check_both((&before, &[d1]), &[delete(&over), delete(&d0)], &wrong, "it is gone since");
}

#[test]
fn a_namespace_is_removed_once_it_is_empty() {
    let (red, d0) = (netns("red"), link("d0", "d0@red", down));
    let lo = link("lo@red", "lo@red", |link| link.kind = Some(LinkKind::Other(String::new())));
    let before = [red.clone(), d0.clone(), lo.clone()];
    let right = [delete(&d0), delete(&red)];
    check_both((&before, &[lo]), &right, &[delete(&red)], "it still holds d0");
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
    let kernels = Object::Route(Route { protocol: Some(RTPROT_KERNEL), ..kernels });
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
fn a_port_moved_to_another_bridge_gets_default_attributes() {
    let (one, two) = (link("one", "one", bridge), link("two", "two", bridge));
    let hairpin = |link: &mut Link| link.port.hairpin = Some(true);
    let before = link("d0", "d0", both(both(down, port("one")), hairpin));
    let after = link("d0", "d0", both(both(down, port("two")), hairpin));
    let moved = link("d0", "d0", both(down, port("two")));
    let right = [alter(&before, port("two")), alter(&moved, hairpin)];
    let all = [[one.clone(), two.clone(), before], [one.clone(), two, after]];
    check_both((&all[0], &all[1]), &right, &right[..1], "not as it is to be in hairpin");
    let (free, state) = (link("d0", "d0", down), |link: &mut Link| {
        link.port = BridgePort { state: Some(3), ..BridgePort::default() };
    });
    let after = [one.clone(), link("d0", "d0", both(both(up, port("one")), state))];
    let (enslaved, up_) =
        (link("d0", "d0", both(down, port("one"))), link("d0", "d0", port("one")));
    let right = [alter(&free, port("one")), alter(&enslaved, up), alter(&up_, state)];
    let early = [alter(&free, port("one")), alter(&enslaved, state), alter(&enslaved, up)];
    check_both((&[one.clone(), free.clone()], &after), &right, &early, "only once it is up");
    let before = [one.clone(), free.clone()];
    check_both((&before, &after), &right, &[alter(&free, hairpin)], "is no port of a bridge");
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
fn nothing_of_ipv6_is_on_a_link_where_it_is_off() {
    let off = |value| sysctl("net/ipv6/conf/d0/disable_ipv6", value);
    let (d0, on) = (link("d0", "d0", up), address("d0", "2001:db8::1/64"));
    let pair = (&[d0.clone(), on.clone(), off("0")][..], &[d0.clone(), off("1")][..]);
    let right = [delete(&on), update(&off("0"), &off("1"))];
    let wrong = [update(&off("0"), &off("1")), delete(&on)];
    check_both(pair, &right, &wrong, "it is gone since");
    let pair = (&[d0.clone(), off("1")][..], &[d0, on.clone(), off("0")][..]);
    let right = [update(&off("1"), &off("0")), create(&on)];
    let wrong = [create(&on), update(&off("1"), &off("0"))];
    check_both(pair, &right, &wrong, "IPv6 is off on d0");
}

#[test]
fn only_existing_ipv6_addresses_are_awaited() {
    let d0 = link("d0", "d0", up);
    let awaited = |entry: &Entry| Op::new(entry.0.clone(), Action::Await);
    for (text, reason) in [("2001:db8::1/64", "it is not there"), ("10.0.0.1/24", "IPv4")] {
        let on = address("d0", text);
        let pair = (&[d0.clone()][..], &[d0.clone(), on.clone()][..]);
        let right = [create(&on), awaited(&on)];
        let right = if text.contains(':') { &right[..] } else { &right[..1] };
        let wrong = match text.contains(':') {
            true => [awaited(&on), create(&on)],
            false => [create(&on), awaited(&on)],
        };
        check_both(pair, right, &wrong, reason);
    }
}

#[test]
fn everything_follows_a_renamed_link() {
    let (old, on) = (link("d0", "d0", down), address("d0", "10.0.0.1/24"));
    let tunnel = |device: &str| {
        let device = place(device);
        link("v0", "v0", move |link| {
            link.kind = Some(LinkKind::Vxlan(Vxlan::default()));
            link.device = Some(device);
        })
    };
    let before = [old.clone(), on.clone(), tunnel("d0")];
    let there = address("d1", "10.0.0.1/24");
    let after = [link("d0", "d1", down), there.clone(), tunnel("d1")];
    let right = [alter(&old, to("d1"))];
    let wrong = [alter(&old, to("d1")), create(&there)];
    check_both((&before, &after), &right, &wrong, "it is there");
}

#[test]
fn a_rule_is_recreated_and_removed_only_by_an_operation() {
    let rule = |table| {
        let any = "0.0.0.0/0".parse().unwrap();
        let netns = NetnsName::own();
        let key = RuleKey { netns, pref: 100, from: any, to: any, tos: 0, fwmark: 0 };
        (Key::Rule(key), Object::Rule(Rule { table: Some(table), ..Rule::default() }))
    };
    let (old, new) = (rule(1), rule(2));
    let right = [delete(&old), create(&new)];
    check_both((&[old.clone()], &[new.clone()]), &right, &[update(&old, &new)], "no request");
    check_both((&[old.clone()], &[]), &[delete(&old)], &[], "it is to go, and is still there");
    check_both((&[old.clone()], &[new]), &right, &[], "not as it is to be");
}

#[test]
fn a_vlan_follows_the_link_below_up_and_in_mtu() {
    let vlan = |alter: fn(&mut Link)| {
        link("v", "v", |link| {
            link.kind = Some(LinkKind::named("vlan"));
            link.device = Some(place("d0"));
            alter(link);
        })
    };
    let (d0, d0_up) = (link("d0", "d0", down), link("d0", "d0", up));
    let (before, after) = ([d0.clone(), vlan(down)], [d0_up.clone(), vlan(up)]);
    // The VLAN comes up with its device.
    let wrong = [alter(&vlan(down), up), alter(&d0, up)];
    check_both((&before, &after), &[alter(&d0, up)], &wrong, "d0, which it is on, is down");
    let lost = [d0_up.clone(), vlan(up)];
    check_both(
        (&lost, &lost),
        &[],
        &[alter(&d0_up, down), alter(&d0, up), alter(&d0_up, down)],
        "up",
    );
    let wide = [link("d0", "d0", mtu(1500)), vlan(|link| link.attributes.mtu = Some(1500))];
    let narrow = [link("d0", "d0", mtu(1400)), vlan(|link| link.attributes.mtu = Some(1500))];
    let wrong = [alter(&wide[0], mtu(1400))];
    let cut = [narrow[0].clone(), vlan(|link| link.attributes.mtu = Some(1400))];
    verdict(&wide, &cut, &wrong).unwrap();
    verdict(&wide, &narrow, &wrong).expect_err("it has been cut");
}
