//! `docs/verdict.md` agrees with the rules, and each rule has tests on the real kernel.

use std::collections::BTreeSet;
use std::fmt::Write;

use expect_test::expect_file;
use netstate::noun::{Outcome, Rule};

/// The tests that the rules name.
const TESTS: &str = concat!(
    include_str!("../../../tests/acceptance/tests/verdict/gateways.rs"),
    include_str!("../../../tests/acceptance/tests/verdict/ipv6.rs"),
    include_str!("../../../tests/acceptance/tests/verdict/links.rs"),
    include_str!("../../../tests/acceptance/tests/verdict/namespaces.rs"),
    include_str!("../../../tests/acceptance/tests/verdict/nexthops.rs"),
    include_str!("../../../tests/acceptance/tests/verdict/parameters.rs"),
    include_str!("../../../tests/acceptance/tests/verdict/sources.rs"),
);

const BEFORE: &str = "\
# Active, held or refused

<!-- Generated from crates/netstate/src/noun/condition.rs by crates/netstate/tests/rules.rs: UPDATE_EXPECT=1 rewrites it. -->

Each configured object is *active* (it is in the kernel as configured) or *held* (it is not, or only a part of it is). A
configuration that cannot be active is *refused*. Which of these an object is depends on the configuration and on what others
have made, and never on what was configured before. The same configuration therefore has the same result from an empty
kernel, from any other configuration, at a boot and after a restore.

Each row is a condition for an object to be active, and what follows if it is not met:

- *refused*: the commit fails before the kernel is changed. The message names the object, the reason, and what would help.
- *held*: the commit succeeds, and the object is left out of the kernel until the condition is met. `commit check`, the
  answer to the commit, `show drift` and a notification name it, with the reason. See [held objects](cli.md#held-objects).
- *awaited*: the commit waits for it.
- *the kernel decides*: the commit fails if the kernel refuses the object, with the kernel's words. If others cause it later,
  it is drift.

At a boot nobody waits for an answer. What would be refused is then held.

| condition | of | if the configuration excludes it | if the environment excludes it | note | shown by |
|---|---|---|---|---|---|
";

const AFTER: &str = "
The last column names tests in `tests/acceptance/tests/verdict/`. They run the real programs on the real kernel, and check
the kernel with ip(8): `cargo test -p acceptance --test verdict NAME -- --nocapture` prints what a user would see.
";

#[test]
fn the_document_agrees_with_the_rules() {
    let mut document = BEFORE.to_owned();
    for rule in Rule::ALL {
        let tests: Vec<String> = rule.shown_by.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(
            document,
            "| {} | {} | {} | {} | {} | {} |",
            rule.condition,
            rule.of,
            words(rule.by_configuration),
            words(rule.by_environment),
            rule.note,
            tests.join("<br>"),
        );
    }
    document.push_str(AFTER);
    expect_file!["../../../docs/verdict.md"].assert_eq(&document);
}

#[test]
fn each_rule_is_shown_by_tests_and_each_test_shows_a_rule() {
    let written = TESTS.split("#[test]\nfn ").skip(1);
    let written: BTreeSet<&str> =
        written.filter_map(|test| Some(test.split_once('(')?.0)).collect();
    let named: BTreeSet<&str> = Rule::ALL.iter().flat_map(|rule| rule.shown_by).copied().collect();
    assert_eq!(written, named);
    assert!(Rule::ALL.iter().all(|rule| !rule.shown_by.is_empty()));
}

fn words(outcomes: &[Outcome]) -> String {
    match outcomes {
        [] => "cannot be".into(),
        outcomes => outcomes.iter().map(|outcome| outcome.name()).collect::<Vec<_>>().join(" or "),
    }
}
