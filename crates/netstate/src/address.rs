//! An IP address on a link (`struct ifaddrmsg`, rtnetlink(7)).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{LinkName, NetnsName};
use crate::uapi::{IFA_F_PERMANENT, IFAPROT_KERNEL_LL, IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA};

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
    /// What can only be observed.
    pub status: Option<AddressStatus>,
}

/// What of an address can only be observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressStatus {
    /// `IFA_FLAGS`: `IFA_F_…`.
    pub flags: u32,
    /// `ifa_scope`: `RT_SCOPE_…`.
    pub scope: u8,
    /// `IFA_PROTO`: who made it (`IFAPROT_…`); zero where it does not say.
    pub protocol: u8,
}

impl Address {
    /// Whether the kernel made it, as it does for the loopback and by IPv6's autoconfiguration, or it came with
    /// a lifetime, as from a DHCP client: either way it is state.
    pub fn is_automatic(&self) -> bool {
        let made_by_kernel = |status: &AddressStatus| {
            let protocols = [IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL];
            protocols.contains(&status.protocol) || status.flags & IFA_F_PERMANENT == 0
        };
        self.status.as_ref().is_some_and(made_by_kernel)
    }
}
