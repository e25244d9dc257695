//! Starts: the first one, after a restart, after a reboot, and with something missing.

use expect_test::expect;
use netstate::Event;

use super::*;

#[test]
fn the_first_start_changes_nothing() {
    let host = Host::new();
    let before = host.kernel.state();
    let engine = host.start();
    assert!(engine.running.intent.tree.is_empty());
    assert_eq!(host.kernel.state(), before);
    assert!(host.kernel.executed().is_empty());
}

#[test]
fn a_restart_changes_nothing() {
    let host = Host::new();
    host.start().apply(NICS).unwrap();
    let executed = host.kernel.executed().len();
    let engine = host.start();
    assert_eq!(engine.running.intent.tree, tree(NICS));
    assert_eq!(host.kernel.executed().len(), executed);
}

#[test]
fn a_restart_repairs_what_was_changed_meanwhile() {
    let host = Host::new();
    host.start().apply(NICS).unwrap();
    let before = host.kernel.state();
    host.kernel.change(|state| state.objects.retain(|key, _| !matches!(key, Key::Address(_))));
    host.start();
    assert_eq!(host.kernel.state(), before);
}

#[test]
fn objects_created_before_a_refusal_at_boot_are_ours() {
    let (mut host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    drop(engine);
    host.reboot(&["enp0s4", "enp0s5"]);
    let fresh = host.kernel.state();
    host.kernel.refuse_after(6, libc::ENOBUFS);
    let mut engine = host.start();
    engine
        .apply(
            "no /iproute2-ip-netns:netnses
             no /iproute2-ip-link:links
             no /iproute2-ip-route:routes",
        )
        .unwrap();
    assert_eq!(host.kernel.state(), fresh);
}

#[test]
fn a_reboot_brings_startup_back() {
    let mut host = Host::new();
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    let after = host.kernel.state();
    drop(engine);
    host.autosave = false;
    host.start().apply(CABLE).unwrap();
    host.reboot(&["enp0s4", "enp0s5"]);
    let engine = host.start();
    assert_eq!(engine.running.intent.tree, tree(NICS));
    assert_eq!(host.kernel.state(), after);
    let entries = engine.ledger.history().entries();
    let summaries: Vec<&str> = entries.iter().map(|entry| entry.summary.as_str()).collect();
    expect![[r#"
        [
            "2 links, 2 routes removed",
            "2 links, 2 routes added",
            "2 netns, 2 links added",
        ]
    "#]]
    .assert_debug_eq(&summaries);
}

#[test]
fn a_missing_nic_is_skipped_and_configured_when_it_appears() {
    let mut host = Host::new();
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    engine.apply(CABLE).unwrap();
    let whole = host.kernel.state();
    drop(engine);
    host.reboot(&["enp0s5"]);
    let mut engine = host.start();
    let missing = |state: &State| {
        whole.objects.keys().filter(|key| !state.objects.contains_key(key)).cloned().collect()
    };
    let keys: Vec<Key> = missing(&host.kernel.state());
    expect![[r#"
        [
            Link(
                "enp0s4",
            ),
            Address(
                AddressKey {
                    netns: "vpn10",
                    dev: "enp0s4",
                    address: 192.168.10.10/24,
                    far_subnet: None,
                },
            ),
        ]
    "#]]
    .assert_debug_eq(&keys);

    // Everything can be changed. What needs the link is held as well.
    engine.apply("/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400").unwrap();
    engine.apply("no /iproute2-ip-link:links/link[name='enp0s5']/mtu").unwrap();
    let address = "/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.11/24']";
    engine.apply(address).unwrap();
    assert_eq!(engine.kernel.held().len(), 3);
    engine.apply(&format!("no {address}")).unwrap();
    assert_eq!(engine.kernel.held().len(), 2);

    let nic = nics(&["enp0s4"]).objects;
    host.kernel.change(|state| state.objects.extend(nic.clone()));
    engine.look_at(&[Event::Link(netstate::NetnsName::own(), "enp0s4".parse().unwrap())].into());
    assert_eq!(host.kernel.state(), whole);
    assert_eq!(engine.kernel.held().len(), 0);

    // It existed before the configuration, so it is given back.
    engine.apply("no /iproute2-ip-link:links/link[name='enp0s4']").unwrap();
    let id = Key::Link("enp0s4".parse().unwrap());
    assert_eq!(host.kernel.state().objects.get(&id), nic.get(&id));
}

#[test]
fn a_second_engine_cannot_use_the_state_directory() {
    let host = Host::new();
    let _engine = host.start();
    let message = message(host.try_start());
    assert!(message.ends_with("/netloom is in use by another netloomd"), "{message}");
}

#[test]
fn a_nic_that_goes_and_comes_back_is_configured_again() {
    let (host, mut engine) = Host::with_nics();
    let whole = host.kernel.state();
    let named = || [Event::Link("vpn10".parse().unwrap(), "enp0s4".parse().unwrap())].into();
    let nic = |key: &Key| *key == Key::Link("enp0s4".parse().unwrap());
    let on_nic = |key: &Key| matches!(key, Key::Address(key) if key.dev.as_str() == "enp0s4");
    host.kernel.change(|state| state.objects.retain(|key, _| !nic(key) && !on_nic(key)));
    engine.look_at(&named());
    assert_eq!(engine.kernel.held().len(), 2);
    host.kernel.change(|state| state.objects.extend(nics(&["enp0s4"]).objects));
    engine.look_at(&named());
    assert_eq!(host.kernel.state(), whole);

    // So fast that no event shows it missing.
    host.kernel.change(|state| {
        state.objects.retain(|key, _| !on_nic(key));
        state.objects.extend(nics(&["enp0s4"]).objects);
    });
    engine.look_at(&named());
    assert_eq!(host.kernel.state(), whole);
}

#[test]
fn changes_by_others_are_reported_and_left_alone() {
    let (host, mut engine) = Host::with_nics();
    let address = Key::Address(netstate::AddressKey::new(
        "vpn10".parse().unwrap(),
        "enp0s4".parse().unwrap(),
        "192.168.10.10/24".parse().unwrap(),
    ));
    let object = host.kernel.state().objects[&address].clone();
    host.kernel.change(|state| state.objects.retain(|key, _| *key != address));
    engine.look_at(&[Event::Key(address.clone())].into());
    assert!(engine.drift.differs(&address));
    host.kernel.change(|state| state.objects.extend([(address.clone(), object)]));
    engine.look_at(&[Event::Overrun("vpn10".parse().unwrap())].into());
    assert!(!engine.drift.differs(&address));
}

#[test]
fn running_is_the_checkpoint_with_later_commits() {
    let (host, mut engine) = Host::with_nics();
    engine.ledger.last_checkpoint(&engine.running.version());
    let checkpoint = host.file("running.json");
    engine.apply(CABLE).unwrap();
    engine.apply("/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400").unwrap();
    let (running, entries) =
        (engine.running.intent.tree.clone(), engine.ledger.history().entries());
    drop(engine);
    assert_eq!(host.file("running.json"), checkpoint);
    let executed = host.kernel.executed().len();
    let engine = host.start();
    assert_eq!(engine.running.intent.tree, running);
    assert_eq!(engine.ledger.history().entries(), entries);
    assert_eq!(host.kernel.executed().len(), executed);
}

#[test]
fn the_history_keeps_what_running_is_built_from() {
    let (host, mut engine) = Host::with_nics();
    for commit in 0..250 {
        let mtu = 1280 + commit % 2;
        let line = format!("/iproute2-ip-link:links/link[name='enp0s4']/mtu = {mtu}");
        engine.apply(&line).unwrap();
    }
    let running = engine.running.intent.tree.clone();
    drop(engine);
    assert!(host.commits().len() <= 160, "{} commits", host.commits().len());
    assert_eq!(host.start().running.intent.tree, running);
}
