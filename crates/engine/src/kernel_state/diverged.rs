//! Diverged: kernel and running differ, because the way back from a failed attempt has failed too.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Desired, Key};

use crate::clock::Moment;
use crate::error::RpcError;

/// The kernel is not what running says, or the state directory holds more than running.
#[derive(Debug)]
pub(crate) struct Diverged {
    /// What may be in the kernel.
    pub(crate) touched: Desired,
    /// What of running was missing before, or may be.
    pub(crate) missing: BTreeSet<Key>,
    /// Whether it is the kernel that could not be brought back, rather than the state directory.
    pub(crate) kernel: bool,
    /// When the way back is tried again.
    pub(crate) again: Moment,
    /// Where it ended.
    pub(crate) causes: Vec<RpcError>,
}

impl Diverged {
    /// Where the way back ended, by path, and why.
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
