//! Validation, by libyang.

use crate::error::Error;
use crate::tree::Tree;

impl Tree {
    /// Everything that is wrong with the tree as a configuration (RFC 7950 section 8): references, `must`, `when`,
    /// mandatory nodes, uniqueness, each with its instance's path. Empty when it is valid.
    pub fn validate(&self) -> std::result::Result<(), Vec<Error>> {
        todo!()
    }
}
