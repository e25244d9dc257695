//! The facts that a noun states about its objects, and their types.

use std::fmt;
use std::net::IpAddr;

use smallvec::{SmallVec, smallvec};

use super::address::AddressKey;
use super::condition::Condition;
use super::link::Place;
use super::wanted::{Change, Wanted};
use super::{Key, Object};
use crate::name::{LinkName, NetnsName};

/// The facts of a noun.
pub(crate) trait NounFacts {
    /// The type of its keys.
    type Key;
    /// The type of its objects, without the key.
    type Object;

    /// The facts that are the same for all its objects.
    const FACTS: Facts;

    /// The namespace in the key.
    fn netns(key: &Self::Key) -> Option<&NetnsName>;

    /// What an object needs in addition to its namespace.
    fn needs(key: &Self::Key, object: &Self::Object) -> Needs;

    /// Adds the conditions for an object to be in the kernel, apart from those of its links.
    fn conditions(key: &Self::Key, object: &Self::Object, conditions: &mut Vec<Condition>);

    /// The part of an object that is possible while these conditions are not met; none if nothing
    /// is.
    fn without(key: &Self::Key, object: &Self::Object, unmet: &[Condition])
    -> Option<Self::Object>;

    /// The same object after a link of its namespace was renamed.
    fn renamed(key: &Self::Key, object: &Self::Object, names: Renaming<'_>) -> (Key, Object);

    /// Whether the kernel removes it when this happens to its link.
    fn is_lost_with(key: &Self::Key, object: &Self::Object, loss: &Loss<'_>) -> bool;

    /// What it may be lost with although it does not name it.
    fn loose(object: &Self::Object) -> Loose;

    /// The effect of its removal on other objects of its link.
    fn loss(key: &Self::Key) -> Option<Loss<'_>>;

    /// Whether the kernel created it, and creates it again when needed.
    fn is_automatic(object: &Self::Object) -> bool;

    /// Whether a routing daemon created it. The daemon watches links and creates it again by
    /// itself.
    fn is_of_daemon(object: &Self::Object) -> bool;

    /// Whether the observed object has everything that is wanted.
    fn satisfies(key: &Self::Key, seen: &Self::Object, wanted: &Self::Object) -> bool;

    /// Whether an object that follows its renamed link then has everything that is wanted.
    fn follows(key: &Self::Key, renamed: &Self::Object, wanted: &Self::Object) -> bool {
        Self::satisfies(key, renamed, wanted)
    }

    /// How an object is replaced by another with the same key.
    fn replaced(key: &Self::Key, seen: &Self::Object, wanted: &Self::Object) -> Replaced;

    /// An object that existed before it was configured, as it must be: what is configured, and the rest as it was.
    /// Without a configuration it is given back. What was configured is in `touched`. None if the configuration says
    /// everything, and the original is given back as it was.
    fn completed(
        _: &Self::Key,
        _configured: Option<&Self::Object>,
        _touched: Option<&Self::Object>,
        _original: &Self::Object,
    ) -> Option<Self::Object> {
        None
    }

    /// The stage of a plan in which an object is created, and the order within the stage.
    fn stage(key: &Self::Key, object: &Self::Object) -> (Stage, u8);

    /// What the kernel makes of another object when this one is set.
    fn sets(key: &Self::Key, object: &Self::Object, other: &Key) -> Option<Object>;

    /// Whether [`sets`](NounFacts::sets) can return a value for another object.
    fn is_setter(_: &Self::Key) -> bool {
        false
    }

    /// Whether the kernel does not take back what it was set to, so that it stays when it is no longer configured.
    fn is_one_way(_: &Self::Key) -> bool {
        false
    }

    /// The links of its namespace that lose IPv6 when it is set: this one, or all if none is named.
    fn switches_off_ipv6(_: &Self::Key, _: &Self::Object) -> Option<Option<LinkName>> {
        None
    }

    /// The objects on the same link that the kernel may remove with this one. A plan removes them
    /// first, so that they are removed in any case.
    fn removed_before<'a>(
        key: &Self::Key,
        object: &Self::Object,
        beside: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)>;

    /// The default that this object gets when it is no longer configured and has no original.
    fn default_key(key: &Self::Key) -> Option<Self::Key>;

    /// Adds to `wanted` what a change needs beyond the keys of its objects.
    fn wanted(wanted: &mut Wanted, change: &Change<'_>);

    /// What remains of an object after one that it needs by its key is gone; none if it goes too.
    fn remains(_: &Self::Object, _: &Key) -> Option<Self::Object> {
        None
    }

    /// Whether the kernel removes it when its link loses its carrier.
    fn needs_carrier(_: &Self::Object) -> bool {
        false
    }

    /// Its gateways, and whether each is `onlink`.
    fn gateways(_: &Self::Object) -> Vec<(IpAddr, bool)> {
        Vec::new()
    }

    /// The part of an object that can be restored.
    fn restorable(object: &Self::Object) -> Self::Object;

    /// Takes over what `other` sets.
    fn overlay(object: &mut Self::Object, other: &Self::Object);

    /// The operation as text.
    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &Self::Key,
        object: Described<'_, Self::Object>,
    ) -> fmt::Result;
}

/// The facts that are the same for all objects of a noun.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Its name in a sentence.
    pub(crate) name: &'static str,
    /// How an object is removed.
    pub(crate) removal: Removal,
    /// How long an object on several links lasts.
    pub(crate) lasts: Lasts,
    /// Whether other objects can need it.
    pub(crate) is_needed: bool,
    /// Whether changing or removing it can remove objects of others.
    pub(crate) takes_along: bool,
    /// Whether the monitor must be told its key to watch it.
    pub(crate) is_watched: bool,
    /// Whether the kernel may change others when it is changed.
    pub(crate) sets_others: bool,
    /// How it is found in the kernel.
    pub(crate) found_by: FoundBy,
}

/// When a plan creates or changes an object. Within a stage, an object comes after what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Before everything else.
    Namespaces,
    /// Before links are created, removed and moved.
    BeforeLinks,
    /// After links have their attributes, and before they come up.
    BeforeUp,
    /// After links are up.
    AfterUp,
    /// By separate steps, or not at all.
    Never,
}

/// How an object is found in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBy {
    /// By its key.
    Key,
    /// At one of several places, which [`NounFacts::wanted`] returns.
    Place,
}

/// How an object is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// By an operation of its own, unless it is removed with another object.
    Deleted,
    /// The same, after the objects that need it have been removed or changed.
    DeletedLast,
    /// By separate steps of the plan.
    ByStep,
    /// It cannot be removed, and gets its default value.
    Reset,
    /// It is only observed.
    Never,
}

/// How long an object on several links lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// Until one of them is lost.
    WithAll,
    /// Until all of them are lost.
    WithAny,
}

/// How an object is replaced by another with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// By one request.
    InPlace,
    /// It is removed and created again.
    Recreated,
}

/// What an object needs; usually one thing.
pub type Needs = SmallVec<[Need; 1]>;

/// Another object that this one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The other object.
    pub of: Anchor,
    /// The kind of need.
    pub how: How,
}

/// The object that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The link at this place, with any key.
    Place(Place),
    /// The object with this key.
    Key(Box<Key>),
}

/// How an object needs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It exists only while the other exists.
    There,
    /// It exists only while the other exists and is up.
    Up,
    /// It can be created only if the other exists, and stays when the other is removed.
    Mentioned,
}

impl Need {
    /// The need of the link at a place.
    pub fn of_place(place: Place, how: How) -> Need {
        Need { of: Anchor::Place(place), how }
    }

    /// The need of the object with a key.
    pub fn of_key(key: Key, how: How) -> Need {
        Need { of: Anchor::Key(Box::new(key)), how }
    }

    /// The place, if a link is needed by its place.
    pub(crate) fn into_place(self) -> Option<Place> {
        match self.of {
            Anchor::Place(place) => Some(place),
            Anchor::Key(_) => None,
        }
    }

    /// The place, if a link is needed by its place.
    pub fn place(&self) -> Option<&Place> {
        match &self.of {
            Anchor::Place(place) => Some(place),
            Anchor::Key(_) => None,
        }
    }

    /// The key, if the object is needed by its key.
    pub fn key(&self) -> Option<&Key> {
        match &self.of {
            Anchor::Place(_) => None,
            Anchor::Key(key) => Some(key),
        }
    }
}

/// A link's old and new name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renaming<'a> {
    pub(crate) old: &'a LinkName,
    pub(crate) new: &'a LinkName,
}

impl Renaming<'_> {
    /// The name after the renaming.
    pub(crate) fn of(&self, name: &LinkName) -> LinkName {
        if name == self.old { self.new.clone() } else { name.clone() }
    }
}

/// What happens to a link, so that objects on it may be lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss<'a> {
    /// It goes down.
    Down,
    /// It loses this address.
    Address(&'a AddressKey),
    /// It loses its last IPv4 address, and all of IPv4 with it (`fib_disable_ip`,
    /// net/ipv4/fib_frontend.c).
    LastIpv4Address,
    /// It loses IPv4 because of its MTU (`inetdev_event`, net/ipv4/devinet.c).
    Ipv4,
    /// IPv6 is switched off on it (`addrconf_disable_change`, net/ipv6/addrconf.c).
    Ipv6,
    /// It loses the parameters of IPv6 because of its MTU (`addrconf_ifdown`, net/ipv6/addrconf.c).
    Ipv6Parameters,
    /// Its link-layer address or its ARP mode changes (`neigh_changeaddr`, net/core/neighbour.c).
    LinkLayer,
}

/// What an object may be lost with although it does not name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loose {
    /// Any link of its namespace, because the kernel chose the link.
    pub links: bool,
    /// An address, on any link of its namespace.
    pub address: Option<IpAddr>,
}

impl Loose {
    /// Whether there is anything.
    pub fn is_any(self) -> bool {
        self.links || self.address.is_some()
    }
}

/// The verb of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Replace,
    Delete,
}

impl Verb {
    /// The verb, and its preposition.
    pub(crate) fn words(self) -> [&'static str; 2] {
        match self {
            Verb::Add => ["add", "to"],
            Verb::Replace => ["replace", "of"],
            Verb::Delete => ["delete", "from"],
        }
    }
}

/// The object of an operation; for a change also the object before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described<'a, T> {
    pub(crate) object: &'a T,
    pub(crate) before: Option<&'a T>,
}

/// Whether changing or removing such an object can remove objects of others.
pub fn takes_along(key: &Key) -> bool {
    key.noun().facts().takes_along
}

/// Whether other objects can need it.
pub fn is_needed(key: &Key) -> bool {
    key.noun().facts().is_needed
}

/// Whether the monitor must be told its key to watch it.
pub fn is_watched(key: &Key) -> bool {
    key.noun().facts().is_watched
}

/// Whether it is removed by an operation of its own. If a change of ours removes an object of
/// others of such a noun, it is restored.
pub fn is_deleted_alone(key: &Key) -> bool {
    matches!(key.noun().facts().removal, Removal::Deleted | Removal::DeletedLast)
}

/// The places of the links that an object needs.
pub fn places(key: &Key, object: &Object) -> impl Iterator<Item = Place> + use<> {
    super::needs(key, object).into_iter().filter_map(|need| match need.of {
        Anchor::Place(place) => Some(place),
        Anchor::Key(_) => None,
    })
}

/// Whether the kernel removes the object when its last link goes down.
pub fn goes_with_down(key: &Key, object: &Object) -> bool {
    super::is_lost_with(key, object, &Loss::Down)
}

/// Whether the kernel may remove the object when an address goes from its link.
pub fn goes_with_address(key: &Key, object: &Object) -> bool {
    super::is_lost_with(key, object, &Loss::LastIpv4Address) || object.loose().address.is_some()
}

/// The places of the links with which an object is lost. The kernel keeps IPv6 routes without a
/// nexthop on the loopback (`ip6_route_info_create`, net/ipv6/route.c).
pub(crate) fn carriers(key: &Key, object: &Object) -> SmallVec<[Place; 1]> {
    let places: SmallVec<[Place; 1]> = places(key, object).collect();
    if let Key::Route(route) = key
        && places.is_empty()
        && !matches!(object, Object::Route(route) if route.nhid.is_some())
        && route.prefix.addr().is_ipv6()
        && let Ok(ifname) = "lo".parse()
    {
        return smallvec![Place { netns: route.netns.clone(), ifname }];
    }
    places
}
