//! Equal instances share memory.
//!
//! In a long list, adjacent entries are similar: a hundred thousand routes have a dozen next hops. A reader
//! compares each instance with the last one of the same schema node. If they are equal, it stores only one of the
//! two.

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
    /// The entry. If it is equal to the last instance of `node`, it is shared with it.
    pub(crate) fn shared(&mut self, node: &'static SchemaNode, entry: Entry) -> Arc<Entry> {
        let (_, last) = self.last(node);
        if **last != entry {
            *last = Arc::new(entry);
        }
        Arc::clone(last)
    }

    /// The keys. If they are equal to those of the last entry of `list`, they are shared with it. Entries of a list
    /// in another list often have the same keys as the entry before.
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
