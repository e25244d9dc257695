//! iproute2-ip-neighbor and netloom-neighbor: configured and learned neighbours, and forwarding databases.

mod raise;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use netstate::{Key, LinkId, MacAddress, Neighbor, NeighborKey, NetnsName, Object, Place};
use serde::{Deserialize, Serialize};
use yang::{Node, Path, Value};

pub(crate) use raise::raise;

use crate::directory::Directory;
use crate::instances::{below, entries, entry_path, list_path, schema_node};
use crate::lowering::{Lowering, User};
use crate::noun::ShownIn;

use crate::{NamedConfiguration, spelling};

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::list("neighbors", "neighbor")];

/// `NUD_PERMANENT` (include/uapi/linux/neighbour.h).
const PERMANENT: u16 = 0x80;

/// An entry of list `neighbor`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(skip_serializing)]
    to_addr: String,
    #[serde(skip_serializing)]
    netns: Option<NetnsName>,
    #[serde(default)]
    dev: Option<LinkId>,
    #[serde(default)]
    proxy: Option<IpAddr>,
    #[serde(default)]
    router: Option<bool>,
    #[serde(default)]
    r#use: Option<bool>,
    #[serde(default)]
    managed: Option<bool>,
    #[serde(default)]
    extern_learn: Option<bool>,
    #[serde(default)]
    lladdr: Option<String>,
    #[serde(default)]
    nud: Option<u16>,
}

/// Every configured neighbour.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    for node in lowering.entries("neighbors", Some("neighbor")) {
        if let Some(entry) = lowering.read::<Entry>(&node) {
            NeighborLowering { lowering, path: entry_path(&node) }.lower(&entry);
        }
    }
}

struct NeighborLowering<'l, 'c> {
    lowering: &'l mut Lowering<'c>,
    path: Path,
}

impl NeighborLowering<'_, '_> {
    fn lower(mut self, entry: &Entry) {
        let netns = entry.netns.clone().unwrap_or_else(NetnsName::own);
        if !self.lowering.netns(&netns, || below(&self.path, &["netns"])) {
            return;
        }
        let Some(dev) = &entry.dev else {
            let message = "the neighbour needs a dev, the link that it is on";
            return self.lowering.faults.missing(&below(&self.path, &["dev"]), message);
        };
        let called = format!("the neighbour {}", entry.to_addr);
        let leaf = || below(&self.path, &["dev"]);
        let place = self.lowering.place_beside(&User { called: &called, netns: &netns }, dev, leaf);
        let address = self.address(entry, dev, place.as_ref());
        let neighbor = self.neighbor(entry);
        if let (Some(place), Some(address)) = (place, address) {
            let proxy = entry.proxy.is_some();
            let key = NeighborKey { netns, dev: place.ifname, address, proxy };
            if !self.lowering.add(Key::Neighbor(key), Object::Neighbor(neighbor)) {
                self.invalid(&[], format!("another entry is {address} on {dev} already"));
            }
        }
    }

    /// The neighbour's address. A zone in it must be the link, and has no other effect.
    fn address(&mut self, entry: &Entry, dev: &LinkId, place: Option<&Place>) -> Option<IpAddr> {
        let (text, zone) = split_zone(&entry.to_addr);
        let Ok(address) = text.parse::<IpAddr>() else {
            self.invalid(&[], format!("{text} is no IP address"));
            return None;
        };
        let is_dev =
            |zone| zone == dev.as_str() || place.is_some_and(|place| zone == place.ifname.as_str());
        if let Some(zone) = zone
            && !is_dev(zone)
        {
            self.invalid(&["dev"], format!("the address is in zone {zone}, which is another link"));
        }
        if address.is_multicast() || address.is_unspecified() {
            self.invalid(&[], format!("{address} is no address that a neighbour can have"));
        }
        Some(address)
    }

    fn neighbor(&mut self, entry: &Entry) -> Neighbor {
        if let Some(proxy) = entry.proxy {
            let to_addr = split_zone(&entry.to_addr).0.parse::<IpAddr>().ok();
            if to_addr.is_some_and(|address| address != proxy) {
                self.invalid(
                    &["proxy"],
                    "this is the address that the host answers for: to_addr once more",
                );
            }
            for (leaf, is_set) in [("lladdr", entry.lladdr.is_some()), ("nud", entry.nud.is_some())]
            {
                if is_set {
                    self.invalid(&[leaf], "the host answers with its own: a proxy entry has none");
                }
            }
            return Neighbor { router: entry.router, ..Neighbor::default() };
        }
        let lladdr = entry.lladdr.as_deref().filter(|text| *text != "null").and_then(|text| {
            let parsed = text.parse::<MacAddress>();
            parsed.map_err(|error| self.invalid(&["lladdr"], error.to_string())).ok()
        });
        // The kernel resolves these itself, so they have no configured state.
        let resolved = entry.r#use == Some(true) || entry.managed == Some(true);
        Neighbor {
            lladdr,
            nud: entry.nud.or((!resolved).then_some(PERMANENT)),
            router: entry.router,
            use_: entry.r#use,
            managed: entry.managed,
            extern_learn: entry.extern_learn,
        }
    }

    fn invalid(&mut self, leaf: &[&str], message: impl Into<String>) {
        self.lowering.faults.invalid(&below(&self.path, leaf), message);
    }
}

/// The entry of a neighbour, with the configuration's spelling of its keys.
pub(crate) fn path(key: &NeighborKey, known: &NamedConfiguration<'_>) -> Path {
    let (configuration, directory) = (known.configuration, known.directory());
    let found = entries(configuration, "neighbors", Some("neighbor"))
        .find(|node| configured_key(node, directory).as_ref() == Some(key));
    if let Some(node) = found {
        return entry_path(&node);
    }
    let Some(list) = schema_node(configuration.schema(), "neighbors", &["neighbor"]) else {
        return Path::default();
    };
    list_path(list).join(list, vec![spelling::address(key.address), spelling::netns(&key.netns)])
}

/// The kernel's key for an entry.
fn configured_key(node: &Node<'_>, directory: &Directory) -> Option<NeighborKey> {
    let [to_addr, netns] = node.keys() else { return None };
    let dev = node.leaf("dev")?.to_string().parse::<LinkId>().ok()?;
    let place = directory.link(&dev)?.place.clone()?;
    Some(NeighborKey {
        netns: netns.to_string().parse().ok()?,
        dev: place.ifname,
        address: split_zone(&to_addr.to_string()).0.parse().ok()?,
        proxy: node.leaf("proxy").is_some(),
    })
}

fn split_zone(text: &str) -> (&str, Option<&str>) {
    match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    }
}

fn keys(address: &str, netns: &NetnsName) -> Vec<Value> {
    vec![Value::String(address.into()), spelling::netns(netns)]
}
