//! An edit written as it is told, instance by instance: only its text is held.

use std::fmt;

use super::write::Writer;
use crate::edit::Operation;
use crate::path::Step;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::entry::Entry;
use crate::value::Value;

/// Writes an edit that merges what it is told of, and removes some. It is always at some instance, at first at the top.
#[derive(Default)]
pub struct EditWriter {
    writer: Writer,
    open: Vec<Open>,
}

/// An element that is not closed.
struct Open {
    step: Step,
    /// Where its start tag begins, where that ends, and where its content begins.
    start: usize,
    tag: usize,
    content: usize,
}

impl EditWriter {
    /// Goes to the instance at `path`, a container, a list entry or the top, which is merged.
    pub fn go(&mut self, path: &[Step]) {
        let same = |(open, step): &(&Open, &Step)| open.step == **step;
        let common = self.open.iter().zip(path).take_while(same).count();
        while self.open.len() > common {
            self.leave();
        }
        path[common..].iter().for_each(|step| self.enter(step));
    }

    /// Goes into a container or list entry of the instance where it is.
    pub fn enter(&mut self, step: &Step) {
        let start = self.writer.out.len();
        self.writer.start(step.node, None);
        let tag = self.writer.out.len();
        self.writer.out.push('>');
        let content = self.writer.out.len();
        self.writer.keys(step.node, &step.keys);
        self.open.push(Open { step: step.clone(), start, tag, content });
    }

    /// Goes to the instance above. A container without presence that was told nothing of is left out.
    pub fn leave(&mut self) {
        let Some(Open { step, start, tag, content }) = self.open.pop() else { return };
        let out = &mut self.writer.out;
        if out.len() > content {
            self.writer.end(step.node);
        } else if step.node.kind == (NodeKind::Container { presence: false }) {
            out.truncate(start);
        } else {
            out.truncate(tag);
            out.push_str("/>");
        }
    }

    /// Sets a leaf, or adds a value to a leaf-list, of the instance where it is.
    pub fn set(&mut self, leaf: &'static SchemaNode, value: &Value) {
        self.writer.leaf(leaf, Some(value), None);
    }

    /// Puts what an entry holds into the instance where it is.
    pub(crate) fn put(&mut self, content: &Entry) {
        content.slots().iter().for_each(|slot| self.writer.slot(slot));
    }

    /// Removes what is one step below the instance where it is, if it is there; of a leaf-list the value.
    pub(crate) fn remove(&mut self, step: &Step, value: Option<&Value>) {
        let operation = Some(Operation::Remove);
        if step.node.leaf_type.is_some() {
            return self.writer.leaf(step.node, value, operation);
        }
        self.writer.start(step.node, operation);
        self.writer.body(step.node, |writer| writer.keys(step.node, &step.keys));
    }

    /// How long the text is so far, in bytes.
    pub fn len(&self) -> usize {
        self.writer.out.len()
    }

    /// Whether nothing was told yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content of `<config>`.
    pub fn finish(mut self) -> String {
        self.go(&[]);
        self.writer.out
    }
}

impl fmt::Debug for EditWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.writer.out)
    }
}
