//! What others have is as it was: after a commit that the kernel refused at its very end, and once everything that was
//! adopted is given back.
//!
//! Each case is one operation on a device that is full of what others have made. The whole of what ip(8) and `/proc/sys/net`
//! tell is compared before and after.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod given_back;
mod refused;
mod surroundings;

use std::collections::BTreeSet;

use acceptance::{Daemon, kernel, step};
use serde_json::Value;
use testkit::netns::{ip, isolated};

use self::surroundings::{Surroundings, lacks};

/// One thing that a configuration does.
#[derive(Clone, Copy)]
struct Case {
    /// In words.
    title: &'static str,
    /// What is configured before, and is no part of what is compared.
    before: &'static str,
    /// The lines, each from the top.
    lines: &'static str,
    /// What nothing puts back (docs/ownership.md): the names of fields and parameters.
    lost: &'static [&'static str],
}

impl Case {
    const fn new(title: &'static str, lines: &'static str) -> Case {
        Case { title, before: "", lines, lost: &[] }
    }

    const fn losing(self, lost: &'static [&'static str]) -> Case {
        Case { lost, ..self }
    }

    /// A snapshot without what nothing puts back.
    fn compared(&self, snapshot: &BTreeSet<String>) -> BTreeSet<String> {
        let line = |line: &String| match line.split_once(": {") {
            Some((asked, fields)) => {
                let mut value = serde_json::from_str(&format!("{{{fields}")).expect("a line");
                self.strip(&mut value);
                Some(format!("{asked}: {value}"))
            }
            None => {
                let is_lost =
                    |name: &&str| line.split(':').next().is_some_and(|path| path.ends_with(name));
                (!self.lost.iter().any(is_lost)).then(|| line.clone())
            }
        };
        snapshot.iter().filter_map(line).collect()
    }

    fn strip(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !self.lost.contains(&name.as_str()));
                fields.values_mut().for_each(|value| self.strip(value));
            }
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.strip(value));
                if self.lost.contains(&"order") {
                    values.sort_by_key(Value::to_string);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Plays every case in surroundings of its own, and tells what all of them leave otherwise.
#[track_caller]
fn play(
    cases: &[Case],
    by_others: impl Fn(&Case) -> &'static [&'static str] + Sync + std::panic::RefUnwindSafe,
    act: impl Fn(&mut Daemon, &Case) + Sync + std::panic::RefUnwindSafe,
) {
    let only = std::env::var("CASE").unwrap_or_default();
    let mut failures = Vec::new();
    for case in cases.iter().filter(|case| case.title.contains(&only)) {
        if let Some(kind) = lacks(case) {
            println!("- skipped, as this kernel has no {kind} links: {}", case.title);
            continue;
        }
        step(case.title);
        let played = std::panic::catch_unwind(|| {
            isolated(|| {
                let _surroundings = Surroundings::new();
                let mut daemon = Daemon::start();
                if !case.before.is_empty() {
                    daemon.run(&script(case.before, "commit"));
                }
                by_others(case).iter().for_each(|arguments| drop(ip(arguments)));
                let before = kernel::settled();
                act(&mut daemon, case);
                kernel::differences_from(&before, |snapshot| case.compared(snapshot))
            })
        });
        let differences = played.unwrap_or_else(|_| "it fails".into());
        if !differences.is_empty() {
            println!("{differences}");
            failures.push(format!("{}:\n{differences}", case.title));
        }
    }
    assert!(failures.is_empty(), "others have lost something:\n{}", failures.join("\n"));
}

/// A script that edits from the top, line by line.
fn script(lines: &str, end: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("top\n{line}\n")).collect();
    format!("configure\n{lines}{end}\n")
}

#[test]
fn the_surroundings_stay_as_they_are_by_themselves() {
    isolated(|| {
        let _surroundings = Surroundings::new();
        let before: BTreeSet<String> = kernel::settled();
        let _daemon = Daemon::start();
        kernel::await_as(&before);
    });
}
