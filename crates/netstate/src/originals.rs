//! What there was before the configuration touched it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::{Key, Object};

/// Objects that existed before they were first configured, as they were then. An object that is configured
/// and is not in here was made by the configuration, and goes when the configuration no longer has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Originals {
    /// The objects.
    pub objects: BTreeMap<Key, Object>,
}
