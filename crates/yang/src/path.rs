//! Where an instance is in a tree.

use std::fmt;

use crate::error::Result;
use crate::schema::{Schema, SchemaNode};
use crate::value::Value;

/// An instance: the steps from the root. Shown as an RFC 7951 instance-identifier:
/// `/iproute2-ip-link:links/link[name='veth10']/mtu`.
#[derive(Clone, Debug, Default)]
pub struct Path {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step down.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node.
    pub node: &'static SchemaNode,
    /// Of a list entry: its keys in order. Of a leaf-list entry: its value. Empty: all of a list.
    pub keys: Vec<Value>,
}

impl Path {
    /// Reads the shown form; module names may be left out where they are clear.
    pub fn parse(_schema: &'static Schema, _text: &str) -> Result<Path> {
        todo!()
    }

    /// This path and one more step.
    pub fn join(&self, node: &'static SchemaNode, keys: Vec<Value>) -> Path {
        let mut steps = self.steps.clone();
        steps.push(Step { node, keys });
        Path { steps }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Path {}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    /// By schema order of the nodes, then by the keys; a parent comes before its children.
    fn cmp(&self, _other: &Self) -> std::cmp::Ordering {
        todo!()
    }
}
