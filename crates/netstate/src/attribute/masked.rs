//! Values with a mask: a second attribute says which bits of a value count.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Value;

/// A value that is sent as two attributes, the second of which is a mask. If the kernel reports no
/// mask, all bits count.
pub trait MaskedValue: Value {
    /// The type of each attribute.
    type Part: Value;

    /// The value, and the mask.
    fn parts(&self) -> (Self::Part, Self::Part);

    /// Sets a value that was read; `None` if it is not valid.
    fn set_value(field: &mut Option<Self>, value: Self::Part) -> Option<()>;

    /// Sets a mask that was read, before or after the value; `None` if it is not valid.
    fn set_mask(field: &mut Option<Self>, mask: Self::Part) -> Option<()>;
}

/// A value of which only the bits in the mask count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Masked<T> {
    /// The value.
    pub value: T,
    /// The mask.
    pub mask: T,
}

/// A type that has a value with all bits set.
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
    /// Value and mask, one after the other, if one attribute contains both.
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

/// A prefix is an address whose mask has its ones before its zeros. Other masks are not valid.
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
    /// Address and mask, one after the other, if one attribute contains both.
    fn put(&self, out: &mut Vec<u8>) {
        self.addr().put(out);
        self.netmask().put(out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let (address, mask) = bytes.split_at(bytes.len() / 2);
        IpNet::with_netmask(IpAddr::take(address)?, IpAddr::take(mask)?).ok()
    }
}
