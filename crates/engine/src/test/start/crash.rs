//! A process that dies at any step of a commit: the next process finds the complete old or the
//! complete new configuration.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;
use crate::transaction::step::{Boundary, Fault, Step};

#[test]
fn a_commit_interrupted_at_any_step_is_complete_or_undone_after_restart() {
    for case in [MAKE, GIVE_BACK] {
        for step in Step::ALL {
            let host = Host::new();
            let mut engine = host.start();
            engine.apply(case.old).unwrap();
            if matches!(step, Step::Reverted | Step::Withdrawn) {
                host.kernel.refuse_after(3, libc::ENOMEM);
            }
            assert!(cut(engine, &case, Boundary::Step(step)), "{step:?} is not passed");
            check_whole(&host, &case, step.name());
        }
    }
}

#[test]
fn a_commit_interrupted_between_operations_is_complete_or_undone_after_restart() {
    for case in [MAKE, GIVE_BACK] {
        for operations in 0.. {
            let host = Host::new();
            let mut engine = host.start();
            engine.apply(case.old).unwrap();
            if !cut(engine, &case, Boundary::Operations(operations)) {
                assert!(operations > 3, "only {operations} operations");
                break;
            }
            check_whole(&host, &case, &format!("{operations} operations"));
        }
    }
}

/// A commit, and the configuration from which it starts.
#[derive(Clone, Copy)]
struct Case {
    old: &'static str,
    commit: &'static str,
}

const MAKE: Case = Case { old: NICS, commit: CABLE };

const GIVE_BACK: Case =
    Case { old: NICS, commit: "no /iproute2-ip-netns:netnses\nno /iproute2-ip-link:links" };

/// Commits with a fault. Returns whether the fault happened.
fn cut(mut engine: Engine, case: &Case, at: Boundary) -> bool {
    engine.kernel.fault = Some(Fault { at, strike: || resume_unwind(Box::new("cut")) });
    catch_unwind(AssertUnwindSafe(|| engine.apply(case.commit))).is_err()
}

/// Checks that kernel and datastores hold the same configuration, the old or the new one, and that
/// the next commit works.
fn check_whole(host: &Host, case: &Case, cut: &str) {
    let mut engine = host.start();
    let old = tree(case.old);
    let reference = Host::new();
    let mut expected = reference.start();
    expected.apply(case.old).unwrap();
    if engine.running.intent.tree != old {
        expected.apply(case.commit).unwrap();
    }
    assert_eq!(engine.running.intent.tree, expected.running.intent.tree, "{cut}");
    assert_eq!(host.kernel.state(), reference.kernel.state(), "{cut}");
    assert_eq!(engine.kernel.originals(), expected.kernel.originals(), "{cut}");
    assert_eq!(
        engine.ledger.startup().tree(&engine.running.intent.tree),
        &engine.running.intent.tree,
        "{cut}"
    );
    assert_eq!(engine.ledger.history().entries(), expected.ledger.history().entries(), "{cut}");
    assert_eq!(host.file("journal"), None, "{cut}");
    if engine.running.intent.tree == old {
        engine.apply(case.commit).unwrap();
        expected.apply(case.commit).unwrap();
    }
    assert_eq!(host.kernel.state(), reference.kernel.state(), "{cut}");
}
