//! Stale sessions: an old edit keeps its meaning, and removes nobody else's work.

use super::*;
use crate::{Confirmed, ConfirmedBy};

const OTHERS: &str = "
    /iproute2-ip-netns:netnses/netns[name='ann1']
    /iproute2-ip-link:links/link[name='enp0s5']/mtu = 1400";

/// A session that saw the NICs configured, and was idle while `OTHERS` was committed in many steps.
fn stale() -> (Host, Engine, u32) {
    let (host, mut engine) = Host::with_nics();
    let bob = engine.session();
    for line in OTHERS.lines().filter(|line| !line.trim().is_empty()) {
        engine.apply(line).unwrap();
    }
    for n in 0..20 {
        engine.apply(&format!("/iproute2-ip-link:links/link[name='enp0s5']/group = {n}")).unwrap();
    }
    (host, engine, bob)
}

fn running(engine: &Engine) -> &Tree {
    &engine.running.intent.tree
}

/// The commits of the others, and `rest`.
#[track_caller]
fn check(engine: &mut Engine, session: u32, rest: &str) {
    engine.commit(session, Request::default()).unwrap();
    let group = "\n/iproute2-ip-link:links/link[name='enp0s5']/group = 19\n";
    assert_eq!(*running(engine), tree(&[rest, OTHERS, group].concat()));
    assert_eq!(engine.candidate(session).unwrap(), *running(engine));
}

#[test]
fn an_edit_changes_what_it_names() {
    let (_host, mut engine, bob) = stale();
    engine.set(bob, "/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300");
    let rest = [NICS, "\n/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300"].concat();
    check(&mut engine, bob, &rest);
}

#[test]
fn replacing_affects_only_what_was_seen() {
    // As copy-config and `load replace` do.
    let (_host, mut engine, bob) = stale();
    let content = NICS.replace("192.168.10.10/24", "192.168.10.11/24");
    engine.replace_candidate(bob, tree(&content)).unwrap();
    check(&mut engine, bob, &content);
}

#[test]
fn a_new_watch_replaces_the_previous_one() {
    let (_host, mut engine, bob) = stale();
    let shown = engine.version();
    engine.apply("/iproute2-ip-netns:netnses/netns[name='late']").unwrap();
    engine.saw(bob, &shown).unwrap();
    engine.replace_candidate(bob, tree(NICS)).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    let late = "\n/iproute2-ip-netns:netnses/netns[name='late']";
    assert_eq!(*running(&engine), tree(&[NICS, late].concat()));
}

#[test]
fn to_replace_what_others_have_changed_is_a_conflict() {
    let (_host, mut engine, bob) = stale();
    engine.replace_candidate(bob, tree(&NICS.replace("enp0s5", "enp0s6"))).unwrap();
    let message = message(engine.commit(bob, Request::default()));
    assert!(
        message.contains("link[name='enp0s5']/mtu: another session has changed this"),
        "{message}"
    );
}

#[test]
fn replacing_a_subtree_replaces_only_what_was_seen() {
    let (_host, mut engine, bob) = stale();
    let xml = "<netnses xmlns=\"urn:okda:iproute2:ip:netns\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
               nc:operation=\"replace\"><netns><name>vpn10</name></netns><netns><name>vpn20</name></netns>\
               <netns><name>vpn30</name></netns></netnses>";
    let edit = yang::Edit::from_xml(schema(), xml, yang::Operation::Merge).unwrap();
    engine.edit_candidate(bob, &edit).unwrap();
    let rest = [NICS, "\n/iproute2-ip-netns:netnses/netns[name='vpn30']"].concat();
    check(&mut engine, bob, &rest);
}

#[test]
fn an_edit_may_name_later_commits_of_others() {
    let (_host, mut engine, bob) = stale();
    let path = Path::parse(schema(), "/iproute2-ip-netns:netnses/netns[name='ann1']").unwrap();
    let edit = yang::Edit::one(&path, yang::Operation::Delete, None);
    engine.edit_candidate(bob, &edit).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    assert!(running(&engine).node(&path).is_none());
}

#[test]
fn a_rollback_goes_back_from_running_as_it_was_then() {
    let (_host, mut engine, bob) = stale();
    engine.rollback(bob, Revision::Position(1)).unwrap();
    engine.apply("/iproute2-ip-netns:netnses/netns[name='late']").unwrap();
    engine.commit(bob, Request::default()).unwrap();
    let rest = "
        /iproute2-ip-link:links/link[name='enp0s5']/group = 18
        /iproute2-ip-netns:netnses/netns[name='late']";
    assert_eq!(*running(&engine), tree(&[NICS, OTHERS, rest].concat()));
}

#[test]
fn a_commit_does_not_count_as_reading_what_it_was_merged_with() {
    let (_host, mut engine, bob) = stale();
    engine.set(bob, "/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300");
    engine.commit(bob, Request::default()).unwrap();
    // The next content still affects only what was seen. The session's own commit counts as seen.
    engine.replace_candidate(bob, tree(NICS)).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    let group = "\n/iproute2-ip-link:links/link[name='enp0s5']/group = 19\n";
    assert_eq!(*running(&engine), tree(&[NICS, OTHERS, group].concat()));
}

#[test]
fn a_refused_commit_leaves_the_candidate_as_it_was() {
    let (_host, mut engine, bob) = stale();
    engine.set(bob, "/iproute2-ip-link:links/link[name='enp0s4']/netns = nowhere");
    let before = engine.sessions.at(bob).unwrap().candidate.tree().clone();
    engine.commit(bob, Request::default()).unwrap_err();
    assert_eq!(*engine.sessions.at(bob).unwrap().candidate.tree(), before);
}

#[test]
fn to_remove_what_others_have_changed_is_a_conflict() {
    let (_host, mut engine, bob) = stale();
    let path = Path::parse(schema(), "/iproute2-ip-link:links/link[name='enp0s5']").unwrap();
    let edit = yang::Edit::one(&path, yang::Operation::Delete, None);
    engine.edit_candidate(bob, &edit).unwrap();
    let message = message(engine.commit(bob, Request::default()));
    assert!(
        message.contains("link[name='enp0s5']/mtu: another session has changed this"),
        "{message}"
    );
}

#[test]
fn a_value_is_restored_from_any_other_value() {
    // 1500 is what the session saw. Only a read of running shows that there is something to do.
    let (_host, mut engine) = Host::with_nics();
    let mtu = "/iproute2-ip-link:links/link[name='enp0s4']/mtu = ";
    engine.apply(&[mtu, "1500"].concat()).unwrap();
    let bob = engine.session();
    engine.apply(&[mtu, "1400"].concat()).unwrap();
    let path = Path::parse(schema(), mtu.trim_end_matches(" = ")).unwrap();
    let value = path.steps.last().unwrap().node.value("1500").unwrap();
    let edit = yang::Edit::one(&path, yang::Operation::Merge, Some(value));
    engine.edit_candidate(bob, &edit).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    assert_eq!(*running(&engine), tree(&[NICS, "\n", mtu, "1500"].concat()));
}

#[test]
fn an_undone_commit_can_be_made_again() {
    let (_host, mut engine) = Host::with_nics();
    let bob = engine.session();
    let again = [NICS, "\n/iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400"].concat();
    let confirmed = Confirmed {
        timeout: Duration::from_secs(60),
        by: ConfirmedBy::Session,
        probes: Vec::new(),
    };
    engine.replace_candidate(bob, tree(&again)).unwrap();
    engine.commit(bob, Request { confirmed: Some(confirmed), ..Request::default() }).unwrap();
    engine.cancel(bob, None).unwrap();
    engine.replace_candidate(bob, tree(&again)).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    assert_eq!(*running(&engine), tree(&again));
}
