//! Configured objects that cannot be active: they are held, shown, and applied when their condition
//! is met.

use expect_test::{Expect, expect};
use netstate::{Address, AddressKey, AddressStatus, Event};

use super::*;

const DOWN: &str = "/iproute2-ip-link:links/link[name='veth10']/admin-status = down";
const UP: &str = "/iproute2-ip-link:links/link[name='veth10']/admin-status = up";
const ROUTE: &str = "/iproute2-ip-route:routes/route[prefix='10.9.0.0/16'][netns='1'][table='254'][tos='0'][metric='0']";

#[test]
fn routes_over_a_link_that_is_shut_are_held_until_it_is_up() {
    let (mut host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    let whole = host.kernel.state();
    let session = engine.session();
    engine.set(session, DOWN);
    let checked = engine.check(session).unwrap();
    let route = "/iproute2-ip-route:routes/route[prefix='192.168.20.0/24'][table='254'][metric='0'][tos='0'][netns='vpn10']";
    let checked: Vec<_> =
        checked.held.listed.iter().map(|hold| (&*hold.path, &*hold.reason)).collect();
    assert_eq!(checked, [(route, "veth10 is down, as it is configured")]);
    engine.apply(DOWN).unwrap();
    let shut = host.kernel.state();
    let of_veth10 = |key: &Key| matches!(key, Key::Route(key) if key.netns.as_str() == "vpn10");
    assert!(!shut.objects.keys().any(of_veth10));
    held(
        &engine,
        expect![[r#"
        /iproute2-ip-route:routes/route[prefix='192.168.20.0/24'][table='254'][metric='0'][tos='0'][netns='vpn10']: veth10 is down, as it is configured
    "#]],
    );
    drop(engine);

    // They are held again after a restart and a reboot.
    drop(host.start());
    assert_eq!(host.kernel.state(), shut);
    host.reboot(&["enp0s4", "enp0s5"]);
    let mut engine = host.start();
    assert_eq!(host.kernel.state(), shut);
    assert_eq!(engine.kernel.held().len(), 1);

    engine.apply(UP).unwrap();
    assert_eq!(host.kernel.state(), whole);
    held(&engine, expect![""]);
}

#[test]
fn an_object_that_a_gateway_needs_cannot_be_removed() {
    let (host, mut engine) = Host::with_nics();
    let address = "/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']";
    let route = "/iproute2-ip-route:routes/route[prefix='10.9.0.0/16'][netns='vpn10'][table='254'][tos='0'][metric='0']/nexthop[dev='enp0s4']/via/address = 192.168.10.1";
    engine.apply(route).unwrap();
    let before = host.kernel.state();
    let refused = message(engine.apply(&format!("no {address}")));
    expect!["/iproute2-ip-route:routes/route[prefix='10.9.0.0/16'][table='254'][metric='0'][tos='0'][netns='vpn10']: its gateway 192.168.10.1 is not reached: enp0s4 has no address whose subnet holds it; configure one on enp0s4, for example 192.168.10.2/24, or give the nexthop the flag `onlink`"].assert_eq(&refused);
    assert_eq!(host.kernel.state(), before);
    // Another address of the subnet is sufficient.
    engine.apply(&format!("no {address}\n{}", address.replace(".10/", ".11/"))).unwrap();
}

/// A DHCP client sets the address through which the gateway of a configured route is reached.
#[test]
fn an_address_of_others_is_awaited_without_notifications() {
    let mut host = Host::new();
    let lease = |host: &Host| {
        let netns = NetnsName::own();
        let key = AddressKey::new(netns, "enp0s4".parse().unwrap(), "10.0.0.7/24".parse().unwrap());
        host.kernel.change(|state| {
            let address =
                Address { status: Some(Box::<AddressStatus>::default()), ..Address::default() };
            state.objects.insert(Key::Address(key), Object::Address(address));
        });
    };
    let mut engine = host.start();
    let up = "/iproute2-ip-link:links/link[name='enp0s4']/admin-status = up";
    let gateway = format!("{ROUTE}/nexthop[dev='enp0s4']/via/address = 10.0.0.1");
    assert!(message(engine.apply(&format!("{up}\n{gateway}"))).contains("is not reached"));
    lease(&host);
    engine.apply(&format!("{up}\n{gateway}")).unwrap();
    let whole = host.kernel.state();
    drop(engine);

    host.reboot(&["enp0s4", "enp0s5"]);
    let mut engine = host.start();
    assert_eq!(engine.kernel.held().len(), 1);
    // A commit that does not change the route is not refused for this.
    engine.apply("/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400").unwrap();
    engine.apply("no /iproute2-ip-link:links/link[name='enp0s4']/mtu").unwrap();
    assert_eq!(engine.kernel.held().len(), 1);
    lease(&host);
    engine.look_at_events();
    assert_eq!(host.kernel.state(), whole);
    held(&engine, expect![""]);
}

#[test]
fn a_diverged_kernel_does_not_prevent_a_possible_commit() {
    let (host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    let mtu = "/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400";
    let rule = format!("{ROUTE}/type = blackhole");
    refusals.set(&["add blackhole", "set enp0s4 in vpn10 mtu 1500"]);
    let refused = message(engine.apply(&format!("{mtu}\n{rule}")));
    assert!(refused.contains("kernel and running differ"), "{refused}");
    engine.apply(mtu).unwrap();
    assert!(engine.diverged.is_none());
    assert_eq!(engine.running.intent.tree, tree(&[NICS, CABLE, mtu].join("\n")));
    assert_eq!(host.file("journal"), None);
    drop(engine);
    let state = host.kernel.state();
    drop(host.start());
    assert_eq!(host.kernel.state(), state);
}

/// Another host has the address: it stays where it is, and is reported.
#[test]
fn a_duplicate_address_is_reported_and_left_alone() {
    let (host, mut engine) = Host::with_nics();
    let place = Place { netns: "vpn10".parse().unwrap(), ifname: "enp0s4".parse().unwrap() };
    let address = "2001:db8::1/64".parse::<ipnet::IpNet>().unwrap();
    host.kernel.declare_duplicate(&place, address.addr());
    engine
        .apply(&format!("/iproute2-ip-link:links/link[name='enp0s4']/ip[address='{address}']"))
        .unwrap();
    host.kernel.settle_addresses();
    let before = host.kernel.state();
    let key = AddressKey::new(place.netns, place.ifname, address);
    engine.look_at(&[Event::Key(Key::Address(key))].into());
    held(
        &engine,
        expect![[r#"
        /iproute2-ip-link:links/link[name='enp0s4']/ip[address='2001:db8::1/64']: another host on the link has the address: duplicate address detection failed
    "#]],
    );
    engine.look_at_events();
    assert_eq!(host.kernel.state(), before);
}

/// Checks what is held, one object per line.
#[track_caller]
fn held(engine: &Engine, expect: Expect) {
    let held = engine.kernel.held().iter();
    let line = |(key, held): (&Key, &crate::kernel_state::held::HeldObject)| {
        format!("{}: {}\n", engine.running.intent.path(key), held.hold.reason)
    };
    expect.assert_eq(&held.map(line).collect::<String>());
}
