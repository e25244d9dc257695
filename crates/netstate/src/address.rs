//! An IP address on a link (`struct ifaddrmsg`, rtnetlink(7)).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{LinkName, NetnsName};
use crate::uapi::{IFAPROT_KERNEL_LL, IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA};

/// Where an address is, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The link, as the kernel names it there.
    pub dev: LinkName,
    /// The address with its prefix length, host bits kept.
    pub address: IpNet,
}

/// What else there is to an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// What is not configured but seen, and made again with an address of others.
    pub status: Option<AddressStatus>,
}

/// What of an address is not configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressStatus {
    /// `IFA_FLAGS`: `IFA_F_…`.
    pub flags: u32,
    /// `ifa_scope`: `RT_SCOPE_…`.
    pub scope: u8,
    /// `IFA_PROTO`: who made it (`IFAPROT_…`); zero where it does not say.
    pub protocol: u8,
    /// `IFA_ADDRESS`, where it is the far end's.
    pub peer: Option<IpAddr>,
    /// `IFA_BROADCAST`.
    pub broadcast: Option<IpAddr>,
    /// `IFA_LABEL`.
    pub label: Option<String>,
    /// `IFA_RT_PRIORITY`: the metric of its prefix route.
    pub metric: Option<u32>,
    /// `IFA_CACHEINFO`: when it ends, in seconds since the host's boot (`CLOCK_BOOTTIME`).
    pub valid_until: Option<u64>,
    /// When it is no longer to be preferred, on the same clock.
    pub preferred_until: Option<u64>,
}

impl Address {
    /// Whether the kernel made it, as it does for the loopback and by IPv6's autoconfiguration: it is state.
    pub fn is_automatic(&self) -> bool {
        let protocols = [IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL];
        self.status.as_ref().is_some_and(|status| protocols.contains(&status.protocol))
    }
}
