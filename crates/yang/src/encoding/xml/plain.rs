//! A fast reader for elements of the simplest form.
//!
//! Writers of large documents write `<name>text</name>`, without prefixes, comments or references. The only
//! attribute is the namespace of a node that augments another module. This reader reads an element that has only
//! this form. It does not consume any other element, or an element with an error. The general XML reader handles
//! these.

use std::ptr;

use super::read::{Level, Purpose, Reader};
use super::sink::{Instance, Leaf, Sink};
use crate::schema::{NodeKind, SchemaNode, Type};

impl<'x> Reader<'x> {
    /// Reads plain children of the current instance, up to the first element that is not plain. The default
    /// namespace is that of `parent`.
    pub(super) fn plain_children<S: Sink>(
        &mut self,
        parent: &'static SchemaNode,
        level: &mut Level<S>,
    ) {
        let mut rest = self.rest();
        let mut likely = 0;
        loop {
            let child = rest.trim_ascii_start();
            if !matches!(child.as_bytes(), [b'<', second, ..] if *second != b'/') {
                break;
            }
            match self.child(child, (parent, &mut likely), level) {
                Some(after) => rest = after,
                None => break,
            }
        }
        self.skip_to(rest);
    }

    /// Reads an element and returns the text after it. `likely` is a guess of the element's node, and is updated
    /// for the next element.
    fn child<S: Sink>(
        &mut self,
        text: &'x str,
        (parent, likely): (&'static SchemaNode, &mut usize),
        level: &mut Level<S>,
    ) -> Option<&'x str> {
        let start = Start::of(text)?;
        let is = |node: &&'static SchemaNode| {
            let namespace = match start.namespace {
                None => ptr::eq(node.module, parent.module),
                Some(namespace) => node.module.namespace == namespace,
            };
            namespace && node.name == start.name
        };
        let children = &parent.children;
        let ahead = children.iter().skip(*likely).position(is).map(|at| at + *likely);
        let at = ahead.or_else(|| children.iter().position(is))?;
        *likely = at;
        let node = children[at];
        if self.purpose == Purpose::PlainEdit && !node.config {
            return None;
        }
        match node.kind {
            NodeKind::Leaf | NodeKind::LeafList => self.plain_leaf(start, node, level),
            NodeKind::Container { .. } | NodeKind::List => self.plain_inner(start, node, level),
        }
    }

    fn plain_leaf<S: Sink>(
        &mut self,
        start: Start<'x>,
        node: &'static SchemaNode,
        above: &mut Level<S>,
    ) -> Option<&'x str> {
        let (text, after) = match start.empty {
            true => ("", start.after),
            false => {
                let end = start.after.bytes().position(|b| matches!(b, b'<' | b'&' | b'\r'))?;
                let (text, tag) = start.after.split_at(end);
                (text, end_tag(tag, start.name)?)
            }
        };
        // Prefixes are declared elsewhere.
        let prefixed =
            |member: &Type| matches!(member, Type::Identityref(_) | Type::InstanceIdentifier);
        if text.contains(':') && node.leaf_type.as_ref()?.any(prefixed) {
            return None;
        }
        let value = Some(node.value(text).ok()?);
        let keys = above.node.map_or(&[][..], |list| &list.keys);
        match keys.iter().position(|key| ptr::eq(*key, node)) {
            Some(index) if above.keys[index].is_none() => above.keys[index] = value,
            Some(_) => return None,
            None => above.content.leaf(Leaf { node, value, operation: None }).ok()?,
        }
        Some(after)
    }

    fn plain_inner<S: Sink>(
        &mut self,
        start: Start<'x>,
        node: &'static SchemaNode,
        above: &mut Level<S>,
    ) -> Option<&'x str> {
        let mut level: Level<S> = Level::of(Some(node));
        let rest = match start.empty {
            true => start.after,
            false => self.plain_content(&start, node, &mut level)?,
        };
        if level.keys.iter().any(Option::is_none) {
            return None;
        }
        level.content.done();
        let (keys, content) = (level.keys(), level.content);
        above
            .content
            .inner(Instance { node, keys, operation: None, content }, &mut self.interner)
            .ok()?;
        Some(rest)
    }

    /// Reads up to the end tag of the element, and returns the text after it.
    fn plain_content<S: Sink>(
        &mut self,
        start: &Start<'x>,
        node: &'static SchemaNode,
        level: &mut Level<S>,
    ) -> Option<&'x str> {
        let mut rest = start.after.trim_ascii_start();
        let mut likely = 0;
        while !matches!(rest.as_bytes(), [b'<', b'/', ..]) {
            rest = self.child(rest, (node, &mut likely), level)?.trim_ascii_start();
        }
        end_tag(rest, start.name)
    }
}

/// A start tag.
struct Start<'x> {
    name: &'x str,
    /// The value of its only attribute, if there is one.
    namespace: Option<&'x str>,
    empty: bool,
    after: &'x str,
}

impl<'x> Start<'x> {
    fn of(text: &'x str) -> Option<Start<'x>> {
        let text = text.strip_prefix('<')?;
        let end = text.bytes().position(|byte| matches!(byte, b'>' | b'/' | b' '))?;
        let (name, mut rest) = text.split_at(end);
        let mut namespace = None;
        if rest.as_bytes()[0] == b' ' {
            let declared = rest.strip_prefix(" xmlns=\"")?;
            let end = declared.bytes().position(|byte| matches!(byte, b'"' | b'&' | b'<'))?;
            namespace = Some(&declared[..end]);
            rest = declared[end..].strip_prefix('"')?;
        }
        let (empty, after) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest.strip_prefix('>')?),
            None => (false, rest.strip_prefix('>')?),
        };
        Some(Start { name, namespace, empty, after })
    }
}

/// The text after the end tag at the start of `text`.
fn end_tag<'x>(text: &'x str, name: &str) -> Option<&'x str> {
    text.strip_prefix("</")?.strip_prefix(name)?.strip_prefix('>')
}
