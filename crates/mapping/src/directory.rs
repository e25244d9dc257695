//! The configuration's names of namespaces and links, and the place of each link.

use std::collections::BTreeSet;

use imbl::{HashMap, OrdMap, OrdSet};
use netstate::{LinkId, LinkName, NetnsName, Place};
use yang::{Node, Path, Tree};

use crate::faults::Faults;
use crate::instances::{below, container_of, entries, entry_path};

/// The names of a configuration. A copy is cheap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    namespaces: OrdSet<NetnsName>,
    links: OrdMap<LinkId, ConfiguredLink>,
    ids: HashMap<Place, LinkId>,
}

/// A link of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConfiguredLink {
    /// The path of its entry.
    pub(crate) path: Path,
    /// Its place; none if the entry does not have a valid one.
    pub(crate) place: Option<Place>,
}

impl Directory {
    /// Reads names and places, and reports errors in them.
    pub(crate) fn read(configuration: &Tree, faults: &mut Faults) -> Directory {
        let mut directory = Directory::default();
        for entry in entries(configuration, "netnses", Some("netns")) {
            directory.add_netns(&entry, faults);
        }
        for entry in entries(configuration, "links", None) {
            directory.add_link(&entry, faults);
        }
        directory
    }

    /// The names of `new`, in which only the entries at these paths have changed. None if a name
    /// has been removed or has changed, because its users would have to be found.
    pub(crate) fn extended(&self, new: &Tree, touched: &BTreeSet<Path>) -> Option<Directory> {
        let mut directory = self.clone();
        let mut faults = Faults::default();
        for path in touched {
            match (container_of(path), new.node(path)) {
                ("netnses", Some(entry)) => directory.add_netns(&entry, &mut faults),
                ("links", Some(entry)) => {
                    let id = entry.leaf("name")?.to_string().parse::<LinkId>().ok()?;
                    match self.links.get(&id) {
                        None => directory.add_link(&entry, &mut faults),
                        Some(known) => {
                            let place = self.place(&entry, path, &mut faults);
                            if known.path != *path || known.place != place {
                                return None;
                            }
                        }
                    }
                }
                ("netnses" | "links", None) => return None,
                _ => {}
            }
        }
        faults.into_result(directory).ok()
    }

    /// Whether the namespace exists: a configured one, or the daemon's own.
    pub(crate) fn has_netns(&self, netns: &NetnsName) -> bool {
        netns.is_own() || self.namespaces.contains(netns)
    }

    /// The link of this name.
    pub(crate) fn link(&self, id: &LinkId) -> Option<&ConfiguredLink> {
        self.links.get(id)
    }

    /// The link at this place.
    pub(crate) fn id_at(&self, place: &Place) -> Option<&LinkId> {
        self.ids.get(place)
    }

    /// The places of the links, and the link at each.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&Place, &LinkId)> {
        self.ids.iter()
    }

    fn add_netns(&mut self, entry: &Node<'_>, faults: &mut Faults) {
        let Some(name) = entry.leaf("name") else { return };
        match name.to_string().parse::<NetnsName>() {
            Ok(netns) if netns.is_own() => faults.invalid(
                &entry_path(entry),
                "namespace 1 is the one that the daemon runs in: it is always there and not configured",
            ),
            Ok(netns) => {
                self.namespaces.insert(netns);
            }
            Err(error) => faults.invalid(&entry_path(entry), error.to_string()),
        }
    }

    fn add_link(&mut self, entry: &Node<'_>, faults: &mut Faults) {
        let path = entry_path(entry);
        let id = match entry.leaf("name").map(|name| name.to_string().parse::<LinkId>()) {
            Some(Ok(id)) => id,
            Some(Err(error)) => return faults.invalid(&path, error.to_string()),
            None => return,
        };
        if let Some(other) = self.links.get(&id) {
            let message =
                format!("there is {} already: a link's name is unique over all lists", other.path);
            return faults.invalid(&path, message);
        }
        let place = self.place(entry, &path, faults);
        if let Some(place) = &place {
            match self.ids.get(place) {
                Some(other) => {
                    let Place { netns, ifname } = place;
                    let message = format!(
                        "links {other} and {id} would both be {ifname} in namespace {netns}"
                    );
                    faults.invalid(&below(&path, &["ifname"]), message);
                }
                None => {
                    self.ids.insert(place.clone(), id.clone());
                }
            }
        }
        self.links.insert(id, ConfiguredLink { path, place });
    }

    fn place(&self, entry: &Node<'_>, path: &Path, faults: &mut Faults) -> Option<Place> {
        let ifname = match (entry.leaf("ifname"), entry.leaf("name")) {
            (Some(ifname), _) => ifname.to_string().parse::<LinkName>().map_err(|error| {
                faults.invalid(&below(path, &["ifname"]), error.to_string());
            }),
            (None, name) => name?.to_string().parse::<LinkName>().map_err(|error| {
                faults.invalid(path, format!("{error}; give the link a good one as its ifname"));
            }),
        };
        let netns = match entry.leaf("netns").map(|netns| netns.to_string().parse::<NetnsName>()) {
            None => Ok(NetnsName::own()),
            Some(Ok(netns)) if self.has_netns(&netns) => Ok(netns),
            Some(Ok(netns)) => {
                faults.dangling(&below(path, &["netns"]), no_such_netns(&netns));
                Err(())
            }
            Some(Err(error)) => {
                faults.invalid(&below(path, &["netns"]), error.to_string());
                Err(())
            }
        };
        Some(Place { netns: netns.ok()?, ifname: ifname.ok()? })
    }
}

/// The message about a namespace that is not configured.
pub(crate) fn no_such_netns(netns: &NetnsName) -> String {
    format!("there is no namespace {netns}: add netns {netns} to netnses, or take this out too")
}
