//! YANG trees to network state and back, one file a module.
//!
//! [`lower`] reads a configuration as desired state, [`raise`] tells observed state as an operational tree, and
//! [`path`] finds the YANG node behind an object. Nowhere else do YANG and the kernel's vocabulary meet.

use netstate::{Key, State};
use yang::{Error, Tree};

/// The state that `configuration` (valid by the schema) desires. Every fault of meaning that the schema cannot tell
/// is found here, each with its YANG path.
pub fn lower(_configuration: &Tree) -> Result<State, Vec<Error>> {
    todo!()
}

/// The operational tree: what was observed, under the configuration's names.
pub fn raise(_observed: &State, _configuration: &Tree) -> Result<Tree, Error> {
    todo!()
}

/// The YANG path of an object of `configuration`, or of one of its fields (the field's name in `netstate`).
pub fn path(_key: &Key, _field: Option<&str>, _configuration: &Tree) -> String {
    todo!()
}
