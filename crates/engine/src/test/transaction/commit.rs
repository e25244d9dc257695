//! Commits that succeed, and commits that the kernel refuses.

use expect_test::expect;

use super::*;
use crate::ledger::startup::Startup;

#[test]
fn a_commit_changes_kernel_and_datastores() {
    let host = Host::new();
    let mut engine = host.start();
    let done = engine.apply(NICS).unwrap();
    assert_eq!((done.id, done.summary.as_str()), (Some(1), "2 netns, 2 links added"));
    let done = engine.apply(CABLE).unwrap();
    assert_eq!((done.id, done.summary.as_str()), (Some(2), "2 links, 2 routes added"));

    assert_eq!(engine.running.intent.tree, tree(&[NICS, CABLE].concat()));
    assert_eq!(engine.snapshot.borrow().running.tree, engine.running.intent.tree);
    assert!(matches!(engine.ledger.startup(), Startup::Follows));
    assert_eq!(host.file("journal"), None);
    let left = engine.apply("/iproute2-ip-netns:netnses/netns[name='other']").unwrap();
    assert_eq!(left.summary, "1 netns added");
}

#[test]
fn an_empty_commit_changes_nothing() {
    let (host, mut engine) = Host::with_nics();
    let executed = host.kernel.executed().len();
    let done = engine.apply(NICS).unwrap();
    assert_eq!((done.id, done.summary.as_str()), (None, "nothing to commit"));
    assert_eq!(host.kernel.executed().len(), executed);
    assert_eq!(engine.ledger.history().entries().len(), 1);
}

#[test]
fn a_check_shows_the_plan_and_changes_nothing() {
    let host = Host::new();
    let mut engine = host.start();
    let session = engine.session();
    engine.set(session, NICS);
    let before = host.kernel.state();
    let plan = engine.check(session).unwrap().operations.join("\n");
    expect![[r#"
        create namespace vpn10
        create namespace vpn20
        move enp0s4 from the host's namespace to vpn10
        move enp0s5 from the host's namespace to vpn20
        add address 192.168.10.10/24 to enp0s4 in vpn10
        add address 192.168.20.20/24 to enp0s5 in vpn20
        set enp0s4 in vpn10 up
        set enp0s5 in vpn20 up"#]]
    .assert_eq(&plan);
    assert_eq!(host.kernel.state(), before);
    assert_eq!((host.file("journal"), engine.kernel.originals().objects.len()), (None, 0));
}

/// The kernel removes a route with its source address, even if that is on another link.
#[test]
fn a_route_from_an_address_of_another_link_stays() {
    const ROUTE: &str = "/iproute2-ip-route:routes/route[prefix='10.9.0.0/16'][netns='vpn10'][table='254'][tos='0'][metric='0']";
    let (_host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    engine.apply(&format!("{ROUTE}/src = 192.168.10.10\n{ROUTE}/nexthop[dev='veth10']")).unwrap();
    let session = engine.session();
    let address = "/iproute2-ip-link:links/link[name='enp0s4']/ip";
    engine.set(
        session,
        &format!("no {address}[address='192.168.10.10/24']\n{address}[address='192.168.10.10/25']"),
    );
    expect![[r#"
        delete address 192.168.10.10/24 from enp0s4 in vpn10
        add address 192.168.10.10/25 to enp0s4 in vpn10
        add route 10.9.0.0/16 dev veth10 in vpn10 (because the address 192.168.10.10/24 is removed)"#]]
    .assert_eq(&engine.check(session).unwrap().operations.join("\n"));
}

#[test]
fn a_removed_object_is_given_back() {
    let host = Host::new();
    let before = host.kernel.state();
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    engine.apply(CABLE).unwrap();
    engine
        .apply("no /iproute2-ip-netns:netnses\nno /iproute2-ip-link:links\nno /iproute2-ip-route:routes")
        .unwrap();
    assert_eq!(host.kernel.state(), before);
    assert!(engine.kernel.originals().objects.is_empty());
}

/// The kernel refuses each operation of the plan, one after the other.
#[test]
fn a_refused_commit_changes_nothing() {
    for refused in 0.. {
        let (host, mut engine) = Host::with_nics();
        let (before, files) = (host.kernel.state(), host.commits());
        host.kernel.refuse_after(refused, libc::ENOMEM);
        match engine.apply(CABLE) {
            Ok(_) => {
                assert!(refused >= 7, "only {refused} operations");
                return;
            }
            Err(errors) => {
                let message = message::<()>(Err(errors));
                assert!(message.contains("the kernel refused to"), "{message}");
                assert_eq!(host.kernel.state(), before, "after {refused} operations");
                assert_eq!(host.commits(), files);
                assert_eq!(host.file("journal"), None);
                assert_eq!(engine.running.intent.tree, tree(NICS));
                assert!(engine.kernel.skipped().is_empty() && engine.diverged.is_none());
                engine.apply(CABLE).unwrap();
            }
        }
    }
}

#[test]
fn a_refusal_names_the_node_and_the_kernels_message() {
    let host = Host::new();
    let mut engine = host.start();
    host.kernel.refuse_after(5, libc::EBUSY);
    expect!["/iproute2-ip-link:links/link[name='enp0s5']/ip[address='192.168.20.20/24']: the kernel refused to add address 192.168.20.20/24 to enp0s5 in vpn20: Device or resource busy (EBUSY)"].assert_eq(&message(engine.apply(NICS)));
    expect!["/iproute2-ip-link:links/link[name='enp0s4']/netns: there is no namespace nowhere: add netns nowhere to netnses, or take this out too"].assert_eq(&message(
        engine.apply("/iproute2-ip-link:links/link[name='enp0s4']/netns = nowhere"),
    ));
}

#[test]
fn rollback_goes_back_any_number_of_commits() {
    let (host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    let session = engine.session();
    for (position, lines) in [(1, NICS), (2, ""), (0, &[NICS, CABLE].concat())] {
        engine.rollback(session, Revision::Position(position)).unwrap();
        assert_eq!(engine.candidate(session).unwrap(), tree(lines), "rollback {position}");
    }
    let refused = engine.rollback(session, Revision::Position(3)).unwrap_err();
    expect!["there is no rollback 3: 0 to 2 can be had"].assert_eq(&refused[0].to_string());
    engine.rollback(session, Revision::Position(1)).unwrap();
    expect!["2 links, 2 routes removed"]
        .assert_eq(&engine.commit(session, Request::default()).unwrap().summary);

    drop(engine);
    let mut engine = host.start();
    let session = engine.session();
    engine.rollback(session, Revision::Position(1)).unwrap();
    assert_eq!(engine.candidate(session).unwrap(), tree(&[NICS, CABLE].concat()));
    let ids: Vec<u64> = engine.ledger.history().entries().iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [3, 2, 1]);
}

#[test]
fn a_failed_undo_is_reported_and_tried_again() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    refusals.set(&["add route", "delete veth"]);
    let message = message(engine.apply(CABLE));
    expect!["the commit failed (/iproute2-ip-route:routes/route[prefix='192.168.20.0/24'][table='254'][metric='0'][tos='0'][netns='vpn10']: the kernel refused to add route 192.168.20.0/24 dev veth10 in vpn10: Operation not permitted), and undoing it failed too (/iproute2-ip-link:links/link[name='veth10']: the kernel refused to delete veth10 from vpn10: Operation not permitted; /iproute2-ip-link:links/link[name='veth20']: the kernel refused to delete veth20 from vpn20: Operation not permitted): kernel and running differ"].assert_eq(&message);
    assert!(host.file("journal").is_some());
    assert_eq!(engine.running.intent.tree, tree(NICS));

    let again = self::message(engine.apply(CABLE));
    assert!(again.starts_with("an earlier commit failed"), "{again}");
    refusals.set(&[]);
    assert_ne!(host.kernel.state(), before);
    assert_eq!(engine.apply(NICS).unwrap().id, None);
    assert_eq!(host.kernel.state(), before);
    assert_eq!(host.file("journal"), None);
    engine.apply(CABLE).unwrap();
}

#[test]
fn a_diverged_kernel_is_restored_when_possible() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    refusals.set(&["add route", "delete veth"]);
    engine.apply(CABLE).unwrap_err();
    for _ in 0..3 {
        assert_eq!(engine.waits(), Some(Duration::from_secs(10)));
        NOW.set(NOW.get() + 10);
        engine.do_due_work();
        assert_ne!(host.kernel.state(), before);
    }
    refusals.set(&[]);
    NOW.set(NOW.get() + 10);
    engine.do_due_work();
    assert_eq!(host.kernel.state(), before);
    assert_eq!(engine.waits(), None);
    engine.apply(CABLE).unwrap();
}

/// A folder in its place prevents a file from being written.
#[test]
fn a_commit_fails_if_a_file_cannot_be_written() {
    for (name, reason) in [("originals.json", "cannot write"), ("journal", "cannot write")] {
        let host = Host::new();
        let mut engine = host.start();
        let before = host.kernel.state();
        let in_the_way = host.state_dir.path().join("netloom").join(format!("{name}.new"));
        std::fs::create_dir(&in_the_way).unwrap();
        let message = message(engine.apply(NICS));
        assert!(message.starts_with(reason) && message.contains(name), "{message}");
        assert_eq!(host.kernel.state(), before, "{name}");
        assert!(engine.running.intent.tree.is_empty() && engine.diverged.is_none());
        assert_eq!(host.file("journal"), None);
        std::fs::remove_dir(&in_the_way).unwrap();
        engine.apply(NICS).unwrap();
    }
}

#[test]
fn a_successful_commit_reports_later_errors() {
    let host = Host::new();
    let mut engine = host.start();
    std::fs::create_dir(host.state_dir.path().join("netloom/startup.json.new")).unwrap();
    let summary = engine.apply(NICS).unwrap().summary;
    assert!(summary.starts_with("2 netns, 2 links added; but cannot write "), "{summary}");
    assert_eq!(engine.running.intent.tree, tree(NICS));
    assert!(engine.ledger.startup().tree(&engine.running.intent.tree).is_empty());
}

#[test]
fn a_refused_commit_restores_objects_of_others_on_its_links() {
    let (host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    host.kernel.change(|state| {
        let of_ours = |key: &Key| matches!(key, Key::Route(key) if key.netns.as_str() == "vpn10");
        let (key, object) = state.objects.iter().find(|(key, _)| of_ours(key)).unwrap();
        let (Key::Route(key), object) = (key.clone(), object.clone()) else { unreachable!() };
        let theirs =
            Key::Route(netstate::RouteKey { prefix: "10.99.0.0/16".parse().unwrap(), ..key });
        state.objects.insert(theirs, object);
    });
    let before = host.kernel.state();
    // The operation that takes the link down is executed before the one that is refused.
    host.kernel.refuse_after(1, libc::EBUSY);
    let refused = message(engine.apply(
        "/iproute2-ip-link:links/link[name='veth10']/admin-status = down
         /iproute2-ip-route:routes/route[prefix='10.7.0.0/16'][netns='vpn20'][table='254'][tos='0'][metric='0']/type = blackhole",
    ));
    assert!(refused.contains("EBUSY"), "{refused}");
    assert_eq!(host.kernel.state(), before);
}

#[test]
fn a_mistake_with_many_effects_has_few_errors() {
    let (_host, mut engine) = Host::with_nics();
    let route = |number: u32| {
        let prefix = format!("10.{}.{}.0/24", number / 256, number % 256);
        format!(
            "/iproute2-ip-route:routes/route[prefix='{prefix}'][table='254'][metric='0'][tos='0'][netns='1']\
             /nexthop[dev='nowhere']"
        )
    };
    let refused = |engine: &mut Engine, count: u32| {
        let lines: Vec<String> = (0..count).map(route).collect();
        engine.apply(&lines.join("\n")).unwrap_err().rpc()
    };
    assert_eq!(refused(&mut engine, 100).len(), 100);
    let errors = refused(&mut engine, 150);
    assert_eq!(errors.len(), 101);
    assert!(errors[99].path.is_some());
    assert_eq!(errors[100].message, "there are 50 more errors like these");
}
