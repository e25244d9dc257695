//! Observed neighbours as operational data.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use netstate::{Key, LinkName, Neighbor, NeighborKey, NetnsName, Object};
use yang::{Error, Tree, Value};

use super::{Entry, configured_key, keys};
use crate::instances::{entries, list_path, schema_node};
use crate::raising::Raising;

/// `NUD_NONE`, and `NUD_NOARP`, which the kernel gives to addresses that need no resolution, such
/// as groups.
const UNTOLD: [u16; 2] = [0, 0x40];

/// What was observed of an address on a link: the neighbour, and the proxy entry.
type Seen<'o> = (Option<&'o Neighbor>, Option<&'o Neighbor>);

/// Configured and learned neighbours. If an address was observed on several links of a namespace,
/// the key contains the link as a zone, except for the configured entry.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Raising { observed, names, configuration, directory } = raising;
    let Some(list) = schema_node(tree.schema(), "neighbors", &["neighbor"]) else { return Ok(()) };
    let configured: HashMap<NeighborKey, Vec<Value>> =
        entries(configuration, "neighbors", Some("neighbor"))
            .filter_map(|node| Some((configured_key(&node, directory)?, node.keys().to_vec())))
            .collect();
    let mut addresses: BTreeMap<(&NetnsName, IpAddr), BTreeMap<&LinkName, Seen<'_>>> =
        BTreeMap::new();
    for (key, object) in &observed.objects {
        let (Key::Neighbor(key), Object::Neighbor(neighbor)) = (key, object) else { continue };
        if UNTOLD.contains(&neighbor.nud.unwrap_or_default())
            && !key.proxy
            && !configured.contains_key(key)
        {
            continue;
        }
        let links = addresses.entry((&key.netns, key.address)).or_default();
        let seen = links.entry(&key.dev).or_default();
        match key.proxy {
            false => seen.0 = Some(neighbor),
            true => seen.1 = Some(neighbor),
        }
    }
    for ((netns, address), links) in &addresses {
        for (dev, seen) in links {
            let Some(name) = names.name(netns, dev) else { continue };
            let (netns, dev) = ((*netns).clone(), (*dev).clone());
            let spelled = [seen.0.is_none(), seen.1.is_some()].iter().find_map(|proxy| {
                let (netns, dev) = (netns.clone(), dev.clone());
                configured.get(&NeighborKey { netns, dev, address: *address, proxy: *proxy })
            });
            let keys = spelled.cloned().unwrap_or_else(|| match links.len() {
                1 => keys(&address.to_string(), &netns),
                _ => keys(&format!("{address}%{name}"), &netns),
            });
            let mut entry = entry(seen.0.or(seen.1));
            entry.dev = Some(name);
            entry.proxy = seen.1.map(|_| *address);
            tree.serialize(&list_path(list).join(list, keys), &entry)?;
        }
    }
    Ok(())
}

fn entry(neighbor: Option<&Neighbor>) -> Entry {
    let flag = |of: fn(&Neighbor) -> Option<bool>| Some(neighbor.and_then(of).unwrap_or(false));
    Entry {
        to_addr: String::new(),
        netns: None,
        dev: None,
        proxy: None,
        router: flag(|neighbor| neighbor.router),
        r#use: flag(|neighbor| neighbor.use_),
        managed: flag(|neighbor| neighbor.managed),
        extern_learn: flag(|neighbor| neighbor.extern_learn),
        lladdr: neighbor
            .and_then(|neighbor| neighbor.lladdr.as_ref())
            .filter(|address| !address.octets().is_empty())
            .map(ToString::to_string),
        nud: neighbor.and_then(|neighbor| neighbor.nud),
    }
}
