//! Fixed C structures: values of a fixed size, and bits, at offsets of their own.
//!
//! A unit is the type of the field: a type that holds microseconds and puts ticks of the packet scheduler's clock does
//! the conversion in its [`Value`], and says here how many bytes that takes.

use std::ops::{BitAnd, BitOr};

use super::{Malformed, Value};

/// A value that always takes the same number of bytes.
pub trait Packed: Value {
    /// How many.
    const SIZE: usize;
}

/// Where a structure ends whose fields end so.
pub const fn extent(ends: &[usize]) -> usize {
    let (mut extent, mut at) = (0, 0);
    while at < ends.len() {
        if ends[at] > extent {
            extent = ends[at];
        }
        at += 1;
    }
    extent
}

/// The size of the flags that a bit is of.
pub const fn size<T: Packed + Copy>(_: T) -> usize {
    T::SIZE
}

/// Writes a value over the bytes of `out` that start at `at`.
pub fn put_at<T: Packed>(out: &mut Vec<u8>, at: usize, value: &T) {
    let end = out.len();
    value.put(out);
    out.copy_within(end.., at);
    out.truncate(end);
}

/// Sets a bit of the flags that start at `at`.
pub fn put_bit<T: Bits>(out: &mut Vec<u8>, at: usize, bit: T) {
    let flags = out.get(at..at + T::SIZE).and_then(T::take).unwrap_or_default();
    put_at(out, at, &(flags | bit));
}

/// Reads the value of `field` at `at` of a structure; `None` where the structure ends before.
pub fn take_at<T: Packed>(
    field: &'static str,
    bytes: &[u8],
    at: usize,
) -> Result<Option<T>, Malformed> {
    let Some(bytes) = bytes.get(at..at + T::SIZE) else { return Ok(None) };
    T::take(bytes).map(Some).ok_or(Malformed { field })
}

/// Reads a bit of the flags at `at` of a structure; `None` where the structure ends before.
pub fn take_bit<T: Bits>(bytes: &[u8], at: usize, bit: T) -> Option<bool> {
    let flags = T::take(bytes.get(at..at + T::SIZE)?)?;
    Some(flags & bit != T::default())
}

/// A number whose bits are flags.
pub trait Bits: Packed + Copy + Default + BitAnd<Output = Self> + BitOr<Output = Self> {}

impl<T> Bits for T where T: Packed + Copy + Default + BitAnd<Output = Self> + BitOr<Output = Self> {}
