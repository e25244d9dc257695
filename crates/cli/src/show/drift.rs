//! `show drift`: changes by others, held objects, and a commit that could not be undone, as text.

use yang::{Node, Path, Schema, Tree};

use crate::grammar::render;
use crate::prose;
use crate::show::one_line;

/// Where drift is in operational data (module netloom-drift), and what is held (module netloom-state).
pub(crate) fn paths(schema: &'static Schema) -> [Path; 2] {
    let path = |(module, name)| {
        let node = schema.top_node(Some(module), name);
        node.map(|node| Path::default().join(node, Vec::new())).unwrap_or_default()
    };
    [DRIFT, STATE].map(path)
}

const DRIFT: (&str, &str) = ("netloom-drift", "drift");
const STATE: (&str, &str) = ("netloom-state", "configuration-state");

/// A few lines for each object that differs from its configuration.
pub(crate) fn text(schema: &'static Schema, operational: &Tree) -> String {
    let show =
        |text: fn(&Fields<'_>) -> String| move |node: Node<'_>| text(&Fields { node, schema });
    let lines: String = entries(operational, STATE, "not-undone")
        .map(show(not_undone))
        .chain(entries(operational, DRIFT, "object").map(show(object)))
        .chain(entries(operational, STATE, "held").map(show(held)))
        .chain(entries(operational, STATE, "missing").map(show(missing)))
        .collect();
    if lines.is_empty() { "nothing differs from running\n".into() } else { lines }
}

/// How many objects others have changed, and how many are held; and whether a failed commit could not be undone.
pub(crate) fn counts(operational: &Tree) -> (u64, u64, bool) {
    let count = |top, list| entries(operational, top, list).fold(0, |count, _| count + 1);
    (count(DRIFT, "object"), count(STATE, "held"), count(STATE, "diverged") > 0)
}

/// The entries of a list below a top container.
fn entries<'t>(
    tree: &'t Tree,
    (module, _): (&'static str, &str),
    list: &'static str,
) -> impl Iterator<Item = Node<'t>> {
    let top = tree.top().find(|node| node.schema().module.name == module);
    top.into_iter()
        .flat_map(|top| top.children().collect::<Vec<_>>())
        .filter(move |node| node.schema().name == list)
}

/// The leafs of an entry, as text.
struct Fields<'t> {
    node: Node<'t>,
    schema: &'static Schema,
}

impl Fields<'_> {
    fn raw(&self, name: &str) -> Option<String> {
        self.node.leaf(name).map(ToString::to_string)
    }

    fn leaf(&self, name: &str) -> Option<String> {
        self.node.leaf(name).map(|value| one_line(&value.to_string()))
    }

    fn text(&self, name: &str) -> String {
        self.leaf(name).unwrap_or_default()
    }

    /// A leaf that is a path, in the syntax of the command line.
    fn path(&self, name: &str) -> String {
        prose::unbroken(&render::typed(self.schema, &self.raw(name).unwrap_or_default()))
    }
}

fn held(object: &Fields<'_>) -> String {
    let part = if object.text("in-part") == "true" { " in part" } else { "" };
    let waits_for = match object.path("waits-for") {
        own if own == object.path("path") => String::new(),
        other => format!("     will be restored with {other}\n"),
    };
    format!(
        "{}\n     held{part} since {}: {}\n{waits_for}",
        object.path("path"),
        object.text("since"),
        object.text("reason")
    )
}

fn missing(object: &Fields<'_>) -> String {
    let (path, reason) = (object.path("path"), object.text("reason"));
    format!("{path}\n     the kernel cannot take it yet: {reason}\n")
}

fn not_undone(commit: &Fields<'_>) -> String {
    let (id, reason) = (commit.text("id"), commit.text("reason"));
    let (attempts, again) = (commit.text("attempts"), commit.text("next-attempt"));
    format!(
        "commit {id} was not confirmed, and could not be undone\n     {reason}\n     \
         attempts: {attempts}, the next at {again}; `commit` confirms it\n"
    )
}

fn object(object: &Fields<'_>) -> String {
    let line = |value: Option<String>, words: &str| {
        value.map(|value| format!("     {words}{value}\n")).unwrap_or_default()
    };
    let repairs = object.leaf("repairs").map(|times| format!(", repaired {times} times before"));
    let waits_for = object.raw("waits-for").map(|_| object.path("waits-for"));
    format!(
        "{}\n     since {}, policy {}{}\n{}{}{}{}",
        object.path("path"),
        object.text("since"),
        object.text("policy"),
        repairs.unwrap_or_default(),
        line(object.leaf("change"), ""),
        line(object.leaf("difference"), "to repair: "),
        line(waits_for, "will be restored with "),
        line(object.leaf("reason"), "stays: "),
    )
}
