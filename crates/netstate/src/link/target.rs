//! What a link is to be: as it is configured, or as it was before.

use super::transition::is_anew;
use crate::link::{BridgePort, Link, LinkKind, Master, Place};
use crate::name::LinkId;
use crate::netns::spoken;
use crate::noun::{Key, Object};
use crate::plan::{Past, PlanError};

/// A configured link: what is observed of it, with what was configured and is no longer put back, and what
/// is configured laid over that. `to` tells where the link that was seen at a place is to be.
pub(crate) fn configured<'a>(
    id: &LinkId,
    desired: &'a Link,
    past: &Past<'_>,
    to: impl Fn(&Place) -> Option<&'a Place>,
) -> Result<Link, PlanError> {
    let refuse = |reason| Err(PlanError { key: Key::Link(id.clone()), reason });
    let (touched, original) = (past.touched_link(), past.original_link());
    let Some(observed) = past.observed_link() else {
        return match &desired.kind {
            Some(_) => Ok(desired.clone()),
            None => refuse(format!(
                "there is no link {} in {}, and no type to make it by",
                desired.place.ifname,
                spoken(&desired.place.netns),
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
            spoken(&observed.place.netns),
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
        link.restore(touched, &base);
        new.restore(touched, &base);
    }
    new.overlay(desired);
    if is_anew(&new, observed, to) {
        return match past.original {
            None => Ok(new),
            Some(_) => refuse(format!(
                "{} was there before in {} and is not ours to make anew, as {} would need",
                observed.place.ifname,
                spoken(&observed.place.netns),
                new.changes(observed).created_by(),
            )),
        };
    }
    if let Some(original) = original
        && (original.place != desired.place
            || touched.is_none_or(|touched| touched.place != desired.place))
    {
        // Moving and renaming it takes it down, and moving it out of its master's hands.
        link.flags.up = original.flags.up;
        if observed.place.netns != desired.place.netns {
            link.master = None;
        }
    }
    link.overlay(desired);
    // What it has as a port it has of its bridge, and of another bridge it has it anew.
    link.port = match &link.master {
        Some(Master::Of(_)) if link.master == observed.master => new.port,
        Some(Master::Of(_)) => desired.port.clone(),
        Some(Master::Free) | None => BridgePort::default(),
    };
    Ok(link)
}

/// A link that was configured and is no longer: as it was before, or nothing where we made it.
pub(crate) fn released(past: &Past<'_>) -> Option<Object> {
    let Some(original) = past.original_link() else {
        // What cannot have been made has not been touched either: it was missing, and others have brought it.
        let was_missing = past.touched_link().is_some_and(|link| link.kind.is_none());
        return past.observed.cloned().filter(|_| was_missing);
    };
    // A link that somebody took away is not made again.
    let mut link = past.observed_link()?.clone();
    if let Some(touched) = past.touched_link() {
        link.restore(touched, original);
    }
    // A move takes these along, configured or not.
    link.flags.up = original.flags.up;
    link.master = original.master.clone();
    link.place = original.place.clone();
    Some(Object::Link(Box::new(link)))
}
