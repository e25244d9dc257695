//! Nexthop objects on the wire (`struct nhmsg` and `NHA_…`).

mod carrier;
pub(crate) mod known;
mod observe;
mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;

use netstate::attribute::{Value, put, put_value};
use netstate::nexthop::{NexthopGroup, NexthopKind, Resilient, SingleNexthop};
use netstate::uapi::RTPROT_STATIC;
use netstate::{Key, LinkName, NetnsName, NexthopKey, NexthopObject};

use crate::execution::{self, Act, CREATE, Execution, PointedAt, REPLACE};
use crate::message::{Message, Wire, fixed, row};
use crate::uapi::{
    NEXTHOP_GRP_TYPE_RES, NHA_BLACKHOLE, NHA_FDB, NHA_GATEWAY, NHA_GROUP, NHA_GROUP_TYPE, NHA_ID,
    NHA_OIF, NHA_RES_GROUP, NHA_RES_GROUP_BUCKETS, NHA_RES_GROUP_IDLE_TIMER,
    NHA_RES_GROUP_UNBALANCED_TIMER, NLA_F_NESTED, RTM_DELNEXTHOP, RTM_GETNEXTHOP, RTM_NEWNEXTHOP,
    RTNH_F_ONLINK,
};

pub(crate) use observe::{observe, observe_part};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire =
    Wire { get: RTM_GETNEXTHOP, plural: "nexthops", groups: &[libc::RTNLGRP_NEXTHOP] };

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// `struct nexthop_grp`.
const MEMBER: usize = 8;

/// Appends the body of a request to add or replace a nexthop. `index` is that of its link; zero if it has none.
fn set(out: &mut Vec<u8>, key: &NexthopKey, nexthop: &NexthopObject, index: u32) {
    let family = |ipv6: bool| if ipv6 { AF_INET6 } else { AF_INET };
    let (family, flags) = match &nexthop.kind {
        NexthopKind::Single(SingleNexthop { ipv6, onlink, .. }) => {
            (family(*ipv6), if *onlink { RTNH_F_ONLINK } else { 0 })
        }
        NexthopKind::Blackhole { ipv6 } => (family(*ipv6), 0),
        NexthopKind::Group(_) => (AF_UNSPEC, 0),
    };
    out.extend([family, 0, nexthop.protocol.unwrap_or(RTPROT_STATIC), 0]);
    u32::from(flags).put(out);
    put_value(out, NHA_ID, &key.id);
    match &nexthop.kind {
        NexthopKind::Single(SingleNexthop { via, .. }) => {
            if index != 0 {
                put_value(out, NHA_OIF, &index);
            }
            if let Some(via) = via {
                put_value(out, NHA_GATEWAY, via);
            }
        }
        NexthopKind::Blackhole { .. } => put(out, NHA_BLACKHOLE, |_| ()),
        NexthopKind::Group(group) => put_group(out, group),
    }
    if nexthop.fdb {
        put(out, NHA_FDB, |_| ());
    }
}

fn put_group(out: &mut Vec<u8>, group: &NexthopGroup) {
    put(out, NHA_GROUP, |out| {
        for (id, weight) in &group.members {
            put_member(out, *id, *weight);
        }
    });
    let Some(Resilient { buckets, idle_timer, unbalanced_timer }) = group.resilient else { return };
    put_value(out, NHA_GROUP_TYPE, &NEXTHOP_GRP_TYPE_RES);
    put(out, NHA_RES_GROUP | NLA_F_NESTED, |out| {
        put_value(out, NHA_RES_GROUP_BUCKETS, &buckets);
        put_value(out, NHA_RES_GROUP_IDLE_TIMER, &idle_timer);
        put_value(out, NHA_RES_GROUP_UNBALANCED_TIMER, &unbalanced_timer);
    });
}

/// Appends a `struct nexthop_grp`. It contains the weight less one, with the low byte first (`weight`, `weight_high`).
fn put_member(out: &mut Vec<u8>, id: u32, weight: u32) {
    id.put(out);
    let weight = u16::try_from(weight.saturating_sub(1)).unwrap_or(u16::MAX);
    out.extend(weight.to_le_bytes());
    out.extend([0, 0]);
}

/// Appends the body of a request that names a nexthop, to remove it or to read it.
fn named(out: &mut Vec<u8>, id: u32) {
    out.extend([0; fixed::NEXTHOP]);
    put_value(out, NHA_ID, &id);
}

/// A nexthop as it was read, with the index of its link; zero if it has none.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) id: u32,
    pub(crate) nexthop: NexthopObject,
    pub(crate) index: u32,
}

/// Reads a message about a nexthop.
pub(crate) fn decode(message: Message<'_>) -> Option<Seen> {
    if ![RTM_NEWNEXTHOP, RTM_DELNEXTHOP].contains(&message.kind) {
        return None;
    }
    let ipv6 = message.byte(0) == AF_INET6;
    let onlink = message.number::<u32>(4) & u32::from(RTNH_F_ONLINK) != 0;
    let (mut id, mut index, mut via, mut fdb, mut blackhole) = (None, 0, None, false, false);
    let (mut members, mut kind, mut resilient) = (None, 0, None);
    for (number, value) in message.attributes(fixed::NEXTHOP) {
        match number {
            NHA_ID => id = u32::take(value),
            NHA_OIF => index = u32::take(value)?,
            NHA_GATEWAY => via = IpAddr::take(value),
            NHA_BLACKHOLE => blackhole = true,
            NHA_FDB => fdb = true,
            NHA_GROUP => members = Some(members_of(value)),
            NHA_GROUP_TYPE => kind = u16::take(value)?,
            NHA_RES_GROUP => resilient = Some(resilient_of(value)),
            _ => {}
        }
    }
    let kind = match members {
        Some(members) => {
            let resilient = resilient.filter(|_| kind == NEXTHOP_GRP_TYPE_RES);
            NexthopKind::Group(NexthopGroup { members, resilient })
        }
        None if blackhole => NexthopKind::Blackhole { ipv6 },
        None => NexthopKind::Single(SingleNexthop { ipv6, dev: None, via, onlink }),
    };
    let nexthop = NexthopObject { protocol: Some(message.byte(2)), fdb, kind };
    Some(Seen { id: id?, nexthop, index })
}

/// The weights of the members, by their identifiers.
fn members_of(bytes: &[u8]) -> BTreeMap<u32, u32> {
    let (members, _) = bytes.as_chunks::<MEMBER>();
    let member = |[a, b, c, d, low, high, _, _]: &[u8; MEMBER]| {
        let weight = u16::from_le_bytes([*low, *high]);
        (u32::from_ne_bytes([*a, *b, *c, *d]), u32::from(weight) + 1)
    };
    members.iter().map(member).collect()
}

fn resilient_of(bytes: &[u8]) -> Resilient {
    let mut resilient = Resilient { buckets: 0, idle_timer: 0, unbalanced_timer: 0 };
    for (number, value) in row(bytes) {
        match number {
            NHA_RES_GROUP_BUCKETS => resilient.buckets = u16::take(value).unwrap_or_default(),
            NHA_RES_GROUP_IDLE_TIMER => {
                resilient.idle_timer = u32::take(value).unwrap_or_default();
            }
            NHA_RES_GROUP_UNBALANCED_TIMER => {
                resilient.unbalanced_timer = u32::take(value).unwrap_or_default();
            }
            _ => {}
        }
    }
    resilient
}

/// Executes an operation on a nexthop.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    op: usize,
    key: &'a NexthopKey,
    doing: Act<'a, Box<NexthopObject>>,
) -> execution::Result<()> {
    let (flags, nexthop) = match doing {
        Act::Create(nexthop) => (CREATE, nexthop),
        Act::Update { change, .. } => (REPLACE, change),
        Act::Delete(_) => {
            return execution.push((op, &key.netns), (RTM_DELNEXTHOP, 0), |out| named(out, key.id));
        }
    };
    support::check(execution, op, key, nexthop)?;
    let index = match nexthop.single().and_then(|single| single.dev.as_ref()) {
        Some(dev) => {
            let index = execution.index_of(op, &key.netns, dev)?;
            carrier::wait(execution, op, &key.netns, (dev, index))?;
            index
        }
        None => 0,
    };
    execution.push((op, &key.netns), (RTM_NEWNEXTHOP, flags), |out| set(out, key, nexthop, index))
}

/// The field to which the kernel points.
pub(crate) fn field(_: &NexthopObject, at: PointedAt<'_>) -> Option<&'static str> {
    match at.after(fixed::NEXTHOP)?.number {
        NHA_ID => Some("id"),
        NHA_OIF => Some("dev"),
        NHA_GATEWAY => Some("via"),
        NHA_BLACKHOLE => Some("blackhole"),
        NHA_GROUP | NHA_GROUP_TYPE | NHA_RES_GROUP => Some("group"),
        NHA_FDB => Some("fdb"),
        _ => None,
    }
}

/// The nexthop of a notification.
pub(crate) fn notified(
    message: Message<'_>,
    netns: &NetnsName,
    _: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    let Seen { id, .. } = decode(message)?;
    Some(Key::Nexthop(NexthopKey { netns: netns.clone(), id }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::message;

    #[test]
    fn decoded_nexthops_equal_encoded_ones() {
        let resilient = Resilient { buckets: 8, idle_timer: 12_000, unbalanced_timer: 150 };
        let members = BTreeMap::from([(1, 1), (2, 256), (3, 257), (4, 65_536)]);
        let single = SingleNexthop {
            ipv6: true,
            dev: None,
            via: Some("2001:db8::1".parse().unwrap()),
            onlink: true,
        };
        let kinds = [
            NexthopKind::Single(single),
            NexthopKind::Blackhole { ipv6: false },
            NexthopKind::Group(NexthopGroup { members: members.clone(), resilient: None }),
            NexthopKind::Group(NexthopGroup { members, resilient: Some(resilient) }),
        ];
        for (kind, fdb) in kinds.into_iter().zip([true, false, false, true]) {
            let nexthop = NexthopObject { protocol: Some(4), fdb, kind };
            let key = NexthopKey { netns: NetnsName::own(), id: 7 };
            let mut bytes = Vec::new();
            message(&mut bytes, (RTM_NEWNEXTHOP, 0, 1), |out| set(out, &key, &nexthop, 9));
            let seen = decode(Message::iterate(&bytes).next().unwrap()).unwrap();
            let index = if nexthop.single().is_some() { 9 } else { 0 };
            assert_eq!((seen.id, seen.nexthop, seen.index), (7, nexthop, index));
        }
    }
}
