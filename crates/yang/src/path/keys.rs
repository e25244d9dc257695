//! The keys of an instance, which distinguish it from its siblings.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Deref;
use std::sync::Arc;

use crate::value::Value;

/// The keys of a list entry in the schema's order, or the value of a leaf-list entry. Empty for all other nodes. A
/// copy shares the values, because an entry's keys are in its tree, in its paths, and in the messages about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Keys(Option<Arc<[Value]>>);

impl PartialOrd for Keys {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keys {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => Ordering::Equal,
            (a, b) => a.cmp(b),
        }
    }
}

impl Deref for Keys {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Borrow<[Value]> for Keys {
    fn borrow(&self) -> &[Value] {
        self
    }
}

impl From<Vec<Value>> for Keys {
    fn from(values: Vec<Value>) -> Keys {
        Keys((!values.is_empty()).then(|| values.into()))
    }
}

impl From<&[Value]> for Keys {
    fn from(values: &[Value]) -> Keys {
        Keys((!values.is_empty()).then(|| values.into()))
    }
}

impl FromIterator<Value> for Keys {
    fn from_iter<T: IntoIterator<Item = Value>>(values: T) -> Keys {
        Vec::from_iter(values).into()
    }
}

impl<'a> IntoIterator for &'a Keys {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
