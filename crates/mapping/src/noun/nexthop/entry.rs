//! An entry of list `nexthop`.

use std::net::{Ipv4Addr, Ipv6Addr};

use netstate::LinkId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// `AF_INET6`.
pub(super) const AF_INET6: u8 = 10;
/// `NEXTHOP_GRP_TYPE_RES`.
pub(super) const RESILIENT: u8 = 1;

/// An entry; its keys are read separately.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Entry {
    #[serde(skip_serializing, rename = "id")]
    pub(super) _id: IgnoredAny,
    #[serde(skip_serializing, rename = "netns")]
    pub(super) _netns: IgnoredAny,
    pub(super) dev: Option<LinkId>,
    pub(super) ipv4: Option<Gateway<Ipv4Addr>>,
    pub(super) ipv6: Option<Gateway<Ipv6Addr>>,
    pub(super) blackhole: Option<bool>,
    pub(super) onlink: Option<bool>,
    pub(super) group: Option<Group>,
    pub(super) fdb: Option<bool>,
    pub(super) family: Option<u8>,
    pub(super) protocol: Option<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway<T> {
    pub(super) address: Option<T>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Group {
    pub(super) nh: Vec<Member>,
    pub(super) r#type: Option<u8>,
    pub(super) resilient_buckets: Option<u16>,
    pub(super) resilient_idle_timer: Option<u16>,
    #[serde(rename = "resilient-unbalanced_timer")]
    pub(super) resilient_unbalanced_timer: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub(super) id: u32,
    pub(super) weight: u16,
}

impl Group {
    /// Whether there is anything besides the members.
    pub(super) fn is_set(&self) -> bool {
        self.r#type.is_some() || self.of_resilient().iter().any(|(_, is_set)| *is_set)
    }

    /// The leaves that only a resilient group has, and whether they are set.
    pub(super) fn of_resilient(&self) -> [(&'static str, bool); 3] {
        [
            ("resilient-buckets", self.resilient_buckets.is_some()),
            ("resilient-idle-timer", self.resilient_idle_timer.is_some()),
            ("resilient-unbalanced_timer", self.resilient_unbalanced_timer.is_some()),
        ]
    }
}
