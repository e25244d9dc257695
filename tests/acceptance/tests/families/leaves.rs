//! Every configurable leaf of a link, on this kernel: it holds, or it is refused and nothing has changed.
//!
//! The leaves come from the schema, and the links that have them from the facts of `netstate`.

use std::collections::BTreeSet;

use netstate::link::LinkBelow;
use netstate::{Key, Link, LinkKind, NetnsName, Object, State};
use serde_json::{Value as Json, json};
use testkit::netns::{ip, ip_json, isolated};
use yang::{NodeKind, Path, SchemaNode, Tree, Type, Value};

use acceptance::in_process::{Device, differences, schema, tree};
use acceptance::leaves::{SKIPPED, VALUES, is_tried};

/// Leaves that leave their value when they are taken out: the kernel cannot take away the link below.
const STAY: [&str; 1] = ["dev"];

/// The same of a link that must have a link below: a new one takes the values of that.
const STAY_ON_LINK: [&str; 3] = ["gso_max_size", "gso_max_segs", "gso_ipv4_max_size"];

/// A link and what it needs, which a leaf is added to.
pub(crate) struct Holder {
    pub(crate) title: String,
    /// The name of the link that has the leaves.
    pub(crate) link: &'static str,
    pub(crate) tree: Tree,
}

#[test]
fn every_leaf_holds_or_is_refused() {
    SKIPPED.iter().for_each(|(leaf, why)| println!("skipped: {leaf}: {why}"));
    let mut failures = Vec::new();
    for (number, holder) in holders().into_iter().enumerate() {
        failures.extend(isolated(|| try_holder(&holder, number == 0)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Tries the leaves of a link: each value where `thoroughly`, or for the leaves that only this link has.
fn try_holder(holder: &Holder, thoroughly: bool) -> Vec<String> {
    surroundings();
    let before = links();
    let device = Device::start();
    if let Err(words) = device.commit(&holder.tree) {
        println!("skipped: {}: {words}", holder.title);
        return Vec::new();
    }
    let base = links();
    let (mut failures, mut held, mut refused) = (Vec::new(), 0, 0);
    for (number, leaf) in leaves(holder).into_iter().enumerate() {
        let values = candidates(leaf);
        let is_own =
            holder.link == "probe" && leaf.module.name != "netloom-link" && is_of_kind(leaf);
        let few = if thoroughly || is_own || is_of_port(leaf) { values.len() } else { 1 };
        let values = values.iter().cycle().skip(number).take(few.min(values.len()));
        for value in values {
            let path = place(holder, leaf);
            let mut fails = |words: String| {
                failures.push(format!("{}: {path} = {value}: {words}", holder.title))
            };
            let changed = with(&holder.tree, &path, value);
            match device.commit(&changed) {
                Ok(()) => {
                    held += 1;
                    // What changes nothing must not keep a new link from being created either.
                    if links() == base
                        && let Err(words) = remake(&device, &changed)
                    {
                        fails(format!("a new link with it is refused: {words}"));
                    }
                    if let Err(words) = device.commit(&holder.tree) {
                        fails(format!("cannot be taken out: {words}"));
                    }
                }
                Err(words) => {
                    refused += 1;
                    if words.contains("undoing it failed") || words.contains("does not hold it") {
                        fails(format!("is refused: {words}"));
                    }
                }
            }
            let complaints = device.complaints();
            if !complaints.is_empty() {
                fails(format!("{complaints:?}"));
            }
            let after = links();
            if after != base {
                let below = LinkKind::named(&holder.title).facts().link_below;
                let on_link = matches!(below, LinkBelow::Required(_));
                let stays =
                    STAY.contains(&leaf.name) || on_link && STAY_ON_LINK.contains(&leaf.name);
                if !stays {
                    fails(format!("leaves {:?}", differences(&base, &after)));
                }
                let _again = device.commit(&tree(&json!({})));
                let _again = device.commit(&holder.tree);
            }
        }
    }
    println!("{}: {held} values held, {refused} refused", holder.title);
    if let Err(words) = device.commit(&tree(&json!({}))) {
        failures.push(format!("{}: cannot be given back: {words}", holder.title));
    }
    let after = links();
    if after != before {
        failures.push(format!("{}: leaves {:?}", holder.title, differences(&before, &after)));
    }
    failures
}

/// Takes out everything, and makes it again.
fn remake(device: &Device, whole: &Tree) -> Result<(), String> {
    device.commit(&tree(&json!({})))?;
    device.commit(whole)
}

/// A NIC, the same as a port, and a link of each kind.
pub(crate) fn holders() -> Vec<Holder> {
    let nic = json!({"iproute2-ip-link:links": {"link": [{"name": "n1"}]}});
    let port = json!({"iproute2-ip-link:links": {
        "link": [{"name": "n1", "master": "br0"}], "bridge": [{"name": "br0"}]
    }});
    let nics = [("a NIC", nic), ("a port", port)];
    let nics =
        nics.map(|(title, json)| Holder { title: title.into(), link: "n1", tree: tree(&json) });
    let kinds = LinkKind::all().map(|kind| Holder {
        title: kind.name().into(),
        link: "probe",
        tree: of_kind(kind),
    });
    nics.into_iter().chain(kinds).collect()
}

/// Links of others.
pub(crate) fn surroundings() {
    ip("netns add other");
    ip("link add n1 mtu 1450 type veth peer name n2 netns other");
    ip("link set n1 up");
    ip("-n other link set n2 up");
}

/// The links as ip(8) shows them, without what follows from time, from chance or from the order of creation.
pub(crate) fn links() -> BTreeSet<String> {
    fn still(told: &mut Json) {
        match told {
            Json::Array(values) => values.iter_mut().for_each(still),
            Json::Object(fields) => {
                fields.retain(|name, _| {
                    let is_random = [
                        "ifindex",
                        "link_index",
                        "operstate",
                        // It is attached when a link first comes up, and stays.
                        "qdisc",
                        "bridge_id",
                        "root_id",
                        "flags",
                        "designated_bridge",
                        "designated_root",
                    ];
                    !name.ends_with("timer") && !is_random.contains(&name.as_str())
                });
                if fields.get("ifname").is_some_and(|name| name != "n1") {
                    fields.remove("address");
                }
                fields.values_mut().for_each(still);
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let mut told = ip_json("-d link show");
    still(&mut told);
    let mut lines = BTreeSet::new();
    for link in told.as_array().into_iter().flatten() {
        let name = link["ifname"].as_str().unwrap_or_default();
        flatten(name, link, &mut lines);
    }
    lines
}

/// One line for each value.
fn flatten(path: &str, value: &Json, lines: &mut BTreeSet<String>) {
    match value {
        Json::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, value)| flatten(&format!("{path}/{name}"), value, lines));
        }
        Json::Array(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            lines.insert(format!("{path} {value}"));
        }
    }
}

/// A link of a kind with the minimum of attributes, on a NIC if it must be on a link.
fn of_kind(kind: LinkKind) -> Tree {
    let place = |name: &str| netstate::Place {
        netns: NetnsName::own(),
        ifname: name.parse().expect("a name"),
    };
    let facts = kind.facts();
    let probe = Link {
        peer: facts.paired.then(|| place("far")),
        device: matches!(facts.link_below, LinkBelow::Required(_)).then(|| place("n1")),
        kind: Some(kind),
        ..Link::at(place("probe"))
    };
    let links = [probe, Link::at(place("n1"))].map(|link| {
        let id = link.place.ifname.as_str().parse().expect("a name");
        (Key::Link(id), Object::Link(Box::new(link)))
    });
    let observed = State { objects: links.into_iter().collect() };
    let nothing = Tree::empty(schema());
    mapping::raise(&observed, &nothing).expect("raise").config_only()
}

/// The leaves that an entry of the link's list can have.
pub(crate) fn leaves(holder: &Holder) -> Vec<&'static SchemaNode> {
    fn collect(node: &'static SchemaNode, leaves: &mut Vec<&'static SchemaNode>) {
        match node.kind {
            NodeKind::Leaf | NodeKind::LeafList if node.config && !node.is_key() => {
                leaves.extend(is_tried(node).then_some(node));
            }
            NodeKind::Container { .. } if node.config => {
                node.children.iter().for_each(|child| collect(child, leaves));
            }
            NodeKind::Leaf | NodeKind::LeafList | NodeKind::Container { .. } | NodeKind::List => {}
        }
    }
    let mut leaves = Vec::new();
    let entry = entry(holder);
    let list = entry.steps.last().expect("an entry has a node").node;
    list.children.iter().for_each(|child| collect(child, &mut leaves));
    leaves
}

/// The path of the leaf in the link's entry.
pub(crate) fn place(holder: &Holder, leaf: &'static SchemaNode) -> Path {
    let mut containers = vec![leaf];
    let mut above = leaf.parent();
    while let Some(node) = above.filter(|node| node.kind != NodeKind::List) {
        containers.insert(0, node);
        above = node.parent();
    }
    containers.into_iter().fold(entry(holder), |path, node| path.join(node, Vec::new()))
}

/// The tree with that leaf.
pub(crate) fn with(tree: &Tree, path: &Path, value: &Value) -> Tree {
    let (mut path, mut changed) = (path.clone(), tree.clone());
    if let Some(step) = path.steps.last_mut().filter(|step| step.node.kind == NodeKind::LeafList) {
        step.keys = vec![value.clone()].into();
    }
    changed.set(&path, value.clone()).expect("the path is one of a leaf");
    changed
}

/// The values of the list and of an enumeration that the leaf accepts.
pub(crate) fn candidates(leaf: &'static SchemaNode) -> Vec<Value> {
    fn names(leaf_type: &Type, found: &mut Vec<String>) {
        if let Type::Enumeration(enums) = leaf_type {
            found.extend(enums.iter().map(|(name, ..)| name.clone()));
        }
        if let Type::Union(members) = leaf_type {
            members.iter().for_each(|member| names(member, found));
        }
    }
    let mut texts: Vec<String> = VALUES.map(String::from).into();
    leaf.leaf_type.iter().for_each(|leaf_type| names(leaf_type, &mut texts));
    texts.iter().filter_map(|text| leaf.value(text).ok()).collect()
}

/// Whether a leaf is an attribute of a kind of links.
pub(crate) fn is_of_kind(leaf: &SchemaNode) -> bool {
    leaf.parent().is_some_and(|above| above.extension("kind").is_some())
}

pub(crate) fn is_of_port(leaf: &SchemaNode) -> bool {
    leaf.parent().and_then(SchemaNode::parent).is_some_and(|above| above.name == "bridge-conf")
}

fn entry(holder: &Holder) -> Path {
    let links =
        holder.tree.top().find(|top| top.schema().name == "links").expect("there are links");
    let lists = links.schema().children.iter().filter(|node| node.kind == NodeKind::List);
    let mut entries = lists.flat_map(|list| {
        let path = Path::parse(schema(), &format!("/iproute2-ip-link:links/{}", list.name));
        holder.tree.nodes(&path.expect("a list"))
    });
    let named = |entry: &yang::Node<'_>| entry.leaf("name").map(ToString::to_string);
    let found = entries.find(|(_, entry)| named(entry).as_deref() == Some(holder.link));
    found.expect("the link is configured").0
}
