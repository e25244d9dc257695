//! Restoring the objects of others on links that a failed attempt has taken down.

use std::collections::BTreeMap;

use netstate::{Action, Key, Op, Plan, Refusal};

use crate::transaction::converge::{Kernel, OUTRUN};
use crate::transaction::transition::TransitionPlan;

impl Kernel {
    /// Creates the lost objects of others again, after the links are restored. Others may create
    /// them first.
    pub(crate) fn put_back(&mut self, TransitionPlan { scope, others, .. }: TransitionPlan) {
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
}
