//! The content of a container, a list entry or the root.
//!
//! The children are in an array, sorted by their position in the schema. Copies of the tree share the content below
//! them until one copy changes it. Two rules always hold: no container without presence is empty, and there are
//! nodes of only one case of a choice (RFC 7950 section 7.9).

use std::ptr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::path::Keys;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::Node;
use crate::tree::sorted::{self, Sorted};
use crate::value::Value;

/// The children of a container, of a list entry, or of the root. The keys of a list entry are stored separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Most entries have one child.
    slots: SmallVec<[Slot; 1]>,
}

/// All instances of one schema node below one parent.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) node: &'static SchemaNode,
    pub(crate) content: Content,
}

/// Trees contain many of these, so that rare variants are boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Leaf(Value),
    LeafList(Box<Sorted<Value, ()>>),
    Container(Arc<Entry>),
    List(Box<Sorted<Keys, Arc<Entry>>>),
}

impl Entry {
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn slot(&self, node: &'static SchemaNode) -> Option<&Slot> {
        let index = self.position(node).ok()?;
        self.slots.get(index).filter(|slot| ptr::eq(slot.node, node))
    }

    /// Whether there is an instance with these keys (for a leaf-list: with this value).
    pub(crate) fn has(&self, node: &'static SchemaNode, keys: &[Value]) -> bool {
        self.slot(node).and_then(|slot| slot.instance(keys)).is_some()
    }

    pub(crate) fn slot_mut(&mut self, node: &'static SchemaNode) -> Option<&mut Slot> {
        let index = self.position(node).ok()?;
        self.slots.get_mut(index).filter(|slot| ptr::eq(slot.node, node))
    }

    /// The node whose instances would be removed if `node` got instances: the node itself, or one of another case.
    pub(crate) fn rival(&self, node: &'static SchemaNode) -> Option<&'static SchemaNode> {
        if let Some(slot) = self.slot(node) {
            return Some(slot.node);
        }
        if node.case.is_empty() {
            return None;
        }
        self.slots.iter().map(|slot| slot.node).find(|other| excludes(node, other))
    }

    /// Frees unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.slots.shrink_to_fit();
    }

    /// Replaces the instances of `node`, and removes nodes of other cases.
    pub(crate) fn put(&mut self, node: &'static SchemaNode, content: Content) {
        match self.position(node) {
            Ok(index) => self.slots[index].content = content,
            Err(_) => {
                if !node.case.is_empty() {
                    self.slots.retain(|slot| !excludes(node, slot.node));
                }
                let index = self.position(node).unwrap_or_else(|index| index);
                self.slots.insert(index, Slot { node, content });
            }
        }
    }

    /// The instances of `node`. If there are none, an empty slot is created.
    fn content(&mut self, node: &'static SchemaNode) -> &mut Content {
        if self.position(node).is_err() {
            let empty = match node.kind {
                NodeKind::List => Content::List(Box::default()),
                NodeKind::LeafList => Content::LeafList(Box::default()),
                NodeKind::Container { .. } | NodeKind::Leaf => Content::Container(Arc::default()),
            };
            self.put(node, empty);
        }
        let index = self.position(node).unwrap_or_else(|index| index);
        &mut self.slots[index].content
    }

    /// Sets the leaf, or adds the value to the leaf-list.
    pub(crate) fn set(&mut self, node: &'static SchemaNode, value: Value) {
        if node.kind != NodeKind::LeafList {
            return self.put(node, Content::Leaf(value));
        }
        if let Content::LeafList(values) = self.content(node) {
            values.insert(value, ());
        }
    }

    /// The content of the container, or of the list entry with these keys. It is created if it is missing.
    pub(crate) fn below(&mut self, node: &'static SchemaNode, keys: &Keys) -> &mut Entry {
        match self.content(node) {
            Content::List(entries) => Arc::make_mut(entries.entry(keys)),
            Content::Container(entry) => Arc::make_mut(entry),
            Content::Leaf(_) | Content::LeafList(_) => {
                unreachable!("only containers and list entries have something below")
            }
        }
    }

    /// Adds an entry to a list. Returns false if it replaces an entry with these keys.
    pub(crate) fn add(&mut self, list: &'static SchemaNode, keys: Keys, entry: Arc<Entry>) -> bool {
        match self.content(list) {
            Content::List(entries) => entries.insert(keys, entry).is_none(),
            Content::Leaf(_) | Content::LeafList(_) | Content::Container(_) => {
                unreachable!("only lists have entries")
            }
        }
    }

    /// Adds entries to a list. They are sorted, and have different keys.
    pub(crate) fn add_row(&mut self, list: &'static SchemaNode, row: Vec<(Keys, Arc<Entry>)>) {
        match self.content(list) {
            Content::List(entries) if entries.is_empty() => **entries = Sorted::of_row(row),
            Content::List(entries) => entries.merge(&Sorted::of_row(row), Entry::merge_shared),
            Content::Leaf(_) | Content::LeafList(_) | Content::Container(_) => {
                unreachable!("only lists have entries")
            }
        }
    }

    /// Removes the instances of `node`: the one with these keys (for a leaf-list: with this value), or all without
    /// keys. Returns whether there were any.
    pub(crate) fn remove(&mut self, node: &'static SchemaNode, keys: &[Value]) -> bool {
        let Some(slot) = self.slot_mut(node) else { return false };
        let (found, empty) = match (&mut slot.content, keys) {
            (Content::List(entries), [_, ..]) => {
                (entries.remove(keys).is_some(), entries.is_empty())
            }
            (Content::LeafList(values), [value]) => {
                (values.remove(value).is_some(), values.is_empty())
            }
            (Content::LeafList(_) | Content::List(_), _) => (true, true),
            (Content::Leaf(_) | Content::Container(_), _) => (true, true),
        };
        if empty {
            self.slots.retain(|slot| !ptr::eq(slot.node, node));
        }
        found
    }

    /// Removes the slot of `node` if it is empty.
    pub(crate) fn prune(&mut self, node: &'static SchemaNode) {
        if self.slot(node).is_some_and(Slot::is_void) {
            self.slots.retain(|slot| !ptr::eq(slot.node, node));
        }
    }

    /// Adds the instances of `other`. If both have a leaf, the value of `other` is used.
    pub(crate) fn merge(&mut self, other: &Entry) {
        for slot in &other.slots {
            match (self.slot_mut(slot.node).map(|slot| &mut slot.content), &slot.content) {
                (Some(Content::Container(own)), Content::Container(entry)) => {
                    Entry::merge_shared(own, entry);
                }
                (Some(Content::List(own)), Content::List(entries)) => {
                    own.merge(entries, Entry::merge_shared);
                }
                (Some(Content::LeafList(own)), Content::LeafList(values)) => {
                    own.merge(values, |(), ()| {});
                }
                // A leaf, nothing, or a combination that cannot occur for two nodes of the same schema.
                (Some(_) | None, content) => self.put(slot.node, content.clone()),
            }
        }
    }

    /// The same for shared entries: if there was nothing, `own` becomes `other`.
    pub(crate) fn merge_shared(own: &mut Arc<Entry>, other: &Arc<Entry>) {
        if own.is_empty() {
            own.clone_from(other);
        } else if !Arc::ptr_eq(own, other) {
            Arc::make_mut(own).merge(other);
        }
    }

    /// The entry without the instances that `keep` refuses, and without the nodes below them. If nothing is
    /// removed, the result is the same shared entry.
    pub(crate) fn retain(self: &Arc<Entry>, keep: &impl Fn(&SchemaNode) -> bool) -> Arc<Entry> {
        let mut copy = Arc::clone(self);
        for slot in &self.slots {
            if !keep(slot.node) {
                Arc::make_mut(&mut copy).remove(slot.node, &[]);
                continue;
            }
            match &slot.content {
                Content::Leaf(_) | Content::LeafList(_) => {}
                Content::Container(entry) => {
                    let kept = entry.retain(keep);
                    if !Arc::ptr_eq(&kept, entry) {
                        let copy = Arc::make_mut(&mut copy);
                        copy.put(slot.node, Content::Container(kept));
                        copy.prune(slot.node);
                    }
                }
                Content::List(entries) => {
                    for (keys, entry) in entries.iter() {
                        let kept = entry.retain(keep);
                        if !Arc::ptr_eq(&kept, entry) {
                            *Arc::make_mut(&mut copy).below(slot.node, keys) = (*kept).clone();
                        }
                    }
                }
            }
        }
        copy
    }

    fn position(&self, node: &SchemaNode) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&node.index(), |slot| slot.node.index())
    }
}

impl Slot {
    pub(crate) fn instances(&self) -> Instances<'_> {
        match &self.content {
            Content::Leaf(value) => Instances::One(Some(Node::Leaf(self.node, value))),
            Content::LeafList(values) => Instances::LeafList(self.node, values.iter()),
            Content::Container(entry) => {
                Instances::One(Some(Node::Container(self.node, entry.as_ref())))
            }
            Content::List(entries) => Instances::List(self.node, entries.iter()),
        }
    }

    /// The entry of the list with these keys, the value of the leaf-list, the leaf or the container.
    pub(crate) fn instance<'a>(&'a self, keys: &[Value]) -> Option<Node<'a>> {
        match (&self.content, keys) {
            (Content::Leaf(value), _) => Some(Node::Leaf(self.node, value)),
            (Content::Container(entry), _) => Some(Node::Container(self.node, entry.as_ref())),
            (Content::LeafList(values), [value]) => {
                values.get(value).map(|(value, ())| Node::LeafListEntry(self.node, value))
            }
            (Content::List(entries), [_, ..]) => entries
                .get(keys)
                .map(|(keys, entry)| Node::ListEntry(self.node, keys, entry.as_ref())),
            (Content::LeafList(_) | Content::List(_), _) => None,
        }
    }

    fn is_void(&self) -> bool {
        match &self.content {
            Content::Leaf(_) => false,
            Content::LeafList(values) => values.is_empty(),
            Content::Container(entry) => {
                entry.is_empty() && self.node.kind == NodeKind::Container { presence: false }
            }
            Content::List(entries) => entries.is_empty(),
        }
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.node, other.node) && self.content == other.content
    }
}

impl Eq for Slot {}

impl Content {
    /// Whether the two are the same object in memory, and thus equal without a comparison.
    pub(crate) fn shares(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::Container(a), Content::Container(b)) => Arc::ptr_eq(a, b),
            (Content::List(a), Content::List(b)) => a.shares(b),
            (Content::LeafList(a), Content::LeafList(b)) => a.shares(b),
            (
                Content::Leaf(_) | Content::LeafList(_) | Content::Container(_) | Content::List(_),
                _,
            ) => false,
        }
    }
}

/// Iterates over the instances of one schema node.
pub(crate) enum Instances<'a> {
    One(Option<Node<'a>>),
    LeafList(&'static SchemaNode, sorted::Iter<'a, Value, ()>),
    List(&'static SchemaNode, sorted::Iter<'a, Keys, Arc<Entry>>),
}

impl<'a> Iterator for Instances<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        match self {
            Instances::One(node) => node.take(),
            Instances::LeafList(node, values) => {
                values.next().map(|(value, ())| Node::LeafListEntry(node, value))
            }
            Instances::List(node, entries) => {
                entries.next().map(|(keys, entry)| Node::ListEntry(node, keys, entry.as_ref()))
            }
        }
    }
}

/// Whether the two belong to different cases of one choice.
fn excludes(node: &SchemaNode, other: &SchemaNode) -> bool {
    let apart = node.case.iter().zip(&other.case).find(|(a, b)| a != b);
    apart.is_some_and(|((choice, _), (other, _))| choice == other)
}
