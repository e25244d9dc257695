//! The checker's knowledge of nexthop objects: what uses them, what they are on, and what a request can make of them.

use crate::name::LinkName;
use crate::noun::nexthop::{NexthopKey, NexthopKind, NexthopObject, SingleNexthop};
use crate::noun::{Key, Object};

/// The nexthop objects that an object uses.
pub(super) fn used(key: &Key, object: &Object) -> Vec<Key> {
    let Some(netns) = key.netns() else { return Vec::new() };
    let at = |id: u32| Key::Nexthop(NexthopKey { netns: netns.clone(), id });
    if let Object::Route(route) = object {
        return route.nhid.map(at).into_iter().collect();
    }
    let Object::Nexthop(nexthop) = object else { return Vec::new() };
    let members = nexthop.group().into_iter().flat_map(|group| group.members.keys());
    members.copied().map(at).collect()
}

/// Whether one request makes one nexthop of the other (`replace_nexthop_single`, `replace_nexthop_grp`).
pub(super) fn is_replaceable(from: &Object, to: &Object) -> bool {
    let (Object::Nexthop(from), Object::Nexthop(to)) = (from, to) else { return true };
    let same_type = match (&from.kind, &to.kind) {
        (NexthopKind::Group(from), NexthopKind::Group(to)) => {
            match (from.resilient, to.resilient) {
                (Some(from), Some(to)) => from.buckets == to.buckets,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            }
        }
        (NexthopKind::Group(_), _) | (_, NexthopKind::Group(_)) => false,
        (_, NexthopKind::Single(_) | NexthopKind::Blackhole { .. }) => true,
    };
    same_type && from.fdb == to.fdb
}

/// Whether a nexthop is as desired.
pub(super) fn agrees(wanted: &NexthopObject, seen: &NexthopObject) -> bool {
    (wanted.protocol.is_none() || wanted.protocol == seen.protocol)
        && wanted.fdb == seen.fdb
        && wanted.kind == seen.kind
}

/// The link that a nexthop leads to.
pub(super) fn dev(object: &Object) -> Option<&LinkName> {
    let Object::Nexthop(nexthop) = object else { return None };
    nexthop.single()?.dev.as_ref()
}

/// A nexthop whose link has another name.
pub(super) fn renamed(object: &Object, to: impl Fn(&LinkName) -> LinkName) -> Option<Object> {
    let Object::Nexthop(nexthop) = object else { return None };
    let mut nexthop = nexthop.clone();
    if let NexthopKind::Single(SingleNexthop { dev: Some(dev), .. }) = &mut nexthop.kind {
        *dev = to(dev);
    }
    Some(Object::Nexthop(nexthop))
}
