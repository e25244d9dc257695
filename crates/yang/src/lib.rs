//! YANG schema, data trees, edits and validation. This crate encapsulates libyang.
//!
//! A [`Schema`] is compiled once per process and is never freed. Its nodes are plain values that any thread may
//! read. A [`Tree`] is an immutable value with structural sharing: a copy is free, and the cost of an edit is
//! proportional to the size of the edit. The cost of the difference of two related trees is proportional to the
//! size of the difference. libyang parses modules, checks values, evaluates XPath and validates. No other crate
//! uses libyang.

mod diff;
mod edit;
mod encoding;
mod error;
mod filter;
mod libyang;
mod output;
mod path;
#[cfg(test)]
mod sample;
mod schema;
mod tree;
mod validate;
mod value;

pub use diff::{Change, Diff, Go, Instance, Part};
pub use edit::{Edit, Operation};
pub use encoding::printable::{
    PrintableWriter, is_printable, printable, printable_json, printable_lines, printable_xml,
};
pub use encoding::xml::EditWriter;
pub use error::{Error, ErrorTag, Result};
pub use filter::Selected;
pub use output::Output;
pub use path::{Keys, Path, Step};
pub use schema::{Module, NodeKind, Schema, SchemaNode, Type};
pub use tree::{Entry, Node, Tree};
pub use value::{Identity, Value};
