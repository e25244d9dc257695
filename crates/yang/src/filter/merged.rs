//! The elements of a subtree filter, merged into one tree, so that each instance is compared with all of them at once.
//!
//! The *conditions* of an element are its content matches. Sibling elements with the same conditions select together
//! and are one [`Group`]. Groups with conditions on the same leaves have the same [`Shape`], and the values of an
//! instance's leaves find the group among them. The cost of a filter is thus proportional to its size and to the
//! instances that it looks at, and not to the product of both.

use std::collections::{BTreeMap, BTreeSet};
use std::ptr;
use std::sync::Arc;

use super::{Filters, What};
use crate::error::{Error, ErrorTag, Result};
use crate::path::Keys;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::entry::{Content, Entry};
use crate::tree::sorted::Sorted;
use crate::value::Value;

/// Sibling elements may have conditions on this many different combinations of leaves. Each costs a look at each
/// instance.
const SHAPES: usize = 64;

/// What is selected of an instance of a container or list.
#[derive(Debug)]
pub(super) struct Merged {
    shapes: Vec<Shape>,
}

/// Groups with conditions on the same leaves.
#[derive(Debug)]
struct Shape {
    leaves: Vec<&'static SchemaNode>,
    /// One of the leaf-lists with a condition, if there is one.
    leaf_list: Option<&'static SchemaNode>,
    /// By the values of `leaves` and then that of `leaf_list`.
    groups: BTreeMap<Vec<Value>, Vec<Group>>,
}

/// Elements with the same conditions.
#[derive(Debug)]
struct Group {
    conditions: Vec<Condition>,
    selects: Selects,
}

/// A leaf, or leaf-list, that must have this value.
type Condition = (&'static SchemaNode, Value);

#[derive(Debug)]
enum Selects {
    Whole,
    Children(Vec<Child>),
}

/// What is selected of all instances of a child.
#[derive(Debug)]
struct Child {
    node: &'static SchemaNode,
    all: bool,
    /// The values of content matches.
    values: Vec<Value>,
    below: Option<Merged>,
}

impl Merged {
    /// Merges the contents of sibling elements.
    pub(super) fn of(elements: Vec<Filters>) -> Result<Merged> {
        let mut groups: BTreeMap<Vec<(usize, Value)>, Alike> = BTreeMap::new();
        for element in elements {
            let Some(conditions) = conditions(&element) else { continue };
            let order = conditions.iter().map(|(node, value)| (address(node), value.clone()));
            let alike = groups.entry(order.collect()).or_default();
            alike.conditions = conditions;
            alike.elements.push(element);
        }
        let mut shapes: BTreeMap<Vec<usize>, Shape> = BTreeMap::new();
        for Alike { conditions, elements } in groups.into_values() {
            let nodes: Vec<_> = conditions.iter().map(|(node, _)| *node).collect();
            let leaves: Vec<_> = nodes.iter().copied().filter(|node| is_leaf(node)).collect();
            let leaf_list = nodes.iter().copied().find(|node| !is_leaf(node));
            let order = leaves.iter().copied().chain(leaf_list).map(address).collect();
            let shape = shapes.entry(order).or_insert_with(|| Shape {
                leaves,
                leaf_list,
                groups: BTreeMap::new(),
            });
            let value = |node: &&'static SchemaNode| {
                conditions
                    .iter()
                    .find(|(of, _)| ptr::eq(*of, *node))
                    .map(|(_, value)| value.clone())
            };
            let values = shape.leaves.iter().chain(&shape.leaf_list).filter_map(value).collect();
            let selects = Selects::of(elements)?;
            shape.groups.entry(values).or_default().push(Group { conditions, selects });
        }
        if shapes.len() > SHAPES {
            let message = format!(
                "the filter selects by more than {SHAPES} different combinations of leaves: use \
                 several requests"
            );
            return Err(Error::new(ErrorTag::TooBig, message));
        }
        Ok(Merged { shapes: shapes.into_values().collect() })
    }

    /// The selected nodes of an instance. None if no element matches it.
    pub(super) fn select(&self, keys: &[Value], entry: &Entry) -> Option<Entry> {
        let mut selected = Entry::default();
        let mut any = false;
        for group in self.shapes.iter().flat_map(|shape| shape.matching(keys, entry)) {
            match &group.selects {
                Selects::Whole => return Some(entry.clone()),
                Selects::Children(children) => {
                    for child in children {
                        any |= child.select(keys, entry, &mut selected);
                    }
                }
            }
        }
        any.then_some(selected)
    }

    /// The keys of the only entries of the list that can match, if all elements give all keys.
    fn entries_of(&self, list: &SchemaNode) -> Option<BTreeSet<Keys>> {
        let groups = self.shapes.iter().flat_map(|shape| shape.groups.values().flatten());
        groups.map(|group| group.entry_of(list)).collect()
    }
}

/// Elements with the same conditions, before they are merged.
#[derive(Default)]
struct Alike {
    conditions: Vec<Condition>,
    elements: Vec<Filters>,
}

/// Sorted and without duplicates. None if the element selects nothing.
fn conditions(element: &Filters) -> Option<Vec<Condition>> {
    if element.impossible || element.filters.is_empty() {
        return None;
    }
    let mut conditions: Vec<Condition> = Vec::new();
    for filter in &element.filters {
        match &filter.what {
            What::Is(value) => conditions.push((filter.node, value.clone())),
            What::All | What::Below(_) => {}
        }
    }
    conditions.sort_by(|(a, value), (b, other)| (address(a), value).cmp(&(address(b), other)));
    conditions.dedup_by(|(a, value), (b, other)| ptr::eq(*a, *b) && value == other);
    // A leaf has one value.
    let twice = |pair: &[Condition]| ptr::eq(pair[0].0, pair[1].0) && is_leaf(pair[0].0);
    (!conditions.windows(2).any(twice)).then_some(conditions)
}

fn address(node: &'static SchemaNode) -> usize {
    ptr::from_ref(node).addr()
}

fn is_leaf(node: &SchemaNode) -> bool {
    node.kind == NodeKind::Leaf
}

impl Shape {
    /// The groups whose conditions an instance meets.
    fn matching<'a>(&'a self, keys: &[Value], entry: &Entry) -> Vec<&'a Group> {
        let leaf = |node: &&'static SchemaNode| value(node, keys, entry).cloned();
        let Some(mut values) = self.leaves.iter().map(leaf).collect::<Option<Vec<Value>>>() else {
            return Vec::new();
        };
        let Some(list) = self.leaf_list else {
            return self.groups.get(&values).into_iter().flatten().collect();
        };
        let Some(Content::LeafList(items)) = entry.slot(list).map(|slot| &slot.content) else {
            return Vec::new();
        };
        let mut matching = Vec::new();
        for (item, ()) in items.iter() {
            values.push(item.clone());
            let groups = self.groups.get(&values).into_iter().flatten();
            matching.extend(groups.filter(|group| group.matches(entry)));
            values.pop();
        }
        matching
    }
}

impl Group {
    /// Whether the conditions on leaf-lists are met.
    fn matches(&self, entry: &Entry) -> bool {
        self.conditions.iter().filter(|(node, _)| !is_leaf(node)).all(|(node, value)| {
            entry.slot(node).is_some_and(|slot| match &slot.content {
                Content::LeafList(values) => values.contains(value),
                Content::Leaf(_) | Content::Container(_) | Content::List(_) => false,
            })
        })
    }

    fn entry_of(&self, list: &SchemaNode) -> Option<Keys> {
        let given = |key: &&'static SchemaNode| {
            let condition = self.conditions.iter().find(|(node, _)| ptr::eq(*node, *key));
            condition.map(|(_, value)| value.clone())
        };
        list.keys.iter().map(given).collect()
    }
}

impl Selects {
    /// What elements with the same conditions select.
    fn of(elements: Vec<Filters>) -> Result<Selects> {
        let only_conditions = |element: &Filters| {
            element.filters.iter().all(|filter| matches!(filter.what, What::Is(_)))
        };
        if elements.iter().any(only_conditions) {
            return Ok(Selects::Whole);
        }
        let mut children: BTreeMap<usize, (Child, Vec<Filters>)> = BTreeMap::new();
        for filter in elements.into_iter().flat_map(|element| element.filters) {
            let new = || {
                let child =
                    Child { node: filter.node, all: false, values: Vec::new(), below: None };
                (child, Vec::new())
            };
            let (child, below) = children.entry(address(filter.node)).or_insert_with(new);
            match filter.what {
                What::All => child.all = true,
                What::Is(value) => child.values.push(value),
                What::Below(filters) => below.push(filters),
            }
        }
        let merged = |(child, below): (Child, Vec<Filters>)| {
            let below = match below.is_empty() {
                true => None,
                false => Some(Merged::of(below)?),
            };
            Ok(Child { below, ..child })
        };
        Ok(Selects::Children(children.into_values().map(merged).collect::<Result<_>>()?))
    }
}

impl Child {
    /// Adds the selected instances of a child. Returns whether there were any.
    fn select(&self, keys: &[Value], from: &Entry, into: &mut Entry) -> bool {
        let node = self.node;
        if key(node, keys).is_some() {
            // The keys of selected entries are always included.
            return true;
        }
        let Some(slot) = from.slot(node) else { return false };
        let Some(selected) = self.selected(&slot.content) else { return false };
        let mut selection = Entry::default();
        selection.put(node, selected);
        if node.kind == (NodeKind::Container { presence: false }) {
            selection.prune(node);
        }
        into.merge(&selection);
        true
    }

    fn selected(&self, content: &Content) -> Option<Content> {
        if self.all {
            return Some(content.clone());
        }
        match content {
            Content::Leaf(_) => (!self.values.is_empty()).then(|| content.clone()),
            Content::LeafList(_) => {
                let values = self.values.iter().map(|value| (value.clone(), ()));
                (!self.values.is_empty()).then(|| Content::LeafList(Box::new(values.collect())))
            }
            Content::Container(entry) => {
                let entry = self.below.as_ref()?.select(&[], entry)?;
                Some(Content::Container(Arc::new(entry)))
            }
            Content::List(entries) => {
                let below = self.below.as_ref()?;
                let some = |(keys, entry): (&Keys, &Arc<Entry>)| {
                    Some((keys.clone(), Arc::new(below.select(keys, entry)?)))
                };
                let found: Sorted<_, _> = match below.entries_of(self.node) {
                    Some(keys) => keys
                        .iter()
                        .filter_map(|keys| entries.get(&keys[..]))
                        .filter_map(some)
                        .collect(),
                    None => entries.iter().filter_map(some).collect(),
                };
                (!found.is_empty()).then(|| Content::List(Box::new(found)))
            }
        }
    }
}

/// The value of a leaf of an instance.
fn value<'a>(node: &'static SchemaNode, keys: &'a [Value], entry: &'a Entry) -> Option<&'a Value> {
    key(node, keys).or_else(|| match &entry.slot(node)?.content {
        Content::Leaf(value) => Some(value),
        Content::LeafList(_) | Content::Container(_) | Content::List(_) => None,
    })
}

/// The value of a key of an entry.
fn key<'a>(node: &SchemaNode, keys: &'a [Value]) -> Option<&'a Value> {
    let list = node.parent()?;
    let index = list.keys.iter().position(|key| ptr::eq(*key, node))?;
    keys.get(index)
}
