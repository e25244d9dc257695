//! Values with a mask: what of a value counts is told by a second attribute.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Value;

/// A value that goes as two, the second of which is a mask. Where the kernel tells no mask, all bits count.
pub trait MaskedValue: Value {
    /// What an attribute holds of it.
    type Part: Value;

    /// The value, and the mask.
    fn parts(&self) -> (Self::Part, Self::Part);

    /// Takes a value that was read; `None` where it cannot be one.
    fn set_value(field: &mut Option<Self>, value: Self::Part) -> Option<()>;

    /// Takes a mask that was read, before or after the value; `None` where it cannot be one.
    fn set_mask(field: &mut Option<Self>, mask: Self::Part) -> Option<()>;
}

/// A value of which the bits count that are set in the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Masked<T> {
    /// The value.
    pub value: T,
    /// The mask.
    pub mask: T,
}

/// A type that has a value of all ones.
pub trait Ones: Value {
    /// That value.
    const ONES: Self;
}

macro_rules! ones {
    ($($integer:ty),*) => {$(
        impl Ones for $integer {
            const ONES: Self = Self::MAX;
        }
    )*};
}

ones!(u8, u16, u32, u64);

impl Ones for Ipv4Addr {
    const ONES: Self = Self::BROADCAST;
}

impl Ones for Ipv6Addr {
    const ONES: Self = Self::from_bits(u128::MAX);
}

impl<const N: usize> Ones for [u8; N] {
    const ONES: Self = [0xff; N];
}

impl<T: Ones> Value for Masked<T> {
    /// The value and the mask, one after the other, where one attribute holds both.
    fn put(&self, out: &mut Vec<u8>) {
        self.value.put(out);
        self.mask.put(out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let (value, mask) = bytes.split_at(bytes.len() / 2);
        Some(Self { value: T::take(value)?, mask: T::take(mask)? })
    }
}

impl<T: Ones> MaskedValue for Masked<T> {
    type Part = T;

    fn parts(&self) -> (T, T) {
        (self.value.clone(), self.mask.clone())
    }

    fn set_value(field: &mut Option<Self>, value: T) -> Option<()> {
        match field {
            Some(field) => field.value = value,
            None => *field = Some(Self { value, mask: T::ONES }),
        }
        Some(())
    }

    fn set_mask(field: &mut Option<Self>, mask: T) -> Option<()> {
        match field {
            Some(field) => field.mask = mask,
            None => *field = Some(Self { value: mask.clone(), mask }),
        }
        Some(())
    }
}

/// A prefix is an address whose mask begins with ones and ends with zeros. Others have none.
impl MaskedValue for IpNet {
    type Part = IpAddr;

    fn parts(&self) -> (IpAddr, IpAddr) {
        (self.addr(), self.netmask())
    }

    fn set_value(field: &mut Option<Self>, value: IpAddr) -> Option<()> {
        let length =
            field.map_or_else(|| IpNet::from(value).prefix_len(), |seen| seen.prefix_len());
        *field = Some(IpNet::new(value, length).ok()?);
        Some(())
    }

    fn set_mask(field: &mut Option<Self>, mask: IpAddr) -> Option<()> {
        let address = field.map_or(mask, |seen| seen.addr());
        *field = Some(IpNet::with_netmask(address, mask).ok()?);
        Some(())
    }
}

impl Value for IpNet {
    /// The address and the mask, one after the other, where one attribute holds both.
    fn put(&self, out: &mut Vec<u8>) {
        self.addr().put(out);
        self.netmask().put(out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let (address, mask) = bytes.split_at(bytes.len() / 2);
        IpNet::with_netmask(IpAddr::take(address)?, IpAddr::take(mask)?).ok()
    }
}
