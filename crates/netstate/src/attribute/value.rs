//! Types that an attribute can contain, and the part of each that an update contains.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Packed;
use crate::name::MacAddress;

/// A type that an attribute can contain.
pub trait Value: Clone + PartialEq {
    /// Appends the value in the kernel's encoding.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads a value; `None` if the bytes are not valid.
    fn take(bytes: &[u8]) -> Option<Self>;

    /// The content of an update that changes `observed` to this value: the whole value, unless they
    /// are equal.
    fn change(&self, observed: Option<&Self>) -> Option<Self> {
        (observed != Some(self)).then(|| self.clone())
    }

    /// Applies `other`, which is a value or a change, as the kernel does. Usually it replaces this
    /// value.
    fn merge(&mut self, other: &Self) {
        self.clone_from(other);
    }
}

/// The change of a field.
pub(crate) fn change<T: Value>(wanted: &Option<T>, observed: &Option<T>) -> Option<T> {
    wanted.as_ref()?.change(observed.as_ref())
}

/// Applies the value of another field to this one.
pub(crate) fn overlay<T: Value>(field: &mut Option<T>, other: &Option<T>) {
    match (field.as_mut(), other) {
        (_, None) => {}
        (None, Some(other)) => *field = Some(other.clone()),
        (Some(value), Some(other)) => value.merge(other),
    }
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

        impl Packed for $integer {
            const SIZE: usize = size_of::<Self>();
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Value for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    /// The kernel stores some flags in a byte, some in more, and some in the mere presence of the
    /// attribute.
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

impl Value for Ipv4Addr {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.octets());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        <[u8; 4]>::try_from(bytes).ok().map(Self::from)
    }
}

impl Packed for Ipv4Addr {
    const SIZE: usize = 4;
}

impl Value for Ipv6Addr {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.octets());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes).ok().map(Self::from)
    }
}

impl Packed for Ipv6Addr {
    const SIZE: usize = 16;
}

impl<const N: usize> Value for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

impl<const N: usize> Packed for [u8; N] {
    const SIZE: usize = N;
}
