//! XML as RFC 7950 has it.

use crate::edit::{Edit, Operation};
use crate::error::Result;
use crate::schema::Schema;
use crate::tree::Tree;

impl Tree {
    /// Reads XML: the top-level elements, side by side or within one `<config>` or `<data>` of any namespace.
    pub fn from_xml(_schema: &'static Schema, _text: &str) -> Result<Tree> {
        todo!()
    }

    /// XML elements side by side, each with its namespace declared; `indent` for people.
    pub fn to_xml(&self, _indent: bool) -> String {
        todo!()
    }
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
}
