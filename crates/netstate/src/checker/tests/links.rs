//! Links and namespaces: where they are, what they need, and what follows them.

use super::*;

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
fn a_namespace_is_removed_once_it_is_empty() {
    let (red, d0) = (netns("red"), link("d0", "d0@red", down));
    let lo = link("lo@red", "lo@red", |link| link.kind = Some(LinkKind::Other(String::new())));
    let before = [red.clone(), d0.clone(), lo.clone()];
    let right = [delete(&d0), delete(&red)];
    check_both((&before, &[lo]), &right, &[delete(&red)], "it still holds d0");
}

#[test]
fn a_port_moved_to_another_bridge_gets_default_attributes() {
    let (one, two) = (link("one", "one", bridge), link("two", "two", bridge));
    let hairpin = |link: &mut Link| link.port.bridge.hairpin = Some(true);
    let before = link("d0", "d0", both(both(down, port("one")), hairpin));
    let after = link("d0", "d0", both(both(down, port("two")), hairpin));
    let moved = link("d0", "d0", both(down, port("two")));
    let right = [alter(&before, port("two")), alter(&moved, hairpin)];
    let all = [[one.clone(), two.clone(), before], [one.clone(), two, after]];
    check_both((&all[0], &all[1]), &right, &right[..1], "not as it is to be in hairpin");
    let (free, state) = (link("d0", "d0", down), |link: &mut Link| {
        link.port.bridge = BridgePort { state: Some(3), ..BridgePort::default() };
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

#[test]
fn a_bridge_follows_the_mtu_of_its_ports_unless_it_has_its_own() {
    let br = |own| link("br", "br", both(bridge, both(up, mtu(own))));
    let port = |own| link("d0", "d0", both(port("br"), mtu(own)));
    let free = link("d0", "d0", mtu(1400));
    let enslave = [alter(&free, self::port("br"))];
    // It is not known whether the bridge follows, so its MTU is set.
    let (before, after) = ([br(1500), free.clone()], [br(1500), port(1400)]);
    let set = [alter(&free, self::port("br")), alter(&br(1400), mtu(1500))];
    check_both((&before, &after), &set, &enslave, "not as it is to be in mtu");
    // It has a greater MTU than its port, which is therefore its own.
    let other = link("d1", "d1", both(self::port("br"), mtu(1400)));
    let before = [br(1500), free.clone(), other.clone()];
    verdict(&before, &[br(1500), port(1400), other], &enslave).unwrap();
    // The port must not take IPv6 off the bridge.
    let small = link("d0", "d0", mtu(1200));
    let address = address("br", "fd00::1/64");
    let enslave = alter(&small, self::port("br"));
    let before = [br(1500), small, address.clone()];
    let after = [br(1500), port(1200), address];
    let hold = [alter(&br(1500), mtu(1501)), alter(&br(1501), mtu(1500)), enslave.clone()];
    let wrong = [enslave, alter(&br(1500), mtu(1500))];
    check_both((&before, &after), &hold, &wrong, "went along with operation 1");
}
