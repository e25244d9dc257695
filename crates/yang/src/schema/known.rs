//! Values that were checked lately.
//!
//! In a configuration of any size most values are ones that were met a moment ago: a namespace, a table, `up`.
//! Remembering some of them saves libyang's work and, as a clone shares the text, the memory.

use std::cell::RefCell;
use std::ptr;

use crate::schema::{NodeKind, SchemaNode};
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

/// Whether it is the first key of a list that is there once: its values are as many as the entries.
fn tells_apart(node: &SchemaNode) -> bool {
    let Some(list) = node.parent() else { return false };
    list.keys.first().is_some_and(|first| ptr::eq(*first, node))
        && std::iter::successors(list.parent(), |above| above.parent())
            .all(|above| above.kind != NodeKind::List)
}

/// Where a value is remembered. What shares a place only takes turns there, so that speed is all that counts.
fn place(node: &SchemaNode, text: &str) -> usize {
    let mix = |hash: u64, bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let hash = text.as_bytes().chunks(8).fold(node.order() as u64, mix);
    (hash >> 32) as usize % PLACES
}

/// The value that `text` stands for: remembered, or what `check` answers.
pub(crate) fn value<E>(
    node: &'static SchemaNode,
    text: &str,
    check: impl FnOnce() -> Result<Value, E>,
) -> Result<Value, E> {
    if text.len() > LONGEST || tells_apart(node) {
        return check();
    }
    let place = place(node, text);
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
