//! The golden plans of `tests/plan` on Linux.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;

use kernel::Kernel;
use netstate::link::CreatedBy;
use netstate::{LinkKind, State};
use testkit::netns::{has_link_kind, isolated};
use testkit::{plan_cases, run_plan_case};
use yang::{Schema, Tree};

#[test]
fn golden_plans() {
    let lacking: Vec<String> = isolated(|| {
        let made = LinkKind::all().filter(|kind| kind.facts().created_by == CreatedBy::Netlink);
        made.map(|kind| kind.name().to_owned()).filter(|kind| !has_link_kind(kind)).collect()
    });
    for case in plan_cases() {
        println!("{}", case.display());
        if lacking.iter().any(|kind| has(&case, kind)) {
            println!("skipped: this kernel lacks {}", lacking.join(", "));
            continue;
        }
        isolated(|| run_plan_case(&case, Kernel::open().unwrap(), lower));
    }
}

/// Whether a case creates links of a kind.
fn has(case: &Path, kind: &str) -> bool {
    let [identity, list] = [format!(":{kind}\""), format!("\"{kind}\": [")];
    let files = fs::read_dir(case).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter_map(|path| fs::read_to_string(path).ok());
    texts.into_iter().any(|text| text.contains(&identity) || text.contains(&list))
}

fn lower(json: &str) -> State {
    let tree = Tree::from_json(Schema::netloom().unwrap(), json).unwrap();
    tree.validate().unwrap();
    mapping::lower(&tree).unwrap()
}
