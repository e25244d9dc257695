//! netloom-sysctl, and the containers `sysctl` of netloom-link: kernel parameters below net/.

use std::collections::BTreeMap;

use netstate::sysctl::plain_value;
use netstate::{Key, LinkName, NetnsName, Object, Place, SysctlKey, SysctlPath};
use serde::Deserialize;
use yang::{Error, Node, Path, Tree, Value};

use crate::directory::Directory;
use crate::instances::{below, entry_path, list_path, schema_node};
use crate::lowering::Lowering;
use crate::noun::ShownIn;
use crate::noun::link::path::entry_of;
use crate::raising::Raising;

use crate::{NamedConfiguration, spelling};

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] =
    &[ShownIn::container("sysctls"), ShownIn::node("links", "sysctl")];

/// The leaves of a namespace, and their parameters.
const OF_NETNS: [(&str, &str); 10] = [
    ("ip_forward", "net/ipv4/ip_forward"),
    ("ipv6_forwarding", "net/ipv6/conf/all/forwarding"),
    ("fib_multipath_hash_policy", "net/ipv4/fib_multipath_hash_policy"),
    ("ipv6_fib_multipath_hash_policy", "net/ipv6/fib_multipath_hash_policy"),
    ("ip_nonlocal_bind", "net/ipv4/ip_nonlocal_bind"),
    ("ipv6_ip_nonlocal_bind", "net/ipv6/ip_nonlocal_bind"),
    ("tcp_l3mdev_accept", "net/ipv4/tcp_l3mdev_accept"),
    ("udp_l3mdev_accept", "net/ipv4/udp_l3mdev_accept"),
    ("raw_l3mdev_accept", "net/ipv4/raw_l3mdev_accept"),
    ("mpls_platform_labels", "net/mpls/platform_labels"),
];

/// The leaves of a link, with the directories and the names of their parameters.
const OF_LINK: [(&str, &str, &str); 52] = [
    ("proxy_arp", "net/ipv4/conf", "proxy_arp"),
    ("rp_filter", "net/ipv4/conf", "rp_filter"),
    ("accept_ra", "net/ipv6/conf", "accept_ra"),
    ("disable_ipv6", "net/ipv6/conf", "disable_ipv6"),
    ("forwarding", "net/ipv4/conf", "forwarding"),
    ("accept_local", "net/ipv4/conf", "accept_local"),
    ("accept_redirects", "net/ipv4/conf", "accept_redirects"),
    ("send_redirects", "net/ipv4/conf", "send_redirects"),
    ("arp_accept", "net/ipv4/conf", "arp_accept"),
    ("arp_announce", "net/ipv4/conf", "arp_announce"),
    ("arp_filter", "net/ipv4/conf", "arp_filter"),
    ("arp_ignore", "net/ipv4/conf", "arp_ignore"),
    ("arp_notify", "net/ipv4/conf", "arp_notify"),
    ("ignore_routes_with_linkdown", "net/ipv4/conf", "ignore_routes_with_linkdown"),
    ("log_martians", "net/ipv4/conf", "log_martians"),
    ("promote_secondaries", "net/ipv4/conf", "promote_secondaries"),
    ("proxy_arp_pvlan", "net/ipv4/conf", "proxy_arp_pvlan"),
    ("route_localnet", "net/ipv4/conf", "route_localnet"),
    ("src_valid_mark", "net/ipv4/conf", "src_valid_mark"),
    ("ipv6_forwarding", "net/ipv6/conf", "forwarding"),
    ("ipv6_accept_redirects", "net/ipv6/conf", "accept_redirects"),
    ("ipv6_ignore_routes_with_linkdown", "net/ipv6/conf", "ignore_routes_with_linkdown"),
    ("accept_dad", "net/ipv6/conf", "accept_dad"),
    ("accept_ra_defrtr", "net/ipv6/conf", "accept_ra_defrtr"),
    ("accept_ra_pinfo", "net/ipv6/conf", "accept_ra_pinfo"),
    ("accept_ra_mtu", "net/ipv6/conf", "accept_ra_mtu"),
    ("autoconf", "net/ipv6/conf", "autoconf"),
    ("dad_transmits", "net/ipv6/conf", "dad_transmits"),
    ("hop_limit", "net/ipv6/conf", "hop_limit"),
    ("keep_addr_on_down", "net/ipv6/conf", "keep_addr_on_down"),
    ("ndisc_notify", "net/ipv6/conf", "ndisc_notify"),
    ("proxy_ndp", "net/ipv6/conf", "proxy_ndp"),
    ("router_solicitations", "net/ipv6/conf", "router_solicitations"),
    ("use_tempaddr", "net/ipv6/conf", "use_tempaddr"),
    ("addr_gen_mode", "net/ipv6/conf", "addr_gen_mode"),
    ("mpls_input", "net/mpls/conf", "input"),
    ("neigh_app_solicit", "net/ipv4/neigh", "app_solicit"),
    ("neigh_delay_first_probe_time", "net/ipv4/neigh", "delay_first_probe_time"),
    ("neigh_gc_stale_time", "net/ipv4/neigh", "gc_stale_time"),
    ("neigh_mcast_resolicit", "net/ipv4/neigh", "mcast_resolicit"),
    ("neigh_mcast_solicit", "net/ipv4/neigh", "mcast_solicit"),
    ("neigh_proxy_qlen", "net/ipv4/neigh", "proxy_qlen"),
    ("neigh_ucast_solicit", "net/ipv4/neigh", "ucast_solicit"),
    ("neigh_unres_qlen_bytes", "net/ipv4/neigh", "unres_qlen_bytes"),
    ("ipv6_neigh_app_solicit", "net/ipv6/neigh", "app_solicit"),
    ("ipv6_neigh_delay_first_probe_time", "net/ipv6/neigh", "delay_first_probe_time"),
    ("ipv6_neigh_gc_stale_time", "net/ipv6/neigh", "gc_stale_time"),
    ("ipv6_neigh_mcast_resolicit", "net/ipv6/neigh", "mcast_resolicit"),
    ("ipv6_neigh_mcast_solicit", "net/ipv6/neigh", "mcast_solicit"),
    ("ipv6_neigh_proxy_qlen", "net/ipv6/neigh", "proxy_qlen"),
    ("ipv6_neigh_ucast_solicit", "net/ipv6/neigh", "ucast_solicit"),
    ("ipv6_neigh_unres_qlen_bytes", "net/ipv6/neigh", "unres_qlen_bytes"),
];

/// Other names of parameters that have a leaf.
const ALIASES: [(&str, &str); 1] = [("net/ipv4/conf/all/forwarding", "ip_forward")];

#[derive(Deserialize)]
struct Entry {
    name: NetnsName,
    #[serde(default)]
    variable: Vec<Variable>,
    /// The leaves of [`OF_NETNS`].
    #[serde(flatten)]
    leaves: BTreeMap<String, Written>,
}

/// The value of a leaf of any type, as the kernel writes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Scalar")]
pub(crate) struct Written(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(i64),
    Text(String),
}

impl From<Scalar> for Written {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Number(number) => Written(number.to_string()),
            Scalar::Text(text) => Written(text),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    value: String,
}

/// The parameters of every namespace.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    for node in lowering.entries("sysctls", Some("netns")) {
        let path = entry_path(&node);
        let Some(entry) = lowering.read::<Entry>(&node) else { continue };
        if !lowering.netns(&entry.name, || path.clone()) {
            continue;
        }
        for (leaf, Written(value)) in &entry.leaves {
            let at = below(&path, &[leaf]);
            match OF_NETNS.iter().find(|(known, _)| known == leaf) {
                Some((_, parameter)) => set(lowering, &entry.name, (parameter, value), &at),
                None => unknown(lowering, leaf, &at),
            }
        }
        for Variable { name, value } in &entry.variable {
            let at = variable_path(&path, name);
            set_variable(lowering, &entry.name, (name, value), &at);
        }
    }
}

/// The parameters of the link at `place`, by their leaves.
pub(crate) fn lower_link(
    lowering: &mut Lowering<'_>,
    place: &Place,
    sysctl: &BTreeMap<String, Written>,
    path: &Path,
) {
    for (leaf, Written(value)) in sysctl {
        let at = below(path, &[leaf]);
        match OF_LINK.iter().find(|(known, ..)| known == leaf) {
            Some((_, folder, name)) => {
                let parameter = format!("{folder}/{}/{name}", place.ifname);
                set(lowering, &place.netns, (&parameter, value), &at);
            }
            None => unknown(lowering, leaf, &at),
        }
    }
}

fn unknown(lowering: &mut Lowering<'_>, leaf: &str, at: &Path) {
    lowering.faults.invalid(at, format!("{leaf} is no parameter that is known here"));
}

fn set_variable(
    lowering: &mut Lowering<'_>,
    netns: &NetnsName,
    (name, value): (&str, &str),
    at: &Path,
) {
    let parameter = match name.parse::<SysctlPath>() {
        Ok(parameter) => parameter,
        Err(error) => return lowering.faults.invalid(at, error.to_string()),
    };
    if let Some((_, leaf)) = ALIASES.iter().find(|(alias, _)| *alias == parameter.as_str()) {
        let message = format!("{name} has a leaf of its own: set {leaf} of the namespace");
        return lowering.faults.invalid(at, message);
    }
    if let Some(finer) = parameter.in_finer_unit() {
        let message = format!(
            "{name} is the rounded form of another parameter: set {} instead",
            finer.dotted()
        );
        return lowering.faults.invalid(at, message);
    }
    set(lowering, netns, (parameter.as_str(), value), at);
}

fn set(lowering: &mut Lowering<'_>, netns: &NetnsName, (name, value): (&str, &str), at: &Path) {
    match name.parse::<SysctlPath>() {
        Ok(path) => {
            let key = Key::Sysctl(SysctlKey { netns: netns.clone(), path });
            if !lowering.add(key, Object::Sysctl(plain_value(value))) {
                let message = format!("{name} is set already, written differently");
                lowering.faults.invalid(at, message);
            }
        }
        Err(error) => lowering.faults.invalid(at, error.to_string()),
    }
}

/// The observed parameters, each at its place in the configuration. A value that the leaf's type
/// does not allow is left out: only other programs set such values.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    for (key, object) in &raising.observed.objects {
        if let (Key::Sysctl(key), Object::Sysctl(value)) = (key, object) {
            let path = leaf(key, raising.configuration, &raising.directory);
            let Some(node) = path.steps.last().map(|step| step.node) else { continue };
            if let Ok(value) = node.value(value) {
                tree.set(&path, value)?;
            }
        }
    }
    Ok(())
}

/// The leaf of a parameter.
pub(crate) fn path(key: &SysctlKey, known: &NamedConfiguration<'_>) -> Path {
    leaf(key, known.configuration, known.directory())
}

/// The leaf of a parameter: its variable if that is configured, or the leaf that the models have for it.
fn leaf(key: &SysctlKey, configuration: &Tree, directory: &Directory) -> Path {
    let Some(list) = schema_node(configuration.schema(), "sysctls", &["netns"]) else {
        return Path::default();
    };
    let entry = list_path(list).join(list, vec![spelling::netns(&key.netns)]);
    let variable = |name: &str| below(&variable_path(&entry, name), &["value"]);
    let spelled = configuration.node(&entry).and_then(|netns| spelling(&netns, &key.path));
    if let Some(name) = spelled {
        return variable(&name);
    }
    if let Some((ifname, leaf)) = link_leaf(&key.path) {
        let place = Place { netns: key.netns.clone(), ifname };
        if directory.id_at(&place).is_some() {
            let entry = entry_of(&place, configuration, directory);
            return below(&entry, &["sysctl", leaf]);
        }
    }
    match OF_NETNS.iter().find(|(_, parameter)| *parameter == key.path.as_str()) {
        Some((leaf, _)) => below(&entry, &[leaf]),
        None => variable(&key.path.to_string()),
    }
}

/// The configuration's spelling of a variable's name.
fn spelling(netns: &Node<'_>, path: &SysctlPath) -> Option<String> {
    netns.children().filter(|child| child.schema().name == "variable").find_map(|variable| {
        let name = variable.keys().first()?.to_string();
        (name.parse::<SysctlPath>().ok()? == *path).then_some(name)
    })
}

/// The link and the leaf of a parameter of links.
fn link_leaf(path: &SysctlPath) -> Option<(LinkName, &'static str)> {
    let (rest, name) = path.as_str().rsplit_once('/')?;
    let is_of = |folder: &str| rest.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let (leaf, folder, _) =
        OF_LINK.into_iter().find(|(_, folder, known)| *known == name && is_of(folder))?;
    let dev = path.dev()?;
    (rest == format!("{folder}/{dev}")).then_some((dev, leaf))
}

fn variable_path(netns: &Path, name: &str) -> Path {
    let list = netns.steps.last().and_then(|step| step.node.child(None, "variable"));
    match list {
        Some(list) => netns.join(list, vec![Value::String(name.into())]),
        None => netns.clone(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::test::{check, check_faults, check_path, check_raised, lowered};

    const VARIABLES: &str = r#"{
        "netnses": {"netns": [{"name": "vpn10"}]},
        "links": {"link": [{"name": "lan", "netloom-link:ifname": "eth0.5", "netns": "vpn10",
                            "netloom-link:sysctl": {"accept_ra": "2"}}]},
        "sysctls": {"netns": [
            {"name": "vpn10", "ip_forward": "1", "ipv6_forwarding": "0", "variable": [
                {"name": "net.ipv4.ip_local_port_range", "value": "1024\t2048"},
                {"name": "net/ipv4/conf/eth0.5/arp_filter", "value": "1"}]},
            {"name": "1", "variable": [{"name": "net.ipv4.conf.eth0.rp_filter", "value": "1"}]}
        ]}
    }"#;

    #[test]
    fn leaves_and_variables() {
        check(
            VARIABLES,
            expect![[r#"
            {Netns: vpn10} = Netns
            {Link: lan} = {Link: {place: {ifname: eth0.5, netns: vpn10}}}
            {Sysctl: {netns: 1, path: net/ipv4/conf/eth0/rp_filter}} = {Sysctl: 1}
            {Sysctl: {netns: vpn10, path: net/ipv4/conf/eth0.5/arp_filter}} = {Sysctl: 1}
            {Sysctl: {netns: vpn10, path: net/ipv4/ip_forward}} = {Sysctl: 1}
            {Sysctl: {netns: vpn10, path: net/ipv4/ip_local_port_range}} = {Sysctl: 1024 2048}
            {Sysctl: {netns: vpn10, path: net/ipv6/conf/all/forwarding}} = {Sysctl: 0}
            {Sysctl: {netns: vpn10, path: net/ipv6/conf/eth0.5/accept_ra}} = {Sysctl: 2}
        "#]],
        );
    }

    #[test]
    fn parameters_are_shown_at_their_configured_places() {
        check_raised(
            &lowered(VARIABLES),
            VARIABLES,
            expect![[r#"
                {
                  "iproute2-ip-netns:netnses": {
                    "netns": [
                      {
                        "name": "vpn10"
                      }
                    ]
                  },
                  "iproute2-ip-link:links": {
                    "link": [
                      {
                        "name": "lan",
                        "netns": "vpn10",
                        "netloom-link:ifname": "eth0.5",
                        "netloom-link:sysctl": {
                          "accept_ra": "2"
                        }
                      }
                    ]
                  },
                  "netloom-sysctl:sysctls": {
                    "netns": [
                      {
                        "name": "1",
                        "variable": [
                          {
                            "name": "net.ipv4.conf.eth0.rp_filter",
                            "value": "1"
                          }
                        ]
                      },
                      {
                        "name": "vpn10",
                        "ip_forward": "1",
                        "ipv6_forwarding": "0",
                        "variable": [
                          {
                            "name": "net.ipv4.ip_local_port_range",
                            "value": "1024 2048"
                          },
                          {
                            "name": "net/ipv4/conf/eth0.5/arp_filter",
                            "value": "1"
                          }
                        ]
                      }
                    ]
                  }
                }"#]],
        );
    }

    #[test]
    fn invalid_variables_are_refused() {
        check_faults(
            r#"{
                "links": {"link": [{"name": "eth0"}]},
                "sysctls": {"netns": [
                    {"name": "vpn99", "ip_forward": "1"},
                    {"name": "1", "ip_forward": "1", "variable": [
                        {"name": "net.ipv4.ip_forward", "value": "0"},
                        {"name": "net/ipv4/conf/all/forwarding", "value": "0"},
                        {"name": "net.ipv4.conf.eth0.rp_filter", "value": "1"},
                        {"name": "net.ipv4.neigh.eth0.unres_qlen", "value": "30"},
                        {"name": "net.ipv4..tcp_ecn", "value": "1"},
                        {"name": "net.ipv4.tcp_sack", "value": "1"},
                        {"name": "net/ipv4/tcp_sack", "value": "0"}]}
                ]}
            }"#,
            expect![[r#"
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net.ipv4..tcp_ecn']: sysctl "net.ipv4..tcp_ecn" has a part that names no parameter
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net.ipv4.ip_forward']: net/ipv4/ip_forward is set already, written differently
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net.ipv4.neigh.eth0.unres_qlen']: net.ipv4.neigh.eth0.unres_qlen is the rounded form of another parameter: set net.ipv4.neigh.eth0.unres_qlen_bytes instead
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net/ipv4/conf/all/forwarding']: net/ipv4/conf/all/forwarding has a leaf of its own: set ip_forward of the namespace
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net/ipv4/tcp_sack']: net/ipv4/tcp_sack is set already, written differently
                /netloom-sysctl:sysctls/netns[name='vpn99']: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
            "#]],
        );
    }

    #[test]
    fn parameters_have_paths() {
        let check = |path: &str, expect| {
            let key = format!(r#"{{"Sysctl": {{"netns": "vpn10", "path": "{path}"}}}}"#);
            check_path(VARIABLES, (&key, None), expect);
        };
        check(
            "net/ipv4/ip_forward",
            expect!["/netloom-sysctl:sysctls/netns[name='vpn10']/ip_forward"],
        );
        check(
            "net/ipv6/conf/eth0.5/accept_ra",
            expect!["/iproute2-ip-link:links/link[name='lan']/netloom-link:sysctl/accept_ra"],
        );
        check(
            "net/ipv4/ip_local_port_range",
            expect![
                "/netloom-sysctl:sysctls/netns[name='vpn10']/variable[name='net.ipv4.ip_local_port_range']/value"
            ],
        );
    }
}
