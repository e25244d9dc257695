//! Random configurations, drawn from the schema: any node, with any value of its type.
//!
//! Most of them contradict themselves, so that they are for the candidate only. Texts have all that a terminal, a file or
//! a format could take for something else: quotes, control characters, spaces, and the command line's own characters.

use std::collections::BTreeMap;

use fastrand::Rng;
use yang::{NodeKind, Path, Schema, SchemaNode, Tree, Type, Value};

/// The parts of random texts.
const TEXTS: [&str; 56] = [
    "\"", "'", "\\", "\n", "\r", "\r\n", "\t", " ", "  ", "?", "!", "#", ";", "|", "*", "[", "]",
    "{", "}", "<", "&", ">", "]]>", "&lt;", "\\u{41}", "\\n", "%0a", "$", "`", "=", ",", "/", "-",
    "exit", "no", "end", "top", "a", "B", "0", "7", "ü", "€", "😀", "e\u{301}", "\u{7f}", "\u{85}",
    "\u{9b}", "\u{a0}", "\u{200b}", "\u{200d}", "\u{202e}", "\u{2028}", "\u{feff}", "\u{e000}",
    "\u{fffd}",
];
/// Values for types with patterns.
const PATTERNED: [&str; 22] = [
    "10.9.9.9",
    "239.0.0.1",
    "0.0.0.0",
    "10.0.0.0/8",
    "192.168.9.9/24",
    "2001:db8::1",
    "fe80::1",
    "2001:db8::/32",
    "::/0",
    "52:54:00:00:00:99",
    "02:00:00:00:00:01",
    "1:5",
    "3:7",
    "b8",
    "0x10",
    "0x00",
    "1000 2000",
    "eth0",
    "br0",
    "vpn10",
    "tcp_sack",
    "net.ipv4.tcp_sack",
];

/// A configuration with about so many leafs.
pub fn configuration(random: &mut Rng, leaves: usize) -> Tree {
    let schema = Schema::netloom().expect("the modules compile");
    let mut drawn = Drawn { random, tree: Tree::empty(schema), entries: BTreeMap::new() };
    for _ in 0..leaves {
        drawn.draw();
    }
    drawn.tree
}

/// A place in the tree: an instance, all entries of a list, or everything.
pub fn place(random: &mut Rng, tree: &Tree) -> Path {
    let mut path = Path::default();
    let mut nodes: Vec<_> = tree.top().collect();
    while !nodes.is_empty() && random.u8(0..6) > 0 {
        let node = nodes.swap_remove(random.usize(..nodes.len()));
        if node.schema().is_key() {
            continue;
        }
        let all = node.schema().kind == NodeKind::LeafList || random.u8(0..8) == 0;
        let keys = if all { Vec::new() } else { node.keys().to_vec() };
        let ends = keys.is_empty() && !matches!(node.schema().kind, NodeKind::Container { .. });
        path = path.join(node.schema(), keys);
        nodes = if ends { Vec::new() } else { node.children().collect() };
    }
    path
}

struct Drawn<'r> {
    random: &'r mut Rng,
    tree: Tree,
    /// The entries of each list so far.
    entries: BTreeMap<Path, Vec<Vec<Value>>>,
}

impl Drawn<'_> {
    /// Adds a leaf, or the end of a random walk down the schema.
    fn draw(&mut self) {
        let schema = self.tree.schema();
        let mut path = Path::default();
        let mut nodes = schema.top().to_vec();
        loop {
            nodes.retain(|node| node.config && !node.is_key() && self.fits(&path, node));
            let Some(node) = self.chosen(&nodes) else { break };
            match node.kind {
                NodeKind::Container { .. } => path = path.join(node, Vec::new()),
                NodeKind::List => {
                    let list = path.join(node, Vec::new());
                    let Some(keys) = self.keys(&list, node) else { return };
                    path = path.join(node, keys);
                }
                NodeKind::Leaf | NodeKind::LeafList => {
                    let Some(value) = self.value(node) else { return };
                    let keys = match node.kind {
                        NodeKind::LeafList => vec![value.clone()],
                        NodeKind::Leaf | NodeKind::Container { .. } | NodeKind::List => Vec::new(),
                    };
                    self.tree.set(&path.join(node, keys), value).expect("a leaf is set");
                    return;
                }
            }
            nodes.clone_from(&node.children);
        }
        if !path.steps.is_empty() {
            self.tree.create(&path).expect("an instance is created");
        }
    }

    /// Whether the node is in no other case of a choice than its siblings.
    fn fits(&self, above: &Path, node: &SchemaNode) -> bool {
        let Some(parent) = self.tree.node(above) else { return true };
        parent.children().all(|sibling| {
            let mut cases = sibling.schema().case.iter().zip(&node.case);
            !cases.any(|(other, own)| other.0 == own.0 && other.1 != own.1)
        })
    }

    fn chosen(&mut self, nodes: &[&'static SchemaNode]) -> Option<&'static SchemaNode> {
        (!nodes.is_empty()).then(|| nodes[self.random.usize(..nodes.len())])
    }

    /// The keys of an entry that is there, or of a new one.
    fn keys(&mut self, list: &Path, node: &'static SchemaNode) -> Option<Vec<Value>> {
        if let Some(known) = self.entries.get(list).filter(|_| self.random.u8(0..4) > 0) {
            return Some(known[self.random.usize(..known.len())].clone());
        }
        let keys = node.keys.iter().map(|key| self.key(key)).collect::<Option<Vec<Value>>>()?;
        self.entries.entry(list.clone()).or_default().push(keys.clone());
        Some(keys)
    }

    fn key(&mut self, key: &'static SchemaNode) -> Option<Value> {
        match key.extension("key-default").flatten() {
            Some(default) if self.random.bool() => key.value(default).ok(),
            Some(_) | None => self.value(key),
        }
    }

    fn value(&mut self, leaf: &'static SchemaNode) -> Option<Value> {
        value(self.random, leaf)
    }
}

/// A value of a leaf.
pub fn value(random: &mut Rng, leaf: &'static SchemaNode) -> Option<Value> {
    let leaf_type = leaf.leaf_type.as_ref()?;
    (0..20).find_map(|_| leaf.value(&text(random, leaf_type)).ok())
}

/// A text that is a value of the type, or is often one if the type has patterns.
fn text(random: &mut Rng, of: &Type) -> String {
    let one = |random: &mut Rng, texts: &[String]| texts[random.usize(..texts.len())].clone();
    match of {
        Type::Empty => String::new(),
        Type::Boolean => random.bool().to_string(),
        Type::Binary => one(random, &["", "AA==", "AAEC", "+/+/"].map(String::from)),
        Type::Bits(names) => {
            let names = names.iter().filter(|_| random.bool()).map(String::as_str);
            names.collect::<Vec<_>>().join(" ")
        }
        Type::Decimal64 { ranges, .. } => {
            let (low, high) = ranges[random.usize(..ranges.len())].clone();
            if random.bool() { low } else { high }
        }
        Type::Enumeration(names) => names[random.usize(..names.len())].0.clone(),
        Type::Identityref(names) => one(random, names),
        Type::InstanceIdentifier => "/iproute2-ip-link:links/link[name='a \"b\"']/mtu".into(),
        Type::Integer { ranges, .. } => {
            let (low, high) = ranges[random.usize(..ranges.len())];
            match random.u8(0..4) {
                0 => low.to_string(),
                1 => high.to_string(),
                _ => random.i128(low..=high.min(low + 5000)).to_string(),
            }
        }
        Type::Leafref { real, .. } => text(random, real),
        Type::String { patterns, .. } if !patterns.is_empty() && random.bool() => {
            PATTERNED[random.usize(..PATTERNED.len())].into()
        }
        Type::String { lengths, .. } => {
            let longest = lengths.iter().map(|(_, most)| *most).max().unwrap_or(u64::MAX);
            let parts = random.usize(0..9);
            let text: String = (0..parts).map(|_| TEXTS[random.usize(..TEXTS.len())]).collect();
            text.chars().take(usize::try_from(longest).unwrap_or(usize::MAX)).collect()
        }
        Type::Union(members) => {
            let member = &members[random.usize(..members.len())];
            text(random, member)
        }
    }
}
