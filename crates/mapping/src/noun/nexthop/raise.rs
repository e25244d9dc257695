//! Observed nexthops as operational data.

use std::net::IpAddr;

use netstate::nexthop::{NexthopGroup, NexthopKind, SingleNexthop};
use netstate::uapi::RTPROT_STATIC;
use netstate::{Key, NexthopKey, NexthopObject, Object};
use yang::{Error, Tree};

use super::entry::{AF_INET6, Entry, Gateway, Group, Member, RESILIENT};
use super::{PER_SECOND, write};
use crate::instances::{list_path, schema_node};
use crate::raising::Raising;

/// Every nexthop.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Some(list) = schema_node(tree.schema(), "nexthops", &["nexthop"]) else { return Ok(()) };
    let nexthops =
        raising.observed.objects.iter().filter_map(|(key, object)| match (key, object) {
            (Key::Nexthop(key), Object::Nexthop(nexthop)) => Some((key, &**nexthop)),
            _ => None,
        });
    for (key, nexthop) in nexthops {
        let entry = entry(raising, key, nexthop);
        tree.serialize(&list_path(list).join(list, write(key)), &entry)?;
    }
    Ok(())
}

fn entry(raising: &Raising<'_>, key: &NexthopKey, nexthop: &NexthopObject) -> Entry {
    let entry = Entry {
        fdb: nexthop.fdb.then_some(true),
        protocol: nexthop.protocol.filter(|protocol| *protocol != RTPROT_STATIC),
        ..Entry::default()
    };
    // IPv4 is the default, and a gateway has a family.
    let family = |ipv6: bool| ipv6.then_some(AF_INET6);
    match &nexthop.kind {
        NexthopKind::Single(SingleNexthop { ipv6, dev, via, onlink }) => Entry {
            dev: dev.as_ref().and_then(|dev| raising.names.name(&key.netns, dev)),
            ipv4: match via {
                Some(IpAddr::V4(address)) => Some(Gateway { address: Some(*address) }),
                Some(IpAddr::V6(_)) | None => None,
            },
            ipv6: match via {
                Some(IpAddr::V6(address)) => Some(Gateway { address: Some(*address) }),
                Some(IpAddr::V4(_)) | None => None,
            },
            onlink: onlink.then_some(true),
            family: family(*ipv6 && via.is_none()),
            ..entry
        },
        NexthopKind::Blackhole { ipv6 } => {
            Entry { blackhole: Some(true), family: family(*ipv6), ..entry }
        }
        NexthopKind::Group(of) => Entry { group: Some(group(of)), ..entry },
    }
}

fn group(NexthopGroup { members, resilient }: &NexthopGroup) -> Group {
    let member = |(id, weight): (&u32, &u32)| {
        // The model has no weight of 65536, which only others can set.
        Member { id: *id, weight: u16::try_from(*weight).unwrap_or(u16::MAX) }
    };
    let seconds = |of: u32| of / PER_SECOND;
    Group {
        nh: members.iter().map(member).collect(),
        r#type: resilient.map(|_| RESILIENT),
        resilient_buckets: resilient.map(|of| of.buckets),
        resilient_idle_timer: resilient
            .map(|of| u16::try_from(seconds(of.idle_timer)).unwrap_or(u16::MAX)),
        resilient_unbalanced_timer: resilient.map(|of| seconds(of.unbalanced_timer)),
    }
}
