//! Subtree filters (RFC 6241 section 6).

use crate::error::Result;
use crate::tree::Tree;

impl Tree {
    /// The part of the tree that an RFC 6241 section 6 subtree filter (the children of `<filter>`, as XML)
    /// selects.
    pub fn filter(&self, _subtree: &str) -> Result<Tree> {
        todo!()
    }
}
