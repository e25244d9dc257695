//! The desired state of a link: as it is configured, or its original.

use std::borrow::Cow;

use super::past::Past;
use super::vlans;
use crate::name::LinkId;
use crate::noun::link::{Enslaving, Link, LinkKind, Master, Place, Port, must_recreate};
use crate::noun::netns::as_phrase;
use crate::noun::{Key, Object};
use crate::plan::PlanError;
use crate::uapi::BR_STATE_FORWARDING;

/// A configured link. It starts as observed, fields that are no longer configured are restored, and
/// the configured fields are applied. `to` returns the desired place of the link that was observed
/// at a place, and `from` that of the link that was originally there. `is_missing` returns whether the link that is desired at a place does not exist. `kind_at` returns the kind
/// of the link at a place.
pub(super) fn configured<'p>(
    id: &LinkId,
    desired: &Link,
    past: &Past<'_>,
    (to, from, is_missing, kind_at): (
        impl Fn(&Place) -> Option<&'p Place>,
        impl Fn(&Place) -> Option<&'p Place>,
        impl Fn(&Place) -> bool,
        impl Fn(&Place) -> Option<&'p LinkKind>,
    ),
) -> Result<Link, PlanError> {
    let master_kind = |link: &Link| link.master_place().and_then(|master| kind_at(&master));
    let opens = |link: &Link| {
        master_kind(link).and_then(|kind| kind.facts().enslaves) == Some(Enslaving::Opens)
    };
    let refuse = |reason| Err(PlanError { key: Key::Link(id.clone()), reason });
    let touched = past.touched_link();
    let original = past.original_link().map(|link| with_renamed_master(link, from));
    let original = original.as_deref();
    let Some(observed) = past.observed_link() else {
        return match (&desired.kind, Link::loopback(&desired.place)) {
            (Some(_), _) => Ok(made(desired.clone(), opens(desired))),
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
        && (past.original.is_some() || is_of_others(touched, seen))
    {
        return refuse(format!(
            "{} exists already in {}, as {}, and is not ours to make anew as {}",
            observed.place.ifname,
            as_phrase(&observed.place.netns),
            seen.with_article(),
            wanted.with_article(),
        ));
    }
    let observed = &*with_renamed_master(observed, &to);
    let mut link = observed.clone();
    let mut new = Link {
        kind: observed.kind.as_ref().map(LinkKind::plain),
        // Of a link that we create, the configuration says whether there is a link below.
        device: observed.device.clone().filter(|_| desired.is_adopted()),
        ..Link::at(desired.place.clone())
    };
    if let Some(touched) = touched {
        let mut base = original.cloned().unwrap_or_else(|| observed.kernel_default());
        if let Some(Master::Of(_)) =
            observed.master.as_ref().filter(|_| base.master != observed.master)
        {
            // The original's attributes are those of a port of another bridge, or of none.
            base.port = observed.new_port();
        }
        let touched = touched.given_up(observed, Some(desired));
        link.restore(&touched, &base);
        new.restore(&touched, &base);
    }
    new.overlay(desired);
    if must_recreate(&new, observed, &to, is_missing) {
        return match past.original {
            None => {
                let is_opened = opens(&new);
                Ok(made(new, is_opened))
            }
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
    link.kind.iter_mut().for_each(LinkKind::drop_unsupported);
    if opens(&link) {
        follow_bond(&mut link, desired);
        link.flags.up = desired.flags.up.or(Some(true));
    } else if opens(observed) {
        follow_bond(&mut link, desired);
        // The bond takes the link down.
        let before = original.map(|original| original.flags.up);
        link.flags.up = desired.flags.up.or_else(|| before.unwrap_or(Some(false)));
    }
    let keeps_master =
        observed.place.netns == link.place.netns && link.master_place() == observed.master_place();
    // The port attributes belong to the bridge. On another bridge they start with the defaults, and on
    // its original one they return with it.
    link.port = match &link.master {
        Some(Master::Of(_)) if keeps_master => new.port,
        Some(Master::Of(_)) => {
            let mut port =
                original.map(|original| returned_port(original, &link)).unwrap_or_default();
            port.overlay(&desired.port);
            port
        }
        Some(Master::Free) | None => Port::default(),
    };
    // The kernel does not compare the kind that a request names with that of the master (`rtnl_changelink`,
    // net/core/rtnetlink.c), and takes attributes of another kind for its own.
    link.port = match master_kind(&link) {
        Some(kind) => link.port.of(kind.name()),
        None if keeps_master => link.port.like(&observed.port),
        None => link.port,
    };
    let master = master_kind(&link);
    let target = &link;
    let vlans = vlans::configured(&vlans::Links {
        desired,
        touched,
        original,
        observed,
        target,
        master,
        keeps_master,
    });
    if desired.vlans.is_some() && vlans.is_none() {
        return refuse(format!(
            "{} is no port of a bridge, and has no VLANs: set its master",
            desired.place.ifname
        ));
    }
    link.vlans = vlans;
    Ok(link)
}

/// The other end of a veth pair, with nothing configured.
pub(super) fn other_end(link: &Link) -> Option<Link> {
    let kind = link.kind.as_ref().map(LinkKind::plain);
    let end =
        |peer: &Place| Link { kind, peer: Some(link.place.clone()), ..Link::at(peer.clone()) };
    link.peer.as_ref().map(end)
}

/// A bond gives its ports its MTU and link-layer address, and each gets its own back when it leaves the bond.
fn follow_bond(port: &mut Link, desired: &Link) {
    port.attributes.mtu = desired.attributes.mtu;
    port.attributes.mac_address = desired.attributes.mac_address.clone();
}

/// A new link is down unless it is configured to be up, even if it would come up with the link
/// below; but a bond opens its ports. It has attributes of a port only if it has a master.
pub(super) fn made(mut link: Link, is_opened: bool) -> Link {
    link.kind.iter_mut().for_each(LinkKind::drop_unsupported);
    link.flags.up.get_or_insert(is_opened);
    if !matches!(link.master, Some(Master::Of(_))) {
        link.port = Port::default();
    }
    if !link.is_bridge() && link.master_place().is_none() {
        link.vlans = None;
    }
    link
}

/// Whether a link in the place of one of ours is neither of the kind that was applied.
fn is_of_others(touched: Option<&Link>, seen: &LinkKind) -> bool {
    touched
        .is_none_or(|touched| touched.kind.as_ref().is_some_and(|kind| kind.name() != seen.name()))
}

/// A link with the name that its master will have.
fn with_renamed_master<'p>(
    link: &Link,
    called: impl Fn(&Place) -> Option<&'p Place>,
) -> Cow<'_, Link> {
    let renamed = link.master_place().and_then(|at| {
        called(&at).filter(|place| place.netns == at.netns && place.ifname != at.ifname)
    });
    match renamed {
        Some(at) => {
            Cow::Owned(Link { master: Some(Master::Of(at.ifname.clone())), ..link.clone() })
        }
        None => Cow::Borrowed(link),
    }
}

/// A link that is no longer configured: its original, or nothing if we created it. `to` and `from` are those of
/// [`configured`].
pub(super) fn released<'p>(
    past: &Past<'_>,
    to: impl Fn(&Place) -> Option<&'p Place>,
    from: impl Fn(&Place) -> Option<&'p Place>,
) -> Option<Object> {
    let Some(original) = past.original_link().map(|link| with_renamed_master(link, from)) else {
        if let (Some(touched), Some(observed)) = (past.touched_link(), past.observed_link())
            && let Some(loopback) = Link::loopback(&observed.place)
        {
            let mut link = observed.clone();
            link.restore(&touched.given_up(observed, None), &loopback);
            return Some(Object::Link(Box::new(link)));
        }
        // A link that we cannot have created was not touched either: it was missing, and others
        // have added it.
        let was_missing = past.touched_link().is_some_and(Link::is_adopted);
        let seen = past.observed_link().and_then(|link| link.kind.as_ref());
        let replaced = seen.is_some_and(|seen| is_of_others(past.touched_link(), seen));
        return past.observed.cloned().filter(|_| was_missing || replaced);
    };
    let original = &*original;
    // A link that somebody has removed is not created again.
    let mut link = with_renamed_master(past.observed_link()?, to).into_owned();
    let keeps_master = link.master == original.master;
    if let Some(touched) = past.touched_link() {
        link.restore(&touched.given_up(&link, None), original);
    }
    // A move changes these, configured or not.
    link.flags.up = original.flags.up;
    link.master = original.master.clone();
    link.place = original.place.clone();
    // The port attributes belong to the master.
    link.port = match &link.master {
        Some(Master::Of(_)) if keeps_master => link.port,
        Some(Master::Of(_)) => returned_port(original, &link),
        Some(Master::Free) | None => Port::default(),
    };
    if !keeps_master {
        link.vlans = original.vlans.clone();
    }
    if link.flags.up != Some(true) {
        let _of_up = link.port.take_those_of_up();
    }
    Some(Object::Link(Box::new(link)))
}

/// The attributes that a link gets as a port that returns to its original master.
fn returned_port(original: &Link, link: &Link) -> Port {
    if link.master != original.master {
        return Port::default();
    }
    let mut port = original.port.clone();
    // The bridge sets this as soon as the port has a carrier, and refuses it before.
    port.bridge.state.take_if(|state| *state == BR_STATE_FORWARDING);
    if link.flags.up != Some(true) {
        // The kernel sets these by itself, and refuses them on a port that is down.
        let _of_up = port.take_those_of_up();
    }
    port
}
