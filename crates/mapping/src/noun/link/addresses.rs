//! The addresses of a link: the entries of list `ip`, with the options of netloom-address.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use netstate::address::Lifetime;
use netstate::uapi::{IFAPROT_KERNEL_LL, RT_SCOPE_UNIVERSE};
use netstate::{
    Address, AddressKey, AddressOptions, AddressStatus, Fields, Key, LinkName, Object, Place,
};
use serde::{Deserialize, Serialize};
use yang::{Node, Path, Tree};

use super::path::address_path;
use crate::instances::below;
use crate::lowering::Lowering;

/// An entry of list `ip`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ip {
    pub(crate) address: String,
    peer: Option<IpAddr>,
    broadcast: Option<IpAddr>,
    label: Option<String>,
    scope: Option<u8>,
    valid_lft: Option<Lifetime>,
    preferred_lft: Option<Lifetime>,
    metric: Option<u32>,
    proto: Option<u8>,
    noprefixroute: Option<bool>,
    home: Option<bool>,
    nodad: Option<bool>,
    mngtmpaddr: Option<bool>,
}

impl Ip {
    fn of(address: String, options: AddressOptions) -> Self {
        let AddressOptions {
            peer,
            scope,
            broadcast,
            label,
            metric,
            proto,
            valid_lft,
            preferred_lft,
            noprefixroute,
            home,
            nodad,
            mngtmpaddr,
            autojoin: _,
        } = options;
        Self {
            address,
            peer,
            broadcast,
            label,
            scope,
            valid_lft,
            preferred_lft,
            metric,
            proto,
            noprefixroute,
            home,
            nodad,
            mngtmpaddr,
        }
    }

    fn options(&self) -> AddressOptions {
        AddressOptions {
            peer: self.peer,
            scope: self.scope,
            broadcast: self.broadcast,
            label: self.label.clone(),
            metric: self.metric,
            proto: self.proto,
            valid_lft: self.valid_lft,
            preferred_lft: self.preferred_lft,
            noprefixroute: self.noprefixroute,
            home: self.home,
            nodad: self.nodad,
            mngtmpaddr: self.mngtmpaddr,
            autojoin: None,
        }
    }
}

/// The addresses of the link at a place, whose entry is at `path`.
pub(crate) fn lower_link(
    lowering: &mut Lowering<'_>,
    (path, called, place): (&Path, &str, &Place),
    entries: &[Ip],
) {
    let mut scopes: BTreeMap<IpNet, (u8, &str)> = BTreeMap::new();
    for entry in entries {
        let at = address_path(path, &entry.address);
        let text = &entry.address;
        let Ok(address) = text.parse::<IpNet>() else {
            let message = format!("{text} is no IP address with its prefix length");
            lowering.faults.invalid(&at, message);
            continue;
        };
        let ip = address.addr();
        if ip.is_multicast() || ip.is_unspecified() {
            let message = format!("{ip} is no address that a link can have");
            lowering.faults.invalid(&at, message);
            continue;
        }
        for (leaf, message) in errors(address, entry, place) {
            lowering.faults.invalid(&below(&at, &[leaf]), message);
        }
        let key = AddressKey::new(place.netns.clone(), place.ifname.clone(), address)
            .with_peer(entry.peer);
        if address.addr().is_ipv4() {
            let natural = AddressStatus::of_new(&key).scope;
            let scope = entry.scope.unwrap_or(natural);
            let (first, other) = *scopes.entry(key.subnet()).or_insert((scope, text));
            if first != scope {
                let message = format!(
                    "{other} is in the same subnet and has another scope; the addresses of a subnet have one scope"
                );
                let leaf = if entry.scope.is_some() { below(&at, &["scope"]) } else { at.clone() };
                lowering.faults.invalid(&leaf, message);
            }
        }
        let object = Object::Address(entry.options().into());
        if !lowering.add(Key::Address(key), object) {
            let message = format!("{called} has {address} already, written differently");
            lowering.faults.invalid(&at, message);
        }
    }
}

/// The configured addresses of the link at `link`, as they are spelled, with their options.
pub(super) fn configured(
    link: &Path,
    configuration: &Tree,
) -> HashMap<IpNet, (String, AddressOptions)> {
    let children = configuration.node(link).into_iter().flat_map(|entry| entry.children());
    let entries = children.filter(|child| child.schema().name == "ip");
    let read = |node: Node<'_>| {
        let entry: Ip = node.deserialize().ok()?;
        Some((entry.address.parse().ok()?, (entry.address.clone(), entry.options())))
    };
    entries.filter_map(read).collect()
}

/// What is wrong with the options of an address: the leaf, and why.
fn errors(address: IpNet, entry: &Ip, place: &Place) -> Vec<(&'static str, String)> {
    let ip = address.addr();
    let mut errors = Vec::new();
    let mut invalid = |leaf: &'static str, message: String| errors.push((leaf, message));
    let of_ipv4 = [
        ("broadcast", entry.broadcast.is_some()),
        ("label", entry.label.is_some()),
        ("scope", entry.scope.is_some()),
    ];
    let of_ipv6 = [
        ("home", entry.home.is_some()),
        ("nodad", entry.nodad.is_some()),
        ("mngtmpaddr", entry.mngtmpaddr.is_some()),
    ];
    let (others, family) = if ip.is_ipv4() { (of_ipv6, "IPv6") } else { (of_ipv4, "IPv4") };
    for (leaf, _) in others.iter().filter(|(_, is_set)| *is_set) {
        invalid(leaf, format!("only an {family} address has this"));
    }
    match entry.peer {
        Some(peer) if peer.is_ipv4() != ip.is_ipv4() => {
            invalid("peer", format!("the peer is not of the family of {address}"));
        }
        Some(peer) if peer == ip => invalid("peer", "this is the address itself".into()),
        Some(peer) if peer.is_multicast() || peer.is_unspecified() => {
            invalid("peer", format!("{peer} is no address that a host can have"));
        }
        Some(_) | None => {}
    }
    if entry.broadcast.is_some_and(|broadcast| broadcast.is_unspecified()) {
        invalid("broadcast", "this is no address; leave broadcast out for none".into());
    }
    if let Some(label) = entry.label.as_ref().filter(|_| ip.is_ipv4())
        && !belongs(label, &place.ifname)
    {
        let name = &place.ifname;
        let message =
            format!("a label begins with the name of the link: {name}, or {name}: and a text");
        invalid("label", message);
    }
    if entry.mngtmpaddr == Some(true) && ip.is_ipv6() && address.prefix_len() != 64 {
        invalid("mngtmpaddr", "temporary addresses need a prefix length of 64".into());
    }
    let [valid, preferred] = [entry.valid_lft, entry.preferred_lft]
        .map(|lifetime| lifetime.unwrap_or(Lifetime::Forever).number());
    if valid == 0 {
        invalid("valid_lft", "an address with this would be gone at once".into());
    } else if entry.preferred_lft.is_some() && preferred > valid {
        invalid("preferred_lft", format!("this is longer than valid_lft, {valid} seconds"));
    } else if ip.is_ipv4()
        && valid == Lifetime::Forever.number()
        && ![0, Lifetime::Forever.number()].contains(&preferred)
    {
        let message = "Linux does not count down an IPv4 address that is valid forever: set valid_lft too, or set \
                       this to 0 or forever";
        invalid("preferred_lft", message.into());
    }
    errors
}

/// The entry of an observed address, with the options that are no defaults, and those that are configured.
pub(crate) fn entry(
    key: &AddressKey,
    address: &Address,
    (text, configured): (String, Option<&AddressOptions>),
) -> Ip {
    let options = address.set_options();
    let options = match &address.status {
        Some(status) => options.or(left(key, status)),
        None => options,
    };
    let defaults = AddressOptions {
        scope: Some(RT_SCOPE_UNIVERSE),
        label: Some(key.dev.as_str().into()),
        ..AddressOptions::of(key, &AddressStatus::of_new(key))
    };
    let unusual = options.only(&options.changes(&defaults));
    let shown = match configured {
        Some(configured) => unusual.or(options.only(configured)),
        None => unusual,
    };
    let shown = AddressOptions {
        broadcast: shown.broadcast.filter(|broadcast| !broadcast.is_unspecified()),
        // The leaves cannot have all that others may set, or the kernel itself.
        label: shown.label.filter(|label| belongs(label, &key.dev) && label.bytes().all(is_plain)),
        proto: shown.proto.filter(|proto| *proto > IFAPROT_KERNEL_LL),
        ..shown
    };
    Ip::of(text, shown)
}

/// Whether a label is the name of a link, or that with `:` and a text. Old tools look up the link by it.
fn belongs(label: &str, ifname: &LinkName) -> bool {
    let rest = label.strip_prefix(ifname.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether a label can have this character.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// The options of an address in the kernel, with what is left of its lifetimes.
fn left(key: &AddressKey, status: &AddressStatus) -> AddressOptions {
    let lifetime = |left: Option<u32>| Some(left.map_or(Lifetime::Forever, Lifetime::Seconds));
    AddressOptions {
        valid_lft: lifetime(status.valid_left),
        preferred_lft: lifetime(status.preferred_left),
        ..AddressOptions::of(key, status)
    }
}
