//! An IP address on a link (`struct ifaddrmsg`, rtnetlink(7)).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{LinkName, NetnsName};

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
pub struct Address {}
