//! Observed links as operational data.

use std::collections::HashMap;

use netstate::link::NamedPort;
use netstate::{
    Address, AddressKey, Key, Link, LinkAttributes, LinkFlags, LinkId, LinkKind, LinkStatus,
    MacAddress, Master, Object, Place,
};
use yang::{Error, Path, SchemaNode, Tree, Value};

use super::entry::{BridgeConf, Entry, LinkState, Lladdresses, Received, Sent, Stats64};
use super::{addresses, kind, vlans};
use crate::directory::Directory;
use crate::instances::list_path;
use crate::names::Names;
use crate::raising::Raising;

/// `IFF_…` (include/uapi/linux/if.h) with the names and the order of ip-link(8).
const FLAGS: [(u32, &str); 18] = [
    (0x8, "LOOPBACK"),
    (0x2, "BROADCAST"),
    (0x10, "POINTOPOINT"),
    (0x1000, "MULTICAST"),
    (0x80, "NOARP"),
    (0x200, "ALLMULTI"),
    (0x100, "PROMISC"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x4, "DEBUG"),
    (0x8000, "DYNAMIC"),
    (0x4000, "AUTOMEDIA"),
    (0x2000, "PORTSEL"),
    (0x20, "NOTRAILERS"),
    (0x1, "UP"),
    (0x1_0000, "LOWER_UP"),
    (0x2_0000, "DORMANT"),
    (0x4_0000, "ECHO"),
];
const IFF_UP: u32 = 0x1;
const IFF_POINTOPOINT: u32 = 0x10;
const IFF_RUNNING: u32 = 0x40;

/// The highest values of `IF_OPER_…` and `IF_LINK_MODE_…` (include/uapi/linux/if.h).
const IF_OPER_UP: u8 = 6;
const IF_LINK_MODE_TESTING: u8 = 2;

/// `ARPHRD_…` (include/uapi/linux/if_arp.h) that have an identity.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

/// Every link with its addresses: in the list where it is configured, otherwise in that of its
/// kind.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Raising { observed, names, configuration, directory } = raising;
    let mut addresses: HashMap<Place, Vec<(&AddressKey, &Address)>> = HashMap::new();
    let mut up: HashMap<&Place, bool> = HashMap::new();
    for (key, object) in &observed.objects {
        if let (Key::Address(key), Object::Address(address)) = (key, object) {
            let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
            addresses.entry(place).or_default().push((key, address));
        }
        if let Object::Link(link) = object {
            let flags = link.status.as_ref().map_or(0, |status| status.flags);
            up.insert(&link.place, flags & IFF_UP != 0);
        }
    }
    for (key, object) in &observed.objects {
        let (Key::Link(id), Object::Link(link)) = (key, object) else { continue };
        let Some(path) = entry_path(id, link, directory, tree) else { continue };
        let Some(list) = path.steps.last().map(|step| step.node) else { continue };
        let mut entry = entry(id, link, names, list);
        if let Some(state) = &mut entry.state
            && link.device.as_ref().is_some_and(|device| up.get(device) == Some(&false))
        {
            state.flags.push("M-DOWN");
        }
        let spelled = addresses::configured(&path, configuration);
        for (key, address) in addresses.get(&link.place).into_iter().flatten() {
            let spelled = spelled.get(&key.address);
            let text = spelled.map_or_else(|| key.address.to_string(), |(text, _)| text.clone());
            // The list has one entry for addresses that differ only in their far ends.
            if entry.ip.iter().all(|other| other.address != text) {
                let configured = spelled.map(|(_, options)| options);
                entry.ip.push(addresses::entry(key, address, (text, configured)));
            }
        }
        tree.serialize(&path, &entry)?;
        if let Some(kind) = &link.kind {
            kind::write(&kind.without_late(), &path, tree)?;
            if let Some(NamedPort::Port(port)) = kind.named_port()
                && let Some(port) = names.name(&link.place.netns, port)
                && let Some(leaf) = kind::named_port(list, kind.name())
                && let leaf = super::below(&path, &leaf)
                && let Some(node) = leaf.steps.last().map(|step| step.node)
            {
                tree.set(&leaf, node.value(port.as_str())?)?;
            }
            let below = link.device.as_ref().and_then(|at| names.name(&at.netns, &at.ifname));
            let leaf = kind::link_below(list, kind.name()).map(|leaf| super::below(&path, &leaf));
            if let (Some(below), Some(leaf)) = (below, leaf)
                && let Some(node) = leaf.steps.last().map(|step| step.node)
            {
                tree.set(&leaf, node.value(below.as_str())?)?;
            }
        }
    }
    Ok(())
}

/// The entry of a link: the configured one, or one in the list of its kind.
fn entry_path(id: &LinkId, link: &Link, directory: &Directory, tree: &Tree) -> Option<Path> {
    if let Some(known) = directory.link(id) {
        return Some(known.path.clone());
    }
    let list = kind::list_for(tree.schema(), link.kind.as_ref())?;
    Some(list_path(list).join(list, vec![Value::String(id.as_str().into())]))
}

fn entry(id: &LinkId, link: &Link, names: &Names<'_>, list: &'static SchemaNode) -> Entry {
    let Place { netns, ifname } = &link.place;
    let LinkAttributes { mtu, group, mac_address, broadcast, alias, .. } = link.attributes.clone();
    let [mac_addr, broadcast] = [mac_address, broadcast].map(|address| address.filter(is_some));
    let flags = link.status.as_ref().map_or(0, |status| status.flags);
    let (broadcast_addr, peer_addr) =
        if flags & IFF_POINTOPOINT != 0 { (None, broadcast) } else { (broadcast, None) };
    let entry = Entry {
        mtu,
        admin_status: link.flags.up,
        index: link.status.as_ref().map(|status| status.index).or(link.attributes.index),
        netns: Some(netns.clone()),
        group,
        master: match &link.master {
            Some(Master::Of(master)) => names.name(netns, master),
            Some(Master::Free) | None => None,
        },
        advance: Some(LinkAttributes {
            index: None,
            mtu: None,
            group: None,
            mac_address: None,
            broadcast: None,
            alias: None,
            ..link.attributes.clone()
        }),
        modes: Some(LinkFlags { up: None, ..link.flags.clone() }),
        lladdresses: Some(Lladdresses { mac_addr, broadcast_addr, peer_addr }),
        bridge_conf: Some(BridgeConf {
            link: Some(link.port.bridge.clone()),
            vlan: vlans::entries(link.vlans.as_ref(), link.is_bridge()),
        }),
        bond_slave: Some(link.port.bond.clone()),
        ifname: Some(ifname.clone()).filter(|ifname| ifname.as_str() != id.as_str()),
        description: alias.filter(|alias| is_a_line(alias)),
        state: link.status.as_ref().map(|status| state(link, status)),
        ..Entry::default()
    };
    with_kind(entry, link, names, list)
}

/// Whether the leaf `description` can hold the alias, which others may have set.
fn is_a_line(alias: &str) -> bool {
    (1..=255).contains(&alias.chars().count()) && !alias.chars().any(char::is_control)
}

/// Whether there is an address. A link without one has an empty one.
fn is_some(address: &MacAddress) -> bool {
    !address.octets().is_empty()
}

/// The entry with the leaves of its list that depend on the link's kind: its type, its peer, the
/// link below.
fn with_kind(entry: Entry, link: &Link, names: &Names<'_>, list: &'static SchemaNode) -> Entry {
    let name = |at: &Option<Place>| at.as_ref().and_then(|at| names.name(&at.netns, &at.ifname));
    let kind_name = link.kind.as_ref().map_or("", LinkKind::name);
    let has = |name: &str| list.child(None, name).is_some();
    let (says_type, says_device) = (has("type"), has("device"));
    Entry {
        lladdresses: entry.lladdresses.filter(|_| has("lladdresses")),
        bridge_conf: entry.bridge_conf.filter(|_| has("bridge-conf")),
        bond_slave: entry.bond_slave.filter(|_| has("bond_slave")),
        r#type: kind::identity(list, kind_name),
        virtual_peer_name: name(&link.peer).filter(|_| says_type),
        // The underlay of a tunnel has its own leaf.
        device: name(&link.device)
            .filter(|_| says_device && kind::link_below(list, kind_name).is_none()),
        ..entry
    }
}

fn state(link: &Link, status: &LinkStatus) -> LinkState {
    let no_carrier = status.flags & (IFF_UP | IFF_RUNNING) == IFF_UP;
    let flags = FLAGS.iter().filter(|(bit, _)| status.flags & bit != 0).map(|(_, name)| *name);
    let counters = &status.statistics;
    LinkState {
        flags: no_carrier.then_some("NO-CARRIER").into_iter().chain(flags).collect(),
        qdisc: Some(status.qdisc.clone()).filter(|qdisc| !qdisc.is_empty()),
        operstate: Some(status.operstate).filter(|state| *state <= IF_OPER_UP),
        linkmode: Some(status.linkmode).filter(|mode| *mode <= IF_LINK_MODE_TESTING),
        stats64: Stats64 {
            rx: Received {
                bytes: counters.rx_bytes,
                packets: counters.rx_packets,
                errors: counters.rx_errors,
                dropped: counters.rx_dropped,
                over_errors: counters.rx_over_errors,
                multicast: counters.multicast,
            },
            tx: Sent {
                bytes: counters.tx_bytes,
                packets: counters.tx_packets,
                errors: counters.tx_errors,
                dropped: counters.tx_dropped,
                carrier_errors: counters.tx_carrier_errors,
                collisions: counters.collisions,
            },
        },
        kind: link
            .kind
            .as_ref()
            .map(LinkKind::name)
            .filter(|kind| !kind.is_empty())
            .map(Into::into),
        hardware: match status.device_type {
            ARPHRD_ETHER => Some("iproute2-ip-link:ether"),
            ARPHRD_LOOPBACK => Some("iproute2-ip-link:loopback"),
            _ => None,
        },
    }
}
