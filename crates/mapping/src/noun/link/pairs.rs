//! Pairs of links: which two ends belong together.
//!
//! Either end may name the other, or both may. An end without an entry is in the namespace of its
//! other end. Every contradiction is reported at the end that causes it.

use std::collections::BTreeMap;

use netstate::{LinkId, LinkKind, Place};
use yang::Path;

use crate::instances::{below, entries, entry_path};
use crate::lowering::Lowering;
use crate::noun::link::kind;

/// The place of the other end of each end, and the kind of both.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    peers: BTreeMap<LinkId, (Place, LinkKind)>,
}

/// An entry of list `link` that is, or may be, an end.
struct End {
    path: Path,
    place: Place,
    /// The kind that it states.
    kind: Option<LinkKind>,
    names: Option<LinkId>,
}

impl Pairs {
    /// Pairs the ends.
    pub(crate) fn read(lowering: &mut Lowering<'_>) -> Pairs {
        let ends = ends(lowering);
        let mut named_by: BTreeMap<&LinkId, Vec<&LinkId>> = BTreeMap::new();
        for (id, end) in &ends {
            if let Some(name) = &end.names {
                named_by.entry(name).or_default().push(id);
            }
        }
        let mut pairs = Pairs::default();
        for (id, end) in &ends {
            let leaf = || below(&end.path, &["virtual_peer_name"]);
            let Some(name) = &end.names else {
                if let Some(kind) = end.kind.as_ref().filter(|_| !named_by.contains_key(id)) {
                    let message = format!(
                        "{} has two ends: set virtual_peer_name to the other end's name",
                        kind.with_article()
                    );
                    lowering.faults.missing(&leaf(), message);
                }
                continue;
            };
            match mate(lowering, &ends, &named_by, (id, name)) {
                Ok(place) => {
                    let Some(kind) = &end.kind else { continue };
                    pairs.peers.insert(id.clone(), (place, kind.clone()));
                    if ends.contains_key(name) {
                        pairs.peers.insert(name.clone(), (end.place.clone(), kind.clone()));
                    }
                }
                Err(Unpaired::Contradiction(message)) => {
                    lowering.faults.invalid(&leaf(), message);
                }
                Err(Unpaired::InvalidPlace) => {}
            }
        }
        pairs
    }

    /// The place of the other end of `id`; none if it is not an end.
    pub(crate) fn peer(&self, id: &LinkId) -> Option<&Place> {
        self.peers.get(id).map(|(place, _)| place)
    }

    /// The kind of the pair of `id`.
    pub(crate) fn kind(&self, id: &LinkId) -> Option<LinkKind> {
        self.peers.get(id).map(|(_, kind)| kind.clone())
    }
}

/// Why an end has no other end.
enum Unpaired {
    Contradiction(String),
    /// The place of the other end is invalid, which is reported there.
    InvalidPlace,
}

impl From<String> for Unpaired {
    fn from(message: String) -> Self {
        Unpaired::Contradiction(message)
    }
}

/// The place of the link called `name`, if it can be the other end of `id`.
fn mate(
    lowering: &Lowering<'_>,
    ends: &BTreeMap<LinkId, End>,
    named_by: &BTreeMap<&LinkId, Vec<&LinkId>>,
    (id, name): (&LinkId, &LinkId),
) -> Result<Place, Unpaired> {
    if name == id {
        return Err("the other end of a pair is another link".to_owned().into());
    }
    match ends.get(name) {
        Some(End { kind: Some(other), .. })
            if ends[id].kind.as_ref().is_some_and(|kind| kind != other) =>
        {
            return Err(format!("{name} is {}, and {id} is not", other.with_article()).into());
        }
        Some(End { names: Some(other), .. }) if other != id => {
            return Err(format!("{name} names {other} as its other end, not {id}").into());
        }
        Some(End { names: Some(_), place, .. }) => return Ok(place.clone()),
        Some(_) | None => {}
    }
    if let Some(rivals) = named_by.get(name)
        && let Some(rival) = rivals.iter().find(|rival| **rival != id)
    {
        let message = format!("{rival} names {name} as its other end too; a pair has two ends");
        return Err(message.into());
    }
    if let Some(end) = ends.get(name) {
        return Ok(end.place.clone());
    }
    if let Some(known) = lowering.directory.link(name) {
        return Err(match known.place {
            Some(_) => format!("{name} ({}) is no end of a pair", known.path).into(),
            None => Unpaired::InvalidPlace,
        });
    }
    let netns = ends[id].place.netns.clone();
    let ifname = name.as_str().parse().map_err(|error| Unpaired::from(format!("{error}")))?;
    let place = Place { netns, ifname };
    match lowering.directory.id_at(&place) {
        Some(other) => Err(format!("{other} is called {name} in the same namespace").into()),
        None => Ok(place),
    }
}

fn ends(lowering: &mut Lowering<'_>) -> BTreeMap<LinkId, End> {
    let mut ends = BTreeMap::new();
    for node in entries(lowering.configuration, "links", Some("link")) {
        let path = entry_path(&node);
        let parse = |name: &str| node.leaf(name).and_then(|value| value.to_string().parse().ok());
        let names: Option<LinkId> = parse("virtual_peer_name");
        let said = kind::of_entry(&node);
        let kind = said.clone().filter(|kind| kind.facts().paired);
        if names.is_some() && kind.is_none() {
            let message =
                "only a veth or a vxcan has another end: set type to iproute2-ip-link:veth";
            lowering.faults.invalid(&below(&path, &["virtual_peer_name"]), message);
            continue;
        }
        let Some(id) = parse("name") else { continue };
        let known = lowering.directory.link(&id).filter(|known| known.path == path);
        let place = known.and_then(|known| known.place.clone());
        if let (true, Some(place)) = (kind.is_some() || said.is_none(), place) {
            ends.insert(id, End { path, place, kind, names });
        }
    }
    ends
}
