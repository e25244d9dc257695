//! Links on the wire (`struct ifinfomsg` and `IFLA_…`).

use std::borrow::Cow;

use netstate::LinkName;
use netstate::attribute::{Attributes, Fields, Flags, put, put_value};
use netstate::link::{
    BelowAttribute, CreatedBy, Link, LinkAttributes, LinkFlags, LinkKind, MtuAtCreation, Place,
};

use crate::execution::PointedAt;
use crate::message::{Wire, fixed};
use crate::uapi::VETH_INFO_PEER;

mod execute;
pub(crate) mod identity;
mod observe;
pub(crate) mod read;
mod scratch;
mod vlans;

use read::put_name;

pub(crate) use execute::execute;
pub(crate) use observe::{notified, observe, observe_part};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire =
    Wire { get: libc::RTM_GETLINK, plural: "links", groups: &[libc::RTNLGRP_LINK] };

/// The references in a request for a link, as numbers that are valid in the respective namespaces.
#[derive(Debug, Default)]
pub(crate) struct References<'a> {
    /// The link's new name.
    pub(crate) name: Option<&'a LinkName>,
    /// The descriptor of the target namespace, if it is not the socket's.
    pub(crate) netns: Option<i32>,
    /// The descriptor of the namespace of a veth's other end, if it is not the socket's.
    pub(crate) peer_netns: Option<i32>,
    /// The index of the master; zero frees the link.
    pub(crate) master: Option<u32>,
    /// The index of the link below.
    pub(crate) below: Option<u32>,
    /// The index of the port that an attribute of the kind names; zero for none.
    pub(crate) named_port: Option<u32>,
}

/// Appends the body of a request that creates a link. [`rest`] has the attributes that can be set
/// only on an existing link.
pub(crate) fn create(out: &mut Vec<u8>, link: &Link, references: &References<'_>) {
    let (flags, mask) = link.flags.encode();
    fixed::link(out, link.attributes.index.unwrap_or_default(), flags, mask);
    put_name(out, &link.place.ifname);
    let mut attributes = link.attributes.clone();
    at_creation(link.kind.as_ref(), &mut attributes);
    attributes.encode(out);
    put_references(out, references);
    put_below(out, link.kind.as_ref(), references);
    put(out, libc::IFLA_LINKINFO, |out| {
        let Some(kind) = &link.kind else { return };
        put(out, libc::IFLA_INFO_KIND, |out| out.extend(kind.name().bytes()));
        put(out, libc::IFLA_INFO_DATA, |out| {
            put_data(out, kind, references);
            if let Some(peer) = &link.peer {
                put_peer(out, peer, link.peer_attributes.as_deref(), references);
            }
        });
    });
}

/// The attributes of a new link that need further requests: those that [`create`] cannot set. For a
/// device that was not created by netlink, these are all attributes.
pub(crate) fn rest(link: &Link) -> Link {
    let mut rest = link.clone();
    if link.facts().is_none_or(|facts| facts.created_by == CreatedBy::Netlink) {
        at_creation(link.kind.as_ref(), &mut rest.attributes);
        rest.attributes = link.attributes.changes(&rest.attributes);
        // No protocol keeps a new link down, and not every device can be told so
        // (`do_set_proto_down`, net/core/rtnetlink.c).
        rest.attributes.protodown.take_if(|down| !*down);
        rest.flags = LinkFlags::default();
        rest.master = None;
    }
    rest.attributes.index = None;
    rest.kind = None;
    rest.device = None;
    rest.peer = None;
    rest.vlans = None;
    rest.peer_attributes = None;
    rest
}

/// Removes the attributes that the kernel ignores when it creates a link, and the MTU if the kind
/// requires that.
fn at_creation(kind: Option<&LinkKind>, attributes: &mut LinkAttributes) {
    attributes.alias = None;
    attributes.protodown = None;
    if kind.is_some_and(|kind| kind.facts().mtu == MtuAtCreation::ToldNext) {
        attributes.mtu = None;
    }
}

/// Whether [`update`] has anything to change, apart from the bridge port and the place.
pub(crate) fn says_something(change: &Link) -> bool {
    !change.attributes.is_empty()
        || !change.flags.is_empty()
        || change.master.is_some()
        || change.device.is_some()
        || change.kind.as_ref().is_some_and(|kind| !kind.is_empty())
}

/// The change of a link with everything that the kernel would otherwise reset. It also calculates the
/// MTU of a tunnel anew unless the request states it (`ip_tunnel_update`, net/ipv4/ip_tunnel.c).
pub(crate) fn completed<'l>(from: &Link, change: &'l Link) -> Cow<'l, Link> {
    let Some(kind) = from.kind.as_ref().filter(|kind| kind.facts().changes_whole) else {
        return Cow::Borrowed(change);
    };
    let of_kind = change.kind.as_ref().filter(|kind| !kind.is_empty());
    if of_kind.is_none() && change.device.is_none() {
        return Cow::Borrowed(change);
    }
    let mut whole = change.clone();
    whole.kind = Some(of_kind.unwrap_or(kind).completed(kind));
    whole.device = whole.device.or_else(|| from.device.clone());
    whole.attributes.mtu = whole.attributes.mtu.or(from.attributes.mtu);
    Cow::Owned(whole)
}

/// Appends the body of a request that changes the link that `at` names or numbers.
pub(crate) fn update(
    out: &mut Vec<u8>,
    at: Result<u32, &LinkName>,
    change: &Link,
    references: &References<'_>,
) {
    let (flags, mask) = change.flags.encode();
    fixed::link(out, at.unwrap_or_default(), flags, mask);
    if let Some(name) = references.name.or(at.err()) {
        put_name(out, name);
    }
    change.attributes.encode(out);
    put_references(out, references);
    if let Some(kind) = change.kind.as_ref().filter(|kind| !kind.is_empty()) {
        put(out, libc::IFLA_LINKINFO, |out| {
            put(out, libc::IFLA_INFO_KIND, |out| out.extend(kind.name().bytes()));
            put(out, libc::IFLA_INFO_DATA, |out| put_data(out, kind, references));
        });
    }
}

/// Appends the body of a request that changes the attributes of a port of a master of this kind.
pub(crate) fn update_port(out: &mut Vec<u8>, name: &LinkName, (kind, data): (&str, &[u8])) {
    fixed::link(out, 0, 0, 0);
    put_name(out, name);
    put(out, libc::IFLA_LINKINFO, |out| {
        put(out, libc::IFLA_INFO_SLAVE_KIND, |out| out.extend(kind.bytes()));
        put(out, libc::IFLA_INFO_SLAVE_DATA, |out| out.extend(data));
    });
}

/// The field to which the kernel points: of the link, or of its kind within `IFLA_INFO_DATA`.
pub(crate) fn field(link: &Link, at: PointedAt<'_>) -> Option<&'static str> {
    let outer = at.after(fixed::LINK)?;
    match outer.number {
        libc::IFLA_LINKINFO => {
            let data = at.within(outer)?;
            at.field(at.within(data)?, link.kind.as_ref()?.fields())
        }
        libc::IFLA_MASTER => Some("master"),
        libc::IFLA_NET_NS_FD => Some("netns"),
        libc::IFLA_IFNAME => Some("ifname"),
        libc::IFLA_LINK => Some("device"),
        _ => at.field(outer, LinkAttributes::FIELDS),
    }
}

fn put_references(out: &mut Vec<u8>, references: &References<'_>) {
    if let Some(netns) = references.netns {
        put_value(out, libc::IFLA_NET_NS_FD, &netns);
    }
    if let Some(master) = references.master {
        put_value(out, libc::IFLA_MASTER, &master);
    }
}

/// The link below, if a new link of this kind has it in the message itself.
fn put_below(out: &mut Vec<u8>, kind: Option<&LinkKind>, references: &References<'_>) {
    let attribute = kind.and_then(|kind| kind.facts().link_below.attribute());
    let named_here = attribute == Some(BelowAttribute::IflaLink);
    if let Some(below) = references.below.filter(|_| named_here) {
        put_value(out, libc::IFLA_LINK, &below);
    }
}

fn put_data(out: &mut Vec<u8>, kind: &LinkKind, references: &References<'_>) {
    kind.encode(out);
    let attribute = kind.facts().link_below.attribute().and_then(BelowAttribute::info_data);
    if let (Some(attribute), Some(below)) = (attribute, references.below) {
        put_value(out, attribute, &below);
    }
    if let (Some(attribute), Some(port)) = (kind.names_port(), references.named_port) {
        put_value(out, attribute, &port);
    }
}

/// The other end of a veth pair: a nested message.
fn put_peer(
    out: &mut Vec<u8>,
    peer: &Place,
    attributes: Option<&LinkAttributes>,
    references: &References<'_>,
) {
    put(out, VETH_INFO_PEER, |out| {
        let index = attributes.and_then(|attributes| attributes.index);
        fixed::link(out, index.unwrap_or_default(), 0, 0);
        put_name(out, &peer.ifname);
        attributes.iter().for_each(|attributes| attributes.encode(out));
        if let Some(netns) = references.peer_netns {
            put_value(out, libc::IFLA_NET_NS_FD, &netns);
        }
    });
}
