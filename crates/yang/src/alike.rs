//! Instances that hold the same share it.
//!
//! In a long list neighbours resemble each other: a hundred thousand routes have a dozen next hops. Whatever reads a tree
//! compares what it has read with what it last read of the same schema node, and keeps one of the two.

use std::sync::Arc;

use crate::entry::Entry;
use crate::schema::SchemaNode;

/// What was last read of each schema node, by the nodes' order.
#[derive(Default)]
pub(crate) struct Alike {
    last: Vec<Arc<Entry>>,
}

impl Alike {
    /// The entry, as one with what the last instance of `node` holds where that is equal.
    pub(crate) fn shared(&mut self, node: &'static SchemaNode, entry: Entry) -> Arc<Entry> {
        let place = node.order();
        if place >= self.last.len() {
            self.last.resize_with(place + 1, Arc::default);
        }
        let last = &mut self.last[place];
        if **last != entry {
            *last = Arc::new(entry);
        }
        Arc::clone(last)
    }
}
