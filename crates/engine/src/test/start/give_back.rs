//! Giving the host back: originals are restored, created objects are removed, and the configuration
//! waits for a start.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use expect_test::expect;
use netstate::SysctlKey;

use super::*;
use crate::start::give_back::give_back;
use crate::transaction::step::{Boundary, Fault};

#[test]
fn give_back_restores_the_host_and_a_start_configures_it_again() {
    let host = Host::new();
    let before = host.kernel.state();
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    engine.apply(CABLE).unwrap();
    let (configured, running) = (host.kernel.state(), engine.running.intent.tree.clone());
    let entries = engine.ledger.history().entries();
    drop(engine);
    give_back_from(&host).unwrap();
    assert_eq!(host.kernel.state(), before);
    assert_eq!(host.file("originals.json"), None);

    // A second call has nothing to do.
    let executed = host.kernel.executed().len();
    give_back_from(&host).unwrap();
    assert_eq!(host.kernel.executed().len(), executed);

    let engine = host.start();
    assert_eq!(host.kernel.state(), configured);
    assert_eq!(engine.running.intent.tree, running);
    assert_eq!(engine.ledger.history().entries(), entries);
    drop(engine);
    give_back_from(&host).unwrap();
    assert_eq!(host.kernel.state(), before);
}

#[test]
fn give_back_after_an_interrupted_commit_restores_the_host() {
    for operations in 0.. {
        let host = Host::new();
        let before = host.kernel.state();
        let mut engine = host.start();
        engine.apply(NICS).unwrap();
        let at = Boundary::Operations(operations);
        engine.kernel.fault = Some(Fault { at, strike: || resume_unwind(Box::new("cut")) });
        if catch_unwind(AssertUnwindSafe(|| engine.apply(CABLE))).is_ok() {
            assert!(operations > 3, "only {operations} operations");
            break;
        }
        drop(engine);
        give_back_from(&host).unwrap();
        assert_eq!(host.kernel.state(), before, "{operations} operations");
        assert_eq!([host.file("originals.json"), host.file("journal")], [None, None]);
        assert_eq!(host.start().running.intent.tree, tree(NICS), "{operations} operations");
    }
}

#[test]
fn a_nic_has_the_parameters_that_others_had_set() {
    let host = Host::new();
    let parameter = |ifname: &str| {
        let path = format!("net/ipv4/conf/{ifname}/rp_filter").parse().unwrap();
        (Key::Sysctl(SysctlKey { netns: NetnsName::own(), path }), Object::Sysctl("2".into()))
    };
    host.kernel.change(|state| state.objects.extend(["enp0s4", "enp0s5"].map(parameter)));
    let before = host.kernel.state();
    drop({
        let mut engine = host.start();
        engine.apply(NICS).unwrap();
        assert!(!host.kernel.state().objects.contains_key(&parameter("enp0s4").0));
        engine.apply("no /iproute2-ip-link:links/link[name='enp0s5']").unwrap();
        engine
    });
    assert_eq!(
        host.kernel.state().objects.get(&parameter("enp0s5").0),
        Some(&parameter("enp0s5").1)
    );
    give_back_from(&host).unwrap();
    assert_eq!(host.kernel.state(), before);
}

#[test]
fn what_cannot_be_given_back_is_reported_and_the_rest_is() {
    let host = Host::new();
    let before = host.kernel.state();
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    engine.apply(CABLE).unwrap();
    drop(engine);
    let refusals = Refusals::default();
    refusals.set(&["delete veth"]);
    let refused = give_back(host.settings(), schema(), Box::new(refusals.of(&host.kernel)));
    expect![[r#"
        /iproute2-ip-link:links/link[name='veth10']: the kernel refused to delete veth10 from vpn10: Operation not permitted
        /iproute2-ip-netns:netnses/netns[name='vpn10']: namespace vpn10 is in use: it holds veth10
        /iproute2-ip-netns:netnses/netns[name='vpn20']: namespace vpn20 is in use: it holds veth20"#]].assert_eq(&message(refused));
    let nics = before.objects.iter();
    assert!(nics.clone().all(|(key, nic)| host.kernel.state().objects.get(key) == Some(nic)));
    assert!(host.file("originals.json").is_some());
    give_back_from(&host).unwrap();
    assert_eq!(host.kernel.state(), before);
}

#[test]
fn a_nic_that_appears_while_the_daemon_is_stopped_is_not_given_back() {
    let mut host = Host::new();
    host.start().apply(NICS).unwrap();
    host.reboot(&["enp0s5"]);
    drop(host.start());
    let late = nics(&["enp0s4"]).objects;
    host.kernel.change(|state| state.objects.extend(late));
    give_back_from(&host).unwrap();
    assert_eq!(host.kernel.state(), nics(&["enp0s4", "enp0s5"]));
}

#[test]
fn objects_of_another_boot_are_gone_already() {
    let mut host = Host::new();
    host.start().apply(NICS).unwrap();
    host.reboot(&["enp0s4", "enp0s5"]);
    give_back_from(&host).unwrap();
    assert!(host.kernel.executed().is_empty());
}

#[test]
fn nothing_is_taken_from_a_daemon_and_nothing_is_made_up() {
    let host = Host::new();
    let engine = host.start();
    let refused = message(give_back_from(&host));
    assert!(refused.ends_with("/netloom is in use by another netloomd"), "{refused}");
    drop(engine);
    let mut settings = host.settings();
    settings.state_dir.set_file_name("elsewhere");
    let refused = message(give_back(settings, schema(), Box::new(host.kernel.clone())));
    assert!(refused.starts_with("cannot open") && refused.contains("elsewhere"), "{refused}");
}

fn give_back_from(host: &Host) -> Result<()> {
    give_back(host.settings(), schema(), Box::new(host.kernel.clone()))
}
