//! Reads subtree filters.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::NETCONF;
use super::read::{Purpose, Reader};
use crate::error::{ErrorTag, Result};
use crate::filter::{Filter, Filters, What};
use crate::schema::{NodeKind, Schema, SchemaNode};

/// The children of `<filter>`, or the whole `<filter>`.
pub(crate) fn read_filter(schema: &'static Schema, text: &str) -> Result<Filters> {
    let mut reader = Reader::new(schema, text, Purpose::Data);
    let read = reader.filters(&[schema.top()], None)?;
    Ok(read.filters)
}

/// The content of an element.
#[derive(Default)]
struct Inside {
    filters: Filters,
    /// Whether there are child elements, known or unknown.
    nested: bool,
    text: String,
}

/// The start of an element.
struct Element<'x> {
    tag: BytesStart<'x>,
    empty: bool,
    /// Whether it is at the top.
    top: bool,
}

impl<'x> Reader<'x> {
    /// The content of the element `inside`, or of the document. Each child element may be a node in any of
    /// `places`.
    fn filters(
        &mut self,
        places: &[&[&'static SchemaNode]],
        inside: Option<&str>,
    ) -> Result<Inside> {
        let mut read = Inside::default();
        loop {
            let (tag, empty) = match self.event()? {
                Event::Start(tag) => (tag, false),
                Event::Empty(tag) => (tag, true),
                Event::Text(part) => {
                    read.text.push_str(&part.xml10_content());
                    continue;
                }
                Event::CData(part) => {
                    read.text.push_str(&part.xml10_content());
                    continue;
                }
                Event::GeneralRef(name) => {
                    read.text.push(self.reference(&name)?);
                    continue;
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::DocType(_) => return Err(self.doctype()),
                Event::End(_) => return Ok(read),
                Event::Eof => match inside {
                    None => return Ok(read),
                    Some(name) => {
                        let message = format!("the filter ends within <{name}>");
                        return Err(self.fault(ErrorTag::MalformedMessage, message));
                    }
                },
            };
            read.nested = true;
            self.filter(places, Element { tag, empty, top: inside.is_none() }, &mut read.filters)?;
        }
    }

    fn filter(
        &mut self,
        places: &[&[&'static SchemaNode]],
        Element { tag, empty, top }: Element<'x>,
        into: &mut Filters,
    ) -> Result<()> {
        let nodes = self.candidates(places, &tag)?;
        let name = tag.local_name().into_inner().to_owned();
        if nodes.is_empty() {
            // At the top, this may be the `<filter>` element itself.
            if name == "filter" && top && !empty {
                let read = self.filters(places, Some(&name))?;
                into.filters.extend(read.filters.filters);
                into.impossible |= read.filters.impossible;
                return Ok(());
            }
            let content = if empty { String::new() } else { self.skip(&name)? };
            into.impossible |= !content.trim_ascii().is_empty();
            return Ok(());
        }
        let inner: Vec<&[&SchemaNode]> = nodes.iter().map(|node| &node.children[..]).collect();
        let inside = if empty { Inside::default() } else { self.filters(&inner, Some(&name))? };
        let text = inside.text.trim_ascii();
        let mut possible = false;
        for node in nodes {
            let what = if inside.nested {
                let of_node = |filter: &&Filter| {
                    filter.node.parent().is_some_and(|parent| std::ptr::eq(parent, node))
                };
                let filters = inside.filters.filters.iter().filter(of_node).cloned().collect();
                What::Below(Filters { filters, impossible: inside.filters.impossible })
            } else if text.is_empty() {
                What::All
            } else {
                let leaf = matches!(node.kind, NodeKind::Leaf | NodeKind::LeafList);
                match leaf.then(|| node.value(&self.json_form(node, text.to_owned()))) {
                    Some(Ok(value)) => What::Is(value),
                    Some(Err(_)) | None => continue,
                }
            };
            possible = true;
            into.filters.push(Filter { node, what });
        }
        into.impossible |= !possible;
        Ok(())
    }

    /// The nodes that the element may stand for. Our nodes have no attributes, so that an element with an attribute
    /// to match has none (RFC 6241 section 6.2.2).
    fn candidates(
        &self,
        places: &[&[&'static SchemaNode]],
        tag: &BytesStart<'_>,
    ) -> Result<Vec<&'static SchemaNode>> {
        for attribute in tag.attributes() {
            let attribute = attribute
                .map_err(|error| self.fault(ErrorTag::MalformedMessage, error.to_string()))?;
            if attribute.key.as_namespace_binding().is_none() {
                return Ok(Vec::new());
            }
        }
        let (namespace, local) = self.resolver().resolve_element(tag.name());
        let namespace = match namespace {
            ResolveResult::Bound(Namespace(NETCONF) | Namespace("")) | ResolveResult::Unbound => {
                None
            }
            ResolveResult::Bound(Namespace(namespace)) => Some(namespace),
            ResolveResult::Unknown(prefix) => {
                let message = format!("the prefix {prefix} is not declared");
                let fault = self.fault(ErrorTag::UnknownNamespace, message);
                return Err(fault.of_element(local.into_inner()));
            }
        };
        let fits = |node: &&&'static SchemaNode| {
            node.name == local.into_inner()
                && namespace.is_none_or(|namespace| node.module.namespace == namespace)
        };
        Ok(places.iter().flat_map(|nodes| *nodes).filter(fits).copied().collect())
    }

    /// The text of an element without a node, without nested elements.
    fn skip(&mut self, name: &str) -> Result<String> {
        let mut text = String::new();
        let mut depth = 0_usize;
        loop {
            match self.event()? {
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => return Ok(text),
                Event::End(_) => depth -= 1,
                Event::Text(part) if depth == 0 => text.push_str(&part.xml10_content()),
                Event::CData(part) if depth == 0 => text.push_str(&part.xml10_content()),
                Event::Eof => {
                    let message = format!("the filter ends within <{name}>");
                    return Err(self.fault(ErrorTag::MalformedMessage, message));
                }
                Event::DocType(_) => return Err(self.doctype()),
                Event::Empty(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }
}
