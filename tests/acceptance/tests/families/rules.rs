//! Every configurable leaf of a rule, on this kernel: it holds, or it is refused and nothing has changed.

use serde_json::{Value as Json, json};
use testkit::netns::{ip, ip_json, isolated};
use yang::{NodeKind, Path, SchemaNode, Tree, Value};

use acceptance::in_process::{Device, schema, tree};

use crate::leaves::{candidates, surroundings, with};

/// Values that the rule has without the leaf.
const DEFAULTS: [(&str, &str); 5] = [
    ("not", "false"),
    ("l3mdev", "false"),
    ("type", "lookup"),
    ("table", "main"),
    ("protocol", "static"),
];

#[test]
fn every_leaf_of_a_rule_holds_or_is_refused() {
    let mut held = Vec::new();
    for source in ["0.0.0.0/0", "10.0.0.0/8", "::/0", "2001:db8::/32"] {
        held.extend(isolated(|| try_rule(source)));
    }
    // What this kernel lacks is refused.
    let recent = ["dscp", "dscp-mask", "flowlabel"];
    for leaf in leaves().iter().filter(|leaf| leaf.name != "nat" && !recent.contains(&leaf.name)) {
        assert!(held.contains(&leaf.name), "no value of {} holds", leaf.name);
    }
}

/// Tries every value of every leaf, beside rules of others. Returns the leaves that hold.
fn try_rule(source: &str) -> Vec<&'static str> {
    surroundings();
    ip("rule add pref 60 from 10.0.0.0/8 ipproto 200 lookup 7 protocol static");
    ip("rule add pref 60 ipproto 200 lookup main protocol static");
    ip("-6 rule add pref 60 ipproto 200 lookup main protocol static");
    let before = rules();
    let device = Device::start();
    let base = tree(&json!({
        "iproute2-ip-link:links": {"link": [{"name": "n1"}]},
        "iproute2-ip-rule:rules": {"rule": [
            {"pref": 60, "from": source, "to": "all", "tos": "default", "fwmark": "0x00", "netns": "1"}
        ]}
    }));
    device.commit(&base).expect("commit a rule");
    let plain = rules();
    let (mut found, mut held, mut refused) = (Vec::new(), 0, 0);
    for leaf in leaves() {
        let path = place(&base, leaf);
        // The mask of a DSCP needs one.
        let base_of_leaf = match leaf.name {
            "dscp-mask" => with(&base, &below(&path, "dscp"), &Value::Unsigned(0)),
            _ => base.clone(),
        };
        for value in candidates(leaf) {
            let words = format!("{source}: {} {value}", leaf.name);
            match device.commit(&with(&base_of_leaf, &path, &value)) {
                Ok(()) => {
                    held += 1;
                    found.push(leaf.name);
                    let is_default = DEFAULTS.contains(&(leaf.name, &value.to_string()));
                    // A DSCP, a flow label and masks are not shown by an older ip(8).
                    let is_shown = !["dscp", "dscp-mask", "flowlabel"].contains(&leaf.name);
                    assert!(!is_shown || is_default == (rules() == plain), "{words}: {plain:?}");
                    assert_eq!(device.complaints(), Vec::<String>::new(), "{words}");
                }
                Err(reason) => {
                    refused += 1;
                    let is_undone =
                        !reason.contains("undoing it failed") && !reason.contains("does not hold");
                    assert!(is_undone, "{words}: {reason}");
                    assert_eq!(rules(), plain, "{words}: {reason}");
                }
            }
            device.commit(&base).unwrap_or_else(|reason| panic!("{words} stays: {reason}"));
            assert_eq!(rules(), plain, "{words} leaves something");
        }
    }
    println!("a rule from {source}: {held} values held, {refused} refused");
    device.commit(&tree(&json!({}))).expect("take the rule out");
    assert_eq!(rules(), before);
    found
}

/// The rules as ip(8) shows them.
fn rules() -> [Json; 2] {
    [ip_json("-d rule show"), ip_json("-d -6 rule show")]
}

/// The leaves of an entry.
fn leaves() -> Vec<&'static SchemaNode> {
    let rules = schema().top_node(None, "rules").expect("rules");
    let list = rules.child(None, "rule").expect("a list of rules");
    let (containers, leaves): (Vec<&SchemaNode>, Vec<&SchemaNode>) = list
        .children
        .iter()
        .filter(|node| node.config && !node.is_key())
        .partition(|node| node.kind != NodeKind::Leaf);
    leaves
        .into_iter()
        .chain(containers.into_iter().flat_map(|node| node.children.iter().copied()))
        .collect()
}

/// The path of a leaf of the rule.
fn place(base: &Tree, leaf: &'static SchemaNode) -> Path {
    let list = Path::parse(schema(), "/iproute2-ip-rule:rules/rule").expect("a list");
    let (entry, _) = base.nodes(&list).remove(0);
    let above = leaf.parent().filter(|above| above.kind != NodeKind::List);
    let path = above.into_iter().fold(entry, |path, node| path.join(node, Vec::new()));
    path.join(leaf, Vec::new())
}

/// The path of the sibling with this name.
fn below(path: &Path, name: &str) -> Path {
    let mut path = path.clone();
    let leaf = path.steps.pop().expect("a leaf").node;
    path.join(leaf.parent().and_then(|list| list.child(None, name)).expect("a leaf"), Vec::new())
}
