//! The identity of links that others have renamed or moved.
//!
//! A link is first looked for at its places. A link that existed before and is missing there may be
//! elsewhere. The kernel crate recognizes it by its properties, and [`Wanted::identify`] decides
//! which links count.

use std::collections::{BTreeMap, BTreeSet};

use super::{Link, LinkKind, Place};
use crate::name::{LinkId, MacAddress, NetnsName};
use crate::noun::netns::as_phrase;
use crate::noun::{Change, Key, Object, Wanted};

/// What is known of a link that may have been applied before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// The place of the other end of its veth pair, which knows where this end is.
    pub peer: Option<Place>,
    /// The link before it was configured; none for a link that the configuration has created.
    pub original: Option<Before>,
}

/// A link before it was configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// The namespaces in which it may have kept its index.
    pub namespaces: BTreeSet<NetnsName>,
    /// `ifi_index`.
    pub index: u32,
    /// The name of its kind.
    pub kind: String,
    /// The link-layer addresses that it may have.
    pub addresses: BTreeSet<MacAddress>,
}

/// What is known of the links of `change` that may have been applied before.
pub(super) fn marks(change: &Change<'_>) -> BTreeMap<LinkId, Mark> {
    let mark = |(id, touched): (&LinkId, &Link)| {
        let original = change.originals.get(&Key::Link(id.clone())).and_then(Object::link);
        let mark = Mark {
            peer: touched.peer.clone(),
            original: original.and_then(|original| before(original, touched)),
        };
        (id.clone(), mark)
    };
    // Each namespace has its own loopback, which cannot move.
    let is_own = |(_, link): &(&LinkId, &Link)| link.place.ifname.as_str() != "lo";
    super::links(change.touched).filter(is_own).map(mark).collect()
}

fn before(original: &Link, touched: &Link) -> Option<Before> {
    let addresses = [original, touched].map(|link| link.attributes.mac_address.clone());
    Some(Before {
        namespaces: [original, touched].map(|link| link.place.netns.clone()).into(),
        index: original.attributes.index?,
        kind: original.kind.as_ref().map_or("", LinkKind::name).to_owned(),
        addresses: addresses.into_iter().flatten().collect(),
    })
}

impl Wanted {
    /// Assigns an identity to each link, given the links at their places and those that were
    /// recognized elsewhere.
    ///
    /// If its place is free, a link is the one that was recognized elsewhere. A foreign link at its
    /// place counts as the link itself, because it cannot be moved away. A link at the place of
    /// another one counts as that one, unless that one was recognized elsewhere too (others have
    /// swapped names), or was never applied.
    pub fn identify<'w, H: Clone + Ord>(
        &self,
        mut at_places: BTreeMap<&'w LinkId, H>,
        mut recognized: BTreeMap<&'w LinkId, H>,
    ) -> BTreeMap<&'w LinkId, H> {
        let mut holders: BTreeMap<H, Vec<&LinkId>> = BTreeMap::new();
        for (id, link) in &at_places {
            holders.entry(link.clone()).or_default().push(id);
        }
        loop {
            let mut links = BTreeSet::new();
            let twice: BTreeSet<&LinkId> = recognized
                .iter()
                .filter(|(_, link)| !links.insert(*link))
                .map(|(id, _)| *id)
                .collect();
            let counts = |id: &LinkId, link: &H| {
                let by_stranger = at_places.get(id).is_some_and(|other| !links.contains(other));
                let is_taken = holders.get(link).into_iter().flatten().any(|other| {
                    *other != id
                        && self.marks.contains_key(*other)
                        && !recognized.contains_key(other)
                });
                !by_stranger && !is_taken && !twice.contains(id)
            };
            let refuted: Vec<&LinkId> = recognized
                .iter()
                .filter(|(id, link)| !counts(id, link))
                .map(|(id, _)| *id)
                .collect();
            if refuted.is_empty() {
                break;
            }
            refuted.iter().for_each(|id| drop(recognized.remove(id)));
        }
        let links: BTreeSet<&H> = recognized.values().collect();
        at_places.retain(|_, link| !links.contains(link));
        at_places.extend(recognized.iter().map(|(id, link)| (*id, link.clone())));
        at_places
    }
}

/// Whether others have renamed or moved a link, so that it is not where it is looked for.
pub fn is_displaced(wanted: &Wanted, id: &LinkId, place: &Place) -> bool {
    wanted.links.get(id).is_some_and(|places| !places.contains(place))
}

/// What others have done to a link that should be at `wanted` and is at `now`, as text.
pub fn displacement(wanted: &Place, now: &Place) -> String {
    match (wanted.netns == now.netns, wanted.ifname == now.ifname) {
        (true, _) => format!("renamed to {}", now.ifname),
        (false, true) => format!("moved to {}", as_phrase(&now.netns)),
        (false, false) => format!("moved to {} as {}", as_phrase(&now.netns), now.ifname),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Links are written `NAME=HANDLE`: those at their places, those that were recognized, and the
    /// result. All except `new` have been applied before.
    #[track_caller]
    fn check(at_places: &str, recognized: &str, expected: &str) {
        let ids: Vec<LinkId> = ["a", "b", "c", "new"].map(|id| id.parse().unwrap()).into();
        let read = |text: &str| -> BTreeMap<&LinkId, String> {
            let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
            let id = |name: &str| ids.iter().find(|id| id.as_str() == name).unwrap();
            pairs.map(|(name, link)| (id(name), link.to_owned())).collect()
        };
        let applied = ids.iter().filter(|id| id.as_str() != "new");
        let marks = applied.map(|id| (id.clone(), Mark::default())).collect();
        let wanted = Wanted { marks, ..Wanted::default() };
        assert_eq!(wanted.identify(read(at_places), read(recognized)), read(expected));
    }

    #[test]
    fn links_with_the_same_name_are_distinguished() {
        check("a=1 b=2", "", "a=1 b=2");
        check("b=2", "a=1", "a=1 b=2");
        // Another link has taken its place.
        check("a=9 b=2", "a=1", "a=9 b=2");
        // Names are swapped, or passed on.
        check("a=2 b=1", "a=1 b=2", "a=1 b=2");
        check("b=1", "a=1 b=2", "a=1 b=2");
        check("a=2 b=3 c=1", "a=1 b=2 c=3", "a=1 b=2 c=3");
        // Nothing is known of the other link, so it is the one at its place.
        check("b=1", "a=1", "b=1");
        check("a=2 b=1", "a=1", "a=2 b=1");
        // It was never applied, so it does not own the place yet.
        check("new=1", "a=1", "a=1");
        check("", "a=1 b=1", "a=1");
    }
}
