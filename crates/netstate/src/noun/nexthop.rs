//! A nexthop object (`struct nhmsg`, `NHA_…`, include/uapi/linux/nexthop.h; ip-nexthop(8)), which routes name by its
//! identifier.

mod replaced;
mod used;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{LinkName, NetnsName};
use crate::noun::daemons::is_protocol_of_daemon;
use crate::noun::link::Place;
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, Gateway, How, Key, Lasts, Loose, Loss, Need, Needs,
    NounFacts, Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::RT_TABLE_MAIN;

pub(crate) use used::used;

/// The key of a nexthop object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NexthopKey {
    /// The namespace in which it is.
    pub netns: NetnsName,
    /// `NHA_ID`, never zero.
    pub id: u32,
}

/// A nexthop object without its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NexthopObject {
    /// `nh_protocol`: who made it (`RTPROT_…`).
    pub protocol: Option<u8>,
    /// `NHA_FDB`: it is for entries of a forwarding database, and not for routes.
    pub fdb: bool,
    /// Where it leads.
    pub kind: NexthopKind,
}

/// Where a nexthop object leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NexthopKind {
    /// To a link, or to a gateway.
    Single(SingleNexthop),
    /// `NHA_BLACKHOLE`: it drops packets.
    Blackhole {
        /// Whether `nh_family` is `AF_INET6`, and not `AF_INET`.
        ipv6: bool,
    },
    /// To one of several nexthops.
    Group(NexthopGroup),
}

/// A nexthop that is no group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SingleNexthop {
    /// Whether `nh_family` is `AF_INET6`, and not `AF_INET`. The gateway is of this family. IPv6 routes can use only
    /// nexthops of IPv6.
    pub ipv6: bool,
    /// `NHA_OIF`: the link, by the kernel's name. Only a nexthop for a forwarding database has none.
    pub dev: Option<LinkName>,
    /// `NHA_GATEWAY`.
    pub via: Option<IpAddr>,
    /// `RTNH_F_ONLINK`: the gateway is regarded as on the link, even without an address in its subnet.
    pub onlink: bool,
}

/// A group of nexthops (`NHA_GROUP`, `struct nexthop_grp`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NexthopGroup {
    /// The weight of each member, 1 to 65536, by its identifier.
    pub members: BTreeMap<u32, u32>,
    /// The parameters of a resilient group (`NEXTHOP_GRP_TYPE_RES`); none for a group that chooses by a hash
    /// (`NEXTHOP_GRP_TYPE_MPATH`).
    pub resilient: Option<Resilient>,
}

/// The parameters of a resilient group (`NHA_RES_GROUP_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resilient {
    /// The number of buckets, never zero.
    pub buckets: u16,
    /// How long a bucket must be idle to be moved, in hundredths of a second.
    pub idle_timer: u32,
    /// How long the group may be unbalanced, in hundredths of a second; zero for any time.
    pub unbalanced_timer: u32,
}

impl NexthopKey {
    /// The key of a member of the group with this key.
    pub fn member(&self, id: u32) -> NexthopKey {
        NexthopKey { netns: self.netns.clone(), id }
    }
}

impl NexthopObject {
    /// The nexthop, if it is no group and no blackhole.
    pub fn single(&self) -> Option<&SingleNexthop> {
        if let NexthopKind::Single(single) = &self.kind { Some(single) } else { None }
    }

    /// The group, if it is one.
    pub fn group(&self) -> Option<&NexthopGroup> {
        if let NexthopKind::Group(group) = &self.kind { Some(group) } else { None }
    }

    /// The same group with only some members; none if there are none, or if it is no group.
    pub fn with_members(&self, is_in: impl Fn(u32) -> bool) -> Option<NexthopObject> {
        let mut group = self.group()?.clone();
        group.members.retain(|id, _| is_in(*id));
        let is_any = !group.members.is_empty();
        is_any.then(|| NexthopObject { kind: NexthopKind::Group(group), ..self.clone() })
    }
}

/// The loopback, on which the kernel puts blackholes.
fn loopback(key: &NexthopKey) -> Place {
    Place { netns: key.netns.clone(), ifname: LinkName::loopback() }
}

/// The facts of a nexthop object.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = NexthopKey;
    type Object = Box<NexthopObject>;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "nexthop",
        removal: Removal::DeletedLast,
        lasts: Lasts::WithAll,
        is_needed: true,
        takes_along: false,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(key: &NexthopKey) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    fn needs(key: &NexthopKey, nexthop: &Self::Object) -> Needs {
        match &nexthop.kind {
            NexthopKind::Single(SingleNexthop { dev, .. }) => {
                let place = |ifname| Place { netns: key.netns.clone(), ifname };
                dev.iter().map(|dev| Need::of_place(place(dev.clone()), How::Up)).collect()
            }
            NexthopKind::Blackhole { .. } => [Need::of_place(loopback(key), How::Mentioned)].into(),
            NexthopKind::Group(group) => {
                let member = |id: &u32| Need::of_key(Key::Nexthop(key.member(*id)), How::There);
                group.members.keys().map(member).collect()
            }
        }
    }

    fn conditions(key: &NexthopKey, nexthop: &Self::Object, conditions: &mut Vec<Condition>) {
        match &nexthop.kind {
            NexthopKind::Single(SingleNexthop { ipv6, dev: Some(dev), via, onlink }) => {
                let place = Place { netns: key.netns.clone(), ifname: dev.clone() };
                if *ipv6 {
                    conditions.push(Condition::Ipv6(place.clone()));
                }
                conditions.push(Condition::Carrier(place));
                if let Some(via) = *via {
                    let (netns, dev) = (key.netns.clone(), Some(dev.clone()));
                    let gateway = Gateway { netns, table: RT_TABLE_MAIN, dev, via };
                    let of = if *onlink { Condition::Onlink } else { Condition::Gateway };
                    conditions.push(of(gateway));
                }
            }
            NexthopKind::Single(_) => {}
            NexthopKind::Blackhole { ipv6 } => {
                conditions.push(Condition::Loopback(key.netns.clone()));
                if *ipv6 {
                    conditions.push(Condition::Ipv6(loopback(key)));
                }
            }
            NexthopKind::Group(group) => {
                let members = group.members.keys();
                conditions.extend(members.map(|id| Condition::Nexthop(key.member(*id))));
            }
        }
    }

    /// A group uses the members that there are.
    fn without(
        _: &NexthopKey,
        nexthop: &Self::Object,
        unmet: &[Condition],
    ) -> Option<Self::Object> {
        let is_met = |id: u32| {
            !unmet
                .iter()
                .any(|condition| matches!(condition, Condition::Nexthop(member) if member.id == id))
        };
        nexthop.with_members(is_met).map(Box::new)
    }

    fn renamed(key: &NexthopKey, nexthop: &Self::Object, names: Renaming<'_>) -> (Key, Object) {
        let mut nexthop = nexthop.clone();
        if let NexthopKind::Single(SingleNexthop { dev: Some(dev), .. }) = &mut nexthop.kind {
            *dev = names.of(dev);
        }
        (Key::Nexthop(key.clone()), Object::Nexthop(nexthop))
    }

    /// Nothing else removes a nexthop (`nh_netdev_event`, net/ipv4/nexthop.c): it stays when its link loses its
    /// addresses, or IPv6. A blackhole stays in any case.
    fn is_lost_with(_: &NexthopKey, nexthop: &Self::Object, loss: &Loss<'_>) -> bool {
        nexthop.single().is_some() && matches!(loss, Loss::Down)
    }

    fn loose(_: &Self::Object) -> Loose {
        Loose::default()
    }

    fn loss(_: &NexthopKey) -> Option<Loss<'_>> {
        None
    }

    fn is_automatic(_: &Self::Object) -> bool {
        false
    }

    fn is_of_daemon(nexthop: &Self::Object) -> bool {
        nexthop.protocol.is_some_and(is_protocol_of_daemon)
    }

    fn satisfies(_: &NexthopKey, seen: &Self::Object, wanted: &Self::Object) -> bool {
        let protocol = wanted.protocol.or(seen.protocol);
        **seen == NexthopObject { protocol, ..NexthopObject::clone(wanted) }
    }

    fn replaced(_: &NexthopKey, from: &Self::Object, to: &Self::Object) -> Replaced {
        replaced::replaced(from, to)
    }

    /// Nexthops with a gateway come after the routes through which the gateway is reached, and groups after their
    /// members. Routes that use nexthops come after these.
    fn stage(_: &NexthopKey, nexthop: &Self::Object) -> (Stage, u8) {
        let by_gateway = nexthop.single().is_none_or(|single| single.via.is_some());
        (Stage::AfterUp, if by_gateway { 4 } else { 3 })
    }

    fn sets(_: &NexthopKey, _: &Self::Object, _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &NexthopKey,
        _: &Self::Object,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &NexthopKey) -> Option<NexthopKey> {
        None
    }

    /// Adds the nexthops that others have and that originals need: these are given back only as long as those are
    /// there.
    fn wanted(wanted: &mut Wanted, change: &Change<'_>) {
        let keys = change.originals.iter().flat_map(|(key, object)| used(key, object));
        wanted.keys.extend(keys.map(Key::Nexthop));
    }

    fn restorable(nexthop: &Self::Object) -> Self::Object {
        nexthop.clone()
    }

    fn overlay(nexthop: &mut Self::Object, other: &Self::Object) {
        nexthop.clone_from(other);
    }

    /// The kernel removes a nexthop from its groups, and a group with its last member (`remove_nexthop_from_groups`,
    /// net/ipv4/nexthop.c).
    fn remains(nexthop: &Self::Object, gone: &Key) -> Option<Self::Object> {
        let Key::Nexthop(gone) = gone else { return None };
        nexthop.with_members(|id| id != gone.id).map(Box::new)
    }

    fn needs_carrier(nexthop: &Self::Object) -> bool {
        nexthop.single().is_some()
    }

    fn gateways(nexthop: &Self::Object) -> Vec<(IpAddr, bool)> {
        let single = nexthop.single();
        single.and_then(|single| Some((single.via?, single.onlink))).into_iter().collect()
    }

    /// In the syntax of ip-nexthop(8).
    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &NexthopKey,
        Described { object: nexthop, .. }: Described<'_, Self::Object>,
    ) -> fmt::Result {
        write!(f, "{} nexthop {}", verb.words()[0], key.id)?;
        match &nexthop.kind {
            NexthopKind::Single(SingleNexthop { dev, via, onlink, .. }) => {
                if let Some(via) = via {
                    write!(f, " via {via}")?;
                }
                if let Some(dev) = dev {
                    write!(f, " dev {dev}")?;
                }
                if *onlink {
                    write!(f, " onlink")?;
                }
            }
            NexthopKind::Blackhole { .. } => write!(f, " blackhole")?,
            NexthopKind::Group(group) => write!(f, " group {group}")?,
        }
        if nexthop.fdb {
            write!(f, " fdb")?;
        }
        write!(f, " in {}", as_phrase(&key.netns))
    }
}

impl fmt::Display for NexthopGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (id, weight)) in self.members.iter().enumerate() {
            let slash = if number == 0 { "" } else { "/" };
            write!(f, "{slash}{id}")?;
            if *weight != 1 {
                write!(f, ",{weight}")?;
            }
        }
        if let Some(Resilient { buckets, idle_timer, unbalanced_timer }) = self.resilient {
            let [idle, unbalanced] =
                [idle_timer, unbalanced_timer].map(|time| f64::from(time) / 100.0);
            write!(
                f,
                " type resilient buckets {buckets} idle_timer {idle} unbalanced_timer {unbalanced}"
            )?;
        }
        Ok(())
    }
}
