//! Conflicts: shown node by node with their authors, resolved one by one or all at once, and
//! detected again.

use expect_test::{Expect, expect};

use super::*;
use crate::session::candidate::Side;
use crate::session::conflict::Conflict;

const LINK: &str = "/iproute2-ip-link:links/link[name='enp0s4']";

/// A host with NICs. Two sessions have changed the same one.
fn disputed(theirs: &str, ours: &str) -> (Host, Engine, u32, u32) {
    let (host, mut engine) = Host::with_nics();
    let (ann, bob) = (engine.session(), engine.session());
    engine.set(ann, &under_link(theirs));
    engine.set(bob, &under_link(ours));
    engine.commit(ann, Request::default()).unwrap();
    (host, engine, ann, bob)
}

/// The lines, each with the path of the link in front.
fn under_link(lines: &str) -> String {
    lines.lines().map(|line| line.trim().replace('@', LINK) + "\n").collect()
}

#[track_caller]
fn check(engine: &mut Engine, session: u32, expect: Expect) {
    let message = engine.conflicts(session).unwrap().list();
    let text = |what: &Option<String>| what.clone().unwrap_or_else(|| "-".into());
    let line = |Conflict { path, base, ours, theirs, by }: &Conflict| {
        let path = path.to_string().replace(LINK, "@");
        let by = by.as_ref().map_or("nobody".into(), |by| format!("commit {}", by.id));
        let [base, ours, theirs] = [base, ours, theirs].map(text);
        format!("{path}: was '{base}', ours '{ours}', theirs '{theirs}' by {by}\n")
    };
    expect.assert_eq(&message.iter().map(line).collect::<String>());
}

fn place(path: &str) -> Path {
    Path::parse(schema(), under_link(path).trim()).unwrap()
}

/// The link in running.
fn link(engine: &Engine) -> String {
    let running = engine.running.intent.tree.subtree(&place("@"));
    lines(&Tree::empty(schema()), &running)
}

#[test]
fn each_conflict_has_all_three_values_and_its_author() {
    let (_host, mut engine, ann, bob) =
        disputed("@/mtu = 1400\n@/group = 7", "@/mtu = 1300\n@/group = 8");
    check(
        &mut engine,
        bob,
        expect![[r#"
            @/mtu: was '-', ours '1300', theirs '1400' by commit 2
            @/group: was '-', ours '8', theirs '7' by commit 2
        "#]],
    );
    engine.set(ann, &under_link("@/group = 9"));
    engine.commit(ann, Request::default()).unwrap();
    check(
        &mut engine,
        bob,
        expect![[r#"
            @/mtu: was '-', ours '1300', theirs '1400' by commit 2
            @/group: was '-', ours '8', theirs '9' by commit 3
        "#]],
    );
    check(&mut engine, ann, expect![""]);
}

#[test]
fn each_conflict_is_resolved_separately() {
    let (_host, mut engine, _, bob) =
        disputed("@/mtu = 1400\n@/group = 7", "@/mtu = 1300\n@/group = 8\n@/netns = vpn20");
    assert_eq!(engine.resolve(bob, &place("@/mtu"), Side::Ours).unwrap(), 1);
    check(&mut engine, bob, expect!["@/group: was '-', ours '8', theirs '7' by commit 2\n"]);
    expect!["/iproute2-ip-link:links/link[name='enp0s4']/group: another session has changed this since this one saw it: it was absent, is 7 now, and would be 8; resolve the conflict, or discard the changes"]
        .assert_eq(&message(engine.commit(bob, Request::default())));
    expect!["nothing is in conflict at or below /iproute2-ip-link:links/link[name='enp0s4']/mtu"]
        .assert_eq(&message(engine.resolve(bob, &place("@/mtu"), Side::Theirs)));
    assert_eq!(engine.resolve(bob, &place("@"), Side::Theirs).unwrap(), 0);
    engine.commit(bob, Request::default()).unwrap();
    expect![[r#"
        + /iproute2-ip-link:links
        + /iproute2-ip-link:links/link[name='enp0s4']
        + /iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300
        + /iproute2-ip-link:links/link[name='enp0s4']/admin-status = up
        + /iproute2-ip-link:links/link[name='enp0s4']/netns = vpn20
        + /iproute2-ip-link:links/link[name='enp0s4']/group = 7
        + /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']
    "#]]
    .assert_eq(&link(&engine));
}

#[test]
fn our_removed_subtree_is_restored_whole_or_removed() {
    for (side, goes) in [(Side::Ours, true), (Side::Theirs, false)] {
        let (_host, mut engine, _, bob) = disputed("@/mtu = 1400", "no @");
        assert_eq!(engine.resolve(bob, &place("@/mtu"), side).unwrap(), 0);
        let before = engine.running.intent.tree.clone();
        engine.commit(bob, Request::default()).unwrap();
        assert_eq!(link(&engine).is_empty(), goes, "{side:?}");
        assert_eq!(engine.running.intent.tree == before, !goes, "{side:?}");
    }
}

#[test]
fn a_subtree_removed_by_others_is_restored_whole_or_not() {
    for (side, goes) in [(Side::Ours, false), (Side::Theirs, true)] {
        let (_host, mut engine, _, bob) = disputed("no @", "@/mtu = 1400");
        check(&mut engine, bob, expect!["@/mtu: was '-', ours '1400', theirs '-' by commit 2\n"]);
        engine.update(bob, Some(side)).unwrap();
        engine.commit(bob, Request::default()).unwrap();
        assert_eq!(link(&engine).is_empty(), goes, "{side:?}");
        assert_eq!(link(&engine).contains("admin-status = up"), !goes, "{side:?}");
    }
}

#[test]
fn an_update_without_preference_changes_nothing_where_there_is_a_conflict() {
    let (_host, mut engine, ann, bob) = disputed("@/mtu = 1400\n@/group = 7", "@/mtu = 1300");
    let before = engine.candidate(bob).unwrap();
    expect!["/iproute2-ip-link:links/link[name='enp0s4']/mtu: another session has changed this since this one saw it: it was absent, is 1400 now, and would be 1300; resolve the conflict, or discard the changes"]
        .assert_eq(&message(engine.update(bob, None)));
    assert_eq!(engine.candidate(bob).unwrap(), before);
    engine.update(ann, None).unwrap();
    engine.update(bob, Some(Side::Ours)).unwrap();
    let updated = engine.candidate(bob).unwrap();
    assert_eq!(
        lines(&engine.running.intent.tree, &updated),
        "~ /iproute2-ip-link:links/link[name='enp0s4']/mtu = 1300\n"
    );
}

#[test]
fn a_third_commit_is_a_separate_conflict() {
    let (_host, mut engine, ann, bob) = disputed("@/mtu = 1400", "@/mtu = 1300");
    message(engine.commit(bob, Request::default()));
    engine.set(ann, &under_link("@/mtu = 1500"));
    engine.commit(ann, Request::default()).unwrap();
    // The value that was shown, 1400, is what is resolved.
    assert_eq!(engine.resolve(bob, &Path::default(), Side::Ours).unwrap(), 0);
    expect!["/iproute2-ip-link:links/link[name='enp0s4']/mtu: another session has changed this since this one saw it: it was 1400, is 1500 now, and would be 1300; resolve the conflict, or discard the changes"]
        .assert_eq(&message(engine.commit(bob, Request::default())));
    engine.resolve(bob, &Path::default(), Side::Ours).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    assert!(link(&engine).contains("mtu = 1300"));
}

#[test]
fn resolving_a_conflict_counts_as_seeing_only_the_conflict() {
    let (_host, mut engine, _, bob) = disputed("@/mtu = 1400\n@/group = 7", "@/mtu = 1300");
    let without_either = tree(NICS);
    engine.conflicts(bob).unwrap();
    assert_eq!(engine.resolve(bob, &place("@/mtu"), Side::Ours).unwrap(), 0);
    // The new content has neither. It removes what the conflict has shown, and keeps the rest.
    engine.replace_candidate(bob, without_either).unwrap();
    engine.commit(bob, Request::default()).unwrap();
    assert!(!link(&engine).contains("mtu"), "{}", link(&engine));
    assert!(link(&engine).contains("group = 7"), "{}", link(&engine));
}
