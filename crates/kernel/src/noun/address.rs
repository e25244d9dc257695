//! IP addresses on the wire (`struct ifaddrmsg` and `IFA_…`).

mod detection;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use netstate::address::{Address, AddressKey, AddressStatus};
use netstate::attribute::{Attributes, Fields, Value, put, put_value};
use netstate::uapi::IFAPROT_KERNEL_RA;
use netstate::{Key, LinkName, NetnsName, Object, ObserveError, Part, Wanted};
use rustix::time::{ClockId, clock_gettime};

pub(crate) use self::detection::await_detection;

use crate::execution::{self, Act, CREATE, Execution, PointedAt, REPLACE};
use crate::message::{Message, Wire, fixed};
use crate::noun::route::family;
use crate::observer::{FAMILIES, FEW, Observer};
use crate::uapi::{IFA_F_MANAGETEMPADDR, IFA_F_MCAUTOJOIN, IFA_F_NOPREFIXROUTE, IFA_PROTO};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire = Wire {
    get: libc::RTM_GETADDR,
    plural: "addresses",
    groups: &[libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR],
};

/// The flags of an address that are restored with it. The kernel sets the others itself.
const MADE: u32 = libc::IFA_F_NODAD
    | libc::IFA_F_HOMEADDRESS
    | IFA_F_MANAGETEMPADDR
    | IFA_F_NOPREFIXROUTE
    | IFA_F_MCAUTOJOIN;

/// A lifetime without an end (`INFINITY_LIFE_TIME`).
const FOREVER: u32 = u32::MAX;

/// Appends the body of a request to add or remove an address of the link of that index.
pub(crate) fn request(out: &mut Vec<u8>, index: u32, ip: &IpNet, address: &Address) {
    let local = ip.addr();
    // ip-address(8) gives an IPv4 loopback address scope host. For IPv6 the kernel does so itself.
    let natural = match local {
        IpAddr::V4(ip) if ip.is_loopback() => libc::RT_SCOPE_HOST,
        IpAddr::V4(_) | IpAddr::V6(_) => libc::RT_SCOPE_UNIVERSE,
    };
    let status = address.status.as_ref();
    let scope = status.map_or(natural, |status| status.scope);
    out.extend([family(&local), ip.prefix_len(), 0, scope]);
    index.put(out);
    put_value(out, libc::IFA_LOCAL, &local);
    let Some(status) = status else {
        put_value(out, libc::IFA_ADDRESS, &local);
        return;
    };
    put_value(out, libc::IFA_ADDRESS, status.peer.as_ref().unwrap_or(&local));
    put_value(out, libc::IFA_FLAGS, &(status.flags & MADE));
    status.encode(out);
    if status.protocol != 0 {
        put_value(out, IFA_PROTO, &status.protocol);
    }
    if status.valid_until.or(status.preferred_until).is_some() {
        let now = seconds_since_boot();
        // The kernel has no expired addresses, and removes one that is about to expire.
        let valid = remaining(status.valid_until, now).max(1);
        let preferred = remaining(status.preferred_until, now).min(valid);
        put(out, libc::IFA_CACHEINFO, |out| {
            [preferred, valid, 0, 0].iter().for_each(|value| value.put(out));
        });
    }
}

/// Appends the body of a request for all addresses of a family; only those of one link if `index`
/// is not zero.
pub(crate) fn dump(out: &mut Vec<u8>, family: u8, index: u32) {
    out.extend([family, 0, 0, 0]);
    index.put(out);
}

/// Reads an address message: the index of the link, the address, and its attributes.
pub(crate) fn decode(message: Message<'_>) -> Option<(u32, IpNet, Address)> {
    if ![libc::RTM_NEWADDR, libc::RTM_DELADDR].contains(&message.kind) {
        return None;
    }
    let (mut local, mut address) = (None, None);
    let mut status = AddressStatus {
        flags: message.byte(2).into(),
        scope: message.byte(3),
        ..AddressStatus::default()
    };
    for (number, value) in message.attributes(fixed::ADDRESS) {
        match number {
            libc::IFA_LOCAL => local = IpAddr::take(value),
            libc::IFA_ADDRESS => address = IpAddr::take(value),
            libc::IFA_FLAGS => status.flags = u32::take(value)?,
            libc::IFA_CACHEINFO => {
                let seconds = |at: usize| u32::take(value.get(at..at + 4)?);
                status.preferred_until = seconds(0).and_then(ends);
                status.valid_until = seconds(4).and_then(ends);
            }
            IFA_PROTO => status.protocol = u8::take(value)?,
            _ => status.read(number, value).ok()?,
        }
    }
    status.fill_absent();
    let is_temporary = message.byte(0) == family(&Ipv6Addr::UNSPECIFIED.into())
        && status.flags & libc::IFA_F_TEMPORARY != 0;
    if is_temporary {
        // The kernel derives the address from a router advertisement, but does not say so.
        status.protocol = IFAPROT_KERNEL_RA;
    }
    status.peer = address.filter(|address| local.is_some_and(|local| local != *address));
    let address = IpNet::new(local.or(address)?, message.byte(1)).ok()?;
    Some((message.number(4), address, Address { status: Some(status.into()) }))
}

/// The time at which a lifetime from the kernel ends; none if it does not end.
fn ends(seconds: u32) -> Option<u64> {
    (seconds != FOREVER).then(|| seconds_since_boot() + u64::from(seconds))
}

/// The remaining seconds of a lifetime.
fn remaining(until: Option<u64>, now: u64) -> u32 {
    let left = |until: u64| u32::try_from(until.saturating_sub(now)).unwrap_or(FOREVER);
    until.map_or(FOREVER, left)
}

fn seconds_since_boot() -> u64 {
    u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default()
}

/// Executes an operation on an address.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    key: &'a AddressKey,
    doing: Act<'a, Address>,
) -> execution::Result<()> {
    let (kind, address) = match doing {
        Act::Create(address) => ((libc::RTM_NEWADDR, CREATE), address),
        Act::Update { change, .. } => ((libc::RTM_NEWADDR, REPLACE), change),
        Act::Delete(address) => ((libc::RTM_DELADDR, 0), address),
    };
    let dev = execution.index_of(index, &key.netns, &key.dev)?;
    execution.push((index, &key.netns), kind, |out| request(out, dev, &key.address, address))
}

/// The field to which the kernel points.
pub(crate) fn field(_: &Address, at: PointedAt<'_>) -> Option<&'static str> {
    at.field(at.after(fixed::ADDRESS)?, AddressStatus::FIELDS)
}

/// Reads all addresses of namespaces, or those of certain links.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    part: &Part,
) -> Result<(), ObserveError> {
    observer.each_link(namespaces, part, |observer, netns, index| {
        observer.addresses(netns, index, |_, _| true)
    })
}

/// Reads addresses by their keys. A few links are read one by one; for more, all addresses are
/// read.
pub(crate) fn observe(
    observer: &mut Observer<'_>,
    keys: &[&AddressKey],
    wanted: &Wanted,
) -> Result<(), ObserveError> {
    let mut links: BTreeMap<&NetnsName, BTreeSet<&LinkName>> = BTreeMap::new();
    for AddressKey { netns, dev, .. } in keys {
        links.entry(netns).or_default().insert(dev);
    }
    for (netns, devs) in links {
        let asked = match devs.len() {
            0..=FEW => {
                let indexes = devs.iter().map(|dev| observer.index(netns, dev));
                indexes.collect::<Result<Vec<_>, _>>()?
            }
            _ => vec![Some(0)],
        };
        for index in asked.into_iter().flatten() {
            observer.addresses(netns, index, |_, key| wanted.keys.contains(key))?;
        }
    }
    Ok(())
}

/// The address of a notification; `name` returns the name of the link with an index.
pub(crate) fn notified(
    message: Message<'_>,
    netns: &NetnsName,
    name: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    let (index, address, _) = decode(message)?;
    Some(Key::Address(AddressKey { netns: netns.clone(), dev: name(index)?, address }))
}

impl Observer<'_> {
    /// The addresses of a namespace that `wanted` selects; only those of one link if `index` is not
    /// zero.
    pub(crate) fn addresses(
        &mut self,
        netns: &NetnsName,
        index: u32,
        wanted: impl Fn(u32, &Key) -> bool,
    ) -> Result<(), ObserveError> {
        for family in FAMILIES {
            let request = |out: &mut Vec<u8>| dump(out, family, index);
            let seen = self.dump((netns, libc::RTM_GETADDR), request, decode)?;
            for (index, address, object) in seen {
                if let Some(dev) = self.name(netns, index)? {
                    let key = Key::Address(AddressKey { netns: netns.clone(), dev, address });
                    if wanted(index, &key) {
                        self.insert(key, Object::Address(object));
                    }
                }
            }
        }
        Ok(())
    }
}
