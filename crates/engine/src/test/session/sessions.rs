//! Several sessions: merged changes, refused changes, and locks.

use expect_test::expect;

use super::*;
use crate::CommitRequest;
use crate::datastore::Datastore;
use crate::engine::Request as EngineRequest;
use crate::engine::handle::QUEUE;
use crate::{Confirmed, ConfirmedBy, Delivery, Handle, NoticeKind};

#[test]
fn changes_in_different_places_are_merged() {
    let (_host, mut engine) = Host::with_nics();
    let (alice, bob) = (engine.session(), engine.session());
    engine.set(alice, "/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400");
    engine.set(bob, "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1300");
    engine.commit(alice, Request::default()).unwrap();
    let done = engine.commit(bob, Request::default()).unwrap();
    assert_eq!(done.summary, "1 link changed");
    let both = "
        /iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400
        /iproute2-ip-link:links/link[name='enp0s5']/mtu = 1300";
    assert_eq!(engine.running.intent.tree, tree(&[NICS, both].concat()));
}

#[test]
fn contradictions_are_refused_and_the_candidate_is_kept() {
    let (_host, mut engine) = Host::with_nics();
    let (alice, bob, carol) = (engine.session(), engine.session(), engine.session());
    engine.set(alice, "/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400");
    engine.set(bob, "/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300");
    engine.set(carol, "no /iproute2-ip-link:links/link[name='enp0s4']");
    engine.commit(alice, Request::default()).unwrap();
    expect!["/iproute2-ip-link:links/link[name='enp0s4']/mtu: another session has changed this since this one saw it: it was absent, is 1400 now, and would be 1300; resolve the conflict, or discard the changes"].assert_eq(&message(engine.commit(bob, Request::default())));
    expect!["/iproute2-ip-link:links/link[name='enp0s4']/mtu: another session has changed this since this one saw it: it was absent, is 1400 now, and would be absent; resolve the conflict, or discard the changes"].assert_eq(&message(engine.commit(carol, Request::default())));
    let candidate = engine.candidate(bob).unwrap();
    let theirs = "\n/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300";
    assert_eq!(candidate, tree(&[NICS, theirs].concat()));
    engine.discard(bob).unwrap();
    assert_eq!(engine.candidate(bob).unwrap(), engine.running.intent.tree);
}

#[test]
fn the_same_change_twice_is_no_contradiction() {
    let host = Host::new();
    let mut engine = host.start();
    let (alice, bob) = (engine.session(), engine.session());
    engine.set(alice, NICS);
    engine.set(bob, NICS);
    engine.commit(alice, Request::default()).unwrap();
    assert_eq!(engine.commit(bob, Request::default()).unwrap().id, None);
}

#[test]
fn a_lock_prevents_commits_of_others() {
    let host = Host::new();
    let mut engine = host.start();
    let (alice, bob) = (engine.session(), engine.session());
    engine.sessions.lock(alice, Datastore::Running).unwrap();
    engine.set(bob, NICS);
    expect!["running is locked by session 1 of root (a test)"]
        .assert_eq(&message(engine.commit(bob, Request::default())));
    expect!["running is already locked by session 1 of root (a test)"]
        .assert_eq(&message(engine.sessions.lock(bob, Datastore::Running)));
    expect!["running is not locked by this session"]
        .assert_eq(&message(engine.sessions.unlock(bob, Datastore::Running)));
    expect!["the candidate has changes: commit or discard them before locking it"]
        .assert_eq(&message(engine.sessions.lock(bob, Datastore::Candidate)));
    engine.sessions.close(alice);
    engine.commit(bob, Request::default()).unwrap();
}

#[test]
fn a_killed_session_is_gone_with_its_locks() {
    let host = Host::new();
    let mut engine = host.start();
    let (alice, bob) = (engine.session(), engine.session());
    engine.sessions.lock(alice, Datastore::Running).unwrap();
    engine.sessions.may_kill(bob, alice).unwrap();
    engine.end_session(alice, SessionEnd::Killed { by: bob });
    engine.sessions.lock(bob, Datastore::Running).unwrap();
    expect!["session 1 has ended"].assert_eq(&message(engine.candidate(alice)));
    expect!["there is no session 1"].assert_eq(&message(engine.sessions.may_kill(bob, alice)));
}

/// An engine with a thread of its own, with the host's clock.
fn serve(host: &Host) -> Handle {
    let settings = Settings { clock: Clock::HOST, ..host.settings() };
    crate::start(settings, schema(), Box::new(host.kernel.clone())).unwrap()
}

/// Sends a request that sends the next one when it is handled.
fn ask_again(requests: mpsc::WeakSender<EngineRequest>) {
    if let Some(sender) = requests.upgrade() {
        let ask = move |_: &mut Engine| ask_again(requests);
        let _stopped = sender.try_send(EngineRequest::Call("ask", Box::new(ask)));
    }
}

#[tokio::test]
async fn endless_requests_do_not_delay_due_work() {
    let host = Host::new();
    let handle = serve(&host);
    let origin = Origin { user: "root".into(), from: "a test".into() };
    let session = handle.open(origin).await.unwrap();
    session.replace(tree(NICS)).await.unwrap();
    (0..100).for_each(|_| ask_again(handle.requests.downgrade()));
    let (timeout, by) = (Duration::from_millis(200), ConfirmedBy::Anybody);
    let confirmed = Some(Confirmed { timeout, by, probes: Vec::new() });
    session.commit(CommitRequest { confirmed, ..CommitRequest::default() }).await.unwrap();
    assert_eq!(handle.running(), tree(NICS));
    let mut running = handle.snapshot.clone();
    let undone = running.wait_for(|snapshot| snapshot.running.tree.is_empty());
    tokio::time::timeout(Duration::from_secs(10), undone).await.unwrap().unwrap();
}

/// Keeps the engine's thread busy until the result is dropped.
async fn keep_busy(handle: &Handle) -> std::sync::mpsc::Sender<()> {
    let (keep, kept) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    handle.send(move |_| {
        begin.send(()).unwrap();
        kept.recv().unwrap_err();
    });
    begun.await.unwrap();
    keep
}

#[tokio::test]
async fn only_requesters_wait_while_the_queue_is_full() {
    let host = Host::new();
    let handle = serve(&host);
    let origin = Origin { user: "root".into(), from: "a test".into() };
    let alice = handle.open(origin.clone()).await.unwrap();
    let bob = handle.open(origin).await.unwrap();
    alice.lock(Datastore::Running).await.unwrap();
    let busy = keep_busy(&handle).await;
    (0..QUEUE).for_each(|_| handle.send(|_| {}));
    assert_eq!(handle.requests.capacity(), 0);
    let mut asked = Box::pin(bob.read(Datastore::Candidate));
    tokio::time::timeout(Duration::ZERO, &mut asked).await.unwrap_err();
    // Readers, the kernel's events and destructors do not wait.
    assert!(bob.read(Datastore::Running).await.unwrap().is_empty());
    host.kernel.change(|state| state.objects.clear());
    let mut notices = handle.notices();
    drop(alice);
    drop(busy);
    assert!(asked.await.unwrap().is_empty());
    let ended = async {
        while !matches!(notices.next().await, Some(Delivery::Notice(notice))
            if matches!(notice.kind, NoticeKind::SessionEnd { .. }))
        {}
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    bob.lock(Datastore::Running).await.unwrap();
}

#[tokio::test]
async fn what_a_session_has_read_counts_for_its_next_request() {
    let host = Host::new();
    let handle = serve(&host);
    let origin = Origin { user: "root".into(), from: "a test".into() };
    let alice = handle.open(origin.clone()).await.unwrap();
    let bob = handle.open(origin).await.unwrap();
    alice.replace(tree(NICS)).await.unwrap();
    alice.commit(CommitRequest::default()).await.unwrap();
    bob.replace(Tree::empty(schema())).await.unwrap();
    bob.commit(CommitRequest::default()).await.unwrap();
    assert_eq!(handle.running(), tree(NICS), "bob has not seen what he would remove");
    bob.read(Datastore::Running).await.unwrap();
    bob.replace(Tree::empty(schema())).await.unwrap();
    bob.commit(CommitRequest::default()).await.unwrap();
    assert_eq!(handle.running(), Tree::empty(schema()));
}

/// The same through a handle, in an async program.
#[tokio::test]
async fn a_dropped_session_releases_its_lock() {
    let host = Host::new();
    let handle = serve(&host);
    let origin = Origin { user: "root".into(), from: "a test".into() };
    let alice = handle.open(origin.clone()).await.unwrap();
    let bob = handle.open(origin).await.unwrap();
    alice.lock(Datastore::Running).await.unwrap();
    bob.replace(tree(NICS)).await.unwrap();
    assert_eq!(
        bob.commit(CommitRequest::default()).await.unwrap_err()[0].session,
        Some(alice.id())
    );
    drop(alice);
    bob.commit(CommitRequest::default()).await.unwrap();
    assert_eq!(handle.running(), tree(NICS));
    let ended = bob.ended();
    handle.stop().await;
    ended.await;
    assert_eq!(
        bob.commit(CommitRequest::default()).await.unwrap_err()[0].message,
        "the engine has stopped"
    );
}
