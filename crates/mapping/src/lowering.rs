//! The data that modules share while a configuration is converted: names, state, and errors.

use std::collections::BTreeSet;

use netstate::{Key, LinkId, NetnsName, Object, Place, State};
use serde::de::DeserializeOwned;
use yang::{Error, Node, Path, Tree};

use crate::directory::{Directory, no_such_netns};
use crate::faults::Faults;
use crate::instances::{container_of, entries, entry_path};

/// A configuration that is being converted to state.
#[derive(Debug)]
pub(crate) struct Lowering<'c> {
    pub(crate) configuration: &'c Tree,
    pub(crate) directory: Directory,
    pub(crate) faults: Faults,
    /// The entries to convert; all if none are named.
    only: Option<&'c BTreeSet<Path>>,
    state: State,
}

/// The user of a link, which must be in the same namespace.
pub(crate) struct User<'u> {
    pub(crate) called: &'u str,
    pub(crate) netns: &'u NetnsName,
}

impl<'c> Lowering<'c> {
    /// Starts with the configuration's names.
    pub(crate) fn of(configuration: &'c Tree) -> Self {
        let mut faults = Faults::default();
        let directory = Directory::read(configuration, &mut faults);
        Self { configuration, directory, faults, only: None, state: State::default() }
    }

    /// Converts only certain entries of a configuration with known names.
    pub(crate) fn only(
        configuration: &'c Tree,
        directory: Directory,
        only: &'c BTreeSet<Path>,
    ) -> Self {
        let (faults, state) = (Faults::default(), State::default());
        Self { configuration, directory, faults, only: Some(only), state }
    }

    /// The entries to convert in `container`: of all its lists, or of the one called `list`.
    pub(crate) fn entries(&self, container: &'c str, list: Option<&'c str>) -> Vec<Node<'c>> {
        let Some(only) = self.only else {
            return entries(self.configuration, container, list).collect();
        };
        let within = |path: &&Path| {
            let name = path.steps.get(1).map(|step| step.node.name);
            container_of(path) == container && list.is_none_or(|list| name == Some(list))
        };
        only.iter().filter(within).filter_map(|path| self.configuration.node(path)).collect()
    }

    /// The names and the state, if there are no errors.
    pub(crate) fn lowered(self) -> Result<(Directory, State), Vec<Error>> {
        self.faults.into_result((self.directory, self.state))
    }

    /// Reads an entry of a list into a struct.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, entry: &Node<'_>) -> Option<T> {
        entry.deserialize().map_err(|error| self.faults.unread(&entry_path(entry), error)).ok()
    }

    /// Adds an object. Returns whether the key was new.
    pub(crate) fn add(&mut self, key: Key, object: Object) -> bool {
        self.state.objects.insert(key, object).is_none()
    }

    /// Whether the namespace exists; otherwise an error is reported for `leaf`.
    pub(crate) fn netns(&mut self, netns: &NetnsName, leaf: impl FnOnce() -> Path) -> bool {
        let known = self.directory.has_netns(netns);
        if !known {
            self.faults.dangling(&leaf(), no_such_netns(netns));
        }
        known
    }

    /// The place of the link to which `leaf` refers.
    pub(crate) fn place(&mut self, id: &LinkId, leaf: impl FnOnce() -> Path) -> Option<Place> {
        match self.directory.link(id) {
            // The error of a link without a valid place is reported at the link.
            Some(known) => known.place.clone(),
            None => {
                let message =
                    format!("no link {id} is configured: add it to links, or take this out too");
                self.faults.dangling(&leaf(), message);
                None
            }
        }
    }

    /// The same for a link that must be in the namespace of its user.
    pub(crate) fn place_beside(
        &mut self,
        user: &User<'_>,
        id: &LinkId,
        leaf: impl Fn() -> Path,
    ) -> Option<Place> {
        let place = self.place(id, &leaf)?;
        if place.netns == *user.netns {
            return Some(place);
        }
        let message = format!(
            "{id} is in {}, {} in {}",
            as_phrase(&place.netns),
            user.called,
            as_phrase(user.netns)
        );
        self.faults.invalid(&leaf(), message);
        None
    }
}

/// The namespace as a phrase in a sentence.
fn as_phrase(netns: &NetnsName) -> String {
    if netns.is_own() { "namespace 1".into() } else { netns.to_string() }
}
