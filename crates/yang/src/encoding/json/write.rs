//! Writes a tree as RFC 7951 JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ::serde::ser::{SerializeMap, SerializeSeq};
use ::serde::{Serialize, Serializer};

use crate::edit::EditNode;
use crate::output::Output;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::Tree;
use crate::tree::entry::{Content, Entry, Slot};
use crate::value::Value;

impl Tree {
    /// RFC 7951 JSON. `indent` makes it readable for people.
    pub fn to_json(&self, indent: bool) -> String {
        self.json(indent, |_| true)
    }

    /// JSON of the instances that `shown` accepts, and of keys.
    pub(crate) fn json(&self, indent: bool, shown: fn(&SchemaNode) -> bool) -> String {
        let members = self.members(shown);
        let text = match indent {
            true => serde_json::to_string_pretty(&members),
            false => serde_json::to_string(&members),
        };
        #[expect(
            clippy::expect_used,
            reason = "only a writer, or a name that is no text, can fail"
        )]
        text.expect("a text takes all that is written, and the names of members are texts")
    }

    /// The tree as a part of another JSON document.
    pub fn as_json(&self) -> impl Serialize + '_ {
        self.members(|_| true)
    }

    /// Writes RFC 7951 JSON to `to`. The text is never in memory as a whole.
    pub fn write_json(&self, indent: bool, to: &mut dyn io::Write) -> io::Result<()> {
        let members = self.members(|_| true);
        let mut to = io::BufWriter::with_capacity(PIECE, to);
        match indent {
            true => serde_json::to_writer_pretty(&mut to, &members)?,
            false => serde_json::to_writer(&mut to, &members)?,
        }
        to.flush()
    }

    fn members(&self, shown: fn(&SchemaNode) -> bool) -> Members<'_> {
        Members { keys: &[], values: &[], entry: &self.root, shown }
    }
}

impl Output {
    /// RFC 7951 JSON (RFC 8040 section 3.6.2), readable for people. A list of the output is an array even if it is empty, so
    /// that a program can rely on it.
    pub fn to_json(&self) -> String {
        let members = Nodes { keys: &[], values: &[], lists: &[], nodes: &self.nodes };
        #[expect(
            clippy::expect_used,
            reason = "only a writer, or a name that is no text, can fail"
        )]
        serde_json::to_string_pretty(&members)
            .expect("a text takes all that is written, and the names of members are texts")
    }
}

/// The members of an object, from nodes in any order.
struct Nodes<'a> {
    keys: &'a [&'static SchemaNode],
    values: &'a [Value],
    /// The nodes of which the lists are always written.
    lists: &'a [&'static SchemaNode],
    nodes: &'a [EditNode],
}

impl<'a> Nodes<'a> {
    fn of(EditNode { node, keys, children, .. }: &'a EditNode) -> Self {
        let lists = if node.parent().is_none() { &node.children[..] } else { &[] };
        Nodes { keys: &node.keys, values: keys, lists, nodes: children }
    }
}

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (key, value) in self.keys.iter().zip(self.values) {
            object.serialize_entry(&Name(key), &Scalar(value))?;
        }
        let lists = self.lists.iter().copied();
        let lists = lists.filter(|node| matches!(node.kind, NodeKind::List | NodeKind::LeafList));
        let mut members: BTreeMap<usize, Same<'_>> =
            lists.map(|node| (node.index(), Same { node, instances: Vec::new() })).collect();
        // Instances of a list need not be side by side.
        for instance in self.nodes {
            let node = instance.node;
            let same = Same { node, instances: Vec::new() };
            members.entry(node.index()).or_insert(same).instances.push(instance);
        }
        for same in members.values() {
            object.serialize_entry(&Name(same.node), same)?;
        }
        object.end()
    }
}

/// The instances of one node.
struct Same<'a> {
    node: &'static SchemaNode,
    instances: Vec<&'a EditNode>,
}

impl Serialize for Same<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = self.instances.iter().flat_map(|leaf| &leaf.value).map(Scalar);
        let mut objects = self.instances.iter().map(|inner| Nodes::of(inner));
        match self.node.kind {
            NodeKind::List => serializer.collect_seq(objects),
            NodeKind::LeafList => serializer.collect_seq(values),
            NodeKind::Leaf => values.next().serialize(serializer),
            NodeKind::Container { .. } => objects.next().serialize(serializer),
        }
    }
}

/// How much is written at once.
const PIECE: usize = 1 << 16;

/// The members of an object.
struct Members<'a> {
    keys: &'a [&'static SchemaNode],
    values: &'a [Value],
    entry: &'a Entry,
    shown: fn(&SchemaNode) -> bool,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (key, value) in self.keys.iter().zip(self.values) {
            object.serialize_entry(&Name(key), &Scalar(value))?;
        }
        for slot in self.entry.slots().iter().filter(|slot| (self.shown)(slot.node)) {
            object.serialize_entry(&Name(slot.node), &Instances { slot, shown: self.shown })?;
        }
        object.end()
    }
}

/// A member's name, with its module if that differs from the parent's.
struct Name(&'static SchemaNode);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.starts_module() {
            true => serializer.collect_str(&format_args!("{}:{}", self.0.module.name, self.0.name)),
            false => serializer.serialize_str(self.0.name),
        }
    }
}

struct Instances<'a> {
    slot: &'a Slot,
    shown: fn(&SchemaNode) -> bool,
}

impl Serialize for Instances<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = self.shown;
        match &self.slot.content {
            Content::Leaf(value) => Scalar(value).serialize(serializer),
            Content::LeafList(values) => {
                serializer.collect_seq(values.iter().map(|(value, ())| Scalar(value)))
            }
            Content::Container(entry) => {
                Members { keys: &[], values: &[], entry, shown }.serialize(serializer)
            }
            Content::List(entries) => {
                let keys = &self.slot.node.keys;
                let members =
                    entries.iter().map(|(values, entry)| Members { keys, values, entry, shown });
                serializer.collect_seq(members)
            }
        }
    }
}

struct Scalar<'a>(&'a Value);

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Empty => {
                let mut array = serializer.serialize_seq(Some(1))?;
                array.serialize_element(&())?;
                array.end()
            }
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Unsigned(value) => serializer.serialize_u64(*value),
            Value::Integer64(_) | Value::Unsigned64(_) | Value::Identity(_) => {
                serializer.collect_str(self.0)
            }
            Value::Decimal64(text)
            | Value::String(text)
            | Value::Enumeration(text, _)
            | Value::Bits(text)
            | Value::Binary(text)
            | Value::InstanceIdentifier(text) => serializer.serialize_str(text),
        }
    }
}
