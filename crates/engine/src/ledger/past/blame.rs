//! Who last changed what: each commit with the outermost instances that it changed.

use yang::{Change, NodeKind, Path, Tree};

use crate::ledger::record::HistoryEntry;

/// A commit, and the instances that it changed.
#[derive(Clone, Debug)]
pub struct Blamed {
    /// The commit.
    pub entry: HistoryEntry,
    /// The changed instances: those that were created, with all that is below them; leaves whose
    /// value changed; and list entries that lost something. The latest commit that names an
    /// instance, or an ancestor of it, is the last one that changed it.
    pub paths: Vec<Path>,
}

/// The instances that a commit from `before` to `after` changed, as far as they still exist in the
/// later `running`.
pub(crate) fn touched(before: &Tree, after: &Tree, running: &Tree) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    let mut gone: Option<Path> = None;
    for change in before.diff(after).changes() {
        let within =
            |whole: Option<&Path>| whole.is_some_and(|whole| change.path().is_below(whole));
        match &change {
            Change::Created(path, _) if !within(paths.last()) => paths.push(path.clone()),
            Change::Replaced(path, ..) => paths.push(path.clone()),
            Change::Deleted(path, _) if !within(gone.as_ref()) => {
                gone = Some(path.clone());
                let above = &path.steps[..path.steps.len().saturating_sub(1)];
                let entry = above.iter().rposition(|step| step.node.kind == NodeKind::List);
                let lives =
                    |at: usize| running.node(&Path { steps: above[..=at].to_vec() }).is_some();
                if entry.is_some_and(lives) {
                    paths.push(path.clone());
                }
            }
            Change::Created(..) | Change::Deleted(..) => {}
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::test::tree;

    #[track_caller]
    fn check(before: &str, after: &str, expected: Expect) {
        let (before, after) = (tree(before), tree(after));
        let paths = touched(&before, &after, &after);
        expected.assert_eq(&paths.iter().map(|path| format!("{path}\n")).collect::<String>());
    }

    const A: &str = "/iproute2-ip-link:links/link[name='a']/mtu = 1500\n";
    const B: &str = "/iproute2-ip-link:links/link[name='b']/ip[address='10.0.0.1/8']\n";

    #[test]
    fn a_created_subtree_is_one_change() {
        check(
            "",
            &[A, B].concat(),
            expect![[r#"
            /iproute2-ip-link:links
        "#]],
        );
        check(
            A,
            &[A, B].concat(),
            expect![[r#"
            /iproute2-ip-link:links/link[name='b']
        "#]],
        );
        check(
            "/iproute2-ip-link:links/link[name='a']",
            A,
            expect![[r#"
            /iproute2-ip-link:links/link[name='a']/mtu
        "#]],
        );
    }

    #[test]
    fn a_changed_parameter_is_reported() {
        check(
            A,
            &A.replace("1500", "1400"),
            expect![[r#"
            /iproute2-ip-link:links/link[name='a']/mtu
        "#]],
        );
    }

    #[test]
    fn a_removal_is_shown_at_the_remaining_entry() {
        check(&[A, B].concat(), A, expect![""]);
        check(&[A, B].concat(), "", expect![""]);
        check(
            A,
            "/iproute2-ip-link:links/link[name='a']",
            expect![[r#"
            /iproute2-ip-link:links/link[name='a']/mtu
        "#]],
        );
        check(
            &[A, B].concat(),
            "/iproute2-ip-link:links/link[name='b']/mtu = 9000",
            expect![[r#"
            /iproute2-ip-link:links/link[name='b']/mtu
            /iproute2-ip-link:links/link[name='b']/ip[address='10.0.0.1/8']
        "#]],
        );
    }
}
