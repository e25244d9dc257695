//! The engine's own state: whether the kernel holds the configuration, and what prevents it.

use expect_test::{Expect, expect};

use super::*;

#[test]
fn operational_data_say_that_the_kernel_has_converged() {
    let (_host, mut engine) = Host::with_nics();
    check(
        &mut engine,
        expect![[r#"
            + /netloom-state:configuration-state
            + /netloom-state:configuration-state/running-id = 1
            + /netloom-state:configuration-state/converged = true
        "#]],
    );
}

#[test]
fn missing_objects_are_reported_with_what_they_wait_for() {
    let (mut host, engine) = Host::with_nics();
    drop(engine);
    host.reboot(&["enp0s5"]);
    check(
        &mut host.start(),
        expect![[r#"
            + /netloom-state:configuration-state
            + /netloom-state:configuration-state/running-id = 1
            + /netloom-state:configuration-state/converged = true
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']"]
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']"]/reason = there is no link enp0s4 in vpn10, and no type to make it by
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']"]/since = 2026-11-23T17:33:36.000Z
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']"]/waits-for = /iproute2-ip-link:links/link[name='enp0s4']
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']"]/in-part = false
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']"]
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']"]/reason = there is no link enp0s4 in vpn10, and no type to make it by
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']"]/since = 2026-11-23T17:33:36.000Z
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']"]/waits-for = /iproute2-ip-link:links/link[name='enp0s4']
            + /netloom-state:configuration-state/held[path="/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']"]/in-part = false
        "#]],
    );
}

#[test]
fn a_failed_undo_is_reported_until_it_succeeds() {
    let (host, mut engine) = Host::with_nics();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    refusals.set(&["add route", "delete veth"]);
    engine.apply(CABLE).unwrap_err();
    check(
        &mut engine,
        expect![[r#"
            + /netloom-state:configuration-state
            + /netloom-state:configuration-state/running-id = 1
            + /netloom-state:configuration-state/converged = false
            + /netloom-state:configuration-state/diverged[path="/iproute2-ip-link:links/link[name='veth10']"]
            + /netloom-state:configuration-state/diverged[path="/iproute2-ip-link:links/link[name='veth10']"]/reason = the kernel refused to delete veth10 from vpn10: Operation not permitted
            + /netloom-state:configuration-state/diverged[path="/iproute2-ip-link:links/link[name='veth20']"]
            + /netloom-state:configuration-state/diverged[path="/iproute2-ip-link:links/link[name='veth20']"]/reason = the kernel refused to delete veth20 from vpn20: Operation not permitted
        "#]],
    );
    refusals.set(&[]);
    engine.apply(NICS).unwrap();
    check(
        &mut engine,
        expect![[r#"
            + /netloom-state:configuration-state
            + /netloom-state:configuration-state/running-id = 1
            + /netloom-state:configuration-state/converged = true
        "#]],
    );
}

/// An object that could not be restored is still missing after a second attempt.
#[test]
fn restoring_is_tried_until_it_succeeds() {
    let (host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    let before = host.kernel.state();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    refusals.set(&["add route", "set enp0s4"]);
    engine
        .apply(
            "no /iproute2-ip-route:routes
             /iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400",
        )
        .unwrap_err();
    assert_ne!(host.kernel.state(), before);
    for _ in 0..3 {
        NOW.set(NOW.get() + 10);
        engine.do_due_work();
        let message = message(engine.apply(NICS));
        assert!(
            message.contains("it could not be restored: the kernel refused to add"),
            "{message}"
        );
    }
    refusals.set(&[]);
    engine.apply(NICS).unwrap();
    assert_eq!(host.kernel.state(), before);
}

fn check(engine: &mut Engine, expected: Expect) {
    let state = Path::parse(schema(), "/netloom-state:configuration-state").unwrap();
    let state = engine.observe(None).unwrap().into_tree().unwrap().subtree(&state);
    expected.assert_eq(&lines(&Tree::empty(schema()), &state));
}

/// Reading only a part shows the same as reading everything.
#[test]
fn a_part_of_operational_data_equals_the_same_part_of_all() {
    let (_host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    let whole = engine.observe(None).unwrap().into_tree().unwrap();
    let configured_link = "<links><link><name>veth10</name></link></links>";
    for filter in [
        "<links/>",
        "<links><link><name/></link></links>",
        configured_link,
        "<links><link><ip/></link></links>",
        "<netnses/>",
        "<routes/>",
        "<routes><route><netns>vpn20</netns></route></routes>",
        "<neighbors/>",
        "<configuration-state/>",
    ] {
        let selected = schema().selected(filter).unwrap();
        let part = engine.observe(Some(&selected)).unwrap().into_tree().unwrap();
        let [part, whole] = [&part, &whole].map(|tree| tree.filter(filter).unwrap());
        assert_eq!(part.to_json(true), whole.to_json(true), "{filter}");
        assert!(filter == "<neighbors/>" || part.top().next().is_some(), "{filter}");
    }
    let selected = schema().selected(configured_link).unwrap();
    let part = engine.observe(Some(&selected)).unwrap().into_tree().unwrap();
    assert!(part.top().all(|top| top.schema().name != "routes"), "routes are not read");
}
