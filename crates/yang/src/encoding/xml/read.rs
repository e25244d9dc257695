//! Reads trees and edits from XML as a stream.

use std::ptr;
use std::sync::Arc;

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, QName, ResolveResult};

use super::sink::{Instance, Leaf, Sink};
use super::{NETCONF, rename};
use crate::edit::{self, Edit, Operation};
use crate::error::{Error, ErrorTag, Result};
use crate::output::Output;
use crate::path::{Keys, Step};
use crate::schema::{NodeKind, Schema, SchemaNode, Type};
use crate::tree::Tree;
use crate::tree::entry::Entry;
use crate::tree::interner::Interner;
use crate::value::Value;

impl Tree {
    /// Reads XML: the top-level elements, one after the other, or within one `<config>` or `<data>` element of any
    /// namespace.
    pub fn from_xml(schema: &'static Schema, text: &str) -> Result<Tree> {
        let reader = Reader::new(schema, text, Purpose::Data);
        let root: Entry = reader.document(&["config", "data"])?;
        Ok(Tree::new(schema, Arc::new(root)))
    }
}

impl Edit {
    /// Reads the content of `<config>`: a list of elements, or one `<config>` element around them.
    pub fn from_xml(schema: &'static Schema, text: &str, default: Operation) -> Result<Edit> {
        let plain = Reader::new(schema, text, Purpose::PlainEdit).document::<Entry>(&["config"]);
        let content = match plain {
            Ok(root) => edit::Content::Plain(Tree::new(schema, Arc::new(root))),
            // The document is not plain or not valid. The general reader also reports the errors.
            Err(_) => edit::Content::Nodes(
                Reader::new(schema, text, Purpose::Edit).document(&["config"])?,
            ),
        };
        Ok(Edit { default_operation: default, content })
    }
}

impl Output {
    /// Reads the element `<output>`.
    pub(crate) fn read(schema: &'static Schema, text: &str) -> Result<Output> {
        let nodes = Reader::new(schema, text, Purpose::Data).document(&[])?;
        Ok(Output { nodes })
    }
}

/// The kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Data,
    /// An edit whose elements may each have an `operation`.
    Edit,
    /// An edit of configuration without operations, and without duplicate instances.
    PlainEdit,
}

pub(super) struct Reader<'x> {
    schema: &'static Schema,
    text: &'x str,
    xml: NsReader<&'x [u8]>,
    /// Bytes that were read outside `xml`, which does not count them.
    skipped: usize,
    pub(super) purpose: Purpose,
    pub(super) interner: Interner,
}

/// The current instance: the root, a container or a list entry.
pub(super) struct Level<S> {
    pub(super) node: Option<&'static SchemaNode>,
    operation: Option<Operation>,
    pub(super) keys: Vec<Option<Value>>,
    /// The keys, when all of them have been read.
    named: Keys,
    pub(super) content: S,
}

impl<S: Sink> Level<S> {
    pub(super) fn of(node: Option<&'static SchemaNode>) -> Level<S> {
        let keys = vec![None; node.map_or(0, |node| node.keys.len())];
        Level { node, operation: None, keys, named: Keys::default(), content: S::default() }
    }

    /// The keys that have been read.
    pub(super) fn keys(&mut self) -> Keys {
        std::mem::take(&mut self.keys).into_iter().flatten().collect()
    }
}

/// An element's start.
struct Start<'x> {
    tag: BytesStart<'x>,
    /// Whether it is an empty-element tag.
    empty: bool,
}

impl<'x> Reader<'x> {
    pub(super) fn new(schema: &'static Schema, text: &'x str, purpose: Purpose) -> Reader<'x> {
        let (xml, interner) = (NsReader::from_str(text), Interner::default());
        Reader { schema, text, xml, skipped: 0, purpose, interner }
    }

    /// The prefix declarations at the current position.
    pub(super) fn resolver(&self) -> &NamespaceResolver {
        self.xml.resolver()
    }

    /// Reads the whole document. One outer element with a name in `wrappers` is ignored.
    fn document<S: Sink>(mut self, wrappers: &[&str]) -> Result<S> {
        let mut top = Level::<S>::of(None);
        let mut first = true;
        while let Some(start) = self.next(None)? {
            let name = start.tag.local_name().into_inner().to_owned();
            let known = self.schema.top().iter().any(|node| node.name == name);
            if !std::mem::take(&mut first) || known || !wrappers.contains(&name.as_str()) {
                self.element(start, &mut top)?;
                continue;
            }
            self.operation(&start.tag)?;
            while !start.empty
                && let Some(start) = self.next(Some(&name))?
            {
                self.element(start, &mut top)?;
            }
            if self.next(None)?.is_some() {
                let message = format!("nothing follows </{name}>");
                return Err(self.fault(ErrorTag::BadElement, message).of_element(&name));
            }
        }
        top.content.done();
        Ok(top.content)
    }

    /// Reads an element, a child of the current instance.
    fn element<S: Sink>(&mut self, start: Start<'x>, above: &mut Level<S>) -> Result<()> {
        let node = self.resolve(above.node, &start.tag)?;
        if self.purpose == Purpose::PlainEdit && !node.config {
            return Err(self.fault(ErrorTag::InvalidValue, "it is state"));
        }
        let mut level = Level::of(Some(node));
        let result = self.operation(&start.tag).and_then(|operation| {
            level.operation = operation;
            match node.leaf_type {
                Some(_) => self.leaf(node, &start, (operation, above)),
                None => self.inner(node, &start, (&mut level, above)),
            }
        });
        result.map_err(|error| {
            let known = if level.named.is_empty() { level.keys() } else { level.named };
            let keys = if known.len() == node.keys.len() { known } else { Keys::default() };
            error.below(Step { node, keys })
        })
    }

    fn inner<S: Sink>(
        &mut self,
        node: &'static SchemaNode,
        start: &Start<'x>,
        (level, above): (&mut Level<S>, &mut Level<S>),
    ) -> Result<()> {
        let plain = start.tag.name().prefix().is_none();
        let mut more = !start.empty;
        while more {
            if plain {
                self.plain_children(node, level);
            }
            match self.next(Some(node.name))? {
                Some(child) => self.element(child, level)?,
                None => more = false,
            }
        }
        if let Some((key, _)) = node.keys.iter().zip(&level.keys).find(|(_, v)| v.is_none()) {
            let message = format!("the key {} is missing", key.name);
            return Err(self.fault(ErrorTag::MissingElement, message).of_element(key.name));
        }
        level.content.done();
        level.named = level.keys();
        let keys = level.named.clone();
        let content = std::mem::take(&mut level.content);
        let instance = Instance { node, keys, operation: level.operation, content };
        above.content.inner(instance, &mut self.interner).map_err(|error| self.placed(error))
    }

    fn leaf<S: Sink>(
        &mut self,
        node: &'static SchemaNode,
        start: &Start<'x>,
        (operation, above): (Option<Operation>, &mut Level<S>),
    ) -> Result<()> {
        let text = if start.empty { String::new() } else { self.leaf_text(node)? };
        let goes = matches!(operation, Some(Operation::Delete | Operation::Remove));
        let value = if goes && node.kind == NodeKind::Leaf && text.trim_ascii().is_empty() {
            None
        } else {
            let text = self.json_form(node, text);
            Some(node.value(&text).map_err(|error| self.placed(error))?)
        };
        let keys = above.node.map_or(&[][..], |list| &list.keys);
        let Some(index) = keys.iter().position(|key| ptr::eq(*key, node)) else {
            let leaf = Leaf { node, value, operation };
            return above.content.leaf(leaf).map_err(|error| self.placed(error));
        };
        if operation.is_some() {
            let message = "a key has no operation of its own";
            let fault = self.fault(ErrorTag::BadAttribute, message);
            return Err(fault.of_attribute("operation").of_element(node.name));
        }
        match std::mem::replace(&mut above.keys[index], value) {
            None => Ok(()),
            Some(_) => {
                let message = format!("{} is there twice", node.name);
                Err(self.fault(ErrorTag::BadElement, message).of_element(node.name))
            }
        }
    }

    /// The next child element. None at the end of the element `inside`, or of the document.
    fn next(&mut self, inside: Option<&str>) -> Result<Option<Start<'x>>> {
        loop {
            match self.event()? {
                Event::Start(tag) => return Ok(Some(Start { tag, empty: false })),
                Event::Empty(tag) => return Ok(Some(Start { tag, empty: true })),
                Event::End(_) => return Ok(None),
                Event::Eof => match inside {
                    None => return Ok(None),
                    Some(name) => {
                        let message = format!("the document ends within <{name}>");
                        return Err(self.fault(ErrorTag::MalformedMessage, message));
                    }
                },
                Event::Text(text) if text.xml10_content().trim_ascii().is_empty() => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    let message = match inside {
                        Some(name) => format!("{name} holds elements, not text"),
                        None => String::from("elements are wanted, not text"),
                    };
                    let fault = self.fault(ErrorTag::BadElement, message);
                    return Err(fault.of_element(inside.unwrap_or("config")));
                }
                Event::DocType(_) => return Err(self.doctype()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    /// The text of a leaf, up to its end tag.
    fn leaf_text(&mut self, node: &SchemaNode) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.event()? {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(name) => text.push(self.reference(&name)?),
                Event::End(_) => return Ok(text),
                Event::Eof => {
                    let message = format!("the document ends within <{}>", node.name);
                    return Err(self.fault(ErrorTag::MalformedMessage, message));
                }
                Event::Start(_) | Event::Empty(_) => {
                    let message = format!("{} holds a value, not elements", node.name);
                    let fault = self.fault(ErrorTag::BadElement, message);
                    return Err(fault.of_element(node.name));
                }
                Event::DocType(_) => return Err(self.doctype()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    pub(super) fn reference(&self, name: &BytesRef<'_>) -> Result<char> {
        let unknown = || {
            let message = format!("&{}; stands for no character", name.xml10_content());
            self.fault(ErrorTag::MalformedMessage, message)
        };
        match name.resolve_char_ref() {
            Ok(Some(character)) => return Ok(character),
            Ok(None) => {}
            Err(_) => return Err(unknown()),
        }
        match &*name.xml10_content() {
            "amp" => Ok('&'),
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(unknown()),
        }
    }

    pub(super) fn doctype(&self) -> Error {
        self.fault(ErrorTag::MalformedMessage, "document type declarations are refused")
    }

    pub(super) fn event(&mut self) -> Result<Event<'x>> {
        self.xml.read_event().map_err(|error| {
            let place = self.place(self.xml.error_position());
            self.fault_at(place, ErrorTag::MalformedMessage, error.to_string())
        })
    }

    fn resolve(
        &self,
        parent: Option<&'static SchemaNode>,
        tag: &BytesStart<'_>,
    ) -> Result<&'static SchemaNode> {
        let siblings = parent.map_or(self.schema.top(), |parent| &parent.children);
        let (namespace, local) = self.xml.resolver().resolve_element(tag.name());
        let name = local.into_inner();
        let namespace = match namespace {
            ResolveResult::Bound(Namespace(namespace)) => namespace,
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(prefix) => {
                let message = format!("the prefix {prefix} of <{prefix}:{name}> is not declared");
                let fault = self.fault(ErrorTag::UnknownNamespace, message);
                return Err(fault.of_element(name));
            }
        };
        let named = siblings.iter().filter(|node| node.name == name);
        if let Some(node) = named.clone().find(|node| node.module.namespace == namespace) {
            return Ok(node);
        }
        let known = self.schema.modules().iter().any(|module| module.namespace == namespace);
        let message = match (named.map(|node| &node.module.namespace).next(), parent) {
            (Some(right), _) => format!("<{name}> is of namespace {right}, not \"{namespace}\""),
            (None, Some(parent)) => format!("{} has no node {name}", parent.name),
            (None, None) => format!("there is no node {name}"),
        };
        let tag = if known { ErrorTag::UnknownElement } else { ErrorTag::UnknownNamespace };
        let fault = self.fault(tag, message).of_element(name);
        Err(if known { fault } else { fault.of_namespace(namespace) })
    }

    /// The `operation` attribute. Any other attribute is refused.
    fn operation(&self, tag: &BytesStart<'_>) -> Result<Option<Operation>> {
        let mut operation = None;
        for attribute in tag.attributes() {
            let attribute = attribute
                .map_err(|error| self.fault(ErrorTag::MalformedMessage, error.to_string()))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, local) = self.xml.resolver().resolve_attribute(attribute.key);
            let ours = namespace == ResolveResult::Bound(Namespace(NETCONF));
            if !(self.purpose == Purpose::Edit && ours && local.into_inner() == "operation") {
                let message = format!("the attribute {} is not known", attribute.key.into_inner());
                let fault = self.fault(ErrorTag::UnknownAttribute, message);
                let fault = fault.of_attribute(attribute.key.into_inner());
                return Err(fault.of_element(tag.local_name().into_inner()));
            }
            operation = Some(match attribute.value.trim() {
                "merge" => Operation::Merge,
                "replace" => Operation::Replace,
                "create" => Operation::Create,
                "delete" => Operation::Delete,
                "remove" => Operation::Remove,
                other => {
                    let message =
                        format!("\"{other}\" is not merge, replace, create, delete or remove");
                    let fault = self.fault(ErrorTag::BadAttribute, message);
                    let fault = fault.of_attribute("operation");
                    return Err(fault.of_element(tag.local_name().into_inner()));
                }
            });
        }
        Ok(operation)
    }

    /// The value in the form of JSON, with modules instead of XML prefixes.
    pub(super) fn json_form(&self, node: &SchemaNode, text: String) -> String {
        let Some(leaf_type) = &node.leaf_type else { return text };
        let module = |name: &str| {
            let resolved = self.xml.resolver().resolve_prefix(QName(name).prefix(), false);
            let ResolveResult::Bound(Namespace(namespace)) = resolved else { return None };
            let modules = self.schema.modules().iter();
            modules.filter(|module| module.namespace == namespace).map(|m| &m.name).next()
        };
        if leaf_type.any(|member| matches!(member, Type::InstanceIdentifier)) {
            // The module is written where it changes (RFC 7951 section 6.11).
            let mut current = String::new();
            return rename(&text, |prefix, name| {
                let full = prefix.map(|prefix| format!("{prefix}:{name}"));
                match full.as_deref().and_then(module) {
                    Some(module) if *module == current => name.to_owned(),
                    Some(module) => {
                        current.clone_from(module);
                        format!("{module}:{name}")
                    }
                    None => full.unwrap_or_else(|| name.to_owned()),
                }
            });
        }
        if leaf_type.any(|member| matches!(member, Type::Identityref(_)))
            && let Some((_, name)) = text.trim_ascii().split_once(':')
            && let Some(module) = module(text.trim_ascii())
        {
            return format!("{module}:{name}");
        }
        text
    }

    fn placed(&self, error: Error) -> Error {
        let Error { tag, app_tag, message, info, .. } = error;
        Error { app_tag, info, ..self.fault(tag, message) }
    }

    pub(super) fn fault(&self, tag: ErrorTag, message: impl Into<String>) -> Error {
        self.fault_at(self.place(self.xml.buffer_position()), tag, message)
    }

    /// The offset in the text of the position in `xml`.
    fn place(&self, in_xml: u64) -> usize {
        usize::try_from(in_xml).map_or(usize::MAX, |place| place.saturating_add(self.skipped))
    }

    /// The rest of the text.
    pub(super) fn rest(&self) -> &'x str {
        &self.text[self.text.len() - self.xml.get_ref().len()..]
    }

    /// Continues with `rest`, which is a suffix of the rest of the text.
    pub(super) fn skip_to(&mut self, rest: &'x str) {
        self.skipped += self.rest().len() - rest.len();
        *self.xml.get_mut() = rest.as_bytes();
    }

    fn fault_at(&self, place: usize, tag: ErrorTag, message: impl Into<String>) -> Error {
        let before = &self.text.as_bytes()[..place.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let last = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[last..]).chars().count();
        Error::new(tag, format!("line {line} column {column}: {}", message.into()))
    }
}
