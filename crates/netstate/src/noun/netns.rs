//! A network namespace (ip-netns(8), network_namespaces(7)): a name in `/run/netns`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::name::NetnsName;
use crate::noun::{
    Change, Condition, Described, FoundBy, Key, Lasts, Loose, Loss, Needs, NounFacts, Object,
    Removal, Renaming, Replaced, Stage, Verb, Wanted,
};

/// The facts of a namespace.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = NetnsName;
    type Object = ();

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "namespace",
        removal: Removal::ByStep,
        lasts: Lasts::WithAll,
        is_needed: true,
        takes_along: false,
        is_watched: true,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(_: &Self::Key) -> Option<&NetnsName> {
        None
    }

    fn needs(_: &Self::Key, (): &()) -> Needs {
        Needs::new()
    }

    fn conditions(_: &Self::Key, (): &(), _: &mut Vec<Condition>) {}

    fn without(_: &Self::Key, (): &(), _: &[Condition]) -> Option<()> {
        None
    }

    fn renamed(key: &Self::Key, (): &(), _: Renaming<'_>) -> (Key, Object) {
        (Key::Netns(key.clone()), Object::Netns)
    }

    fn is_lost_with(_: &Self::Key, (): &(), _: &Loss<'_>) -> bool {
        false
    }

    fn loose((): &()) -> Loose {
        Loose::default()
    }

    fn loss(_: &Self::Key) -> Option<Loss<'_>> {
        None
    }

    fn is_automatic((): &()) -> bool {
        false
    }

    fn is_of_daemon((): &()) -> bool {
        false
    }

    fn satisfies(_: &Self::Key, (): &(), (): &()) -> bool {
        true
    }

    fn replaced(_: &Self::Key, _: &Self::Object, _: &Self::Object) -> Replaced {
        Replaced::InPlace
    }

    fn stage(_: &Self::Key, (): &()) -> (Stage, u8) {
        (Stage::Namespaces, 0)
    }

    fn sets(_: &Self::Key, (): &(), _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &Self::Key,
        (): &(),
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &Self::Key) -> Option<Self::Key> {
        None
    }

    /// All links of a namespace that must be removed. It can be removed only if all of them are its
    /// own.
    fn wanted(wanted: &mut Wanted, change: &Change<'_>) {
        let names = |objects: &BTreeMap<Key, Object>| -> BTreeSet<NetnsName> {
            let name =
                |key: &Key| if let Key::Netns(name) = key { Some(name.clone()) } else { None };
            objects.keys().map_while(name).collect()
        };
        wanted.occupants =
            names(change.touched).difference(&names(change.desired)).cloned().collect();
    }

    fn restorable((): &()) {}

    fn overlay((): &mut (), (): &()) {}

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &Self::Key,
        _: Described<'_, ()>,
    ) -> fmt::Result {
        let verb = if verb == Verb::Add { "create" } else { verb.words()[0] };
        write!(f, "{verb} namespace {key}")
    }
}

/// The namespace as a phrase in a sentence.
pub(crate) fn as_phrase(netns: &NetnsName) -> String {
    match netns.is_own() {
        true => "the host's namespace".into(),
        false => netns.to_string(),
    }
}
