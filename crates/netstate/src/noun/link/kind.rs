//! The table of link kinds, and what each kind states about itself in its own file.
//!
//! A kind is a struct of its attributes (`IFLA_INFO_DATA`) with the trait `Kind` for its facts. The table generates the enum
//! [`LinkKind`] and every dispatch over it, so that a kind that leaves a fact out does not compile.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::attribute::{Attributes, Field, Fields, Malformed};
use crate::noun::link::{Bridge, Dummy, Ifb, LinkAttributes, LinkFlags, Tun, Veth, Vlan, Vxlan};

kinds! {
    /// One end of a virtual Ethernet cable (veth(4)).
    Veth
    /// Drops what is sent to it.
    Dummy
    /// An intermediate functional block, for redirection by tc.
    Ifb
    /// A tunnel device of a user's program.
    Tun
    /// An Ethernet bridge.
    Bridge
    /// A VXLAN tunnel end point.
    Vxlan
    /// A VLAN on another link.
    Vlan
}

/// What a kind states about itself beyond its attributes.
pub(crate) trait Kind:
    Attributes + Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned
{
    /// What holds for every link of the kind.
    const FACTS: KindFacts;

    /// The fewest attributes that the kernel makes a link of the kind with.
    fn minimal() -> Self;

    /// The attributes that the kernel gives a new link of the kind. One that depends on the host is `None`.
    fn kernel_default() -> Self;

    /// What the kernel gives a new link of the kind besides; `on_link` tells whether it has a link below.
    fn new_device(&self, on_link: bool) -> NewDevice;

    /// How it depends on the link below.
    fn below(&self) -> Below;
}

/// What holds for every link of a kind.
#[derive(Debug)]
pub struct KindFacts {
    /// `IFLA_INFO_KIND`, which is also the type's name in ip-link(8).
    pub name: &'static str,
    /// How the kernel is asked to make one.
    pub created_by: CreatedBy,
    /// Whether it has a link below, and where a message names that.
    pub link_below: LinkBelow,
    /// Whether other links can be enslaved to it.
    pub enslaves: bool,
    /// Whether it is one of two ends that the kernel makes and removes together.
    pub paired: bool,
    /// Whether it can move to another namespace (`netns_immutable`, include/linux/netdevice.h).
    pub moves: bool,
    /// When a new link is told its MTU.
    pub mtu: MtuAtCreation,
}

/// How the kernel is asked to make a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedBy {
    /// By `RTM_NEWLINK`.
    Netlink,
    /// By `TUNSETIFF` on `/dev/net/tun` (Documentation/networking/tuntap.rst).
    TunDevice,
}

/// Whether a link has another below it, and where a message names that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkBelow {
    /// It stands on no other link.
    Never,
    /// It may stand on one.
    Optional(BelowAttribute),
    /// It cannot be made without.
    Required(BelowAttribute),
}

/// The attribute that names the link below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BelowAttribute {
    /// `IFLA_LINK`.
    IflaLink,
    /// This attribute of `IFLA_INFO_DATA`: a tunnel's underlay.
    InfoData(u16),
}

impl LinkBelow {
    /// The attribute that names it.
    pub fn attribute(self) -> Option<BelowAttribute> {
        match self {
            LinkBelow::Never => None,
            LinkBelow::Optional(attribute) | LinkBelow::Required(attribute) => Some(attribute),
        }
    }
}

/// When a new link is told its MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtuAtCreation {
    /// In the request that makes it.
    Told,
    /// In a request of its own that follows: the kernel's refusal of the first one would have no words.
    ToldNext,
    /// By an operation of its own, once the links that its MTU follows (ports, the link below) have theirs.
    Follows,
}

/// What the kernel gives a new link whatever its kind's attributes are.
#[derive(Clone, Debug, Default)]
pub struct NewDevice {
    /// Attributes that do not depend on the host.
    pub attributes: LinkAttributes,
    /// Interface flags, likewise.
    pub flags: LinkFlags,
}

/// How a link depends on the link below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// It can only be up while the link below is, and goes down with it.
    pub needs_up: bool,
    /// It comes up by itself when the link below does.
    pub raised_along: bool,
    /// Its MTU is at most that of the link below, which cuts it.
    pub mtu_within: bool,
    /// It stays when the link below moves to another namespace; else the kernel removes it.
    pub survives_move: bool,
}

/// What holds for links that Netloom does not make.
const FOREIGN: KindFacts = KindFacts {
    name: "",
    created_by: CreatedBy::Netlink,
    link_below: LinkBelow::Optional(BelowAttribute::IflaLink),
    enslaves: true,
    paired: false,
    moves: true,
    mtu: MtuAtCreation::Told,
};

impl LinkKind {
    /// Whether Netloom makes links of the kind.
    pub fn is_made(&self) -> bool {
        !matches!(self, LinkKind::Other(_))
    }

    /// The kind with an article: `a veth`, `an ifb`, `a device` where it has no kind.
    pub fn with_article(&self) -> String {
        match self.name() {
            "" => "a device".into(),
            name if name.starts_with(['a', 'e', 'i', 'o']) => format!("an {name}"),
            name => format!("a {name}"),
        }
    }
}

/// A kind's attributes alone, to be written.
#[derive(Clone, Copy, Debug)]
pub struct KindAttributes<'k>(pub &'k LinkKind);

/// Reads the attributes of the kind of this name (`IFLA_INFO_KIND`).
#[derive(Clone, Copy, Debug)]
pub struct AttributesOf<'n>(pub &'n str);

/// A kind on disk: its name alone where it has no attributes, or its name with them.
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
            /// A kind that Netloom does not make; its `IFLA_INFO_KIND`, empty for a device without one (a NIC, `lo`).
            Other(String),
        }

        impl LinkKind {
            /// The kinds that Netloom makes, each with the fewest attributes that the kernel makes a link of it with.
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

            /// What holds for every link of the kind.
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

            /// The kind with the attributes that the kernel gives a new link of it.
            pub(crate) fn kernel_default(&self) -> LinkKind {
                match self {
                    $(LinkKind::$kind(_) => LinkKind::$kind($kind::kernel_default()),)*
                    LinkKind::Other(name) => LinkKind::Other(name.clone()),
                }
            }

            /// What the kernel gives a new link of the kind besides; nothing is known of links that Netloom does not make.
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

            /// Takes over the attributes that are set in `other`, or `other` whole where it is of another kind.
            pub(crate) fn overlay(&mut self, other: &LinkKind) {
                match (&mut *self, other) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(other)) => return kind.overlay(other),)*
                    _ => {}
                }
                if self.name() != other.name() {
                    *self = other.clone();
                }
            }

            /// What is set here and is not so in `observed`, if anything.
            pub(crate) fn changes(&self, observed: &LinkKind) -> Option<LinkKind> {
                let changes = match (self, observed) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(seen)) => {
                        LinkKind::$kind(kind.changes(seen))
                    })*
                    (kind, _) => kind.clone(),
                };
                (!changes.is_empty()).then_some(changes)
            }

            /// Puts every attribute that `mask` sets to what `base` has for it.
            pub(crate) fn restore(&mut self, mask: &LinkKind, base: &LinkKind) {
                match (self, mask, base) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(mask), LinkKind::$kind(base)) => {
                        kind.overlay(&base.only(mask));
                    })*
                    _ => {}
                }
            }

            /// The attributes that are set in `mask` too; none where that is of another kind.
            pub(crate) fn only(&self, mask: &LinkKind) -> LinkKind {
                match (self, mask) {
                    $((LinkKind::$kind(kind), LinkKind::$kind(mask)) => {
                        LinkKind::$kind(kind.only(mask))
                    })*
                    (kind, _) => kind.plain(),
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

            /// Appends the attributes that are set, as `IFLA_INFO_DATA` holds them.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(LinkKind::$kind(kind) => kind.encode(out),)*
                    LinkKind::Other(_) => {}
                }
            }

            /// Reads the content of `IFLA_INFO_DATA` of a link of the kind of that name.
            pub fn decode(name: &str, data: &[u8]) -> Result<LinkKind, Malformed> {
                $(if name == $kind::FACTS.name {
                    return $kind::decode(data).map(LinkKind::$kind);
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
