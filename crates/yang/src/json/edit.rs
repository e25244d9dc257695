//! Writing an edit as JSON: RFC 7951, with each operation as an annotation of its node (RFC 7952 section 5.2).

use std::ptr;

use ::serde::ser::SerializeMap;
use ::serde::{Serialize, Serializer};

use super::write::{Name, Scalar};
use crate::edit::{Content, Edit, EditNode, Operation};
use crate::schema::NodeKind;

impl Edit {
    /// What `<config>` would hold, as JSON for people. The order among different nodes, which makes no difference to
    /// an edit that a [`crate::Diff`] has made, is that of their first mention.
    pub fn to_json(&self) -> String {
        let text = match &self.content {
            Content::Plain(tree) => return tree.to_json(true),
            Content::Nodes(nodes) => serde_json::to_string_pretty(&Members { of: None, nodes }),
        };
        #[expect(
            clippy::expect_used,
            reason = "only a writer, or a name that is no text, can fail"
        )]
        text.expect("a text takes all that is written, and the names of members are texts")
    }
}

/// The name of an annotation, and what it says.
const OPERATION: &str = "ietf-netconf:operation";

/// The members of an object: of a container or list entry, or of the top.
struct Members<'a> {
    of: Option<&'a EditNode>,
    nodes: &'a [EditNode],
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(of) = self.of {
            if let Some(operation) = of.operation {
                object.serialize_entry("@", &Annotation(operation))?;
            }
            for (key, value) in of.node.keys.iter().zip(&of.keys) {
                object.serialize_entry(&Name(key), &Scalar(value))?;
            }
        }
        for (at, first) in self.nodes.iter().enumerate() {
            let alike = |node: &&EditNode| ptr::eq(node.node, first.node);
            if self.nodes[..at].iter().any(|node| alike(&node)) {
                continue;
            }
            let all = || self.nodes[at..].iter().filter(alike);
            match first.node.kind {
                NodeKind::Container { .. } => {
                    object.serialize_entry(&Name(first.node), &below(first))?;
                }
                NodeKind::List => {
                    let entries: Vec<_> = all().map(below).collect();
                    object.serialize_entry(&Name(first.node), &entries)?;
                }
                NodeKind::Leaf => {
                    object.serialize_entry(&Name(first.node), &first.value.as_ref().map(Scalar))?;
                    if let Some(operation) = first.operation {
                        object.serialize_entry(&Annotated(first), &Annotation(operation))?;
                    }
                }
                NodeKind::LeafList => {
                    let values: Vec<_> =
                        all().map(|node| node.value.as_ref().map(Scalar)).collect();
                    object.serialize_entry(&Name(first.node), &values)?;
                    if all().any(|node| node.operation.is_some()) {
                        let operations: Vec<_> =
                            all().map(|node| node.operation.map(Annotation)).collect();
                        object.serialize_entry(&Annotated(first), &operations)?;
                    }
                }
            }
        }
        object.end()
    }
}

fn below(node: &EditNode) -> Members<'_> {
    Members { of: Some(node), nodes: &node.children }
}

/// The name of the member that annotates a leaf or a leaf-list.
struct Annotated<'a>(&'a EditNode);

impl Serialize for Annotated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.0.node;
        match node.starts_module() {
            true => serializer.collect_str(&format_args!("@{}:{}", node.module.name, node.name)),
            false => serializer.collect_str(&format_args!("@{}", node.name)),
        }
    }
}

struct Annotation(Operation);

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        object.serialize_entry(OPERATION, self.0.name())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::sample::tree;

    #[test]
    fn operations_are_annotations() {
        let old = tree(
            "/links/link[name='a']/mtu = 100
             /links/link[name='a']/map = 1:1
             /links/link[name='b']/mtu = 90",
        );
        let new = tree(
            "/links/link[name='a']/map = 2:2
             /links/link[name='c']/mtu = 90",
        );
        expect![[r#"
            {
              "sample:links": {
                "link": [
                  {
                    "name": "a",
                    "mtu": 100,
                    "@mtu": {
                      "ietf-netconf:operation": "remove"
                    },
                    "map": [
                      "1:1",
                      "2:2"
                    ],
                    "@map": [
                      {
                        "ietf-netconf:operation": "remove"
                      },
                      null
                    ]
                  },
                  {
                    "@": {
                      "ietf-netconf:operation": "remove"
                    },
                    "name": "b"
                  },
                  {
                    "name": "c",
                    "mtu": 90
                  }
                ]
              }
            }"#]]
        .assert_eq(&old.diff(&new).to_edit().to_json());
    }
}
