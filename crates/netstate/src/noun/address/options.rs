//! The options of an address, and their comparison with what the kernel shows.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Address, AddressKey, AddressStatus};
use crate::attribute::{Attributes, Fields, Value};
use crate::noun::link::words;
use crate::noun::{Described, Verb};
use crate::uapi::{
    IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR, IFA_F_MCAUTOJOIN, IFA_F_NODAD, IFA_F_NOPREFIXROUTE,
};

/// The options of an address. `None` is not configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct AddressOptions {
    /// `IFA_ADDRESS`: the address of the far end; the address itself if there is none.
    #[attribute(IFA_ADDRESS)]
    pub peer: Option<IpAddr>,
    /// `ifa_scope`: `RT_SCOPE_…`. IPv4 only.
    pub scope: Option<u8>,
    /// The broadcast address of the subnet; 0.0.0.0 if there is none. IPv4 only.
    #[attribute(IFA_BROADCAST)]
    pub broadcast: Option<IpAddr>,
    /// The name under which old tools show it. IPv4 only.
    #[attribute(IFA_LABEL)]
    pub label: Option<String>,
    /// The metric of its prefix route; zero is the kernel's choice.
    #[attribute(IFA_RT_PRIORITY)]
    pub metric: Option<u32>,
    /// Who made it; zero is nobody.
    #[attribute(IFA_PROTO)]
    pub proto: Option<u8>,
    /// `ifa_valid`: when the kernel removes it, after it was set.
    pub valid_lft: Option<Lifetime>,
    /// `ifa_prefered`: when it becomes deprecated, after it was set.
    pub preferred_lft: Option<Lifetime>,
    /// Whether it has no prefix route.
    pub noprefixroute: Option<bool>,
    /// Whether it is the home address of a mobile node (RFC 6275). IPv6 only.
    pub home: Option<bool>,
    /// Whether it is used without duplicate address detection. IPv6 only.
    pub nodad: Option<bool>,
    /// Whether the kernel makes temporary addresses from it (RFC 8981). IPv6 only.
    pub mngtmpaddr: Option<bool>,
    /// Whether the link joins this multicast group. IPv4 only.
    pub autojoin: Option<bool>,
}

/// A lifetime, in seconds since it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It has no end (`INFINITY_LIFE_TIME`).
    Forever,
    /// It has one.
    Seconds(u32),
}

const FOREVER: &str = "forever";

impl Lifetime {
    /// The number in the kernel's encoding.
    pub fn number(self) -> u32 {
        match self {
            Lifetime::Forever => u32::MAX,
            Lifetime::Seconds(seconds) => seconds,
        }
    }

    /// The lifetime with a number in the kernel's encoding.
    pub fn of(number: u32) -> Self {
        if number == u32::MAX { Lifetime::Forever } else { Lifetime::Seconds(number) }
    }
}

impl Value for Lifetime {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        u32::take(bytes).map(Self::of)
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Lifetime::Forever => serializer.serialize_str(FOREVER),
            Lifetime::Seconds(seconds) => serializer.serialize_u32(*seconds),
        }
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Lifetime::of(number)),
            Written::Text(text) if text == FOREVER => Ok(Lifetime::Forever),
            Written::Text(text) => {
                text.parse().map(Lifetime::of).map_err(|_| de::Error::custom("no lifetime"))
            }
        }
    }
}

/// No broadcast address.
const NO_BROADCAST: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The accuracy of a comparison of lifetimes, in seconds. The kernel shows the remaining time, and when it was set by
/// a clock that may be a little behind ours (`cstamp_delta`, net/ipv4/devinet.c).
const EARLY: u32 = 2;
const LATE: u32 = 60;

impl AddressOptions {
    /// The options of an address as it is in the kernel. A lifetime is counted from when it was set.
    pub fn of(key: &AddressKey, status: &AddressStatus) -> Self {
        let is_ipv4 = key.address.addr().is_ipv4();
        let flag = |bit: u32| Some(status.flags & bit != 0);
        let of_ipv6 = |bit: u32| flag(bit).filter(|_| !is_ipv4);
        let total = |left: Option<u32>| {
            let total = |left: u32| if left == 0 { 0 } else { left.saturating_add(status.age) };
            left.map_or(Lifetime::Forever, |left| Lifetime::of(total(left)))
        };
        Self {
            peer: Some(status.peer.unwrap_or(key.address.addr())),
            scope: Some(status.scope).filter(|_| is_ipv4),
            broadcast: status.broadcast.or(is_ipv4.then_some(NO_BROADCAST)),
            label: status.label.clone(),
            metric: Some(status.metric.unwrap_or_default()),
            proto: Some(status.protocol),
            valid_lft: Some(total(status.valid_left)),
            preferred_lft: Some(total(status.preferred_left)),
            noprefixroute: flag(IFA_F_NOPREFIXROUTE),
            home: of_ipv6(IFA_F_HOMEADDRESS),
            nodad: of_ipv6(IFA_F_NODAD),
            mngtmpaddr: of_ipv6(IFA_F_MANAGETEMPADDR),
            autojoin: flag(IFA_F_MCAUTOJOIN).filter(|_| is_ipv4),
        }
    }

    /// These options where they are set, and otherwise the others.
    #[must_use]
    pub fn or(&self, mut others: Self) -> Self {
        others.overlay(self);
        others
    }

    /// The bits of its flags that are set: `IFA_F_…`.
    pub fn flags(&self) -> u32 {
        let bits = [
            (self.noprefixroute, IFA_F_NOPREFIXROUTE),
            (self.home, IFA_F_HOMEADDRESS),
            (self.nodad, IFA_F_NODAD),
            (self.mngtmpaddr, IFA_F_MANAGETEMPADDR),
            (self.autojoin, IFA_F_MCAUTOJOIN),
        ];
        bits.iter().filter(|(set, _)| *set == Some(true)).fold(0, |flags, (_, bit)| flags | bit)
    }

    /// Whether there is a broadcast address.
    pub fn broadcast(&self) -> Option<IpAddr> {
        self.broadcast.filter(|broadcast| *broadcast != NO_BROADCAST)
    }
}

impl Address {
    /// The configured options.
    pub fn set_options(&self) -> AddressOptions {
        self.options.as_deref().cloned().unwrap_or_default()
    }

    /// The options that an address in the kernel must have. Those of an address that existed before it was configured
    /// stay as they are, unless they are configured.
    fn required(&self, key: &AddressKey) -> AddressOptions {
        match self.status {
            Some(_) => self.set_options(),
            None => self.whole(key, None),
        }
    }

    /// All options of a new address, or of one that is changed from `seen`.
    pub fn whole(&self, key: &AddressKey, seen: Option<&Address>) -> AddressOptions {
        let options = self.set_options();
        let others = match self.status_beside(seen) {
            Some(status) => AddressOptions::of(key, status),
            // The label is what the kernel makes of it.
            None => AddressOptions {
                preferred_lft: options.valid_lft,
                ..AddressOptions::of(key, &AddressStatus::of_new(key))
            },
        };
        let mut whole = options.or(others);
        whole.preferred_lft = whole.preferred_lft.or(Some(Lifetime::Forever));
        whole
    }

    /// What the options that are not configured are taken from.
    pub fn status_beside<'a>(&'a self, seen: Option<&'a Address>) -> Option<&'a AddressStatus> {
        let own = self.status.as_deref()?;
        Some(seen.and_then(|seen| seen.status.as_deref()).unwrap_or(own))
    }

    /// The options that differ from what is required.
    pub(super) fn changes(&self, key: &AddressKey, seen: &Address) -> AddressOptions {
        if self.status.is_some() && self.options.is_none() {
            return AddressOptions::default();
        }
        let required = self.required(key);
        let status = seen.status.as_deref();
        let mut shown = match status {
            Some(status) => seen.set_options().or(AddressOptions::of(key, status)),
            None => seen.whole(key, None),
        };
        if let Some(status) = status {
            let adopt = |shown: &mut Option<Lifetime>, wanted: Option<Lifetime>, left| {
                if wanted.is_some_and(|wanted| is_left_of(wanted, left, status.age)) {
                    *shown = wanted;
                }
            };
            adopt(&mut shown.valid_lft, required.valid_lft, status.valid_left);
            adopt(&mut shown.preferred_lft, required.preferred_lft, status.preferred_left);
        }
        required.changes(&shown)
    }

    /// The address with what is configured, and otherwise with what it had before it was configured. Options that
    /// `touched` sets go back to what they were.
    pub(super) fn completed(
        &self,
        key: &AddressKey,
        touched: Option<&Address>,
        original: &Address,
    ) -> Address {
        let Some(status) = &original.status else { return self.clone() };
        if original.is_automatic() {
            let status = Some(AddressStatus::of_new(key).into());
            return Address { options: self.options.clone(), status };
        }
        let mut touched = touched.map(Address::set_options).unwrap_or_default();
        // An address is preferred at most as long as it is valid, so that each changes with the other.
        touched.preferred_lft = touched.preferred_lft.or(touched.valid_lft);
        let back = AddressOptions::of(key, status).only(&touched);
        let mut options = self.set_options().or(back);
        if let (Some(preferred), Some(valid)) = (options.preferred_lft, options.valid_lft) {
            options.preferred_lft = Some(Lifetime::of(preferred.number().min(valid.number())));
        }
        Address { status: Some(status.clone()), ..options.into() }
    }
}

/// Whether the kernel can change these options of an address in place (`inet_rtm_newaddr`, net/ipv4/devinet.c;
/// `inet6_addr_modify`, net/ipv6/addrconf.c). Linux 6.1 keeps the origin of an IPv4 address. IPv6 keeps a metric until
/// it gets another one, and the host route to a peer that is replaced.
pub(super) fn changes_in_place(key: &AddressKey, changes: &AddressOptions) -> bool {
    let in_place: &[&str] = match key.address.addr() {
        IpAddr::V4(_) => &["metric", "valid_lft", "preferred_lft"],
        IpAddr::V6(_) => &[
            "metric",
            "proto",
            "valid_lft",
            "preferred_lft",
            "noprefixroute",
            "home",
            "nodad",
            "mngtmpaddr",
        ],
    };
    let loses_metric = key.address.addr().is_ipv6() && changes.metric == Some(0);
    !loses_metric && changes.set_fields().iter().all(|option| in_place.contains(option))
}

/// The options of an operation as text: those of a new address, or those that change.
pub(super) fn describe(
    f: &mut fmt::Formatter<'_>,
    verb: Verb,
    key: &AddressKey,
    Described { object: address, before }: Described<'_, Address>,
) -> fmt::Result {
    let options = match (verb, before) {
        (Verb::Add, _) => address.set_options(),
        (Verb::Replace, Some(before)) => address.changes(key, before),
        (Verb::Replace, None) | (Verb::Delete, _) => return Ok(()),
    };
    let options = AddressOptions { peer: None, ..options };
    let words = serde_json::to_value(&options).map(|options| words(&options)).unwrap_or_default();
    words.iter().try_for_each(|word| write!(f, ", {word}"))
}

/// Whether this may be left, in seconds, of a lifetime that was set `age` seconds ago.
fn is_left_of(lifetime: Lifetime, left: Option<u32>, age: u32) -> bool {
    let (Lifetime::Seconds(lifetime), Some(left)) = (lifetime, left) else {
        return lifetime == Lifetime::Forever && left.is_none();
    };
    let total = left.saturating_add(age);
    match left {
        0 => lifetime <= age.saturating_add(EARLY),
        _ => {
            left <= lifetime.saturating_add(1)
                && lifetime <= total.saturating_add(EARLY)
                && total <= lifetime.saturating_add(LATE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_counts_down() {
        let seconds = Lifetime::Seconds;
        for (lifetime, left, age, is_left) in [
            (Lifetime::Forever, None, 0, true),
            (Lifetime::Forever, Some(7), 0, false),
            (seconds(100), None, 0, false),
            (seconds(100), Some(100), 0, true),
            (seconds(100), Some(40), 60, true),
            (seconds(100), Some(40), 75, true),
            // Another lifetime was set.
            (seconds(1000), Some(40), 60, false),
            (seconds(100), Some(40), 500, false),
            (seconds(100), Some(400), 0, false),
            // It is over.
            (seconds(100), Some(0), 100, true),
            (seconds(100), Some(0), 5000, true),
            (seconds(100), Some(0), 50, false),
            (seconds(0), Some(0), 0, true),
            (seconds(0), Some(5), 0, false),
        ] {
            assert_eq!(is_left_of(lifetime, left, age), is_left, "{lifetime:?} {left:?} {age}");
        }
    }
}
