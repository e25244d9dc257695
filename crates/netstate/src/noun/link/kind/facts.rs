//! The facts that are the same for every link of a kind.

mod below;
mod creation;
mod enslaving;

pub use self::below::{Below, BelowAttribute, LinkBelow};
pub use self::creation::{CreatedBy, MtuAtCreation};
pub use self::enslaving::Enslaving;

/// The facts that are the same for every link of a kind.
#[derive(Debug)]
pub struct KindFacts {
    /// `IFLA_INFO_KIND`, which is also the type's name in ip-link(8).
    pub name: &'static str,
    /// How the kernel creates one.
    pub created_by: CreatedBy,
    /// Whether it has a link below, and which attribute names it.
    pub link_below: LinkBelow,
    /// Whether the kernel resets the attributes that a request to change one leaves out, and the
    /// link below too.
    pub changes_whole: bool,
    /// What happens to a link that is enslaved to it; `None` if no link can be.
    pub enslaves: Option<Enslaving>,
    /// Whether it is one of two ends that the kernel creates and removes together.
    pub paired: bool,
    /// Whether it can move to another namespace (`netns_immutable`, include/linux/netdevice.h).
    pub moves: bool,
    /// Whether it has the least MTU of its ports until its MTU is set to another value
    /// (`br_mtu_auto_adjust`, net/bridge/br_if.c).
    pub mtu_of_ports: bool,
    /// When the MTU of a new link is set.
    pub mtu: MtuAtCreation,
    /// Whether the MTU changes only while the link is down.
    pub mtu_while_down: bool,
    /// The least and the greatest MTU (`min_mtu` and `max_mtu` of `struct net_device`); none if the driver does not
    /// limit it, or if each link has limits of its own.
    pub mtu_limits: Option<(u32, u32)>,
}

/// `ETH_MIN_MTU` and `ETH_MAX_MTU` (include/uapi/linux/if_ether.h).
pub(in crate::noun::link) const ETHER_MTU: (u32, u32) = (68, 65_535);

/// The facts of links that Netloom cannot create.
pub(super) const FOREIGN: KindFacts = KindFacts {
    name: "",
    created_by: CreatedBy::Netlink,
    link_below: LinkBelow::Optional(BelowAttribute::IflaLink),
    changes_whole: false,
    enslaves: Some(Enslaving::Stays),
    paired: false,
    moves: true,
    mtu_of_ports: false,
    mtu: MtuAtCreation::Told,
    mtu_while_down: false,
    mtu_limits: None,
};
