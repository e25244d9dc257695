//! An IP address on a link (`struct ifaddrmsg`, rtnetlink(7)).

mod options;

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use self::options::{AddressOptions, Lifetime};

use crate::attribute::{Attributes, Fields};
use crate::name::{LinkName, NetnsName};
use crate::noun::link::Place;
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, How, Key, Lasts, Loose, Loss, Need, Needs, NounFacts,
    Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::{
    IFA_F_DADFAILED, IFA_F_NOPREFIXROUTE, IFA_F_SECONDARY, IFA_F_TENTATIVE, IFAPROT_KERNEL_LL,
    IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, RT_SCOPE_HOST, RT_SCOPE_UNIVERSE,
};

/// The longest label (`IFNAMSIZ`, without the zero at the end).
pub const LABEL: usize = 15;

/// The key of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The link, by the kernel's name.
    pub dev: LinkName,
    /// The address with its prefix length, host bits kept.
    pub address: IpNet,
    /// The subnet of the far end of an IPv4 address, unless it is that of the address itself. The kernel holds
    /// addresses side by side that differ in it (`find_matching_ifa`, net/ipv4/devinet.c).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_subnet: Option<Ipv4Net>,
}

impl AddressKey {
    /// The key of an address whose far end, if it has one, is in its own subnet.
    pub fn new(netns: NetnsName, dev: LinkName, address: IpNet) -> Self {
        Self { netns, dev, address, far_subnet: None }
    }

    /// The key of the same address with this far end.
    #[must_use]
    pub fn with_peer(self, peer: Option<IpAddr>) -> Self {
        let far_subnet = match (peer, self.address) {
            (Some(IpAddr::V4(peer)), IpNet::V4(address)) => {
                let subnet = Ipv4Net::new(peer, address.prefix_len()).ok();
                subnet.map(|subnet| subnet.trunc()).filter(|subnet| *subnet != address.trunc())
            }
            _ => None,
        };
        Self { far_subnet, ..self }
    }

    /// The subnet of its prefix route: for IPv4 that of the far end.
    pub fn subnet(&self) -> IpNet {
        self.far_subnet.map_or(self.address.trunc(), IpNet::V4)
    }

    /// The place of the link.
    pub fn place(&self) -> Place {
        Place { netns: self.netns.clone(), ifname: self.dev.clone() }
    }
}

/// The attributes of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    /// What is configured, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Box<AddressOptions>>,
    /// What is observed. It is restored with an address of others. If an address has options too, these come first.
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
    /// The seconds that were left until it expires when it was observed.
    pub valid_left: Option<u32>,
    /// The seconds that were left until it becomes deprecated.
    pub preferred_left: Option<u32>,
    /// The seconds since its lifetimes were set; zero if they have no end.
    #[attribute(plain)]
    pub age: u32,
}

impl AddressStatus {
    /// The status of a new address without options. ip-address(8) gives an IPv4 loopback address scope
    /// host. For IPv6 the kernel does so itself.
    pub fn of_new(key: &AddressKey) -> Self {
        let scope = match key.address.addr() {
            IpAddr::V4(ip) if ip.is_loopback() => RT_SCOPE_HOST,
            IpAddr::V4(_) | IpAddr::V6(_) => RT_SCOPE_UNIVERSE,
        };
        Self { scope, ..Self::default() }
    }
}

impl From<AddressOptions> for Address {
    /// An address with these options.
    fn from(options: AddressOptions) -> Self {
        let options = (!options.is_empty()).then(|| options.into());
        Self { options, status: None }
    }
}

impl Address {
    /// The address of the far end, if it has one.
    pub fn peer(&self, key: &AddressKey) -> Option<IpAddr> {
        let configured = self.configured(|options| options.peer);
        let seen = || self.status.as_ref().and_then(|status| status.peer);
        configured.or_else(seen).filter(|peer| *peer != key.address.addr())
    }

    /// The subnets to which it leads, if it has a prefix route. An IPv6 address leads to its own and to that of its
    /// far end.
    pub fn subnets(&self, key: &AddressKey) -> SmallVec<[IpNet; 2]> {
        let peer = self.peer(key).filter(IpAddr::is_ipv6);
        let of_peer = peer.and_then(|peer| IpNet::new(peer, key.address.prefix_len()).ok());
        of_peer.into_iter().chain([key.subnet()]).collect()
    }

    /// Whether it makes another address of its subnets reachable.
    pub fn reaches(&self, key: &AddressKey, other: IpAddr) -> bool {
        self.has_prefix_route() && self.subnets(key).iter().any(|subnet| subnet.contains(&other))
    }

    /// An option, if it is configured.
    fn configured<'a, T: 'a>(
        &'a self,
        option: impl FnOnce(&'a AddressOptions) -> Option<T>,
    ) -> Option<T> {
        self.options.as_deref().and_then(option)
    }

    /// Whether the kernel makes a route to its subnet.
    pub fn has_prefix_route(&self) -> bool {
        let flags = self.status.as_ref().map_or(0, |status| status.flags);
        let has_none = self.configured(|options| options.noprefixroute);
        !has_none.unwrap_or(flags & IFA_F_NOPREFIXROUTE != 0)
    }

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
        match self.configured(|options| options.valid_lft) {
            Some(lifetime) => lifetime != Lifetime::Forever,
            None => self.status.as_ref().is_some_and(|status| status.valid_until.is_some()),
        }
    }

    /// The address after its link was renamed. The label begins with the name of the link.
    fn with_label_of(&self, names: Renaming<'_>) -> Address {
        let renamed = |label: &mut Option<String>| {
            let rest = label.as_ref().and_then(|label| label.strip_prefix(names.old.as_str()));
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(':')) {
                *label = Some(format!("{}{rest}", names.new)).filter(|label| label.len() <= LABEL);
            }
        };
        let mut address = self.clone();
        if let Some(options) = &mut address.options {
            renamed(&mut options.label);
        }
        if let Some(status) = &mut address.status {
            renamed(&mut status.label);
        }
        address
    }
}

impl Object {
    /// Whether the address cannot be used, because duplicate address detection has not finished or
    /// has failed.
    pub(crate) fn is_tentative(&self) -> bool {
        let Object::Address(Address { status: Some(status), .. }) = self else { return false };
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
        (Key::Address(key), Object::Address(address.with_label_of(names)))
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

    fn satisfies(key: &AddressKey, seen: &Address, wanted: &Address) -> bool {
        wanted.changes(key, seen).is_empty()
    }

    /// The kernel renames the labels of a renamed link, and that of its first address loses its end
    /// (`inetdev_changename`, net/ipv4/devinet.c).
    fn follows(key: &AddressKey, renamed: &Address, wanted: &Address) -> bool {
        wanted.configured(|options| options.label.as_ref()).is_none()
            && Self::satisfies(key, renamed, wanted)
    }

    fn replaced(key: &AddressKey, seen: &Address, wanted: &Address) -> Replaced {
        match options::changes_in_place(key, &wanted.changes(key, seen)) {
            true => Replaced::InPlace,
            false => Replaced::Recreated,
        }
    }

    fn completed(
        key: &AddressKey,
        configured: Option<&Address>,
        touched: Option<&Address>,
        original: &Address,
    ) -> Option<Address> {
        Some(configured.unwrap_or(&Address::default()).completed(key, touched, original))
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
                let same_subnet = is_same_subnet(other, key);
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
        if let Some(options) = &other.options {
            address.options.get_or_insert_default().overlay(options);
        }
        address.status.clone_from(&other.status);
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &AddressKey,
        described: Described<'_, Address>,
    ) -> fmt::Result {
        let [word, preposition] = verb.words();
        let AddressKey { netns, dev, address, .. } = key;
        write!(f, "{word} address {address}")?;
        if let Some(peer) = described.object.peer(key) {
            write!(f, " peer {peer}")?;
        }
        write!(f, " {preposition} {dev} in {}", as_phrase(netns))?;
        options::describe(f, verb, key, described)
    }
}

/// Whether two addresses of a link are in one subnet, so that one is secondary to the other
/// (`__inet_insert_ifa`, net/ipv4/devinet.c).
fn is_same_subnet(one: &AddressKey, other: &AddressKey) -> bool {
    one.subnet() == other.subnet()
}
