//! Scheduled commits: made at their time, merged with what is running then, once, whatever happens
//! to the daemon meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use expect_test::expect;

use super::*;
use crate::NoticeKind;
use crate::datastore::Datastore;
use crate::transaction::schedule::{SCHEDULE, Scheduled};
use crate::transaction::step::{Boundary, Fault, Step};
use crate::{Confirmed, ConfirmedBy};

const MTU: &str = "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400";

impl Engine {
    /// Schedules the lines for this many seconds from now, in a session of its own.
    fn later(&mut self, seconds: u64, lines: &str) -> Result<Scheduled> {
        let session = self.session();
        self.set(session, lines);
        let due = (self.settings.clock.wall)() + Duration::from_secs(seconds);
        let outcome = self.schedule(session, due, Some("at night".into()));
        if outcome.is_ok() {
            assert!(!self.sessions.at(session).unwrap().candidate.changed());
        }
        self.end_session(session, SessionEnd::Closed);
        outcome
    }

    fn numbers(&self) -> Vec<u32> {
        self.schedule.waiting().iter().map(|one| one.number).collect()
    }
}

fn with(lines: &str) -> Tree {
    let mut tree = tree(NICS);
    apply(&mut tree, lines);
    tree
}

#[test]
fn scheduled_commits_follow_the_wall_clock_when_it_is_set() {
    let (_host, mut engine) = Host::with_nics();
    engine.later(3600, MTU).unwrap();
    SET.set(SET.get() - 60);
    assert_eq!(engine.waits(), Some(Duration::from_secs(3660)));
    SET.set(SET.get() + 3660);
    assert_eq!(engine.waits(), Some(Duration::ZERO));
    pass(&mut engine, 0);
    assert_eq!(engine.running.intent.tree, with(MTU));
}

#[test]
fn scheduled_commits_are_made_in_time_and_in_order() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    assert_eq!(engine.later(60, MTU).unwrap().number, 1);
    assert_eq!(engine.later(30, CABLE).unwrap().number, 2);
    assert_eq!(engine.numbers(), [2, 1]);
    assert_eq!(engine.waits(), Some(Duration::from_secs(30)));
    assert_eq!(host.kernel.state(), before);
    pass(&mut engine, 30);
    assert_eq!(engine.running.intent.tree, with(CABLE));
    assert_eq!(engine.waits(), Some(Duration::from_secs(30)));
    pass(&mut engine, 30);
    assert_eq!(engine.running.intent.tree, with(&[CABLE, "\n", MTU].concat()));
    assert!(engine.waits().is_none() && engine.numbers().is_empty());
    let made = engine.ledger.history().entries();
    assert_eq!(made[0].comment.as_deref(), Some("at night"));
    let from = &made[0].origin.as_ref().unwrap().from;
    assert!(from.starts_with("a test, for 20"), "{from}");
    assert_eq!(engine.later(30, "/iproute2-ip-netns:netnses/netns[name='n']").unwrap().number, 3);
}

#[test]
fn an_invalid_schedule_is_refused_at_once() {
    let (_host, mut engine) = Host::with_nics();
    let mut check = |seconds, lines: &str, expect: expect_test::Expect| {
        expect.assert_eq(&message(engine.later(seconds, lines)));
        assert!(engine.numbers().is_empty());
    };
    check(60, "", expect!["there is nothing to commit"]);
    check(
        60,
        "/iproute2-ip-link:links/link[name='nobody']/netns = nowhere",
        expect![
            "/iproute2-ip-link:links/link[name='nobody']/netns: there is no namespace nowhere: add netns nowhere to netnses, or take this out too"
        ],
    );
    expect!["no commit with the number 7 is scheduled"].assert_eq(&message(engine.unschedule(7)));
    let past = message(engine.later(0, MTU));
    assert!(past.starts_with("that time has passed: it is 20"), "{past}");
}

#[test]
fn a_cancelled_commit_is_not_made() {
    let (host, mut engine) = Host::with_nics();
    engine.later(30, MTU).unwrap();
    engine.later(30, CABLE).unwrap();
    engine.unschedule(1).unwrap();
    drop(engine);
    let mut engine = host.start();
    assert_eq!(engine.numbers(), [2]);
    pass(&mut engine, 30);
    assert_eq!(engine.running.intent.tree, with(CABLE));
}

#[test]
fn scheduled_commits_survive_restart_and_reboot_and_overdue_ones_are_made() {
    for (reboots, seconds) in [(false, 10), (true, 10), (false, 100), (true, 100)] {
        let (mut host, mut engine) = Host::with_nics();
        engine.later(60, MTU).unwrap();
        drop(engine);
        NOW.set(NOW.get() + seconds);
        if reboots {
            host.reboot(&["enp0s4", "enp0s5"]);
        }
        let mut engine = host.start();
        let left = Duration::from_secs(60_u64.saturating_sub(seconds));
        assert_eq!(engine.waits(), Some(left));
        pass(&mut engine, left.as_secs());
        assert_eq!(engine.running.intent.tree, with(MTU));
        assert!(engine.waits().is_none());
    }
}

#[test]
fn commits_of_others_stay() {
    let (_host, mut engine) = Host::with_nics();
    engine.later(30, "no /iproute2-ip-link:links/link[name='enp0s5']").unwrap();
    engine.apply(CABLE).unwrap();
    pass(&mut engine, 30);
    assert_eq!(
        engine.running.intent.tree,
        with(&[CABLE, "\nno /iproute2-ip-link:links/link[name='enp0s5']"].concat())
    );
}

#[test]
fn a_contradiction_is_refused_with_a_message() {
    for (scheduled, committed) in [
        (MTU, "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1300"),
        ("no /iproute2-ip-link:links/link[name='enp0s5']", MTU),
    ] {
        let (_host, mut engine) = Host::with_nics();
        engine.later(30, scheduled).unwrap();
        engine.apply(committed).unwrap();
        let mut notices = engine.notices.subscribe();
        pass(&mut engine, 30);
        assert_eq!(engine.running.intent.tree, with(committed));
        let NoticeKind::Unscheduled { number: 1, user, cause } = notices.try_recv().unwrap().kind
        else {
            panic!("the notice has another kind");
        };
        assert_eq!(user, "root");
        assert!(cause.contains("another session has changed this"), "{cause}");
        assert!(engine.waits().is_none());
    }
}

#[test]
fn a_refused_repair_is_reported_and_not_tried_again() {
    let (host, mut engine) = Host::with_nics();
    let before = host.kernel.state();
    engine.later(30, MTU).unwrap();
    let mut notices = engine.notices.subscribe();
    host.kernel.refuse_after(0, libc::ENOMEM);
    pass(&mut engine, 30);
    assert_eq!(host.kernel.state(), before);
    let NoticeKind::Unscheduled { cause, .. } = notices.try_recv().unwrap().kind else {
        panic!("the notice has another kind");
    };
    assert!(cause.contains("ENOMEM"), "{cause}");
    assert!(engine.waits().is_none());
    drop(engine);
    assert!(host.start().numbers().is_empty());
}

#[test]
fn a_scheduled_commit_waits_while_commits_are_not_possible() {
    let (_host, mut engine) = Host::with_nics();
    engine.later(30, MTU).unwrap();
    let session = engine.session();
    engine.sessions.lock(session, Datastore::Running).unwrap();
    assert_eq!(engine.schedule.waiting()[0].delay_reason, None);
    pass(&mut engine, 30);
    assert_eq!(engine.waits(), Some(Duration::from_secs(10)));
    let delay_reason = engine.schedule.waiting()[0].delay_reason.clone();
    expect!["running is locked by session 3 of root (a test)"].assert_eq(&delay_reason.unwrap());
    engine.sessions.unlock(session, Datastore::Running).unwrap();
    engine.set(session, CABLE);
    let by = ConfirmedBy::Anybody;
    let timeout = Duration::from_secs(60);
    let confirmed = Some(Confirmed { timeout, by, probes: Vec::new() });
    engine.commit(session, Request { confirmed, ..Request::default() }).unwrap();
    pass(&mut engine, 10);
    assert_eq!(engine.running.intent.tree, with(CABLE));
    pass(&mut engine, 50);
    pass(&mut engine, 10);
    assert_eq!(engine.running.intent.tree, with(MTU));
    assert!(engine.waits().is_none());
}

#[test]
fn after_a_crash_at_any_step_it_is_made_once() {
    for step in Step::ALL
        .into_iter()
        .filter(|step| !matches!(step, Step::Merged | Step::Reverted | Step::Withdrawn))
    {
        let (host, mut engine) = Host::with_nics();
        engine.later(30, MTU).unwrap();
        engine.kernel.fault =
            Some(Fault { at: Boundary::Step(step), strike: || resume_unwind(Box::new("cut")) });
        let cut = catch_unwind(AssertUnwindSafe(|| pass(&mut engine, 30)));
        assert!(cut.is_err(), "{step:?} is not passed");
        drop(engine);
        let mut engine = host.start();
        pass(&mut engine, 0);
        assert_eq!(engine.running.intent.tree, with(MTU), "{step:?}");
        assert_eq!(engine.ledger.history().entries().len(), 2, "{step:?}");
        assert!(engine.waits().is_none(), "{step:?}");
    }
}

#[test]
fn an_unreadable_schedule_is_kept_under_another_name() {
    let (host, mut engine) = Host::with_nics();
    engine.later(30, MTU).unwrap();
    drop(engine);
    host.write(SCHEDULE, "{");
    let mut engine = host.start();
    assert!(engine.numbers().is_empty());
    let comment = engine.ledger.history().entries()[0].comment.clone().unwrap_or_default();
    assert!(comment.contains("scheduled.json") && comment.contains("kept as"), "{comment}");
    engine.later(30, MTU).unwrap();
}
