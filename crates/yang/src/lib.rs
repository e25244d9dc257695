//! YANG schema, data trees, edits, validation: libyang behind one door.
//!
//! A [`Schema`] is compiled once per process and lives as long as it does; its nodes are plain values that
//! any thread may read. A [`Tree`] is an immutable value with shared structure: a copy is free, an edit
//! costs in proportion to its size, and so does the difference of two trees of one descent. libyang
//! parses modules, checks values, evaluates XPath and validates; no other crate sees it.

mod diff;
mod edit;
mod error;
mod filter;
mod json;
mod libyang;
mod path;
#[cfg(test)]
mod sample;
mod schema;
mod serde;
mod tree;
mod validate;
mod value;
mod xml;

pub use diff::{Change, Diff, Go, Instance, Part};
pub use edit::{Edit, Operation};
pub use error::{Error, ErrorTag, Result};
pub use filter::Selected;
pub use path::{Keys, Path, Step};
pub use schema::{Module, NodeKind, Schema, SchemaNode, Type};
pub use tree::{Entry, Node, Tree};
pub use value::{Identity, Value};
pub use xml::EditWriter;
