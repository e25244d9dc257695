//! What the execution of a plan knows about the kernel's rules.

use std::collections::{BTreeMap, HashMap};

use netstate::NetnsName;
use netstate::rule::{Rule, RuleKey};

/// It is read once, and kept up to date with each operation.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether the kernel has a selector, by its attribute.
    pub(super) supported: HashMap<u16, bool>,
    /// The rules of a namespace and family by priority, in the kernel's order.
    pub(super) standing: HashMap<(NetnsName, u8), BTreeMap<u32, Vec<Standing>>>,
}

/// A rule in the kernel.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) key: RuleKey,
    pub(super) rule: Rule,
    /// A request for it.
    pub(super) body: Vec<u8>,
}

impl Known {
    /// A namespace is removed.
    pub(crate) fn forget(&mut self, netns: &NetnsName) {
        self.standing.retain(|(of, _), _| of != netns);
    }
}
