//! Confirmed commits: kept if they are confirmed in time, undone otherwise, whatever happens to the
//! daemon meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use expect_test::expect;

use super::*;
use netstate::probe::{Probe, Question};

use crate::transaction::pending::Answer;
use crate::transaction::step::{Boundary, Fault, Step};
use crate::{Confirmed, ConfirmedBy};

impl Engine {
    /// Commits the lines, to be confirmed within a minute.
    fn try_out(&mut self, session: u32, lines: &str, by: ConfirmedBy) -> Result<Committed> {
        self.set(session, lines);
        let persist_id = match (&self.pending, &by) {
            (Some(_), ConfirmedBy::Persist(id)) => Some(id.clone()),
            _ => None,
        };
        let confirmed =
            Some(Confirmed { timeout: Duration::from_secs(60), by, probes: Vec::new() });
        self.commit(session, Request { confirmed, persist_id, comment: None })
    }

    fn comments(&self) -> Vec<String> {
        self.ledger.history().entries().into_iter().filter_map(|entry| entry.comment).collect()
    }
}

#[test]
fn an_unconfirmed_commit_is_undone_once() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let session = engine.session();
    engine.try_out(session, CABLE, ConfirmedBy::Anybody).unwrap();
    assert_eq!(engine.waits(), Some(Duration::from_secs(45)));
    assert_eq!(engine.ledger.startup().tree(engine.settled()), &tree(NICS));
    pass(&mut engine, 45);
    assert_eq!(engine.waits(), Some(Duration::from_secs(15)));
    pass(&mut engine, 14);
    assert_ne!(host.kernel.state(), before);
    pass(&mut engine, 1);
    assert_eq!(host.kernel.state(), before);
    assert_eq!(engine.running.intent.tree, tree(NICS));
    expect![[r#"
        [
            "commit 2 was not confirmed in time",
        ]
    "#]]
    .assert_debug_eq(&engine.comments());
    pass(&mut engine, 1000);
    assert_eq!(engine.ledger.history().entries().len(), 3);
    assert!(engine.waits().is_none());
}

#[test]
fn a_commit_confirms_with_or_without_a_change() {
    for change in ["", "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400"] {
        let (host, mut engine) = Host::with_nics();
        let session = engine.session();
        engine.try_out(session, CABLE, ConfirmedBy::Anybody).unwrap();
        let message = engine.apply(change).unwrap().summary;
        assert_eq!(
            message,
            if change.is_empty() { "commit 2 is confirmed" } else { "1 link changed" }
        );
        let running = engine.running.intent.tree.clone();
        pass(&mut engine, 1000);
        assert_eq!(engine.running.intent.tree, running);
        drop(engine);
        let mut engine = host.start();
        pass(&mut engine, 1000);
        assert_eq!(engine.running.intent.tree, running);
        assert_eq!(engine.ledger.startup().tree(engine.settled()), &running);
    }
}

#[test]
fn undoing_a_chain_returns_to_before_its_first_commit() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let session = engine.session();
    let by = || ConfirmedBy::Persist("x".into());
    engine.try_out(session, CABLE, by()).unwrap();
    pass(&mut engine, 50);
    engine
        .try_out(session, "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400", by())
        .unwrap();
    pass(&mut engine, 50);
    // A commit without a change restarts the wait.
    engine.try_out(session, "", by()).unwrap();
    pass(&mut engine, 50);
    assert_eq!(engine.waits(), Some(Duration::from_secs(10)));
    pass(&mut engine, 10);
    assert_eq!(host.kernel.state(), before);
    assert_eq!(engine.running.intent.tree, tree(NICS));
}

#[test]
fn only_authorised_sessions_confirm_or_cancel() {
    let (_host, mut engine) = Host::with_nics();
    let (alice, bob) = (engine.session(), engine.session());
    engine.try_out(alice, CABLE, ConfirmedBy::Session).unwrap();
    let plain = Request::default;
    expect!["commit 2 waits for its confirmation: session 2 confirms or cancels it first"]
        .assert_eq(&message(engine.commit(bob, plain())));
    expect!["commit 2 waits for its confirmation: session 2 confirms or cancels it first"]
        .assert_eq(&message(engine.cancel(bob, None)));
    engine.cancel(alice, None).unwrap();
    assert_eq!(engine.running.intent.tree, tree(NICS));
    expect!["no commit waits for its confirmation"].assert_eq(&message(engine.cancel(alice, None)));
    let alice = engine.session();
    engine.try_out(alice, CABLE, ConfirmedBy::Persist("x".into())).unwrap();
    expect!["commit 4 waits for its confirmation: whoever knows its persist-id confirms or cancels it first"]
        .assert_eq(&message(engine.commit(alice, plain())));
    let with = |id: &str| Request { persist_id: Some(id.into()), ..plain() };
    assert!(engine.commit(bob, with("y")).is_err());
    engine.commit(bob, with("x")).unwrap();
    expect!["no commit waits for its confirmation"]
        .assert_eq(&message(engine.commit(bob, with("x"))));
}

#[test]
fn the_end_of_a_session_undoes_its_unconfirmed_commit() {
    for (by, kept) in [(ConfirmedBy::Session, false), (ConfirmedBy::Anybody, true)] {
        let (_host, mut engine) = Host::with_nics();
        let session = engine.session();
        engine.try_out(session, CABLE, by).unwrap();
        engine.end_session(session, SessionEnd::Dropped);
        assert_eq!(engine.running.intent.tree != tree(NICS), kept);
    }
}

#[test]
fn a_failed_confirmed_commit_leaves_no_deadline() {
    let (host, mut engine) = Host::with_nics();
    let session = engine.session();
    host.kernel.refuse_after(3, libc::ENOMEM);
    assert!(engine.try_out(session, CABLE, ConfirmedBy::Anybody).is_err());
    assert!(engine.pending.is_none());
    drop(engine);
    assert!(host.start().pending.is_none());
}

#[test]
fn after_a_restart_a_commit_keeps_waiting_or_is_undone() {
    for (by, seconds, kept) in [
        (ConfirmedBy::Anybody, 30, true),
        (ConfirmedBy::Anybody, 61, false),
        (ConfirmedBy::Persist("x".into()), 30, true),
        (ConfirmedBy::Session, 0, false),
    ] {
        let (host, mut engine) = Host::with_nics();
        let before = host.kernel.state();
        let session = engine.session();
        engine.try_out(session, CABLE, by).unwrap();
        drop(engine);
        NOW.set(NOW.get() + seconds);
        let mut engine = host.start();
        assert_eq!(engine.pending.is_some(), kept);
        assert_eq!(host.kernel.state() != before, kept);
        pass(&mut engine, 60);
        assert_eq!(host.kernel.state(), before);
        assert_eq!(engine.running.intent.tree, tree(NICS));
        assert_eq!(engine.ledger.history().entries().len(), 3);
    }
}

#[test]
fn setting_the_clock_does_not_move_a_deadline() {
    for set in [1_000_000, -1_000_000] {
        let (host, mut engine) = Host::with_nics();
        let before = host.kernel.state();
        let session = engine.session();
        engine.try_out(session, CABLE, ConfirmedBy::Anybody).unwrap();
        SET.set(SET.get() + set);
        assert_eq!(engine.waits(), Some(Duration::from_secs(45)));
        pass(&mut engine, 10);
        drop(engine);
        let mut engine = host.start();
        pass(&mut engine, 49);
        assert_ne!(host.kernel.state(), before);
        pass(&mut engine, 1);
        assert_eq!(host.kernel.state(), before);
        assert_eq!(engine.running.intent.tree, tree(NICS));
    }
}

#[test]
fn a_reboot_applies_the_confirmed_configuration() {
    let mut host = Host::new();
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    let session = engine.session();
    engine.try_out(session, CABLE, ConfirmedBy::Anybody).unwrap();
    drop(engine);
    host.reboot(&["enp0s4", "enp0s5"]);
    let mut engine = host.start();
    assert_eq!(engine.running.intent.tree, tree(NICS));
    assert!(engine.pending.is_none());
    engine.apply(CABLE).unwrap();
    pass(&mut engine, 1000);
    assert_ne!(engine.running.intent.tree, tree(NICS));
}

#[test]
fn a_crash_at_any_step_leaves_it_waiting_or_undone() {
    for step in
        Step::ALL.into_iter().filter(|step| !matches!(step, Step::Reverted | Step::Withdrawn))
    {
        let (host, mut engine) = Host::with_nics();
        let before = host.kernel.state();
        let session = engine.session();
        engine.kernel.fault =
            Some(Fault { at: Boundary::Step(step), strike: || resume_unwind(Box::new("cut")) });
        let cut = catch_unwind(AssertUnwindSafe(|| {
            let _unheard = engine.try_out(session, CABLE, ConfirmedBy::Anybody);
        }));
        assert!(cut.is_err(), "{step:?} is not passed");
        drop(engine);
        let mut engine = host.start();
        assert_eq!(engine.pending.is_some(), host.kernel.state() != before, "{step:?}");
        pass(&mut engine, 60);
        assert_eq!(host.kernel.state(), before, "{step:?}");
        assert_eq!(engine.running.intent.tree, tree(NICS), "{step:?}");
        engine.apply(CABLE).unwrap();
    }
}

#[test]
fn an_undo_that_the_kernel_refuses_is_tried_again() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let session = engine.session();
    engine.try_out(session, CABLE, ConfirmedBy::Anybody).unwrap();
    host.kernel.refuse_after(0, libc::ENOMEM);
    pass(&mut engine, 60);
    assert!(engine.waits().is_some_and(|wait| wait > Duration::ZERO));
    pass(&mut engine, 10);
    assert_eq!(host.kernel.state(), before);
    assert!(engine.waits().is_none());
}

#[test]
fn an_undo_that_the_kernel_refuses_for_ever_locks_nobody_out() {
    let mtu = "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400";
    for (change, became) in [("", "confirmed"), (mtu, "kept below this one")] {
        let (host, mut engine) = Host::with_nics();
        let refusals = Refusals::between(&mut engine, &host.kernel);
        let alice = engine.session();
        engine.try_out(alice, CABLE, ConfirmedBy::Persist("x".into())).unwrap();
        assert!(message(engine.apply(change)).contains("waits for its confirmation"));
        refusals.set(&["delete veth10"]);
        pass(&mut engine, 60);
        let waits = |engine: &mut Engine| {
            let wait = engine.waits().unwrap().as_secs();
            pass(engine, wait);
            wait
        };
        let pauses: Vec<u64> = (0..8).map(|_| waits(&mut engine)).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 600, 600]);
        let told = engine.own_state().unwrap().to_json(false);
        assert!(told.contains("\"not-undone\"") && told.contains("\"attempts\":9"), "{told}");
        let summary = engine.apply(change).unwrap().summary;
        let end = format!(
            "commit 2, which could not be undone, is {became}: {}",
            "/iproute2-ip-link:links/link[name='veth10']: the kernel refused to delete veth10"
        );
        assert!(summary.contains(&end), "{summary}");
        assert!(engine.pending.is_none());
        assert!(engine.waits().is_none());
    }
}

#[test]
fn an_undo_that_has_failed_succeeds_once_the_kernel_lets_it() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    let session = engine.session();
    engine.try_out(session, CABLE, ConfirmedBy::Session).unwrap();
    refusals.set(&["delete veth10"]);
    engine.end_session(session, SessionEnd::Dropped);
    assert_ne!(host.kernel.state(), before);
    assert!(engine.not_undone().is_some());
    refusals.set(&[]);
    pass(&mut engine, 10);
    assert_eq!(host.kernel.state(), before);
    assert!(engine.not_undone().is_none());
}

#[test]
fn the_history_keeps_what_an_undo_needs() {
    let (mut host, engine) = Host::with_nics();
    drop(engine);
    host.limits.commits = 2;
    let mut engine = host.start();
    let session = engine.session();
    let by = || ConfirmedBy::Persist("x".into());
    for mtu in 1401..=1420 {
        let line = format!("/iproute2-ip-link:links/link[name='enp0s5']/mtu = {mtu}");
        engine.try_out(session, &line, by()).unwrap();
        engine.ledger.last_checkpoint(&engine.running.version());
    }
    drop(engine);
    assert_eq!(host.commits().len(), 20);
    let mut engine = host.start();
    assert!(engine.pending.is_some());
    pass(&mut engine, 60);
    assert_eq!(engine.running.intent.tree, tree(NICS));
    // They are removed once the commit is settled.
    assert_eq!(host.commits().len(), 2);
}

#[test]
fn answers_to_all_probes_confirm() {
    let (host, mut engine) = Host::with_nics();
    let probe = |text: &str| Probe {
        netns: "vpn10".parse().unwrap(),
        what: Question::Ping(text.parse().unwrap()),
    };
    let probes = vec![probe("10.0.0.1"), probe("10.0.0.2")];
    let session = engine.session();
    engine.set(session, CABLE);
    let confirmed = Some(Confirmed {
        timeout: Duration::from_secs(60),
        by: ConfirmedBy::Anybody,
        probes: probes.clone(),
    });
    engine.commit(session, Request { confirmed, ..Request::default() }).unwrap();
    // A new process sends the probes again.
    drop(engine);
    let mut engine = host.start();
    let id = engine.running.id;
    engine.answered(Answer { id, probe: probes[0].clone(), answer: Ok(()) });
    engine.answered(Answer { id, probe: probes[1].clone(), answer: Err("no answer".into()) });
    assert!(engine.pending.is_some());
    engine.answered(Answer { id: id - 1, probe: probes[1].clone(), answer: Ok(()) });
    assert!(engine.pending.is_some());
    engine.answered(Answer { id, probe: probes[1].clone(), answer: Ok(()) });
    assert!(engine.pending.is_none());
    pass(&mut engine, 1000);
    assert_eq!(engine.running.id, id);
}

#[test]
fn unanswered_probes_are_reported() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    let probe =
        Probe { netns: NetnsName::own(), what: Question::Tcp("10.0.0.1:179".parse().unwrap()) };
    let session = engine.session();
    engine.set(session, CABLE);
    let confirmed = Some(Confirmed {
        timeout: Duration::from_secs(60),
        by: ConfirmedBy::Anybody,
        probes: vec![probe.clone()],
    });
    engine.commit(session, Request { confirmed, ..Request::default() }).unwrap();
    let why = "Connection refused (ECONNREFUSED)".to_owned();
    engine.answered(Answer { id: engine.running.id, probe, answer: Err(why) });
    pass(&mut engine, 60);
    assert_eq!(host.kernel.state(), before);
    expect![[r#"
        [
            "commit 2 was not confirmed in time: tcp 10.0.0.1 179: Connection refused (ECONNREFUSED)",
        ]
    "#]]
    .assert_debug_eq(&engine.comments());
}
