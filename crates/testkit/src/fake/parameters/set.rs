//! Setting a parameter, and the other parameters and objects that the kernel changes with it.

use netstate::{Key, LinkName, NetnsName, Object, Place, State, SysctlKey};

use super::{reach, value};
use crate::fake::{ipv6, shared};

/// The parameters that are set for all links and for the default along with `conf/all` (`addrconf_fixup_forwarding`,
/// `addrconf_disable_ipv6`, `addrconf_fixup_linkdown`, `addrconf_sysctl_addr_gen_mode`, net/ipv6/addrconf.c), whether that
/// changes or not.
const OF_ALL: [&str; 4] =
    ["forwarding", "disable_ipv6", "ignore_routes_with_linkdown", "addr_gen_mode"];

/// Sets a parameter, and what is set with it.
pub(in crate::fake) fn set(state: &mut State, at: &SysctlKey, value: &str) {
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
    let is_lost = |key: &Key, object: &Object| match (key, object) {
        // A route by a nexthop object goes only with that (`fib6_ifdown`).
        (Key::Route(key), Object::Route(route)) => {
            key.netns == *netns && key.prefix.addr().is_ipv6() && route.nhid.is_none()
        }
        _ => false,
    };
    state.objects.retain(|key, object| !is_lost(key, object));
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

fn links(state: &State, netns: &NetnsName) -> Vec<LinkName> {
    let places = state.objects.values().filter_map(Object::link).map(|link| &link.place);
    places.filter(|place| place.netns == *netns).map(|place| place.ifname.clone()).collect()
}

/// Whether the link of a parameter does not exist, or has no such parameters.
pub(in crate::fake) fn lacks_link(state: &State, at: &SysctlKey) -> bool {
    let Some(ifname) = at.path.dev() else { return false };
    let place = Place { netns: at.netns.clone(), ifname };
    let of_ipv6 = at.path.as_str().starts_with("net/ipv6/");
    shared::at(state, &place).is_none() || (of_ipv6 && !ipv6::is_there(state, &place))
}
