//! What each operation of an edit does to a tree.

use expect_test::{Expect, expect};

use super::*;
use crate::sample::{lines, path, tree};

const BASE: &str = "/links/link[name='a']/mtu = 100
    /links/link[name='a']/map = 1:1
    /links/link[name='b']/vxlan/id = 5";

#[track_caller]
fn check(operation: Operation, at: &str, value: Option<&str>, expected: Expect) {
    let at = path(at);
    let value = value.map(|text| at.node().unwrap().value(text).unwrap());
    check_edit(&Edit::one(&at, operation, value), expected);
}

#[track_caller]
fn check_edit(edit: &Edit, expected: Expect) {
    let before = tree(BASE);
    let mut after = before.clone();
    let shown = match after.edit(edit) {
        Ok(()) => {
            let changes = before.diff(&after).changes().collect::<Vec<_>>();
            changes.iter().map(|change| format!("{}\n", show(change))).collect()
        }
        Err(error) => {
            assert_eq!(before, after);
            format!("{:?}: {error}", error.tag)
        }
    };
    expected.assert_eq(&shown);
}

fn show(change: &crate::Change) -> String {
    match change {
        crate::Change::Created(path, None) => format!("+ {path}"),
        crate::Change::Created(path, Some(value)) => format!("+ {path} = {value}"),
        crate::Change::Replaced(path, old, new) => format!("~ {path} = {old} -> {new}"),
        crate::Change::Deleted(path, None) => format!("- {path}"),
        crate::Change::Deleted(path, Some(value)) => format!("- {path} = {value}"),
    }
}

#[test]
fn merge() {
    use Operation::Merge;
    check(
        Merge,
        "/links/link[name='a']/mtu",
        Some("200"),
        expect![[r#"
        ~ /sample:links/link[name='a']/mtu = 100 -> 200
    "#]],
    );
    check(
        Merge,
        "/links/link[name='a']/mtu",
        None,
        expect!["MissingElement: /sample:links/link[name='a']/mtu: the value is missing"],
    );
    check(
        Merge,
        "/links/link[name='a']/map",
        Some("2:2"),
        expect![[r#"
        + /sample:links/link[name='a']/map[.='2:2'] = 2:2
    "#]],
    );
    check(
        Merge,
        "/links/link[name='a']/map[.='3:3']",
        None,
        expect![[r#"
        + /sample:links/link[name='a']/map[.='3:3'] = 3:3
    "#]],
    );
    check(
        Merge,
        "/links/link[name='c']/vxlan",
        None,
        expect![[r#"
        + /sample:links/link[name='c']
        + /sample:links/link[name='c']/vxlan
    "#]],
    );
    check(
        Merge,
        "/links/link",
        None,
        expect!["MissingElement: /sample:links/link: the entry's keys are missing"],
    );
    check(
        Merge,
        "/links/link[name='a']/name",
        Some("a"),
        expect!["BadElement: /sample:links/link[name='a']: a key's value cannot change"],
    );
    check(
        Merge,
        "/links/link[name='a']/state/rx",
        Some("1"),
        expect![
            "InvalidValue: /sample:links/link[name='a']/state: it is state, which cannot be configured"
        ],
    );
    check(Merge, "/routes", None, expect![""]);
}

#[test]
fn replace() {
    use Operation::Replace;
    check(
        Replace,
        "/links/link[name='a']",
        None,
        expect![[r#"
        - /sample:links/link[name='a']/mtu = 100
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
    "#]],
    );
    check(Replace, "/links/link[name='a']/mtu", Some("100"), expect![""]);
    check(
        Replace,
        "/links",
        None,
        expect![[r#"
        - /sample:links
        - /sample:links/link[name='a']
        - /sample:links/link[name='a']/mtu = 100
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
        - /sample:links/link[name='b']
        - /sample:links/link[name='b']/vxlan
        - /sample:links/link[name='b']/vxlan/id = 5
    "#]],
    );
}

#[test]
fn create() {
    use Operation::Create;
    check(
        Create,
        "/links/link[name='a']",
        None,
        expect!["DataExists: /sample:links/link[name='a']: it exists already"],
    );
    check(
        Create,
        "/links/link[name='c']",
        None,
        expect![[r#"
        + /sample:links/link[name='c']
    "#]],
    );
    check(
        Create,
        "/links/link[name='a']/mtu",
        Some("100"),
        expect!["DataExists: /sample:links/link[name='a']/mtu: it exists already"],
    );
    check(
        Create,
        "/links/link[name='a']/map",
        Some("1:1"),
        expect!["DataExists: /sample:links/link[name='a']/map[.='1:1']: it exists already"],
    );
    check(
        Create,
        "/links/link[name='a']/vxlan",
        None,
        expect![[r#"
        + /sample:links/link[name='a']/vxlan
    "#]],
    );
}

#[test]
fn delete_and_remove() {
    use Operation::{Delete, Remove};
    check(
        Delete,
        "/links/link[name='a']",
        None,
        expect![[r#"
        - /sample:links/link[name='a']
        - /sample:links/link[name='a']/mtu = 100
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
    "#]],
    );
    check(
        Delete,
        "/links/link[name='a']/mtu",
        None,
        expect![[r#"
        - /sample:links/link[name='a']/mtu = 100
    "#]],
    );
    check(
        Delete,
        "/links/link[name='a']/ifname",
        None,
        expect![
            "DataMissing: /sample:links/link[name='a']/sample-more:ifname: there is no such instance to delete"
        ],
    );
    check(
        Delete,
        "/links/link[name='a']/map[.='1:1']",
        None,
        expect![[r#"
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
    "#]],
    );
    check(
        Delete,
        "/links/link[name='a']/map[.='9:9']",
        None,
        expect![
            "DataMissing: /sample:links/link[name='a']/map[.='9:9']: there is no such instance to delete"
        ],
    );
    check(
        Delete,
        "/links/link[name='z']",
        None,
        expect!["DataMissing: /sample:links/link[name='z']: there is no such instance to delete"],
    );
    check(
        Delete,
        "/links/link[name='z']/mtu",
        None,
        expect![
            "DataMissing: /sample:links/link[name='z']/mtu: there is no such instance to delete"
        ],
    );
    check(
        Delete,
        "/links",
        None,
        expect![[r#"
        - /sample:links
        - /sample:links/link[name='a']
        - /sample:links/link[name='a']/mtu = 100
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
        - /sample:links/link[name='b']
        - /sample:links/link[name='b']/vxlan
        - /sample:links/link[name='b']/vxlan/id = 5
    "#]],
    );
    check(
        Delete,
        "/routes",
        None,
        expect!["DataMissing: /sample:routes: there is no such instance to delete"],
    );
    check(Remove, "/links/link[name='z']", None, expect![""]);
    check(Remove, "/links/link[name='z']/mtu", None, expect![""]);
    check(Remove, "/links/link[name='a']/ifname", None, expect![""]);
}

fn nodes(edit: &mut Edit) -> &mut [EditNode] {
    match &mut edit.content {
        Content::Plain(tree) => panic!("{tree:?} has no operations"),
        Content::Nodes(nodes) => nodes,
    }
}

#[test]
fn operations_are_inherited() {
    let mut created = tree("/links/link[name='c']/mtu = 300").to_edit();
    nodes(&mut created)[0].children[0].operation = Some(Operation::Create);
    check_edit(
        &created,
        expect![[r#"
        + /sample:links/link[name='c']
        + /sample:links/link[name='c']/mtu = 300
    "#]],
    );

    let whole = Edit {
        default_operation: Operation::Replace,
        ..tree("/links/link[name='c']/mtu = 300").to_edit()
    };
    check_edit(
        &whole,
        expect![[r#"
        - /sample:links/link[name='a']
        - /sample:links/link[name='a']/mtu = 100
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
        - /sample:links/link[name='b']
        - /sample:links/link[name='b']/vxlan
        - /sample:links/link[name='b']/vxlan/id = 5
        + /sample:links/link[name='c']
        + /sample:links/link[name='c']/mtu = 300
    "#]],
    );

    let mut replaced = tree("/links/link[name='a']/ifname = x").to_edit();
    nodes(&mut replaced)[0].operation = Some(Operation::Replace);
    check_edit(
        &replaced,
        expect![[r#"
        - /sample:links/link[name='a']/mtu = 100
        - /sample:links/link[name='a']/map[.='1:1'] = 1:1
        + /sample:links/link[name='a']/sample-more:ifname = x
        - /sample:links/link[name='b']
        - /sample:links/link[name='b']/vxlan
        - /sample:links/link[name='b']/vxlan/id = 5
    "#]],
    );

    let mut none = tree("/links/link[name='z']/mtu = 300").to_edit();
    none.default_operation = Operation::None;
    check_edit(
        &none,
        expect!["DataMissing: /sample:links/link[name='z']: there is no such instance"],
    );
    nodes(&mut none)[0].children[0].operation = Some(Operation::Merge);
    check_edit(
        &none,
        expect![[r#"
        + /sample:links/link[name='z']
        + /sample:links/link[name='z']/mtu = 300
    "#]],
    );
}

#[test]
fn edits_made_one_after_the_other_are_one() {
    let one = |text: &str, value: &str| {
        let path = path(text);
        let value = path.node().unwrap().value(value).unwrap();
        Edit::one(&path, Operation::Merge, Some(value))
    };
    let both = one("/links/link[name='c']/mtu", "100").and(one("/links/link[name='c']/map", "1:1"));
    assert_eq!(both.content.nodes().len(), 1);
    let both = both.and(one("/links/link[name='c']/mtu", "300"));
    check_edit(
        &both,
        expect![[r#"
        + /sample:links/link[name='c']
        + /sample:links/link[name='c']/mtu = 300
        + /sample:links/link[name='c']/map[.='1:1'] = 1:1
    "#]],
    );
    check_edit(
        &both.and(Edit::one(&path("/links/link[name='c']"), Operation::Delete, None)),
        expect![""],
    );
}

#[test]
fn an_edit_is_whole_or_not_at_all() {
    let good = Edit::one(&path("/links/link[name='c']"), Operation::Create, None);
    check_edit(
        &good.and(Edit::one(&path("/links/link[name='z']"), Operation::Delete, None)),
        expect!["DataMissing: /sample:links/link[name='z']: there is no such instance to delete"],
    );
}

#[test]
fn a_tree_as_an_edit_makes_the_tree() {
    let whole = tree(BASE);
    let mut copy = Tree::empty(whole.schema());
    copy.edit(&whole.to_edit()).unwrap();
    assert_eq!(lines(&copy), lines(&whole));
}
