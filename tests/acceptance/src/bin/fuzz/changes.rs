//! Random changes of a configuration: links of every kind, any leaf of theirs, and any parameter.
//!
//! The leaves come from the schema, and the parameters from `/proc/sys/net`.

use std::collections::BTreeMap;

use acceptance::in_process::schema;
use acceptance::leaves::{VALUES, is_tried};
use acceptance::random;
use fastrand::Rng;
use yang::{Node, NodeKind, Path, SchemaNode, Tree};

use crate::surroundings::parameters;

/// The lists of links.
const LISTS: [&str; 4] = ["link", "bridge", "vlan", "vxlan"];

/// Values for parameters, which the kernel may keep in another form or not at all.
const PARAMETERS: [&str; 14] = [
    "0",
    "1",
    "2",
    "7",
    "007",
    "0x10",
    "-1",
    "100",
    "1001",
    "4294967295",
    "1 2",
    "1 2 3",
    "cubic",
    "",
];

/// Values for parameters that are lists.
const PORTS: [&str; 6] = ["8080,148", "148,8080", "3,1,2", "5-7,6", "9", ""];

/// Parameters that are not tried: those that are not of one link or the namespace alone change others for later links, too.
const SHARED: [&str; 6] =
    ["/all/", "/default/", "stable_secret", "ip_forward", "route/flush", "/lo/"];

/// A few changes to `running`.
pub(crate) fn draw(running: &Tree, random: &mut Rng) -> Tree {
    let mut tree = running.clone();
    if running.is_empty() {
        // Most leaves depend on a relation.
        let _ = apply(&mut tree, "links/bridge[name='br0']");
        if random.bool() {
            let _ = apply(&mut tree, "links/link[name='n1']/master = br0");
        }
        return tree;
    }
    for _ in 0..random.u8(1..5) {
        let lines = one(&tree, random);
        // What does not fit together is left out.
        for line in lines.lines() {
            let _ = apply(&mut tree, line);
        }
    }
    if random.u8(0..6) == 0 {
        let place = random::place(random, &tree);
        let _ = tree.remove(&place);
    }
    tree
}

/// A change as a reader sees it.
pub(crate) fn shown(running: &Tree, wanted: &Tree) -> String {
    format!("from:\n{}\nto:\n{}", running.to_json(true), wanted.to_json(true))
}

/// One change, as paths with values.
fn one(tree: &Tree, random: &mut Rng) -> String {
    let links = links(tree);
    let chosen = |random: &mut Rng| -> Option<(String, String)> {
        (!links.is_empty()).then(|| links[random.usize(..links.len())].clone())
    };
    let number = random.u8(0..3);
    let host = random.u8(1..5);
    match (random.u8(0..22), chosen(random)) {
        (0 | 1, _) | (_, None) => link(random),
        (2, _) => format!("links/link[name='n{}']", random.u8(1..3)),
        (3, Some((entry, _))) => format!("links/bridge[name='br0']\n{entry}/master = br0"),
        (4..10, Some((entry, list))) => leaf(&entry, &list, tree, random),
        (10, Some((entry, _))) => format!("{entry}/ip[address='10.{number}.0.{host}/24']"),
        (11, Some((entry, _))) => {
            format!("{entry}/ip[address='2001:db8:{number}::{host}/64']\n{entry}/admin-status = up")
        }
        (12, Some((_, dev))) => format!(
            "routes/route[prefix='10.9.{number}.0/24'][netns='1'][table='254'][tos='0'][metric='0']/nexthop[dev='{}']",
            dev.rsplit(' ').next().unwrap_or_default()
        ),
        (13, _) if random.bool() => rule(random),
        (13, _) => format!(
            "routes/route[prefix='10.8.{number}.0/24'][netns='1'][table='7'][tos='0'][metric='0']/type = blackhole"
        ),
        (14, Some((entry, _))) => {
            format!("{entry}/admin-status = {}", if random.bool() { "up" } else { "down" })
        }
        (15, _) => format!("netnses/netns[name='red{number}']"),
        (16..20, Some(_)) => parameter(random),
        (20.., Some((_, dev))) => nexthop(random, dev.rsplit(' ').next().unwrap_or_default()),
    }
}

/// A new link, or a pair.
fn link(random: &mut Rng) -> String {
    let number = random.u8(0..2);
    match random.u8(0..7) {
        0 | 1 => format!("links/bridge[name='br{number}']"),
        2 => format!(
            "links/link[name='c{number}a']/type = iproute2-ip-link:veth\n\
             links/link[name='c{number}a']/virtual_peer_name = c{number}b\n\
             links/link[name='c{number}b']/type = iproute2-ip-link:veth\n\
             links/link[name='c{number}b']/virtual_peer_name = c{number}a"
        ),
        3 => format!("links/link[name='d{number}']/type = iproute2-ip-link:dummy"),
        4 => format!(
            "links/link[name='t{number}']/type = iproute2-ip-link:tun\nlinks/link[name='t{number}']/tun/mode = tap"
        ),
        5 => format!(
            "links/link[name='n1']\nlinks/vlan[name='v{number}']/vlan-info/id = 1{number}\n\
             links/vlan[name='v{number}']/device = n1"
        ),
        _ => format!(
            "links/vxlan[name='x{number}']/vxlan-info/id = {number}\n\
             links/vxlan[name='x{number}']/vxlan-info/dstport = 400{number}"
        ),
    }
}

/// The links of the configuration: the path of each entry, and its list with its name.
fn links(tree: &Tree) -> Vec<(String, String)> {
    let entries = LISTS.iter().flat_map(|list| {
        let path = Path::parse(schema(), &format!("/iproute2-ip-link:links/{list}"));
        let named = move |(_, entry): (Path, Node<'_>)| {
            let name = entry.leaf("name")?.to_string();
            Some((format!("links/{list}[name='{name}']"), format!("{list} {name}")))
        };
        tree.nodes(&path.expect("a list")).into_iter().filter_map(named).collect::<Vec<_>>()
    });
    entries.collect()
}

/// Any leaf of a link with a value of its type; often one of its kind, or of a port.
fn leaf(entry: &str, list: &str, tree: &Tree, random: &mut Rng) -> String {
    let list = list.split(' ').next().unwrap_or_default();
    let path = Path::parse(schema(), &format!("/iproute2-ip-link:links/{list}")).expect("a list");
    let node = path.steps.last().expect("a list has a node").node;
    let mut leaves = Vec::new();
    add_leaves(node, String::new(), &mut leaves);
    leaves.retain(|(_, leaf)| is_tried(leaf));
    let full = Path::parse(schema(), &absolute(entry)).expect("an entry");
    let is_port = tree.node(&full).is_some_and(|entry| entry.leaf("master").is_some());
    let is_special = |(path, _): &&(String, &SchemaNode)| match is_port {
        true => path.contains("bridge-conf"),
        false => path.contains("-info"),
    };
    let special: Vec<_> = leaves.iter().filter(is_special).cloned().collect();
    if !special.is_empty() && random.bool() {
        leaves = special;
    }
    any_of(entry, &leaves, random)
}

/// A rule with any of its leaves.
fn rule(random: &mut Rng) -> String {
    let list = Path::parse(schema(), &absolute("rules/rule")).expect("a list");
    let mut leaves = Vec::new();
    add_leaves(list.steps.last().expect("a list has a node").node, String::new(), &mut leaves);
    let source = ["all", "10.70.0.0/24", "::/0"][random.usize(..3)];
    let mark = ["0x00", "0x1/0xff"][random.usize(..2)];
    let entry = format!(
        "rules/rule[pref='9{}'][from='{source}'][to='all'][tos='default'][fwmark='{mark}'][netns='1']",
        random.u8(0..2)
    );
    format!("{entry}\n{}", any_of(&entry, &leaves, random))
}

/// A nexthop over a link, a member of a group, a route by one of them, or any leaf of a nexthop.
fn nexthop(random: &mut Rng, dev: &str) -> String {
    let (id, group, number, host) =
        (random.u8(1..4), random.u8(11..13), random.u8(0..3), random.u8(1..5));
    let entry = format!("nexthops/nexthop[id='{id}'][netns='1']");
    match random.u8(0..6) {
        0 => format!("{entry}/dev = {dev}"),
        1 => format!("{entry}/dev = {dev}\n{entry}/ipv4/address = 10.{number}.0.{host}"),
        2 => format!("{entry}/dev = {dev}\n{entry}/ipv6/address = fe80::{host}"),
        3 => format!(
            "{entry}/dev = {dev}\nnexthops/nexthop[id='{group}'][netns='1']/group/nh[id='{id}'][weight='{host}']"
        ),
        4 => {
            let prefix = ["10.7.{}.0/24", "2001:db8:7{}::/48"][random.usize(..2)];
            let prefix = prefix.replace("{}", &number.to_string());
            let nhid = if random.bool() { id } else { group };
            format!(
                "routes/route[prefix='{prefix}'][netns='1'][table='254'][tos='0'][metric='0']/netloom-route:nhid = {nhid}"
            )
        }
        _ => {
            let list = Path::parse(schema(), &absolute("nexthops/nexthop")).expect("a list");
            let mut leaves = Vec::new();
            let node = list.steps.last().expect("a list has a node").node;
            add_leaves(node, String::new(), &mut leaves);
            let entry = if random.bool() {
                entry
            } else {
                entry.replace(&format!("'{id}'"), &format!("'{group}'"))
            };
            any_of(&entry, &leaves, random)
        }
    }
}

/// One of the leaves with a value of its type.
fn any_of(entry: &str, leaves: &[(String, &'static SchemaNode)], random: &mut Rng) -> String {
    let (below, leaf) = leaves[random.usize(..leaves.len())].clone();
    let listed = (0..8).find_map(|_| leaf.value(VALUES[random.usize(..VALUES.len())]).ok());
    let value = if random.bool() { listed } else { random::value(random, leaf) };
    let Some(value) = value else { return String::new() };
    match leaf.kind {
        NodeKind::LeafList => format!("{entry}{below}[.='{value}'] = {value}"),
        NodeKind::Leaf | NodeKind::List | NodeKind::Container { .. } => {
            format!("{entry}{below} = {value}")
        }
    }
}

fn add_leaves(
    node: &'static SchemaNode,
    path: String,
    leaves: &mut Vec<(String, &'static SchemaNode)>,
) {
    for child in node.children.iter().filter(|child| child.config && !child.is_key()) {
        let name = match child.module.name == node.module.name {
            true => child.name.to_owned(),
            false => format!("{}:{}", child.module.name, child.name),
        };
        let path = format!("{path}/{name}");
        match child.kind {
            NodeKind::Leaf | NodeKind::LeafList => leaves.push((path, child)),
            NodeKind::Container { .. } => add_leaves(child, path, leaves),
            NodeKind::List => {}
        }
    }
}

/// A parameter of the namespace or of a NIC. Each form of values is as likely as the others, because nearly all are
/// single numbers.
fn parameter(random: &mut Rng) -> String {
    let mut forms: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (path, value) in parameters() {
        if !SHARED.iter().any(|shared| format!("{path}/").contains(shared)) {
            forms.entry(form(&value)).or_default().push((path, value));
        }
    }
    let forms: Vec<_> = forms.into_iter().collect();
    let (form, parameters) = &forms[random.usize(..forms.len())];
    let (path, value) = &parameters[random.usize(..parameters.len())];
    let is_list = form.is_empty() || form.contains(',');
    let value = match random.u8(0..6) {
        0 => value.split_whitespace().rev().collect::<Vec<_>>().join(" "),
        1 => PARAMETERS[random.usize(..PARAMETERS.len())].to_owned(),
        _ if is_list => PORTS[random.usize(..PORTS.len())].to_owned(),
        _ => PARAMETERS[random.usize(..PARAMETERS.len())].to_owned(),
    };
    let name = path.replace('/', ".");
    format!("sysctls/netns[name='1']/variable[name='{name}']/value = {value}")
}

/// The form of a value: which runs of digits and letters it has, and what is between them.
fn form(value: &str) -> String {
    let mut form = String::new();
    for next in value.chars() {
        let next = match next {
            _ if next.is_ascii_digit() => '9',
            _ if next.is_alphabetic() => 'a',
            _ => next,
        };
        if !form.ends_with(next) {
            form.push(next);
        }
    }
    form
}

fn absolute(path: &str) -> String {
    let module = match path.split('/').next() {
        Some("routes") => "iproute2-ip-route",
        Some("netnses") => "iproute2-ip-netns",
        Some("rules") => "iproute2-ip-rule",
        Some("nexthops") => "iproute2-ip-nexthop",
        Some("sysctls") => "netloom-sysctl",
        Some(_) | None => "iproute2-ip-link",
    };
    format!("/{module}:{path}")
}

/// Sets or creates what a line says.
fn apply(tree: &mut Tree, line: &str) -> yang::Result<()> {
    match line.split_once(" = ") {
        Some((path, value)) => {
            let path = Path::parse(schema(), &absolute(path))?;
            let Some(last) = path.steps.last() else { return Ok(()) };
            let value = last.node.value(value)?;
            tree.set(&path, value)
        }
        None => tree.create(&Path::parse(schema(), &absolute(line))?),
    }
}
