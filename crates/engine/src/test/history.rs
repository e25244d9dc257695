//! The past: rollback, limits, changed files, and blame.

use expect_test::{Expect, expect};

use super::*;
use crate::Blamed;

const MTU: &str = "/iproute2-ip-link:links/link[name='enp0s4']/mtu";

/// A host with three commits: the NICs, the veth pair, and a changed leaf.
fn three_commits() -> (Host, Engine) {
    let (host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    engine.apply(&format!("{MTU} = 1400")).unwrap();
    (host, engine)
}

/// The entries on disk, with what is wrong with them.
fn shown(engine: &Engine) -> String {
    let line = |entry: &crate::HistoryEntry| {
        // Without the path of the test's directory.
        let fault = |fault: &String| fault.rsplit("/netloom/").next().unwrap_or(fault).to_owned();
        let message = entry
            .fault
            .as_ref()
            .map(|message| format!(" ! {}", fault(message)))
            .unwrap_or_default();
        let who = entry.origin.as_ref().map_or("nobody", |origin| &origin.user);
        format!("{} #{} {who}: {}{message}\n", entry.position, entry.id, entry.summary)
    };
    engine.past().verify().unwrap().iter().map(line).collect()
}

#[test]
fn a_revision_has_a_position_and_an_id() {
    let (_host, engine) = three_commits();
    let past = engine.past();
    let at = |revision| past.configuration(revision);
    assert_eq!(at(Revision::Position(0)).unwrap(), engine.running.intent.tree);
    assert_eq!(at(Revision::Id(3)).unwrap(), engine.running.intent.tree);
    assert_eq!(at(Revision::Position(1)).unwrap(), tree(&[NICS, CABLE].concat()));
    assert_eq!(at(Revision::Id(1)).unwrap(), tree(NICS));
    assert!(at(Revision::Position(3)).unwrap().is_empty());
    let refused = |revision| at(revision).unwrap_err()[0].to_string();
    expect!["there is no commit 7 in the history"].assert_eq(&refused(Revision::Id(7)));
    expect!["there is no rescue configuration: `save rescue` makes one"]
        .assert_eq(&refused(Revision::Rescue));
}

#[test]
fn a_past_value_does_not_change() {
    let (_host, mut engine) = three_commits();
    let past = engine.past();
    engine.apply(&format!("no {MTU}")).unwrap();
    assert_eq!(past.configuration(Revision::Position(1)).unwrap(), tree(&[NICS, CABLE].concat()));
    assert_eq!(past.entries().len(), 3);
}

#[test]
fn the_rescue_configuration_is_what_was_running() {
    let (host, mut engine) = three_commits();
    crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
    let saved = engine.running.intent.tree.clone();
    engine.apply(&format!("no {MTU}")).unwrap();
    drop(engine);
    let engine = host.start();
    let rescue = || engine.past().configuration(Revision::Rescue);
    assert_eq!(rescue().unwrap(), saved);
    crate::ledger::rescue::delete(engine.ledger.store()).unwrap();
    assert!(rescue().is_err());
    assert!(crate::ledger::rescue::delete(engine.ledger.store()).is_err());
}

#[test]
fn a_changed_history_file_is_reported() {
    let check = |damage: &dyn Fn(&Host), expect: Expect| {
        let (host, mut engine) = three_commits();
        engine.ledger.last_checkpoint(&engine.running.version());
        let told_before = shown(&engine);
        assert!(!told_before.contains('!'), "{told_before}");
        damage(&host);
        // A running daemon sees it, and so does one that starts.
        let seen = shown(&engine);
        drop(engine);
        let engine = host.start();
        let seen_at_start = shown(&engine);
        expect.assert_eq(&format!("{seen}--\n{seen_at_start}"));
        let oldest = engine.past().configuration(Revision::Position(3));
        assert!(oldest.unwrap_err()[0].message.contains("cannot be taken back"));
        assert_ne!(engine.running.intent.tree, tree(NICS));
    };
    let file = |id: u64| crate::ledger::history::file_of(id);
    let edit = |host: &Host, id: u64, from: &str, to: &str| {
        let text = host.file(&file(id)).unwrap();
        assert!(text.contains(from));
        host.write(&file(id), &text.replace(from, to));
    };
    // Another author.
    check(
        &|host| edit(host, 2, "\"root\"", "\"toor\""),
        expect![[r#"
        0 #3 root: 1 link changed
        1 #2 toor: 2 links, 2 routes added ! it has been altered: its digest is another
        2 #1 root: 2 netns, 2 links added
        --
        0 #3 root: 1 link changed
        1 #2 toor: 2 links, 2 routes added ! it has been altered: its digest is another
        2 #1 root: 2 netns, 2 links added
    "#]],
    );
    // The same with a matching digest.
    check(
        &|host| {
            let store = host.start_store();
            let mut record =
                crate::ledger::record_file::read(&store, &file(2)).unwrap().unwrap().record;
            record.origin.user = "toor".into();
            crate::ledger::record_file::draft(&store, &file(2), &record).unwrap().place().unwrap();
        },
        expect![[r#"
            0 #3 root: 1 link changed
            1 #2 toor: 2 links, 2 routes added ! it is not the commit that commit 3 followed
            2 #1 root: 2 netns, 2 links added
            --
            0 #3 root: 1 link changed
            1 #2 toor: 2 links, 2 routes added ! it is not the commit that commit 3 followed
            2 #1 root: 2 netns, 2 links added
        "#]],
    );
    check(
        &|host| host.write(&file(2), "{"),
        expect![[r#"
        0 #3 root: 1 link changed
        1 #2 nobody:  ! history/000000000002.json: EOF while parsing an object at line 1 column 1
        2 #1 root: 2 netns, 2 links added
        --
        0 #3 root: 1 link changed
        1 #2 nobody:  ! history/000000000002.json: EOF while parsing an object at line 1 column 1
        2 #1 root: 2 netns, 2 links added
    "#]],
    );
    check(
        &|host| host.remove(&file(2)),
        expect![[r#"
        0 #3 root: 1 link changed
        1 #2 nobody:  ! its file is missing
        2 #1 root: 2 netns, 2 links added
        --
        0 #3 root: 1 link changed
        1 #2 nobody:  ! its file is missing
        2 #1 root: 2 netns, 2 links added
    "#]],
    );
    check(
        &|host| host.remove(&file(3)),
        expect![[r#"
        0 #3 nobody:  ! its file is missing
        1 #2 root: 2 links, 2 routes added
        2 #1 root: 2 netns, 2 links added
        --
        0 #3 nobody:  ! its file is missing
        1 #2 root: 2 links, 2 routes added
        2 #1 root: 2 netns, 2 links added
    "#]],
    );
    // One takes the place of another.
    check(
        &|host| host.write(&file(2), &host.file(&file(1)).unwrap()),
        expect![[r#"
        0 #3 root: 1 link changed
        1 #2 root: 2 netns, 2 links added ! it is of commit 1
        2 #1 root: 2 netns, 2 links added ! it is not the commit that commit 2 followed
        --
        0 #3 root: 1 link changed
        1 #2 root: 2 netns, 2 links added ! it is of commit 1
        2 #1 root: 2 netns, 2 links added ! it is not the commit that commit 2 followed
    "#]],
    );
}

#[test]
fn the_history_is_bounded_by_count_and_by_size() {
    let mut host = Host::new();
    host.limits = Limits { commits: 5, bytes: usize::MAX };
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    let commit = |engine: &mut Engine, number: u32| {
        engine.ledger.last_checkpoint(&engine.running.version());
        engine.apply(&format!("{MTU} = {}", 1280 + number)).unwrap();
    };
    (0..10).for_each(|number| commit(&mut engine, number));
    assert_eq!(host.commits().len(), 5);
    assert!(!shown(&engine).contains('!'), "{}", shown(&engine));
    drop(engine);

    host.limits = Limits { commits: 100, bytes: 2000 };
    let mut engine = host.start();
    (10..20).for_each(|number| commit(&mut engine, number));
    let bytes: usize = host
        .commits()
        .iter()
        .map(|name| host.file(&format!("history/{name}")).unwrap().len())
        .sum();
    assert!((500..=2000).contains(&bytes), "{bytes} bytes");

    // The latest commit stays, however large it is.
    host.limits = Limits { commits: 0, bytes: 0 };
    drop(engine);
    let mut engine = host.start();
    commit(&mut engine, 30);
    commit(&mut engine, 31);
    assert_eq!(engine.ledger.history().entries().len(), 1);
    drop(engine);
    assert!(!shown(&host.start()).contains('!'));
}

#[test]
fn blame_tells_who_changed_what_last() {
    let (_host, mut engine) = three_commits();
    engine
        .apply("/iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.11/24']")
        .unwrap();
    engine
        .apply("no /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']")
        .unwrap();
    let shown = |place: &str| {
        let place =
            if place.is_empty() { Path::default() } else { Path::parse(schema(), place).unwrap() };
        let line = |blamed: &Blamed| {
            let paths: String = blamed.paths.iter().map(|path| format!("  {path}\n")).collect();
            format!("#{}\n{paths}", blamed.entry.id)
        };
        engine.past().blame(&place).iter().map(line).collect::<String>()
    };
    expect![[r#"
        #5
          /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']
        #4
          /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.11/24']
        #3
          /iproute2-ip-link:links/link[name='enp0s4']/mtu
        #2
          /iproute2-ip-link:links/link[name='veth10']
          /iproute2-ip-link:links/link[name='veth20']
          /iproute2-ip-route:routes
        #1
          /iproute2-ip-netns:netnses
          /iproute2-ip-link:links
    "#]]
    .assert_eq(&shown(""));
    expect![[r#"
        #5
          /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']
        #4
          /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.11/24']
        #3
          /iproute2-ip-link:links/link[name='enp0s4']/mtu
        #1
          /iproute2-ip-link:links
    "#]]
    .assert_eq(&shown("/iproute2-ip-link:links/link[name='enp0s4']"));
    expect![[r#"
        #2
          /iproute2-ip-link:links
    "#]]
    .assert_eq(&shown("/iproute2-ip-link:links/link[name='veth10']/netns"));
    expect![""].assert_eq(&shown("/iproute2-ip-link:links/link[name='other']"));
}

#[test]
fn blame_ends_where_the_history_does() {
    let (host, mut engine) = three_commits();
    engine.ledger.last_checkpoint(&engine.running.version());
    drop(engine);
    let file = crate::ledger::history::file_of(2);
    host.write(&file, "{}");
    let engine = host.start();
    let ids: Vec<u64> =
        engine.past().blame(&Path::default()).iter().map(|blamed| blamed.entry.id).collect();
    assert_eq!(ids, [3]);
}

#[test]
fn a_record_names_how_many_objects_are_held_after_its_commit() {
    let (host, mut engine) = Host::with_nics();
    let held = |engine: &Engine| -> Vec<usize> {
        engine.past().verify().unwrap().iter().map(|entry| entry.held).collect()
    };
    let address = "/iproute2-ip-link:links/link[name='away']/ip[address='10.0.0.1/24']";
    engine.apply(address).unwrap();
    engine.apply(&format!("{MTU} = 1400")).unwrap();
    engine.apply("no /iproute2-ip-link:links/link[name='away']").unwrap();
    assert_eq!(held(&engine), [0, 2, 2, 0]);
    let written = |id: u64| host.file(&format!("history/{id:012}.json")).unwrap();
    assert!(written(3).contains("\"held\":2") && !written(4).contains("\"held\""));
    drop(engine);
    assert_eq!(held(&host.start()), [0, 2, 2, 0]);
}
