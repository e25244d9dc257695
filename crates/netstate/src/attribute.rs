//! Netlink attributes: length, number and value, one after the other (`struct nlattr`, netlink(7)).
//!
//! `#[derive(Attributes)]` generates the code for a struct from one line for each field. This
//! module has what the generated code uses: the encoding of each type, and the traits through which
//! the planner compares structs and the kernel crate encodes them, without knowing them otherwise.

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
    /// The name, which is the same in YANG.
    pub name: &'static str,
    /// The number of its attribute; zero if it is not an attribute.
    pub attribute: u16,
    /// Whether it can be set only when the object is created.
    pub create_only: bool,
    /// Whether the kernel accepts it only while the link is down.
    pub while_down: bool,
    /// The nested fields, if its attribute is nested.
    pub nested: &'static [Field],
}

/// A struct whose fields are options. `None` means that the field is not set.
pub trait Fields: Default {
    /// The fields, in order.
    const FIELDS: &'static [Field];

    /// The fields that are set here and differ in `observed`.
    fn changes(&self, observed: &Self) -> Self;

    /// Takes over the fields that are set in `other`.
    fn overlay(&mut self, other: &Self);

    /// The fields that are set in `mask`, with the values from here.
    fn only(&self, mask: &Self) -> Self;

    /// The fields that are set and that only a new object can be given.
    fn of_creation(&self) -> Self;

    /// The fields that an update may set.
    fn changeable(&self) -> Self;

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

    /// Reads a list of attributes. Attributes without a field are skipped.
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

    /// Reads one attribute, for callers that iterate themselves. An attribute without a field is
    /// skipped.
    fn read(&mut self, _number: u16, _bytes: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    /// Sets the fields that were not read to the value that the kernel means by omitting them.
    fn fill_absent(&mut self);
}

/// A struct whose fields are bits of one number.
pub trait Flags: Fields {
    /// The bits that are one, and the mask of the bits that are set at all.
    fn encode(&self) -> (u32, u32);

    /// All fields, from the bits.
    fn decode(flags: u32) -> Self;
}

/// Invalid data from the kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed attribute{}{field}", if field.is_empty() { "" } else { " " })]
pub struct Malformed {
    /// The field; empty if the attribute itself is malformed.
    pub field: &'static str,
}

const HEADER: usize = 4;
/// Marks an attribute that is too long for its length field.
const OVERLONG: u16 = 0;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// `NLA_TYPE_MASK`: the number without the bits for "nested" and "big endian".
const NUMBER_MASK: u16 = 0x3fff;

/// The attributes in `bytes`: number and value.
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

/// Appends an attribute, with the bytes that `content` appends as its value, and padding.
///
/// An attribute's length has 16 bits. If the attribute is longer, the header says zero, which is
/// not a valid length. [`overlong`] finds it in the request, which must then not be sent.
pub fn put(out: &mut Vec<u8>, number: u16, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; HEADER]);
    content(out);
    let length = u16::try_from(out.len() - start).unwrap_or(OVERLONG);
    out[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    out[start + 2..start + HEADER].copy_from_slice(&number.to_ne_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Appends an attribute that contains nested attributes.
pub fn put_nested(out: &mut Vec<u8>, number: u16, content: impl FnOnce(&mut Vec<u8>)) {
    put(out, number | NESTED, content);
}

/// Appends an attribute with `value`.
pub fn put_value<T: Value>(out: &mut Vec<u8>, number: u16, value: &T) {
    put(out, number, |out| value.put(out));
}

/// Reads the value of the attribute of `field`.
pub fn take_value<T: Value>(field: &'static str, bytes: &[u8]) -> Result<T, Malformed> {
    T::take(bytes).ok_or(Malformed { field })
}

/// The position of an attribute that is too long, if there is one. If enclosing attributes are too
/// long because of it, this is the innermost. Data of less than 64 KiB cannot contain one, and is
/// not searched.
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
