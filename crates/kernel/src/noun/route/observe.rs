//! Reading routes: by table, or by link.

use std::collections::BTreeSet;
use std::sync::Arc;

use netstate::{Key, NetnsName, Object, Part, Route, RouteKey, Wanted};
use smallvec::SmallVec;

use super::{Filter, Seen, decode, dump, family};
use crate::observer::{Observer, Result};

/// The number of missing keys that are looked up one by one.
const FEW: usize = 1000;

/// Reads all routes of namespaces.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    _: &Part,
) -> Result<()> {
    observer.each_family(namespaces, |observer, netns, family| {
        observer.routes(netns, Filter { family, ..Filter::default() }, |_| true)
    })
}

/// Reads routes by their keys, table by table.
pub(crate) fn observe(
    observer: &mut Observer<'_>,
    keys: &[&RouteKey],
    wanted: &Wanted,
) -> Result<()> {
    let table = |key: &RouteKey| (key.netns.clone(), key.table, key.prefix.addr().is_ipv6());
    for keys in keys.chunk_by(|one, other| table(one) == table(other)) {
        observer.wanted_routes(keys, wanted)?;
    }
    Ok(())
}

impl Observer<'_> {
    /// The routes with these keys, which belong to one table and family and are sorted.
    pub(super) fn wanted_routes(&mut self, keys: &[&RouteKey], wanted: &Wanted) -> Result<()> {
        let Some(RouteKey { netns, table, prefix, .. }) = keys.first() else { return Ok(()) };
        if self.expected_routes(netns, keys, wanted)? {
            return Ok(());
        }
        let filter = Filter { family: family(&prefix.addr()), table: *table, ..Filter::default() };
        if let Some(protocol) = wanted.protocol {
            let before = self.found.len();
            self.table(netns, Filter { protocol, ..filter }, keys)?;
            let missing = self.missing(before, keys);
            if missing.len() <= FEW && self.absent(netns, &missing)? {
                return Ok(());
            }
            self.found.truncate(before);
        }
        self.table(netns, filter, keys)
    }

    /// The routes with these keys, among those that a filter selects.
    fn table(&mut self, netns: &NetnsName, filter: Filter, keys: &[&RouteKey]) -> Result<()> {
        // The kernel reports a table mostly in the order of the keys.
        let mut next = 0;
        self.routes(netns, filter, |seen| {
            if keys.get(next).is_none_or(|key| **key != seen.key) {
                next = keys.partition_point(|key| **key < seen.key);
            }
            let is_wanted = keys.get(next).is_some_and(|key| **key == seen.key);
            next += usize::from(is_wanted);
            is_wanted
        })
    }

    /// The keys without a route among those read since `from`.
    fn missing<'k>(&self, from: usize, keys: &[&'k RouteKey]) -> Vec<&'k RouteKey> {
        let found = self.found[from..].iter().filter_map(|(key, _)| key.route());
        let found: BTreeSet<&RouteKey> = found.collect();
        keys.iter().copied().filter(|key| !found.contains(key)).collect()
    }

    /// The routes that a filter and `wanted` select.
    pub(crate) fn routes(
        &mut self,
        netns: &NetnsName,
        filter: Filter,
        mut wanted: impl FnMut(&Seen) -> bool,
    ) -> Result<()> {
        let request = |out: &mut Vec<u8>| dump(out, filter);
        // Adjacent routes are often alike. There may be a million, so what is alike is stored once.
        let mut last: Arc<Unnamed> = Arc::default();
        let seen = self.dump((netns, libc::RTM_GETROUTE), request, |message| {
            let Seen { key, route, indexes } = decode(message, netns).filter(&mut wanted)?;
            let unnamed = (route, indexes);
            if *last != unnamed {
                last = unnamed.into();
            }
            Some((key, Arc::clone(&last)))
        })?;
        self.found.reserve(seen.len());
        let mut named: Option<(Arc<Unnamed>, Arc<Route>)> = None;
        for (key, unnamed) in seen {
            let known = named.as_ref().filter(|(of, _)| Arc::ptr_eq(of, &unnamed));
            let route = match known {
                Some((_, route)) => Arc::clone(route),
                None => Arc::new(self.named(netns, &unnamed)?),
            };
            self.insert(Key::Route(key), Object::Route(Arc::clone(&route)));
            named = Some((unnamed, route));
        }
        Ok(())
    }

    /// A route with the names of its links.
    fn named(&mut self, netns: &NetnsName, (route, indexes): &Unnamed) -> Result<Route> {
        let mut route = route.clone();
        for (nexthop, index) in route.nexthops.iter_mut().zip(indexes) {
            nexthop.dev = if *index == 0 { None } else { self.name(netns, *index)? };
        }
        route.nexthops.sort();
        Ok(route)
    }
}

/// A route whose nexthops lack their links, and the indexes of these links.
type Unnamed = (Route, SmallVec<[u32; 1]>);

/// Merges another route with the same key into `kept`. The kernel reports IPv6 routes of one key
/// without load sharing one by one. For IPv4 these are routes that another one hides.
pub(crate) fn join(key: &Key, kept: &mut Object, other: &Object) {
    if let (Key::Route(key), Object::Route(kept), Object::Route(other)) = (key, kept, other)
        && key.prefix.addr().is_ipv6()
    {
        let kept = Arc::make_mut(kept);
        kept.nexthops.extend(other.nexthops.iter().cloned());
        kept.nexthops.sort();
        kept.nexthops.dedup();
    }
}
