//! YANG trees to network state and back, with one file for each module.
//!
//! [`lower`] converts a configuration to desired state, [`raise`] converts observed state to an
//! operational tree, and [`path`] finds the YANG node of an object. YANG and the kernel's terms
//! meet only in this crate. Links are named by their entries in YANG, and by their places in the
//! kernel. The `directory` of a configuration has both.

#[cfg(test)]
mod coverage;
mod directory;
mod faults;
mod instances;
mod lowered;
mod lowering;
mod names;
mod noun;
mod part;
mod raising;
#[cfg(test)]
mod refusals;
mod spelling;
#[cfg(test)]
mod test;

use std::cell::OnceCell;

use netstate::{Key, Noun, State};
use yang::{Error, Path, Tree};

pub use lowered::Lowered;
pub use part::part;

use directory::Directory;
use faults::Faults;
use instances::below;
use lowering::Lowering;
use names::Names;
use raising::Raising;

/// The desired state of `configuration`, which is valid by the schema. All semantic errors that the
/// schema cannot detect are found here, each with its YANG path.
pub fn lower(configuration: &Tree) -> Result<State, Vec<Error>> {
    Ok(noun::lower(Lowering::of(configuration))?.1)
}

/// The operational tree: the observed state, under the configuration's names.
pub fn raise(observed: &State, configuration: &Tree) -> Result<Tree, Error> {
    raise_nouns(observed, configuration, |_| true)
}

/// The same for certain nouns only. The other observed objects provide the names to which these
/// refer.
pub fn raise_nouns(
    observed: &State,
    configuration: &Tree,
    is_asked_for: impl Fn(Noun) -> bool,
) -> Result<Tree, Error> {
    let directory = Directory::read(configuration, &mut Faults::default());
    let names = Names::of(observed, &directory);
    let raising = Raising { observed, names, configuration, directory };
    let mut tree = Tree::empty(configuration.schema());
    for noun in Noun::ALL.iter().filter(|noun| is_asked_for(**noun)) {
        noun::raise(*noun, &raising, &mut tree)?;
    }
    Ok(tree)
}

/// The YANG path of an object of `configuration`, or of one of its fields (the field's name in `netstate`).
pub fn path(key: &Key, field: Option<&str>, configuration: &Tree) -> Path {
    if let Key::Link(id) = key {
        return noun::link::leaf_path(id, field, configuration);
    }
    leaf_of(noun::path(key, &NamedConfiguration::of(configuration)), field, configuration)
}

/// A configuration, and its names once they are needed.
pub(crate) struct NamedConfiguration<'c> {
    pub(crate) configuration: &'c Tree,
    directory: OnceCell<Directory>,
}

impl<'c> NamedConfiguration<'c> {
    fn of(configuration: &'c Tree) -> Self {
        NamedConfiguration { configuration, directory: OnceCell::new() }
    }

    /// A configuration with known names, of which a copy is cheap.
    pub(crate) fn with(configuration: &'c Tree, directory: Directory) -> Self {
        NamedConfiguration { configuration, directory: OnceCell::from(directory) }
    }

    pub(crate) fn directory(&self) -> &Directory {
        let read = || Directory::read(self.configuration, &mut Faults::default());
        self.directory.get_or_init(read)
    }
}

/// The leaf of the entry for a field, if the configuration has it.
fn leaf_of(entry: Path, field: Option<&str>, configuration: &Tree) -> Path {
    let leaf = match field {
        None => return entry,
        Some("source") => "src",
        Some("kind") => "type",
        Some("nexthops") => "nexthop",
        Some(field) => field,
    };
    // The attributes of a rule's action are in a container.
    let places = [&["action", leaf][..], &[leaf]].map(|leaf| below(&entry, leaf));
    let is_there =
        |path: &Path| configuration.node(path).is_some_and(|node| node.schema().name == leaf);
    places.into_iter().find(is_there).unwrap_or(entry)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::test::{check, check_raised, lowered};

    const TUTORIAL: &str = r#"{
        "netnses": {"netns": [{"name": "vpn10"}, {"name": "vpn20"}]},
        "links": {"link": [
            {"name": "enp0s4", "netns": "vpn10", "ip": [{"address": "192.168.10.10/24"}], "admin-status": "up"},
            {"name": "veth10", "netns": "vpn10", "type": "iproute2-ip-link:veth", "virtual_peer_name": "veth20",
             "ip": [{"address": "1.1.1.9/30"}], "admin-status": "up", "netloom-link:sysctl": {"proxy_arp": "1"}},
            {"name": "veth20", "netns": "vpn20", "type": "veth", "virtual_peer_name": "veth10",
             "ip": [{"address": "1.1.1.10/30"}], "admin-status": "up"}
        ]},
        "routes": {"route": [
            {"prefix": "192.168.20.0/24", "table": "main", "metric": 0, "tos": "default", "netns": "vpn10",
             "nexthop": [{"dev": "veth10"}]},
            {"prefix": "192.168.10.0/24", "table": "main", "metric": 0, "tos": "default", "netns": "vpn20",
             "nexthop": [{"dev": "veth20", "via": {"address": "1.1.1.9"}}]}
        ]},
        "sysctls": {"netns": [{"name": "vpn10", "ip_forward": "1"}]}
    }"#;

    #[test]
    fn the_tutorial_lowers() {
        check(
            TUTORIAL,
            expect![[r#"
                {Netns: vpn10} = Netns
                {Netns: vpn20} = Netns
                {Link: enp0s4} = {Link: {flags: {up: true}, place: {ifname: enp0s4, netns: vpn10}}}
                {Link: veth10} = {Link: {flags: {up: true}, kind: Veth, peer: {ifname: veth20, netns: vpn20}, place: {ifname: veth10, netns: vpn10}}}
                {Link: veth20} = {Link: {flags: {up: true}, kind: Veth, peer: {ifname: veth10, netns: vpn10}, place: {ifname: veth20, netns: vpn20}}}
                {Sysctl: {netns: vpn10, path: net/ipv4/conf/veth10/proxy_arp}} = {Sysctl: 1}
                {Sysctl: {netns: vpn10, path: net/ipv4/ip_forward}} = {Sysctl: 1}
                {Address: {address: 192.168.10.10/24, dev: enp0s4, netns: vpn10}} = {}
                {Address: {address: 1.1.1.9/30, dev: veth10, netns: vpn10}} = {}
                {Address: {address: 1.1.1.10/30, dev: veth20, netns: vpn20}} = {}
                {Route: {metric: 0, netns: vpn10, prefix: 192.168.20.0/24, table: 254, tos: 0}} = {Route: {kind: unicast, nexthops: [{dev: veth10, onlink: false, pervasive: false, weight: 1}], protocol: 4, scope: 253}}
                {Route: {metric: 0, netns: vpn20, prefix: 192.168.10.0/24, table: 254, tos: 0}} = {Route: {kind: unicast, nexthops: [{dev: veth20, onlink: false, pervasive: false, via: 1.1.1.9, weight: 1}], protocol: 4, scope: 0}}
            "#]],
        );
    }

    #[test]
    fn the_tutorial_is_raised_from_its_state() {
        check_raised(
            &lowered(TUTORIAL),
            TUTORIAL,
            expect![[r#"
            {
              "iproute2-ip-netns:netnses": {
                "netns": [
                  {
                    "name": "vpn10"
                  },
                  {
                    "name": "vpn20"
                  }
                ]
              },
              "iproute2-ip-link:links": {
                "link": [
                  {
                    "name": "enp0s4",
                    "admin-status": "up",
                    "netns": "vpn10",
                    "ip": [
                      {
                        "address": "192.168.10.10/24"
                      }
                    ]
                  },
                  {
                    "name": "veth10",
                    "admin-status": "up",
                    "netns": "vpn10",
                    "ip": [
                      {
                        "address": "1.1.1.9/30"
                      }
                    ],
                    "type": "iproute2-ip-link:veth",
                    "virtual_peer_name": "veth20",
                    "netloom-link:sysctl": {
                      "proxy_arp": "1"
                    }
                  },
                  {
                    "name": "veth20",
                    "admin-status": "up",
                    "netns": "vpn20",
                    "ip": [
                      {
                        "address": "1.1.1.10/30"
                      }
                    ],
                    "type": "iproute2-ip-link:veth",
                    "virtual_peer_name": "veth10"
                  }
                ]
              },
              "iproute2-ip-route:routes": {
                "route": [
                  {
                    "prefix": "192.168.10.0/24",
                    "table": "main",
                    "metric": 0,
                    "tos": "default",
                    "netns": "vpn20",
                    "protocol": "static",
                    "scope": "global",
                    "nexthop": [
                      {
                        "dev": "veth20",
                        "via": {
                          "address": "1.1.1.9"
                        }
                      }
                    ],
                    "state": {
                      "type": "unicast"
                    }
                  },
                  {
                    "prefix": "192.168.20.0/24",
                    "table": "main",
                    "metric": 0,
                    "tos": "default",
                    "netns": "vpn10",
                    "protocol": "static",
                    "scope": "link",
                    "nexthop": [
                      {
                        "dev": "veth10"
                      }
                    ],
                    "state": {
                      "type": "unicast"
                    }
                  }
                ]
              },
              "netloom-sysctl:sysctls": {
                "netns": [
                  {
                    "name": "vpn10",
                    "ip_forward": "1"
                  }
                ]
              }
            }"#]],
        );
    }
}
