//! IP addresses on the wire (`struct ifaddrmsg` and `IFA_…`).

mod detection;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use netstate::address::{Address, AddressKey, AddressOptions, AddressStatus, Lifetime};
use netstate::attribute::{Attributes, Fields, Value, put, put_value};
use netstate::uapi::{IFA_F_DEPRECATED, IFA_F_MANAGETEMPADDR, IFA_PROTO, IFAPROT_KERNEL_RA};
use netstate::{Key, LinkName, NetnsName, Object, ObserveError, Part, Wanted};
use rustix::time::{ClockId, clock_gettime};

pub(crate) use self::detection::await_detection;

use crate::execution::{self, Act, CREATE, Execution, PointedAt, REPLACE};
use crate::message::{Message, Wire, fixed};
use crate::noun::route::family;
use crate::observer::{FAMILIES, FEW, Observer};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire = Wire {
    get: libc::RTM_GETADDR,
    plural: "addresses",
    groups: &[libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR],
};

/// A lifetime without an end (`INFINITY_LIFE_TIME`).
const FOREVER: u32 = u32::MAX;

/// Appends the body of a request to add an address to the link of that index, or to change the one that was seen.
pub(crate) fn request(
    out: &mut Vec<u8>,
    index: u32,
    key: &AddressKey,
    (address, seen): (&Address, Option<&Address>),
) {
    let options = address.whole(key, seen);
    identity(out, index, key, (options.scope.unwrap_or_default(), options.peer));
    put_value(out, libc::IFA_FLAGS, &options.flags());
    let broadcast = options.broadcast();
    let (valid, preferred) = lifetimes(address, &options, seen);
    AddressOptions {
        peer: None,
        broadcast,
        metric: options.metric.filter(|metric| *metric != 0),
        proto: options.proto.filter(|proto| *proto != 0),
        ..options
    }
    .encode(out);
    if (valid, preferred) != (FOREVER, FOREVER) {
        put(out, libc::IFA_CACHEINFO, |out| {
            [preferred, valid, 0, 0].iter().for_each(|value| value.put(out));
        });
    }
}

/// Appends the body of a request to remove an address, with the temporary ones that the kernel has made from it.
fn removal(out: &mut Vec<u8>, index: u32, key: &AddressKey, address: &Address) {
    let options = address.whole(key, None);
    identity(out, index, key, (0, options.peer));
    if options.mngtmpaddr == Some(true) {
        put_value(out, libc::IFA_FLAGS, &IFA_F_MANAGETEMPADDR);
    }
}

/// Appends what says which address it is.
fn identity(out: &mut Vec<u8>, index: u32, key: &AddressKey, (scope, peer): (u8, Option<IpAddr>)) {
    let local = key.address.addr();
    out.extend([family(&local), key.address.prefix_len(), 0, scope]);
    index.put(out);
    put_value(out, libc::IFA_LOCAL, &local);
    put_value(out, libc::IFA_ADDRESS, &peer.unwrap_or(local));
}

/// The valid and the preferred lifetime of a request: as configured, or what is left.
fn lifetimes(address: &Address, whole: &AddressOptions, seen: Option<&Address>) -> (u32, u32) {
    let status = address.status_beside(seen);
    let now = seconds_since_boot();
    let number = |whole: Option<Lifetime>, is_configured: bool, until: Option<u64>| match status
        .filter(|_| !is_configured)
    {
        Some(_) => remaining(until, now),
        None => whole.map_or(FOREVER, Lifetime::number),
    };
    let options = address.set_options();
    let valid = number(
        whole.valid_lft,
        options.valid_lft.is_some(),
        status.and_then(|status| status.valid_until),
    );
    let preferred = number(
        whole.preferred_lft,
        options.preferred_lft.is_some(),
        status.and_then(|status| status.preferred_until),
    );
    // The kernel has no expired addresses, and removes one that is about to expire.
    let valid = valid.max(1);
    (valid, preferred.min(valid))
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
    let (mut local, mut address, mut set) = (None, None, None);
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
                let number = |at: usize| u32::take(value.get(at..at + 4)?);
                status.preferred_left = number(0).filter(|left| *left != FOREVER);
                status.valid_left = number(4).filter(|left| *left != FOREVER);
                set = number(12);
            }
            IFA_PROTO => status.protocol = u8::take(value)?,
            _ => status.read(number, value).ok()?,
        }
    }
    status.fill_absent();
    let is_ipv6 = message.byte(0) == family(&Ipv6Addr::UNSPECIFIED.into());
    // IPv4 does not show when an address without an end became deprecated.
    if !is_ipv6 && status.flags & IFA_F_DEPRECATED != 0 {
        status.preferred_left = Some(0);
    }
    if status.valid_left.or(status.preferred_left).is_some() {
        let now = seconds_since_boot();
        let until = |left: Option<u32>| left.map(|left| now + u64::from(left));
        status.valid_until = until(status.valid_left);
        status.preferred_until = until(status.preferred_left);
        status.age = set.map_or(0, age);
    }
    let is_temporary = is_ipv6 && status.flags & libc::IFA_F_TEMPORARY != 0;
    if is_temporary {
        // The kernel derives the address from a router advertisement, but does not say so.
        status.protocol = IFAPROT_KERNEL_RA;
    }
    status.peer = address.filter(|address| local.is_some_and(|local| local != *address));
    let address = IpNet::new(local.or(address)?, message.byte(1)).ok()?;
    Some((
        message.number(4),
        address,
        Address { status: Some(status.into()), ..Address::default() },
    ))
}

/// The seconds since a time in the kernel's clock: hundredths of a second since the boot, without those of suspension
/// (`cstamp_delta`, net/ipv4/devinet.c).
fn age(set: u32) -> u32 {
    let now = clock_gettime(ClockId::Monotonic);
    let hundredths = now.tv_sec * 100 + now.tv_nsec / 10_000_000;
    // The kernel's number overflows after 497 days.
    let hundredths = u32::try_from(hundredths & i64::from(u32::MAX)).unwrap_or_default();
    hundredths.wrapping_sub(set) / 100
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
    let dev = execution.index_of(index, &key.netns, &key.dev)?;
    let at = (index, &key.netns);
    match doing {
        Act::Create(address) => execution.push(at, (libc::RTM_NEWADDR, CREATE), |out| {
            request(out, dev, key, (address, None));
        }),
        Act::Update { from, change } => execution.push(at, (libc::RTM_NEWADDR, REPLACE), |out| {
            request(out, dev, key, (change, Some(from)));
        }),
        Act::Delete(address) => execution.push(at, (libc::RTM_DELADDR, 0), |out| {
            removal(out, dev, key, address);
        }),
    }
}

/// The field to which the kernel points.
pub(crate) fn field(_: &Address, at: PointedAt<'_>) -> Option<&'static str> {
    at.field(at.after(fixed::ADDRESS)?, AddressOptions::FIELDS)
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
    let (index, ip, address) = decode(message)?;
    Some(Key::Address(key(netns, name(index)?, (ip, &address))))
}

/// The key of an address of a message.
fn key(netns: &NetnsName, dev: LinkName, (ip, address): (IpNet, &Address)) -> AddressKey {
    let peer = address.status.as_ref().and_then(|status| status.peer);
    AddressKey::new(netns.clone(), dev, ip).with_peer(peer)
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
            for (index, ip, object) in seen {
                if let Some(dev) = self.name(netns, index)? {
                    let key = Key::Address(key(netns, dev, (ip, &object)));
                    if wanted(index, &key) {
                        self.insert(key, Object::Address(object));
                    }
                }
            }
        }
        Ok(())
    }
}
