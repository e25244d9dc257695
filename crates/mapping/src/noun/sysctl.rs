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
const OF_NETNS: [(&str, &str); 2] =
    [("ip_forward", "net/ipv4/ip_forward"), ("ipv6_forwarding", "net/ipv6/conf/all/forwarding")];

/// The leaves of a link, and the directories of their parameters.
const OF_LINK: [(&str, &str); 4] = [
    ("proxy_arp", "net/ipv4/conf"),
    ("rp_filter", "net/ipv4/conf"),
    ("accept_ra", "net/ipv6/conf"),
    ("disable_ipv6", "net/ipv6/conf"),
];

/// Other names of parameters that have a leaf.
const ALIASES: [(&str, &str); 1] = [("net/ipv4/conf/all/forwarding", "ip_forward")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: NetnsName,
    #[serde(default)]
    variable: Vec<Variable>,
    #[serde(default)]
    ip_forward: Option<String>,
    #[serde(default)]
    ipv6_forwarding: Option<String>,
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
        for ((leaf, parameter), value) in
            OF_NETNS.into_iter().zip([&entry.ip_forward, &entry.ipv6_forwarding])
        {
            if let Some(value) = value {
                set(lowering, &entry.name, (parameter, value), &below(&path, &[leaf]));
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
    sysctl: &BTreeMap<String, String>,
    path: &Path,
) {
    for (leaf, value) in sysctl {
        let at = below(path, &[leaf]);
        match OF_LINK.iter().find(|(known, _)| known == leaf) {
            Some((leaf, folder)) => {
                let parameter = format!("{folder}/{}/{leaf}", place.ifname);
                set(lowering, &place.netns, (&parameter, value), &at);
            }
            None => {
                lowering.faults.invalid(&at, format!("{leaf} is no parameter that is known here"))
            }
        }
    }
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
    let leaf = OF_NETNS.iter().map(|(leaf, parameter)| (*parameter, *leaf)).chain(ALIASES);
    if let Some((_, leaf)) = leaf.into_iter().find(|(modelled, _)| *modelled == parameter.as_str())
    {
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
    if let Some((ifname, leaf)) = link_leaf(&parameter) {
        let place = Place { netns: netns.clone(), ifname };
        if let Some(id) = lowering.directory.id_at(&place) {
            let message = format!("{name} has a leaf of its own: set sysctl {leaf} of link {id}");
            return lowering.faults.invalid(at, message);
        }
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

fn leaf(key: &SysctlKey, configuration: &Tree, directory: &Directory) -> Path {
    if let Some((ifname, leaf)) = link_leaf(&key.path) {
        let place = Place { netns: key.netns.clone(), ifname };
        if directory.id_at(&place).is_some() {
            let entry = entry_of(&place, configuration, directory);
            return below(&entry, &["sysctl", leaf]);
        }
    }
    let Some(list) = schema_node(configuration.schema(), "sysctls", &["netns"]) else {
        return Path::default();
    };
    let entry = list_path(list).join(list, vec![spelling::netns(&key.netns)]);
    match OF_NETNS.iter().find(|(_, parameter)| *parameter == key.path.as_str()) {
        Some((leaf, _)) => below(&entry, &[leaf]),
        None => {
            let spelled = configuration.node(&entry).and_then(|netns| spelling(&netns, &key.path));
            let name = spelled.unwrap_or_else(|| key.path.to_string());
            below(&variable_path(&entry, &name), &["value"])
        }
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
    let (leaf, folder) = OF_LINK.into_iter().find(|(leaf, folder)| {
        let rest = path.as_str().strip_prefix(folder);
        rest.is_some_and(|rest| rest.ends_with(&format!("/{leaf}")))
    })?;
    let dev = path.dev()?;
    (path.as_str() == format!("{folder}/{dev}/{leaf}")).then_some((dev, leaf))
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
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net.ipv4.conf.eth0.rp_filter']: net.ipv4.conf.eth0.rp_filter has a leaf of its own: set sysctl rp_filter of link eth0
                /netloom-sysctl:sysctls/netns[name='1']/variable[name='net.ipv4.ip_forward']: net.ipv4.ip_forward has a leaf of its own: set ip_forward of the namespace
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
