//! Observed routes as operational data.

use std::collections::BTreeMap;
use std::sync::Arc;

use netstate::{Key, LinkId, Object, Route, RouteKey, RouteKind};
use yang::{Error, Tree};

use super::key::Spellings;
use super::{Entry, NexthopEntry, ONLINK, PERVASIVE, RouteState, Via};
use crate::instances::{list_path, schema_node};
use crate::names::Names;
use crate::raising::Raising;

/// `RT_TABLE_LOCAL`, which belongs to the kernel and is not configurable.
const LOCAL: u32 = 255;

/// Every route except those of table local.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Raising { observed, names, configuration, .. } = raising;
    let Some(list) = schema_node(tree.schema(), "routes", &["route"]) else { return Ok(()) };
    let mut spellings = Spellings::of(configuration, list);
    // Adjacent routes usually differ only in their prefixes. Their entries share memory.
    let mut last: Option<(&RouteKey, &Arc<Route>)> = None;
    let routes = observed.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Route(key), Object::Route(route)) if key.table != LOCAL => Some((key, route)),
        _ => None,
    });
    let entries = routes.map(|(key, route)| {
        let before = last.replace((key, route));
        let is_alike = before.is_some_and(|before| is_shown_alike(before, (key, route)));
        (spellings.next(key), (!is_alike).then(|| entry(key, route, names)))
    });
    tree.serialize_list(&list_path(list), list, entries)
}

/// Whether the entries of two routes differ only in their keys.
fn is_shown_alike(
    (key, route): (&RouteKey, &Arc<Route>),
    (of, other): (&RouteKey, &Arc<Route>),
) -> bool {
    key.netns == of.netns
        && key.prefix.addr().is_ipv4() == of.prefix.addr().is_ipv4()
        && route == other
}

fn entry(key: &RouteKey, route: &Route, names: &Names<'_>) -> Entry {
    let flag = |bit, set: bool| if set { bit } else { 0 };
    let flags = route.nexthops.iter().fold(0, |flags, nexthop| {
        flags | flag(ONLINK, nexthop.onlink) | flag(PERVASIVE, nexthop.pervasive)
    });
    Entry {
        src: route.source,
        protocol: route.protocol,
        scope: route.scope.filter(|_| key.prefix.addr().is_ipv4()),
        mtu: route.metrics.mtu,
        advmss: route.metrics.advmss,
        // The model has room for one flag. `onlink` is the more important one.
        flag: [ONLINK, PERVASIVE].into_iter().find(|bit| flags & bit != 0),
        nexthop: nexthops(key, route, names),
        // The kernel reports a route as a blackhole if its nexthop object is one.
        r#type: (made(route.kind) && route.nhid.is_none()).then_some(route.kind),
        nhid: route.nhid,
        state: Some(RouteState { r#type: route.kind }),
        ..Entry::default()
    }
}

/// The nexthops by link; those over one link are one entry.
fn nexthops(key: &RouteKey, route: &Route, names: &Names<'_>) -> Vec<NexthopEntry> {
    let several = route.nexthops.len() > 1;
    let mut entries: BTreeMap<LinkId, NexthopEntry> = BTreeMap::new();
    for nexthop in &route.nexthops {
        let Some(dev) = nexthop.dev.as_ref().and_then(|dev| names.name(&key.netns, dev)) else {
            continue;
        };
        match entries.get_mut(&dev) {
            Some(entry) => entry.further_via.extend(nexthop.via),
            None => {
                let via = nexthop.via.map(|address| Via { family: None, address: Some(address) });
                let weight = several.then_some(nexthop.weight);
                let entry = NexthopEntry { dev: dev.clone(), via, weight, further_via: Vec::new() };
                entries.insert(dev, entry);
            }
        }
    }
    entries.into_values().collect()
}

/// Whether the kind can be configured. Unicast is the default.
fn made(kind: RouteKind) -> bool {
    match kind {
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            true
        }
        RouteKind::Unicast
        | RouteKind::Local
        | RouteKind::Broadcast
        | RouteKind::Anycast
        | RouteKind::Multicast
        | RouteKind::Nat => false,
    }
}
