//! The differences between two trees.
//!
//! A node that is added or removed with everything below it is stored as one part, which is shared with its tree. A
//! difference is therefore cheap, however large its parts are. To get each changed node, walk over the difference.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::{fmt, io};

use crate::edit::{Edit, Operation};
use crate::encoding::xml::EditWriter;
use crate::error::Result;
use crate::path::{Keys, Path, Step};
use crate::schema::NodeKind;
use crate::tree::entry::{Content, Entry, Slot};
use crate::tree::{Node, Tree};
use crate::value::Value;

/// The changes from one tree to another, in path order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    parts: Vec<Part>,
}

/// One part of a difference, with everything below it.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// The instance is added.
    Created(Path, Instance),
    /// The value of the leaf changes: before, after.
    Replaced(Path, Value, Value),
    /// The instance is removed.
    Deleted(Path, Instance),
}

/// The content at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Instance {
    /// A leaf or a leaf-list entry.
    Value(Value),
    /// A container or a list entry.
    Entry(Arc<Entry>),
}

/// The change of one node. If a container or list entry is added or removed, there is one change for itself and one
/// for each node below it, except for the keys, which are in its path.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The instance is added. A leaf has its value.
    Created(Path, Option<Value>),
    /// The value of the leaf changes: before, after.
    Replaced(Path, Value, Value),
    /// The instance is removed. A leaf has its old value.
    Deleted(Path, Option<Value>),
}

/// How a walk over a difference continues after a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// With the nodes that are added or removed below it, if there are any.
    Below,
    /// With the next node that is not below it.
    Past,
    /// The walk ends.
    Home,
}

impl Diff {
    /// Whether the trees are equal.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The changes as parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The changes node by node, in path order.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.parts.iter().flat_map(|part| {
            let mut changes = Vec::new();
            _ = part.walk(&mut |steps, value| {
                let (path, value) = (Path { steps: steps.to_vec() }, value.cloned());
                changes.push(match part {
                    Part::Created(..) => Change::Created(path, value),
                    Part::Deleted(..) => Change::Deleted(path, value),
                    Part::Replaced(path, old, new) => {
                        Change::Replaced(path.clone(), old.clone(), new.clone())
                    }
                });
                Go::Below
            });
            changes
        })
    }

    /// Calls `visit` with each node that changes, in path order, and with the part to which the node belongs.
    pub fn walk<'a>(&'a self, mut visit: impl FnMut(&'a Part, &[Step]) -> Go) {
        let mut parts = self.parts.iter();
        _ = parts.try_for_each(|part| part.walk(&mut |steps, _| visit(part, steps)));
    }

    /// The same changes without containers without presence. The changes of their content are listed instead.
    #[must_use]
    pub fn opened(&self) -> Diff {
        let mut parts = Vec::with_capacity(self.parts.len());
        self.parts.iter().for_each(|part| open(part.clone(), &mut parts));
        Diff { parts }
    }

    /// The edit that makes these changes. It merges what is added and removes what is deleted, so that it also
    /// applies if somebody else has made the same changes.
    pub fn to_edit(&self) -> Edit {
        let edit = Edit::of(Operation::Merge, Vec::new());
        self.parts.iter().fold(edit, |edit, part| {
            edit.and(match part {
                Part::Created(path, Instance::Value(value)) | Part::Replaced(path, _, value) => {
                    Edit::merging(path, Some(value.clone()), &Entry::default())
                }
                Part::Created(path, Instance::Entry(entry)) => Edit::merging(path, None, entry),
                Part::Deleted(path, instance) => {
                    Edit::one(path, Operation::Remove, instance.value().cloned())
                }
            })
        })
    }

    /// The parts of the two trees that differ, with the nodes around them. If a container without presence would be
    /// empty on one side, it gets a node that both trees have.
    pub fn sides(&self, old: &Tree, new: &Tree) -> Result<(Tree, Tree)> {
        let empty = || Tree::empty(old.schema());
        let (mut before, mut after) = (empty(), empty());
        before.edit(&new.diff(old).to_edit())?;
        after.edit(&self.to_edit())?;
        for part in &self.parts {
            let Some((_, above)) = part.path().steps.split_last() else { continue };
            if above.is_empty() {
                continue;
            }
            let above = Path { steps: above.to_vec() };
            before.create(&above)?;
            after.create(&above)?;
            let lacking = [(&before, old), (&after, new)];
            let lacking = lacking.into_iter().find(|(side, _)| side.nodes(&above).is_empty());
            // The differences there are all on the other side, so that both trees have the nodes of this side.
            if let Some((path, value)) = lacking.and_then(|(_, whole)| first_below(whole, &above)) {
                put(&mut before, &path, value.as_ref())?;
                put(&mut after, &path, value.as_ref())?;
            }
        }
        Ok((before, after))
    }

    /// The edit as XML, the content of `<config>`.
    pub fn to_xml(&self) -> String {
        self.xml().to_string()
    }

    /// The same text. It is written in pieces, so that it is never in memory as a whole.
    pub fn xml(&self) -> impl fmt::Display + '_ {
        Written(&self.parts, |part| match part {
            Part::Created(path, instance) => Effect::Put(path, instance),
            Part::Replaced(path, _, value) => Effect::Set(path, value),
            Part::Deleted(path, instance) => Effect::Remove(path, instance),
        })
    }

    /// The edit that undoes these changes, as XML.
    pub fn to_xml_back(&self) -> String {
        self.xml_back().to_string()
    }

    /// The same text, written in pieces.
    pub fn xml_back(&self) -> impl fmt::Display + '_ {
        Written(&self.parts, |part| match part {
            Part::Deleted(path, instance) => Effect::Put(path, instance),
            Part::Replaced(path, value, _) => Effect::Set(path, value),
            Part::Created(path, instance) => Effect::Remove(path, instance),
        })
    }
}

/// A node below a container that does not exist merely for its content, with its value if it has one.
fn first_below(tree: &Tree, path: &Path) -> Option<(Path, Option<Value>)> {
    let (mut path, mut node) = tree.nodes(path).into_iter().next()?;
    while node.schema().kind == (NodeKind::Container { presence: false }) {
        node = node.children().next()?;
        let keys = match node {
            Node::LeafListEntry(_, value) => std::slice::from_ref(value),
            Node::Container(..) | Node::ListEntry(..) | Node::Leaf(..) => node.keys(),
        };
        path = path.join(node.schema(), keys.to_vec());
    }
    Some((path, node.value().cloned()))
}

fn put(tree: &mut Tree, path: &Path, value: Option<&Value>) -> Result<()> {
    match value {
        Some(value) => tree.set(path, value.clone()),
        None => tree.create(path),
    }
}

/// The operation of an edit for a part.
enum Effect<'a> {
    Put(&'a Path, &'a Instance),
    Set(&'a Path, &'a Value),
    Remove(&'a Path, &'a Instance),
}

/// The edit with the operations for these parts, as XML.
struct Written<'a>(&'a [Part], fn(&Part) -> Effect<'_>);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written(parts, effect) = self;
        let mut to = Pieces(f);
        let mut edit = EditWriter::passing_on(&mut to);
        parts.iter().for_each(|part| write_effect(&mut edit, effect(part)));
        edit.pass_rest().map_err(|_| fmt::Error)
    }
}

/// Passes on pieces of text.
struct Pieces<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl io::Write for Pieces<'_, '_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(piece).map_err(io::Error::other)?;
        self.0.write_str(text).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_effect(edit: &mut EditWriter<'_>, effect: Effect<'_>) {
    let (Effect::Put(path, _) | Effect::Set(path, _) | Effect::Remove(path, _)) = effect;
    let Some((last, above)) = path.steps.split_last() else { return };
    match effect {
        Effect::Put(_, Instance::Entry(entry)) => {
            edit.go(&path.steps);
            edit.put(entry);
        }
        Effect::Put(_, Instance::Value(value)) | Effect::Set(_, value) => {
            edit.go(above);
            edit.set(last.node, value);
        }
        Effect::Remove(_, instance) => {
            edit.go(above);
            edit.remove(last, instance.value());
        }
    }
}

impl Part {
    /// The path of the part.
    pub fn path(&self) -> &Path {
        match self {
            Part::Created(path, _) | Part::Replaced(path, ..) | Part::Deleted(path, _) => path,
        }
    }

    /// Calls `visit` with the nodes of the part, each with its old or new value.
    fn walk(&self, visit: &mut impl FnMut(&[Step], Option<&Value>) -> Go) -> ControlFlow<()> {
        let mut steps = self.path().steps.clone();
        match self {
            Part::Created(_, instance) | Part::Deleted(_, instance) => {
                instance.walk(&mut steps, visit)
            }
            Part::Replaced(_, _, value) => match visit(&steps, Some(value)) {
                Go::Below | Go::Past => ControlFlow::Continue(()),
                Go::Home => ControlFlow::Break(()),
            },
        }
    }
}

impl Instance {
    fn value(&self) -> Option<&Value> {
        match self {
            Instance::Value(value) => Some(value),
            Instance::Entry(_) => None,
        }
    }

    fn walk(
        &self,
        steps: &mut Vec<Step>,
        visit: &mut impl FnMut(&[Step], Option<&Value>) -> Go,
    ) -> ControlFlow<()> {
        let entry = match (visit(steps, self.value()), self) {
            (Go::Below, Instance::Entry(entry)) => entry,
            (Go::Below, Instance::Value(_)) | (Go::Past, _) => return ControlFlow::Continue(()),
            (Go::Home, _) => return ControlFlow::Break(()),
        };
        entry.slots().iter().try_for_each(|slot| {
            each(slot, |step, instance| {
                steps.push(step);
                let outcome = instance.walk(steps, visit);
                steps.pop();
                outcome
            })
        })
    }
}

impl Change {
    /// The path of the node.
    pub fn path(&self) -> &Path {
        match self {
            Change::Created(path, _) | Change::Replaced(path, ..) | Change::Deleted(path, _) => {
                path
            }
        }
    }
}

impl Tree {
    /// The changes from this tree to `newer`. Shared structure is not visited.
    pub fn diff(&self, newer: &Tree) -> Diff {
        let mut walk = Walk { path: Path::default(), parts: Vec::new() };
        if !Arc::ptr_eq(&self.root, &newer.root) {
            walk.entries(&self.root, &newer.root);
        }
        Diff { parts: walk.parts }
    }
}

struct Walk {
    path: Path,
    parts: Vec<Part>,
}

impl Walk {
    fn entries(&mut self, old: &Entry, new: &Entry) {
        let (mut left, mut right) = (old.slots(), new.slots());
        loop {
            let order = match (left.first(), right.first()) {
                (Some(a), Some(b)) => a.node.index().cmp(&b.node.index()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return,
            };
            if order.is_le() && order.is_ge() {
                if let (Some(old), Some(new)) = (left.first(), right.first()) {
                    self.slots(old, new);
                }
            } else if order.is_lt() {
                self.all(&left[0], Part::Deleted);
            } else {
                self.all(&right[0], Part::Created);
            }
            left = &left[usize::from(order.is_le())..];
            right = &right[usize::from(order.is_ge())..];
        }
    }

    fn slots(&mut self, old: &Slot, new: &Slot) {
        if old.content.shares(&new.content) {
            return;
        }
        let node = old.node;
        match (&old.content, &new.content) {
            (Content::Leaf(old), Content::Leaf(new)) if old != new => {
                let path = self.path.join(node, Vec::new());
                self.parts.push(Part::Replaced(path, old.clone(), new.clone()));
            }
            (Content::LeafList(old), Content::LeafList(new)) => {
                old.diff(new, |(value, was, _)| {
                    let part = if was.is_some() { Part::Deleted } else { Part::Created };
                    let keys = vec![value.clone()].into();
                    self.whole(Step { node, keys }, Instance::Value(value.clone()), part);
                });
            }
            (Content::Container(old), Content::Container(new)) => {
                self.below(Step { node, keys: Keys::default() }, old, new);
            }
            (Content::List(old), Content::List(new)) => {
                old.diff(new, |(keys, old, new)| {
                    let step = Step { node, keys: keys.clone() };
                    match (old, new) {
                        (Some(old), Some(new)) => self.below(step, old, new),
                        (Some(old), None) => {
                            self.whole(step, Instance::Entry(Arc::clone(old)), Part::Deleted);
                        }
                        (None, Some(new)) => {
                            self.whole(step, Instance::Entry(Arc::clone(new)), Part::Created);
                        }
                        (None, None) => {}
                    }
                });
            }
            // Equal leaves. Otherwise the two slots belong to one node, so that they hold the same kind of content.
            (
                Content::Leaf(_) | Content::LeafList(_) | Content::Container(_) | Content::List(_),
                _,
            ) => {}
        }
    }

    fn below(&mut self, step: Step, old: &Entry, new: &Entry) {
        self.path.steps.push(step);
        self.entries(old, new);
        self.path.steps.pop();
    }

    /// The instances of a slot are added or removed.
    fn all(&mut self, slot: &Slot, part: fn(Path, Instance) -> Part) {
        _ = each(slot, |step, instance| {
            self.whole(step, instance, part);
            ControlFlow::Continue(())
        });
    }

    fn whole(&mut self, step: Step, instance: Instance, part: fn(Path, Instance) -> Part) {
        self.parts.push(part(self.path.join(step.node, step.keys), instance));
    }
}

/// Calls `visit` with the instances of a slot.
fn each(slot: &Slot, mut visit: impl FnMut(Step, Instance) -> ControlFlow<()>) -> ControlFlow<()> {
    let step = |keys| Step { node: slot.node, keys };
    match &slot.content {
        Content::Leaf(value) => visit(step(Keys::default()), Instance::Value(value.clone())),
        Content::LeafList(values) => values.iter().try_for_each(|(value, ())| {
            visit(step(vec![value.clone()].into()), Instance::Value(value.clone()))
        }),
        Content::Container(entry) => {
            visit(step(Keys::default()), Instance::Entry(Arc::clone(entry)))
        }
        Content::List(entries) => entries.iter().try_for_each(|(keys, entry)| {
            visit(step(keys.clone()), Instance::Entry(Arc::clone(entry)))
        }),
    }
}

/// Adds a part, or the content of a container without presence.
fn open(part: Part, parts: &mut Vec<Part>) {
    let last = part.path().steps.last().map(|step| step.node.kind);
    let is_void = last == Some(NodeKind::Container { presence: false });
    let (path, entry, whole): (_, _, fn(Path, Instance) -> Part) = match &part {
        Part::Created(path, Instance::Entry(entry)) if is_void => (path, entry, Part::Created),
        Part::Deleted(path, Instance::Entry(entry)) if is_void => (path, entry, Part::Deleted),
        Part::Created(..) | Part::Replaced(..) | Part::Deleted(..) => return parts.push(part),
    };
    for slot in entry.slots() {
        _ = each(slot, |step, instance| {
            open(whole(path.join(step.node, step.keys), instance), parts);
            ControlFlow::Continue(())
        });
    }
}
