//! Diverged: kernel and running differ, because a commit failed and undoing it has failed too.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Desired, Key};

use crate::clock::Moment;
use crate::error::RpcError;

/// The kernel does not hold running, or the state directory holds more than running.
#[derive(Debug)]
pub(crate) struct Diverged {
    /// What may be in the kernel.
    pub(crate) touched: Desired,
    /// The objects of running that were missing before the attempt, or may have been.
    pub(crate) missing: BTreeSet<Key>,
    /// Whether the kernel could not be restored. If false, it is the state directory.
    pub(crate) kernel: bool,
    /// The time of the next attempt to restore.
    pub(crate) again: Moment,
    /// The errors of the last attempt to restore.
    pub(crate) causes: Vec<RpcError>,
}

impl Diverged {
    /// The errors of the last attempt to restore, by path.
    pub(crate) fn reasons(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        for RpcError { path, message, .. } in &self.causes {
            let reasons = all.entry(path.clone().unwrap_or_else(|| "/".into())).or_default();
            if !reasons.is_empty() {
                reasons.push_str("; ");
            }
            reasons.push_str(message);
        }
        all
    }
}
