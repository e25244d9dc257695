//! What Linux does with addresses: the flags that it gives them, and what goes with one.

use std::net::IpAddr;

use netstate::address::Lifetime;
use netstate::uapi::{
    IFA_F_DADFAILED, IFA_F_PERMANENT, IFA_F_SECONDARY, IFA_F_TENTATIVE, IFAPROT_KERNEL_LO,
    RT_SCOPE_HOST, RT_TABLE_MAIN,
};
use netstate::{Address, AddressKey, AddressStatus, Key, NetnsName, Object, Place, State};

use super::shared::{self, Refused, refusal};
use super::{ipv6, routes};

/// The flags that a request can set.
const MADE: u32 = libc::IFA_F_NODAD | libc::IFA_F_HOMEADDRESS | 0x100 | 0x200 | 0x400;

/// The loopback gets its addresses when it comes up (`inetdev_event`, net/ipv4/devinet.c;
/// `init_loopback`, net/ipv6/addrconf.c).
pub(super) fn add_to_loopback(state: &mut State, place: &Place) {
    for text in ["127.0.0.1/8", "::1/128"] {
        let Ok(address) = text.parse::<ipnet::IpNet>() else { continue };
        if address.addr().is_ipv6() && (!ipv6::is_there(state, place) || ipv6::is_off(state, place))
        {
            continue;
        }
        let (netns, dev) = (place.netns.clone(), place.ifname.clone());
        let status = AddressStatus {
            flags: IFA_F_PERMANENT,
            scope: RT_SCOPE_HOST,
            protocol: IFAPROT_KERNEL_LO,
            ..AddressStatus::default()
        };
        let key = Key::Address(AddressKey::new(netns, dev, address));
        let made = Object::Address(Address { status: Some(status.into()), ..Address::default() });
        state.objects.entry(key).or_insert(made);
    }
}

/// The flags of an address.
pub(super) fn flags(state: &State, key: &AddressKey) -> Option<u32> {
    match state.objects.get(&Key::Address(key.clone())) {
        Some(Object::Address(address)) => {
            Some(address.status.as_ref().map_or(0, |status| status.flags))
        }
        _ => None,
    }
}

/// The same, for changes.
pub(super) fn flags_mut<'s>(state: &'s mut State, key: &AddressKey) -> Option<&'s mut u32> {
    match state.objects.get_mut(&Key::Address(key.clone())) {
        Some(Object::Address(address)) => Some(&mut address.status.get_or_insert_default().flags),
        _ => None,
    }
}

/// An IPv6 address is tentative until its detection has ended. An IPv4 address is secondary to
/// earlier ones of its subnet. An address with a lifetime is not permanent.
pub(super) fn as_shown(state: &State, key: &AddressKey, address: &Address) -> Address {
    let secondary = match flags(state, key) {
        Some(flags) => flags & IFA_F_SECONDARY != 0,
        None => {
            key.address.addr().is_ipv4()
                && beside(state, key).any(|(other, _)| other.subnet() == key.subnet())
        }
    };
    let mut status = requested(state, key, address);
    let found_out = IFA_F_PERMANENT | IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_DADFAILED;
    let mut flags = status.flags & !found_out;
    // An existing address keeps these flags.
    flags |= match self::flags(state, key) {
        Some(flags) => flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED),
        None if is_tentative_at_first(key, flags) => IFA_F_TENTATIVE,
        None => 0,
    };
    if status.valid_until.is_none() {
        flags |= IFA_F_PERMANENT;
    }
    if secondary {
        flags |= IFA_F_SECONDARY;
    }
    status.flags = flags;
    Address { status: Some(status.into()), ..Address::default() }
}

/// What a request sets. An update of an IPv4 address sets only its metric and its lifetimes
/// (`inet_rtm_newaddr`), and one of an IPv6 address neither removes its peer nor its metric
/// (`inet6_addr_modify`).
fn requested(state: &State, key: &AddressKey, address: &Address) -> AddressStatus {
    let before = match state.objects.get(&Key::Address(key.clone())) {
        Some(Object::Address(before)) => Some(before),
        _ => None,
    };
    let options = address.whole(key, before);
    let base = address.status_beside(before).cloned().unwrap_or_default();
    let mut status = match before.and_then(|before| before.status.as_deref()) {
        Some(before) => before.clone(),
        None => AddressStatus { broadcast: options.broadcast(), ..base.clone() },
    };
    let is_ipv6 = key.address.addr().is_ipv6();
    if before.is_none() || is_ipv6 {
        let peer = options.peer.filter(|peer| *peer != key.address.addr());
        status.peer = peer.or(status.peer);
        status.flags = base.flags & !MADE | options.flags();
    }
    if before.is_none() {
        status.scope = options.scope.unwrap_or(base.scope);
        status.label = options.label;
    }
    status.metric = match options.metric.filter(|metric| *metric != 0) {
        None if is_ipv6 => status.metric,
        metric => metric,
    };
    if before.is_none() || is_ipv6 {
        status.protocol = options.proto.unwrap_or_default();
    }
    let set = address.set_options();
    let seconds = |lifetime: Lifetime| match lifetime {
        Lifetime::Forever => None,
        Lifetime::Seconds(seconds) => Some(seconds),
    };
    (status.valid_left, status.valid_until) = (base.valid_left, base.valid_until);
    if let Some(valid) = set.valid_lft.or(options.valid_lft.filter(|_| address.status.is_none())) {
        status.valid_left = seconds(valid);
        status.valid_until = status.valid_left.map(u64::from);
    }
    (status.preferred_left, status.preferred_until) = (base.preferred_left, base.preferred_until);
    let preferred = options.preferred_lft.filter(|_| address.status.is_none());
    if let Some(preferred) = set.preferred_lft.or(preferred) {
        status.preferred_left = seconds(preferred);
        status.preferred_until = status.preferred_left.map(u64::from);
    }
    // An address is preferred at most as long as it is valid.
    if let Some(valid) = status.valid_left {
        status.preferred_left = Some(status.preferred_left.unwrap_or(valid).min(valid));
        status.preferred_until = status.preferred_left.map(u64::from);
    }
    status
}

/// Whether a new address is tentative (`ipv6_add_addr`, net/ipv6/addrconf.c). It is even without
/// detection, until the kernel's worker has run.
pub(super) fn is_tentative_at_first(key: &AddressKey, flags: u32) -> bool {
    key.address.addr().is_ipv6() && flags & libc::IFA_F_NODAD == 0
}

/// Whether a link accepts an address (`inet6_addr_add`, `ipv6_add_addr`).
pub(super) fn permit_address(state: &State, key: &AddressKey) -> Result<(), Refused> {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    if !ipv6::is_there(state, &place) {
        return Err(refusal(libc::EINVAL, ""));
    }
    if ipv6::is_off(state, &place) {
        return Err(refusal(libc::EACCES, "ipv6: IPv6 is disabled on this device"));
    }
    let ip = key.address.addr();
    let other = |(other, _): (&AddressKey, &Address)| other.address.addr() == ip && other != key;
    match beside(state, key).any(other) {
        true => Err(refusal(libc::EEXIST, "ipv6: address already assigned")),
        false => Ok(()),
    }
}

/// The addresses of the link that one is on, of the same family.
pub(super) fn beside<'a>(
    state: &'a State,
    of: &'a AddressKey,
) -> impl Iterator<Item = (&'a AddressKey, &'a Address)> {
    state.objects.iter().filter_map(move |(key, object)| match (key, object) {
        (Key::Address(key), Object::Address(address)) => {
            let same = (&key.netns, &key.dev) == (&of.netns, &of.dev)
                && key.address.addr().is_ipv4() == of.address.addr().is_ipv4();
            same.then_some((key, address))
        }
        _ => None,
    })
}

/// Removing an IPv4 address removes the secondary ones of its subnet and the routes with this
/// source. Removing the last one of a link removes all of IPv4 on it (`__inet_del_ifa`,
/// `fib_inetaddr_event`).
pub(super) fn gone(state: &mut State, gone: &AddressKey, object: &Object) {
    let is_secondary = |address: &Address| {
        address.status.as_ref().is_some_and(|status| status.flags & IFA_F_SECONDARY != 0)
    };
    if gone.address.addr().is_ipv6() {
        routes::forget_source(state, gone);
        return;
    }
    let was_primary = matches!(object, Object::Address(address) if !is_secondary(address));
    let along: Vec<AddressKey> = beside(state, gone)
        .filter(|(key, address)| {
            was_primary && is_secondary(address) && key.subnet() == gone.subnet()
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in &along {
        state.objects.remove(&Key::Address(key.clone()));
    }
    let sources: Vec<IpAddr> = along.iter().chain([gone]).map(|key| key.address.addr()).collect();
    lose_sources(state, &gone.netns, &sources);
    if beside(state, gone).next().is_none() {
        let place = Place { netns: gone.netns.clone(), ifname: gone.dev.clone() };
        shared::disable(state, &place, |key| match key {
            Key::Route(key) => key.prefix.addr().is_ipv4(),
            Key::Neighbor(key) => key.address.is_ipv4(),
            Key::Netns(_)
            | Key::Link(_)
            | Key::Sysctl(_)
            | Key::Address(_)
            | Key::Fdb(_)
            | Key::Nexthop(_)
            | Key::Rule(_) => false,
        });
    }
}

/// IPv4 routes of the main table are lost with their source when no link has it any more
/// (`fib_sync_down_addr`, net/ipv4/fib_semantics.c).
pub(super) fn lose_sources(state: &mut State, netns: &NetnsName, sources: &[IpAddr]) {
    let is_held = |source: &IpAddr| {
        let holds = |key: &Key| matches!(key, Key::Address(key) if key.netns == *netns && key.address.addr() == *source);
        state.objects.keys().any(holds)
    };
    let gone: Vec<IpAddr> = sources.iter().copied().filter(|source| !is_held(source)).collect();
    state.objects.retain(|key, object| match (key, object) {
        (Key::Route(key), Object::Route(route)) => {
            let from = route.source.filter(IpAddr::is_ipv4);
            let is_main = key.netns == *netns && key.table == RT_TABLE_MAIN;
            !(is_main && from.is_some_and(|from| gone.contains(&from)))
        }
        _ => true,
    });
}
