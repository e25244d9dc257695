//! A process that dies at any boundary of a commit: the next one finds the old configuration or the new one, whole.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;
use crate::step::{Boundary, Fault, Step};

#[test]
fn a_commit_cut_at_any_step_is_whole_after_the_next_start() {
    for step in Step::ALL {
        let failing = matches!(step, Step::Reverted | Step::Withdrawn);
        let host = Host::new();
        let mut engine = host.start();
        engine.apply(NICS).unwrap();
        if failing {
            host.kernel.refuse_after(4, libc::ENOMEM);
        }
        cut(engine, Boundary::Step(step));
        check_whole(&host, step.name());
    }
}

#[test]
fn a_commit_cut_between_operations_is_whole_after_the_next_start() {
    for operations in 0.. {
        let host = Host::new();
        let mut engine = host.start();
        engine.apply(NICS).unwrap();
        if !cut(engine, Boundary::Operations(operations)) {
            assert!(operations > 7, "only {operations} operations");
            return;
        }
        check_whole(&host, &format!("{operations} operations"));
    }
}

/// Commits the cable with a fault; answers whether it struck.
fn cut(mut engine: Engine, at: Boundary) -> bool {
    engine.fault = Some(Fault { at, strike: || resume_unwind(Box::new("cut")) });
    catch_unwind(AssertUnwindSafe(|| engine.apply(CABLE))).is_err()
}

/// Kernel and datastores hold the same configuration, the old or the new, and the next commit works.
fn check_whole(host: &Host, cut: &str) {
    let mut engine = host.start();
    let (old, new) = (tree(NICS), tree(&[NICS, CABLE].concat()));
    let fresh = Host::new();
    let mut reference = fresh.start();
    reference.apply(NICS).unwrap();
    if engine.running.tree == new {
        reference.apply(CABLE).unwrap();
    } else {
        assert_eq!(engine.running.tree, old, "{cut}");
    }
    assert_eq!(host.kernel.state(), fresh.kernel.state(), "{cut}");
    assert_eq!(engine.startup, engine.running.tree, "{cut}");
    assert_eq!(engine.history.entries(), reference.history.entries(), "{cut}");
    assert_eq!(host.file("journal"), None, "{cut}");
    engine.apply(CABLE).unwrap();
    engine.apply("no /iproute2-ip-route:routes").unwrap();
}
