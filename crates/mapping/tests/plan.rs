//! The golden plans of `tests/plan` on the fake kernel.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use netstate::State;
use testkit::{FakeKernel, plan_cases, run_plan_case};
use yang::{Schema, Tree};

#[test]
fn golden_plans() {
    for case in plan_cases() {
        println!("{}", case.display());
        run_plan_case(&case, FakeKernel::default(), lower);
    }
}

fn lower(json: &str) -> State {
    let tree = Tree::from_json(Schema::netloom().unwrap(), json).unwrap();
    tree.validate().unwrap();
    mapping::lower(&tree).unwrap()
}
