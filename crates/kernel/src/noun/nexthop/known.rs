//! What the execution of a plan knows about the kernel and its nexthops.

use std::collections::HashSet;

use netstate::{LinkName, NetnsName, Place};

/// It is found out when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether the kernel has nexthop objects.
    pub(super) has_objects: Option<bool>,
    /// Whether it has weights of more than one byte.
    pub(super) has_wide_weights: Option<bool>,
    /// The links that have a carrier.
    pub(super) with_carrier: HashSet<(NetnsName, LinkName)>,
}

impl Known {
    /// A link changes.
    pub(crate) fn forget(&mut self, Place { netns, ifname }: &Place) {
        self.with_carrier.remove(&(netns.clone(), ifname.clone()));
    }
}
