//! The golden plans of `tests/plan`: from configurations to plans as text, on any kernel.
//!
//! A case is a folder. `host.json` is what others have set up. `1.json`, `2.json` … are
//! configurations that are committed one after the other. After the last one, everything is given
//! back. `plan.txt` contains the plan of each step, or why it is refused. The same cases run on the
//! fake kernel and on Linux.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use netstate::{Originals, Southbound, State};

use crate::Owner;

/// The folders of the cases, in order.
pub fn plan_cases() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/plan");
    let entries = fs::read_dir(all).expect("tests/plan is there");
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a folder").path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

/// Runs a case; `lower` returns the desired state of a configuration.
pub fn run_plan_case(case: &Path, southbound: impl Southbound, lower: impl Fn(&str) -> State) {
    let read = |name: &str| fs::read_to_string(case.join(name)).ok().map(|text| lower(&text));
    let mut host = Owner::new(southbound);
    let foreign = read("host.json").unwrap_or_default();
    host.commit(&foreign).expect("the host can be set up");
    let mut owner = Owner::new(host.southbound);
    let mut text = String::new();
    let steps = (1..).map_while(|step| read(&format!("{step}.json")));
    let back = std::iter::once(State::default());
    for (step, desired) in steps.chain(back).enumerate() {
        let title = match desired.objects.is_empty() {
            true => "back".into(),
            false => format!("{}", step + 1),
        };
        match owner.commit(&desired) {
            Ok(plan) => {
                let held = owner.held.iter().map(|reason| format!("held: {reason}\n"));
                write!(text, "# {title}\n{plan}{}\n", held.collect::<String>())
            }
            Err(refusal) => write!(text, "# {title}: refused\n{refusal}\n\n"),
        }
        .expect("a string takes text");
    }
    assert_eq!(owner.originals, Originals::default(), "everything is given back");
    let rest = owner.plan(&foreign, &foreign).expect("the host can be planned");
    assert!(rest.ops.is_empty(), "the host is not as it was; it lacks:\n{rest}");
    expect_file![case.join("plan.txt")].assert_eq(text.trim_end_matches('\n'));
}
