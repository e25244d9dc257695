//! States as tests compare and show them.

use std::net::IpAddr;

use netstate::address::Lifetime;
use netstate::uapi::RTPROT_KERNEL;
use netstate::{
    Address, AddressKey, AddressOptions, Key, Link, LinkKind, Nexthop, Object, Place, State,
};

use super::parsed;

/// The part of a kernel's state that follows from a configuration, without random values, counters,
/// and objects of the kernel itself. Links are named by their places.
pub fn comparable(state: State) -> State {
    let entry = |(key, object): (Key, Object)| match (key, object) {
        (Key::Link(_), Object::Link(mut link)) => {
            link.status = None;
            link.attributes.index = None;
            link.attributes.mac_address = None;
            let name = format!("{}@{}", link.place.ifname, link.place.netns);
            Some((Key::Link(parsed(&name)), Object::Link(link)))
        }
        (Key::Address(key), Object::Address(address)) => {
            let is_link_local = matches!(key.address.addr(), IpAddr::V6(address) if address.is_unicast_link_local());
            let is_made =
                !address.is_automatic() && !is_link_local && !key.address.addr().is_loopback();
            let options = options(&key, &address);
            is_made.then(|| (Key::Address(key), Object::Address(options.into())))
        }
        (Key::Sysctl(key), Object::Sysctl(value)) => {
            let initial = if key.path.as_str().ends_with("/accept_redirects") { "1" } else { "0" };
            (value != initial).then_some((Key::Sysctl(key), Object::Sysctl(value)))
        }
        // The kernel joins multicast groups, and learns addresses.
        (Key::Fdb(_) | Key::Neighbor(_), _) => None,
        (_, Object::Route(route)) if route.protocol == Some(RTPROT_KERNEL) => None,
        other => Some(other),
    };
    State { objects: state.objects.into_iter().filter_map(entry).collect() }
}

/// The options of an address that follow from a configuration. The kernel counts lifetimes down, and renames labels.
fn options(key: &AddressKey, address: &Address) -> AddressOptions {
    let options = match &address.status {
        Some(status) => AddressOptions::of(key, status),
        None => address.whole(key, None),
    };
    let has_end = |lifetime: Option<Lifetime>| {
        lifetime.filter(|lifetime| *lifetime != Lifetime::Forever).map(|_| Lifetime::Seconds(1))
    };
    let valid_lft = has_end(options.valid_lft);
    let preferred_lft = has_end(options.preferred_lft);
    AddressOptions { label: None, valid_lft, preferred_lft, ..options }
}

/// A state, one object per line.
#[allow(clippy::wildcard_enum_match_arm, reason = "what has no form of its own is shown as it is")]
pub fn described(state: &State) -> String {
    let line = |(key, object): (&Key, &Object)| {
        let object = match object {
            Object::Link(link) => {
                let kind = link.kind.as_ref().map_or("", LinkKind::name);
                let Link { place, flags, attributes, master, device, peer, .. } = &**link;
                let at = |place: &Place| format!("{}@{}", place.ifname, place.netns);
                let mut text = format!("{} {kind} up {:?}", at(place), flags.up);
                for (word, value) in [
                    ("mtu", attributes.mtu.map(|mtu| mtu.to_string())),
                    ("master", master.as_ref().map(|master| format!("{master:?}"))),
                    ("on", device.as_ref().map(at)),
                    ("peer", peer.as_ref().map(at)),
                ] {
                    if let Some(value) = value {
                        text += &format!(" {word} {value}");
                    }
                }
                text
            }
            Object::Route(route) => {
                let hop = |hop: &Nexthop| format!("{:?} via {:?} {}", hop.dev, hop.via, hop.onlink);
                let hops: Vec<String> = route.nexthops.iter().map(hop).collect();
                let nhid = route.nhid.map(|nhid| format!(" nhid {nhid}")).unwrap_or_default();
                format!("{:?} {}{nhid} from {:?}", route.kind, hops.join(" and "), route.source)
            }
            other => format!("{other:?}"),
        };
        let key = match key {
            Key::Sysctl(key) => format!("{}: {}", key.netns, key.path),
            Key::Address(key) => format!("{} on {}@{}", key.address, key.dev, key.netns),
            Key::Route(key) => format!("{} table {} in {}", key.prefix, key.table, key.netns),
            other => format!("{other:?}"),
        };
        format!("{key}: {object}")
    };
    state.objects.iter().map(line).collect::<Vec<_>>().join("\n")
}
