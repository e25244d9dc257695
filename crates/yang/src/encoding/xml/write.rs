//! Writes trees and edits as XML. A large tree is written in pieces, so that its text is never in memory as a whole.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use super::{NETCONF, rename};
use crate::edit::{self, Edit, EditNode, Operation};
use crate::output::Output;
use crate::schema::{Module, SchemaNode};
use crate::tree::Tree;
use crate::tree::entry::{Content, Entry, Slot};
use crate::value::Value;

impl Tree {
    /// A list of XML elements, each with its namespace declared. `indent` makes the text readable for people.
    pub fn to_xml(&self, indent: bool) -> String {
        let mut writer = Writer { indent, ..Writer::default() };
        self.root.slots().iter().for_each(|slot| writer.slot(slot));
        writer.out
    }

    /// Writes the same text to `to`, in pieces of about 64 KiB. Each piece consists of whole characters.
    pub fn write_xml(&self, indent: bool, to: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = Writer { indent, ..Writer::passing_on(to) };
        self.root.slots().iter().for_each(|slot| writer.slot(slot));
        writer.finish()
    }
}

/// The size at which text is passed on. Elements are not divided, so that a piece may be larger.
const PIECE: usize = 1 << 16;

impl Edit {
    /// The content of `<config>`.
    pub fn to_xml(&self) -> String {
        self.xml(false)
    }

    /// The same, readable for people.
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

impl Output {
    /// The element `<output>` (RFC 8040 section 3.6.2), readable for people.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer { indent: true, ..Writer::default() };
        self.nodes.iter().for_each(|node| writer.edit(node));
        writer.out
    }
}

#[derive(Default)]
pub(super) struct Writer<'t> {
    pub(super) out: String,
    indent: bool,
    depth: usize,
    /// Takes the text piece by piece. Without it, all text stays in `out`.
    to: Option<&'t mut dyn io::Write>,
    /// The number of bytes that were passed on.
    pub(super) passed: usize,
    /// Why the text could not be passed on. Nothing more is written then.
    failed: Option<io::Error>,
}

impl<'t> Writer<'t> {
    /// A writer that passes the text on piece by piece.
    pub(super) fn passing_on(to: &'t mut dyn io::Write) -> Self {
        Writer { to: Some(to), ..Writer::default() }
    }

    pub(super) fn slot(&mut self, slot: &Slot) {
        match &slot.content {
            Content::Leaf(value) => self.leaf(slot.node, Some(value), None),
            Content::LeafList(values) => {
                values.iter().for_each(|(value, ())| self.leaf(slot.node, Some(value), None));
            }
            Content::Container(entry) => self.inner(slot.node, &[], entry),
            Content::List(entries) => {
                for (keys, entry) in entries.iter() {
                    if self.failed.is_some() {
                        return;
                    }
                    self.inner(slot.node, keys, entry);
                }
            }
        }
    }

    /// Passes on the text so far, if it is long enough.
    pub(super) fn pass_piece(&mut self) {
        if self.out.len() >= PIECE {
            self.pass();
        }
    }

    /// Passes on the text so far.
    fn pass(&mut self) {
        let Some(to) = &mut self.to else { return };
        if self.failed.is_none() {
            self.failed = to.write_all(self.out.as_bytes()).err();
        }
        self.passed += self.out.len();
        self.out.clear();
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.pass();
        self.failed.map_or(Ok(()), Err)
    }

    fn inner(&mut self, node: &'static SchemaNode, keys: &[Value], entry: &Entry) {
        self.start(node, None);
        self.body(node, |writer| {
            writer.keys(node, keys);
            entry.slots().iter().for_each(|slot| writer.slot(slot));
        });
        self.pass_piece();
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

    pub(super) fn keys(&mut self, node: &'static SchemaNode, keys: &[Value]) {
        node.keys.iter().zip(keys).for_each(|(key, value)| self.leaf(key, Some(value), None));
    }

    /// `<name` with the required declarations and attributes, without the end of the tag.
    pub(super) fn start(&mut self, node: &'static SchemaNode, operation: Option<Operation>) {
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

    /// The content and the end tag. An element without content becomes one tag.
    pub(super) fn body(&mut self, node: &'static SchemaNode, content: impl FnOnce(&mut Self)) {
        let tag = self.out.len();
        self.out.push('>');
        self.close();
        let start = self.passed + self.out.len();
        self.depth += 1;
        content(self);
        self.depth -= 1;
        if self.passed + self.out.len() == start {
            self.out.truncate(tag);
            self.out.push_str("/>");
        } else {
            self.line();
            self.end(node);
        }
        self.close();
    }

    pub(super) fn leaf(
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

    /// Declares a prefix for the module in the current start tag, only once.
    fn declare(&mut self, node: &SchemaNode, module: &str) -> String {
        let known = node.modules().iter().find(|known| known.name == module);
        let Some(Module { prefix, namespace, .. }) = known else { return module.to_owned() };
        // The prefix of the `operation` attribute must not be declared twice in one element.
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

    pub(super) fn end(&mut self, node: &SchemaNode) {
        self.out.push_str("</");
        self.out.push_str(node.name);
        self.out.push('>');
    }

    /// Begins a line if the text is indented.
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
                // An XML reader converts a bare carriage return to a line feed.
                b'\r' => "&#13;",
                _ => "\"",
            });
            rest = &special[1..];
        }
        self.out.push_str(rest);
    }
}
