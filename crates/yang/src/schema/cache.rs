//! A cache of recently checked values.
//!
//! Most values of a large configuration repeat: a namespace, a table, `up`. The cache saves libyang's work. It saves
//! memory too, since a clone shares the text.

use std::cell::RefCell;
use std::{mem, ptr};

use crate::schema::{NodeKind, SchemaNode};
use crate::value::Value;

/// The number of slots. A value's hash selects one of them.
const SLOTS: usize = 512;

/// Longer texts rarely repeat.
const LONGEST: usize = 64;

struct Cached {
    node: &'static SchemaNode,
    text: Box<str>,
    value: Value,
}

/// The last two values of a slot, the latest first. With one, two values that each entry of a list has may evict each other
/// for each entry.
type Slot = [Option<Cached>; 2];

impl Cached {
    fn is(&self, node: &'static SchemaNode, text: &str) -> bool {
        ptr::eq(self.node, node) && *self.text == *text
    }
}

thread_local! {
    static CACHE: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
}

/// Whether the values of `node` rarely repeat: it is the first key of a list that is in no other list, so that each
/// entry has a different value.
fn is_distinct(node: &SchemaNode) -> bool {
    let Some(list) = node.parent() else { return false };
    list.keys.first().is_some_and(|first| ptr::eq(*first, node))
        && std::iter::successors(list.parent(), |above| above.parent())
            .all(|above| above.kind != NodeKind::List)
}

/// The slot of a value. If three values have the same slot, they evict each other. A fast hash is more important than a
/// good one.
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
    let found = CACHE.with_borrow_mut(|cache| {
        let [latest, earlier] = cache.get_mut(slot)?;
        if !latest.as_ref().is_some_and(|cached| cached.is(node, text)) {
            if !earlier.as_ref().is_some_and(|cached| cached.is(node, text)) {
                return None;
            }
            mem::swap(latest, earlier);
        }
        latest.as_ref().map(|cached| cached.value.clone())
    });
    if let Some(value) = found {
        return Ok(value);
    }
    let value = check()?;
    CACHE.with_borrow_mut(|cache| {
        if cache.is_empty() {
            cache.resize_with(SLOTS, Slot::default);
        }
        let [latest, earlier] = &mut cache[slot];
        *earlier = latest.replace(Cached { node, text: text.into(), value: value.clone() });
    });
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::path;

    #[test]
    fn two_values_of_one_slot_stay() {
        let leaf = path("/links/link/mtu").steps[2].node;
        let numbers: Vec<String> = (100..65_000).map(|number| number.to_string()).collect();
        let same = numbers.iter().filter(|text| slot(leaf, text) == slot(leaf, &numbers[0]));
        let same: Vec<&String> = same.take(3).collect();
        let checks = |texts: &[&String]| {
            let mut count = 0;
            for text in texts.iter().cycle().take(100 * texts.len()) {
                let checked = value(leaf, text, || {
                    count += 1;
                    Ok::<_, ()>(Value::String(text.as_str().into()))
                });
                assert_eq!(checked, Ok(Value::String(text.as_str().into())));
            }
            count
        };
        assert_eq!(checks(&same[..2]), 2);
        // A value that is used again and again stays beside values that are used once.
        assert_eq!(checks(&[same[0], same[2], same[0], same[1]]), 200);
    }
}
