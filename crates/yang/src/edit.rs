//! An edit: a tree of nodes with operations (RFC 6241 section 7.2).

use crate::error::Result;
use crate::path::Path;
use crate::schema::{Schema, SchemaNode};
use crate::value::Value;

/// What to change in a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The `default-operation`: merge, replace or none.
    pub default_operation: Operation,
    /// The top-level nodes.
    pub nodes: Vec<EditNode>,
}

/// One node of an edit.
#[derive(Clone, Debug)]
pub struct EditNode {
    /// The node.
    pub node: &'static SchemaNode,
    /// The `operation` attribute, where it was given.
    pub operation: Option<Operation>,
    /// Of a list entry: its keys.
    pub keys: Vec<Value>,
    /// Of a leaf or leaf-list entry; absent where a leaf is to be deleted.
    pub value: Option<Value>,
    /// Of a container or list entry, but for its keys.
    pub children: Vec<EditNode>,
}

/// RFC 6241 section 7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum Operation {
    None,
    Merge,
    Replace,
    Create,
    Delete,
    Remove,
}

impl Edit {
    /// Reads the content of `<config>`: elements side by side, or within one `<config>`.
    pub fn from_xml(_schema: &'static Schema, _text: &str, _default: Operation) -> Result<Edit> {
        todo!()
    }

    /// The content of `<config>`.
    pub fn to_xml(&self) -> String {
        todo!()
    }

    /// An edit that does one thing to one instance; `value` for a leaf.
    pub fn one(_path: &Path, _operation: Operation, _value: Option<Value>) -> Edit {
        todo!()
    }

    /// Both edits in one.
    pub fn and(self, _other: Edit) -> Edit {
        todo!()
    }
}

impl PartialEq for EditNode {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.node, other.node)
            && self.operation == other.operation
            && self.keys == other.keys
            && self.value == other.value
            && self.children == other.children
    }
}
