//! A kernel parameter of a namespace: a file below `/proc/sys/net` (sysctl(8), Documentation/networking/ip-sysctl.rst).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{InvalidName, LinkId, LinkName, NetnsName};
use crate::noun::link::{Place, links};
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, How, Key, Lasts, Loose, Loss, Need, Needs, Noun,
    NounFacts, Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::state::of_noun;

/// The key of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SysctlKey {
    /// The namespace.
    pub netns: NetnsName,
    /// The parameter.
    pub path: SysctlPath,
}

impl SysctlKey {
    /// The place of the link to which it belongs.
    fn place(&self) -> Option<Place> {
        Some(Place { netns: self.netns.clone(), ifname: self.path.dev()? })
    }
}

/// The IPv6 parameters of `all` that set those of `default` and of each link.
const SPREADING: [&str; 4] =
    ["forwarding", "disable_ipv6", "ignore_routes_with_linkdown", "addr_gen_mode"];

/// The kernel sets it to the opposite of IPv4 forwarding.
const REDIRECTS: &str = "net/ipv4/conf/all/accept_redirects";

/// The folder and the names of the values that the kernel shows in two units, the coarse one first.
const COARSE: [(&str, &str, &str); 4] = [
    ("neigh", "base_reachable_time", "base_reachable_time_ms"),
    ("neigh", "retrans_time", "retrans_time_ms"),
    ("neigh", "unres_qlen", "unres_qlen_bytes"),
    ("route", "gc_min_interval", "gc_min_interval_ms"),
];

/// A path below `/proc/sys`, with `/` between its parts. The first part is `net`, and no part leads
/// elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SysctlPath(Arc<str>);

impl SysctlPath {
    /// Before all paths, to search from.
    pub(crate) fn least() -> Self {
        Self(Arc::from(""))
    }

    /// The path as text, for example `net/ipv4/conf/eth0/rp_filter`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path in the form of sysctl(8): dots between the parts, and slashes instead of dots
    /// within a part.
    pub fn dotted(&self) -> String {
        let swap = |c| match c {
            '/' => '.',
            '.' => '/',
            other => other,
        };
        self.0.chars().map(swap).collect()
    }

    /// The link of this parameter (`net/FAMILY/conf/LINK/…`, `net/FAMILY/neigh/LINK/…`); none for
    /// `all` and `default`.
    pub fn dev(&self) -> Option<LinkName> {
        let mut parts = self.0.split('/').skip(2);
        match (parts.next()?, parts.next()?) {
            ("conf" | "neigh", "all" | "default") => None,
            ("conf" | "neigh", dev) => dev.parse().ok(),
            _ => None,
        }
    }

    /// Whether it is a parameter of IPv6.
    fn is_of_ipv6(&self) -> bool {
        self.as_str().starts_with("net/ipv6/")
    }

    /// The other name of the same value, if there are two (`devinet_sysctl_forward`,
    /// net/ipv4/devinet.c).
    pub fn same_value(&self) -> Option<SysctlPath> {
        let other = match self.as_str() {
            "net/ipv4/ip_forward" => "net/ipv4/conf/all/forwarding",
            "net/ipv4/conf/all/forwarding" => "net/ipv4/ip_forward",
            _ => return None,
        };
        Some(Self(other.into()))
    }

    /// The name under which the kernel shows the same value in a finer unit. Restoring the coarse value
    /// would round it (`neigh_sysctl_template`, net/core/neighbour.c; `ipv6_route_table_template`,
    /// net/ipv6/route.c).
    pub fn in_finer_unit(&self) -> Option<SysctlPath> {
        let (folder, name) = self.as_str().rsplit_once('/')?;
        let holder = folder.split('/').nth(2)?;
        let (_, _, finer) =
            COARSE.iter().find(|(of, coarse, _)| (*of, *coarse) == (holder, name))?;
        Some(Self(format!("{folder}/{finer}").into()))
    }

    /// The value that the kernel gives `other` when this parameter changes to `value`; none if
    /// `other` does not change (`inet_forward_change`, net/ipv4/devinet.c;
    /// `addrconf_fixup_forwarding` and similar functions, net/ipv6/addrconf.c).
    pub fn sets(&self, value: &str, other: &SysctlPath) -> Option<String> {
        let is_conf_of = |family: &str, name: &str| {
            let parts: Vec<&str> = other.as_str().split('/').collect();
            matches!(parts[..], ["net", of, "conf", _, last] if (of, last) == (family, name))
        };
        if other == self {
            return None;
        }
        match self.as_str() {
            "net/ipv4/ip_forward" | "net/ipv4/conf/all/forwarding" => match other.as_str() {
                REDIRECTS => Some(if value == "0" { "1" } else { "0" }.into()),
                _ => {
                    let is_same = self.same_value().as_ref() == Some(other);
                    (is_same || is_conf_of("ipv4", "forwarding")).then(|| value.into())
                }
            },
            of_all => {
                let name = of_all.strip_prefix("net/ipv6/conf/all/")?;
                let spreads = SPREADING.contains(&name) && is_conf_of("ipv6", name);
                spreads.then(|| value.into())
            }
        }
    }

    /// The parameters of a namespace that set those of its links.
    pub fn of_all_links() -> impl Iterator<Item = SysctlPath> {
        let ipv4 = ["net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding"];
        let ipv6 = SPREADING.iter().map(|name| format!("net/ipv6/conf/all/{name}"));
        ipv4.into_iter().map(str::to_owned).chain(ipv6).map(|path| Self(path.into()))
    }

    /// The parameter of a link that the kernel also sets when this one is set, if there is one.
    pub fn spread_to(&self, dev: &LinkName) -> Option<SysctlPath> {
        let path = match self.as_str() {
            "net/ipv4/ip_forward" | "net/ipv4/conf/all/forwarding" => {
                format!("net/ipv4/conf/{dev}/forwarding")
            }
            of_all => {
                let name = of_all.strip_prefix("net/ipv6/conf/all/")?;
                let name = Some(name).filter(|name| SPREADING.contains(name))?;
                format!("net/ipv6/conf/{dev}/{name}")
            }
        };
        Some(Self(path.into()))
    }

    /// Whether it switches IPv6 off and on, for a link or for a whole namespace.
    pub fn switches_ipv6(&self) -> bool {
        self.as_str().starts_with("net/ipv6/conf/") && self.as_str().ends_with("/disable_ipv6")
    }

    /// Whether it is the secret for stable addresses, which cannot be unset
    /// (`addrconf_sysctl_stable_secret`, net/ipv6/addrconf.c).
    pub fn is_secret(&self) -> bool {
        self.as_str().ends_with("/stable_secret")
    }

    /// Whether the kernel does not take a value back (`nf_hooks_lwtunnel_sysctl_handler`, net/netfilter/nf_hooks_lwtunnel.c).
    pub fn is_one_way(&self) -> bool {
        self.as_str() == "net/netfilter/nf_hooks_lwtunnel"
    }

    /// Whether the kernel sets other parameters when this one changes.
    pub fn sets_others(&self) -> bool {
        let of_all = self.as_str().strip_prefix("net/ipv6/conf/all/");
        self.same_value().is_some() || of_all.is_some_and(|name| SPREADING.contains(&name))
    }

    /// The same parameter of another link; none if it does not belong to a link.
    pub fn of_dev(&self, dev: &LinkName) -> Option<SysctlPath> {
        let mut parts: Vec<&str> = self.0.split('/').collect();
        self.dev()?;
        *parts.get_mut(3)? = dev.as_str();
        Some(Self(parts.join("/").into()))
    }
}

/// A parameter's value in the form for comparisons: without a newline, and with one space between
/// fields. The kernel accepts any white space, and prints tabs.
pub fn plain_value(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl FromStr for SysctlPath {
    type Err = InvalidName;

    /// Accepts both `net/ipv4/ip_forward` and `net.ipv4.ip_forward`. As in sysctl(8), the first
    /// separator decides, so that a link's name may contain the other one.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fault = |reason| InvalidName { kind: "sysctl", text: text.into(), reason };
        let slashes: String = match text.find(['.', '/']).map(|at| &text[at..=at]) {
            Some(".") => text
                .chars()
                .map(|c| match c {
                    '.' => '/',
                    '/' => '.',
                    other => other,
                })
                .collect(),
            _ => text.into(),
        };
        let mut parts = slashes.split('/');
        if parts.next() != Some("net") {
            return Err(fault("is not below net/"));
        }
        let mut depth = 0;
        for part in parts {
            let plain = |c: char| c.is_ascii_graphic() && c != '\\';
            if part.is_empty() || part == "." || part == ".." || !part.chars().all(plain) {
                return Err(fault("has a part that names no parameter"));
            }
            depth += 1;
        }
        if depth == 0 { Err(fault("names no parameter")) } else { Ok(Self(slashes.into())) }
    }
}

impl TryFrom<String> for SysctlPath {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<SysctlPath> for String {
    fn from(path: SysctlPath) -> String {
        path.0.to_string()
    }
}

impl fmt::Display for SysctlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SysctlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The facts of a kernel parameter.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = SysctlKey;
    type Object = String;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "parameter",
        removal: Removal::Reset,
        lasts: Lasts::WithAll,
        is_needed: false,
        takes_along: false,
        is_watched: true,
        sets_others: true,
        found_by: FoundBy::Key,
    };

    fn netns(key: &SysctlKey) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    fn needs(key: &SysctlKey, _: &String) -> Needs {
        key.place().map(|place| Need::of_place(place, How::There)).into_iter().collect()
    }

    /// A link whose MTU is too small for IPv6 has no IPv6 parameters (`addrconf_ifdown`,
    /// net/ipv6/addrconf.c).
    fn conditions(key: &SysctlKey, _: &String, conditions: &mut Vec<Condition>) {
        let of_ipv6 = key.place().filter(|_| key.path.is_of_ipv6());
        conditions.extend(of_ipv6.map(Condition::Ipv6Parameters));
        let same = key.path.same_value().map(|path| SysctlKey { path, ..key.clone() });
        conditions.extend(same.map(Condition::SameValue));
    }

    fn without(_: &SysctlKey, _: &String, _: &[Condition]) -> Option<String> {
        None
    }

    fn renamed(key: &SysctlKey, value: &String, names: Renaming<'_>) -> (Key, Object) {
        let path =
            key.path.of_dev(names.new).filter(|_| key.path.dev().as_ref() == Some(names.old));
        let path = path.unwrap_or_else(|| key.path.clone());
        let key = SysctlKey { path, ..key.clone() };
        (Key::Sysctl(key), Object::Sysctl(value.clone()))
    }

    /// A link without IPv4 has no IPv4 parameters. If IPv6 is only switched off, its parameters stay.
    fn is_lost_with(key: &SysctlKey, _: &String, loss: &Loss<'_>) -> bool {
        match loss {
            Loss::Ipv4 => key.path.as_str().starts_with("net/ipv4/") && key.path.dev().is_some(),
            Loss::Ipv6Parameters => key.path.is_of_ipv6() && key.path.dev().is_some(),
            Loss::Down
            | Loss::Address(_)
            | Loss::LastIpv4Address
            | Loss::Ipv6
            | Loss::LinkLayer => false,
        }
    }

    fn loose(_: &String) -> Loose {
        Loose::default()
    }

    fn loss(_: &SysctlKey) -> Option<Loss<'_>> {
        None
    }

    fn is_automatic(_: &String) -> bool {
        false
    }

    fn is_of_daemon(_: &String) -> bool {
        false
    }

    fn satisfies(_: &SysctlKey, seen: &String, wanted: &String) -> bool {
        seen.split_whitespace().eq(wanted.split_whitespace())
    }

    fn replaced(_: &SysctlKey, _: &Self::Object, _: &Self::Object) -> Replaced {
        Replaced::InPlace
    }

    /// Parameters of a link come after its MTU, because there are no IPv6 parameters below 1280
    /// (`IPV6_MIN_MTU`). Parameters that set others come before these.
    fn stage(key: &SysctlKey, _: &String) -> (Stage, u8) {
        let of_link = key.path.dev().is_some();
        let stage = if of_link { Stage::BeforeUp } else { Stage::BeforeLinks };
        (stage, u8::from(!of_link && !key.path.sets_others()))
    }

    fn sets(key: &SysctlKey, value: &String, other: &Key) -> Option<Object> {
        let Key::Sysctl(other) = other else { return None };
        let same_netns = other.netns == key.netns;
        let set = key.path.sets(value, &other.path).filter(|_| same_netns);
        set.map(Object::Sysctl)
    }

    fn is_setter(key: &SysctlKey) -> bool {
        key.path.sets_others()
    }

    fn is_one_way(key: &SysctlKey) -> bool {
        key.path.is_one_way()
    }

    fn switches_off_ipv6(key: &SysctlKey, value: &String) -> Option<Option<LinkName>> {
        let is_off = key.path.switches_ipv6() && value.trim() != "0";
        let of_default = key.path.as_str().starts_with("net/ipv6/conf/default/");
        (is_off && !of_default).then(|| key.path.dev())
    }

    fn removed_before<'a>(
        _: &SysctlKey,
        _: &String,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    /// The parameter from which a new link takes this value.
    fn default_key(key: &SysctlKey) -> Option<SysctlKey> {
        let dev = key.path.dev()?;
        let path = key.path.as_str().replacen(&format!("/{dev}/"), "/default/", 1);
        Some(SysctlKey { netns: key.netns.clone(), path: path.parse::<SysctlPath>().ok()? })
    }

    /// Adds what changing parameters affect, the parameters of namespaces that may not exist yet,
    /// defaults, and the parameters of renamed links by their other names, because a link keeps its
    /// parameters when it is renamed.
    fn wanted(wanted: &mut Wanted, change: &Change<'_>) {
        let is_known = |key: &Key| change.originals.contains_key(key);
        let of_namespaces = parameters(change.desired).filter_map(|(key, at)| {
            let is_wanted = !at.netns.is_own() && at.path.dev().is_none() && !is_known(key);
            is_wanted.then(|| at.clone())
        });
        wanted.initial = of_namespaces.collect();
        let states = change.states();
        reach(wanted, change);
        let of_links: Vec<(&SysctlKey, Place)> = (states.iter())
            .flat_map(|objects| parameters(objects))
            .filter_map(|(_, key)| Some((key, key.place()?)))
            .collect();
        if of_links.is_empty() {
            return;
        }
        let mut holders: BTreeMap<&Place, BTreeSet<&LinkId>> = BTreeMap::new();
        for (id, link) in states.iter().flat_map(|objects| links(objects)) {
            holders.entry(&link.place).or_default().insert(id);
        }
        for (parameter, place) in of_links {
            let links = holders.get(&place).into_iter().flatten();
            let places = links.filter_map(|link| wanted.links.get(*link)).flatten();
            let others = places.filter(|other| other.netns == place.netns && **other != place);
            let paths = others.filter_map(|other| parameter.path.of_dev(&other.ifname));
            let by_other_names = paths.map(|path| SysctlKey { path, ..parameter.clone() });
            let keys = by_other_names.chain(Self::default_key(parameter)).map(Key::Sysctl);
            wanted.keys.extend(keys);
        }
    }

    fn restorable(value: &String) -> String {
        value.clone()
    }

    fn overlay(value: &mut String, other: &String) {
        value.clone_from(other);
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &SysctlKey,
        Described { object: value, before }: Described<'_, String>,
    ) -> fmt::Result {
        if verb == Verb::Delete {
            return write!(f, "delete {}", key.path);
        }
        write!(f, "set {} = {value} in {}", key.path.dotted(), as_phrase(&key.netns))?;
        before.map_or(Ok(()), |before| write!(f, " (was {before})"))
    }
}

/// The parameters among objects.
fn parameters(objects: &BTreeMap<Key, Object>) -> impl Iterator<Item = (&Key, &SysctlKey)> {
    let entries = of_noun(objects, Noun::Sysctl);
    entries.filter_map(|(key, _)| if let Key::Sysctl(at) = key { Some((key, at)) } else { None })
}

/// Adds what a changing parameter takes from others: the parameters that the kernel also sets, and
/// the objects of IPv6 if it switches that off. The same is observed when it changes back.
fn reach(wanted: &mut Wanted, change: &Change<'_>) {
    let Change { desired, touched, seen, .. } = change;
    let is_set_again = |key: &Key| {
        let seen = seen.and_then(|seen| seen.get(key)).zip(desired.get(key));
        seen.is_some_and(|(seen, wanted)| !super::satisfies(key, seen, wanted))
    };
    let parameters = [desired, touched].into_iter().flat_map(|objects| parameters(objects));
    let changing =
        parameters.filter(|(key, _)| touched.get(key) != desired.get(key) || is_set_again(key));
    let mut ids = None;
    for (_, parameter) in changing {
        let of_default = parameter.path.as_str().starts_with("net/ipv6/conf/default/");
        let reaches = parameter.path.sets_others() || parameter.path.switches_ipv6();
        if !reaches || of_default {
            continue;
        }
        wanted.reach.insert(parameter.clone());
        // A link that is renamed is observed under its old name.
        if let Some(place) = parameter.place()
            && let Some(id) = ids.get_or_insert_with(|| ids_of(change)).get(&place)
        {
            let others = wanted.links.get(*id).into_iter().flatten();
            let others = others.filter(|other| other.netns == place.netns && **other != place);
            let paths = others.filter_map(|other| parameter.path.of_dev(&other.ifname));
            wanted.reach.extend(paths.map(|path| SysctlKey { path, ..parameter.clone() }));
        }
        let Ok(default) = "default".parse() else { continue };
        let of_default = parameter.path.spread_to(&default);
        let redirects = parameter.path.same_value().and_then(|_| REDIRECTS.parse().ok());
        let others = of_default.into_iter().chain(redirects);
        let others = others.map(|path| SysctlKey { path, ..parameter.clone() });
        wanted.keys.extend(others.map(Key::Sysctl));
    }
}

/// The links at the places of a change.
fn ids_of<'a>(change: &Change<'a>) -> BTreeMap<&'a Place, &'a LinkId> {
    let all = change.states().into_iter().flat_map(links);
    all.map(|(id, link)| (&link.place, id)).collect()
}
