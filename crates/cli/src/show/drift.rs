//! `show drift`: changes by others, as text.

use yang::{Node, Path, Schema, Tree};

/// The path of the list of drift in operational data (module netloom-drift).
pub(crate) fn path(schema: &'static Schema) -> Path {
    let drift = schema.top_node(Some("netloom-drift"), "drift");
    drift.map(|node| Path::default().join(node, Vec::new())).unwrap_or_default()
}

/// A few lines for each object that differs from its configuration.
pub(crate) fn text(operational: &Tree) -> String {
    let drift = operational.top().find(|node| node.schema().module.name == "netloom-drift");
    let objects = drift.iter().flat_map(Node::children);
    let lines: String =
        objects.filter(|node| node.schema().name == "object").map(|node| object(&node)).collect();
    if lines.is_empty() { "nothing differs from running\n".into() } else { lines }
}

fn object(object: &Node<'_>) -> String {
    let leaf = |name: &str| object.leaf(name).map(ToString::to_string);
    let line = |name: &str, words: &str| {
        leaf(name).map(|value| format!("     {words}{value}\n")).unwrap_or_default()
    };
    let repairs = leaf("repairs").map(|times| format!(", repaired {times} times before"));
    format!(
        "{}\n     since {}, policy {}{}\n{}{}{}",
        leaf("path").unwrap_or_default(),
        leaf("since").unwrap_or_default(),
        leaf("policy").unwrap_or_default(),
        repairs.unwrap_or_default(),
        line("difference", "to repair: "),
        line("waits-for", "will be restored with "),
        line("obstacle", "stays: "),
    )
}
