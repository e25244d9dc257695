//! The table of link kinds, and the facts that each kind states in its own file.
//!
//! A kind is a struct of its attributes (`IFLA_INFO_DATA`) with the trait `Kind` for its facts. The
//! table generates the enum [`LinkKind`] and every dispatch over it, so that a kind that lacks a
//! fact does not compile.

pub mod bond;
pub mod bridge;
pub mod can;
pub mod dummy;
mod facts;
pub mod ifb;
pub mod ipvlan;
pub mod macvlan;
mod named_port;
pub mod nlmon;
pub mod tun;
pub mod tunnel;
pub mod veth;
pub mod vlan;
pub mod vrf;
pub mod vxlan;

use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::bond::Bond;
use self::bridge::Bridge;
use self::can::{Vcan, Vxcan};
use self::dummy::Dummy;
pub(super) use self::facts::ETHER_MTU;
use self::facts::FOREIGN;
pub(crate) use self::facts::Kind;
pub use self::facts::{
    Below, BelowAttribute, CreatedBy, Enslaving, KindFacts, LinkBelow, MtuAtCreation,
};
use self::ifb::Ifb;
use self::ipvlan::{Ipvlan, Ipvtap};
use self::macvlan::{Macvlan, Macvtap};
pub use self::named_port::NamedPort;
use self::nlmon::Nlmon;
use self::tun::Tun;
use self::tunnel::geneve::Geneve;
use self::tunnel::gre::{Erspan, Gre, Gretap};
use self::tunnel::ip6gre::{Ip6erspan, Ip6gre, Ip6gretap};
use self::tunnel::ip6tnl::Ip6tnl;
use self::tunnel::ipip::Ipip;
use self::tunnel::sit::Sit;
use self::tunnel::vti::Vti;
use self::tunnel::vti6::Vti6;
use self::tunnel::xfrm::Xfrm;
use self::veth::Veth;
use self::vlan::Vlan;
use self::vrf::Vrf;
use self::vxlan::Vxlan;
use crate::attribute::{Attributes, Field, Fields, Malformed};
use crate::noun::link::new_device::NewDevice;

kinds! {
    /// One end of a virtual Ethernet pair (veth(4)).
    Veth
    /// Drops all packets.
    Dummy
    /// An intermediate functional block, for redirection by tc.
    Ifb
    /// A tunnel device of a user's program.
    Tun
    /// Several links that act as one.
    Bond
    /// An Ethernet bridge.
    Bridge
    /// A VXLAN tunnel end point.
    Vxlan
    /// A VLAN on another link.
    Vlan
    /// A GRE tunnel over IPv4.
    Gre
    /// An Ethernet over GRE over IPv4 tunnel.
    Gretap
    /// A tunnel for the IPv4 packets of an IPsec policy.
    Vti
    /// A tunnel of IPv4 over IPv4.
    Ipip
    /// A tunnel of IPv6 over IPv4.
    Sit
    /// A tunnel over IPv6.
    Ip6tnl
    /// A GRE tunnel over IPv6.
    Ip6gre
    /// An Ethernet over GRE over IPv6 tunnel.
    Ip6gretap
    /// A tunnel for the IPv6 packets of an IPsec policy.
    Vti6
    /// A routing instance for the links that are enslaved to it.
    Vrf
    /// An Ethernet device with a MAC address of its own on another.
    Macvlan
    /// The same, for a program.
    Macvtap
    /// A device that shares the MAC address of the link below.
    Ipvlan
    /// The same, for a program.
    Ipvtap
    /// A tunnel of mirrored frames over IPv4.
    Erspan
    /// A tunnel of mirrored frames over IPv6.
    Ip6erspan
    /// A GENEVE tunnel.
    Geneve
    /// An IPsec interface.
    Xfrm
    /// A virtual CAN bus.
    Vcan
    /// One end of a virtual CAN cable.
    Vxcan
    /// A monitor of netlink messages.
    Nlmon
}

impl LinkKind {
    /// Whether Netloom can create links of the kind.
    pub fn is_made(&self) -> bool {
        !matches!(self, LinkKind::Other(_))
    }

    /// The kind with an article: `a veth`, `an ifb`, or `a device` if it has no kind.
    pub fn with_article(&self) -> String {
        match self.name() {
            "" => "a device".into(),
            name if name.starts_with(['a', 'e', 'i', 'o', 'x']) => format!("an {name}"),
            name => format!("a {name}"),
        }
    }
}

/// The attributes of a kind, for encoding.
#[derive(Clone, Copy, Debug)]
pub struct KindAttributes<'k>(pub &'k LinkKind);

/// Reads the attributes of the kind of this name (`IFLA_INFO_KIND`).
#[derive(Clone, Copy, Debug)]
pub struct AttributesOf<'n>(pub &'n str);

/// A kind on disk: its name, with its attributes if it has any.
#[derive(Deserialize)]
#[serde(untagged)]
enum OnDisk {
    Name(String),
    Named(BTreeMap<String, serde_json::Value>),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident)*) => {
        /// A link's kind (`IFLA_INFO_KIND`) with the attributes of that kind (`IFLA_INFO_DATA`).
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "a link is held in a box")]
        pub enum LinkKind {
            $($(#[$doc])* $kind($kind),)*
            /// A kind that Netloom cannot create, by its `IFLA_INFO_KIND`; empty for a device
            /// without one (a NIC, `lo`).
            Other(String),
        }

        impl LinkKind {
            /// The kinds that Netloom can create, each with the minimum of attributes.
            pub fn all() -> impl Iterator<Item = LinkKind> {
                [$(LinkKind::$kind($kind::minimal())),*].into_iter()
            }

            /// The kind of that name, with no attribute set.
            pub fn named(name: &str) -> LinkKind {
                $(if name == $kind::FACTS.name {
                    return LinkKind::$kind($kind::default());
                })*
                LinkKind::Other(name.into())
            }

            /// `IFLA_INFO_KIND`.
            pub fn name(&self) -> &str {
                match self {
                    $(LinkKind::$kind(_) => $kind::FACTS.name,)*
                    LinkKind::Other(name) => name,
                }
            }

            /// The facts of the kind.
            pub fn facts(&self) -> &'static KindFacts {
                match self {
                    $(LinkKind::$kind(_) => &const { $kind::FACTS },)*
                    LinkKind::Other(_) => &FOREIGN,
                }
            }

            /// How a link with these attributes depends on the link below.
            pub fn below(&self) -> Below {
                match self {
                    $(LinkKind::$kind(kind) => kind.below(),)*
                    LinkKind::Other(_) => Below::default(),
                }
            }

            /// The attributes of this change that need a request of their own, before the others.
            pub fn first(&self) -> Option<LinkKind> {
                match self {
                    $(LinkKind::$kind(kind) => kind.first().map(LinkKind::$kind),)*
                    LinkKind::Other(_) => None,
                }
            }

            /// Removes the attributes that the kernel refuses because of others that are set here.
            pub(crate) fn drop_unsupported(&mut self) {
                match self {
                    $(LinkKind::$kind(kind) => kind.drop_unsupported(),)*
                    LinkKind::Other(_) => {}
                }
            }

            /// The attribute of `IFLA_INFO_DATA` that names a port of the link by its index.
            pub fn names_port(&self) -> Option<u16> {
                match self {
                    $(LinkKind::$kind(_) => $kind::NAMES_PORT,)*
                    LinkKind::Other(_) => None,
                }
            }

            /// The port that this attribute names.
            pub fn named_port(&self) -> Option<&NamedPort> {
                match self {
                    $(LinkKind::$kind(kind) => kind.named_port(),)*
                    LinkKind::Other(_) => None,
                }
            }

            /// Sets the port that this attribute names, as far as a link with these attributes has one.
            pub fn set_named_port(&mut self, port: NamedPort) {
                match self {
                    $(LinkKind::$kind(kind) => kind.set_named_port(port),)*
                    LinkKind::Other(_) => {}
                }
            }

            /// The kind without what is only told to a link that exists.
            pub fn without_late(&self) -> LinkKind {
                match self {
                    $(LinkKind::$kind(kind) => LinkKind::$kind(kind.clone().without_late()),)*
                    LinkKind::Other(name) => LinkKind::Other(name.clone()),
                }
            }

            /// The attribute that a new link must be given and that is not set here.
            pub fn lacks(&self) -> Option<&'static str> {
                match self {
                    $(LinkKind::$kind(kind) => kind.lacks(),)*
                    LinkKind::Other(_) => None,
                }
            }

            /// This change of `from`, with all attributes if the kernel resets those that a
            /// request leaves out.
            pub fn completed(&self, from: &LinkKind) -> LinkKind {
                match (self, from) {
                    $((LinkKind::$kind(change), LinkKind::$kind(from))
                        if $kind::FACTS.changes_whole =>
                    {
                        let mut whole = from.changeable();
                        whole.overlay(change);
                        LinkKind::$kind(whole)
                    })*
                    (change, _) => change.clone(),
                }
            }

            /// Whether a link of kind `seen` must be created again to become this.
            pub(crate) fn needs_recreation(&self, seen: &LinkKind) -> bool {
                match (self, seen) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(seen)) => kind.needs_recreation(seen),)*
                    (kind, seen) => kind.name() != seen.name(),
                }
            }

            /// The kind with the attributes of a new link.
            pub(crate) fn kernel_default(&self) -> LinkKind {
                match self {
                    $(LinkKind::$kind(_) => LinkKind::$kind($kind::kernel_default()),)*
                    LinkKind::Other(name) => LinkKind::Other(name.clone()),
                }
            }

            /// The attributes that a request for a new link must have. It does without those that the kernel gives the link
            /// anyway: a kernel without VLAN filtering refuses to switch it off. What only a new link can be given is
            /// requested in any case.
            pub(crate) fn requested(&self) -> LinkKind {
                match self {
                    $(LinkKind::$kind(kind) => {
                        let mut requested = kind.changes(&$kind::kernel_default());
                        requested.overlay(&kind.of_creation());
                        LinkKind::$kind(requested.without_late())
                    })*
                    LinkKind::Other(name) => LinkKind::Other(name.clone()),
                }
            }

            /// What else the kernel gives a new link of the kind; nothing is known of kinds that
            /// Netloom cannot create.
            pub(crate) fn new_device(&self, on_link: bool) -> NewDevice {
                match self {
                    $(LinkKind::$kind(kind) => kind.new_device(on_link),)*
                    LinkKind::Other(_) => NewDevice::default(),
                }
            }

            /// The kind, with no attribute set.
            pub(crate) fn plain(&self) -> LinkKind {
                match self {
                    $(LinkKind::$kind(_) => LinkKind::$kind($kind::default()),)*
                    LinkKind::Other(name) => LinkKind::Other(name.clone()),
                }
            }

            /// Takes over the attributes that are set in `other`. If `other` is of another kind, it
            /// replaces this one.
            pub(crate) fn overlay(&mut self, other: &LinkKind) {
                match (&mut *self, other) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(other)) => return kind.overlay(other),)*
                    _ => {}
                }
                if self.name() != other.name() {
                    *self = other.clone();
                }
            }

            /// The attributes that are set here and differ in `observed`, if any.
            pub fn changes(&self, observed: &LinkKind) -> Option<LinkKind> {
                let changes = match (self, observed) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(seen)) => {
                        LinkKind::$kind(kind.changes(seen))
                    })*
                    (kind, _) => kind.clone(),
                };
                (!changes.is_empty()).then_some(changes)
            }

            /// Sets every attribute that is set in `mask` to its value in `base`.
            pub(crate) fn restore(&mut self, mask: &LinkKind, base: &LinkKind) {
                match (self, mask, base) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(mask), LinkKind::$kind(base)) => {
                        kind.overlay(&base.only(mask));
                    })*
                    _ => {}
                }
            }

            /// The attributes that are also set in `mask`; none if that is of another kind.
            pub(crate) fn only(&self, mask: &LinkKind) -> LinkKind {
                match (self, mask) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(mask)) => {
                        LinkKind::$kind(kind.only(mask))
                    })*
                    (kind, _) => kind.plain(),
                }
            }

            /// The VLAN that a new port of this bridge gets; zero for none.
            pub fn default_vlan(&self) -> Option<u16> {
                if let LinkKind::Bridge(bridge) = self { bridge.vlan_default_pvid } else { None }
            }

            /// Whether this change of a bridge sets the VLAN that new ports get.
            pub(crate) fn changes_default_vlan(&self) -> bool {
                self.default_vlan().is_some()
            }

            /// Adds the attributes that the kernel has changed itself because of those that are set
            /// here and no longer in `still`.
            pub(crate) fn add_consequences(&mut self, still: Option<&LinkKind>) {
                match (self, still) {
                    $((LinkKind::$kind(kind), Some(LinkKind::$kind(still))) => {
                        kind.add_consequences(still);
                    })*
                    $((LinkKind::$kind(kind), _) => kind.add_consequences(&$kind::default()),)*
                    (LinkKind::Other(_), _) => {}
                }
            }

            /// The attributes that the kind has.
            pub fn fields(&self) -> &'static [Field] {
                match self {
                    $(LinkKind::$kind(_) => $kind::FIELDS,)*
                    LinkKind::Other(_) => &[],
                }
            }

            /// The attributes that are set.
            pub fn set(&self) -> Vec<&'static Field> {
                match self {
                    $(LinkKind::$kind(kind) => kind.set(),)*
                    LinkKind::Other(_) => Vec::new(),
                }
            }

            /// Whether no attribute is set.
            pub fn is_empty(&self) -> bool {
                match self {
                    $(LinkKind::$kind(kind) => kind.is_empty(),)*
                    LinkKind::Other(_) => true,
                }
            }

            /// Appends the attributes that are set, in the form of `IFLA_INFO_DATA`.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(LinkKind::$kind(kind) => kind.stated().encode(out),)*
                    LinkKind::Other(_) => {}
                }
            }

            /// Reads the `IFLA_INFO_DATA` of a link of this kind.
            pub fn decode(name: &str, data: &[u8]) -> Result<LinkKind, Malformed> {
                $(if name == $kind::FACTS.name {
                    let mut kind = $kind::decode(data)?;
                    kind.add_unreported();
                    return Ok(LinkKind::$kind(kind));
                })*
                Ok(LinkKind::Other(name.into()))
            }
        }

        impl Serialize for KindAttributes<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    $(LinkKind::$kind(kind) => kind.serialize(serializer),)*
                    LinkKind::Other(_) => serializer.serialize_unit(),
                }
            }
        }

        impl<'de> DeserializeSeed<'de> for AttributesOf<'_> {
            type Value = LinkKind;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<LinkKind, D::Error> {
                $(if self.0 == $kind::FACTS.name {
                    return $kind::deserialize(deserializer).map(LinkKind::$kind);
                })*
                Ok(LinkKind::Other(self.0.into()))
            }
        }

        impl Serialize for LinkKind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(LinkKind::$kind(_) if $kind::FIELDS.is_empty() => {
                        serializer.serialize_str(stringify!($kind))
                    })*
                    $(LinkKind::$kind(kind) => {
                        serializer.serialize_newtype_variant("LinkKind", 0, stringify!($kind), kind)
                    })*
                    LinkKind::Other(name) => {
                        serializer.serialize_newtype_variant("LinkKind", 0, "Other", name)
                    }
                }
            }
        }

        impl<'de> Deserialize<'de> for LinkKind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let (name, value) = match OnDisk::deserialize(deserializer)? {
                    OnDisk::Name(name) => (name, serde_json::Value::Object(Default::default())),
                    OnDisk::Named(named) => match named.into_iter().next() {
                        Some(named) => named,
                        None => return Err(D::Error::custom("a link's kind has no name")),
                    },
                };
                let read = match name.as_str() {
                    $(stringify!($kind) => serde_json::from_value(value).map(LinkKind::$kind),)*
                    "Other" => serde_json::from_value(value).map(LinkKind::Other),
                    _ => return Err(D::Error::custom(format!("{name} is no kind of link"))),
                };
                read.map_err(D::Error::custom)
            }
        }
    };
}

use kinds;
