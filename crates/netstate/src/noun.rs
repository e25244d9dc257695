//! The table of nouns, and the facts that each noun states in its own file.
//!
//! A noun is a kind of kernel object: a namespace, a link, a route. A row of the table names the
//! file with its key, its object and its facts (`NounFacts`). The table generates [`Key`],
//! [`Object`] and every dispatch over them. It serves the other crates in the same way
//! ([`with_nouns`](crate::with_nouns)). A noun that lacks a fact or a file does not compile.

pub mod address;
mod condition;
mod daemons;
mod facts;
pub mod fdb;
pub mod link;
pub mod neighbor;
pub mod netns;
pub mod nexthop;
pub mod route;
pub mod rule;
pub mod sysctl;
mod wanted;
pub(crate) mod without_ip;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{LinkName, NetnsName};

pub use condition::{Condition, Gateway, Outcome, Rule};
pub use facts::{
    Anchor, How, Loose, Need, Needs, goes_with_address, goes_with_down, is_deleted_alone,
    is_needed, is_watched, places, takes_along,
};
pub(crate) use facts::{
    Described, Facts, FoundBy, Lasts, Loss, NounFacts, Removal, Renaming, Replaced, Stage, Verb,
    carriers,
};
pub(crate) use wanted::Change;
pub use wanted::Wanted;

/// Calls the macro `$with` with a row for each noun: its documentation, its name, the stem of its
/// files in every crate, the type of its key, and the type of its object in brackets, which are
/// empty if the key contains everything.
///
/// The order of the rows is that of keys, in which states are walked. An object comes after those
/// that it may need: a reverse walk removes dependents first. Namespaces and links come first.
#[macro_export]
macro_rules! with_nouns {
    ($with:ident) => {
        $with! {
            /// A network namespace.
            Netns netns ($crate::name::NetnsName) [];
            /// A link. It keeps its key when it is moved to another namespace or renamed.
            Link link ($crate::name::LinkId) [Box<$crate::link::Link>];
            /// A kernel parameter, in the form of [`plain_value`](crate::noun::sysctl::plain_value).
            Sysctl sysctl ($crate::sysctl::SysctlKey) [String];
            /// An IP address on a link.
            Address address ($crate::address::AddressKey) [$crate::address::Address];
            /// A neighbour on a link.
            Neighbor neighbor ($crate::neighbor::NeighborKey) [$crate::neighbor::Neighbor];
            /// A forwarding entry; state only.
            Fdb fdb (Box<$crate::fdb::FdbKey>) [Box<$crate::fdb::FdbEntry>];
            /// A nexthop object, which routes name.
            Nexthop nexthop ($crate::nexthop::NexthopKey) [Box<$crate::nexthop::NexthopObject>];
            /// A route. Many routes are alike, and share their attributes.
            Route route ($crate::route::RouteKey) [::std::sync::Arc<$crate::route::Route>];
            /// A rule of the routing policy database.
            Rule rule (Box<$crate::rule::RuleKey>) [Box<$crate::rule::Rule>];
        }
    };
}

/// The pattern `Object::NOUN(object)`, or `Object::NOUN` if the row of
/// [`with_nouns`](crate::with_nouns) has no type for the object.
#[macro_export]
macro_rules! object {
    ($noun:ident, $object:tt, []) => {
        $crate::noun::Object::$noun
    };
    ($noun:ident, $object:tt, [$type:ty]) => {
        $crate::noun::Object::$noun($object)
    };
}

/// The object that the pattern [`object`] has bound; `()` if there is none.
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
        /// The key of an object. An object on a link has the link's place in its key.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Key {
            $($(#[$doc])* $noun($key),)*
        }

        /// An object, desired or observed. Its variant is that of its key.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Object {
            $($(#[$doc])* $noun$(($object))?,)*
        }

        /// A kind of kernel object.
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

            /// Adds to `wanted` what a change needs beyond the keys of its objects.
            pub(crate) fn wanted(self, wanted: &mut Wanted, change: &Change<'_>) {
                match self {
                    $(Noun::$noun => <$stem::Facts as NounFacts>::wanted(wanted, change),)*
                }
            }
        }

        impl Key {
            /// The noun of the key.
            pub fn noun(&self) -> Noun {
                match self {
                    $(Key::$noun(_) => Noun::$noun,)*
                }
            }

            /// The namespace in the key. The key of a namespace or a link contains none.
            pub fn netns(&self) -> Option<&NetnsName> {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::netns(key),)*
                }
            }

            /// The key of the default that this object gets when it is no longer configured.
            pub(crate) fn default_key(&self) -> Option<Key> {
                match self {
                    $(Key::$noun(key) => {
                        let default = <$stem::Facts as NounFacts>::default_key(key)?;
                        Some(Key::$noun(default))
                    })*
                }
            }

            /// The effect of the object's removal on other objects of the link.
            pub(crate) fn loss(&self) -> Option<Loss<'_>> {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::loss(key),)*
                }
            }

            /// Whether the kernel may change other objects along with its object.
            pub(crate) fn is_setter(&self) -> bool {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::is_setter(key),)*
                }
            }

            /// Whether its object stays as it was set.
            pub(crate) fn is_one_way(&self) -> bool {
                match self {
                    $(Key::$noun(key) => <$stem::Facts as NounFacts>::is_one_way(key),)*
                }
            }
        }

        /// What an object needs in addition to its namespace.
        pub fn needs(key: &Key, object: &Object) -> Needs {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    <$stem::Facts as NounFacts>::needs(key, bound!(object, [$($object)?]))
                })*
                _ => Needs::new(),
            }
        }

        /// Adds the conditions for an object to be in the kernel, apart from those of its links.
        pub(crate) fn conditions(key: &Key, object: &Object, conditions: &mut Vec<Condition>) {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::conditions(key, object, conditions)
                })*
                _ => {}
            }
        }

        /// The part of an object that is possible while these conditions are not met.
        pub(crate) fn without(key: &Key, object: &Object, unmet: &[Condition]) -> Option<Object> {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    let less = <$stem::Facts as NounFacts>::without(key, object, unmet);
                    less.map(|less| made!($noun, less, [$($object)?]))
                })*
                _ => None,
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

        pub(crate) fn follows(key: &Key, renamed: &Object, wanted: &Object) -> bool {
            match (key, renamed, wanted) {
                $((
                    Key::$noun(key),
                    object!($noun, renamed, [$($object)?]),
                    object!($noun, wanted, [$($object)?]),
                ) => {
                    let renamed = bound!(renamed, [$($object)?]);
                    let wanted = bound!(wanted, [$($object)?]);
                    <$stem::Facts as NounFacts>::follows(key, renamed, wanted)
                })*
                _ => false,
            }
        }

        pub(crate) fn replaced(key: &Key, seen: &Object, wanted: &Object) -> Replaced {
            match (key, seen, wanted) {
                $((
                    Key::$noun(key),
                    object!($noun, seen, [$($object)?]),
                    object!($noun, wanted, [$($object)?]),
                ) => {
                    let seen = bound!(seen, [$($object)?]);
                    let wanted = bound!(wanted, [$($object)?]);
                    <$stem::Facts as NounFacts>::replaced(key, seen, wanted)
                })*
                _ => Replaced::Recreated,
            }
        }

        /// An object that existed before it was configured, as it must be; none if it is as configured, or its
        /// original.
        pub(crate) fn completed(
            key: &Key,
            configured: Option<&Object>,
            touched: Option<&Object>,
            original: &Object,
        ) -> Option<Object> {
            match (key, original) {
                $((Key::$noun(key), object!($noun, original, [$($object)?])) => {
                    let configured = match configured {
                        Some(object!($noun, object, [$($object)?])) => {
                            Some(bound!(object, [$($object)?]))
                        }
                        _ => None,
                    };
                    let touched = match touched {
                        Some(object!($noun, object, [$($object)?])) => {
                            Some(bound!(object, [$($object)?]))
                        }
                        _ => None,
                    };
                    let original = bound!(original, [$($object)?]);
                    let completed = <$stem::Facts as NounFacts>::completed(
                        key, configured, touched, original,
                    );
                    completed.map(|completed| made!($noun, completed, [$($object)?]))
                })*
                _ => None,
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

        /// What the kernel makes of another object when this one is set.
        pub(crate) fn sets(key: &Key, object: &Object, other: &Key) -> Option<Object> {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::sets(key, object, other)
                })*
                _ => None,
            }
        }

        /// The links that lose IPv6 when an object is set.
        pub(crate) fn switches_off_ipv6(key: &Key, object: &Object) -> Option<Option<LinkName>> {
            match (key, object) {
                $((Key::$noun(key), object!($noun, object, [$($object)?])) => {
                    let object = bound!(object, [$($object)?]);
                    <$stem::Facts as NounFacts>::switches_off_ipv6(key, object)
                })*
                _ => None,
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
            /// Whether the kernel created it, and creates it again when needed.
            pub fn is_automatic(&self) -> bool {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::is_automatic(object)
                    })*
                }
            }

            /// What it may be lost with although it does not name it.
            pub fn loose(&self) -> Loose {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::loose(object)
                    })*
                }
            }

            /// Whether a routing daemon created it. The daemon creates it again by itself.
            pub fn is_of_daemon(&self) -> bool {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::is_of_daemon(object)
                    })*
                }
            }

            /// What remains of it after an object that it needs by its key is gone; none if it
            /// goes too.
            pub(crate) fn remains(&self, gone: &Key) -> Option<Object> {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        let remains = <$stem::Facts as NounFacts>::remains(object, gone)?;
                        Some(made!($noun, remains, [$($object)?]))
                    })*
                }
            }

            /// Whether the kernel removes it when its link loses its carrier.
            pub fn needs_carrier(&self) -> bool {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::needs_carrier(object)
                    })*
                }
            }

            /// Its gateways, and whether each is `onlink`.
            pub fn gateways(&self) -> Vec<(IpAddr, bool)> {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        <$stem::Facts as NounFacts>::gateways(object)
                    })*
                }
            }

            /// The part of it that can be restored.
            pub(crate) fn restorable(&self) -> Object {
                match self {
                    $(object!($noun, object, [$($object)?]) => {
                        let object = bound!(object, [$($object)?]);
                        let restorable = <$stem::Facts as NounFacts>::restorable(object);
                        made!($noun, restorable, [$($object)?])
                    })*
                }
            }

            /// Takes over what `other` sets; an object of another noun replaces this one.
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

/// Overlays one object with another. For nouns without an object type, both are the same.
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

#[cfg(test)]
mod tests;
