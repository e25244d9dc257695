//! IPv6 on a link: where it exists, what removes it, and how its addresses become usable.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netstate::uapi::{IFA_F_DADFAILED, IFA_F_TENTATIVE};
use netstate::{
    Address, AddressKey, Key, Link, LinkName, NetnsName, Object, Place, State, SysctlKey,
};

use super::effects::{self, Refused, refusal};
use super::{addresses, parameters};

/// The smallest MTU with IPv6 (`IPV6_MIN_MTU`, RFC 8200 section 5).
const MIN_MTU: u32 = 1280;

/// An address of another host, with the link on which that is.
pub(super) type Duplicate = (NetnsName, LinkName, IpAddr);

/// Whether a link has IPv6 at all (`addrconf_notify`, net/ipv6/addrconf.c).
pub(super) fn is_there(state: &State, place: &Place) -> bool {
    effects::link(state, place).is_some_and(has_ipv6)
}

/// The same for the link itself.
pub(super) fn has_ipv6(link: &Link) -> bool {
    link.attributes.mtu.is_none_or(|mtu| mtu >= MIN_MTU)
}

/// Whether a link has IPv6, but it is switched off.
pub(super) fn is_off(state: &State, place: &Place) -> bool {
    let path = format!("net/ipv6/conf/{}/disable_ipv6", place.ifname);
    parameters::value(state, &place.netns, &path) != "0"
}

/// Whether a link accepts an address (`inet6_addr_add`, `ipv6_add_addr`).
pub(super) fn permit_address(state: &State, key: &AddressKey) -> Result<(), Refused> {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    if !is_there(state, &place) {
        return Err(refusal(libc::EINVAL, ""));
    }
    if is_off(state, &place) {
        return Err(refusal(libc::EACCES, "ipv6: IPv6 is disabled on this device"));
    }
    let ip = key.address.addr();
    let other = |(other, _): (&AddressKey, &Address)| other.address.addr() == ip && other != key;
    match addresses::beside(state, key).any(other) {
        true => Err(refusal(libc::EEXIST, "ipv6: address already assigned")),
        false => Ok(()),
    }
}

/// Whether a link accepts a neighbour (`ndisc_allow_add`, net/ipv6/ndisc.c).
pub(super) fn permit_neighbor(state: &State, place: &Place) -> Result<(), Refused> {
    match is_there(state, place) && !is_off(state, place) {
        true => Ok(()),
        false => Err(refusal(libc::EINVAL, "IPv6 is disabled on this device")),
    }
}

/// Parameters of a link were set: if IPv6 is switched off, its objects are removed
/// (`addrconf_disable_change`).
pub(super) fn follow_parameters(state: &mut State, place: &Place) {
    if is_off(state, place) {
        effects::disable(state, place, is_ipv6);
    }
}

/// IPv6 is removed from a link, with its parameters (`addrconf_ifdown` with `unregister`).
pub(super) fn leave(state: &mut State, place: &Place) {
    effects::disable(state, place, is_ipv6);
    let is_parameter = |key: &Key| {
        matches!(key, Key::Sysctl(key) if key.netns == place.netns
            && key.path.as_str().starts_with("net/ipv6/")
            && key.path.dev().as_ref() == Some(&place.ifname))
    };
    state.objects.retain(|key, _| !is_parameter(key));
}

pub(super) fn is_ipv6(key: &Key) -> bool {
    match key {
        Key::Address(key) => key.address.addr().is_ipv6(),
        Key::Neighbor(key) => key.address.is_ipv6(),
        Key::Route(key) => key.prefix.addr().is_ipv6(),
        Key::Netns(_) | Key::Link(_) | Key::Sysctl(_) | Key::Fdb(_) | Key::Rule(_) => false,
    }
}

/// Whether a new address is tentative (`ipv6_add_addr`, net/ipv6/addrconf.c). It is even without
/// detection, until the kernel's worker has run.
pub(super) fn is_tentative_at_first(key: &AddressKey, flags: u32) -> bool {
    key.address.addr().is_ipv6() && flags & libc::IFA_F_NODAD == 0
}

/// Whether an address becomes usable without detection, whether its link is up or down
/// (`addrconf_dad_begin`).
fn passes_at_once(state: &State, key: &AddressKey) -> bool {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    let path = format!("net/ipv6/conf/{}/accept_dad", key.dev);
    let is_accepted = path.parse().is_ok_and(|path| {
        let at = SysctlKey { netns: key.netns.clone(), path };
        state.objects.get(&Key::Sysctl(at)) != Some(&Object::Sysctl("0".into()))
    });
    let resolves = effects::link(state, &place)
        .is_some_and(|link| link.flags.arp != Some(false) && !effects::is_loopback(link));
    !(is_accepted && resolves)
}

/// A link has come up: detection starts again for all of its addresses (`addrconf_dad_run`).
pub(super) fn begin_detection(state: &mut State, place: &Place) {
    let of_link: Vec<AddressKey> = (state.objects.keys())
        .filter_map(|key| if let Key::Address(key) = key { Some(key) } else { None })
        .filter(|key| key.netns == place.netns && key.dev == place.ifname)
        .cloned()
        .collect();
    for key in of_link {
        if let Some(flags) = addresses::flags_mut(state, &key)
            && is_tentative_at_first(&key, *flags)
        {
            *flags = (*flags & !IFA_F_DADFAILED) | IFA_F_TENTATIVE;
        }
    }
}

/// Detection of an address ends, unless its link is down (`addrconf_dad_completed`, `addrconf_dad_stop`).
pub(super) fn end_detection(state: &mut State, duplicates: &BTreeSet<Duplicate>, key: &AddressKey) {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    let is_up = effects::link(state, &place).is_some_and(|link| link.flags.up == Some(true));
    let at_once = passes_at_once(state, key);
    if !is_up && !at_once {
        return;
    }
    let duplicate = (key.netns.clone(), key.dev.clone(), key.address.addr());
    if let Some(flags) = addresses::flags_mut(state, key)
        && *flags & IFA_F_TENTATIVE != 0
    {
        match !at_once && duplicates.contains(&duplicate) {
            true => *flags |= IFA_F_DADFAILED,
            false => *flags &= !(IFA_F_TENTATIVE | IFA_F_DADFAILED),
        }
    }
}

/// Waits for the end of detection.
pub(super) fn await_detection(
    state: &mut State,
    duplicates: &BTreeSet<Duplicate>,
    key: &Key,
) -> Result<(), Refused> {
    let Some(key) = (if let Key::Address(key) = key { Some(key) } else { None }) else {
        return Err(refusal(libc::EINVAL, "only addresses are awaited"));
    };
    if !state.objects.contains_key(&Key::Address(key.clone())) {
        return Err(refusal(libc::EADDRNOTAVAIL, "the address is not there"));
    }
    end_detection(state, duplicates, key);
    let flags = addresses::flags(state, key).unwrap_or_default();
    match (flags & IFA_F_TENTATIVE != 0, flags & IFA_F_DADFAILED != 0) {
        (false, _) => Ok(()),
        (true, true) => {
            let words = format!("duplicate address: another host on {} has it", key.dev);
            Err(refusal(libc::EADDRNOTAVAIL, &words))
        }
        (true, false) => {
            let words = format!(
                "duplicate address detection has not ended within 10 s; it begins once {} has a carrier",
                key.dev
            );
            Err(refusal(libc::ETIMEDOUT, &words))
        }
    }
}
