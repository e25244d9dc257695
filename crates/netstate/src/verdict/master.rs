//! Whether a master takes a link as a port.

use super::Contradiction;
use super::answer::Answer;
use super::world::World;
use crate::noun::link::{Enslaving, LinkKind, Place};
use crate::noun::{Key, Object};

impl World<'_> {
    /// Whether the master takes a link of this kind, and has ports with these attributes.
    pub(super) fn takes(&self, master: &Place, (key, object): (&Key, &Object)) -> Answer {
        let Object::Link(link) = object else { return Answer::Met };
        let Some((of, kind)) = self.kind_at(master) else { return Answer::Met };
        let (name, master) = (&link.place.ifname, &master.ifname);
        let refused = |field, reason| {
            let other = Some((of.clone(), None));
            Answer::Refused(Contradiction { key: key.clone(), field, other, reason })
        };
        let takes_its_own = kind.facts().enslaves.is_none_or(Enslaving::takes_its_own);
        let own = self.kind_at(&link.place);
        if own.is_some_and(|(_, own)| own.name() == kind.name()) && !takes_its_own {
            let (what, of_kind) = (kind.with_article(), kind.name());
            let reason =
                format!("{master} is {what}, and {name} too: {what} has no {of_kind} as a port");
            return refused(Some("master"), reason);
        }
        match link.of_other_masters(kind.name()).first() {
            Some((of_kind, field)) => {
                let what = kind.with_article();
                let reason = format!(
                    "{} is an attribute of the ports of a {of_kind}, and {master} is {what}",
                    field.name
                );
                refused(Some(field.name), reason)
            }
            None => Answer::Met,
        }
    }

    /// The kind of the link at a place, configured or observed.
    fn kind_at(&self, place: &Place) -> Option<(Key, &LinkKind)> {
        let (id, configured) = self.desired.link_at(place)?;
        let key = Key::Link(id.clone());
        let seen = self.environment.observed.objects.get(&key).and_then(Object::link);
        let kind = configured.kind.as_ref().or_else(|| seen?.kind.as_ref())?;
        Some((key, kind))
    }
}
