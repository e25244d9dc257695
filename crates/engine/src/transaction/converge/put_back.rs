//! Restoring the objects of others on links that a failed attempt has taken down, and their ports
//! of bridges that it has deleted.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Action, Key, Link, Noun, Object, Op, Part, Place, Plan, Refusal, Scope, State};

use crate::error::Result;
use crate::transaction::converge::{Kernel, OUTRUN};
use crate::transaction::transition::TransitionPlan;

impl Kernel {
    /// Creates the lost objects of others again, after the links are restored. Others may create
    /// them first.
    pub(crate) fn put_back(&mut self, plan: TransitionPlan) {
        let TransitionPlan { scope, others, ports, .. } = plan;
        self.put_ports_back(&ports);
        if others.objects.is_empty() {
            return;
        }
        let mut refused: BTreeMap<Key, Op> = BTreeMap::new();
        loop {
            let observed = match self.southbound.observe(&scope) {
                Ok(observed) => observed,
                Err(error) => return tracing::error!(%error, "object of others not restored"),
            };
            let is_gone = |key: &Key| !observed.objects.contains_key(key);
            let gone = others.objects.iter().filter(|(key, _)| is_gone(key));
            let ops = gone
                .filter(|(key, _)| !refused.contains_key(key))
                .map(|(key, object)| Op::new(key.clone(), Action::Create(object.clone())));
            match self.southbound.execute(&Plan { ops: ops.collect() }) {
                Ok(()) => {
                    refused.retain(|key, _| is_gone(key));
                    break;
                }
                Err(Refusal { op, .. }) if refused.len() < OUTRUN => {
                    refused.insert(op.key.clone(), *op);
                }
                Err(Refusal { op, message, .. }) => {
                    return tracing::error!(%op, message, "object of others not restored");
                }
            }
        }
        // An object may depend on one that comes later in the list.
        for op in refused.into_values() {
            if let Err(Refusal { op, message, .. }) =
                self.southbound.execute(&Plan { ops: vec![op] })
            {
                tracing::warn!(%op, message, "object of others not restored");
            }
        }
    }

    /// The links of others that are ports of bridges that a plan deletes. Most plans delete none, and
    /// nothing is read.
    pub(super) fn ports_of_others(
        &mut self,
        plan: &Plan,
        configured: [&State; 2],
    ) -> Result<Vec<(Key, Link)>> {
        let masters: BTreeSet<Place> = plan.ops.iter().filter_map(taken_master).collect();
        if masters.is_empty() {
            return Ok(Vec::new());
        }
        let links = configured.iter().flat_map(|state| state.objects.values());
        let ours: BTreeSet<&Place> =
            links.filter_map(Object::link).map(|link| &link.place).collect();
        let mut ports = self.links_in(masters.iter())?;
        ports.retain(|(_, link)| {
            link.master_place().is_some_and(|master| masters.contains(&master))
                && !ours.contains(&link.place)
        });
        Ok(ports)
    }

    /// Makes the links of others ports of the restored bridges again.
    fn put_ports_back(&mut self, ports: &[(Key, Link)]) {
        if ports.is_empty() {
            return;
        }
        let seen = match self.links_in(ports.iter().map(|(_, port)| &port.place)) {
            Ok(seen) => seen,
            Err(errors) => {
                return tracing::error!(errors = errors.describe(), "ports are not put back");
            }
        };
        for (key, port) in ports {
            let found = seen.iter().map(|(_, link)| link).find(|link| link.place == port.place);
            let Some(now) = found.filter(|now| now.master != port.master) else { continue };
            let at = || Link::at(port.place.clone());
            // The kernel sets the state of a port.
            let mut values = port.port.clone();
            values.bridge.state = None;
            let master = Link { master: port.master.clone(), ..at() };
            let port = Link { port: values, vlans: port.vlans.clone(), ..at() };
            let changes = [master, port];
            let ops = changes.into_iter().map(|change| {
                let (from, change) =
                    (Object::Link(now.clone().into()), Object::Link(change.into()));
                Op::new(key.clone(), Action::Update { from, change })
            });
            if let Err(Refusal { op, message, .. }) =
                self.southbound.execute(&Plan { ops: ops.collect() })
            {
                tracing::warn!(%op, message, "a port of others is not put back");
            }
        }
    }

    /// All links of the namespaces of these places.
    fn links_in<'p>(
        &mut self,
        places: impl Iterator<Item = &'p Place>,
    ) -> Result<Vec<(Key, Link)>> {
        let namespaces = places.map(|place| place.netns.clone()).collect();
        let part = Part {
            nouns: BTreeSet::from([Noun::Link]),
            namespaces: Some(namespaces),
            ..Part::default()
        };
        let observed = self.southbound.observe(&Scope::Part(part))?;
        let links = observed.objects.iter();
        let links = links.filter_map(|(key, object)| Some((key.clone(), object.link()?.clone())));
        Ok(links.collect())
    }
}

/// The place of a link that an operation deletes, if it can have ports.
fn taken_master(op: &Op) -> Option<Place> {
    let Action::Delete(Object::Link(link)) = &op.action else { return None };
    let enslaves = link.facts().is_some_and(|facts| facts.enslaves.is_some());
    enslaves.then(|| link.place.clone())
}
