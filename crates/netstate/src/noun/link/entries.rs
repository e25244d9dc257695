//! Access to the links among other objects.

use std::collections::BTreeMap;

use super::Link;
use crate::name::LinkId;
use crate::noun::{Key, Noun, Object};

/// The links among sorted entries. The search stops after the links.
pub(crate) fn link_entries<'a>(
    entries: impl IntoIterator<Item = (&'a Key, &'a Object)>,
) -> impl Iterator<Item = (&'a LinkId, &'a Link)> {
    let before = |(key, _): &(&Key, &Object)| key.noun() < Noun::Link;
    entries.into_iter().skip_while(before).map_while(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    })
}

/// The links among objects, by key.
pub(crate) fn link_objects(objects: &BTreeMap<Key, Object>) -> impl Iterator<Item = (&Key, &Link)> {
    let before = |(key, _): &(&Key, &Object)| key.noun() < Noun::Link;
    objects.iter().skip_while(before).map_while(|(key, object)| Some((key, object.link()?)))
}

/// The same, by identity.
pub(crate) fn links(objects: &BTreeMap<Key, Object>) -> impl Iterator<Item = (&LinkId, &Link)> {
    link_entries(objects)
}

/// The link with this identity.
pub(crate) fn link<'a>(objects: &'a BTreeMap<Key, Object>, id: &LinkId) -> Option<&'a Link> {
    objects.get(&Key::Link(id.clone()))?.link()
}

impl Object {
    /// The link, if it is one.
    pub fn link(&self) -> Option<&Link> {
        if let Object::Link(link) = self { Some(link) } else { None }
    }
}
