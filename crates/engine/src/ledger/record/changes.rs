//! The changes of a commit in its record.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use yang::{Diff, Edit, Operation, Tree};

/// An edit, as XML on disk: the content of `<config>`.
#[derive(Clone, Debug)]
pub(crate) enum Changes {
    /// From a file.
    Text(String),
    /// From the configuration before to the one after. The text of a new commit can be large, so it
    /// is written piece by piece and is never in memory as a whole.
    Forward(Arc<Diff>),
    /// From the configuration after to the one before.
    Reverse(Arc<Diff>),
}

impl Changes {
    /// Applies it to a configuration.
    pub(crate) fn apply(&self, tree: &mut Tree) -> yang::Result<()> {
        let schema = tree.schema();
        let edit = match self {
            Changes::Text(text) => Edit::from_xml(schema, text, Operation::Merge),
            Changes::Forward(_) | Changes::Reverse(_) => {
                Edit::from_xml(schema, &self.to_string(), Operation::Merge)
            }
        };
        tree.edit(&edit?)
    }
}

impl Default for Changes {
    fn default() -> Self {
        Changes::Text(String::new())
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Changes::Text(text) => f.write_str(text),
            Changes::Forward(diff) => diff.xml().fmt(f),
            Changes::Reverse(diff) => diff.xml_back().fmt(f),
        }
    }
}

impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Changes::Text)
    }
}
