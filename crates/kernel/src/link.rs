//! Links on the wire (`struct ifinfomsg` and `IFLA_…`).

use netstate::attribute::{Attributes, Fields, Flags, Value, put, put_value};
use netstate::link::{
    Bridge, BridgePort, Link, LinkAttributes, LinkFlags, LinkKind, LinkStatus, Master, Place,
    Statistics, Tun, Vxlan,
};
use netstate::uapi::IFLA_VXLAN_LINK;
use netstate::{LinkName, MacAddress, NetnsName};

use crate::message::{Message, fixed, row};
use crate::uapi::VETH_INFO_PEER;

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
    put(out, libc::IFLA_LINKINFO, |out| {
        let Some(kind) = &link.kind else { return };
        put(out, libc::IFLA_INFO_KIND, |out| out.extend(kind_name(kind).bytes()));
        put(out, libc::IFLA_INFO_DATA, |out| match kind {
            LinkKind::Veth { peer: Some(peer) } => put(out, VETH_INFO_PEER, |out| {
                fixed::link(out, 0, 0, 0);
                put_name(out, &peer.ifname);
                if let Some(netns) = references.peer_netns {
                    put_value(out, libc::IFLA_NET_NS_FD, &netns);
                }
            }),
            LinkKind::Veth { peer: None }
            | LinkKind::Dummy
            | LinkKind::Ifb
            | LinkKind::Tun(_)
            | LinkKind::Bridge(_)
            | LinkKind::Vxlan(_)
            | LinkKind::Other(_) => put_data(out, kind, references),
        });
    });
}

/// What of a new link goes into further requests: what [`create`] does not tell, or, of a device that was not
/// made by netlink, everything.
pub(crate) fn rest(link: &Link) -> Link {
    let mut rest = link.clone();
    let made_by_netlink = !matches!(link.kind, Some(LinkKind::Tun(_)));
    if made_by_netlink {
        at_creation(link.kind.as_ref(), &mut rest.attributes);
        rest.attributes = link.attributes.changes(&rest.attributes);
        rest.flags = LinkFlags::default();
        rest.master = None;
    }
    rest.attributes.index = None;
    rest.kind = None;
    rest.device = None;
    rest
}

/// Takes out what the kernel does not heed in a request to make a link, and veth's MTU, for which a new link's refusal
/// has no words where that of a link that exists has.
fn at_creation(kind: Option<&LinkKind>, attributes: &mut LinkAttributes) {
    attributes.alias = None;
    attributes.protodown = None;
    if matches!(kind, Some(LinkKind::Veth { .. })) {
        attributes.mtu = None;
    }
}

/// Whether [`update`] with this has something to say, the port and the place left aside.
pub(crate) fn says_something(change: &Link) -> bool {
    !change.attributes.is_empty()
        || !change.flags.is_empty()
        || change.master.is_some()
        || change.device.is_some()
        || change.kind.as_ref().is_some_and(has_data)
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
    if let Some(kind) =
        change.kind.as_ref().filter(|kind| has_data(kind) || references.below.is_some())
    {
        put(out, libc::IFLA_LINKINFO, |out| {
            put(out, libc::IFLA_INFO_KIND, |out| out.extend(kind_name(kind).bytes()));
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

/// The field whose attribute is `number`, of a link or (inside `IFLA_INFO_DATA`) of its kind.
pub(crate) fn field(number: u16, kind: Option<&LinkKind>) -> Option<&'static str> {
    let fields = match kind {
        None => match number {
            libc::IFLA_MASTER => return Some("master"),
            libc::IFLA_NET_NS_FD => return Some("netns"),
            libc::IFLA_IFNAME => return Some("ifname"),
            _ => LinkAttributes::FIELDS,
        },
        Some(LinkKind::Bridge(_)) => Bridge::FIELDS,
        Some(LinkKind::Vxlan(_)) => Vxlan::FIELDS,
        Some(LinkKind::Tun(_)) => Tun::FIELDS,
        Some(LinkKind::Veth { .. } | LinkKind::Dummy | LinkKind::Ifb | LinkKind::Other(_)) => &[],
    };
    fields.iter().find(|field| field.attribute == number && number != 0).map(|field| field.name)
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
    let kind = match kind_text.as_str() {
        "veth" => LinkKind::Veth { peer: None },
        "dummy" => LinkKind::Dummy,
        "ifb" => LinkKind::Ifb,
        "tun" => LinkKind::Tun(Tun::decode(data).unwrap_or_default()),
        "bridge" => LinkKind::Bridge(Bridge::decode(data).unwrap_or_default()),
        "vxlan" => LinkKind::Vxlan(Box::new(Vxlan::decode(data).unwrap_or_default())),
        _ => LinkKind::Other(kind_text),
    };
    if matches!(kind, LinkKind::Vxlan(_)) {
        let underlay = row(data).find(|(number, _)| *number == IFLA_VXLAN_LINK);
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

/// The kind as `IFLA_INFO_KIND` has it.
pub(crate) fn kind_name(kind: &LinkKind) -> &str {
    match kind {
        LinkKind::Veth { .. } => "veth",
        LinkKind::Dummy => "dummy",
        LinkKind::Ifb => "ifb",
        LinkKind::Tun(_) => "tun",
        LinkKind::Bridge(_) => "bridge",
        LinkKind::Vxlan(_) => "vxlan",
        LinkKind::Other(name) => name,
    }
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

fn has_data(kind: &LinkKind) -> bool {
    match kind {
        LinkKind::Bridge(bridge) => !bridge.is_empty(),
        LinkKind::Vxlan(vxlan) => !vxlan.is_empty(),
        LinkKind::Veth { .. }
        | LinkKind::Dummy
        | LinkKind::Ifb
        | LinkKind::Tun(_)
        | LinkKind::Other(_) => false,
    }
}

fn put_data(out: &mut Vec<u8>, kind: &LinkKind, references: &References<'_>) {
    match kind {
        LinkKind::Bridge(bridge) => bridge.encode(out),
        LinkKind::Vxlan(vxlan) => {
            vxlan.encode(out);
            if let Some(below) = references.below {
                put_value(out, IFLA_VXLAN_LINK, &below);
            }
        }
        LinkKind::Veth { .. }
        | LinkKind::Dummy
        | LinkKind::Ifb
        | LinkKind::Tun(_)
        | LinkKind::Other(_) => {}
    }
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
