//! Properties of all trees, tested on random trees of the sample schema.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::edit::{Content, Edit, Operation};
use crate::path::Path;
use crate::sample::{lines, schema};
use crate::schema::NodeKind;
use crate::tree::Tree;

/// A leaf or instance below a link or a route, with a value that may be valid.
const BELOW: &[(&str, &[&str])] = &[
    ("", &[""]),
    ("/mtu", &["64", "1500"]),
    ("/admin-status", &["up", "down"]),
    ("/type", &["veth", "dummy"]),
    ("/netns", &["1", "vpn0", "vpn1"]),
    ("/master", &["eth0", "eth1", "it's \"\\"]),
    ("/map", &["1:1", "2:2", "10:1", "3:1", "4:1", "5:1", "6:1", "7:1", "8:1", "9:1"]),
    ("/vxlan", &[""]),
    ("/vxlan/id", &["5"]),
    ("/vxlan/port", &["7", "8"]),
    ("/vxlan/group", &["239.0.0.1"]),
    ("/state/rx", &["1"]),
    ("/sample-more:ifname", &["<&>'\"\t", "ü", " ", "\r\n"]),
    ("/tag", &["1", "2", "-1"]),
    ("/weight", &["0.5", "9"]),
    ("/blackhole", &[""]),
    ("/onlink", &["true", "false"]),
    ("/key", &["", "AAEC"]),
    ("/dev", &["/sample:links/link[name='eth0']/sample-more:ifname"]),
    ("/inner", &["x"]),
];

/// One change of a tree: the path, and the value to set, or none to remove the instance.
type Change = (String, Option<&'static str>);

fn change() -> impl Strategy<Value = Change> {
    let entry = prop_oneof![
        2 => (0..3).prop_map(|n| format!("/netnses/netns[name='vpn{n}']")),
        8 => (0..12).prop_map(|n| format!("/links/link[name='eth{n}']")),
        1 => Just(String::from(r#"/links/link[name="it's \"\\"]"#)),
        4 => (0..4).prop_map(|n| format!("/routes/route[prefix='10.{n}.0.0/16'][table='main']")),
        4 => (0..4).prop_map(|n| format!("/routes/route[prefix='10.{n}.0.0/16'][table='{n}']")),
    ];
    (entry, select(BELOW), any::<prop::sample::Index>(), 0..4).prop_map(
        |(entry, (below, values), index, act)| {
            (format!("{entry}{below}"), (act > 0).then(|| *index.get(values)))
        },
    )
}

fn apply(tree: &mut Tree, changes: &[Change]) {
    for (path, value) in changes {
        // For example the path of a link's leaf below a route.
        let Ok(path) = Path::parse(schema(), path) else { continue };
        let Some(node) = path.node() else { continue };
        match value {
            None => _ = tree.remove(&path),
            Some(value) => match node.kind {
                NodeKind::Leaf | NodeKind::LeafList => {
                    tree.set(&path, node.value(value).unwrap()).unwrap();
                }
                NodeKind::Container { .. } | NodeKind::List => tree.create(&path).unwrap(),
            },
        }
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    vec(change(), 0..60).prop_map(|changes| {
        let mut tree = Tree::empty(schema());
        apply(&mut tree, &changes);
        tree
    })
}

/// Removes entries until the rest is valid.
fn without_faults(mut tree: Tree) -> Tree {
    while let Err(faults) = tree.validate() {
        // libyang's form of a name with both types of quotes cannot be read.
        let path = faults.iter().find_map(|fault| Path::parse(schema(), fault.path.as_ref()?).ok());
        let mut path = path.unwrap_or_else(|| Path::parse(schema(), "/links/link").unwrap());
        path.steps.truncate(2);
        assert!(tree.remove(&path).unwrap(), "{path}");
    }
    tree
}

proptest! {
    #[test]
    fn the_edit_of_a_difference_makes_the_newer_tree(a in any_tree(), b in any_tree()) {
        let (mut a, b) = (a.config_only(), b.config_only());
        let diff = a.diff(&b);
        prop_assert_eq!(diff.is_empty(), a == b);
        let changes: Vec<crate::Change> = diff.changes().collect();
        prop_assert!(changes.is_sorted_by_key(crate::Change::path));
        prop_assert!(diff.parts().is_sorted_by_key(crate::Part::path));
        // Node by node, the difference is the same, except for containers without presence.
        let opened = diff.opened();
        let is_void = |path: &Path| {
            path.node().unwrap().kind == NodeKind::Container { presence: false }
        };
        let solid = |diff: &crate::Diff| -> Vec<crate::Change> {
            diff.changes().filter(|change| !is_void(change.path())).collect()
        };
        prop_assert!(opened.parts().iter().all(|part| !is_void(part.path())));
        prop_assert_eq!(solid(&opened), solid(&diff));
        let mut by_content = a.clone();
        by_content.edit(&opened.to_edit()).unwrap();
        prop_assert_eq!(&by_content, &b);
        let before = a.clone();
        let written = |xml: String| Edit::from_xml(schema(), &xml, Operation::Merge).unwrap();
        prop_assert_eq!(written(diff.to_xml()), written(diff.to_edit().to_xml()));
        let mut back = b.clone();
        back.edit(&written(diff.to_xml_back())).unwrap();
        prop_assert_eq!(back, before);
        a.edit(&diff.to_edit()).unwrap();
        prop_assert_eq!(lines(&a), lines(&b));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn the_sides_of_a_difference_differ_by_it(a in any_tree(), changes in vec(change(), 0..6)) {
        let a = a.config_only();
        let mut b = a.clone();
        apply(&mut b, &changes);
        let b = b.config_only();
        let diff = a.diff(&b);
        let (before, after) = diff.sides(&a, &b).unwrap();
        prop_assert_eq!(before.diff(&after), diff);
        let reread = |tree: &Tree| Tree::from_xml(schema(), &tree.to_xml(false)).unwrap();
        prop_assert_eq!(reread(&before).diff(&reread(&after)), before.diff(&after));
    }

    #[test]
    fn trees_of_one_descent_differ_by_what_was_done(a in any_tree(), changes in vec(change(), 0..6)) {
        let mut b = a.clone();
        apply(&mut b, &changes);
        // The same tree, without structural sharing.
        let apart = Tree::from_json(schema(), &b.to_json(false)).unwrap();
        prop_assert_eq!(a.diff(&b), a.diff(&apart));
        prop_assert_eq!(b.diff(&a), apart.diff(&a));
        prop_assert_eq!(a == b, a == apart);
    }

    #[test]
    fn an_edit_without_operations_does_what_its_nodes_do(a in any_tree(), b in any_tree(), index in 0..3_usize) {
        let default_operation = [Operation::Merge, Operation::Replace, Operation::None][index];
        let (before, b) = (a.clone(), b.config_only());
        let plain = Edit { default_operation, content: Content::Plain(b.clone()) };
        let nodes = Edit { default_operation, ..b.to_edit() };
        let (mut c, mut d) = (a.clone(), a.clone());
        prop_assert_eq!(c.edit(&plain).map_err(|e| e.to_string()), d.edit(&nodes).map_err(|e| e.to_string()));
        prop_assert_eq!(lines(&c), lines(&d));
        prop_assert_eq!(&c, &d);
        prop_assert_eq!(lines(&a), lines(&before));
    }

    #[test]
    fn what_is_written_is_read(tree in any_tree()) {
        for indent in [false, true] {
            prop_assert_eq!(&Tree::from_json(schema(), &tree.to_json(indent)).unwrap(), &tree);
            let xml = tree.to_xml(indent);
            prop_assert_eq!(&Tree::from_xml(schema(), &xml).unwrap(), &tree);
            // The same tree, but in no place as plain as our own XML.
            let commented = xml.replace("</", "<!-- --></");
            prop_assert_eq!(&Tree::from_xml(schema(), &commented).unwrap(), &tree);
        }
        let edit = tree.to_edit();
        if tree == tree.config_only() {
            let plain = Edit { content: Content::Plain(tree.clone()), ..edit.clone() };
            prop_assert_eq!(&plain, &edit);
            prop_assert_eq!(plain.to_xml(), edit.to_xml());
        }
        let read = Edit::from_xml(schema(), &edit.to_xml(), Operation::Merge).unwrap();
        prop_assert_eq!(read, edit);
        for (path, _) in tree.nodes(&Path::parse(schema(), "/links/link").unwrap()) {
            prop_assert_eq!(Path::parse(schema(), &path.to_string()).unwrap(), path);
        }
    }

    #[test]
    fn libyang_reads_and_writes_the_same(tree in any_tree()) {
        let context = schema().context;
        let (json, xml) = context.reprint(&tree.to_json(false), false);
        prop_assert_eq!(&Tree::from_json(schema(), &json).unwrap(), &tree, "{}", json);
        // libyang writes a carriage return unescaped, and each XML reader converts it to a line feed.
        let ours = Tree::from_json(schema(), &tree.to_json(false).replace("\\r\\n", "\\n")).unwrap();
        prop_assert_eq!(&Tree::from_xml(schema(), &xml).unwrap(), &ours, "{}", xml);
        let (json, _) = context.reprint(&tree.to_xml(true), true);
        prop_assert_eq!(&Tree::from_json(schema(), &json).unwrap(), &tree, "{}", json);
    }

    #[test]
    fn libyang_finds_the_same_faults_when_it_sees_everything(tree in any_tree()) {
        prop_assert_eq!(tree.validate_seeing(|_| true), tree.validate());
    }

    #[test]
    fn a_look_at_the_change_finds_what_a_look_at_the_whole_does(
        a in any_tree(), changes in vec(change(), 0..6),
    ) {
        let a = without_faults(a.config_only());
        let mut b = a.clone();
        apply(&mut b, &changes);
        prop_assert_eq!(b.validate_change(&a.diff(&b)), b.validate());
    }

    #[test]
    fn merging_a_part_changes_nothing(tree in any_tree(), of in change()) {
        let mut merged = tree.clone();
        if let Ok(path) = Path::parse(schema(), &of.0) {
            merged.merge(&tree.subtree(&path));
            prop_assert_eq!(&merged, &tree);
        }
        merged.merge(&tree.filter("<links><link><vxlan/><map/></link></links>").unwrap());
        prop_assert_eq!(&merged, &tree);
        let mut whole = Tree::empty(schema());
        whole.merge(&tree);
        prop_assert_eq!(whole, tree);
    }

    #[test]
    fn no_text_makes_a_reader_panic(
        tree in any_tree(), at in any::<prop::sample::Index>(), put in "[\\PC\\x00]{0,3}",
    ) {
        for text in [tree.to_json(true), tree.to_xml(true)] {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            let broken: String = chars[..at].iter().collect::<String>() + &put;
            let rest: String = chars[at..].iter().skip(1).collect();
            for text in [&broken, &(broken.clone() + &rest)] {
                _ = Tree::from_json(schema(), text);
                _ = Tree::from_xml(schema(), text);
                _ = Edit::from_xml(schema(), text, Operation::Merge);
                _ = tree.filter(text);
                _ = Path::parse(schema(), text);
            }
        }
    }

    #[test]
    fn no_text_makes_a_value_panic(text in "\\PC{0,8}|[0-9a-f:./\\-\\[\\]'=\\x00\\n]{0,40}") {
        fn leaves(nodes: &[&'static crate::SchemaNode], visit: &mut dyn FnMut(&'static crate::SchemaNode)) {
            for node in nodes {
                visit(node);
                leaves(&node.children, visit);
            }
        }
        leaves(schema().top(), &mut |node| {
            if let Ok(value) = node.value(&text) {
                // A canonical value does not change.
                assert_eq!(node.value(&value.to_string()), Ok(value));
            }
        });
    }
}
