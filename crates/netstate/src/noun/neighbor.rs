//! A neighbour: the link-layer address of an IP address on a link (`struct ndmsg`, ip-neighbour(8)).

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::name::{LinkName, MacAddress, NetnsName};
use crate::noun::link::Place;
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, How, Key, Lasts, Loose, Loss, Need, Needs, NounFacts,
    Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::{NUD_NOARP, NUD_PERMANENT};

/// The key of a neighbour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NeighborKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The link, by the kernel's name.
    pub dev: LinkName,
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// Whether this is a proxy entry (`NTF_PROXY`): the host answers for the address.
    pub proxy: bool,
}

/// The attributes of a neighbour. A neighbour that the kernel learned is observed, never desired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
#[attribute(header = 12)]
pub struct Neighbor {
    /// The link-layer address.
    #[attribute(NDA_LLADDR)]
    pub lladdr: Option<MacAddress>,
    /// `ndm_state`: one of the `NUD_…` bits (include/uapi/linux/neighbour.h); zero is none.
    #[attribute(header, at = 8)]
    pub nud: Option<u16>,
    /// Whether it is a router.
    #[attribute(header, at = 10, bit = NTF_ROUTER)]
    pub router: Option<bool>,
    /// Whether it should be resolved now. This exists only in requests.
    #[serde(rename = "use")]
    #[attribute(header, at = 10, bit = NTF_USE)]
    pub use_: Option<bool>,
    /// Whether the kernel keeps it resolved.
    #[attribute(NDA_FLAGS_EXT, bit = NTF_EXT_MANAGED, absent = false)]
    pub managed: Option<bool>,
    /// Whether a user-space program has learned it.
    #[attribute(header, at = 10, bit = NTF_EXT_LEARNED)]
    pub extern_learn: Option<bool>,
}

/// The facts of a neighbour.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = NeighborKey;
    type Object = Neighbor;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "neighbour",
        removal: Removal::Deleted,
        lasts: Lasts::WithAll,
        is_needed: false,
        takes_along: false,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(key: &NeighborKey) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    fn needs(key: &NeighborKey, _: &Neighbor) -> Needs {
        let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
        [Need::of_place(place, How::There)].into()
    }

    fn conditions(_: &NeighborKey, _: &Neighbor, _: &mut Vec<Condition>) {}

    fn without(_: &NeighborKey, _: &Neighbor, _: &[Condition]) -> Option<Neighbor> {
        None
    }

    fn renamed(key: &NeighborKey, neighbor: &Neighbor, names: Renaming<'_>) -> (Key, Object) {
        let key = NeighborKey { dev: names.of(&key.dev), ..key.clone() };
        (Key::Neighbor(key), Object::Neighbor(neighbor.clone()))
    }

    /// Neighbours are lost when their link goes down or gets another link-layer address
    /// (`neigh_flush_dev`, net/core/neighbour.c), and those of IPv4 or IPv6 when the link loses that
    /// protocol.
    fn is_lost_with(key: &NeighborKey, _: &Neighbor, loss: &Loss<'_>) -> bool {
        match loss {
            Loss::Down | Loss::LinkLayer => true,
            Loss::LastIpv4Address | Loss::Ipv4 => key.address.is_ipv4(),
            Loss::Ipv6 => key.address.is_ipv6(),
            Loss::Address(_) | Loss::Ipv6Parameters => false,
        }
    }

    fn loose(_: &Neighbor) -> Loose {
        Loose::default()
    }

    fn loss(_: &NeighborKey) -> Option<Loss<'_>> {
        None
    }

    /// A learned neighbour belongs to the kernel.
    fn is_automatic(neighbor: &Neighbor) -> bool {
        neighbor.nud.is_some_and(|nud| nud & (NUD_PERMANENT | NUD_NOARP) == 0)
            && neighbor.managed != Some(true)
            && neighbor.extern_learn != Some(true)
    }

    fn is_of_daemon(_: &Neighbor) -> bool {
        false
    }

    fn satisfies(_: &NeighborKey, seen: &Neighbor, wanted: &Neighbor) -> bool {
        let flag = |seen: Option<bool>, wanted: Option<bool>| {
            wanted.is_none_or(|wanted| seen.unwrap_or_default() == wanted)
        };
        (wanted.lladdr.is_none() || seen.lladdr == wanted.lladdr)
            && (wanted.nud.is_none() || seen.nud == wanted.nud)
            && flag(seen.router, wanted.router)
            && flag(seen.managed, wanted.managed)
            && flag(seen.extern_learn, wanted.extern_learn)
    }

    fn replaced(_: &NeighborKey, _: &Self::Object, _: &Self::Object) -> Replaced {
        Replaced::InPlace
    }

    fn stage(_: &NeighborKey, _: &Neighbor) -> (Stage, u8) {
        (Stage::AfterUp, 2)
    }

    fn sets(_: &NeighborKey, _: &Neighbor, _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &NeighborKey,
        _: &Neighbor,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &NeighborKey) -> Option<NeighborKey> {
        None
    }

    fn wanted(_: &mut Wanted, _: &Change<'_>) {}

    fn restorable(neighbor: &Neighbor) -> Neighbor {
        neighbor.clone()
    }

    fn overlay(neighbor: &mut Neighbor, other: &Neighbor) {
        *neighbor = other.clone();
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &NeighborKey,
        neighbor: Described<'_, Neighbor>,
    ) -> fmt::Result {
        let proxy = if key.proxy { "proxy " } else { "" };
        write!(f, "{} {proxy}neighbour {}", verb.words()[0], key.address)?;
        if let Some(lladdr) = &neighbor.object.lladdr {
            write!(f, " lladdr {lladdr}")?;
        }
        write!(f, " dev {} in {}", key.dev, as_phrase(&key.netns))
    }
}
