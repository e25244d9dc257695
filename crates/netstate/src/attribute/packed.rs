//! Fixed C structures: values of a fixed size, and bits, at given offsets.
//!
//! A unit is the type of the field. For example, a type in microseconds that writes ticks of the
//! packet scheduler's clock converts in its [`Value`], and states its size here.

use std::ops::{BitAnd, BitOr};

use super::{Malformed, Value};

/// A value with a fixed size.
pub trait Packed: Value {
    /// The size in bytes.
    const SIZE: usize;
}

/// The size of a structure whose fields end at these offsets.
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

/// The size of the flags that contain a bit.
pub const fn size<T: Packed + Copy>(_: T) -> usize {
    T::SIZE
}

/// Overwrites the bytes of `out` at `at` with a value.
pub fn put_at<T: Packed>(out: &mut Vec<u8>, at: usize, value: &T) {
    let end = out.len();
    value.put(out);
    out.copy_within(end.., at);
    out.truncate(end);
}

/// Sets a bit of the flags at `at`.
pub fn put_bit<T: Bits>(out: &mut Vec<u8>, at: usize, bit: T) {
    let flags = out.get(at..at + T::SIZE).and_then(T::take).unwrap_or_default();
    put_at(out, at, &(flags | bit));
}

/// Reads the value of `field` at `at` of a structure; `None` if the structure is shorter.
pub fn take_at<T: Packed>(
    field: &'static str,
    bytes: &[u8],
    at: usize,
) -> Result<Option<T>, Malformed> {
    let Some(bytes) = bytes.get(at..at + T::SIZE) else { return Ok(None) };
    T::take(bytes).map(Some).ok_or(Malformed { field })
}

/// Reads a bit of the flags at `at` of a structure; `None` if the structure is shorter.
pub fn take_bit<T: Bits>(bytes: &[u8], at: usize, bit: T) -> Option<bool> {
    let flags = T::take(bytes.get(at..at + T::SIZE)?)?;
    Some(flags & bit != T::default())
}

/// A number whose bits are flags.
pub trait Bits: Packed + Copy + Default + BitAnd<Output = Self> + BitOr<Output = Self> {}

impl<T> Bits for T where T: Packed + Copy + Default + BitAnd<Output = Self> + BitOr<Output = Self> {}
