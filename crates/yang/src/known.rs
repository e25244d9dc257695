//! Values that were checked lately.
//!
//! In a configuration of any size most values are ones that were met a moment ago: a namespace, a table, `up`.
//! Remembering some of them saves libyang's work and, as a clone shares the text, the memory.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr;

use crate::schema::SchemaNode;
use crate::value::Value;

/// How many are remembered, each in the one place that its hash says.
const PLACES: usize = 1024;

/// Longer texts are seldom met twice.
const LONGEST: usize = 64;

struct Known {
    node: &'static SchemaNode,
    text: Box<str>,
    value: Value,
}

thread_local! {
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

/// The value that `text` stands for: remembered, or what `check` answers.
pub(crate) fn value<E>(
    node: &'static SchemaNode,
    text: &str,
    check: impl FnOnce() -> Result<Value, E>,
) -> Result<Value, E> {
    if text.len() > LONGEST {
        return check();
    }
    let mut hasher = DefaultHasher::new();
    ptr::from_ref(node).hash(&mut hasher);
    text.hash(&mut hasher);
    let place = hasher.finish() as usize % PLACES;
    let found = KNOWN.with_borrow(|known| match known.get(place) {
        Some(Some(known)) if ptr::eq(known.node, node) && *known.text == *text => {
            Some(known.value.clone())
        }
        Some(_) | None => None,
    });
    if let Some(value) = found {
        return Ok(value);
    }
    let value = check()?;
    KNOWN.with_borrow_mut(|known| {
        if known.is_empty() {
            known.resize_with(PLACES, || None);
        }
        known[place] = Some(Known { node, text: text.into(), value: value.clone() });
    });
    Ok(value)
}
