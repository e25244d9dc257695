//! Netlink attributes: a length, a number and a value, one after the other (`struct nlattr`, netlink(7)).
//!
//! `#[derive(Attributes)]` writes the code for a struct from one line a field. What is here is what that
//! code stands on: how a value of each type looks on the wire, and the traits by which the planner compares
//! and the kernel's side encodes structs that it does not otherwise know.

mod additive;
mod list;
mod masked;
mod packed;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod tests;
mod value;

pub use additive::AdditiveMap;
pub use attributes::{Attributes, Flags, Packed};
pub use list::{Difference, Keyed, List, differences};
pub use masked::{Masked, MaskedValue};
pub use packed::Packed;
pub use packed::{Bits, extent, put_at, put_bit, size, take_at, take_bit};
pub use value::Value;
pub(crate) use value::{change, overlay};

/// One field of a struct of options.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, here and in YANG.
    pub name: &'static str,
    /// The number of its attribute; zero for what goes another way.
    pub attribute: u16,
    /// Whether it can be given only when the object is made.
    pub create_only: bool,
    /// Whether the kernel takes it only while the link is down.
    pub while_down: bool,
    /// The fields within, where its attribute is nested.
    pub nested: &'static [Field],
}

/// A struct whose fields are options: what is `None` is not said.
pub trait Fields: Default {
    /// The fields, in their order.
    const FIELDS: &'static [Field];

    /// What is set here and is not so in `observed`.
    fn changes(&self, observed: &Self) -> Self;

    /// Takes over what is set in `other`.
    fn overlay(&mut self, other: &Self);

    /// The fields that are set in `mask`, with the values from here.
    fn only(&self, mask: &Self) -> Self;

    /// The fields that are set.
    fn set(&self) -> Vec<&'static Field>;

    /// Whether nothing is set.
    fn is_empty(&self) -> bool;

    /// The names of the fields that are set.
    fn set_fields(&self) -> Vec<&'static str> {
        self.set().into_iter().map(|field| field.name).collect()
    }
}

/// A struct whose fields are netlink attributes.
pub trait Attributes: Fields {
    /// The size of the fixed structure before the attributes.
    const HEADER: usize = 0;

    /// Appends the header, and an attribute for each field that is set.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads a row of attributes; those that no field has are passed over.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (header, row) = bytes.split_at_checked(Self::HEADER).ok_or(Malformed { field: "" })?;
        let mut attributes = Self::default();
        attributes.read_header(header)?;
        for attribute in iterate(row) {
            let (number, bytes) = attribute?;
            attributes.read(number, bytes)?;
        }
        attributes.fill_absent();
        Ok(attributes)
    }

    /// Reads the fixed structure before the attributes.
    fn read_header(&mut self, _bytes: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    /// Reads one attribute, for who goes through the row himself; one that no field has is passed over.
    fn read(&mut self, _number: u16, _bytes: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    /// Sets the fields that were not read to what the kernel means by leaving them out.
    fn fill_absent(&mut self);
}

/// A struct whose fields are bits of one number.
pub trait Flags: Fields {
    /// The bits that are one, and which bits are meant at all.
    fn encode(&self) -> (u32, u32);

    /// Every field, from the bits.
    fn decode(flags: u32) -> Self;
}

/// What the kernel sent is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed attribute{}{field}", if field.is_empty() { "" } else { " " })]
pub struct Malformed {
    /// The field; empty where not even the attribute's bounds make sense.
    pub field: &'static str,
}

const HEADER: usize = 4;
/// What stands for a length that an attribute cannot have.
const OVERLONG: u16 = 0;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// `NLA_TYPE_MASK`: the number without the bits for "nested" and "big endian".
const NUMBER_MASK: u16 = 0x3fff;

/// The attributes of a row: number and value.
pub fn iterate(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), Malformed>> {
    std::iter::from_fn(move || {
        let (header, _) = bytes.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let number = u16::from_ne_bytes([header[2], header[3]]) & NUMBER_MASK;
        let Some(value) = bytes.get(HEADER..length) else {
            bytes = &[];
            return Some(Err(Malformed { field: "" }));
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok((number, value)))
    })
}

/// Appends an attribute with what `content` appends as its value, and its padding.
///
/// An attribute's length has 16 bits. Of one that is longer the header says zero, which is no length: [`overlong`] finds
/// it in the request, which therefore must not be sent.
pub fn put(out: &mut Vec<u8>, number: u16, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; HEADER]);
    content(out);
    let length = u16::try_from(out.len() - start).unwrap_or(OVERLONG);
    out[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    out[start + 2..start + HEADER].copy_from_slice(&number.to_ne_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Appends an attribute that holds a row of attributes.
pub fn put_nested(out: &mut Vec<u8>, number: u16, content: impl FnOnce(&mut Vec<u8>)) {
    put(out, number | NESTED, content);
}

/// Appends an attribute that holds `value`.
pub fn put_value<T: Value>(out: &mut Vec<u8>, number: u16, value: &T) {
    put(out, number, |out| value.put(out));
}

/// Reads the value of the attribute of `field`.
pub fn take_value<T: Value>(field: &'static str, bytes: &[u8]) -> Result<T, Malformed> {
    T::take(bytes).ok_or(Malformed { field })
}

/// Where in a row the attribute starts that is longer than an attribute can be, if one is: the innermost, where the
/// ones around it are too long because of it. A row of less than 64 KiB has none, and is not looked at.
pub fn overlong(row: &[u8]) -> Option<usize> {
    if row.len() <= usize::from(u16::MAX) {
        return None;
    }
    let mut at = 0;
    loop {
        let header = row.get(at..)?.first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        if length < HEADER {
            let within = at + HEADER;
            return Some(overlong(&row[within..]).map_or(at, |inner| within + inner));
        }
        at += length.next_multiple_of(4);
    }
}
