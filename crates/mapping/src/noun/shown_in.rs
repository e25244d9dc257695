//! Where the objects of a noun are shown in operational data.

use yang::Selected;

/// A place where objects of a noun are shown: a list in a top container, or a node of its entries.
pub(crate) struct ShownIn {
    /// The top container.
    pub(crate) container: &'static str,
    /// The list in it; all lists if none is named.
    pub(crate) list: Option<&'static str>,
    /// The node of an entry; the whole entry if none is named.
    pub(crate) node: Option<&'static str>,
}

impl ShownIn {
    /// In the entries of a list.
    pub(crate) const fn list(container: &'static str, list: &'static str) -> ShownIn {
        ShownIn { container, list: Some(list), node: None }
    }

    /// In the entries of all lists of a container.
    pub(crate) const fn container(container: &'static str) -> ShownIn {
        ShownIn { container, list: None, node: None }
    }

    /// In a node of the entries of all lists of a container.
    pub(crate) const fn node(container: &'static str, node: &'static str) -> ShownIn {
        ShownIn { container, list: None, node: Some(node) }
    }

    /// Whether it is selected.
    pub(crate) fn is_in(&self, selected: &Selected) -> bool {
        let in_list = |list: &str| selected.below.is_none_or(|below| below.name == list);
        let has_node =
            |node: &&str| selected.nodes.as_ref().is_none_or(|nodes| nodes.contains(node));
        selected.top.name == self.container
            && self.list.is_none_or(in_list)
            && self.node.as_ref().is_none_or(has_node)
    }
}
