//! What a plan interrupts because a link cannot change in place and is created again.

use std::collections::BTreeMap;
use std::fmt;

use crate::name::LinkId;
use crate::noun::link::{Link, Place};
use crate::noun::netns::as_phrase;
use crate::noun::{Key, Object, places};
use crate::operation::{Action, Because, Op, Plan};

/// A link that is created again, and what goes with it for that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recreation {
    /// Where the link is.
    place: Place,
    /// What cannot change in place.
    fields: String,
    /// How many of each noun are removed with the link, and created again after it.
    interrupted: BTreeMap<&'static str, usize>,
}

impl Plan {
    /// The links that this plan creates again.
    pub fn recreations(&self) -> Vec<Recreation> {
        let deleted = self.ops.iter().filter_map(|op| match (&op.key, &op.action) {
            (Key::Link(id), Action::Delete(Object::Link(seen))) => Some((id, &**seen)),
            _ => None,
        });
        let created = self.ops.iter().filter_map(|op| match (&op.key, &op.action) {
            (Key::Link(id), Action::Create(Object::Link(link))) => Some((id, &**link)),
            _ => None,
        });
        let created: BTreeMap<&LinkId, &Link> = created.collect();
        let mut recreations: Vec<(&Link, Recreation)> = Vec::new();
        for (id, seen) in deleted {
            let Some(wanted) = created.get(id) else { continue };
            let fields = wanted.changes(seen).created_by();
            let place = seen.place.clone();
            recreations.push((wanted, Recreation { place, fields, interrupted: BTreeMap::new() }));
        }
        if recreations.is_empty() {
            return Vec::new();
        }
        let at: BTreeMap<Place, usize> = recreations
            .iter()
            .enumerate()
            .flat_map(|(index, (wanted, recreation))| {
                [(recreation.place.clone(), index), (wanted.place.clone(), index)]
            })
            .collect();
        for op in &self.ops {
            let Some((noun, place)) = interrupted(op) else { continue };
            if let Some((_, recreation)) = at.get(&place).and_then(|at| recreations.get_mut(*at)) {
                *recreation.interrupted.entry(noun).or_default() += 1;
            }
        }
        recreations.into_iter().map(|(_, recreation)| recreation).collect()
    }
}

/// What the operation brings back that was lost with a link, and the place of that link.
fn interrupted(op: &Op) -> Option<(&'static str, Place)> {
    if !matches!(op.because, Because::LinkRemoved(_)) {
        return None;
    }
    match &op.action {
        Action::Create(Object::Link(link)) => Some(("link on it", link.device.clone()?)),
        Action::Create(object) => {
            let place = places(&op.key, object).next()?;
            Some((op.key.noun().facts().name, place))
        }
        Action::Update { change: Object::Link(change), .. } => {
            Some(("port", change.master_place()?))
        }
        Action::Update { .. } | Action::Delete(_) | Action::Await => None,
    }
}

impl fmt::Display for Recreation {
    /// As in `recreate vlan10 in red (id cannot change in place), which interrupts 2 addresses`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, fields, interrupted } = self;
        let netns = as_phrase(&place.netns);
        write!(f, "recreate {} in {netns} ({fields} cannot change in place)", place.ifname)?;
        for (at, (noun, count)) in interrupted.iter().enumerate() {
            f.write_str(if at == 0 { ", which interrupts " } else { ", " })?;
            match (*noun, count) {
                (noun, 1) => write!(f, "1 {noun}")?,
                ("address", count) => write!(f, "{count} addresses")?,
                ("link on it", count) => write!(f, "{count} links on it")?,
                (noun, count) => write!(f, "{count} {noun}s")?,
            }
        }
        Ok(())
    }
}
