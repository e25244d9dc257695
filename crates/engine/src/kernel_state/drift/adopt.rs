//! Adopting drift: a normal commit changes the configuration to what the kernel holds.

use std::collections::BTreeSet;

use netstate::{Key, State};
use yang::{Diff, Node, NodeKind, Path, Tree};

use crate::datastore::Datastore;
use crate::datastore::intent::Intent;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::session::notice::By;
use crate::session::origin::Origin;
use crate::session::sessions::NOBODY;
use crate::transaction::commit::{Author, Done};
use crate::transaction::transition::Transition;

impl Engine {
    /// Commits the kernel's state of these objects. It commits all of them at once, or those that
    /// are possible.
    pub(super) fn adopt_drift(&mut self, running: &Intent, keys: BTreeSet<Key>) {
        let Err(errors) = self.adopt_objects(running, &keys) else { return };
        if keys.len() == 1 {
            return self.postpone(&keys, &errors);
        }
        for key in keys {
            let running = self.running.intent.clone();
            let keys = BTreeSet::from([key]);
            if let Err(errors) = self.adopt_objects(&running, &keys) {
                self.postpone(&keys, &errors);
            }
        }
    }

    fn adopt_objects(&mut self, running: &Intent, keys: &BTreeSet<Key>) -> Result<()> {
        // A commit by the daemon would confirm the commit that waits for its confirmation, or
        // ignore a lock.
        if self.pending.is_some() {
            let needs = "its confirmation".into();
            return Err(Error::Unconfirmed { id: self.running.id, needs }.into());
        }
        self.sessions.may_write(NOBODY, Datastore::Running)?;
        self.reconcile()?;
        let part = running.desired().part(keys);
        let observed = self.kernel.observe_objects(&part)?;
        // A route's default values need not be configured. Values that differ from the default must
        // be.
        let configured = self.as_observed(running, adopted(running, keys, &observed, false)?);
        let (tree, diff) = match configured {
            Ok(changed) => changed,
            Err(_) => self.as_observed(running, adopted(running, keys, &observed, true)?)?,
        };
        let origin = Origin { user: "netloomd".into(), from: "drift".into() };
        let comment = Some("adopted what others have changed".into());
        let record = self.record(Author { origin, comment });
        let Done { summary, late, .. } = self.transact(tree, diff, record)?;
        self.notify_held(By::Daemon);
        tracing::info!(objects = keys.len(), summary, "adopted");
        self.drift.forget(keys);
        if late.0.is_empty() { Ok(()) } else { Err(late) }
    }

    /// Validates a configuration that the kernel should already hold. Returns it with its changes.
    fn as_observed(&mut self, running: &Intent, tree: Tree) -> Result<(Tree, Diff)> {
        let diff = running.tree.diff(&tree);
        let intent = running.after(tree, &diff)?;
        let plan = self.kernel.plan(&Transition::from_running(running, &intent))?;
        match plan.plan.ops.first() {
            None => Ok((intent.tree, diff)),
            Some(op) => {
                let (path, key) = (running.path(&op.key).to_string(), op.key.clone());
                let reason = format!(
                    "the kernel's state cannot be configured: a commit would still have to {op}"
                );
                Err(Error::Impossible { path, key, reason }.into())
            }
        }
    }
}

/// The configuration with the observed values of these objects. For links these are only the leaves
/// that are configured. Other objects are taken over whole if `whole` is set.
fn adopted(running: &Intent, keys: &BTreeSet<Key>, observed: &State, whole: bool) -> Result<Tree> {
    let raised = mapping::raise(observed, &running.tree)?.config_only();
    let mut tree = running.tree.clone();
    for key in keys {
        let path = running.path(key);
        let Some(node) = running.tree.node(&path) else { continue };
        match observed.objects.contains_key(key) {
            true if whole && !matches!(key, Key::Link(_)) => {
                tree.remove(&path)?;
                tree.merge(&raised.subtree(&path));
            }
            true => take_over(&mut tree, &raised, &path, &node)?,
            false => drop(tree.remove(&path)?),
        }
    }
    Ok(tree)
}

/// Sets the configured leaves at `path` and below it to their values in `raised`. Leaves that are
/// not configured are not touched. List entries and parameters below a link are objects of their
/// own.
fn take_over(tree: &mut Tree, raised: &Tree, path: &Path, node: &Node<'_>) -> yang::Result<()> {
    let schema = node.schema();
    match schema.kind {
        NodeKind::Leaf if schema.is_key() => {}
        NodeKind::Leaf => match raised.node(path).and_then(|node| node.value().cloned()) {
            Some(value) => tree.set(path, value)?,
            None => drop(tree.remove(path)?),
        },
        NodeKind::LeafList => {}
        NodeKind::Container { .. } | NodeKind::List => {
            let of_link = path.steps.first().is_some_and(|top| top.node.name == "links");
            for child in node.children() {
                let at = path.join(child.schema(), child.keys().to_vec());
                let own = ["sysctl", "ip"].contains(&child.schema().name);
                match child.schema().kind == NodeKind::List {
                    _ if of_link && own => {}
                    true => drop(tree.remove(&at)?),
                    false => take_over(tree, raised, &at, &child)?,
                }
            }
            let lists = raised.node(path).into_iter().flat_map(|node| node.children());
            let lists = lists.filter(|child| child.schema().kind == NodeKind::List);
            // Of a link, only what is configured. Its addresses are objects of their own.
            let configured = |list: &Node<'_>| {
                let name = list.schema().name;
                name != "ip" && node.children().any(|child| child.schema().name == name)
            };
            let lists = lists.filter(|list| !of_link || configured(list));
            for list in lists {
                tree.merge(&raised.subtree(&path.join(list.schema(), list.keys().to_vec())));
            }
        }
    }
    Ok(())
}
