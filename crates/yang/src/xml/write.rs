//! Writing trees and edits as XML.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::{NETCONF, rename};
use crate::edit::{self, Edit, EditNode, Operation};
use crate::entry::{Content, Entry, Slot};
use crate::path::Step;
use crate::schema::{Module, NodeKind, SchemaNode};
use crate::tree::Tree;
use crate::value::Value;

impl Tree {
    /// XML elements side by side, each with its namespace declared; `indent` for people.
    pub fn to_xml(&self, indent: bool) -> String {
        let mut writer = Writer { indent, ..Writer::default() };
        self.root.slots().iter().for_each(|slot| writer.slot(slot));
        writer.out
    }
}

impl Edit {
    /// The content of `<config>`.
    pub fn to_xml(&self) -> String {
        self.xml(false)
    }

    /// The same, for people.
    pub fn to_indented_xml(&self) -> String {
        self.xml(true)
    }

    fn xml(&self, indent: bool) -> String {
        match &self.content {
            edit::Content::Plain(tree) => tree.to_xml(indent),
            edit::Content::Nodes(nodes) => {
                let mut writer = Writer { indent, ..Writer::default() };
                nodes.iter().for_each(|node| writer.edit(node));
                writer.out
            }
        }
    }
}

/// An edit that merges, written as its instances are told: only its text is held.
#[derive(Default)]
pub struct MergeWriter {
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

impl MergeWriter {
    /// Goes to the instance at `path`, a container, a list entry or the top, which need not be told yet.
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

impl fmt::Debug for MergeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.writer.out)
    }
}

#[derive(Default)]
struct Writer {
    out: String,
    indent: bool,
    depth: usize,
}

impl Writer {
    fn slot(&mut self, slot: &Slot) {
        match &slot.content {
            Content::Leaf(value) => self.leaf(slot.node, Some(value), None),
            Content::LeafList(values) => {
                values.iter().for_each(|(value, ())| self.leaf(slot.node, Some(value), None));
            }
            Content::Container(entry) => self.inner(slot.node, &[], entry),
            Content::List(entries) => {
                entries.iter().for_each(|(keys, entry)| self.inner(slot.node, keys, entry));
            }
        }
    }

    fn inner(&mut self, node: &'static SchemaNode, keys: &[Value], entry: &Entry) {
        self.start(node, None);
        self.body(node, |writer| {
            writer.keys(node, keys);
            entry.slots().iter().for_each(|slot| writer.slot(slot));
        });
    }

    fn edit(&mut self, edit: &EditNode) {
        if edit.node.leaf_type.is_some() {
            return self.leaf(edit.node, edit.value.as_ref(), edit.operation);
        }
        self.start(edit.node, edit.operation);
        self.body(edit.node, |writer| {
            writer.keys(edit.node, &edit.keys);
            edit.children.iter().for_each(|child| writer.edit(child));
        });
    }

    fn keys(&mut self, node: &'static SchemaNode, keys: &[Value]) {
        node.keys.iter().zip(keys).for_each(|(key, value)| self.leaf(key, Some(value), None));
    }

    /// `<name`, with the declarations and attributes that it needs, but for its end.
    fn start(&mut self, node: &'static SchemaNode, operation: Option<Operation>) {
        self.line();
        self.out.push('<');
        self.out.push_str(node.name);
        if node.starts_module() {
            self.attribute("xmlns", &node.module.namespace);
        }
        if let Some(operation) = operation {
            self.attribute("xmlns:nc", NETCONF);
            self.attribute("nc:operation", operation.name());
        }
    }

    /// What is between the tags, and the end tag; one tag where there is nothing.
    fn body(&mut self, node: &'static SchemaNode, content: impl FnOnce(&mut Writer)) {
        let tag = self.out.len();
        self.out.push('>');
        self.close();
        let start = self.out.len();
        self.depth += 1;
        content(self);
        self.depth -= 1;
        if self.out.len() == start {
            self.out.truncate(tag);
            self.out.push_str("/>");
        } else {
            self.line();
            self.end(node);
        }
        self.close();
    }

    fn leaf(
        &mut self,
        node: &'static SchemaNode,
        value: Option<&Value>,
        operation: Option<Operation>,
    ) {
        self.start(node, operation);
        let text: Cow<'_, str> = match value {
            None | Some(Value::Empty) => "".into(),
            Some(Value::Identity(identity)) => {
                let prefix = self.declare(node, &identity.module);
                format!("{prefix}:{}", identity.name).into()
            }
            Some(Value::InstanceIdentifier(path)) => {
                let mut module = String::new();
                let renamed = rename(path, |given, name| {
                    if let Some(given) = given
                        && given != module
                    {
                        module = given.to_owned();
                    }
                    let prefix = self.declare(node, &module);
                    format!("{prefix}:{name}")
                });
                renamed.into()
            }
            Some(
                Value::Decimal64(text)
                | Value::String(text)
                | Value::Enumeration(text, _)
                | Value::Bits(text)
                | Value::Binary(text),
            ) => Cow::Borrowed(text),
            Some(
                value @ (Value::Boolean(_)
                | Value::Integer(_)
                | Value::Unsigned(_)
                | Value::Integer64(_)
                | Value::Unsigned64(_)),
            ) => value.to_string().into(),
        };
        if text.is_empty() {
            self.out.push_str("/>");
        } else {
            self.out.push('>');
            self.escape(&text, false);
            self.end(node);
        }
        self.close();
    }

    /// Declares a prefix for the module on the element that is being started, once.
    fn declare(&mut self, node: &SchemaNode, module: &str) -> String {
        let known = node.modules().iter().find(|known| known.name == module);
        let Some(Module { prefix, namespace, .. }) = known else { return module.to_owned() };
        // The `operation` attribute's prefix is not to be declared twice on one element.
        let prefix = if prefix == "nc" { module } else { prefix };
        let declaration = format!("xmlns:{prefix}");
        let element = self.out.rfind('<').unwrap_or_default();
        if !self.out[element..].contains(&format!(" {declaration}=")) {
            self.attribute(&declaration, namespace);
        }
        prefix.to_owned()
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, " {name}=\"");
        self.escape(value, true);
        self.out.push('"');
    }

    fn end(&mut self, node: &SchemaNode) {
        self.out.push_str("</");
        self.out.push_str(node.name);
        self.out.push('>');
    }

    /// Begins a line, where lines are wanted.
    fn line(&mut self) {
        if self.indent {
            let width = self.depth * 2;
            let _ = write!(self.out, "{:width$}", "");
        }
    }

    /// Ends an element's line.
    fn close(&mut self) {
        if self.indent {
            self.out.push('\n');
        }
    }

    fn escape(&mut self, text: &str, attribute: bool) {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\r']) {
            let (plain, special) = rest.split_at(at);
            self.out.push_str(plain);
            self.out.push_str(match special.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' if attribute => "&quot;",
                // A reader makes a line feed of a bare carriage return.
                b'\r' => "&#13;",
                _ => "\"",
            });
            rest = &special[1..];
        }
        self.out.push_str(rest);
    }
}
