//! One end of a virtual Ethernet pair (veth(4)). The other end is the link's `peer`.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet, with_queues_of_host};
use crate::uapi::IFF_MULTICAST;

/// The attributes of a veth: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields)]
pub struct Veth {}

impl Kind for Veth {
    const FACTS: KindFacts = KindFacts {
        name: "veth",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: None,
        paired: true,
        moves: true,
        mtu_of_ports: false,
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: Some(ETHER_MTU),
    };

    fn minimal() -> Self {
        Self::default()
    }

    fn kernel_default() -> Self {
        Self {}
    }

    /// `veth_setup`, drivers/net/veth.c.
    fn new_device(&self, _: bool) -> NewDevice {
        with_queues_of_host(ethernet(1000, IFF_MULTICAST))
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
