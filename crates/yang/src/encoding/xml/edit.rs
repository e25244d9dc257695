//! An edit that is written instance by instance. Only its text is in memory, and of that only a
//! piece if it is passed on.

use std::{fmt, io};

use super::write::Writer;
use crate::edit::Operation;
use crate::path::Step;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::entry::Entry;
use crate::value::Value;

/// Writes an edit that merges instances and removes others. It has a current instance, which is the top at first.
#[derive(Default)]
pub struct EditWriter<'t> {
    writer: Writer<'t>,
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

impl<'t> EditWriter<'t> {
    /// An edit whose text is passed on to `to`, in pieces of about 64 KiB. Each consists of whole characters.
    pub(crate) fn passing_on(to: &'t mut dyn io::Write) -> Self {
        EditWriter { writer: Writer::passing_on(to), open: Vec::new() }
    }

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
        let start = self.len();
        self.writer.start(step.node, None);
        let tag = self.len();
        self.writer.out.push('>');
        let content = self.len();
        self.writer.keys(step.node, &step.keys);
        self.open.push(Open { step: step.clone(), start, tag, content });
    }

    /// Leaves the current instance. A container without presence is omitted if nothing was written into it.
    pub fn leave(&mut self) {
        let Some(Open { step, start, tag, content }) = self.open.pop() else { return };
        // Text is passed on only after something was written, so that an empty instance is in `out`.
        let (written, passed) = (self.len(), self.writer.passed);
        let out = &mut self.writer.out;
        if written > content {
            self.writer.end(step.node);
        } else if step.node.kind == (NodeKind::Container { presence: false }) {
            out.truncate(start - passed);
        } else {
            out.truncate(tag - passed);
            out.push_str("/>");
        }
    }

    /// Sets a leaf of the current instance, or adds a value to a leaf-list.
    pub fn set(&mut self, leaf: &'static SchemaNode, value: &Value) {
        self.writer.leaf(leaf, Some(value), None);
        self.writer.pass_piece();
    }

    /// Writes the content of an entry into the current instance.
    pub(crate) fn put(&mut self, content: &Entry) {
        content.slots().iter().for_each(|slot| self.writer.slot(slot));
        self.writer.pass_piece();
    }

    /// Removes the child at one step below the current instance, if it exists. For a leaf-list, this is the value.
    pub(crate) fn remove(&mut self, step: &Step, value: Option<&Value>) {
        let operation = Some(Operation::Remove);
        if step.node.leaf_type.is_some() {
            self.writer.leaf(step.node, value, operation);
        } else {
            self.writer.start(step.node, operation);
            self.writer.body(step.node, |writer| writer.keys(step.node, &step.keys));
        }
        self.writer.pass_piece();
    }

    /// The length of the text so far, in bytes.
    pub fn len(&self) -> usize {
        self.writer.passed + self.writer.out.len()
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

    /// Passes on the rest.
    pub(crate) fn pass_rest(mut self) -> io::Result<()> {
        self.go(&[]);
        self.writer.finish()
    }
}

impl fmt::Debug for EditWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.writer.out)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{self, Write as _};

    use crate::edit::{Edit, Operation};
    use crate::sample::{schema, tree};

    #[test]
    fn large_differences_are_written_in_pieces() {
        /// Keeps the length of the longest piece, and all text. Fails when it has this much.
        struct Pieces(usize, String, usize);
        impl fmt::Write for Pieces {
            fn write_str(&mut self, piece: &str) -> fmt::Result {
                self.0 = self.0.max(piece.len());
                self.1.push_str(piece);
                if self.1.len() > self.2 { Err(fmt::Error) } else { Ok(()) }
            }
        }
        let link = |n: usize, mtu: usize| {
            format!(
                "/links/link[name='\u{e4}{n}']/vxlan/id = {n}\n/links/link[name='\u{e4}{n}']/mtu = {mtu}\n"
            )
        };
        let links = |from, mtu| (from..from + 10_000).map(|n| link(n, mtu)).collect::<String>();
        let netns = |n: usize| format!("/netnses/netns[name='n{n}']\n");
        let netnses = (0..10_000).map(netns).collect::<String>();
        // Entries that are added, changed and removed, and a container with everything in it.
        let old = tree(&(links(0, 1500) + "/links/link[name='empty']"));
        let new = tree(&(links(5_000, 9000) + &netnses));
        let diff = old.diff(&new);
        let forth: (&dyn fmt::Display, _, _) = (&diff.xml(), &old, &new);
        let back: (&dyn fmt::Display, _, _) = (&diff.xml_back(), &new, &old);
        for (text, before, after) in [forth, back] {
            let mut pieces = Pieces(0, String::new(), usize::MAX);
            write!(pieces, "{text}").unwrap();
            let Pieces(longest, whole, _) = pieces;
            assert!(longest < whole.len() / 4, "{longest} of {} bytes at once", whole.len());
            let mut edited = before.clone();
            edited.edit(&Edit::from_xml(schema(), &whole, Operation::Merge).unwrap()).unwrap();
            assert!(edited == *after);
            let mut pieces = Pieces(0, String::new(), whole.len() / 2);
            write!(pieces, "{text}").unwrap_err();
        }
    }
}
