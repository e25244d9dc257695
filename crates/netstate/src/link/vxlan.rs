//! A VXLAN tunnel end point (RFC 7348; `IFLA_VXLAN_…`, include/uapi/linux/if_link.h).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::InvalidName;

/// A VXLAN device's own attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vxlan {
    /// `IFLA_VXLAN_ID`: the VXLAN network identifier, 24 bits.
    pub id: Option<u32>,
    /// `IFLA_VXLAN_GROUP`, `IFLA_VXLAN_GROUP6`: the far end, or the multicast group of them all.
    #[serde(alias = "group")]
    pub remote: Option<IpAddr>,
    /// `IFLA_VXLAN_LOCAL`, `IFLA_VXLAN_LOCAL6`: the source address.
    pub local: Option<IpAddr>,
    /// `IFLA_VXLAN_TTL`.
    pub ttl: Option<u8>,
    /// `IFLA_VXLAN_TOS`.
    pub tos: Option<HexOctet>,
    /// `IFLA_VXLAN_DF`: `VXLAN_DF_…`.
    pub df: Option<u8>,
    /// `IFLA_VXLAN_PORT`: a UDP port.
    pub dstport: Option<u16>,
    /// `IFLA_VXLAN_PORT_RANGE`.
    pub srcport: Option<PortRange>,
    /// `IFLA_VXLAN_LEARNING`.
    pub learning: Option<bool>,
    /// `IFLA_VXLAN_RSC`.
    pub rsc: Option<bool>,
    /// `IFLA_VXLAN_PROXY`.
    pub proxy: Option<bool>,
    /// `IFLA_VXLAN_L2MISS`.
    pub l2miss: Option<bool>,
    /// `IFLA_VXLAN_L3MISS`.
    pub l3miss: Option<bool>,
    /// `IFLA_VXLAN_UDP_CSUM`.
    pub udpcsum: Option<bool>,
    /// `IFLA_VXLAN_AGEING`, seconds.
    pub ageing: Option<u32>,
    /// `IFLA_VXLAN_LIMIT`.
    pub maxaddress: Option<u32>,
    /// `IFLA_VXLAN_COLLECT_METADATA`.
    pub external: Option<bool>,
    /// `IFLA_VXLAN_VNIFILTER`.
    pub vnifilter: Option<bool>,
}

/// An octet that people write as two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexOctet(pub u8);

/// The first and the last UDP port of a range (`struct ifla_vxlan_port_range`), written `LOW HIGH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    /// The first.
    pub low: u16,
    /// The last.
    pub high: u16,
}

impl FromStr for HexOctet {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let reason = "is not two hexadecimal digits";
        let fault = || InvalidName { kind: "octet", text: text.into(), reason };
        if text.len() != 2 {
            return Err(fault());
        }
        u8::from_str_radix(text, 16).map(Self).map_err(|_| fault())
    }
}

impl fmt::Display for HexOctet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl FromStr for PortRange {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fault = |reason| InvalidName { kind: "port range", text: text.into(), reason };
        let ports: Vec<u16> = text
            .split_whitespace()
            .map(|port| port.parse().map_err(|_| fault("has a port that is not 0 to 65535")))
            .collect::<Result<_, _>>()?;
        match ports[..] {
            [low, high] if low <= high => Ok(Self { low, high }),
            [_, _] => Err(fault("ends before it begins")),
            _ => Err(fault("is not two ports")),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.low, self.high)
    }
}

macro_rules! serde_as_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )*};
}

serde_as_text!(HexOctet PortRange);
