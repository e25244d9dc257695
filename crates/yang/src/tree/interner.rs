//! Equal instances share memory.
//!
//! In a long list neighbours resemble each other: a hundred thousand routes have a dozen next hops. A reader compares
//! each instance with the last one that it read of the same schema node. Where they are equal, it keeps one of the two.

use std::sync::Arc;

use crate::path::Keys;
use crate::schema::SchemaNode;
use crate::tree::entry::Entry;

/// The last instance of each schema node, indexed by the nodes' order.
#[derive(Default)]
pub(crate) struct Interner {
    last: Vec<(Keys, Arc<Entry>)>,
}

impl Interner {
    /// The entry; shared with the last instance of `node` where the two are equal.
    pub(crate) fn shared(&mut self, node: &'static SchemaNode, entry: Entry) -> Arc<Entry> {
        let (_, last) = self.last(node);
        if **last != entry {
            *last = Arc::new(entry);
        }
        Arc::clone(last)
    }

    /// The keys; shared with those of the last entry of `list` where the two are equal. Entries of a list below
    /// another often have the same keys as those of the neighbour.
    pub(crate) fn shared_keys(&mut self, list: &'static SchemaNode, keys: Keys) -> Keys {
        let (last, _) = self.last(list);
        if *last != keys {
            *last = keys;
        }
        last.clone()
    }

    fn last(&mut self, node: &'static SchemaNode) -> &mut (Keys, Arc<Entry>) {
        let index = node.order();
        if index >= self.last.len() {
            self.last.resize_with(index + 1, Default::default);
        }
        &mut self.last[index]
    }
}
