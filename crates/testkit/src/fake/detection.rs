//! Duplicate address detection: how IPv6 addresses become usable.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netstate::uapi::{IFA_F_DADFAILED, IFA_F_TENTATIVE};
use netstate::{AddressKey, Key, LinkName, NetnsName, Object, Place, State, SysctlKey};

use super::addresses;
use super::shared::{self, Refused, refusal};

/// An address of another host, with the link on which that is.
pub(super) type Duplicate = (NetnsName, LinkName, IpAddr);

/// Whether an address becomes usable without detection, whether its link is up or down
/// (`addrconf_dad_begin`).
fn passes_at_once(state: &State, key: &AddressKey) -> bool {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    let path = format!("net/ipv6/conf/{}/accept_dad", key.dev);
    let is_accepted = path.parse().is_ok_and(|path| {
        let at = SysctlKey { netns: key.netns.clone(), path };
        state.objects.get(&Key::Sysctl(at)) != Some(&Object::Sysctl("0".into()))
    });
    let resolves = shared::link(state, &place)
        .is_some_and(|link| link.flags.arp != Some(false) && !shared::is_loopback(link));
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
            && addresses::is_tentative_at_first(&key, *flags)
        {
            *flags = (*flags & !IFA_F_DADFAILED) | IFA_F_TENTATIVE;
        }
    }
}

/// Detection of an address ends, unless its link is down (`addrconf_dad_completed`, `addrconf_dad_stop`).
pub(super) fn end_detection(state: &mut State, duplicates: &BTreeSet<Duplicate>, key: &AddressKey) {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    let is_up = shared::link(state, &place).is_some_and(|link| link.flags.up == Some(true));
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
