//! What the XML reader fills: the content of a tree, or the nodes of an edit.

use std::ptr;

use crate::edit::{EditNode, Operation};
use crate::error::{Error, ErrorTag, Result};
use crate::path::Keys;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::entry::{Content, Entry};
use crate::tree::interner::Interner;
use crate::value::Value;

/// The target of the reader: a tree or an edit.
pub(super) trait Sink: Default {
    fn leaf(&mut self, leaf: Leaf) -> Result<()>;
    fn inner(&mut self, instance: Instance<Self>, interner: &mut Interner) -> Result<()>;
    /// Called at the end of the document.
    fn done(&mut self) {}
}

pub(super) struct Leaf {
    pub(super) node: &'static SchemaNode,
    pub(super) value: Option<Value>,
    pub(super) operation: Option<Operation>,
}

pub(super) struct Instance<S> {
    pub(super) node: &'static SchemaNode,
    pub(super) keys: Keys,
    pub(super) operation: Option<Operation>,
    pub(super) content: S,
}

impl Sink for Vec<EditNode> {
    fn leaf(&mut self, Leaf { node, value, operation }: Leaf) -> Result<()> {
        self.push(EditNode { node, operation, keys: Keys::default(), value, children: Vec::new() });
        Ok(())
    }

    fn inner(&mut self, instance: Instance<Self>, _: &mut Interner) -> Result<()> {
        let Instance { node, keys, operation, content: children } = instance;
        self.push(EditNode { node, operation, keys, value: None, children });
        Ok(())
    }
}

impl Sink for Entry {
    fn leaf(&mut self, Leaf { node, value, .. }: Leaf) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        match self.slot(node).map(|slot| &slot.content) {
            Some(Content::LeafList(values)) if !values.contains(&value) => {}
            Some(Content::LeafList(_)) => {
                let message = format!("the value \"{value}\" is there twice");
                return Err(Error::new(ErrorTag::BadElement, message).of_element(node.name));
            }
            _ => self.check_rival(node)?,
        }
        self.set(node, value);
        Ok(())
    }

    fn inner(&mut self, instance: Instance<Self>, interner: &mut Interner) -> Result<()> {
        let Instance { node, keys, content, .. } = instance;
        if node.kind == NodeKind::List {
            if self.slot(node).is_none() {
                self.check_rival(node)?;
            }
            let keys = interner.shared_keys(node, keys);
            return match self.add(node, keys, interner.shared(node, content)) {
                true => Ok(()),
                false => {
                    let fault = Error::new(ErrorTag::BadElement, "this entry is there twice");
                    Err(fault.of_element(node.name))
                }
            };
        }
        self.check_rival(node)?;
        if !content.is_empty() || node.kind == (NodeKind::Container { presence: true }) {
            self.put(node, Content::Container(interner.shared(node, content)));
        }
        Ok(())
    }

    fn done(&mut self) {
        self.shrink();
    }
}

impl Entry {
    fn check_rival(&self, node: &'static SchemaNode) -> Result<()> {
        let message = match self.rival(node) {
            None => return Ok(()),
            Some(rival) if ptr::eq(rival, node) => format!("{} is there twice", node.name),
            Some(rival) => format!("{} and {} exclude each other", rival.name, node.name),
        };
        Err(Error::new(ErrorTag::BadElement, message).of_element(node.name))
    }
}
