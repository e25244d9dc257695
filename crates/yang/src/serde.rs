//! Trees and the types of other crates: serde over the nodes of a tree.
//!
//! A container or list entry is a struct or a map, a leaf-list a sequence, a list a sequence of entries. An
//! enumeration gives its name to a text or a Rust enum, its number to an integer, and to a `bool` true for
//! `on`, `up`, `true` or 1. A node that the struct does not know is an error that names its path.

use ::serde::{Serialize, de::DeserializeOwned};

use crate::error::Result;
use crate::path::Path;
use crate::tree::{Node, Tree};

impl<'a> Node<'a> {
    /// Reads the instance (its keys and `config false` nodes too) into `T`.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        todo!()
    }
}

impl Tree {
    /// Writes the fields of `value` below the container or list entry at `path`. Fields that are `None` are
    /// left out; a field that the schema does not have there is an error.
    pub fn serialize<T: Serialize>(&mut self, _path: &Path, _value: &T) -> Result<()> {
        todo!()
    }
}
