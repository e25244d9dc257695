//! Three-way merge: a session's changes on top of later commits of others.
//!
//! Both sides are compared with their common base. A node that only one side changed takes that
//! side's change. A node that both sides changed in different ways is a conflict. A node that one
//! side changed while the other removed an ancestor is a conflict too. Nothing is lost, and the
//! user decides.

use yang::{Change, Diff, NodeKind, Path, Tree};

/// A node at which two versions conflict.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contradiction {
    pub(crate) path: Path,
    /// The node that must be taken whole from one side to resolve the conflict: the ancestor that
    /// the other side removed, or the node itself.
    pub(crate) whole: Path,
}

/// Merges `ours` and `theirs`, which are both based on `base`; or returns the conflicts.
pub(crate) fn merge(base: &Tree, ours: &Tree, theirs: &Tree) -> Result<Tree, Vec<Contradiction>> {
    let their_changes = changes(base, theirs);
    if their_changes.is_empty() {
        return Ok(ours.clone());
    }
    let our_changes = changes(base, ours);
    let conflicts = conflicts(&listed(&our_changes), &listed(&their_changes));
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let mut merged = theirs.clone();
    match merged.edit(&our_changes.to_edit()) {
        Ok(()) => Ok(merged),
        // The edit only merges and removes, which cannot fail in a tree of the same schema.
        Err(_) => {
            let paths = our_changes.parts().iter().map(|part| part.path().clone());
            Err(paths.map(|path| Contradiction { whole: path.clone(), path }).collect())
        }
    }
}

/// Replaces the content of `tree` at `place` by that of `from`.
pub(crate) fn replace_subtree(tree: &mut Tree, place: &Path, from: &Tree) {
    // Only a key cannot be removed, and a key is never in conflict: it identifies its entry.
    let _ = tree.remove(place);
    tree.merge(&from.subtree(place));
}

/// The differences without containers that have no presence: these come and go with their content.
fn changes(base: &Tree, newer: &Tree) -> Diff {
    base.diff(newer).opened()
}

/// The differences as a list of nodes.
fn listed(diff: &Diff) -> Vec<Change> {
    let is_meant = |change: &Change| {
        let node = change.path().steps.last().map(|step| step.node.kind);
        node != Some(NodeKind::Container { presence: false })
    };
    diff.changes().filter(is_meant).collect()
}

/// Walks the two lists side by side, both in the order of paths. It remembers the outermost node
/// that a side has removed as long as the walk is below it.
fn conflicts(ours: &[Change], theirs: &[Change]) -> Vec<Contradiction> {
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let (mut we_removed, mut they_removed): (Option<&Path>, Option<&Path>) = (None, None);
    let mut found: Vec<Contradiction> = Vec::new();
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (Some(our), Some(their)) => our.path().cmp(their.path()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return found,
        };
        let our = order.is_le().then(|| ours.next()).flatten();
        let their = order.is_ge().then(|| theirs.next()).flatten();
        let contradictory = match (our, their) {
            (Some(our), Some(their)) => our != their,
            (Some(our), None) => alters_below(our, they_removed),
            (None, Some(their)) => alters_below(their, we_removed),
            (None, None) => false,
        };
        // All changes within a removed node are one conflict.
        let found_above = |path: &Path| found.last().is_some_and(|last| path.is_below(&last.path));
        if let Some(path) = our.or(their).map(Change::path)
            && contradictory
            && !found_above(path)
        {
            let removed = [we_removed, they_removed].into_iter().flatten();
            let around = removed.filter(|removed| path.is_below(removed)).min();
            let (path, whole) = (path.clone(), around.unwrap_or(path).clone());
            found.push(Contradiction { path, whole });
        }
        we_removed = outermost(we_removed, our);
        they_removed = outermost(they_removed, their);
    }
}

/// Whether the change sets something below a node that the other side has removed.
fn alters_below(change: &Change, removed: Option<&Path>) -> bool {
    let removal = matches!(change, Change::Deleted(..));
    !removal && removed.is_some_and(|removed| change.path().is_below(removed))
}

fn outermost<'a>(removed: Option<&'a Path>, change: Option<&'a Change>) -> Option<&'a Path> {
    match change {
        Some(Change::Deleted(path, _)) if !removed.is_some_and(|above| path.is_below(above)) => {
            Some(path)
        }
        Some(Change::Deleted(..) | Change::Created(..) | Change::Replaced(..)) | None => removed,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::test::{lines, tree};

    const BASE: &str = "
        /iproute2-ip-link:links/link[name='a']/mtu = 1500
        /iproute2-ip-link:links/link[name='a']/netns = 1
        /iproute2-ip-link:links/link[name='b']/mtu = 1500";

    /// Merges two edits of the base; each starts with the whole base.
    fn check(ours: &str, theirs: &str, expect: Expect) {
        let base = tree(BASE);
        let changed = |lines: &str| tree(&[BASE, "\n", lines].concat());
        expect.assert_eq(&match merge(&base, &changed(ours), &changed(theirs)) {
            Ok(merged) => lines(&base, &merged),
            Err(found) => found.iter().map(|one| format!("conflict at {}\n", one.path)).collect(),
        });
    }

    #[test]
    fn a_change_of_one_side_is_merged() {
        check(
            "/iproute2-ip-link:links/link[name='a']/mtu = 1400",
            "/iproute2-ip-link:links/link[name='a']/netns = 7",
            expect![[r#"
                ~ /iproute2-ip-link:links/link[name='a']/mtu = 1400
                ~ /iproute2-ip-link:links/link[name='a']/netns = 7
            "#]],
        );
        check(
            "no /iproute2-ip-link:links/link[name='a']",
            "/iproute2-ip-link:links/link[name='c']",
            expect![[r#"
                - /iproute2-ip-link:links/link[name='a']
                - /iproute2-ip-link:links/link[name='a']/mtu
                - /iproute2-ip-link:links/link[name='a']/netns
                + /iproute2-ip-link:links/link[name='c']
            "#]],
        );
        check(
            "",
            "no /iproute2-ip-link:links",
            expect![[r#"
            - /iproute2-ip-link:links
            - /iproute2-ip-link:links/link[name='a']
            - /iproute2-ip-link:links/link[name='a']/mtu
            - /iproute2-ip-link:links/link[name='a']/netns
            - /iproute2-ip-link:links/link[name='b']
            - /iproute2-ip-link:links/link[name='b']/mtu
        "#]],
        );
    }

    #[test]
    fn a_list_emptied_by_one_side_keeps_additions_of_the_other() {
        check(
            "no /iproute2-ip-link:links",
            "/iproute2-ip-link:links/link[name='c']/mtu = 1500",
            expect![[r#"
                - /iproute2-ip-link:links/link[name='a']
                - /iproute2-ip-link:links/link[name='a']/mtu
                - /iproute2-ip-link:links/link[name='a']/netns
                - /iproute2-ip-link:links/link[name='b']
                - /iproute2-ip-link:links/link[name='b']/mtu
                + /iproute2-ip-link:links/link[name='c']
                + /iproute2-ip-link:links/link[name='c']/mtu = 1500
            "#]],
        );
    }

    #[test]
    fn the_same_change_on_both_sides_is_no_conflict() {
        check(
            "/iproute2-ip-link:links/link[name='a']/mtu = 1400",
            "/iproute2-ip-link:links/link[name='a']/mtu = 1400",
            expect![[r#"
                ~ /iproute2-ip-link:links/link[name='a']/mtu = 1400
            "#]],
        );
        check(
            "no /iproute2-ip-link:links/link[name='a']",
            "no /iproute2-ip-link:links/link[name='a']",
            expect![[r#"
                - /iproute2-ip-link:links/link[name='a']
                - /iproute2-ip-link:links/link[name='a']/mtu
                - /iproute2-ip-link:links/link[name='a']/netns
            "#]],
        );
        check(
            "no /iproute2-ip-link:links/link[name='a']",
            "no /iproute2-ip-link:links/link[name='a']/mtu",
            expect![[r#"
                - /iproute2-ip-link:links/link[name='a']
                - /iproute2-ip-link:links/link[name='a']/mtu
                - /iproute2-ip-link:links/link[name='a']/netns
            "#]],
        );
    }

    #[test]
    fn contradictions_are_told() {
        check(
            "/iproute2-ip-link:links/link[name='a']/mtu = 1400",
            "/iproute2-ip-link:links/link[name='a']/mtu = 1300",
            expect![[r#"
                conflict at /iproute2-ip-link:links/link[name='a']/mtu
            "#]],
        );
        check(
            "no /iproute2-ip-link:links/link[name='a']",
            "/iproute2-ip-link:links/link[name='a']/group = 7",
            expect![[r#"
                conflict at /iproute2-ip-link:links/link[name='a']/group
            "#]],
        );
        check(
            "/iproute2-ip-link:links/link[name='a']/ip[address='10.0.0.1/8']",
            "no /iproute2-ip-link:links/link[name='a']",
            expect![[r#"
                conflict at /iproute2-ip-link:links/link[name='a']/ip[address='10.0.0.1/8']
            "#]],
        );
        check(
            "/iproute2-ip-link:links/link[name='a']/mtu = 1400",
            "no /iproute2-ip-link:links",
            expect![[r#"
                conflict at /iproute2-ip-link:links/link[name='a']/mtu
            "#]],
        );
    }
}
