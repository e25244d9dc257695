//! Addresses, routes and neighbours: what they need, and what they go with.

use super::*;

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
