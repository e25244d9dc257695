//! An edit that is written instance by instance. Only its text is in memory.

use std::fmt;

use super::write::Writer;
use crate::edit::Operation;
use crate::path::Step;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::entry::Entry;
use crate::value::Value;

/// Writes an edit that merges instances and removes others. It has a current instance, which is the top at first.
#[derive(Default)]
pub struct EditWriter {
    writer: Writer<'static>,
    open: Vec<Open>,
}

/// An element that is still open.
struct Open {
    step: Step,
    /// The offsets of the start and the end of its start tag, and of its content.
    start: usize,
    tag: usize,
    content: usize,
}

impl EditWriter {
    /// Makes the instance at `path` the current one: a container, a list entry or the top. The edit merges it.
    pub fn go(&mut self, path: &[Step]) {
        let same = |(open, step): &(&Open, &Step)| open.step == **step;
        let common = self.open.iter().zip(path).take_while(same).count();
        while self.open.len() > common {
            self.leave();
        }
        path[common..].iter().for_each(|step| self.enter(step));
    }

    /// Enters a container or list entry of the current instance.
    pub fn enter(&mut self, step: &Step) {
        let start = self.writer.out.len();
        self.writer.start(step.node, None);
        let tag = self.writer.out.len();
        self.writer.out.push('>');
        let content = self.writer.out.len();
        self.writer.keys(step.node, &step.keys);
        self.open.push(Open { step: step.clone(), start, tag, content });
    }

    /// Leaves the current instance. A container without presence is omitted if nothing was written into it.
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

    /// Sets a leaf of the current instance, or adds a value to a leaf-list.
    pub fn set(&mut self, leaf: &'static SchemaNode, value: &Value) {
        self.writer.leaf(leaf, Some(value), None);
    }

    /// Writes the content of an entry into the current instance.
    pub(crate) fn put(&mut self, content: &Entry) {
        content.slots().iter().for_each(|slot| self.writer.slot(slot));
    }

    /// Removes the child at one step below the current instance, if it exists. For a leaf-list, this is the value.
    pub(crate) fn remove(&mut self, step: &Step, value: Option<&Value>) {
        let operation = Some(Operation::Remove);
        if step.node.leaf_type.is_some() {
            return self.writer.leaf(step.node, value, operation);
        }
        self.writer.start(step.node, operation);
        self.writer.body(step.node, |writer| writer.keys(step.node, &step.keys));
    }

    /// The length of the text so far, in bytes.
    pub fn len(&self) -> usize {
        self.writer.out.len()
    }

    /// Whether nothing was written yet.
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
