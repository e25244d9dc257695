//! The places where a link is looked for, and what is observed with it.

use std::collections::BTreeMap;

use super::{IPV6_MIN_MTU, Link, Place, identity, link, link_objects, links};
use crate::name::{LinkId, LinkName, NetnsName};
use crate::noun::{Change, Key, Wanted};

/// Adds the links of a change, each with its possible places; and the objects on them, unless these
/// are certain to stay.
pub(super) fn wanted(wanted: &mut Wanted, change: &Change<'_>) {
    for objects in change.states() {
        for (key, link) in link_objects(objects) {
            let Key::Link(id) = key else { continue };
            let places = wanted.links.entry(id.clone()).or_default();
            for place in candidates(id, link) {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
    }
    wanted.marks = identity::marks(change);
    let comes = |(id, seen): &(&LinkId, &Link)| {
        link(change.touched, id).is_none_or(|before| before.place.netns != seen.place.netns)
    };
    let home = |(id, link): (&LinkId, &Link)| (id.clone(), link.place.netns.clone());
    wanted.homes = links(change.desired).filter(comes).map(home).collect();
    let is_small = |link: &Link| link.attributes.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU);
    let becomes_small = |(id, wanted): &(&LinkId, &Link)| {
        let was_small = |objects| link(objects, id).is_none_or(is_small);
        is_small(wanted)
            && (!link(change.touched, id).is_some_and(is_small)
                || change.seen.is_some_and(|seen| !was_small(seen)))
    };
    let small = links(change.desired).filter(becomes_small);
    wanted.small = small.map(|(id, _)| id.clone()).collect();
    let returns_to_speed = |(id, wanted): &(&LinkId, &Link)| {
        let before = link(change.touched, id).map(|before| before.port.by_speed().set());
        let still = wanted.port.by_speed().set();
        before.into_iter().flatten().any(|field| !still.contains(&field))
    };
    let by_speed = links(change.desired).filter(returns_to_speed);
    wanted.speeds = by_speed.map(|(id, _)| id.clone()).collect();
    // A link of others may leave its bridge, and returns to it with its VLANs.
    let may_have_vlans = |(_, link): &(&LinkId, &Link)| link.vlans.is_some() || link.is_adopted();
    let with_vlans = change.states().into_iter().flat_map(links).filter(may_have_vlans);
    wanted.vlans = with_vlans.map(|(id, _)| id.clone()).collect();
    // The end of a pair that is no longer configured stays with the other one.
    let returns_to_host = |(id, before): &(&LinkId, &Link)| {
        let [before, wanted] = [Some(*before), link(change.desired, id)].map(|link| {
            link.map(|link| [link.attributes.numtxqueues, link.attributes.numrxqueues])
        });
        let (before, wanted) = (before.unwrap_or_default(), wanted.unwrap_or_default());
        before.iter().zip(wanted).any(|(before, wanted)| before.is_some() && wanted.is_none())
    };
    let to_host = links(change.touched).filter(returns_to_host);
    wanted.queues = to_host.map(|(id, _)| id.clone()).collect();
    // Removing an object may remove objects of others on its link.
    let mut keys =
        change.touched.keys().chain(change.seen.into_iter().flatten().map(|(key, _)| key));
    if wanted.occupants.is_empty() && !keys.any(|key| change.may_take_along(key)) {
        wanted.outcome = outcome(change);
    }
}

/// The temporary name of a link while another one still has its new name.
pub fn temporary_name(id: &LinkId) -> Option<LinkName> {
    // FNV-1a: the same name in every process, so that a link is found again after a crash.
    let hash = id
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("aside-{hash:08x}").parse().ok()
}

/// The possible places of a link: its place in this state, the same with its temporary name, and
/// the host's namespace, where NICs appear and to which they return.
fn candidates(id: &LinkId, link: &Link) -> Vec<Place> {
    let place = &link.place;
    // Each namespace has its own loopback, which cannot move.
    if place.ifname.as_str() == "lo" {
        return vec![place.clone()];
    }
    let aside =
        |netns: &NetnsName| temporary_name(id).map(|ifname| Place { netns: netns.clone(), ifname });
    let home = |ifname| Place { netns: NetnsName::own(), ifname };
    let mut places = vec![place.clone()];
    // Only an existing link can come from elsewhere. There it may still have the name that is its
    // key.
    if link.is_adopted() {
        places.push(home(place.ifname.clone()));
        places.extend(id.as_str().parse().ok().map(home));
    }
    places.extend(aside(&place.netns));
    places
}

/// The links that must become as desired and have no original.
fn outcome(change: &Change<'_>) -> BTreeMap<LinkId, Box<Link>> {
    let is_all = |id: &LinkId, wanted: &Link| {
        let before = link(change.touched, id);
        let adds_nothing = before.is_none_or(|before| {
            let mut both = before.clone();
            both.overlay(wanted);
            both == *wanted
        });
        let original = link(change.originals, id);
        let stays = original.is_none_or(|original| {
            // On a link that has come from another namespace is nothing that was there before.
            let is_known =
                original.place == wanted.place || original.place.netns != wanted.place.netns;
            is_known && before.is_some_and(|before| before.place == wanted.place)
        });
        adds_nothing && stays
    };
    let links = links(change.desired).filter(|(id, link)| is_all(id, link));
    links.map(|(id, link)| (id.clone(), Box::new(link.clone()))).collect()
}
