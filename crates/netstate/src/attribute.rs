//! Netlink attributes: a length, a number and a value, one after the other (`struct nlattr`, netlink(7)).
//!
//! `#[derive(Attributes)]` writes the code for a struct from one line a field. What is here is what that
//! code stands on: how a value of each type looks on the wire, and the traits by which the planner compares
//! and the kernel's side encodes structs that it does not otherwise know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use attributes::{Attributes, Flags};

use crate::name::MacAddress;

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
    /// Appends an attribute for each field that is set.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads a row of attributes; those that no field has are passed over.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed>;
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

/// A type that an attribute can hold.
pub trait Value: Sized {
    /// Appends it as the kernel has it.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it; `None` where the bytes make no such value.
    fn take(bytes: &[u8]) -> Option<Self>;
}

const HEADER: usize = 4;
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

/// Appends an attribute with what `content` appends as its value, and its padding. A value longer than the
/// 64 KiB that an attribute's length can tell is cut.
pub fn put(out: &mut Vec<u8>, number: u16, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; HEADER]);
    content(out);
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    out.truncate(start + usize::from(length));
    out[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    out[start + 2..start + HEADER].copy_from_slice(&number.to_ne_bytes());
    out.resize(start + usize::from(length).next_multiple_of(4), 0);
}

/// Appends an attribute that holds `value`.
pub fn put_value<T: Value>(out: &mut Vec<u8>, number: u16, value: &T) {
    put(out, number, |out| value.put(out));
}

/// Reads the value of the attribute of `field`.
pub fn take_value<T: Value>(field: &'static str, bytes: &[u8]) -> Result<T, Malformed> {
    T::take(bytes).ok_or(Malformed { field })
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Value for $integer {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend(self.to_ne_bytes());
            }

            fn take(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_ne_bytes)
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i32);

impl Value for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    /// The kernel puts some flags into a byte, some into more, and some into the attribute's mere presence.
    fn take(bytes: &[u8]) -> Option<Self> {
        Some(bytes.is_empty() || bytes.iter().any(|byte| *byte != 0))
    }
}

impl Value for String {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.as_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

impl Value for MacAddress {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.octets());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Some(Self::from(bytes))
    }
}

impl Value for IpAddr {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            IpAddr::V4(address) => out.extend(address.octets()),
            IpAddr::V6(address) => out.extend(address.octets()),
        }
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
            16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::link::{Bridge, LinkAttributes, LinkFlags, PortRange, Vxlan};
    use crate::uapi::{IFF_NOARP, IFF_UP};

    fn check<T: Attributes + PartialEq + std::fmt::Debug>(attributes: T, expect: Expect) {
        let mut bytes = Vec::new();
        attributes.encode(&mut bytes);
        let row = |attribute: Result<(u16, &[u8]), _>| {
            let (number, value) = attribute.unwrap();
            format!("{number}: {value:02x?}\n")
        };
        expect.assert_eq(&iterate(&bytes).map(row).collect::<String>());
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(T::decode(&bytes).unwrap().only(&attributes), attributes);
    }

    #[test]
    fn values_look_as_the_kernel_has_them() {
        check(
            Bridge {
                ageing_time: Some(30_000),
                priority: Some(4096),
                vlan_filtering: Some(true),
                vlan_protocol: Some(0x88a8),
                ..Bridge::default()
            },
            expect![[r#"
                4: [30, 75, 00, 00]
                6: [00, 10]
                7: [01]
                8: [88, a8]
            "#]],
        );
        check(
            LinkAttributes {
                mtu: Some(1400),
                mac_address: Some("52:54:00:12:34:56".parse().unwrap()),
                alias: Some("to the cellar".into()),
                ..LinkAttributes::default()
            },
            expect![[r#"
                4: [78, 05, 00, 00]
                1: [52, 54, 00, 12, 34, 56]
                20: [74, 6f, 20, 74, 68, 65, 20, 63, 65, 6c, 6c, 61, 72]
            "#]],
        );
    }

    #[test]
    fn an_address_goes_by_its_family() {
        check(
            Vxlan {
                remote: Some("2001:db8::1".parse().unwrap()),
                local: Some("192.0.2.1".parse().unwrap()),
                srcport: Some(PortRange { low: 49152, high: 65535 }),
                ..Vxlan::default()
            },
            expect![[r#"
                16: [20, 01, 0d, b8, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 01]
                4: [c0, 00, 02, 01]
                10: [c0, 00, ff, ff]
            "#]],
        );
        check(
            Vxlan { remote: Some("239.1.1.1".parse().unwrap()), ..Vxlan::default() },
            expect![[r#"
                2: [ef, 01, 01, 01]
            "#]],
        );
    }

    #[test]
    fn flags_say_which_bits_they_mean() {
        let flags = LinkFlags { up: Some(false), arp: Some(false), ..LinkFlags::default() };
        assert_eq!(flags.encode(), (IFF_NOARP, IFF_UP | IFF_NOARP));
        assert_eq!(LinkFlags::decode(IFF_NOARP).only(&flags), flags);
    }

    #[test]
    fn fields_are_compared_one_by_one() {
        let old = Bridge { priority: Some(1), stp_state: Some(0), ..Bridge::default() };
        let mut new = Bridge { priority: Some(1), stp_state: Some(1), ..Bridge::default() };
        assert_eq!(new.changes(&old).set_fields(), ["stp_state"]);
        assert!(old.changes(&old).is_empty());
        new.overlay(&Bridge { priority: Some(2), ..Bridge::default() });
        assert_eq!((new.priority, new.stp_state), (Some(2), Some(1)));
    }

    #[test]
    fn a_cut_row_is_refused_and_an_unknown_attribute_passed_over() {
        assert_eq!(Bridge::decode(&[9, 0, 4, 0, 1]), Err(Malformed { field: "" }));
        assert_eq!(Bridge::decode(&[5, 0, 4, 0, 1]), Err(Malformed { field: "ageing_time" }));
        assert_eq!(Bridge::decode(&[5, 0, 255, 0, 1, 0, 0, 0]), Ok(Bridge::default()));
    }
}
