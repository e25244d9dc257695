//! The configuration, and the desired kernel state that follows from it.

use std::sync::Arc;

use mapping::Lowered;
use netstate::{Desired, Key};
use yang::{Diff, Path, Tree};

use crate::datastore::Version;
use crate::error::Result;
use crate::kernel_state::policy::Policies;

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Running {
    /// The transaction that made it; zero before the first transaction.
    pub(crate) id: u64,
    pub(crate) intent: Intent,
}

impl Running {
    pub(crate) fn version(&self) -> Version {
        Version { id: self.id, tree: self.intent.tree.clone() }
    }
}

/// A valid configuration with the kernel state that it desires. A copy is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) tree: Tree,
    pub(crate) policies: Arc<Policies>,
    lowered: Lowered,
}

impl Intent {
    /// Validates a whole configuration.
    pub(crate) fn of(tree: Tree) -> Result<Intent> {
        tree.validate()?;
        let lowered = Lowered::of(&tree)?;
        let policies = Policies::of(&tree)?.into();
        Ok(Intent { tree, policies, lowered })
    }

    /// Validates a configuration that differs from this one by `diff`.
    pub(crate) fn after(&self, tree: Tree, diff: &Diff) -> Result<Intent> {
        tree.validate_change(diff)?;
        let lowered = self.lowered.after((&self.tree, &tree), diff)?;
        let policies = Policies::of(&tree)?.into();
        Ok(Intent { tree, policies, lowered })
    }

    /// The path at which an object is configured.
    pub(crate) fn path(&self, key: &Key) -> Path {
        self.lowered.path(key, &self.tree)
    }

    pub(crate) fn desired(&self) -> &Desired {
        &self.lowered.desired
    }
}
