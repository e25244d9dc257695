//! A disk that is full or broken while the daemon starts.

use super::report::{Row, check_section};
use super::southbound::{Call, Interfered};
use super::storage::FailureMode;
use super::*;

/// A start, and what it must apply.
struct Start {
    title: &'static str,
    host: fn() -> Host,
}

const STARTS: [Start; 3] = [
    Start { title: "A start that undoes a commit that was cut short", host: cut_short },
    Start {
        title: "A boot of the host",
        host: || {
            let (mut host, engine) = Host::with_nics();
            drop(engine);
            host.reboot(&["enp0s4", "enp0s5"]);
            host
        },
    },
    Start {
        title: "A boot of the host, where startup is not what running was",
        host: || {
            let (mut host, engine) = Host::with_nics();
            drop(engine);
            host.autosave = false;
            host.start().apply(CABLE).unwrap();
            host.reboot(&["enp0s4", "enp0s5"]);
            host
        },
    },
];

/// A host whose daemon died in the middle of a commit that adopts objects.
fn cut_short() -> Host {
    let host = Host::new();
    let mut engine = host.start();
    let mut operations = 0;
    Interfered::between(&mut engine, &host.kernel, move |call, _| match call {
        Call::Observe => None,
        Call::Execute(_) => {
            operations += 1;
            (operations > 4).then_some(libc::EIO)
        }
    });
    engine.apply(NICS).unwrap_err();
    assert!(host.file("journal").is_some());
    host
}

#[test]
fn a_start_on_a_disk_that_fails_leaves_the_old_or_the_new() {
    let sections = STARTS.iter().map(|start| (start.title, rows(start)));
    let columns = ["at", "fails", "fails, yet is done", "fails, as do all that follow"];
    check_section("start", &columns, sections);
}

/// One row for each operation, with the result of each kind of failure.
fn rows(start: &Start) -> Vec<Row> {
    let host = (start.host)();
    let dir = host.state_dir.path().join("netloom");
    let operations = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&operations);
    let found = host.boot().find().unwrap();
    let disk = found.engine.ledger.store().disk.clone();
    disk.faults.set(move |operation| {
        recorded.lock().unwrap().push(report::in_words(operation, &dir));
        None
    });
    let engine = found.start().unwrap();
    disk.faults.clear();
    let whole = Held::by(&engine, &host);
    let operations = operations.lock().unwrap();
    let row = |(index, operation): (usize, &String)| Row {
        boundary: operation.clone(),
        outcomes: FailureMode::ALL.map(|manner| outcome(start, &whole, index, manner)).to_vec(),
    };
    operations.iter().enumerate().map(row).collect()
}

/// Starts on a disk that fails at an operation. If the start is refused, it starts again on a
/// healthy disk.
fn outcome(start: &Start, whole: &Held, failing: usize, manner: FailureMode) -> String {
    let host = (start.host)();
    let what = format!("{}, operation {failing}", start.title);
    let found = host.boot().find().unwrap();
    let disk = found.engine.ledger.store().disk.clone();
    manner.strike(&disk, failing, libc::ENOSPC);
    let started = found.start();
    disk.faults.clear();
    let (mut engine, outcome) = match started {
        Ok(mut engine) if engine.diverged.is_some() => {
            NOW.set(NOW.get() + 10);
            engine.do_due_work();
            assert!(engine.diverged.is_none(), "{what}");
            (engine, "starts, and waits for the disk")
        }
        Ok(mut engine) if engine.ledger.unrecorded_until().is_some() => {
            assert_eq!(host.kernel.state(), whole.kernel, "{what}");
            let before = past(&engine);
            NOW.set(NOW.get() + 10);
            engine.do_due_work();
            assert!(engine.ledger.unrecorded_until().is_none(), "{what}");
            assert_eq!(past(&engine), before, "{what}");
            (engine, "starts whole, and writes it down later")
        }
        Ok(engine) => (engine, "starts"),
        Err(errors) => {
            let message = errors.describe();
            assert!(message.contains("No space left on device"), "{what}: {message}");
            (host.start(), "refused; then whole")
        }
    };
    assert_eq!(Held::by(&engine, &host).unlike(whole), "", "{what}");
    check_next_commit(&mut engine, &host, &what);
    outcome.into()
}

/// The commits, each with its configuration.
fn past(engine: &Engine) -> Vec<(u64, usize, Tree)> {
    let past = engine.past();
    let commits = past.verify().unwrap().into_iter();
    commits.map(|one| (one.id, one.position, past.at(Revision::Id(one.id)).unwrap())).collect()
}
