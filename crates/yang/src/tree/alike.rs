//! Instances that hold the same share it.
//!
//! In a long list neighbours resemble each other: a hundred thousand routes have a dozen next hops. Whatever reads a tree
//! compares what it has read with what it last read of the same schema node, and keeps one of the two.

use std::sync::Arc;

use crate::path::Keys;
use crate::schema::SchemaNode;
use crate::tree::entry::Entry;

/// What was last read of each schema node, by the nodes' order.
#[derive(Default)]
pub(crate) struct Alike {
    last: Vec<(Keys, Arc<Entry>)>,
}

impl Alike {
    /// The entry, as one with what the last instance of `node` holds where that is equal.
    pub(crate) fn shared(&mut self, node: &'static SchemaNode, entry: Entry) -> Arc<Entry> {
        let (_, last) = self.last(node);
        if **last != entry {
            *last = Arc::new(entry);
        }
        Arc::clone(last)
    }

    /// The keys, as one with those of the last entry of `list` where they are equal: an entry of a list below another
    /// is often called as its like in the neighbour.
    pub(crate) fn shared_keys(&mut self, list: &'static SchemaNode, keys: Keys) -> Keys {
        let (last, _) = self.last(list);
        if *last != keys {
            *last = keys;
        }
        last.clone()
    }

    fn last(&mut self, node: &'static SchemaNode) -> &mut (Keys, Arc<Entry>) {
        let place = node.order();
        if place >= self.last.len() {
            self.last.resize_with(place + 1, Default::default);
        }
        &mut self.last[place]
    }
}
