//! Reading routes: by the table, or by the link that they lead over.

use netstate::{Key, NetnsName, Object, RouteKey, Wanted};

use super::Result;
use super::observer::Observer;
use crate::route::{self, Seen, family};

impl Observer<'_> {
    /// The routes that have these keys, which are of one table and family and in order.
    pub(super) fn wanted_routes(&mut self, keys: &[&RouteKey], wanted: &Wanted) -> Result<()> {
        let Some(RouteKey { netns, table, prefix, .. }) = keys.first() else { return Ok(()) };
        if self.expected_routes(netns, keys, wanted)? {
            return Ok(());
        }
        // A table is told mostly in the order of the keys.
        let mut next = 0;
        self.routes(netns, (family(&prefix.addr()), *table, 0), |seen| {
            if keys.get(next).is_none_or(|key| **key != seen.key) {
                next = keys.partition_point(|key| **key < seen.key);
            }
            let is_wanted = keys.get(next).is_some_and(|key| **key == seen.key);
            next += usize::from(is_wanted);
            is_wanted
        })
    }

    /// The routes of a family that `wanted` wants, of one table or over one link only where these are not zero.
    pub(super) fn routes(
        &mut self,
        netns: &NetnsName,
        (family, table, index): (u8, u32, u32),
        mut wanted: impl FnMut(&Seen) -> bool,
    ) -> Result<()> {
        let request = |out: &mut Vec<u8>| route::dump(out, family, table, index);
        let seen = self.dump((netns, libc::RTM_GETROUTE), request, |message| {
            route::decode(message, netns).filter(&mut wanted)
        })?;
        let mut last = (0, None);
        self.found.reserve(seen.len());
        for Seen { key, mut route, indexes } in seen {
            for (nexthop, index) in route.nexthops.iter_mut().zip(indexes) {
                if index != last.0 {
                    let name = if index == 0 { None } else { self.name(netns, index)? };
                    last = (index, name);
                }
                nexthop.dev.clone_from(&last.1);
            }
            route.nexthops.sort();
            self.insert(Key::Route(key), Object::Route(route));
        }
        Ok(())
    }
}

/// Takes over what else was told by the key of `kept`: IPv6 tells routes of one key that share no load one by one, IPv4
/// those that another hides.
pub(super) fn join(key: &Key, kept: &mut Object, other: &Object) {
    if let (Key::Route(key), Object::Route(kept), Object::Route(other)) = (key, kept, other)
        && key.prefix.addr().is_ipv6()
    {
        kept.nexthops.extend(other.nexthops.iter().cloned());
        kept.nexthops.sort();
        kept.nexthops.dedup();
    }
}
