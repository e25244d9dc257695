//! Reading links: the requests, and the kernel's messages.

use std::collections::HashMap;

use netstate::attribute::{Flags, Value, put, put_value};
use netstate::link::{
    BelowAttribute, Link, LinkAttributes, LinkFlags, LinkKind, LinkStatus, Master, Place, Port,
    Statistics,
};
use netstate::{LinkName, MacAddress, NetnsName};

use crate::fault::Fault;
use crate::message::{Message, fixed, row};
use crate::socket::NetlinkSocket;
use crate::uapi::RTEXT_FILTER_SKIP_STATS;

/// A link as it was read, with the indexes of other links.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The link, without the references to other links.
    pub(crate) link: Link,
    pub(crate) index: u32,
    /// The index of its master.
    pub(crate) master: Option<u32>,
    /// The index of the link below or at the other end.
    pub(crate) below: Option<u32>,
    /// The index of the port that an attribute of its kind names.
    pub(crate) named_port: Option<u32>,
    /// The identifier of the namespace of `below`, as the link's namespace knows it, if it is
    /// another one.
    pub(crate) below_netns: Option<i32>,
}

/// Reads a message about a link of namespace `netns`. None if it is not about a link, or if the
/// name is not valid as text.
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
    let attribute = kind.facts().link_below.attribute();
    if let Some(attribute) = attribute.and_then(BelowAttribute::info_data) {
        let underlay = row(data).find(|(number, _)| *number == attribute);
        below = underlay.and_then(|(_, value)| u32::take(value));
    }
    let names_port = kind.names_port();
    let named_port = names_port.and_then(|at| row(data).find(|(number, _)| *number == at));
    let named_port = named_port.and_then(|(_, value)| u32::take(value));
    let port = Port::decode(slave_kind.trim_end_matches('\0'), slave_data);
    let attributes: LinkAttributes = message.decode(fixed::LINK);
    let link = Link {
        place: Place { netns: netns.clone(), ifname: name? },
        kind: Some(kind),
        attributes: LinkAttributes { index: Some(status.index), ..attributes },
        flags: LinkFlags::decode(flags),
        master: Some(Master::Free),
        port,
        vlans: None,
        device: None,
        peer: None,
        peer_attributes: None,
        status: None,
    };
    // A link may name itself as the link below. There is none then.
    let below =
        below.filter(|below| *below != 0 && (*below != status.index || below_netns.is_some()));
    let index = status.index;
    Some(Seen {
        link: Link { status: Some(Box::new(status)), ..link },
        index,
        master,
        below,
        named_port,
        below_netns,
    })
}

/// Reads only the index and the name from a message about a link.
pub(crate) fn decode_name(message: Message<'_>) -> Option<(u32, LinkName)> {
    let mut attributes = message.attributes(fixed::LINK);
    let (_, name) = attributes.find(|(number, _)| *number == libc::IFLA_IFNAME)?;
    Some((message.number(4), String::take(name)?.parse().ok()?))
}

/// The names of the links of a namespace by their indexes, read with `socket`.
pub(crate) fn link_names(socket: &mut NetlinkSocket) -> Result<HashMap<u32, LinkName>, Fault> {
    Ok(socket.dump(libc::RTM_GETLINK, ask_for_links, decode_name)?.into_iter().collect())
}

/// Appends the body of a request for all links.
pub(crate) fn ask_for_links(out: &mut Vec<u8>) {
    fixed::link(out, 0, 0, 0);
    put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
}

/// Appends the body of a request that names a link, to delete it or to read it.
pub(crate) fn named(out: &mut Vec<u8>, name: &LinkName) {
    fixed::link(out, 0, 0, 0);
    put_name(out, name);
}

/// Appends the attribute of a link's name.
pub(super) fn put_name(out: &mut Vec<u8>, name: &LinkName) {
    put(out, libc::IFLA_IFNAME, |out| {
        out.extend(name.as_str().bytes());
        out.push(0);
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
