//! Links on the wire (`struct ifinfomsg` and `IFLA_…`).

use netstate::attribute::{Attributes, Fields, Flags, Value, put, put_value};
use netstate::link::{
    BelowAttribute, BridgePort, CreatedBy, Link, LinkAttributes, LinkFlags, LinkKind, LinkStatus,
    Master, MtuAtCreation, Place, Statistics,
};
use netstate::{LinkName, MacAddress, NetnsName};

use crate::execute::PointedAt;
use crate::message::{Message, Wire, fixed, row};
use crate::uapi::VETH_INFO_PEER;

mod execute;
mod observe;

pub(crate) use execute::execute;
pub(crate) use observe::{notified, observe, observe_part};

/// How the kernel is asked for such objects, and where it notifies of them.
pub(crate) const WIRE: Wire =
    Wire { get: libc::RTM_GETLINK, plural: "links", groups: &[libc::RTNLGRP_LINK] };

/// What a request for a link refers to: by number, looked up in the namespace where each belongs.
#[derive(Debug, Default)]
pub(crate) struct References<'a> {
    /// The link's new name.
    pub(crate) name: Option<&'a LinkName>,
    /// The descriptor of the namespace to put the link into, where that is another than the socket's.
    pub(crate) netns: Option<i32>,
    /// The descriptor of the namespace of a veth's other end, where that is another than the socket's.
    pub(crate) peer_netns: Option<i32>,
    /// The index of the master; zero frees the link.
    pub(crate) master: Option<u32>,
    /// The index of the link below.
    pub(crate) below: Option<u32>,
}

/// Appends the body of a request that makes a link. What only a link that exists can be told is in [`rest`].
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
                put_peer(out, peer, references);
            }
        });
    });
}

/// What of a new link goes into further requests: what [`create`] does not tell, or, of a device that was not
/// made by netlink, everything.
pub(crate) fn rest(link: &Link) -> Link {
    let mut rest = link.clone();
    if link.facts().is_none_or(|facts| facts.created_by == CreatedBy::Netlink) {
        at_creation(link.kind.as_ref(), &mut rest.attributes);
        rest.attributes = link.attributes.changes(&rest.attributes);
        rest.flags = LinkFlags::default();
        rest.master = None;
    }
    rest.attributes.index = None;
    rest.kind = None;
    rest.device = None;
    rest.peer = None;
    rest
}

/// Takes out what the kernel ignores in a request to make a link, and the MTU where the kind says so.
fn at_creation(kind: Option<&LinkKind>, attributes: &mut LinkAttributes) {
    attributes.alias = None;
    attributes.protodown = None;
    if kind.is_some_and(|kind| kind.facts().mtu == MtuAtCreation::ToldNext) {
        attributes.mtu = None;
    }
}

/// Whether [`update`] with this has something to say, the port and the place left aside.
pub(crate) fn says_something(change: &Link) -> bool {
    !change.attributes.is_empty()
        || !change.flags.is_empty()
        || change.master.is_some()
        || change.device.is_some()
        || change.kind.as_ref().is_some_and(|kind| !kind.is_empty())
}

/// Appends the body of a request that changes the link which `at` names or numbers.
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

/// Appends the body of a request that changes what a link has as a bridge's port.
pub(crate) fn update_port(out: &mut Vec<u8>, name: &LinkName, port: &BridgePort) {
    fixed::link(out, 0, 0, 0);
    put_name(out, name);
    put(out, libc::IFLA_LINKINFO, |out| {
        put(out, libc::IFLA_INFO_SLAVE_KIND, |out| out.extend(b"bridge"));
        put(out, libc::IFLA_INFO_SLAVE_DATA, |out| port.encode(out));
    });
}

/// Appends the body of a request that names a link: to delete it, or to ask for it.
pub(crate) fn named(out: &mut Vec<u8>, name: &LinkName) {
    fixed::link(out, 0, 0, 0);
    put_name(out, name);
}

/// The field that the kernel points at: of the link, or of its kind within `IFLA_INFO_DATA`.
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

/// A link as a message tells it, with numbers where it speaks of other links.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The link; its place is right, what refers to other links is not filled in.
    pub(crate) link: Link,
    pub(crate) index: u32,
    /// The index of its master.
    pub(crate) master: Option<u32>,
    /// The index of the link below or at the other end.
    pub(crate) below: Option<u32>,
    /// The identifier, in the link's namespace, of the namespace of `below`, where that is another.
    pub(crate) below_netns: Option<i32>,
}

/// Reads a message on a link of namespace `netns`. None where it is not on a link, or its name is not one that
/// can be written.
pub(crate) fn decode(message: Message<'_>, netns: &NetnsName) -> Option<Seen> {
    if message.kind != libc::RTM_NEWLINK {
        return None;
    }
    let mut name = None;
    let (mut master, mut below, mut below_netns) = (None, None, None);
    let mut info: &[u8] = &[];
    let flags: u32 = message.number(8);
    let mut status = LinkStatus {
        index: message.number(4),
        device_type: message.number(2),
        flags,
        ..LinkStatus::default()
    };
    for (number, value) in message.attributes(fixed::LINK) {
        match number {
            libc::IFLA_IFNAME => name = String::take(value)?.parse::<LinkName>().ok(),
            libc::IFLA_MASTER => master = u32::take(value),
            libc::IFLA_LINK => below = u32::take(value),
            libc::IFLA_LINK_NETNSID => below_netns = i32::take(value),
            libc::IFLA_LINKINFO => info = value,
            libc::IFLA_OPERSTATE => status.operstate = u8::take(value)?,
            libc::IFLA_LINKMODE => status.linkmode = u8::take(value)?,
            libc::IFLA_QDISC => status.qdisc = String::take(value)?,
            libc::IFLA_MIN_MTU => status.min_mtu = u32::take(value).filter(|mtu| *mtu != 0),
            libc::IFLA_MAX_MTU => status.max_mtu = u32::take(value).filter(|mtu| *mtu != 0),
            libc::IFLA_PERM_ADDRESS => status.permanent_address = MacAddress::take(value),
            libc::IFLA_STATS64 => status.statistics = statistics(value),
            _ => {}
        }
    }
    let (mut kind_text, mut data, mut slave_kind, mut slave_data) =
        (String::new(), &[][..], "", &[][..]);
    for (number, value) in row(info) {
        match number {
            libc::IFLA_INFO_KIND => kind_text = String::take(value)?,
            libc::IFLA_INFO_DATA => data = value,
            libc::IFLA_INFO_SLAVE_KIND => slave_kind = str::from_utf8(value).unwrap_or_default(),
            libc::IFLA_INFO_SLAVE_DATA => slave_data = value,
            _ => {}
        }
    }
    let kind = LinkKind::decode(&kind_text, data).unwrap_or_else(|_| LinkKind::named(&kind_text));
    if let Some(BelowAttribute::InfoData(attribute)) = kind.facts().link_below.attribute() {
        let underlay = row(data).find(|(number, _)| *number == attribute);
        below = underlay.and_then(|(_, value)| u32::take(value));
    }
    let port = match slave_kind.trim_end_matches('\0') {
        "bridge" => BridgePort::decode(slave_data).unwrap_or_default(),
        _ => BridgePort::default(),
    };
    let attributes: LinkAttributes = message.decode(fixed::LINK);
    let link = Link {
        place: Place { netns: netns.clone(), ifname: name? },
        kind: Some(kind),
        attributes: LinkAttributes { index: Some(status.index), ..attributes },
        flags: LinkFlags::decode(flags),
        master: Some(Master::Free),
        port,
        device: None,
        peer: None,
        status: None,
    };
    // A link may say that it is below itself: there is none below it.
    let below =
        below.filter(|below| *below != 0 && (*below != status.index || below_netns.is_some()));
    let index = status.index;
    Some(Seen {
        link: Link { status: Some(Box::new(status)), ..link },
        index,
        master,
        below,
        below_netns,
    })
}

/// Reads of a message on a link only its index and its name.
pub(crate) fn decode_name(message: Message<'_>) -> Option<(u32, LinkName)> {
    let mut attributes = message.attributes(fixed::LINK);
    let (_, name) = attributes.find(|(number, _)| *number == libc::IFLA_IFNAME)?;
    Some((message.number(4), String::take(name)?.parse().ok()?))
}

fn put_name(out: &mut Vec<u8>, name: &LinkName) {
    put(out, libc::IFLA_IFNAME, |out| {
        out.extend(name.as_str().bytes());
        out.push(0);
    });
}

fn put_references(out: &mut Vec<u8>, references: &References<'_>) {
    if let Some(netns) = references.netns {
        put_value(out, libc::IFLA_NET_NS_FD, &netns);
    }
    if let Some(master) = references.master {
        put_value(out, libc::IFLA_MASTER, &master);
    }
}

/// The link below, where a new link names it in the message itself.
fn put_below(out: &mut Vec<u8>, kind: Option<&LinkKind>, references: &References<'_>) {
    let attribute = kind.and_then(|kind| kind.facts().link_below.attribute());
    let named_here = attribute == Some(BelowAttribute::IflaLink);
    if let Some(below) = references.below.filter(|_| named_here) {
        put_value(out, libc::IFLA_LINK, &below);
    }
}

fn put_data(out: &mut Vec<u8>, kind: &LinkKind, references: &References<'_>) {
    kind.encode(out);
    if let (Some(BelowAttribute::InfoData(attribute)), Some(below)) =
        (kind.facts().link_below.attribute(), references.below)
    {
        put_value(out, attribute, &below);
    }
}

/// The other end of a pair: a message within the message.
fn put_peer(out: &mut Vec<u8>, peer: &Place, references: &References<'_>) {
    put(out, VETH_INFO_PEER, |out| {
        fixed::link(out, 0, 0, 0);
        put_name(out, &peer.ifname);
        if let Some(netns) = references.peer_netns {
            put_value(out, libc::IFLA_NET_NS_FD, &netns);
        }
    });
}

/// Reads a `struct rtnl_link_stats64`.
fn statistics(bytes: &[u8]) -> Statistics {
    let counter = |at: usize| bytes.get(at * 8..at * 8 + 8).and_then(u64::take).unwrap_or_default();
    Statistics {
        rx_packets: counter(0),
        tx_packets: counter(1),
        rx_bytes: counter(2),
        tx_bytes: counter(3),
        rx_errors: counter(4),
        tx_errors: counter(5),
        rx_dropped: counter(6),
        tx_dropped: counter(7),
        multicast: counter(8),
        collisions: counter(9),
        rx_over_errors: counter(11),
        tx_carrier_errors: counter(17),
    }
}
