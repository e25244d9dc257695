//! `show drift`: changes by others, and held objects, as text.

use yang::{Node, Path, Schema, Tree};

/// Where drift is in operational data (module netloom-drift), and what is held (module netloom-state).
pub(crate) fn paths(schema: &'static Schema) -> [Path; 2] {
    let path = |module, name| {
        let node = schema.top_node(Some(module), name);
        node.map(|node| Path::default().join(node, Vec::new())).unwrap_or_default()
    };
    [path("netloom-drift", "drift"), path("netloom-state", "configuration-state")]
}

/// A few lines for each object that differs from its configuration.
pub(crate) fn text(drift: &Tree, state: &Tree) -> String {
    let entries = |tree: &Tree, module: &str, list: &str, text: fn(&Node<'_>) -> String| {
        let top = tree.top().find(|node| node.schema().module.name == module);
        let entries = top.iter().flat_map(Node::children);
        entries
            .filter(|node| node.schema().name == list)
            .map(|node| text(&node))
            .collect::<String>()
    };
    let lines = entries(drift, "netloom-drift", "object", object)
        + &entries(state, "netloom-state", "held", held)
        + &entries(state, "netloom-state", "missing", missing);
    if lines.is_empty() { "nothing differs from running\n".into() } else { lines }
}

fn held(object: &Node<'_>) -> String {
    let leaf = |name: &str| object.leaf(name).map(ToString::to_string).unwrap_or_default();
    let part = if leaf("in-part") == "true" { " in part" } else { "" };
    let waits_for = match leaf("waits-for") {
        own if own == leaf("path") => String::new(),
        other => format!("     will be restored with {other}\n"),
    };
    format!(
        "{}\n     held{part} since {}: {}\n{waits_for}",
        leaf("path"),
        leaf("since"),
        leaf("reason")
    )
}

fn missing(object: &Node<'_>) -> String {
    let leaf = |name: &str| object.leaf(name).map(ToString::to_string).unwrap_or_default();
    format!("{}\n     the kernel cannot take it yet: {}\n", leaf("path"), leaf("reason"))
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
