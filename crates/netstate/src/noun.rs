//! The table of nouns, and what each noun states about itself in its own file.
//!
//! A noun is a sort of object that the kernel holds: a namespace, a link, a route. A row of the table names the file that
//! holds its key, its object and its facts (`NounFacts`). The table generates [`Key`], [`Object`] and every dispatch over them,
//! and serves the other crates the same way ([`with_nouns`](crate::with_nouns)): a noun that leaves a fact or a place out
//! does not compile.

pub mod address;
pub mod fdb;
pub mod link;
pub mod neighbor;
pub mod netns;
pub mod route;
pub mod rule;
pub mod sysctl;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use self::address::AddressKey;
use self::link::{Link, Place};
use self::route::RouteKey;
use crate::name::{LinkName, NetnsName};
use crate::plan::{Change, Stage};
use crate::southbound::Wanted;

/// Calls the macro `$with` with a row for each noun: its documentation, its name, the stem of its files in every crate,
/// the type of its key, and the type of its object in brackets, empty where the key says it all.
///
/// The order of the rows is that of keys, in which states are walked: an object stands after those that it can need, so
/// that a walk backwards removes what needs others first. Namespaces and links come first.
#[macro_export]
macro_rules! with_nouns {
    ($with:ident) => {
        $with! {
            /// A network namespace.
            Netns netns ($crate::name::NetnsName) [];
            /// A link. It keeps its key when it moves to another namespace or is renamed.
            Link link ($crate::name::LinkId) [Box<$crate::link::Link>];
            /// A kernel parameter; its value as [`plain_value`](crate::noun::sysctl::plain_value) gives it.
            Sysctl sysctl ($crate::sysctl::SysctlKey) [String];
            /// An IP address on a link.
            Address address ($crate::address::AddressKey) [$crate::address::Address];
            /// A neighbour on a link.
            Neighbor neighbor ($crate::neighbor::NeighborKey) [$crate::neighbor::Neighbor];
            /// A forwarding entry; state only.
            Fdb fdb (Box<$crate::fdb::FdbKey>) [$crate::fdb::FdbEntry];
            /// A route.
            Route route ($crate::route::RouteKey) [$crate::route::Route];
            /// A rule of the routing policy database.
            Rule rule ($crate::rule::RuleKey) [$crate::rule::Rule];
        }
    };
}

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
    /// How it is found.
    pub(crate) found_by: FoundBy,
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

/// The pattern `Object::NOUN(object)`, or `Object::NOUN` where the row of [`with_nouns`](crate::with_nouns) leaves the
/// object's type empty.
#[macro_export]
macro_rules! object {
    ($noun:ident, $object:tt, []) => {
        $crate::noun::Object::$noun
    };
    ($noun:ident, $object:tt, [$type:ty]) => {
        $crate::noun::Object::$noun($object)
    };
}

/// The object that the pattern [`object`] has bound; `()` where there is none.
#[macro_export]
macro_rules! bound {
    ($object:ident, []) => {
        &()
    };
    ($object:ident, [$type:ty]) => {
        $object
    };
}

/// `Object::NOUN` of a value.
macro_rules! made {
    ($noun:ident, $value:expr, []) => {{
        let () = $value;
        Object::$noun
    }};
    ($noun:ident, $value:expr, [$type:ty]) => {
        Object::$noun($value)
    };
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $noun:ident $stem:ident ($key:ty) [$($object:ty)?];)*) => {
        /// What an object is called. What is on a link is keyed by where the link is.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Key {
            $($(#[$doc])* $noun($key),)*
        }

        /// What is said of an object, or seen of it. Its variant is that of its key.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Object {
            $($(#[$doc])* $noun$(($object))?,)*
        }

        /// A sort of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Noun {
            $($(#[$doc])* $noun,)*
        }

        impl Noun {
            /// All nouns, in the order of keys.
            pub const ALL: &[Noun] = &[$(Noun::$noun),*];

            pub(crate) fn facts(self) -> &'static Facts {
                match self {
                    $(Noun::$noun => &const { <$stem::Facts as NounFacts>::FACTS },)*
                }
            }

            /// Adds to what is to be observed for a change what the keys of the objects do not say.
            pub(crate) fn wanted(self, wanted: &mut Wanted, change: &Change<'_>) {
                match self {
                    $(Noun::$noun => <$stem::Facts as NounFacts>::wanted(wanted, change),)*
                }
            }
        }

        impl Key {
            /// What it is the key of.
            pub fn noun(&self) -> Noun {
                match self {
                    $(Key::$noun(_) => Noun::$noun,)*
                }
            }

            /// The namespace that it names. A namespace is in none, and a link's key does not tell where the link is.
            pub fn netns(&self) -> Option<&NetnsName> {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::netns(key),)*
                }
            }

            /// The key that this one's object takes its value from when it is no longer configured.
            pub(crate) fn default_key(&self) -> Option<Key> {
                match self {
                    $(Key::$noun(key) => {
                        let default = <$stem::Facts as NounFacts>::default_key(key)?;
                        Some(Key::$noun(default))
                    })*
                }
            }

            /// What the removal of its object is to what else is on the link.
            pub(crate) fn loss(&self) -> Option<Loss<'_>> {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::loss(key),)*
                }
            }

            pub(crate) fn replaced(&self) -> Replaced {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::replaced(key),)*
                }
            }
        }

        /// What an object needs besides its namespace.
        pub fn needs(key: &Key, object: &Object) -> Needs {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    <$stem::Facts as NounFacts>::needs(key, bound!(object, [$($object)?]))
                })*
                _ => Needs::new(),
            }
        }

        pub(crate) fn renamed(key: &Key, object: &Object, names: Renaming<'_>) -> (Key, Object) {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::renamed(key, object, names)
                })*
                (key, object) => (key.clone(), object.clone()),
            }
        }

        pub(crate) fn is_lost_with(key: &Key, object: &Object, loss: &Loss<'_>) -> bool {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::is_lost_with(key, object, loss)
                })*
                _ => false,
            }
        }

        pub(crate) fn satisfies(key: &Key, seen: &Object, wanted: &Object) -> bool {
            match (key, seen, wanted) {
                $((
                    Key::$noun(key),
                    object!($noun, seen, [$($object)?]),
                    object!($noun, wanted, [$($object)?]),
                ) => {
                    let seen = bound!(seen, [$($object)?]);
                    let wanted = bound!(wanted, [$($object)?]);
                    <$stem::Facts as NounFacts>::satisfies(key, seen, wanted)
                })*
                _ => false,
            }
        }

        pub(crate) fn stage(key: &Key, object: &Object) -> (Stage, u8) {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::stage(key, object)
                })*
                _ => (Stage::Never, 0),
            }
        }

        pub(crate) fn removed_before<'a>(
            key: &Key,
            object: &Object,
            beside: &[(&'a Key, &'a Object)],
        ) -> Vec<(&'a Key, &'a Object)> {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::removed_before(key, object, beside)
                })*
                _ => Vec::new(),
            }
        }

        impl Object {
            /// Whether the kernel made it by itself, and makes it again when there is reason.
            pub(crate) fn is_automatic(&self) -> bool {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::is_automatic(object)
                    })*
                }
            }

            /// What it may go with though it does not name it.
            pub fn loose(&self) -> Loose {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::loose(object)
                    })*
                }
            }

            /// Whether a routing daemon made it, which makes it again by itself.
            pub(crate) fn is_of_daemon(&self) -> bool {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::is_of_daemon(object)
                    })*
                }
            }

            /// What can be restored of it.
            pub(crate) fn restorable(&self) -> Object {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        let restorable = <$stem::Facts as NounFacts>::restorable(object);
                        made!($noun, restorable, [$($object)?])
                    })*
                }
            }

            /// Takes over what `other` says, or is replaced by it where that is no object of the same noun.
            pub(crate) fn overlay(&mut self, other: &Object) {
                match (&mut *self, other) {
                    $((object!($noun, object, [$($object)?]), object!($noun, other, [$($object)?])) => {
                        overlaid!($stem, object, other, [$($object)?]);
                    })*
                    _ => *self = other.clone(),
                }
            }
        }

        pub(crate) fn describe(
            f: &mut fmt::Formatter<'_>,
            verb: Verb,
            key: &Key,
            Described { object, before }: Described<'_, Object>,
        ) -> fmt::Result {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    let before = match before {
                        Some(object!($noun, before, [$($object)?])) => {
                            Some(bound!(before, [$($object)?]))
                        }
                        _ => None,
                    };
                    let described = described!(object, before, [$($object)?]);
                    <$stem::Facts as NounFacts>::describe(f, verb, key, described)
                })*
                (key, _) => write!(f, "{} {}", verb.words()[0], key.noun().facts().name),
            }
        }
    };
}

/// Lays one object over another; two that their keys say all of are the same.
macro_rules! overlaid {
    ($stem:ident, $object:ident, $other:ident, []) => {};
    ($stem:ident, $object:ident, $other:ident, [$type:ty]) => {
        <$stem::Facts as NounFacts>::overlay($object, $other)
    };
}

/// The object of an operation.
macro_rules! described {
    ($object:ident, $before:ident, []) => {{
        let _: Option<&()> = $before;
        Described { object: $object, before: None }
    }};
    ($object:ident, $before:ident, [$type:ty]) => {
        Described { object: $object, before: $before }
    };
}

with_nouns!(nouns);

impl Object {
    /// The link, if it is one.
    pub fn link(&self) -> Option<&Link> {
        if let Object::Link(link) = self { Some(link) } else { None }
    }
}

impl Key {
    /// The route's key, if it is one.
    pub fn route(&self) -> Option<&RouteKey> {
        if let Key::Route(key) = self { Some(key) } else { None }
    }
}

/// The places of the links that an object needs.
pub fn places(key: &Key, object: &Object) -> impl Iterator<Item = Place> + use<> {
    needs(key, object).into_iter().filter_map(|need| match need.of {
        Anchor::Place(place) => Some(place),
        Anchor::Key(_) => None,
    })
}

/// Whether objects that others made can go along with a change or the removal of such an object.
pub fn takes_along(key: &Key) -> bool {
    key.noun().facts().takes_along
}

/// Whether other objects can need it.
pub fn is_needed(key: &Key) -> bool {
    key.noun().facts().is_needed
}

/// Whether the monitor is given its name to watch it.
pub fn is_watched(key: &Key) -> bool {
    key.noun().facts().is_watched
}

/// Whether it is removed by an operation of its own: what others have made of such nouns is put back if it goes along with
/// a change of ours.
pub fn is_deleted_alone(key: &Key) -> bool {
    key.noun().facts().removal == Removal::Deleted
}

/// Whether the kernel removes the object when its last link goes down.
pub fn goes_with_down(key: &Key, object: &Object) -> bool {
    is_lost_with(key, object, &Loss::Down)
}

/// Whether the kernel may remove the object when an address goes from its link.
pub fn goes_with_address(key: &Key, object: &Object) -> bool {
    is_lost_with(key, object, &Loss::LastIpv4Address) || object.loose().address.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sorted::link_objects;

    fn key(json: &str) -> Key {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn keys_are_in_the_order_of_the_table() {
        let keys = [
            key(r#"{"Netns": "z"}"#),
            key(r#"{"Link": "y"}"#),
            key(r#"{"Sysctl": {"netns": "x", "path": "net/ipv4/ip_forward"}}"#),
            key(r#"{"Address": {"netns": "x", "dev": "b", "address": "10.0.0.1/8"}}"#),
            key(
                r#"{"Neighbor": {"netns": "x", "dev": "a", "address": "10.0.0.1", "proxy": false}}"#,
            ),
            key(r#"{"Fdb": {"netns": "w", "dev": "a", "lladdr": "02:00:00:00:00:01", "vlan": 0,
                            "own": true, "dst": null}}"#),
            key(
                r#"{"Route": {"netns": "v", "table": 1, "prefix": "10.0.0.0/8", "tos": 0, "metric": 0}}"#,
            ),
            key(r#"{"Rule": {"netns": "u", "pref": 1, "from": "10.0.0.0/8", "to": "0.0.0.0/0",
                             "tos": 0, "fwmark": 0}}"#),
        ];
        assert!(keys.is_sorted());
        let nouns: Vec<Noun> = keys.iter().map(Key::noun).collect();
        assert_eq!(nouns, Noun::ALL, "a noun more needs a key here");
    }

    #[test]
    fn links_are_found_among_all_else() {
        let place = Place { netns: NetnsName::own(), ifname: "l".parse().unwrap() };
        let objects = [
            (key(r#"{"Netns": "z"}"#), Object::Netns),
            (key(r#"{"Link": "l"}"#), Object::Link(Box::new(Link::at(place)))),
            (key(r#"{"Sysctl": {"netns": "1", "path": "net/ipv4/ip_forward"}}"#), {
                Object::Sysctl("1".into())
            }),
        ];
        let objects = objects.into_iter().collect();
        assert_eq!(link_objects(&objects).count(), 1);
    }
}
