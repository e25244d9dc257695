//! A VLAN on another link (IEEE 802.1Q and 802.1ad; `IFLA_VLAN_…`, include/uapi/linux/if_link.h; net/8021q).

use serde::{Deserialize, Serialize};

use crate::attribute::{AdditiveMap, Attributes};
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::noun::link::{LinkAttributes, LinkFlags};

/// The attributes of a VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Vlan {
    /// The VLAN identifier, 12 bits.
    #[attribute(IFLA_VLAN_ID, create_only)]
    pub id: Option<u16>,
    /// The tag's EtherType: 0x8100 or 0x88a8.
    #[attribute(IFLA_VLAN_PROTOCOL, create_only, big_endian)]
    pub protocol: Option<u16>,
    /// Whether the tag is removed from the header of received packets. The kernel omits the flags
    /// if none is set.
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_REORDER_HDR, masked, absent = false)]
    pub reorder_hdr: Option<bool>,
    /// Whether the VLAN is announced by GVRP.
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_GVRP, masked, absent = false)]
    pub gvrp: Option<bool>,
    /// Whether it goes up and down independently of the link below.
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_LOOSE_BINDING, masked, absent = false)]
    pub loose_binding: Option<bool>,
    /// Whether the VLAN is announced by MVRP.
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_MVRP, masked, absent = false)]
    pub mvrp: Option<bool>,
    /// Whether its carrier follows the ports of the bridge below that are members of the VLAN.
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_BRIDGE_BINDING, masked, absent = false)]
    pub bridge_binding: Option<bool>,
    /// Maps the priority in the tag of a received packet to the packet's priority.
    #[attribute(IFLA_VLAN_INGRESS_QOS, element = IFLA_VLAN_QOS_MAPPING)]
    pub ingress_qos_map: Option<AdditiveMap<u32, u32>>,
    /// Maps a packet's priority to the priority in the tag.
    #[attribute(IFLA_VLAN_EGRESS_QOS, element = IFLA_VLAN_QOS_MAPPING)]
    pub egress_qos_map: Option<AdditiveMap<u32, u32>>,
}

impl Kind for Vlan {
    const FACTS: KindFacts = KindFacts {
        name: "vlan",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Required(BelowAttribute::IflaLink),
        changes_whole: false,
        enslaves: None,
        paired: false,
        moves: true,
        mtu_of_ports: false,
        // A new VLAN has the MTU of the link below, which may be about to change.
        mtu: MtuAtCreation::Follows,
        mtu_while_down: false,
        mtu_limits: Some((0, ETHER_MTU.1)),
    };

    fn minimal() -> Self {
        Self { id: Some(1), ..Self::default() }
    }

    /// A new VLAN (`vlan_newlink`, net/8021q/vlan_netlink.c). Its identifier has no default.
    fn kernel_default() -> Self {
        Self {
            id: None,
            protocol: Some(0x8100),
            reorder_hdr: Some(true),
            gvrp: Some(false),
            loose_binding: Some(false),
            mvrp: Some(false),
            bridge_binding: Some(false),
            ingress_qos_map: Some(AdditiveMap::default()),
            egress_qos_map: Some(AdditiveMap::default()),
        }
    }

    /// It takes the MTU, most flags and the limits of segments from the link below
    /// (`vlan_dev_init`, net/8021q/vlan_dev.c).
    fn new_device(&self, _: bool) -> NewDevice {
        let own = ethernet(1000, 0);
        let attributes = LinkAttributes {
            mtu: None,
            numtxqueues: None,
            numrxqueues: None,
            gso_max_size: None,
            gso_max_segs: None,
            gso_ipv4_max_size: None,
            ..own.attributes
        };
        let flags = LinkFlags { arp: None, multicast: None, trailers: None, ..own.flags };
        NewDevice { attributes, flags }
    }

    /// `vlan_device_event`, net/8021q/vlan.c.
    fn below(&self) -> Below {
        let bound = self.loose_binding != Some(true);
        Below { needs_up: bound, comes_up_with_below: bound, mtu_within: true, survives_move: true }
    }
}
