//! What operational data calls the links that were observed: by what the configuration calls them, or by the
//! identity that the observer gave them.

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
    /// Of every link observed.
    pub(crate) fn of(observed: &'o State, directory: &Directory) -> Self {
        let mut ids = HashMap::new();
        for (key, object) in &observed.objects {
            if let (Key::Link(id), Object::Link(link)) = (key, object) {
                ids.insert(&link.place, id);
            }
        }
        Self { ids, directory: directory.clone() }
    }

    /// The link's name; its kernel name where it was neither observed nor configured, as when it went in between.
    pub(crate) fn name(&self, netns: &NetnsName, ifname: &LinkName) -> Option<LinkId> {
        let place = Place { netns: netns.clone(), ifname: ifname.clone() };
        let id = self.ids.get(&place).copied().or_else(|| self.directory.id_at(&place));
        id.cloned().or_else(|| ifname.as_str().parse().ok())
    }
}
