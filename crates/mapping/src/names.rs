//! The names of observed links in operational data: the configured name, or the identity that the
//! observer gave.

use std::collections::HashMap;

use netstate::{Key, LinkId, LinkName, NetnsName, Object, Place, State};

use crate::directory::Directory;

/// Names by place.
pub(crate) struct Names<'o> {
    ids: HashMap<&'o Place, &'o LinkId>,
    /// Those of the configuration, for links that were not observed.
    directory: Directory,
}

impl<'o> Names<'o> {
    /// Of every observed link.
    pub(crate) fn of(observed: &'o State, directory: &Directory) -> Self {
        let mut ids = HashMap::new();
        for (key, object) in &observed.objects {
            if let (Key::Link(id), Object::Link(link)) = (key, object) {
                ids.insert(&link.place, id);
            }
        }
        Self { ids, directory: directory.clone() }
    }

    /// The link's name; its kernel name if it was neither observed nor configured, for example
    /// because it was removed meanwhile.
    pub(crate) fn name(&self, netns: &NetnsName, ifname: &LinkName) -> Option<LinkId> {
        let place = Place { netns: netns.clone(), ifname: ifname.clone() };
        let id = self.ids.get(&place).copied().or_else(|| self.directory.id_at(&place));
        id.cloned().or_else(|| ifname.as_str().parse().ok())
    }
}
