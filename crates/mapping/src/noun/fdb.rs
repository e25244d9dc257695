//! netloom-neighbor: observed forwarding databases in operational data.
//!
//! The model's key contains neither the VLAN nor the remote endpoint. Kernel entries that differ
//! only in these are one entry here, which lists all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use netstate::{FdbEntry, FdbKey, Key, LinkName, MacAddress, NetnsName, Object};
use serde::Serialize;
use yang::{Error, Path, Tree, Value};

use crate::instances::{list_path, schema_node};
use crate::lowering::Lowering;
use crate::names::Names;
use crate::noun::ShownIn;
use crate::raising::Raising;

use crate::{NamedConfiguration, spelling};

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::list("neighbors", "fdb")];

/// `NTF_…` (include/uapi/linux/neighbour.h).
const USE: u8 = 0x01;
const EXT_LEARNED: u8 = 0x10;
const STICKY: u8 = 0x40;
const ROUTER: u8 = 0x80;

/// `NUD_…`, as far as forwarding databases use them.
const PERMANENT: u16 = 0x80;
const NOARP: u16 = 0x40;
const REACHABLE: u16 = 0x02;

#[derive(Default, Serialize)]
struct Entry {
    state: u16,
    master: Option<String>,
    flags: Flags,
    #[serde(rename = "vxlan-paramters")]
    vxlan: Vxlan,
    vlan: BTreeSet<u16>,
    remote: BTreeSet<IpAddr>,
}

#[derive(Default, Serialize)]
struct Flags {
    #[serde(rename = "self")]
    own: bool,
    router: bool,
    r#use: bool,
    extern_learn: bool,
    sticky: bool,
}

#[derive(Default, Serialize)]
struct Vxlan {
    dst: Option<IpAddr>,
    src_vni: Option<u32>,
    vni: Option<u32>,
    port: Option<u16>,
    via: Option<String>,
}

/// Forwarding entries are state.
pub(crate) fn lower(_: &mut Lowering<'_>) {}

/// Forwarding entries are not configured. This is the path of the whole list.
pub(crate) fn path(_: &FdbKey, known: &NamedConfiguration<'_>) -> Path {
    let list = schema_node(known.configuration.schema(), "neighbors", &["fdb"]);
    list.map(list_path).unwrap_or_default()
}

/// Every entry of every database.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Raising { observed, names, .. } = raising;
    let Some(list) = schema_node(tree.schema(), "neighbors", &["fdb"]) else { return Ok(()) };
    let mut merged: BTreeMap<(&NetnsName, &LinkName, &MacAddress), Entry> = BTreeMap::new();
    for (key, object) in &observed.objects {
        if let (Key::Fdb(key), Object::Fdb(seen)) = (key, object)
            && !key.lladdr.octets().is_empty()
        {
            let entry = merged.entry((&key.netns, &key.dev, &key.lladdr)).or_default();
            add(entry, key, seen, names);
        }
    }
    for ((netns, dev, lladdr), entry) in merged {
        let Some(name) = names.name(netns, dev) else { continue };
        let keys = vec![
            Value::String(lladdr.to_string().into()),
            Value::String(name.as_str().into()),
            spelling::netns(netns),
        ];
        tree.serialize(&list_path(list).join(list, keys), &entry)?;
    }
    Ok(())
}

fn add(entry: &mut Entry, key: &FdbKey, seen: &FdbEntry, names: &Names<'_>) {
    let name = |dev: &Option<LinkName>| Some(names.name(&key.netns, dev.as_ref()?)?.to_string());
    let state = [PERMANENT, NOARP].into_iter().find(|bit| seen.nud & bit != 0).unwrap_or(REACHABLE);
    entry.state = entry.state.max(state);
    entry.master = entry.master.take().or_else(|| name(&seen.master));
    let Flags { own, router, r#use, extern_learn, sticky } = &mut entry.flags;
    *own |= key.own;
    *router |= seen.flags & ROUTER != 0;
    *r#use |= seen.flags & USE != 0;
    *extern_learn |= seen.flags & EXT_LEARNED != 0;
    *sticky |= seen.flags & STICKY != 0;
    let tunnel = &mut entry.vxlan;
    tunnel.dst = tunnel.dst.or(key.dst);
    tunnel.src_vni = tunnel.src_vni.or(seen.src_vni);
    tunnel.vni = tunnel.vni.or(seen.vni);
    tunnel.port = tunnel.port.or(seen.port);
    tunnel.via = tunnel.via.take().or_else(|| name(&seen.via));
    entry.remote.extend(key.dst);
    if key.vlan != 0 {
        entry.vlan.insert(key.vlan);
    }
}
