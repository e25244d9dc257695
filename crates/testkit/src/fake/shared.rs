//! What the effects of all nouns share: refusals, questions on the state, and what a link stops carrying.

use netstate::{Key, Link, LinkId, LinkName, NetnsName, Object, Place, State};

/// An error number and the kernel's message.
pub(super) type Refused = (i32, String);

/// An error as the kernel reports it: its extended acknowledgement, if any, and the name and text
/// of the error.
pub(super) fn refusal(errno: i32, words: &str) -> Refused {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let name = match errno {
        libc::EACCES => "EACCES",
        libc::EADDRNOTAVAIL => "EADDRNOTAVAIL",
        libc::EBUSY => "EBUSY",
        libc::EEXIST => "EEXIST",
        libc::EHOSTUNREACH => "EHOSTUNREACH",
        libc::EINVAL => "EINVAL",
        libc::ENETDOWN => "ENETDOWN",
        libc::ENETUNREACH => "ENETUNREACH",
        libc::ENODEV => "ENODEV",
        libc::ENOENT => "ENOENT",
        libc::EPERM => "EPERM",
        libc::ENOMEM => "ENOMEM",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::ERANGE => "ERANGE",
        libc::ESRCH => "ESRCH",
        libc::ETIMEDOUT => "ETIMEDOUT",
        _ => "errno",
    };
    let message = match words {
        "" => format!("{text} ({name})"),
        words => format!("{words} ({name}: {text})"),
    };
    (errno, message)
}

pub(super) fn need_netns(state: &State, netns: &NetnsName) -> Result<(), Refused> {
    match netns.is_own() || state.objects.contains_key(&Key::Netns(netns.clone())) {
        true => Ok(()),
        false => Err(refusal(libc::ENOENT, "")),
    }
}

/// The link at `place`.
pub(super) fn link<'s>(state: &'s State, place: &Place) -> Option<&'s Link> {
    state.objects.values().filter_map(Object::link).find(|link| link.place == *place)
}

/// The identity of the link at `place`.
pub(super) fn at(state: &State, place: &Place) -> Option<LinkId> {
    ids(state, |link| link.place == *place).pop()
}

pub(super) fn ids(state: &State, which: impl Fn(&Link) -> bool) -> Vec<LinkId> {
    let matching = state.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) if which(link) => Some(id.clone()),
        _ => None,
    });
    matching.collect()
}

/// Whether a link is the loopback of its namespace.
pub(super) fn is_loopback(link: &Link) -> bool {
    link.place.ifname.as_str() == "lo"
}

/// Whether an object is on the link at `place`.
pub(super) fn is_on(key: &Key, object: &Object, place: &Place) -> bool {
    let is = |netns: &NetnsName, dev: &LinkName| *netns == place.netns && *dev == place.ifname;
    match (key, object) {
        (Key::Address(key), _) => is(&key.netns, &key.dev),
        (Key::Neighbor(key), _) => is(&key.netns, &key.dev),
        (Key::Fdb(key), _) => is(&key.netns, &key.dev),
        (Key::Sysctl(key), _) => key.path.dev().is_some_and(|dev| is(&key.netns, &dev)),
        (Key::Route(key), Object::Route(route)) => {
            // IPv6 routes without a nexthop are on the loopback (`ip6_route_info_create`).
            let leads_nowhere =
                key.prefix.addr().is_ipv6() && route.nexthops.is_empty() && route.nhid.is_none();
            key.netns == place.netns
                && (route.nexthops.iter().any(|hop| hop.dev.as_ref() == Some(&place.ifname))
                    || leads_nowhere && place.ifname.as_str() == "lo")
        }
        (Key::Nexthop(key), Object::Nexthop(nexthop)) => {
            let dev = nexthop.single().and_then(|single| single.dev.as_ref());
            dev.is_some_and(|dev| is(&key.netns, dev))
        }
        (Key::Netns(_) | Key::Link(_) | Key::Nexthop(_) | Key::Route(_) | Key::Rule(_), _) => false,
    }
}

/// A link stops carrying what `which` selects. A route stays while another of its links carries it.
pub(super) fn disable(state: &mut State, place: &Place, which: impl Fn(&Key) -> bool) {
    let carries = |netns: &NetnsName, dev: &LinkName| {
        let other = Place { netns: netns.clone(), ifname: dev.clone() };
        let link = at(state, &other).and_then(|id| state.objects.get(&Key::Link(id))?.link());
        other != *place && link.is_some_and(|link| link.flags.up == Some(true))
    };
    let lasts = |(key, object): (&Key, &Object)| match (key, object) {
        (Key::Route(key), Object::Route(route)) => route
            .nexthops
            .iter()
            .filter_map(|hop| hop.dev.as_ref())
            .any(|dev| carries(&key.netns, dev)),
        _ => false,
    };
    let gone: Vec<Key> = (state.objects.iter())
        .filter(|(key, object)| is_on(key, object, place) && which(key) && !lasts((key, object)))
        .map(|(key, _)| key.clone())
        .collect();
    gone.iter().for_each(|key| drop(state.objects.remove(key)));
}

/// The neighbours of a link are flushed (`neigh_changeaddr`, net/core/neighbour.c).
pub(super) fn forget_neighbors(state: &mut State, place: &Place) {
    let is_on_it =
        |key: &Key, object: &Object| matches!(key, Key::Neighbor(_)) && is_on(key, object, place);
    state.objects.retain(|key, object| !is_on_it(key, object));
}
