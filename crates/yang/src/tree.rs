//! A data tree: an immutable value with shared structure.

use std::sync::Arc;

use crate::diff::Diff;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::path::Path;
use crate::schema::{Schema, SchemaNode};
use crate::value::Value;

/// The instances below one schema. Cloning it copies a pointer.
#[derive(Clone, Debug)]
pub struct Tree {
    schema: &'static Schema,
    root: Arc<Entry>,
}

/// The keys of a list entry, in the schema's order.
pub type KeyTuple = Vec<Value>;

/// The children of a container, of a list entry, or of the root.
#[derive(Clone, Debug, Default)]
pub struct Entry {}

/// An instance as seen by a reader.
#[derive(Clone, Debug)]
pub enum Node<'a> {
    /// A container.
    Container(&'static SchemaNode, &'a Entry),
    /// A list entry, with its keys (which are also among its children).
    ListEntry(&'static SchemaNode, &'a KeyTuple, &'a Entry),
    /// A leaf.
    Leaf(&'static SchemaNode, &'a Value),
    /// One value of a leaf-list.
    LeafListEntry(&'static SchemaNode, &'a Value),
}

impl Tree {
    /// A tree without instances.
    pub fn empty(schema: &'static Schema) -> Tree {
        Tree { schema, root: Arc::default() }
    }

    /// The schema that it is of.
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// Whether there are no instances.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Reads RFC 7951 JSON: one object, members named `module:node`. Types are checked, references are not.
    pub fn from_json(_schema: &'static Schema, _text: &str) -> Result<Tree> {
        todo!()
    }

    /// Reads XML: the top-level elements, side by side or within one `<config>` or `<data>` of any namespace.
    pub fn from_xml(_schema: &'static Schema, _text: &str) -> Result<Tree> {
        todo!()
    }

    /// RFC 7951 JSON; `indent` for people.
    pub fn to_json(&self, _indent: bool) -> String {
        todo!()
    }

    /// XML elements side by side, each with its namespace declared; `indent` for people.
    pub fn to_xml(&self, _indent: bool) -> String {
        todo!()
    }

    /// The instances at the top.
    pub fn top(&self) -> impl Iterator<Item = Node<'_>> {
        std::iter::empty()
    }

    /// The instance at `path`.
    pub fn node(&self, _path: &Path) -> Option<Node<'_>> {
        todo!()
    }

    /// The instances that `path` leads to, each with its path; a list step without keys leads to all entries.
    pub fn nodes<'a>(&'a self, _path: &Path) -> Vec<(Path, Node<'a>)> {
        todo!()
    }

    /// Only the instance at `path`, with its ancestors and their keys.
    pub fn subtree(&self, _path: &Path) -> Tree {
        todo!()
    }

    /// Only configuration (without `config false` nodes).
    pub fn config_only(&self) -> Tree {
        todo!()
    }

    /// Sets the leaf (or adds the leaf-list value), creating what is above it.
    pub fn set(&mut self, _path: &Path, _value: Value) -> Result<()> {
        todo!()
    }

    /// Creates the container or list entry, with its keys, and what is above it.
    pub fn create(&mut self, _path: &Path) -> Result<()> {
        todo!()
    }

    /// Removes the instance at `path`; answers whether there was one. Non-presence containers that this
    /// leaves empty go too.
    pub fn remove(&mut self, _path: &Path) -> Result<bool> {
        todo!()
    }

    /// Adds what `other` has to this tree; leaves of `other` win.
    pub fn merge(&mut self, _other: &Tree) {
        todo!()
    }

    /// Applies an RFC 6241 section 7.2 edit; on error the tree is as it was.
    pub fn edit(&mut self, _edit: &Edit) -> Result<()> {
        todo!()
    }

    /// What is to change in this tree to make it `newer`. Shared structure is not visited.
    pub fn diff(&self, _newer: &Tree) -> Diff {
        todo!()
    }

    /// The part of the tree that an RFC 6241 section 6 subtree filter (the children of `<filter>`, as XML)
    /// selects.
    pub fn filter(&self, _subtree: &str) -> Result<Tree> {
        todo!()
    }

    /// Everything that is wrong with the tree as a configuration (RFC 7950 section 8): references, `must`, `when`,
    /// mandatory nodes, uniqueness, each with its instance's path. Empty when it is valid.
    pub fn validate(&self) -> std::result::Result<(), Vec<Error>> {
        todo!()
    }
}

impl PartialEq for Tree {
    fn eq(&self, _other: &Self) -> bool {
        todo!()
    }
}

impl<'a> Node<'a> {
    /// Its schema node.
    pub fn schema(&self) -> &'static SchemaNode {
        todo!()
    }

    /// Its value, of a leaf or leaf-list entry.
    pub fn value(&self) -> Option<&'a Value> {
        todo!()
    }

    /// Its keys, of a list entry.
    pub fn keys(&self) -> &'a [Value] {
        todo!()
    }

    /// Its children in schema order, list entries in the order of their keys.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> {
        std::iter::empty()
    }

    /// The child leaf, container or first entry of this name.
    pub fn child(&self, _name: &str) -> Option<Node<'a>> {
        todo!()
    }

    /// The value of the child leaf of this name.
    pub fn leaf(&self, _name: &str) -> Option<&'a Value> {
        todo!()
    }
}
