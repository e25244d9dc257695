//! The nexthop objects that routes and groups use.
//!
//! There may be a million routes without one, so that this allocates nothing for them.

use smallvec::SmallVec;

use super::NexthopKey;
use crate::noun::{Key, Object};

/// The nexthop objects that an object uses.
pub(crate) fn used(key: &Key, object: &Object) -> SmallVec<[NexthopKey; 1]> {
    match (key, object) {
        (Key::Route(key), Object::Route(route)) => {
            let nexthop = |id| NexthopKey { netns: key.netns.clone(), id };
            route.nhid.map(nexthop).into_iter().collect()
        }
        (Key::Nexthop(key), Object::Nexthop(nexthop)) => {
            let members = nexthop.group().into_iter().flat_map(|group| group.members.keys());
            members.map(|id| key.member(*id)).collect()
        }
        _ => SmallVec::new(),
    }
}
