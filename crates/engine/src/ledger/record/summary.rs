//! The changes of a commit, summarised on one line.

use std::collections::BTreeMap;

use yang::{Diff, Go, NodeKind, Part, Step};

/// The list entries that a diff changes, counted: `2 netns, 1 link added; 1 route changed`. A
/// change outside of any list counts as a setting.
pub(crate) fn summary(diff: &Diff) -> String {
    let mut tally: BTreeMap<Verb, Vec<(&str, usize)>> = BTreeMap::new();
    let mut counted: Vec<Step> = Vec::new();
    diff.walk(|part, steps| {
        let entry = steps.iter().position(|step| !step.keys.is_empty());
        let instance = entry.map_or(steps, |at| &steps[..=at]);
        let Some(last) = instance.last() else { return Go::Below };
        if entry.is_none() && matches!(last.node.kind, NodeKind::Container { .. }) {
            return Go::Below;
        }
        // The changes of one entry follow each other.
        if counted == instance {
            return Go::Past;
        }
        let verb = match part {
            Part::Created(..) if steps.len() == instance.len() => Verb::Added,
            Part::Deleted(..) if steps.len() == instance.len() => Verb::Removed,
            Part::Created(..) | Part::Replaced(..) | Part::Deleted(..) => {
                counted = instance.to_vec();
                Verb::Changed
            }
        };
        let noun = if entry.is_some() { last.node.name } else { "setting" };
        let counts = tally.entry(verb).or_default();
        match counts.iter_mut().find(|(known, _)| *known == noun) {
            Some((_, count)) => *count += 1,
            None => counts.push((noun, 1)),
        }
        Go::Past
    });
    let parts: Vec<String> = tally.iter().map(|(verb, counts)| part(*verb, counts)).collect();
    parts.join("; ")
}

/// In the order of the summary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verb {
    Added,
    Changed,
    Removed,
}

fn part(verb: Verb, counts: &[(&str, usize)]) -> String {
    let nouns: Vec<String> = counts.iter().map(|(noun, count)| plural(noun, *count)).collect();
    let verb = match verb {
        Verb::Added => "added",
        Verb::Changed => "changed",
        Verb::Removed => "removed",
    };
    format!("{} {verb}", nouns.join(", "))
}

/// A noun that ends in `s`, such as `netns`, is its own plural.
fn plural(noun: &str, count: usize) -> String {
    let ending = if count == 1 || noun.ends_with('s') { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::test::tree;

    fn check(before: &str, after: &str, expect: Expect) {
        expect.assert_eq(&summary(&tree(before).diff(&tree(after))));
    }

    #[test]
    fn entries_are_counted_by_kind_of_change() {
        let a = "/iproute2-ip-link:links/link[name='a']/mtu = 1500";
        let b = "\n/iproute2-ip-link:links/link[name='b']/ip[address='10.0.0.1/8']";
        let c = "\n/iproute2-ip-netns:netnses/netns[name='c']";
        let d = "\n/iproute2-ip-netns:netnses/netns[name='d']";
        check("", a, expect!["1 link added"]);
        check("", &[a, b, c, d].concat(), expect!["2 netns, 2 links added"]);
        check(
            &[a, b].concat(),
            &[&a.replace("1500", "1400"), d].concat(),
            expect!["1 netns added; 1 link changed; 1 link removed"],
        );
        check(b, "/iproute2-ip-link:links/link[name='b']", expect!["1 link changed"]);
    }
}
