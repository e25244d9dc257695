//! What Linux does with tunnels: it forgets what a change does not state, and the flags of a device
//! depend on its first remote address (`ip_tunnel_changelink`, net/ipv4/ip_tunnel.c).

use std::net::Ipv4Addr;

use netstate::{Key, Link, LinkKind, Object, Place, State};

use super::shared::{Refused, ids, refusal};

/// The kinds of net/ipv4/ip_tunnel.c and net/ipv6/ip6_tunnel.c, and net/xfrm/xfrm_interface_core.c.
const KINDS: [&str; 12] = [
    "gre",
    "gretap",
    "erspan",
    "ipip",
    "sit",
    "vti",
    "ip6gre",
    "ip6gretap",
    "ip6erspan",
    "ip6tnl",
    "vti6",
    "xfrm",
];

fn is_tunnel(link: &Link) -> bool {
    link.kind.as_ref().is_some_and(|kind| KINDS.contains(&kind.name()))
}

/// The remote address of a tunnel of packets over IPv4.
fn remote(link: &Link) -> Option<Ipv4Addr> {
    let remote = match &link.kind {
        Some(LinkKind::Gre(gre)) => gre.remote,
        Some(LinkKind::Vti(vti)) => vti.remote,
        Some(LinkKind::Ipip(ipip)) => ipip.remote,
        Some(LinkKind::Sit(sit)) => sit.remote,
        _ => return None,
    };
    Some(remote.unwrap_or(Ipv4Addr::UNSPECIFIED))
}

/// `ip_tunnel_newlink`: two tunnels of one kind cannot have the same end points and keys.
pub(super) fn permit_new(state: &State, link: &Link) -> Result<(), Refused> {
    if !is_tunnel(link) {
        return Ok(());
    }
    let tunnel = |link: &Link| {
        let mut whole = link.kernel_default();
        whole.overlay(link);
        (whole.kind, whole.device, whole.place.netns)
    };
    let new = tunnel(link);
    let is_same = |other: &Link| is_tunnel(other) && tunnel(other) == new;
    match ids(state, is_same).is_empty() {
        true => Ok(()),
        false => Err(refusal(libc::EEXIST, "")),
    }
}

/// A tunnel of packets keeps the flags that its remote address gave it.
pub(super) fn permit_change(link: &Link, change: &Link) -> Result<(), Refused> {
    let mut wanted = link.clone();
    wanted.overlay(change);
    let flags =
        |link: &Link| remote(link).map(|remote| (remote.is_unspecified(), remote.is_multicast()));
    match flags(&wanted) == flags(link) {
        true => Ok(()),
        false => Err(refusal(libc::EINVAL, "")),
    }
}

/// A request to change a tunnel has what the plan believes of it, and the change. Everything else
/// goes back to its default.
pub(super) fn reset(link: &mut Link, from: &Link, change: &Link) {
    let is_of_kind = change.kind.as_ref().is_some_and(|kind| !kind.is_empty());
    if !is_tunnel(link) || !(is_of_kind || change.device.is_some()) {
        return;
    }
    let before = link.kind.clone();
    link.kind = link.kernel_default().kind;
    if let (Some(kind), Some(before)) = (&mut link.kind, before) {
        keep_created(kind, &before);
    }
    link.device = None;
    let stated = Link {
        kind: from.kind.clone(),
        device: from.device.clone(),
        ..Link::at(link.place.clone())
    };
    link.overlay(&stated);
}

/// What only a new tunnel can be told stays.
fn keep_created(kind: &mut LinkKind, before: &LinkKind) {
    match (kind, before) {
        (LinkKind::Gre(gre), LinkKind::Gre(before)) => gre.external = before.external,
        (LinkKind::Gretap(gre), LinkKind::Gretap(before)) => gre.external = before.external,
        (LinkKind::Erspan(gre), LinkKind::Erspan(before)) => gre.external = before.external,
        (LinkKind::Ip6erspan(gre), LinkKind::Ip6erspan(before)) => gre.external = before.external,
        (LinkKind::Ip6gre(gre), LinkKind::Ip6gre(before)) => gre.external = before.external,
        (LinkKind::Ip6gretap(gre), LinkKind::Ip6gretap(before)) => gre.external = before.external,
        (LinkKind::Ip6tnl(tunnel), LinkKind::Ip6tnl(before)) => tunnel.external = before.external,
        (LinkKind::Ipip(ipip), LinkKind::Ipip(before)) => {
            (ipip.external, ipip.mode) = (before.external, before.mode);
        }
        (LinkKind::Sit(sit), LinkKind::Sit(before)) => {
            (sit.isatap, sit.mode) = (before.isatap, before.mode);
        }
        _ => {}
    }
}

/// A tunnel stays without its underlay, whose index it only stores.
pub(super) fn lose_underlay(state: &mut State, place: &Place) {
    for id in ids(state, |link| is_tunnel(link) && link.device.as_ref() == Some(place)) {
        if let Some(Object::Link(tunnel)) = state.objects.get_mut(&Key::Link(id)) {
            tunnel.device = None;
        }
    }
}
