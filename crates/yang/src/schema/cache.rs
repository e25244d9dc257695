//! A cache of recently checked values.
//!
//! Most values of a large configuration repeat: a namespace, a table, `up`. The cache saves libyang's work. It saves
//! memory too, since a clone shares the text.

use std::cell::RefCell;
use std::ptr;

use crate::schema::{NodeKind, SchemaNode};
use crate::value::Value;

/// The number of slots. A value's hash selects its one slot.
const SLOTS: usize = 1024;

/// Longer texts rarely repeat.
const LONGEST: usize = 64;

struct Cached {
    node: &'static SchemaNode,
    text: Box<str>,
    value: Value,
}

thread_local! {
    static CACHE: RefCell<Vec<Option<Cached>>> = const { RefCell::new(Vec::new()) };
}

/// Whether the values of `node` rarely repeat: it is the first key of a list that is in no other list, so that each
/// entry has a different value.
fn is_distinct(node: &SchemaNode) -> bool {
    let Some(list) = node.parent() else { return false };
    list.keys.first().is_some_and(|first| ptr::eq(*first, node))
        && std::iter::successors(list.parent(), |above| above.parent())
            .all(|above| above.kind != NodeKind::List)
}

/// The slot of a value. If two values have the same slot, one evicts the other. A fast hash is therefore more
/// important than a good one.
fn slot(node: &SchemaNode, text: &str) -> usize {
    let mix = |hash: u64, bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let hash = text.as_bytes().chunks(8).fold(node.order() as u64, mix);
    (hash >> 32) as usize % SLOTS
}

/// The value of `text`: from the cache, or what `check` returns.
pub(super) fn value<E>(
    node: &'static SchemaNode,
    text: &str,
    check: impl FnOnce() -> Result<Value, E>,
) -> Result<Value, E> {
    if text.len() > LONGEST || is_distinct(node) {
        return check();
    }
    let slot = slot(node, text);
    let found = CACHE.with_borrow(|cache| match cache.get(slot) {
        Some(Some(cached)) if ptr::eq(cached.node, node) && *cached.text == *text => {
            Some(cached.value.clone())
        }
        Some(_) | None => None,
    });
    if let Some(value) = found {
        return Ok(value);
    }
    let value = check()?;
    CACHE.with_borrow_mut(|cache| {
        if cache.is_empty() {
            cache.resize_with(SLOTS, || None);
        }
        cache[slot] = Some(Cached { node, text: text.into(), value: value.clone() });
    });
    Ok(value)
}
