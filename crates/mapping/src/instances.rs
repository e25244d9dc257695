//! Navigation in a tree: the entries of a list, and the paths of nodes.

use yang::{Node, Path, Schema, SchemaNode, Tree};

/// The entries of `container`'s lists: of all of them, or of the one called `list`.
pub(crate) fn entries<'t>(
    tree: &'t Tree,
    container: &str,
    list: Option<&'t str>,
) -> impl Iterator<Item = Node<'t>> {
    tree.top()
        .find(|node| node.schema().name == container)
        .into_iter()
        .flat_map(|container| container.children())
        .filter(move |entry| list.is_none_or(|list| entry.schema().name == list))
}

/// The schema node with these names, from the top.
pub(crate) fn schema_node(
    schema: &'static Schema,
    container: &str,
    below: &[&str],
) -> Option<&'static SchemaNode> {
    let top = schema.top_node(None, container)?;
    below.iter().try_fold(top, |node, name| node.child(None, name))
}

/// The path of an entry of a list in a top container.
pub(crate) fn entry_path(entry: &Node<'_>) -> Path {
    list_path(entry.schema()).join(entry.schema(), entry.keys().to_vec())
}

/// The path of a list in a top container.
pub(crate) fn list_path(list: &'static SchemaNode) -> Path {
    list.parent().map(|container| Path::default().join(container, Vec::new())).unwrap_or_default()
}

/// The top container of a path.
pub(crate) fn container_of(path: &Path) -> &'static str {
    path.steps.first().map_or("", |step| step.node.name)
}

/// The path of these containers and leaves below `path`, as far as the schema has them.
pub(crate) fn below(path: &Path, names: &[&str]) -> Path {
    let mut path = path.clone();
    for name in names {
        let last = path.steps.last().map(|step| step.node);
        match last.and_then(|node| node.child(None, name)) {
            Some(node) => path = path.join(node, Vec::new()),
            None => break,
        }
    }
    path
}
