//! An entry of a bridge's or a tunnel's forwarding database (bridge(8), `fdb`): state only.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{LinkName, MacAddress, NetnsName};
use crate::noun::link::Place;
use crate::noun::{
    Change, Condition, Described, FoundBy, How, Key, Lasts, Loose, Loss, Need, Needs, NounFacts,
    Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FdbKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The port or tunnel through which the address is reached.
    pub dev: LinkName,
    /// The station's address.
    pub lladdr: MacAddress,
    /// `NDA_VLAN`; zero if there is none.
    pub vlan: u16,
    /// Whether the entry belongs to the link itself (`NTF_SELF`) and not to its bridge.
    pub own: bool,
    /// `NDA_DST`: the tunnel's far end.
    pub dst: Option<IpAddr>,
}

/// The attributes of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FdbEntry {
    /// `ndm_state`: `NUD_…` bits.
    pub nud: u16,
    /// `ndm_flags`: `NTF_…` bits.
    pub flags: u8,
    /// The bridge of the port.
    pub master: Option<LinkName>,
    /// `NDA_SRC_VNI`.
    pub src_vni: Option<u32>,
    /// `NDA_VNI`.
    pub vni: Option<u32>,
    /// `NDA_PORT`, a UDP port.
    pub port: Option<u16>,
    /// `NDA_IFINDEX`: the link through which the tunnel's packets are sent.
    pub via: Option<LinkName>,
}

/// The facts of a forwarding entry.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = Box<FdbKey>;
    type Object = Box<FdbEntry>;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "forwarding entry",
        removal: Removal::Never,
        lasts: Lasts::WithAll,
        is_needed: false,
        takes_along: false,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(key: &Self::Key) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    fn needs(key: &Self::Key, _: &Self::Object) -> Needs {
        let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
        [Need::of_place(place, How::There)].into()
    }

    fn conditions(_: &Self::Key, _: &Self::Object, _: &mut Vec<Condition>) {}

    fn without(_: &Self::Key, _: &Self::Object, _: &[Condition]) -> Option<Self::Object> {
        None
    }

    fn renamed(key: &Self::Key, entry: &Self::Object, names: Renaming<'_>) -> (Key, Object) {
        let key = FdbKey { dev: names.of(&key.dev), ..(**key).clone() };
        (Key::Fdb(key.into()), Object::Fdb(entry.clone()))
    }

    fn is_lost_with(_: &Self::Key, _: &Self::Object, _: &Loss<'_>) -> bool {
        false
    }

    fn loose(_: &Self::Object) -> Loose {
        Loose::default()
    }

    fn loss(_: &Self::Key) -> Option<Loss<'_>> {
        None
    }

    fn is_automatic(_: &Self::Object) -> bool {
        true
    }

    fn is_of_daemon(_: &Self::Object) -> bool {
        false
    }

    fn satisfies(_: &Self::Key, _: &Self::Object, _: &Self::Object) -> bool {
        true
    }

    fn replaced(_: &Self::Key, _: &Self::Object, _: &Self::Object) -> Replaced {
        Replaced::InPlace
    }

    fn stage(_: &Self::Key, _: &Self::Object) -> (Stage, u8) {
        (Stage::Never, 0)
    }

    fn sets(_: &Self::Key, _: &Self::Object, _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &Self::Key,
        _: &Self::Object,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &Self::Key) -> Option<Self::Key> {
        None
    }

    fn wanted(_: &mut Wanted, _: &Change<'_>) {}

    fn restorable(entry: &Self::Object) -> Self::Object {
        entry.clone()
    }

    fn overlay(entry: &mut Self::Object, other: &Self::Object) {
        *entry = other.clone();
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &Self::Key,
        _: Described<'_, Self::Object>,
    ) -> fmt::Result {
        write!(f, "{} forwarding entry {} dev {}", verb.words()[0], key.lladdr, key.dev)
    }
}
