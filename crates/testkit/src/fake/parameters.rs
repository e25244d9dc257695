//! The effects of kernel parameters on each other: some set others, and a new link gets the
//! defaults.

use netstate::{Key, LinkName, NetnsName, Object, Place, State, SysctlKey};

use super::{effects, ipv6};

/// The parameters that are set for all links and for the default along with `conf/all` (`addrconf_fixup_forwarding`,
/// `addrconf_disable_ipv6`, `addrconf_fixup_linkdown`, `addrconf_sysctl_addr_gen_mode`, net/ipv6/addrconf.c), whether that
/// changes or not.
const OF_ALL: [&str; 4] =
    ["forwarding", "disable_ipv6", "ignore_routes_with_linkdown", "addr_gen_mode"];

/// A parameter's value, or its initial value if it was never set.
pub(super) fn value<'s>(state: &'s State, netns: &NetnsName, path: &str) -> &'s str {
    let key = key(netns, path);
    match key.and_then(|key| state.objects.get(&key)) {
        Some(Object::Sysctl(value)) => value,
        _ => initial(path),
    }
}

/// Sets a parameter, and what is set with it.
pub(super) fn set(state: &mut State, at: &SysctlKey, value: &str) {
    let (netns, path) = (&at.netns, at.path.as_str());
    let before = self::value(state, netns, path).to_owned();
    let object = Object::Sysctl(value.to_owned());
    state.objects.insert(Key::Sysctl(at.clone()), object);
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["net", "ipv4", "ip_forward"] | ["net", "ipv4", "conf", "all", "forwarding"]
            if before != value =>
        {
            forward_ipv4(state, netns, value);
        }
        ["net", "ipv6", "conf", "all", name] if OF_ALL.contains(&name) => {
            if name == "disable_ipv6" && value != "0" {
                lose_ipv6_routes(state, netns);
            }
            reach(state, netns, &format!("net/ipv6/conf/default/{name}"), value);
            for ifname in links(state, netns) {
                let place = Place { netns: netns.clone(), ifname };
                if ipv6::is_there(state, &place) {
                    let path = format!("net/ipv6/conf/{}/{name}", place.ifname);
                    reach(state, netns, &path, value);
                    ipv6::follow_parameters(state, &place);
                }
            }
        }
        ["net", "ipv6", "conf", ..] => {
            if let Some(ifname) = at.path.dev() {
                ipv6::follow_parameters(state, &Place { netns: netns.clone(), ifname });
            }
        }
        _ => {}
    }
    // A parameter that was set explicitly stays visible with its value.
    state.objects.insert(Key::Sysctl(at.clone()), Object::Sysctl(value.to_owned()));
}

/// No link carries IPv6 routes any more. Routes without a nexthop are on the loopback
/// (`ip6_route_info_create`, net/ipv6/route.c).
fn lose_ipv6_routes(state: &mut State, netns: &NetnsName) {
    let is_lost = |key: &Key| matches!(key, Key::Route(key) if key.netns == *netns && key.prefix.addr().is_ipv6());
    state.objects.retain(|key, _| !is_lost(key));
}

/// Two names of one value, which reaches all links when it changes (`inet_forward_change`, net/ipv4/devinet.c).
fn forward_ipv4(state: &mut State, netns: &NetnsName, value: &str) {
    for path in ["ip_forward", "conf/all/forwarding", "conf/default/forwarding"] {
        reach(state, netns, &format!("net/ipv4/{path}"), value);
    }
    for ifname in links(state, netns) {
        reach(state, netns, &format!("net/ipv4/conf/{ifname}/forwarding"), value);
    }
    let redirects = if value == "0" { "1" } else { "0" };
    reach(state, netns, "net/ipv4/conf/all/accept_redirects", redirects);
}

/// Gives a link that is new in its namespace the defaults of a family (`inetdev_init`, `ipv6_add_dev`,
/// `neigh_parms_alloc`).
pub(super) fn take_defaults(state: &mut State, place: &Place, family: &str) {
    let defaults: Vec<(String, String)> = (state.objects.iter())
        .filter_map(|(key, object)| match (key, object) {
            (Key::Sysctl(key), Object::Sysctl(value)) if key.netns == place.netns => {
                let rest = key.path.as_str().strip_prefix("net/")?.strip_prefix(family)?;
                let name = rest.strip_prefix("/conf/default/").map(|name| ("conf", name));
                let name =
                    name.or(rest.strip_prefix("/neigh/default/").map(|name| ("neigh", name)));
                let (table, name) = name?;
                Some((format!("net/{family}/{table}/{}/{name}", place.ifname), value.clone()))
            }
            _ => None,
        })
        .collect();
    for (path, value) in defaults {
        reach(state, &place.netns, &path, &value);
    }
}

/// Whether a link's parameter differs from the default.
pub(super) fn is_own(state: &State, at: &SysctlKey, value: &str) -> bool {
    let Some(dev) = at.path.dev() else { return true };
    let default = at.path.as_str().replacen(&format!("/{dev}/"), "/default/", 1);
    self::value(state, &at.netns, &default) != value
}

/// Sets a parameter as a side effect. A parameter with its initial value is not stored.
fn reach(state: &mut State, netns: &NetnsName, path: &str, value: &str) {
    let Some(key) = key(netns, path) else { return };
    match initial(path) == value {
        true => drop(state.objects.remove(&key)),
        false => drop(state.objects.insert(key, Object::Sysctl(value.to_owned()))),
    }
}

/// The initial value of a parameter, as far as tests need it.
pub(super) fn initial(path: &str) -> &'static str {
    if path.ends_with("/accept_redirects") { "1" } else { "0" }
}

fn links(state: &State, netns: &NetnsName) -> Vec<LinkName> {
    let places = state.objects.values().filter_map(Object::link).map(|link| &link.place);
    places.filter(|place| place.netns == *netns).map(|place| place.ifname.clone()).collect()
}

fn key(netns: &NetnsName, path: &str) -> Option<Key> {
    Some(Key::Sysctl(SysctlKey { netns: netns.clone(), path: path.parse().ok()? }))
}

/// Whether the link of a parameter does not exist, or has no such parameters.
pub(super) fn lacks_link(state: &State, at: &SysctlKey) -> bool {
    let Some(ifname) = at.path.dev() else { return false };
    let place = Place { netns: at.netns.clone(), ifname };
    let of_ipv6 = at.path.as_str().starts_with("net/ipv6/");
    effects::at(state, &place).is_none() || (of_ipv6 && !ipv6::is_there(state, &place))
}
