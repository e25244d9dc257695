//! An IP address on a link (`struct ifaddrmsg`, rtnetlink(7)).

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::name::{LinkName, NetnsName};
use crate::noun::link::Place;
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, How, Key, Lasts, Loose, Loss, Need, Needs, NounFacts,
    Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::{
    IFA_F_DADFAILED, IFA_F_SECONDARY, IFA_F_TENTATIVE, IFAPROT_KERNEL_LL, IFAPROT_KERNEL_LO,
    IFAPROT_KERNEL_RA,
};

/// The key of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The link, by the kernel's name.
    pub dev: LinkName,
    /// The address with its prefix length, host bits kept.
    pub address: IpNet,
}

impl AddressKey {
    /// The place of the link.
    pub fn place(&self) -> Place {
        Place { netns: self.netns.clone(), ifname: self.dev.clone() }
    }
}

/// The attributes of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// What is observed only. It is restored with an address of others.
    pub status: Option<Box<AddressStatus>>,
}

/// The attributes of an address that cannot be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(default)]
pub struct AddressStatus {
    /// `IFA_FLAGS`: `IFA_F_…`.
    #[attribute(plain)]
    pub flags: u32,
    /// `ifa_scope`: `RT_SCOPE_…`.
    #[attribute(plain)]
    pub scope: u8,
    /// `IFA_PROTO`: who made it (`IFAPROT_…`); zero if unknown.
    #[attribute(plain)]
    pub protocol: u8,
    /// `IFA_ADDRESS`, if it is the far end's address.
    pub peer: Option<IpAddr>,
    /// The broadcast address of the subnet.
    #[attribute(IFA_BROADCAST)]
    pub broadcast: Option<IpAddr>,
    /// The name under which old tools show it. It begins with the link's name.
    #[attribute(IFA_LABEL)]
    pub label: Option<String>,
    /// The metric of its prefix route.
    #[attribute(IFA_RT_PRIORITY)]
    pub metric: Option<u32>,
    /// `IFA_CACHEINFO`: when it expires, in seconds since the host's boot (`CLOCK_BOOTTIME`).
    pub valid_until: Option<u64>,
    /// When it becomes deprecated, on the same clock.
    pub preferred_until: Option<u64>,
}

impl Address {
    /// Whether the kernel created it, for the loopback or by IPv6 autoconfiguration. It is then
    /// state.
    pub fn is_automatic(&self) -> bool {
        let protocols = [IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL];
        self.status.as_ref().is_some_and(|status| protocols.contains(&status.protocol))
    }

    /// Whether it is secondary to another address of its subnet, and is removed with that.
    fn is_secondary(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.flags & IFA_F_SECONDARY != 0)
    }

    fn has_end(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.valid_until.is_some())
    }
}

impl Object {
    /// Whether the address cannot be used, because duplicate address detection has not finished or
    /// has failed.
    pub(crate) fn is_tentative(&self) -> bool {
        let Object::Address(Address { status: Some(status) }) = self else { return false };
        status.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0
    }
}

/// The facts of an address.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = AddressKey;
    type Object = Address;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "address",
        removal: Removal::Deleted,
        lasts: Lasts::WithAll,
        is_needed: false,
        takes_along: true,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(key: &AddressKey) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    fn needs(key: &AddressKey, _: &Address) -> Needs {
        [Need::of_place(key.place(), How::There)].into()
    }

    fn conditions(key: &AddressKey, _: &Address, conditions: &mut Vec<Condition>) {
        if key.address.addr().is_ipv6() {
            conditions.push(Condition::Ipv6(key.place()));
        }
    }

    fn without(_: &AddressKey, _: &Address, _: &[Condition]) -> Option<Address> {
        None
    }

    fn renamed(key: &AddressKey, address: &Address, names: Renaming<'_>) -> (Key, Object) {
        let key = AddressKey { dev: names.of(&key.dev), ..key.clone() };
        (Key::Address(key), Object::Address(address.clone()))
    }

    /// IPv6 addresses are lost when their link goes down (`addrconf_ifdown`, net/ipv6/addrconf.c).
    fn is_lost_with(key: &AddressKey, _: &Address, loss: &Loss<'_>) -> bool {
        match loss {
            Loss::Down | Loss::Ipv6 => key.address.addr().is_ipv6(),
            Loss::Ipv4 => key.address.addr().is_ipv4(),
            Loss::Address(_) | Loss::LastIpv4Address | Loss::Ipv6Parameters | Loss::LinkLayer => {
                false
            }
        }
    }

    fn loose(_: &Address) -> Loose {
        Loose::default()
    }

    fn loss(key: &AddressKey) -> Option<Loss<'_>> {
        Some(Loss::Address(key))
    }

    fn is_automatic(address: &Address) -> bool {
        address.is_automatic()
    }

    fn is_of_daemon(_: &Address) -> bool {
        false
    }

    fn satisfies(_: &AddressKey, _: &Address, _: &Address) -> bool {
        true
    }

    fn replaced(_: &AddressKey) -> Replaced {
        Replaced::InPlace
    }

    /// Before the link is up, except for addresses whose prefix route the kernel creates only on a
    /// link that is up (`fixup_permanent_addr`, net/ipv6/addrconf.c). The order decides which
    /// address is secondary.
    fn stage(key: &AddressKey, address: &Address) -> (Stage, u8) {
        let needs_up = key.address.addr().is_ipv6() && address.has_end();
        let stage = if needs_up { Stage::AfterUp } else { Stage::BeforeUp };
        (stage, u8::from(address.is_secondary()))
    }

    fn sets(_: &AddressKey, _: &Address, _: &Key) -> Option<Object> {
        None
    }

    /// An IPv4 address is removed with the later ones of its subnet, unless `promote_secondaries`
    /// is set.
    fn removed_before<'a>(
        key: &AddressKey,
        address: &Address,
        beside: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        if key.address.addr().is_ipv6() || address.is_secondary() {
            return Vec::new();
        }
        let goes_along = |(other, object): &&(&Key, &Object)| match (other, object) {
            (Key::Address(other), Object::Address(address)) => {
                let same_subnet = other.address.trunc() == key.address.trunc();
                same_subnet && other != key && address.is_secondary()
            }
            _ => false,
        };
        beside.iter().filter(goes_along).copied().collect()
    }

    fn default_key(_: &AddressKey) -> Option<AddressKey> {
        None
    }

    fn wanted(_: &mut Wanted, _: &Change<'_>) {}

    fn restorable(address: &Address) -> Address {
        address.clone()
    }

    fn overlay(address: &mut Address, other: &Address) {
        *address = other.clone();
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &AddressKey,
        _: Described<'_, Address>,
    ) -> fmt::Result {
        let [verb, preposition] = verb.words();
        let AddressKey { netns, dev, address } = key;
        write!(f, "{verb} address {address} {preposition} {dev} in {}", as_phrase(netns))
    }
}
