//! The facts that a noun states about its objects, and the words in which it states them.

use std::fmt;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::address::AddressKey;
use super::condition::Condition;
use super::link::Place;
use super::wanted::{Change, Wanted};
use super::{Key, Object};
use crate::name::{LinkName, NetnsName};

/// What a noun states about its objects.
pub(crate) trait NounFacts {
    /// What its objects are called.
    type Key;
    /// What there is to one besides its key.
    type Object;

    /// What holds for all of its objects.
    const FACTS: Facts;

    /// The namespace that the key names.
    fn netns(key: &Self::Key) -> Option<&NetnsName>;

    /// What an object needs besides its namespace.
    fn needs(key: &Self::Key, object: &Self::Object) -> Needs;

    /// Adds the conditions that it is in the kernel under, beside those that its links put.
    fn conditions(key: &Self::Key, object: &Self::Object, conditions: &mut Vec<Condition>);

    /// What can be had of it while these conditions are not met; none where that is nothing.
    fn without(key: &Self::Key, object: &Self::Object, unmet: &[Condition])
    -> Option<Self::Object>;

    /// The same object once a link of its namespace goes by another name.
    fn renamed(key: &Self::Key, object: &Self::Object, names: Renaming<'_>) -> (Key, Object);

    /// Whether the kernel removes it when this happens to the link that it is on.
    fn is_lost_with(key: &Self::Key, object: &Self::Object, loss: &Loss<'_>) -> bool;

    /// What it may go with though it does not name it.
    fn loose(object: &Self::Object) -> Loose;

    /// What its removal is to what else is on its link.
    fn loss(key: &Self::Key) -> Option<Loss<'_>>;

    /// Whether the kernel made it by itself, and makes it again when there is reason.
    fn is_automatic(object: &Self::Object) -> bool;

    /// Whether a routing daemon made it, which watches links and makes it again by itself.
    fn is_of_daemon(object: &Self::Object) -> bool;

    /// Whether what was seen is all that is wanted.
    fn satisfies(key: &Self::Key, seen: &Self::Object, wanted: &Self::Object) -> bool;

    /// How an object becomes another by the same key.
    fn replaced(key: &Self::Key) -> Replaced;

    /// When in a plan an object is made, and in which order among those of that stage.
    fn stage(key: &Self::Key, object: &Self::Object) -> (Stage, u8);

    /// What the kernel makes of another object when this one becomes so.
    fn sets(key: &Self::Key, object: &Self::Object, other: &Key) -> Option<Object>;

    /// Which links lose IPv6 when it becomes so, in its namespace: this one, or all where none is named.
    fn switches_off_ipv6(_: &Self::Key, _: &Self::Object) -> Option<Option<LinkName>> {
        None
    }

    /// Those of the objects on the same link that the kernel may remove along with this one. A plan removes them first,
    /// so that they are gone in any case.
    fn removed_before<'a>(
        key: &Self::Key,
        object: &Self::Object,
        beside: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)>;

    /// The object that this one takes its value from when it is no longer configured and had no value before.
    fn default_key(key: &Self::Key) -> Option<Self::Key>;

    /// Adds to what is to be observed for a change what the keys of the objects do not say.
    fn wanted(wanted: &mut Wanted, change: &Change<'_>);

    /// What can be restored of an object.
    fn restorable(object: &Self::Object) -> Self::Object;

    /// Takes over what `other` says.
    fn overlay(object: &mut Self::Object, other: &Self::Object);

    /// The operation in words.
    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &Self::Key,
        object: Described<'_, Self::Object>,
    ) -> fmt::Result;
}

/// What holds for all objects of a noun.
#[derive(Debug)]
pub(crate) struct Facts {
    /// What one is called in a sentence.
    pub(crate) name: &'static str,
    /// How one goes.
    pub(crate) removal: Removal,
    /// How long one lasts that needs several links.
    pub(crate) lasts: Lasts,
    /// Whether other objects can need it.
    pub(crate) is_needed: bool,
    /// Whether objects that others made can go along with a change or the removal of one.
    pub(crate) takes_along: bool,
    /// Whether the monitor is given its name to watch it.
    pub(crate) is_watched: bool,
    /// Whether the kernel may alter others when one is altered.
    pub(crate) sets_others: bool,
    /// How it is found.
    pub(crate) found_by: FoundBy,
}

/// When in a plan an object is made or altered. Within a stage what an object needs comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Before all else.
    Namespaces,
    /// Before links come, go and move.
    BeforeLinks,
    /// Once links have their properties, before they come up.
    BeforeUp,
    /// Once links are up.
    AfterUp,
    /// By steps of its own, or not at all.
    Never,
}

/// How an object is found in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBy {
    /// By its key.
    Key,
    /// At one of several places, which [`NounFacts::wanted`] names.
    Place,
}

/// How an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// By an operation of its own, unless it goes along with another.
    Deleted,
    /// By steps of a plan that are about its noun alone.
    ByStep,
    /// It cannot go; it takes its default.
    Reset,
    /// It is only ever observed.
    Never,
}

/// How long an object lasts that needs several links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// As long as all of them.
    WithAll,
    /// As long as any of them.
    WithAny,
}

/// How an object becomes another by the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// By one request.
    InPlace,
    /// It is removed and made again.
    Anew,
}

/// What an object needs: mostly one thing.
pub type Needs = SmallVec<[Need; 1]>;

/// Another object that one cannot be without, or is not made without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Which.
    pub of: Anchor,
    /// And how.
    pub how: How,
}

/// Which object another needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The link at this place, whatever its key.
    Place(Place),
    /// The object of this key.
    Key(Box<Key>),
}

/// How an object needs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is there only while that is there.
    There,
    /// It is there only while that is there and up.
    Up,
    /// It is made only once that is there, and stays when that goes.
    Mentioned,
}

impl Need {
    /// The need of the link at a place.
    pub fn of_place(place: Place, how: How) -> Need {
        Need { of: Anchor::Place(place), how }
    }

    /// The need of the object of a key.
    pub fn of_key(key: Key, how: How) -> Need {
        Need { of: Anchor::Key(Box::new(key)), how }
    }

    /// The place of the link, where it is a link that is needed.
    pub(crate) fn into_place(self) -> Option<Place> {
        match self.of {
            Anchor::Place(place) => Some(place),
            Anchor::Key(_) => None,
        }
    }

    /// The place of the link, where it is a link that is needed.
    pub fn place(&self) -> Option<&Place> {
        match &self.of {
            Anchor::Place(place) => Some(place),
            Anchor::Key(_) => None,
        }
    }

    /// The key of the object, where it is needed by its key.
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
    /// The name that the link of that name has afterwards.
    pub(crate) fn of(&self, name: &LinkName) -> LinkName {
        if name == self.old { self.new.clone() } else { name.clone() }
    }
}

/// What happens to a link, with which an object may be lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss<'a> {
    /// It goes down.
    Down,
    /// This address goes from it.
    Address(&'a AddressKey),
    /// The last IPv4 address goes from it: it has no IPv4 at all (`fib_disable_ip`, net/ipv4/fib_frontend.c).
    LastIpv4Address,
    /// IPv6 is switched off on it (`addrconf_disable_change`, net/ipv6/addrconf.c).
    Ipv6,
}

/// What an object may go with though it does not name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loose {
    /// Any link of its namespace: the kernel found it one.
    pub links: bool,
    /// An address, be it of any link of its namespace.
    pub address: Option<IpAddr>,
}

impl Loose {
    /// Whether there is anything.
    pub fn is_any(self) -> bool {
        self.links || self.address.is_some()
    }
}

/// What an operation does, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Replace,
    Delete,
}

impl Verb {
    /// The word, and the preposition that goes with it.
    pub(crate) fn words(self) -> [&'static str; 2] {
        match self {
            Verb::Add => ["add", "to"],
            Verb::Replace => ["replace", "of"],
            Verb::Delete => ["delete", "from"],
        }
    }
}

/// The object of an operation; of one that changes it also as it was before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described<'a, T> {
    pub(crate) object: &'a T,
    pub(crate) before: Option<&'a T>,
}
