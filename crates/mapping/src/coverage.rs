//! Every configurable leaf of every module has an effect on the kernel state, and is shown again.
//!
//! The test walks the schema. It sets each leaf to values of its type, with some surrounding
//! configuration, until a value changes the desired state. This state, converted back to YANG, must
//! contain the leaf.

use netstate::link::LinkBelow;
use netstate::{Address, AddressKey, Key, Link, LinkKind, NetnsName, Object, Place, State};
use yang::{NodeKind, Path, Schema, SchemaNode, Step, Tree, Type, Value};

use crate::test::tree;

/// The configuration around each leaf.
const AROUND: &str = r#"
    "netnses": {"netns": [{"name": "vpn10"}]},
    "sysctls": {"netns": [{"name": "1", "variable": [{"name": "net.ipv4.tcp_sack", "value": "0"}]}]}
"#;

/// Links that exist already. In addition, a link of each kind that Netloom can create is tried.
const LINKS: &str =
    r#"{"link": [{"name": "probe"}, {"name": "other"}], "bridge": [{"name": "br0"}]}"#;

/// A bond with a port, for what names a port.
const BOND: &str = r#"{"link": [{"name": "other", "master": "probe"}],
    "bond": [{"name": "probe", "bond-info": {"mode": "active-backup"}}]}"#;

/// A bridge with VLANs, and a port with VLANs in each list that has ports.
const VLANS: &str = r#"{
    "link": [{"name": "probe", "master": "br0", "bridge-conf": {"vlan": [{"vid": 10}]}}],
    "bridge": [{"name": "br0", "bridge-conf": {"vlan": [{"vid": 10}]}}],
    "vlan": [{"name": "v", "device": "probe", "vlan-info": {"id": 5}, "master": "br0",
              "bridge-conf": {"vlan": [{"vid": 10}]}}],
    "vxlan": [{"name": "x", "vxlan-info": {"id": "5", "remote": "192.0.2.1", "dev": "probe"}, "master": "br0",
               "bridge-conf": {"vlan": [{"vid": 10}]}}],
    "gre": [{"name": "g", "tunnel-info": {"type": "gretap", "local": "192.0.2.1", "remote": "192.0.2.2"},
             "master": "br0", "netloom-link:bridge-conf": {"vlan": [{"vid": 10}]}}],
    "bond": [{"name": "b", "master": "br0", "netloom-link:bridge-conf": {"vlan": [{"vid": 10}]}}]}"#;

const ROUTES: [&str; 2] = [
    r#"{"prefix": "10.0.0.0/8", "table": "main", "metric": 0, "tos": "default", "netns": "1",
        "nexthop": [{"dev": "probe"}, {"dev": "other"}]}"#,
    r#"{"prefix": "10.0.0.0/8", "table": "main", "metric": 0, "tos": "default", "netns": "1"}"#,
];

const NEIGHBORS: [&str; 1] = [r#"{"to_addr": "10.9.9.9", "netns": "1", "dev": "probe"}"#];

const RULES: [&str; 2] = [
    r#"{"pref": 9, "from": "all", "to": "all", "tos": "default", "fwmark": "0x00", "netns": "1"}"#,
    r#"{"pref": 9, "from": "::/0", "to": "all", "tos": "default", "fwmark": "0x00", "netns": "1",
        "netloom-rule:dscp": 0}"#,
];

const NEXTHOPS: [&str; 6] = [
    r#"{"id": 9, "netns": "1"}"#,
    r#"{"id": 9, "netns": "1", "dev": "probe"}"#,
    r#"{"id": 9, "netns": "1", "dev": "probe", "ipv4": {"address": "10.0.0.1"}}"#,
    r#"{"id": 9, "netns": "1", "ipv4": {"address": "10.0.0.1"}}"#,
    r#"{"id": 9, "netns": "1", "group": {"nh": [{"id": 8, "weight": 1}], "resilient-buckets": 8}}"#,
    r#"{"id": 9, "netns": "1", "group": {"nh": [{"id": 8, "weight": 1}], "type": "resilient", "resilient-buckets": 8}}"#,
];

/// Values for leaves of various types.
const VALUES: [&str; 27] = [
    "1:5",
    "true",
    "false",
    "0",
    "1",
    "2",
    "7",
    "100",
    "1400",
    "other",
    "br0",
    "vpn10",
    "10.9.9.9",
    "0.0.1.2",
    "239.0.0.1",
    "2001:db8::9",
    "52:54:00:00:00:99",
    "01:80:c2:00:00:04",
    "b8",
    "1000 2000",
    "192.168.9.9/24",
    "eth77",
    "probe:1",
    "dummy",
    "veth",
    "blackhole",
    "0x20",
];

/// Leaves that are shown in another form than they were set, and why.
const EXCEPTIONS: [(&str, &str); 6] = [
    ("action/nat", "Linux has no such rules, and it is refused"),
    ("bridge-conf/vlan/self", "the list of the link tells it; it is only checked"),
    ("bridge-conf/vlan/master", "the list of the link tells it; it is only checked"),
    ("via/family", "the gateway's address tells it; it is only checked"),
    ("vxlan/device", "a tunnel's underlay is told as vxlan-info/dev"),
    ("lladdresses/peer_addr", "it is the broadcast address of a point-to-point link"),
];

/// Containers that configure the daemon. The daemon reads them itself.
const DAEMON: [&str; 1] = ["drift"];

#[test]
fn every_leaf_changes_the_state_and_is_shown() {
    let surroundings = surroundings();
    let mut failures = Vec::new();
    for leaf in leaves() {
        let name = schema_path(leaf);
        let excepted = EXCEPTIONS.iter().any(|(end, _)| name.ends_with(end));
        match (reaches(leaf, &surroundings), excepted) {
            (Outcome::ComesBack, false) | (Outcome::Lost | Outcome::Unread, true) => {}
            (outcome, _) => failures.push(format!("{name}: {outcome:?}")),
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_reference_is_checked() {
    let surroundings = surroundings();
    for leaf in leaves().into_iter().filter(|leaf| leaf.leaf_type.as_ref().is_some_and(refers)) {
        let dangles = changes(leaf, &surroundings, &[leaf.value("nowhere").unwrap()]).any(
            |(path, tree, _)| {
                let faults = crate::lower(&tree).err().unwrap_or_default();
                faults.iter().any(|fault| fault.path.as_deref() == Some(&path.to_string()))
            },
        );
        assert!(dangles, "{} may name what is not there", schema_path(leaf));
    }
}

#[test]
fn every_reference_hint_has_a_target() {
    let schema = Schema::netloom().unwrap();
    let hints = leaves().into_iter().filter_map(|leaf| leaf.extension("reference").flatten());
    let parsed: Vec<Path> = hints.map(|hint| Path::parse(schema, hint).unwrap()).collect();
    assert!(!parsed.is_empty());
}

#[derive(Debug)]
enum Outcome {
    ComesBack,
    /// It changes the state, but the state converted back does not contain it.
    Lost,
    /// No value changes the state.
    Unread,
}

fn reaches(leaf: &'static SchemaNode, surroundings: &[Tree]) -> Outcome {
    let mut outcome = Outcome::Unread;
    for (path, tree, before) in changes(leaf, surroundings, &candidates(leaf)) {
        let Ok(after) = crate::lower(&tree) else { continue };
        if Some(&after) == before.as_ref() {
            continue;
        }
        let raised = crate::raise(&after, &tree).unwrap();
        let value = |tree: &Tree| tree.node(&path).and_then(|node| node.value().cloned());
        if value(&raised) == value(&tree) {
            return Outcome::ComesBack;
        }
        outcome = Outcome::Lost;
    }
    outcome
}

/// The configuration with the leaf set to each of the values, in each place where it fits, and the
/// state without it.
fn changes<'t>(
    leaf: &'static SchemaNode,
    surroundings: &'t [Tree],
    values: &'t [Value],
) -> impl Iterator<Item = (Path, Tree, Option<State>)> + 't {
    let mut containers = Vec::new();
    let mut above = leaf.parent();
    while let Some(node) = above.filter(|node| node.kind != NodeKind::List) {
        containers.insert(0, node);
        above = node.parent();
    }
    surroundings.iter().flat_map(move |tree| {
        let before = crate::lower(tree).ok();
        let entries = above.map(|list| tree.nodes(&pattern(list))).unwrap_or_default();
        let places = entries.into_iter().map({
            let containers = containers.clone();
            move |(entry, _)| {
                let steps = containers.iter().chain([&leaf]);
                steps.fold(entry, |path, node| path.join(node, Vec::new()))
            }
        });
        let places: Vec<Path> = places.collect();
        places.into_iter().flat_map(move |path| {
            let before = before.clone();
            values.iter().map(move |value| {
                let (mut path, mut changed) = (path.clone(), tree.clone());
                // An entry of a leaf-list is identified by its value.
                if let (NodeKind::LeafList, Some(step)) = (leaf.kind, path.steps.last_mut()) {
                    step.keys = vec![value.clone()].into();
                }
                changed.set(&path, value.clone()).unwrap();
                (path, changed, before.clone())
            })
        })
    })
}

fn surroundings() -> Vec<Tree> {
    let around =
        |links: &str, more: &str| tree(&format!(r#"{{{AROUND}, "links": {links}{more}}}"#));
    let routes =
        ROUTES.map(|route| around(LINKS, &format!(r#", "routes": {{"route": [{route}]}}"#)));
    let neighbors = NEIGHBORS
        .map(|neighbor| around(LINKS, &format!(r#", "neighbors": {{"neighbor": [{neighbor}]}}"#)));
    let rules = RULES.map(|rule| around(LINKS, &format!(r#", "rules": {{"rule": [{rule}]}}"#)));
    let nexthops = NEXTHOPS
        .map(|nexthop| around(LINKS, &format!(r#", "nexthops": {{"nexthop": [{nexthop}]}}"#)));
    let links =
        LinkKind::all().map(of_kind).chain([LINKS, BOND, VLANS].map(|links| around(links, "")));
    links.chain(routes).chain(neighbors).chain(rules).chain(nexthops).collect()
}

/// The configuration around a link of a kind, in the form of operational data: in its list, with
/// the minimum of attributes, and with an address of each family.
fn of_kind(kind: LinkKind) -> Tree {
    let place = |name: &str| Place { netns: NetnsName::own(), ifname: name.parse().unwrap() };
    let nic = |name: &str| Link::at(place(name));
    let facts = kind.facts();
    let probe = Link {
        peer: facts.paired.then(|| place("far")),
        device: matches!(facts.link_below, LinkBelow::Required(_)).then(|| place("other")),
        kind: Some(kind),
        ..nic("probe")
    };
    let bridge = Link { kind: Some(LinkKind::named("bridge")), ..nic("br0") };
    let links = [probe, nic("other"), bridge].map(|link| {
        let id = link.place.ifname.as_str().parse().unwrap();
        (Key::Link(id), Object::Link(Box::new(link)))
    });
    let addresses = ["192.0.2.1/24", "2001:db8::1/64"].map(|address| {
        let Place { netns, ifname } = place("probe");
        let key = AddressKey::new(netns, ifname, address.parse().unwrap());
        (Key::Address(key), Object::Address(Address::default()))
    });
    let observed = State { objects: links.into_iter().chain(addresses).collect() };
    let mut tree = tree(&format!("{{{AROUND}}}"));
    tree.merge(&crate::raise(&observed, &tree).unwrap().config_only());
    tree
}

/// Every configurable leaf, without keys.
fn leaves() -> Vec<&'static SchemaNode> {
    fn collect(node: &'static SchemaNode, leaves: &mut Vec<&'static SchemaNode>) {
        match node.kind {
            NodeKind::Leaf | NodeKind::LeafList if node.config && !node.is_key() => {
                leaves.push(node)
            }
            NodeKind::Leaf | NodeKind::LeafList => {}
            NodeKind::Container { .. } | NodeKind::List => {
                node.children.iter().for_each(|child| collect(child, leaves));
            }
        }
    }
    let mut leaves = Vec::new();
    let kernels = Schema::netloom().unwrap().top().iter().filter(|top| !DAEMON.contains(&top.name));
    kernels.for_each(|top| collect(top, &mut leaves));
    leaves
}

/// The values of an enumeration, and those of the list above that the leaf accepts.
fn candidates(leaf: &'static SchemaNode) -> Vec<Value> {
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

fn refers(leaf_type: &Type) -> bool {
    if let Type::Union(members) = leaf_type {
        return members.iter().any(refers);
    }
    matches!(leaf_type, Type::Leafref { .. })
}

/// The path without keys, which matches all instances.
fn pattern(node: &'static SchemaNode) -> Path {
    let mut steps = vec![Step { node, keys: yang::Keys::default() }];
    let mut above = node.parent();
    while let Some(node) = above {
        steps.insert(0, Step { node, keys: yang::Keys::default() });
        above = node.parent();
    }
    Path { steps }
}

fn schema_path(node: &'static SchemaNode) -> String {
    pattern(node).to_string()
}
