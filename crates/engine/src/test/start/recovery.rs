//! Starts on a damaged state directory: the daemon serves, reports what it has lost, and continues.

use std::fs;

use expect_test::{Expect, expect};

use super::*;
use crate::start::give_back::give_back;
use crate::{Confirmed, ConfirmedBy};

const MTU: &str = "/iproute2-ip-link:links/link[name='enp0s4']/mtu";

/// Kinds of damage to a file: truncated, emptied, replaced, of another version, from other models,
/// not text.
const DAMAGES: [fn(&str) -> Vec<u8>; 6] = [
    |text| text[..text.len() / 2].into(),
    |_| Vec::new(),
    |_| b"[]".into(),
    |text| text.replacen("\"format\":1", "\"format\":2", 1).into(),
    |text| text.replacen("{\"", "{\"unheard-of\":1,\"", 2).into(),
    |text| [b"\xff\xfe", text.as_bytes()].concat(),
];

impl Host {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.state_dir.path().join("netloom").join(name)
    }

    /// Damages a file. Returns its new content.
    fn damage(&self, name: &str, damage: fn(&str) -> Vec<u8>) -> Vec<u8> {
        let damaged = damage(&self.file(name).unwrap());
        fs::write(self.path(name), &damaged).unwrap();
        damaged
    }
}

/// The comment of the latest commit, without the path of the test's directory.
fn comment(host: &Host, engine: &Engine) -> String {
    let head = engine.ledger.history().head().unwrap();
    assert_eq!(head.origin.as_ref().unwrap().user, "netloomd");
    let folder = host.path("");
    head.comment.as_ref().unwrap().replace(folder.to_str().unwrap(), "")
}

/// Checks that another start has nothing to report, and that a commit works.
fn goes_on(host: &Host, engine: Engine) {
    let (running, entries) =
        (engine.running.intent.tree.clone(), engine.ledger.history().entries());
    let kernel = host.kernel.state();
    drop(engine);
    let mut engine = host.start();
    assert_eq!(engine.running.intent.tree, running);
    assert_eq!(engine.ledger.history().entries(), entries);
    assert_eq!(host.kernel.state(), kernel);
    engine.apply("/iproute2-ip-netns:netnses/netns[name='new']").unwrap();
    let changed = engine.running.intent.tree.clone();
    drop(engine);
    let mut engine = host.start();
    assert_eq!(engine.running.intent.tree, changed);
    let session = engine.session();
    engine.rollback(session, Revision::Position(1)).unwrap();
    engine.commit(session, Request::default()).unwrap();
    assert_eq!(engine.running.intent.tree, running);
}

#[test]
fn without_running_the_kernel_is_not_changed() {
    for damage in DAMAGES {
        let (host, mut engine) = Host::with_nics();
        engine.ledger.last_checkpoint(&engine.running.version());
        drop(engine);
        let damaged = host.damage("running.json", damage);
        let (kernel, executed) = (host.kernel.state(), host.kernel.executed().len());
        let engine = host.start();
        assert!(engine.running.intent.tree.is_empty());
        assert_eq!((host.kernel.state(), host.kernel.executed().len()), (kernel, executed));
        assert_eq!(fs::read(host.path("running.json.unreadable-2")).unwrap(), damaged);
        let comment = comment(&host, &engine);
        assert!(comment.starts_with("running.json: "), "{comment}");
        let end = " (kept as running.json.unreadable-2); running is empty, and the kernel is left as it is";
        assert!(comment.ends_with(end), "{comment}");
        // The old configuration is part of the past, but a rollback to it is not possible.
        let refused = engine.past().configuration(Revision::Id(1)).unwrap_err();
        expect!["what came before commit 2 is not known: it started from the empty configuration"]
            .assert_eq(&refused[0].to_string());
        goes_on(&host, engine);
    }
}

#[test]
fn without_running_the_rescue_configuration_is_applied() {
    for damage in DAMAGES {
        let (host, mut engine) = Host::with_nics();
        crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
        engine.apply(CABLE).unwrap();
        engine.apply(&format!("{MTU} = 1400")).unwrap();
        let whole = host.kernel.state();
        engine.ledger.last_checkpoint(&engine.running.version());
        drop(engine);
        host.damage("running.json", damage);
        let mut engine = host.start();
        assert_eq!(engine.running.intent.tree, tree(NICS));
        assert!(comment(&host, &engine).ends_with("; running is the rescue configuration"));
        // Objects that are not known to be ours stay. They are ours again once they are configured.
        assert!(whole.objects.keys().eq(host.kernel.state().objects.keys()));
        engine.apply(CABLE).unwrap();
        let session = engine.session();
        engine.rollback(session, Revision::Rescue).unwrap();
        engine.commit(session, Request::default()).unwrap();
        goes_on(&host, engine);
    }
}

#[test]
fn a_boot_with_damaged_startup_uses_a_replacement() {
    for (autosave, rescue, end) in [
        (true, true, "; startup follows running"),
        (false, true, "; startup is the rescue configuration"),
        (false, false, "; startup is empty, and the kernel is left as it is"),
    ] {
        for damage in DAMAGES {
            let mut host = Host { autosave, ..Host::new() };
            let mut engine = host.start();
            engine.apply(NICS).unwrap();
            if rescue {
                crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
            }
            engine.apply(CABLE).unwrap();
            let session = engine.session();
            let running = engine.running.intent.tree.clone();
            engine.replace_startup(session, running.clone()).unwrap();
            drop(engine);
            let damaged = host.damage("startup.json", damage);
            host.reboot(&["enp0s4", "enp0s5"]);
            let engine = host.start();
            assert_eq!(fs::read(host.path("startup.json.unreadable-3")).unwrap(), damaged);
            let message =
                engine.ledger.history().entries().into_iter().filter_map(|entry| entry.comment);
            let message: Vec<String> = message.collect();
            assert!(message.iter().any(|comment| comment.ends_with(end)), "{message:?}");
            let expected = match (autosave, rescue) {
                (true, _) => running,
                (false, true) => tree(NICS),
                (false, false) => tree(""),
            };
            assert_eq!(engine.running.intent.tree, expected);
            goes_on(&host, engine);
        }
    }
}

#[test]
fn a_boot_without_running_applies_startup() {
    let mut host = Host { autosave: false, ..Host::new() };
    let mut engine = host.start();
    engine.apply(NICS).unwrap();
    let session = engine.session();
    let startup = engine.running.intent.tree.clone();
    engine.replace_startup(session, startup.clone()).unwrap();
    engine.apply(CABLE).unwrap();
    engine.ledger.last_checkpoint(&engine.running.version());
    drop(engine);
    host.damage("running.json", DAMAGES[0]);
    host.reboot(&["enp0s4", "enp0s5"]);
    let engine = host.start();
    assert_eq!(engine.running.intent.tree, startup);
    assert!(comment(&host, &engine).ends_with("; running is what startup is"));
    goes_on(&host, engine);
}

#[test]
fn running_with_a_missing_record_is_not_guessed() {
    let check = |damage: fn(&Host), expect: Expect| {
        let (host, mut engine) = Host::with_nics();
        engine.ledger.last_checkpoint(&engine.running.version());
        for mtu in [1400, 1410, 1420] {
            engine.apply(&format!("{MTU} = {mtu}")).unwrap();
        }
        drop(engine);
        let checkpoint = host.file("running.json");
        damage(&host);
        let engine = host.start();
        expect.assert_eq(&comment(&host, &engine));
        assert!(engine.running.intent.tree.is_empty());
        assert_eq!(host.file("running.json.unreadable-5"), checkpoint);
        goes_on(&host, engine);
    };
    let file = "history/000000000003.json";
    check(
        |host| host.write("history/000000000003.json", "{}"),
        expect![
            "history/000000000003.json: missing field `format` at line 1 column 2 (kept as running.json.unreadable-5); running is empty, and the kernel is left as it is"
        ],
    );
    check(
        |host| host.remove("history/000000000003.json"),
        expect![
            "history/000000000003.json: it is missing, but there is commit 4 (kept as running.json.unreadable-5); running is empty, and the kernel is left as it is"
        ],
    );
    let (host, mut engine) = Host::with_nics();
    engine.ledger.last_checkpoint(&engine.running.version());
    engine.apply(&format!("{MTU} = 1400")).unwrap();
    engine.apply(&format!("{MTU} = 1410")).unwrap();
    drop(engine);
    host.write(file, "{}");
    let _engine = host.start();
    assert_eq!(host.file(file).unwrap(), "{}");
}

#[test]
fn an_unreadable_journal_is_kept_and_running_does_not_change() {
    for text in ["", "{}", "{\"format\":1,\"content\":{}}"] {
        let (host, engine) = Host::with_nics();
        let running = engine.running.intent.tree.clone();
        drop(engine);
        host.write("journal", text);
        let kernel = host.kernel.state();
        let engine = host.start();
        assert_eq!(engine.running.intent.tree, running);
        assert_eq!(host.kernel.state(), kernel);
        assert_eq!(host.file("journal.unreadable-2").unwrap(), text);
        let comment = comment(&host, &engine);
        assert!(comment.starts_with("journal: "), "{comment}");
        assert!(comment.ends_with("; running is as it was"), "{comment}");
        goes_on(&host, engine);
    }
}

#[test]
fn without_originals_existing_objects_are_adopted_as_they_are() {
    for damage in DAMAGES {
        let (host, engine) = Host::with_nics();
        let (running, kernel) = (engine.running.intent.tree.clone(), host.kernel.state());
        drop(engine);
        let damaged = host.damage("originals.json", damage);
        let engine = host.start();
        assert_eq!(engine.running.intent.tree, running);
        assert_eq!(host.kernel.state(), kernel);
        assert_eq!(fs::read(host.path("originals.json.unreadable-2")).unwrap(), damaged);
        goes_on(&host, engine);
    }
}

#[test]
fn a_commit_of_unknown_confirmation_keeps_waiting() {
    let (host, mut engine) = Host::with_nics();
    crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
    let session = engine.session();
    engine.set(session, CABLE);
    let timeout = Duration::from_secs(60);
    let confirmed = Some(Confirmed { timeout, by: ConfirmedBy::Anybody, probes: Vec::new() });
    engine.commit(session, Request { confirmed, ..Request::default() }).unwrap();
    drop(engine);
    host.write("confirmed.json", "{");
    let mut engine = host.start();
    assert!(comment(&host, &engine).starts_with("confirmed.json: "));
    assert!(engine.pending.is_some());
    drop(engine);
    engine = host.start();
    assert!(engine.pending.is_some());
    NOW.set(NOW.get() + 60);
    engine.do_due_work();
    assert_eq!(engine.running.intent.tree, tree(NICS));
}

#[test]
fn a_commit_that_cannot_be_undone_is_kept() {
    let (host, mut engine) = Host::with_nics();
    let session = engine.session();
    engine.set(session, CABLE);
    let timeout = Duration::from_secs(60);
    let confirmed = Some(Confirmed { timeout, by: ConfirmedBy::Anybody, probes: Vec::new() });
    engine.commit(session, Request { confirmed, ..Request::default() }).unwrap();
    engine.ledger.last_checkpoint(&engine.running.version());
    let running = engine.running.intent.tree.clone();
    drop(engine);
    host.write("history/000000000002.json", "{}");
    let mut engine = host.start();
    NOW.set(NOW.get() + 60);
    engine.do_due_work();
    assert_eq!(engine.running.intent.tree, running);
    engine.apply("/iproute2-ip-netns:netnses/netns[name='new']").unwrap();
}

#[test]
fn a_rescue_configuration_that_cannot_be_read_is_kept_too() {
    let (host, mut engine) = Host::with_nics();
    crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
    engine.ledger.last_checkpoint(&engine.running.version());
    drop(engine);
    host.damage("running.json", DAMAGES[0]);
    let damaged = host.damage("rescue.json", DAMAGES[3]);
    let engine = host.start();
    assert!(engine.running.intent.tree.is_empty());
    let comment = comment(&host, &engine);
    assert!(comment.contains("rescue.json: format 2 is not known"), "{comment}");
    crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
    assert_eq!(fs::read(host.path("rescue.json.unreadable-2")).unwrap(), damaged);
    goes_on(&host, engine);
}

#[test]
fn without_originals_nothing_is_given_back() {
    let (host, mut engine) = Host::with_nics();
    engine.ledger.last_checkpoint(&engine.running.version());
    drop(engine);
    host.damage("running.json", DAMAGES[0]);
    let kernel = host.kernel.state();
    let refused = give_back(host.settings(), schema(), Box::new(host.kernel.clone()));
    assert!(message(refused).contains("running.json: "));
    assert_eq!(host.kernel.state(), kernel);
}

#[test]
fn a_file_that_nobody_understands_stays_and_nothing_is_written() {
    for name in ["running.json", "startup.json", "journal", "originals.json", "scheduled.json"] {
        let (host, mut engine) = Host::with_nics();
        engine.ledger.last_checkpoint(&engine.running.version());
        drop(engine);
        let path = host.path(name);
        let _absent = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
        let listed = |host: &Host| {
            let entries = fs::read_dir(host.path("")).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            (names, host.commits())
        };
        let (before, kernel) = (listed(&host), host.kernel.state());
        let mut engine = host.start();
        assert_eq!(host.kernel.state(), kernel, "{name}");
        let comment = engine.past().entries()[0].comment.clone().unwrap();
        assert!(comment.contains("it is a directory and not a regular file"), "{comment}");
        let refused = message(engine.apply(CABLE));
        assert!(refused.contains(name), "{refused}");
        assert!(refused.ends_with("mend that, and start netloomd again"), "{refused}");
        assert_eq!(engine.waits(), None, "{name}");
        drop(engine);
        assert_eq!(listed(&host), before, "{name}");

        // Without it the daemon goes on, from what there is.
        fs::remove_dir(&path).unwrap();
        host.start().apply("/iproute2-ip-netns:netnses/netns[name='new']").unwrap();
    }
}

#[test]
fn a_host_that_boots_with_a_file_that_nobody_understands_has_its_network() {
    let (mut host, engine) = Host::with_nics();
    let kernel = host.kernel.state();
    drop(engine);
    fs::create_dir(host.path("scheduled.json")).unwrap();
    host.reboot(&["enp0s4", "enp0s5"]);
    let mut engine = host.start();
    assert_eq!(host.kernel.state(), kernel);
    assert!(message(engine.apply(CABLE)).contains("scheduled.json"));
    assert_eq!(host.kernel.state(), kernel);
}

#[test]
fn a_schedule_that_cannot_be_read_is_kept_once() {
    for text in ["{", r#"{"format":1,"content":{"last":4294967295,"waiting":[]}}"#] {
        let (host, engine) = Host::with_nics();
        drop(engine);
        host.write("scheduled.json", text);
        let engine = host.start();
        assert_eq!(host.file("scheduled.json.unreadable-2").unwrap(), text);
        assert!(comment(&host, &engine).starts_with("scheduled.json: "));
        goes_on(&host, engine);
    }
}

#[test]
fn the_last_number_that_there_is_is_no_commit() {
    for file in ["18446744073709551615", "18446744073709551614", "9223372036854775808"] {
        let (host, engine) = Host::with_nics();
        drop(engine);
        host.write(&format!("history/{file}.json"), "{}");
        let mut engine = host.start();
        assert_eq!(engine.running.intent.tree, tree(NICS));
        assert_eq!(engine.apply(CABLE).unwrap().id, Some(2));
        assert_eq!(host.file(&format!("history/{file}.json")).unwrap(), "{}");
    }
}
