//! Whether a link can become what is wanted, or has to be made anew.

use super::{Below, Link, LinkKind, Place};

/// How a link depends on the link below.
pub(crate) fn below(link: &Link) -> Below {
    link.kind.as_ref().map(LinkKind::below).unwrap_or_default()
}

/// Whether a link cannot become what is wanted but by being made anew; `to` tells where the link that was seen at a
/// place is to be, and `is_missing` whether the link that is to be at a place is nowhere.
pub(crate) fn is_anew<'p>(
    wanted: &Link,
    seen: &Link,
    to: impl Fn(&Place) -> Option<&'p Place>,
    is_missing: impl Fn(&Place) -> bool,
) -> bool {
    let (Some(kind), Some(seen_kind)) = (&wanted.kind, &seen.kind) else { return false };
    // That the other link goes elsewhere is no reason; that another takes its place is one.
    let is_other = |wanted: &Option<Place>, seen: &Option<Place>| match (wanted, seen) {
        (Some(wanted), Some(seen)) => to(seen).unwrap_or(seen) != wanted,
        (Some(_), None) => true,
        (None, _) => false,
    };
    // The other end may be in a namespace without a name, or in one that is going. It is made again only along with this
    // end.
    let other_mate = match &seen.peer {
        Some(_) => is_other(&wanted.peer, &seen.peer),
        None => wanted.peer.as_ref().is_some_and(is_missing),
    };
    let other_below = match below(seen).survives_move || same_netns(&wanted.device, &seen.device) {
        true => is_other(&wanted.device, &seen.device),
        // What the move of the link below takes along is made anew.
        false => wanted.device.is_some() && wanted.device != seen.device,
    };
    let change = wanted.changes(seen);
    kind.name() != seen_kind.name()
        || (!seen_kind.facts().moves && wanted.place.netns != seen.place.netns)
        || change.set().iter().any(|field| field.create_only)
        || other_mate
        || other_below
}

/// Whether both are in one namespace.
fn same_netns(one: &Option<Place>, other: &Option<Place>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.netns == other.netns)
}
