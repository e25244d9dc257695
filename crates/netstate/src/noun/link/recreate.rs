//! How a link depends on others, and whether it can be changed to what is wanted.

use super::fields::ETH_DATA_LEN;
use super::{Below, BelowAttribute, Enslaving, Link, LinkBelow, LinkKind, Place};

/// How a link depends on the link below.
pub(crate) fn below(link: &Link) -> Below {
    link.kind.as_ref().map(LinkKind::below).unwrap_or_default()
}

/// Whether a link stays when the link below is removed or leaves its namespace. It then has none.
pub(crate) fn outlives_below(link: &Link) -> bool {
    let attribute = link.facts().and_then(|facts| facts.link_below.attribute());
    attribute.is_some_and(BelowAttribute::is_stored)
}

/// What happens to the links that are enslaved to a link.
pub(crate) fn enslaving(master: &Link) -> Option<Enslaving> {
    master.facts()?.enslaves
}

/// Whether a link follows the MTU of its ports.
pub(crate) fn follows_ports(link: &Link) -> bool {
    link.facts().is_some_and(|facts| facts.mtu_of_ports)
}

/// The least of the ports' MTUs, which a bridge follows; `None` if one of them is not known.
pub(crate) fn least_mtu(ports: impl IntoIterator<Item = Option<u32>>) -> Option<u32> {
    let mut least = None;
    for mtu in ports {
        let mtu = mtu?;
        least = Some(least.map_or(mtu, |least: u32| least.min(mtu)));
    }
    least.or(Some(ETH_DATA_LEN))
}

/// Whether a link must be created again to become what is wanted. `to` returns the desired place of
/// the link that was observed at a place. `is_missing` returns whether the link that is desired at
/// a place does not exist.
pub(crate) fn must_recreate<'p>(
    wanted: &Link,
    seen: &Link,
    to: impl Fn(&Place) -> Option<&'p Place>,
    is_missing: impl Fn(&Place) -> bool,
) -> bool {
    let (Some(kind), Some(seen_kind)) = (&wanted.kind, &seen.kind) else { return false };
    // The move of the other link is no reason. But if another link takes its place, that is one.
    let is_other = |wanted: &Option<Place>, seen: &Option<Place>| match (wanted, seen) {
        (Some(wanted), Some(seen)) => to(seen).unwrap_or(seen) != wanted,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let loses_below = wanted.device.is_none()
        && seen.device.is_some()
        && matches!(kind.facts().link_below, LinkBelow::Optional(_));
    // The other end may be in a namespace without a name, or in one that is removed. It is created
    // again only together with this end.
    let other_mate = match &seen.peer {
        Some(_) => is_other(&wanted.peer, &seen.peer),
        None => wanted.peer.as_ref().is_some_and(is_missing),
    };
    // The kernel looks for the other link where the tunnel was created.
    let home = seen.device.as_ref().unwrap_or(&seen.place);
    let changes_below = kind.facts().changes_whole
        && outlives_below(seen)
        && wanted.device.as_ref().is_none_or(|device| device.netns == home.netns);
    let other_below = match below(seen).survives_move || same_netns(&wanted.device, &seen.device) {
        true => is_other(&wanted.device, &seen.device),
        // A link that is removed by the move of the link below must be created again.
        false => wanted.device.is_some() && wanted.device != seen.device,
    };
    let change = wanted.changes(seen);
    kind.needs_recreation(seen_kind)
        || (!seen_kind.facts().moves && wanted.place.netns != seen.place.netns)
        || change.set().iter().any(|field| field.create_only)
        || other_mate
        || (other_below && !changes_below)
        || loses_below
}

/// Whether both are in the same namespace.
fn same_netns(one: &Option<Place>, other: &Option<Place>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.netns == other.netns)
}
