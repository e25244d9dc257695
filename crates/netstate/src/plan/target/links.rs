//! The desired state of a link: as it is configured, or its original.

use std::collections::BTreeMap;

use super::past::Past;
use crate::name::LinkId;
use crate::noun::link::{Link, LinkKind, Master, Place, Port, below, link_objects, must_recreate};
use crate::noun::netns::as_phrase;
use crate::noun::{Key, Object};
use crate::plan::PlanError;
use crate::state::Entry;

/// A configured link. It starts as observed, fields that are no longer configured are restored, and
/// the configured fields are applied. `to` returns the desired place of the link that was observed
/// at a place. `is_missing` returns whether the link that is desired at a place does not exist.
pub(super) fn configured<'a>(
    id: &LinkId,
    desired: &'a Link,
    past: &Past<'_>,
    (to, is_missing): (impl Fn(&Place) -> Option<&'a Place>, impl Fn(&Place) -> bool),
) -> Result<Link, PlanError> {
    let refuse = |reason| Err(PlanError { key: Key::Link(id.clone()), reason });
    let (touched, original) = (past.touched_link(), past.original_link());
    let Some(observed) = past.observed_link() else {
        return match (&desired.kind, Link::loopback(&desired.place)) {
            (Some(_), _) => Ok(made(desired.clone())),
            // The loopback is created with its namespace.
            (None, Some(mut loopback)) => {
                loopback.overlay(desired);
                Ok(loopback)
            }
            (None, None) => refuse(format!(
                "there is no link {} in {}, and no type to make it by",
                desired.place.ifname,
                as_phrase(&desired.place.netns),
            )),
        };
    };
    if let (Some(wanted), Some(seen)) = (&desired.kind, &observed.kind)
        && wanted.name() != seen.name()
        && (past.original.is_some() || past.touched.is_none())
    {
        return refuse(format!(
            "{} exists already in {}, as {}, and is not ours to make anew as {}",
            observed.place.ifname,
            as_phrase(&observed.place.netns),
            seen.with_article(),
            wanted.with_article(),
        ));
    }
    let mut link = observed.clone();
    let mut new = Link {
        kind: observed.kind.as_ref().map(LinkKind::plain),
        ..Link::at(desired.place.clone())
    };
    if let Some(touched) = touched {
        let base = original.cloned().unwrap_or_else(|| observed.kernel_default());
        link.restore(&touched.shown_in(observed), &base);
        new.restore(touched, &base);
    }
    new.overlay(desired);
    if must_recreate(&new, observed, to, is_missing) {
        return match past.original {
            None => Ok(made(new)),
            Some(_) => refuse(format!(
                "{} was there before in {} and is not ours to make anew, as {} would need",
                observed.place.ifname,
                as_phrase(&observed.place.netns),
                new.changes(observed).created_by(),
            )),
        };
    }
    if let Some(original) = original
        && (original.place != desired.place
            || touched.is_none_or(|touched| touched.place != desired.place))
    {
        // Moving or renaming the link takes it down, and moving it frees it from its master.
        link.flags.up = original.flags.up;
        if observed.place.netns != desired.place.netns {
            link.master = None;
        }
    }
    link.overlay(desired);
    // The port attributes belong to the bridge. On another bridge they start with the defaults.
    link.port = match &link.master {
        Some(Master::Of(_)) if link.master == observed.master => new.port,
        Some(Master::Of(_)) => desired.port.clone(),
        Some(Master::Free) | None => Port::default(),
    };
    Ok(link)
}

/// A new link is down unless it is configured to be up, even if it would come up with the link
/// below.
fn made(mut link: Link) -> Link {
    link.flags.up.get_or_insert(false);
    link
}

/// A link that is no longer configured: its original, or nothing if we created it.
pub(super) fn released(past: &Past<'_>) -> Option<Object> {
    let Some(original) = past.original_link() else {
        if let (Some(touched), Some(observed)) = (past.touched_link(), past.observed_link())
            && let Some(loopback) = Link::loopback(&observed.place)
        {
            let mut link = observed.clone();
            link.restore(&touched.shown_in(observed), &loopback);
            return Some(Object::Link(Box::new(link)));
        }
        // A link that we cannot have created was not touched either: it was missing, and others
        // have added it.
        let was_missing = past.touched_link().is_some_and(Link::is_adopted);
        return past.observed.cloned().filter(|_| was_missing);
    };
    // A link that somebody has removed is not created again.
    let mut link = past.observed_link()?.clone();
    if let Some(touched) = past.touched_link() {
        link.restore(&touched.shown_in(&link), original);
    }
    // A move changes these, configured or not.
    link.flags.up = original.flags.up;
    if past.observed_link().is_some_and(|seen| seen.master != original.master) {
        // Its port attributes belonged to the other master.
        link.port = original.port.clone();
    }
    link.master = original.master.clone();
    link.place = original.place.clone();
    // Its port attributes belong to its bridge.
    let master = past.observed_link().and_then(|observed| observed.master.as_ref());
    link.port = match &link.master {
        Some(Master::Of(_)) if link.master.as_ref() == master => link.port,
        Some(Master::Of(_)) => original.port.clone(),
        Some(Master::Free) | None => Port::default(),
    };
    Some(Object::Link(Box::new(link)))
}

/// How an MTU that is not configured is chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FreeMtu {
    /// It is that of a new link.
    Follows,
    /// It stays, as far as the link below allows.
    Left,
}

/// Limits MTUs that are not configured to that of the link below, as the kernel does
/// ([`Below::mtu_within`]); `free` is none for a configured MTU. `others` are links that stay as
/// observed.
///
/// [`Below::mtu_within`]: crate::noun::link::Below::mtu_within
pub(super) fn fit_mtus<'a>(
    made: &mut BTreeMap<Key, Object>,
    others: &mut Vec<Entry<'a>>,
    free: impl Fn(&Key) -> Option<FreeMtu>,
) {
    let foreign = others.iter().filter_map(|(key, object)| Some((*key, object.link()?)));
    let links = || link_objects(made).chain(foreign.clone());
    let fitted: Vec<(Key, Place, Place, FreeMtu)> = links()
        .filter_map(|(key, link)| {
            let device = link.device.as_ref().filter(|_| below(link).mtu_within)?;
            Some((key.clone(), link.place.clone(), device.clone(), free(key)?))
        })
        .collect();
    if fitted.is_empty() {
        return;
    }
    // The MTU of a new link is not always known.
    let mtu = |(_, link): (&Key, &Link)| (link.place.clone(), link.attributes.mtu);
    let before: BTreeMap<Place, Option<u32>> = links().map(mtu).collect();
    let mut mtus = before.clone();
    // The link below may be another of these, so one pass is not always enough.
    for _ in &fitted {
        let mut is_settled = true;
        for (_, place, device, free) in &fitted {
            let (Some(&own), Some(&limit)) = (mtus.get(place), mtus.get(device)) else { continue };
            let fit = match free {
                FreeMtu::Follows => limit,
                FreeMtu::Left => own.map(|own| limit.map_or(own, |limit| own.min(limit))),
            };
            is_settled &= mtus.insert(place.clone(), fit) == Some(fit);
        }
        if is_settled {
            break;
        }
    }
    for (key, place, ..) in
        fitted.into_iter().filter(|(_, place, ..)| mtus.get(place) != before.get(place))
    {
        let mtu = mtus.get(&place).copied().flatten();
        if let Some(Object::Link(link)) = made.get_mut(&key) {
            link.attributes.mtu = mtu;
        } else if let Some(at) = others.iter().position(|(other, _)| **other == key)
            && let Some(link) = others.remove(at).1.link()
        {
            let mut link = link.clone();
            link.attributes.mtu = mtu;
            made.insert(key, Object::Link(Box::new(link)));
        }
    }
}
