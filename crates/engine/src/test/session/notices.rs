//! The notices for listeners: each event once, and in order.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use expect_test::{Expect, expect};
use netstate::Event;

use super::*;
use crate::session::notice::{By, Delivery, NoticeKind, Notices};
use crate::{Confirmed, ConfirmedBy};

/// The notices since, one per line.
fn check(notices: &mut Notices, expect: Expect) {
    expect.assert_eq(
        &received(notices).iter().map(|received| line(received) + "\n").collect::<String>(),
    );
}

fn received(notices: &mut Notices) -> Vec<Delivery> {
    let mut context = Context::from_waker(Waker::noop());
    let mut received = Vec::new();
    while let Poll::Ready(Some(next)) = pin!(notices.next()).poll(&mut context) {
        received.push(next);
    }
    received
}

fn line(received: &Delivery) -> String {
    let kind = match received {
        Delivery::Notice(notice) => &notice.kind,
        Delivery::Missed(count) => return format!("{count} missed"),
    };
    match kind {
        NoticeKind::Committed { id, by, comment, summary } => {
            let comment = comment.iter().map(|comment| format!(" ({comment})"));
            format!("{} committed {id}: {summary}{}", who(by), comment.collect::<String>())
        }
        NoticeKind::Confirm { id, by, phase } => format!("{} {id}: {phase:?}", who(by)),
        NoticeKind::Unscheduled { number, user, cause } => format!("{user}'s {number}: {cause}"),
        NoticeKind::NotUndone { id, cause } => format!("{id} not undone: {cause}"),
        NoticeKind::Diverged { paths, cause } => format!("diverged at {paths:?}: {cause}"),
        NoticeKind::Converged => "converged".into(),
        NoticeKind::Drift { paths, count } => format!("{count} differ, now {paths:?}"),
        NoticeKind::Held { by, paths, count } => {
            format!("{count} held by {}, now {paths:?}", who(by))
        }
        NoticeKind::SessionStart(by) => format!("{} came", who(by)),
        NoticeKind::SessionEnd { by, end } => format!("{} went: {end:?}", who(by)),
    }
}

fn who(by: &By) -> String {
    match by {
        By::Session { id, origin } => format!("{} in {id}", origin.user),
        By::Daemon => "the daemon".into(),
    }
}

impl Engine {
    fn listen(&self) -> Notices {
        self.notices.listen()
    }

    fn wait_for_confirmation(&mut self, session: u32, lines: &str, by: ConfirmedBy) {
        self.set(session, lines);
        let confirmed =
            Some(Confirmed { timeout: Duration::from_secs(600), by, probes: Vec::new() });
        self.commit(session, Request { confirmed, ..Request::default() }).unwrap();
    }
}

#[test]
fn a_notice_follows_each_commit() {
    let (host, mut engine) = Host::with_nics();
    let mut notices = engine.listen();
    let session = engine.session();
    engine.set(session, CABLE);
    host.kernel.refuse_after(3, libc::ENOMEM);
    engine.commit(session, Request::default()).unwrap_err();
    check(&mut notices, expect![[""]]);
    let comment = Some("the cable".into());
    engine.commit(session, Request { comment, ..Request::default() }).unwrap();
    engine.commit(session, Request::default()).unwrap();
    check(
        &mut notices,
        expect![[r#"
        root in 2 committed 2: 2 links, 2 routes added (the cable)
    "#]],
    );
}

#[test]
fn a_confirmed_commit_sends_a_notice_for_each_phase() {
    let (_host, mut engine) = Host::with_nics();
    let session = engine.session();
    let mut notices = engine.listen();
    let mtu = "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400";
    engine.wait_for_confirmation(session, CABLE, ConfirmedBy::Anybody);
    engine.wait_for_confirmation(session, mtu, ConfirmedBy::Anybody);
    engine.commit(session, Request::default()).unwrap();
    check(
        &mut notices,
        expect![[r#"
        root in 2 committed 2: 2 links, 2 routes added
        root in 2 2: Start(600s)
        root in 2 committed 3: 1 link changed
        root in 2 3: Extend(600s)
        root in 2 3: Complete
    "#]],
    );

    engine.wait_for_confirmation(session, "no /iproute2-ip-route:routes", ConfirmedBy::Anybody);
    pass(&mut engine, 540);
    pass(&mut engine, 30);
    pass(&mut engine, 30);
    check(
        &mut notices,
        expect![[r#"
        root in 2 committed 4: 2 routes removed
        root in 2 4: Start(600s)
        the daemon 4: Expiring(60s)
        the daemon 4: Undone(Timeout)
        the daemon committed 5: 2 routes added (commit 4 was not confirmed in time)
    "#]],
    );

    let mtu = "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1300";
    engine.wait_for_confirmation(session, mtu, ConfirmedBy::Anybody);
    engine.cancel(session, None).unwrap();
    check(
        &mut notices,
        expect![[r#"
        root in 2 committed 6: 1 link changed
        root in 2 6: Start(600s)
        root in 2 6: Undone(Cancelled)
        root in 2 committed 7: 1 link changed (commit 6 was cancelled)
    "#]],
    );

    engine.discard(session).unwrap();
    engine.wait_for_confirmation(session, mtu, ConfirmedBy::Session);
    engine.end_session(session, SessionEnd::Dropped);
    engine.end_session(session, SessionEnd::Dropped);
    check(
        &mut notices,
        expect![[r#"
        root in 2 committed 8: 1 link changed
        root in 2 8: Start(600s)
        root in 2 went: Dropped
        the daemon 8: Undone(SessionEnded)
        the daemon committed 9: 1 link changed (commit 8 was not confirmed before its session ended)
    "#]],
    );
}

#[test]
fn divergence_sends_one_notice_and_its_end_another() {
    let (host, mut engine) = Host::with_nics();
    let mut notices = engine.listen();
    let refusals = Refusals::between(&mut engine, &host.kernel);
    refusals.set(&["add route", "delete veth10", "delete veth20"]);
    engine.apply(CABLE).unwrap_err();
    pass(&mut engine, 10);
    pass(&mut engine, 10);
    refusals.set(&[]);
    pass(&mut engine, 10);
    check(
        &mut notices,
        expect![[r#"
            diverged at ["/iproute2-ip-link:links/link[name='veth10']", "/iproute2-ip-link:links/link[name='veth20']"]: /iproute2-ip-link:links/link[name='veth10']: the kernel refused to delete veth10 from vpn10: Operation not permitted; /iproute2-ip-link:links/link[name='veth20']: the kernel refused to delete veth20 from vpn20: Operation not permitted
            root in 2 went: Closed
            converged
        "#]],
    );
}

#[test]
fn a_slow_listener_learns_how_much_is_lost() {
    let (_host, mut engine) = Host::with_nics();
    let mut notices = engine.listen();
    for _ in 0..300 {
        engine.notices.send(NoticeKind::Converged);
    }
    engine.apply(CABLE).unwrap();
    let received = received(&mut notices);
    let Some((first, kept)) = received.split_first() else { panic!("no notice was received") };
    // The commit and the end of its session are notices.
    assert_eq!((line(first), kept.len()), ("46 missed".into(), 256));
    assert_eq!(line(&kept[254]), "root in 2 committed 2: 2 links, 2 routes added");
}

#[test]
fn drift_sends_a_notice_when_it_starts_and_ends() {
    let (host, mut engine) = Host::with_nics();
    let mut notices = engine.listen();
    let address = Key::Address(netstate::AddressKey::new(
        "vpn10".parse().unwrap(),
        "enp0s4".parse().unwrap(),
        "192.168.10.10/24".parse().unwrap(),
    ));
    let object = host.kernel.state().objects[&address].clone();
    let event = [netstate::Event::Key(address.clone())].into();
    host.kernel.change(|state| state.objects.retain(|key, _| *key != address));
    engine.look_at(&event);
    engine.look_at(&event);
    host.kernel.change(|state| state.objects.extend([(address.clone(), object)]));
    engine.look_at(&event);
    check(
        &mut notices,
        expect![[r#"
            1 differ, now ["/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']"]
            0 differ, now []
        "#]],
    );
}

#[test]
fn held_objects_send_a_notice_with_the_author_of_the_commit() {
    let (host, mut engine) = Host::with_nics();
    let (mut notices, session) = (engine.listen(), engine.session());
    let commit = |engine: &mut Engine, lines: &str| {
        engine.set(session, lines);
        engine.commit(session, Request::default()).unwrap().held
    };
    let address = "/iproute2-ip-link:links/link[name='away']/ip[address='10.0.0.1/24']";
    let held = commit(&mut engine, address);
    expect![[r#"
        Holds {
            listed: [
                ListedHold {
                    path: "/iproute2-ip-link:links/link[name='away']",
                    reason: "there is no link away in the host's namespace, and no type to make it by",
                },
                ListedHold {
                    path: "/iproute2-ip-link:links/link[name='away']/ip[address='10.0.0.1/24']",
                    reason: "there is no link away in the host's namespace, and no type to make it by",
                },
            ],
            more: 0,
        }
    "#]].assert_debug_eq(&held);
    // If a held object is removed from the configuration, the count changes.
    commit(&mut engine, &format!("no {address}"));
    assert_eq!(
        commit(&mut engine, "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400").more,
        0
    );
    check(
        &mut notices,
        expect![[r#"
        root in 2 committed 2: 1 link added; 2 objects are held
        2 held by root in 2, now ["/iproute2-ip-link:links/link[name='away']", "/iproute2-ip-link:links/link[name='away']/ip[address='10.0.0.1/24']"]
        root in 2 committed 3: 1 link changed; 1 object is held
        1 held by root in 2, now []
        root in 2 committed 4: 1 link changed; 1 object is held
    "#]],
    );
    let nic = nics(&["away"]).objects;
    host.kernel.change(|state| state.objects.extend(nic));
    engine.look_at(&[Event::Link(netstate::NetnsName::own(), "away".parse().unwrap())].into());
    check(
        &mut notices,
        expect![[r#"
        0 held by the daemon, now []
    "#]],
    );
}
