//! An instance of a tree, as a reader sees it: keys are children too.

use std::ptr;

use super::entry::{Entry, Slot};
use crate::path::{Keys, Step};
use crate::schema::SchemaNode;
use crate::value::Value;

/// An instance as seen by a reader.
#[derive(Clone, Debug)]
pub enum Node<'a> {
    /// A container.
    Container(&'static SchemaNode, &'a Entry),
    /// A list entry with its keys, which are also among its children.
    ListEntry(&'static SchemaNode, &'a Keys, &'a Entry),
    /// A leaf.
    Leaf(&'static SchemaNode, &'a Value),
    /// One value of a leaf-list.
    LeafListEntry(&'static SchemaNode, &'a Value),
}

impl<'a> Node<'a> {
    /// Its schema node.
    pub fn schema(&self) -> &'static SchemaNode {
        match self {
            Node::Container(node, _)
            | Node::ListEntry(node, ..)
            | Node::Leaf(node, _)
            | Node::LeafListEntry(node, _) => node,
        }
    }

    /// The value of a leaf or leaf-list entry.
    pub fn value(&self) -> Option<&'a Value> {
        match self {
            Node::Leaf(_, value) | Node::LeafListEntry(_, value) => Some(value),
            Node::Container(..) | Node::ListEntry(..) => None,
        }
    }

    /// The keys of a list entry.
    pub fn keys(&self) -> &'a [Value] {
        match self {
            Node::ListEntry(_, keys, _) => keys,
            Node::Container(..) | Node::Leaf(..) | Node::LeafListEntry(..) => &[],
        }
    }

    /// Its children in schema order, list entries in the order of their keys.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        self.key_leaves().chain(self.slots().iter().flat_map(Slot::instances))
    }

    /// The child leaf, container or first entry of this name.
    pub fn child(&self, name: &str) -> Option<Node<'a>> {
        self.children_of(self.schema().child(None, name)?).next()
    }

    /// The value of the child leaf of this name.
    pub fn leaf(&self, name: &str) -> Option<&'a Value> {
        self.child(name)?.value()
    }

    /// The children that are instances of `node`.
    pub(crate) fn children_of(
        &self,
        node: &'static SchemaNode,
    ) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let key = self.key_leaves().find(|leaf| ptr::eq(leaf.schema(), node));
        let slot = self.entry().and_then(|entry| entry.slot(node));
        key.into_iter().chain(slot.into_iter().flat_map(Slot::instances))
    }

    /// The child of the step. None if the step has several instances.
    pub(super) fn instance(&self, step: &Step) -> Option<Node<'a>> {
        match key_index(step.node) {
            Some(_) => self.children_of(step.node).next(),
            None => self.entry()?.slot(step.node)?.instance(&step.keys),
        }
    }

    /// Its content without the keys.
    pub(crate) fn entry(&self) -> Option<&'a Entry> {
        match self {
            Node::Container(_, entry) | Node::ListEntry(_, _, entry) => Some(entry),
            Node::Leaf(..) | Node::LeafListEntry(..) => None,
        }
    }

    fn slots(&self) -> &'a [Slot] {
        self.entry().map_or(&[], Entry::slots)
    }

    fn key_leaves(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let names = match self {
            Node::ListEntry(list, ..) => &list.keys[..],
            Node::Container(..) | Node::Leaf(..) | Node::LeafListEntry(..) => &[],
        };
        names.iter().zip(self.keys()).map(|(key, value)| Node::Leaf(key, value))
    }
}

/// The index of the leaf among the keys of its list.
pub(super) fn key_index(node: &'static SchemaNode) -> Option<usize> {
    node.parent()?.keys.iter().position(|key| ptr::eq(*key, node))
}

/// The keys in a step to the instance.
pub(crate) fn instance_keys(node: &Node<'_>) -> Keys {
    match node {
        Node::ListEntry(_, keys, _) => (*keys).clone(),
        Node::LeafListEntry(_, value) => vec![(*value).clone()].into(),
        Node::Container(..) | Node::Leaf(..) => Keys::default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::sample::{path, tree};

    #[test]
    fn keys_are_among_the_children() {
        let tree = tree("/routes/route[prefix='1.0.0.0/8'][table='main']/tag = 1");
        let route = tree.nodes(&path("/routes/route"))[0].1.clone();
        assert_eq!(route.leaf("prefix").unwrap().to_string(), "1.0.0.0/8");
        let names: Vec<_> = route.children().map(|node| node.schema().name).collect();
        assert_eq!(names, ["prefix", "table", "tag"]);
    }
}
