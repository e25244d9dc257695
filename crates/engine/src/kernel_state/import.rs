//! Import: the configuration that describes what others have set in the kernel.
//!
//! It has what is neither configured nor automatic, and only what differs from the defaults. Committing
//! it changes nothing in the kernel, which is checked: an object that would be changed is left out, and
//! reported with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netstate::{Key, Link, LinkId, LinkKind, Neighbor, NetnsName, Object, Part, Place, State};
use yang::{NodeKind, Path, Tree};

use crate::datastore::intent::Intent;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::transaction::transition::Transition;

/// The maximum number of attempts, each without what the one before could not configure.
const ATTEMPTS: usize = 64;

/// `RTPROT_DHCP` (rtnetlink.h): a route that a DHCP client has set, and withdraws.
const RTPROT_DHCP: u8 = 16;

/// What to import.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// The namespaces; all if none are named.
    pub namespaces: BTreeSet<NetnsName>,
    /// Whether the routes of routing daemons are imported too.
    pub routing_daemons: bool,
}

/// What was imported.
#[derive(Debug)]
pub struct Imported {
    /// The configuration, which running does not have yet.
    pub tree: Tree,
    /// What could not be described, each with the reason.
    pub left_out: Vec<(String, String)>,
}

/// What is known of the objects that cannot be imported as they are.
#[derive(Default)]
struct Tried {
    /// Links that are described as ones that exist already.
    as_found: BTreeSet<LinkId>,
    /// Leaves that a configuration cannot have, because they follow from others. The plan shows whether
    /// they do.
    following: BTreeSet<Path>,
    left_out: BTreeMap<Path, String>,
}

impl Engine {
    /// Describes the kernel's state in addition to running.
    pub(crate) fn import(&mut self, request: &ImportRequest) -> Result<Imported> {
        self.reconcile()?;
        let running = self.running.intent.clone();
        let known = running.desired().links();
        let known = known.map(|(id, link)| (link.place.clone(), id.clone())).collect();
        let mut part = Part::all(known);
        if !request.namespaces.is_empty() {
            part.namespaces = Some(request.namespaces.clone());
        }
        let observed = self.observe_part(part)?;
        let is_there = |netns: &NetnsName| {
            netns.is_own() || observed.objects.contains_key(&Key::Netns(netns.clone()))
        };
        if let Some(missing) = request.namespaces.iter().find(|netns| !is_there(netns)) {
            return Err(Error::NoNetns { netns: missing.clone() }.into());
        }
        let mut tried = Tried::default();
        for _ in 0..ATTEMPTS {
            let tree = described(&observed, &running, request, &tried)?;
            let mut whole = running.tree.clone();
            whole.merge(&tree);
            let diff = running.tree.diff(&whole);
            let before = tried.count();
            match running.after(whole, &diff) {
                Ok(intent) => self.find_changes(&running, &intent, &mut tried)?,
                Err(errors) => tried.take(&tree, errors)?,
            }
            if before == tried.count() {
                let left_out = tried.left_out.into_iter();
                let left_out = left_out.map(|(path, reason)| (path.to_string(), reason)).collect();
                return Ok(Imported { tree, left_out });
            }
        }
        Err(Error::TooManySkipped { count: tried.left_out.len() }.into())
    }

    /// Finds what a commit of the configuration would change.
    fn find_changes(&mut self, running: &Intent, intent: &Intent, tried: &mut Tried) -> Result<()> {
        let plan = match self.kernel.plan(&Transition::from_running(running, intent)) {
            Ok(plan) => plan,
            Err(errors) => return tried.take(&intent.tree, errors),
        };
        for op in &plan.plan.ops {
            let configured = intent.desired().get(&op.key);
            if running.desired().contains(&op.key) || configured.is_none() {
                continue;
            }
            if let Key::Link(id) = &op.key
                && tried.as_found.insert(id.clone())
            {
                continue;
            }
            let reason = format!("a commit would still have to {op}");
            tried.left_out.entry(intent.path(&op.key)).or_insert(reason);
        }
        Ok(())
    }
}

impl Tried {
    /// Leaves out the entries at which there are errors.
    fn take(&mut self, tree: &Tree, errors: Errors) -> Result<()> {
        let before = self.count();
        for error in errors.rpc() {
            let path = error.path.as_deref().and_then(|path| Path::parse(tree.schema(), path).ok());
            let Some(path) = path else { continue };
            let is_leaf = path.steps.last().is_some_and(|step| step.node.kind == NodeKind::Leaf);
            if is_leaf && tree.node(&path).is_some() {
                self.following.insert(path);
            } else if let Some(entry) = entry_of(tree, path) {
                self.left_out.entry(entry).or_insert(error.message);
            }
        }
        // An error of what is configured already is not the import's.
        if self.count() > before { Ok(()) } else { Err(errors) }
    }

    fn count(&self) -> usize {
        self.as_found.len() + self.following.len() + self.left_out.len()
    }
}

/// The innermost list entry of a path that the tree has.
fn entry_of(tree: &Tree, mut path: Path) -> Option<Path> {
    while let Some(step) = path.steps.last() {
        let is_entry = step.node.kind == NodeKind::List && !step.keys.is_empty();
        if is_entry && tree.node(&path).is_some() {
            return Some(path);
        }
        path.steps.pop();
    }
    None
}

/// The configuration of what is neither configured nor automatic.
fn described(
    observed: &State,
    running: &Intent,
    request: &ImportRequest,
    tried: &Tried,
) -> Result<Tree> {
    let kinds: BTreeMap<&Place, &LinkKind> = observed
        .objects
        .values()
        .filter_map(Object::link)
        .filter_map(|link| Some((&link.place, link.kind.as_ref()?)))
        .collect();
    let desired = running.desired();
    let mut objects = BTreeMap::new();
    let is_imported =
        |key: &Key, object: &Object| !desired.contains(key) && is_of_people(key, object, request);
    let on_links: BTreeSet<Place> = observed
        .objects
        .iter()
        .filter(|(key, object)| matches!(key, Key::Address(_)) && is_imported(key, object))
        .flat_map(|(key, object)| netstate::noun::places(key, object))
        .collect();
    for (key, object) in &observed.objects {
        let object = match (key, object) {
            // Only its addresses are new.
            (Key::Link(_), Object::Link(link)) if desired.contains(key) => {
                if !on_links.contains(&link.place) {
                    continue;
                }
                Object::Link(Link::at(link.place.clone()).into())
            }
            (Key::Link(id), Object::Link(link)) => {
                let has_addresses = on_links.contains(&link.place);
                let is_asked_for = is_in(&link.place.netns, request);
                if !is_asked_for || link.belongs_to_namespace() && !has_addresses {
                    continue;
                }
                let master = link.master_place();
                let master = master.and_then(|at| kinds.get(&at).copied());
                let found = tried.as_found.contains(id);
                Object::Link(
                    if found { link.described_as_found() } else { link.described(master) }.into(),
                )
            }
            _ if !is_imported(key, object) => continue,
            _ => brief(object),
        };
        objects.insert(key.clone(), object);
    }
    let state = State { objects };
    let mut tree = mapping::raise(&state, &running.tree)?.config_only();
    for path in tried.left_out.keys().chain(&tried.following).chain(&own_namespace(&tree)) {
        tree.remove(path)?;
    }
    Ok(tree)
}

/// The object without what need not be configured.
fn brief(object: &Object) -> Object {
    let mut object = object.clone();
    match &mut object {
        Object::Route(route) => {
            let natural = route.natural_scope();
            Arc::make_mut(route).scope.take_if(|scope| *scope == natural);
        }
        Object::Neighbor(neighbor) => {
            let Neighbor { router, use_, managed, extern_learn, .. } = neighbor;
            for flag in [router, use_, managed, extern_learn] {
                flag.take_if(|is| !*is);
            }
        }
        Object::Address(address) => {
            // What is left of a lifetime is no configuration, but a deprecated address is.
            if let Some(status) = &mut address.status {
                status.preferred_left.take_if(|left| *left > 0);
            }
        }
        Object::Netns
        | Object::Link(_)
        | Object::Sysctl(_)
        | Object::Fdb(_)
        | Object::Nexthop(_)
        | Object::Rule(_) => {}
    }
    object
}

/// The leaves that say that a link is in the daemon's own namespace, where it is anyway.
fn own_namespace(tree: &Tree) -> Vec<Path> {
    let links = tree.schema().top().iter().find(|top| top.name == "links");
    let lists = links
        .into_iter()
        .flat_map(|links| links.children.iter().filter(|list| list.kind == NodeKind::List));
    let entries = lists.flat_map(|list| {
        let container = list.parent().map(|above| Path::default().join(above, Vec::new()));
        tree.nodes(&container.unwrap_or_default().join(list, Vec::new()))
    });
    let own = entries.filter(|(_, entry)| {
        entry.leaf("netns").is_some_and(|netns| netns.to_string() == NetnsName::own().as_str())
    });
    own.filter_map(|(path, entry)| {
        Some(path.join(entry.schema().child(None, "netns")?, Vec::new()))
    })
    .collect()
}

/// Whether a namespace is imported.
fn is_in(netns: &NetnsName, request: &ImportRequest) -> bool {
    request.namespaces.is_empty() || request.namespaces.contains(netns)
}

/// Whether people, or programs on their behalf, have set the object for good.
fn is_of_people(key: &Key, object: &Object, request: &ImportRequest) -> bool {
    if object.is_automatic() {
        return false;
    }
    match (key, object) {
        (Key::Netns(netns), _) => !netns.is_own() && is_in(netns, request),
        // The kernel adds it when the loopback comes up (`inetdev_event`, net/ipv4/devinet.c).
        (Key::Address(key), _)
            if key.dev.as_str() == "lo" && key.address.to_string() == "127.0.0.1/8" =>
        {
            false
        }
        (_, Object::Address(address)) => {
            let status = address.status.as_deref();
            status.is_none_or(|status| status.valid_until.is_none())
        }
        (_, Object::Route(route)) => {
            route.protocol != Some(RTPROT_DHCP)
                && (request.routing_daemons || !route.is_of_daemon())
        }
        (_, Object::Nexthop(_)) => request.routing_daemons || !object.is_of_daemon(),
        (_, Object::Neighbor(_) | Object::Rule(_)) => true,
        (_, Object::Netns | Object::Link(_) | Object::Sysctl(_) | Object::Fdb(_)) => false,
    }
}
