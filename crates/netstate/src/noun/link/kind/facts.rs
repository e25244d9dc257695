//! What a kind of link states: its facts, and those that are the same for every link of the kind.

mod below;
mod creation;
mod enslaving;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::below::{Below, BelowAttribute, LinkBelow};
pub use self::creation::{CreatedBy, MtuAtCreation};
pub use self::enslaving::Enslaving;
use super::NamedPort;
use crate::attribute::Attributes;
use crate::noun::link::new_device::NewDevice;

/// The facts of a kind, apart from its attributes.
pub(crate) trait Kind:
    Attributes + Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned
{
    /// The facts that are the same for every link of the kind.
    const FACTS: KindFacts;

    /// The minimum of attributes with which the kernel creates a link of the kind.
    fn minimal() -> Self;

    /// The attributes that the kernel gives a new link of the kind. An attribute that depends on
    /// the host is `None`.
    fn kernel_default() -> Self;

    /// What else the kernel gives a new link of the kind; `on_link` says whether it has a link
    /// below.
    fn new_device(&self, on_link: bool) -> NewDevice;

    /// How it depends on the link below.
    fn below(&self) -> Below;

    /// Adds the attributes that the kernel reports only if they are on, and joins those that state
    /// one fact together.
    fn add_unreported(&mut self) {}

    /// Adds the attributes that the kernel has changed itself because of those that are set here and
    /// no longer in `still`.
    fn add_consequences(&mut self, _still: &Self) {}

    /// The attributes of a request: with those that state one fact together.
    fn stated(&self) -> Self {
        self.clone()
    }

    /// Whether the kernel refuses to change `seen` to this, so that the link must be created again.
    /// An attribute that only a new link can be given is stated with that attribute.
    fn needs_recreation(&self, _seen: &Self) -> bool {
        false
    }

    /// The attributes of this change that need a request of their own, before the others.
    fn first(&self) -> Option<Self> {
        None
    }

    /// Removes the attributes that the kernel refuses because of others that are set here.
    fn drop_unsupported(&mut self) {}

    /// The attribute of `IFLA_INFO_DATA` that names a port of the link by its index.
    const NAMES_PORT: Option<u16> = None;

    /// The port that this attribute names.
    fn named_port(&self) -> Option<&NamedPort> {
        None
    }

    /// Sets the port that this attribute names, as far as a link with these attributes has one.
    fn set_named_port(&mut self, _: NamedPort) {}

    /// Without what is only told to a link that exists.
    fn without_late(self) -> Self {
        self
    }

    /// The attribute that a new link must be given and that is not set here.
    fn lacks(&self) -> Option<&'static str> {
        None
    }
}

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
