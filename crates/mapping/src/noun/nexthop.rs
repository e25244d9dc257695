//! iproute2-ip-nexthop and netloom-nexthop: nexthop objects.

mod entry;
mod raise;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use netstate::nexthop::{NexthopGroup, NexthopKind, Resilient, SingleNexthop};
use netstate::uapi::RTPROT_STATIC;
use netstate::{Key, LinkName, NetnsName, NexthopKey, NexthopObject, Object};
use yang::{Node, Path, SchemaNode, Value};

pub(crate) use raise::raise;

use self::entry::{AF_INET6, Entry, Group, RESILIENT};
use crate::instances::{below, entry_path, list_path, schema_node};
use crate::lowering::{Lowering, User};
use crate::noun::ShownIn;
use crate::{NamedConfiguration, spelling};

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::container("nexthops")];

/// The kernel's times are in hundredths of a second.
const PER_SECOND: u32 = 100;
/// The kernel's default (`NH_RES_DEFAULT_IDLE_TIMER`, net/ipv4/nexthop.c).
const IDLE_TIMER_SECONDS: u32 = 120;

/// Every configured nexthop.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    for node in lowering.entries("nexthops", Some("nexthop")) {
        let Some(key) = read(node.keys()) else { continue };
        let has_netns = lowering.netns(&key.netns, || below(&entry_path(&node), &["netns"]));
        let Some(entry) = lowering.read::<Entry>(&node).filter(|_| has_netns) else { continue };
        let mut nexthop = NexthopLowering { lowering, node: &node, key: &key };
        let kind = nexthop.kind(&entry);
        let Some(kind) = kind else { continue };
        let protocol = Some(entry.protocol.unwrap_or(RTPROT_STATIC));
        let fdb = entry.fdb == Some(true);
        let object = NexthopObject { protocol, fdb, kind };
        lowering.add(Key::Nexthop(key), Object::Nexthop(object.into()));
    }
}

/// The entry of a nexthop.
pub(crate) fn path(key: &NexthopKey, known: &NamedConfiguration<'_>) -> Path {
    match schema_node(known.configuration.schema(), "nexthops", &["nexthop"]) {
        Some(list) => list_path(list).join(list, write(key)),
        None => Path::default(),
    }
}

/// The kernel's key for the keys of an entry.
fn read(keys: &[Value]) -> Option<NexthopKey> {
    let [id, netns] = keys else { return None };
    let netns: NetnsName = netns.to_string().parse().ok()?;
    Some(NexthopKey { netns, id: spelling::read_number(id)? })
}

/// The keys of an entry.
fn write(key: &NexthopKey) -> Vec<Value> {
    vec![Value::Unsigned(key.id.into()), spelling::netns(&key.netns)]
}

struct NexthopLowering<'l, 'c, 'n> {
    lowering: &'l mut Lowering<'c>,
    node: &'n Node<'c>,
    key: &'n NexthopKey,
}

impl NexthopLowering<'_, '_, '_> {
    /// Where the nexthop leads; none after an error without which this is not known.
    fn kind(&mut self, entry: &Entry) -> Option<NexthopKind> {
        let is_blackhole = entry.blackhole == Some(true);
        match &entry.group {
            Some(group) if !group.nh.is_empty() => self.group(entry, group).map(NexthopKind::Group),
            Some(group) if group.is_set() => {
                let message = "a group needs a member: add an nh";
                self.lowering.faults.missing(&below(&entry_path(self.node), &["group"]), message);
                None
            }
            Some(_) | None if is_blackhole => {
                self.refuse_others(entry, "a blackhole");
                let ipv6 = entry.family == Some(AF_INET6);
                Some(NexthopKind::Blackhole { ipv6 })
            }
            Some(_) | None => Some(NexthopKind::Single(self.single(entry))),
        }
    }

    fn single(&mut self, entry: &Entry) -> SingleNexthop {
        let via = self.gateway(entry);
        let is_fdb = entry.fdb == Some(true);
        match (&entry.dev, is_fdb) {
            (None, false) => {
                let message = "the nexthop needs a dev, a group, or blackhole: only one for a forwarding database (fdb) has none";
                self.lowering.faults.missing(&entry_path(self.node), message);
            }
            (Some(_), true) => {
                let message = "a nexthop for a forwarding database (fdb) has no link: take dev out";
                self.invalid(&["dev"], message);
            }
            (None, true) | (Some(_), false) => {}
        }
        if is_fdb && via.is_none() {
            let message =
                "a nexthop for a forwarding database (fdb) needs a gateway, in ipv4 or ipv6";
            self.lowering.faults.missing(&entry_path(self.node), message);
        }
        if entry.onlink == Some(true) && (via.is_none() || is_fdb) {
            let message = "only a nexthop with a gateway on a link has this: take it out";
            self.invalid(&["onlink"], message);
        }
        let family = entry.family.map(|family| family == AF_INET6);
        let of_gateway = via.map(|via| via.is_ipv6());
        if let (Some(family), Some(of_gateway)) = (family, of_gateway)
            && family != of_gateway
        {
            self.invalid(&["family"], "the gateway is of another family: take this out");
        }
        SingleNexthop {
            ipv6: of_gateway.or(family).unwrap_or(false),
            dev: self.dev(entry),
            via,
            onlink: entry.onlink == Some(true),
        }
    }

    /// The name of the link, which must be in the namespace of the nexthop.
    fn dev(&mut self, entry: &Entry) -> Option<LinkName> {
        let called = format!("nexthop {}", self.key.id);
        let user = User { called: &called, netns: &self.key.netns };
        let at = || below(&entry_path(self.node), &["dev"]);
        self.lowering.place_beside(&user, entry.dev.as_ref()?, at).map(|place| place.ifname)
    }

    fn gateway(&mut self, entry: &Entry) -> Option<IpAddr> {
        let ipv4 = entry.ipv4.as_ref().map(|of| ("ipv4", of.address.map(IpAddr::V4)));
        let ipv6 = entry.ipv6.as_ref().map(|of| ("ipv6", of.address.map(IpAddr::V6)));
        let (family, address) = ipv4.or(ipv6)?;
        let address = address?;
        if address.is_multicast() || address.is_unspecified() {
            let message = format!("{address} is no address that a gateway can have");
            self.invalid(&[family, "address"], message);
        }
        Some(address)
    }

    fn group(&mut self, entry: &Entry, group: &Group) -> Option<NexthopGroup> {
        self.refuse_others(entry, "a group");
        if entry.blackhole == Some(true) {
            self.invalid(&["blackhole"], "a nexthop is either a group or a blackhole");
        }
        if entry.family.is_some() {
            self.invalid(&["family"], "a group has the families of its members: take this out");
        }
        let mut members = BTreeMap::new();
        for member in &group.nh {
            if member.id == self.key.id {
                let message = "a group cannot be a member of itself";
                self.lowering.faults.invalid(&self.member(member.id, member.weight), message);
            } else if members.insert(member.id, member.weight.into()).is_some() {
                let message = format!("nexthop {} is in the group twice", member.id);
                self.lowering.faults.invalid(&self.member(member.id, member.weight), message);
            }
        }
        let resilient = self.resilient(group);
        Some(NexthopGroup { members, resilient })
    }

    fn resilient(&mut self, group: &Group) -> Option<Resilient> {
        if group.r#type != Some(RESILIENT) {
            for (leaf, _) in group.of_resilient().into_iter().filter(|(_, is_set)| *is_set) {
                let message =
                    "only a group of type resilient has this: take it out, or set the type";
                self.invalid(&["group", leaf], message);
            }
            return None;
        }
        let Some(buckets) = group.resilient_buckets else {
            let message = "a resilient group needs a number of buckets: set resilient-buckets";
            self.lowering.faults.missing(&below(&entry_path(self.node), &["group"]), message);
            return None;
        };
        let idle = group.resilient_idle_timer.map_or(IDLE_TIMER_SECONDS, u32::from);
        let unbalanced = group.resilient_unbalanced_timer.unwrap_or_default();
        let [idle_timer, unbalanced_timer] =
            [idle, unbalanced].map(|seconds| seconds.saturating_mul(PER_SECOND));
        Some(Resilient { buckets, idle_timer, unbalanced_timer })
    }

    /// Reports leaves that only a nexthop with a link or a gateway has.
    fn refuse_others(&mut self, entry: &Entry, what: &str) {
        let leaves = [
            ("dev", entry.dev.is_some()),
            ("ipv4", entry.ipv4.as_ref().is_some_and(|of| of.address.is_some())),
            ("ipv6", entry.ipv6.as_ref().is_some_and(|of| of.address.is_some())),
            ("onlink", entry.onlink == Some(true)),
        ];
        for (leaf, _) in leaves.into_iter().filter(|(_, is_set)| *is_set) {
            self.invalid(&[leaf], format!("{what} has no {leaf}: take it out"));
        }
        if what == "a blackhole" && entry.fdb == Some(true) {
            let message = "a blackhole is for routes, and not for a forwarding database (fdb)";
            self.invalid(&["fdb"], message);
        }
    }

    /// The path of a member.
    fn member(&self, id: u32, weight: u16) -> Path {
        let group = below(&entry_path(self.node), &["group"]);
        let list: Option<&SchemaNode> =
            group.steps.last().and_then(|group| group.node.child(None, "nh"));
        let keys = vec![Value::Unsigned(id.into()), Value::Unsigned(weight.into())];
        list.map_or(group.clone(), |list| group.join(list, keys))
    }

    fn invalid(&mut self, leaf: &[&str], message: impl Into<String>) {
        self.lowering.faults.invalid(&below(&entry_path(self.node), leaf), message);
    }
}
