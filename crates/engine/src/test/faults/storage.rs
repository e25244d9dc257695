//! A disk that is full or broken: each operation on a file of the state directory fails.

use super::report::{Row, check_section};
use super::*;
use crate::ledger::store::disk::{Disk, Injected};

/// How an operation fails.
#[derive(Clone, Copy)]
pub(super) enum FailureMode {
    /// It fails once, without effect.
    Once,
    /// It reports a failure once, but takes effect.
    Lying,
    /// It fails, and so do all later ones until the attempt is over: the disk is full.
    Onwards,
}

impl FailureMode {
    pub(super) const ALL: [FailureMode; 3] =
        [FailureMode::Once, FailureMode::Lying, FailureMode::Onwards];

    /// Makes a disk fail in this way from an operation on.
    pub(super) fn strike(self, disk: &Disk, failing: usize, errno: i32) {
        let mut count = 0;
        disk.faults.set(move |_| {
            let index = count;
            count += 1;
            match self {
                FailureMode::Once => (index == failing).then_some(Injected::Refused(errno)),
                FailureMode::Lying => (index == failing).then_some(Injected::Done(errno)),
                FailureMode::Onwards => (index >= failing).then_some(Injected::Refused(errno)),
            }
        });
    }
}

#[test]
fn a_disk_failure_leaves_the_old_or_the_new_configuration() {
    let sections = CASES.iter().map(|case| (case.title, rows(case)));
    check_section(
        "storage",
        &["at", "fails", "fails, yet is done", "fails, as do all that follow"],
        sections,
    );
}

/// One row for each operation, with the result of each kind of failure.
fn rows(case: &Case) -> Vec<Row> {
    let ends = case.ends();
    let operations = operations(case);
    assert!(operations.len() >= 4, "only {} operations", operations.len());
    let row = |(index, operation): (usize, &String)| Row {
        boundary: operation.clone(),
        outcomes: FailureMode::ALL.map(|manner| outcome(case, &ends, index, manner)).to_vec(),
    };
    operations.iter().enumerate().map(row).collect()
}

/// The file operations of the case, as text.
fn operations(case: &Case) -> Vec<String> {
    let (host, mut engine) = case.prepared();
    let operations = Arc::new(Mutex::new(Vec::new()));
    let dir = host.state_dir.path().join("netloom");
    let recorded = Arc::clone(&operations);
    engine.ledger.store().disk.faults.set(move |operation| {
        recorded.lock().unwrap().push(report::in_words(operation, &dir));
        None
    });
    (case.act)(&mut engine).unwrap();
    engine.ledger.store().disk.faults.clear();
    let operations = operations.lock().unwrap();
    operations.clone()
}

/// The result of a failed operation.
fn outcome(case: &Case, ends: &Ends, failing: usize, manner: FailureMode) -> String {
    let full = outcome_by(case, ends, (failing, manner, libc::ENOSPC));
    assert_eq!(full, outcome_by(case, ends, (failing, manner, libc::EIO)));
    full
}

/// Runs the case on a disk that fails at an operation, checks all promises, and returns the result.
fn outcome_by(
    case: &Case,
    ends: &Ends,
    (failing, manner, errno): (usize, FailureMode, i32),
) -> String {
    let (host, mut engine) = case.prepared();
    manner.strike(&engine.ledger.store().disk, failing, errno);
    let what = format!("{}, operation {failing}", case.title);
    let message = (case.act)(&mut engine).map_err(|errors| errors.describe());
    let found = Found { held: Held::by(&engine, &host), message, waits: engine.diverged.is_some() };
    let outcome = judge(case, ends, found, Held::after_restart(&host, case));
    engine.ledger.store().disk.faults.clear();
    check_next_commit(&mut engine, &host, &what);
    let then = Held::by(&engine, &host);
    drop(engine);
    assert_eq!(Held::after_restart(&host, case).unlike(&then), "", "{what}");
    outcome
}

/// The result of a failure.
struct Found {
    held: Held,
    message: std::result::Result<String, String>,
    /// Whether the disk must recover before another commit is possible.
    waits: bool,
}

/// Checks that the user's message is true, now and after a restart. Returns a description of the
/// result.
fn judge(case: &Case, ends: &Ends, found: Found, restarted: Held) -> String {
    let (Ends { old, new, .. }, what) = (ends, case.title);
    let Found { held, message, waits } = found;
    let mixture = restarted != *old && restarted != *new;
    assert!(!mixture, "{what}: {message:?}: {}; {}", restarted.unlike(old), restarted.unlike(new));
    match message {
        Ok(message) if message.contains("; but ") => {
            // Startup may change late, and originals may be given back late.
            let held = Held { startup: new.startup.clone(), adopted: new.adopted.clone(), ..held };
            assert_eq!(held.unlike(new), "", "{what}: {message}");
            assert_eq!(restarted.unlike(new), "", "{what}: {message}");
            "new, with a warning".into()
        }
        Ok(message) => {
            assert_eq!(held.unlike(new), "", "{what}: {message}");
            assert_eq!(restarted.unlike(new), "", "{what}: {message}");
            if old == new { "the same" } else { "new" }.into()
        }
        Err(_) if case.single_file && held == *new => "new, but reported as failed".into(),
        Err(message) => {
            // The originals of the attempt are forgotten last.
            let held = match waits {
                true => Held { adopted: old.adopted.clone(), ..held },
                false => held,
            };
            assert_eq!(held.unlike(old), "", "{what}: {message}");
            assert_eq!(restarted.unlike(old), "", "{what}: {message}");
            if waits { "old, and waits for the disk" } else { "old" }.into()
        }
    }
}
