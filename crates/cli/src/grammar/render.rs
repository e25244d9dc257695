//! Trees as configuration text: indented, as whole lines, and as the difference of two trees.
//!
//! Lines go to a [`Sink`], together with the instance that each line belongs to.

use yang::{Change, Node, NodeKind, Path, Schema, SchemaNode, Step, Tree};

use crate::grammar::schema::{is_inline, key_default, name};
use crate::grammar::words::quoted;

/// The receiver of lines.
pub(crate) trait Sink {
    /// The following lines are below these steps.
    fn at(&mut self, above: &[Step]);
    /// The following lines belong to this instance, which is below the one before, until it is left.
    fn enter(&mut self, node: &Node<'_>);
    fn leave(&mut self);
    /// A line of the instance that was entered last.
    fn line(&mut self, depth: usize, text: &str);
}

impl Sink for String {
    fn at(&mut self, _: &[Step]) {}

    fn enter(&mut self, _: &Node<'_>) {}

    fn leave(&mut self) {}

    fn line(&mut self, depth: usize, text: &str) {
        line(self, ' ', depth, text);
    }
}

/// The position of a [`Sink`]: the instance that the next line belongs to.
#[derive(Debug, Default)]
pub(crate) struct Position(Path);

impl Position {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn at(&mut self, above: &[Step]) {
        self.0 = Path { steps: above.to_vec() };
    }

    pub(crate) fn enter(&mut self, node: &Node<'_>) {
        let keys = match node.value() {
            Some(value) if node.schema().kind == NodeKind::LeafList => vec![value.clone()],
            Some(_) | None => node.keys().to_vec(),
        };
        self.0.steps.push(Step { node: node.schema(), keys: keys.into() });
    }

    pub(crate) fn leave(&mut self) {
        self.0.steps.pop();
    }
}

/// The indented form of the data at `path`, with the lines that lead there.
pub(crate) fn text(tree: &Tree, path: &Path) -> String {
    let mut out = String::new();
    text_lines(&mut out, tree, path);
    out
}

/// Whole lines, each with its complete path.
pub(crate) fn set(tree: &Tree, path: &Path) -> String {
    let mut out = String::new();
    set_lines(&mut out, tree, path);
    out
}

/// The lines of [`text`].
pub(crate) fn text_lines(out: &mut impl Sink, tree: &Tree, path: &Path) {
    let mut shown: Vec<Step> = Vec::new();
    // The modes below these that a reader of the lines is in.
    let mut open = 0;
    for (path, node) in instances(tree, path) {
        let above = &path.steps[..path.steps.len().saturating_sub(1)];
        // The line of an inline entry enters no mode, so it has its content too.
        let inline = above.iter().position(|step| is_inline(step.node)).unwrap_or(above.len());
        let (modes, entry) = above.split_at(inline);
        let common = shown.iter().zip(modes).take_while(|(a, b)| a == b).count();
        if shown[common..].iter().any(|step| hides_a_word_above(step.node)) {
            exits(out, common..shown.len() + open);
            open = 0;
        }
        for (depth, step) in modes.iter().enumerate().skip(common) {
            out.at(&modes[..depth]);
            out.line(depth, &self::step(step));
        }
        shown = modes.to_vec();
        if is_empty(&node) {
            continue;
        }
        out.at(above);
        match entry.is_empty() {
            true => open = block(out, &node, modes.len()).unwrap_or(open),
            false => {
                let head: String = entry.iter().map(|step| self::step(step) + " ").collect();
                out.enter(&node);
                out.line(modes.len(), &(head + inline_node(&node).trim_start()));
                out.leave();
            }
        }
    }
}

/// The lines of [`set`].
pub(crate) fn set_lines(out: &mut impl Sink, tree: &Tree, path: &Path) {
    out.at(&[]);
    for (_, node) in
        instances(tree, &Path { steps: path.steps[..path.steps.len().min(1)].to_vec() })
    {
        lines(out, &node, "");
    }
}

/// The changes from one tree to another: `+` and `-` lines, with the lines that lead to them.
pub(crate) fn diff(old: &Tree, new: &Tree) -> String {
    let mut out = String::new();
    let mut shown: Vec<Step> = Vec::new();
    // If a whole node is added or deleted, all of it is shown.
    let mut whole: Option<Path> = None;
    for change in old.diff(new).changes() {
        let path = change.path();
        if whole.as_ref().is_some_and(|whole| path.steps.starts_with(&whole.steps)) {
            continue;
        }
        let Some((last, above)) = path.steps.split_last() else { continue };
        if last.node.is_key() {
            continue;
        }
        let common = shown.iter().zip(above).take_while(|(a, b)| a == b).count();
        for (depth, step) in above.iter().enumerate().skip(common) {
            line(&mut out, ' ', depth, &self::step(step));
        }
        shown = above.to_vec();
        let depth = above.len();
        let mut marked = |mark, tree: &Tree| {
            let mut text = String::new();
            instances(tree, path).iter().for_each(|(_, node)| _ = block(&mut text, node, 0));
            let lines = text.lines().filter(|line| line.trim_start() != EXIT);
            lines.for_each(|text| line(&mut out, mark, depth, text));
        };
        match &change {
            Change::Created(path, _) => {
                marked('+', new);
                whole = Some(path.clone());
            }
            Change::Deleted(path, _) => {
                marked('-', old);
                whole = Some(path.clone());
            }
            Change::Replaced(..) => {
                marked('-', old);
                marked('+', new);
            }
        }
    }
    out
}

/// A path in the syntax of the command line.
pub(crate) fn path(path: &Path) -> String {
    path.steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

/// A path from the server in the syntax of the command line. A path that the schema does not know stays as it is.
pub(crate) fn typed(schema: &'static Schema, server_path: &str) -> String {
    match Path::parse(schema, server_path) {
        Ok(parsed) => path(&parsed),
        Err(_) => yang::printable(server_path).into_owned(),
    }
}

/// The instances at `path`, or at the top, with their paths.
fn instances<'a>(tree: &'a Tree, path: &Path) -> Vec<(Path, Node<'a>)> {
    if path.steps.is_empty() {
        return tree
            .top()
            .map(|node| (Path::default().join(node.schema(), Vec::new()), node))
            .collect();
    }
    tree.nodes(path)
}

/// Whether the node is a container that exists only through its content, and has none.
fn is_empty(node: &Node<'_>) -> bool {
    matches!(node, Node::Container(schema, _)
        if schema.kind == (NodeKind::Container { presence: false })
            && node.children().next().is_none())
}

/// Writes an instance. Returns how many modes below its own place its lines leave open. None if they enter no mode.
fn block(out: &mut impl Sink, node: &Node<'_>, depth: usize) -> Option<usize> {
    out.enter(node);
    let open = match node {
        Node::Container(schema, _) => {
            out.line(depth, &name(schema));
            Some(block_children(out, node, depth + 1))
        }
        Node::ListEntry(schema, keys, _) => {
            let head = entry_line(schema, keys);
            if is_inline(schema) {
                out.line(depth, &(head + &inline_leaves(node)));
                None
            } else {
                out.line(depth, &head);
                Some(block_children(out, node, depth + 1))
            }
        }
        Node::Leaf(schema, value) | Node::LeafListEntry(schema, value) => {
            out.line(depth, &format!("{}{}", schema.name, leaf_word(value)));
            None
        }
    };
    out.leave();
    open
}

/// Writes what is in the mode of an instance. Returns how many modes are left open: that of the instance, and those below.
fn block_children(out: &mut impl Sink, node: &Node<'_>, depth: usize) -> usize {
    let mut open = 0;
    for child in node.children() {
        if !child.schema().is_key() && !is_empty(&child) {
            open = block(out, &child, depth).unwrap_or(open);
        }
    }
    if hides_a_word_above(node.schema()) {
        exits(out, depth - 1..depth + open);
        return 0;
    }
    open + 1
}

const EXIT: &str = "exit";

/// Leaves the modes of these levels, the deepest first.
fn exits(out: &mut impl Sink, levels: std::ops::Range<usize>) {
    levels.rev().for_each(|level| out.line(level + 1, EXIT));
}

/// Whether a line that belongs to a mode above would be understood as one of this node's own mode. The indentation does not
/// count where lines are typed or pasted, so the mode must be left first.
fn hides_a_word_above(node: &SchemaNode) -> bool {
    fn words(node: &SchemaNode) -> impl Iterator<Item = &'static str> {
        let children = node.children.iter().filter(|child| child.config && !child.is_key());
        children.map(|child| child.name)
    }
    let mut above = node.parent();
    while let Some(mode) = above {
        if words(node).any(|own| words(mode).any(|word| word == own)) {
            return true;
        }
        above = mode.parent();
    }
    false
}

/// A line of the indented form. Without a mark, the first column belongs to the indentation.
fn line(out: &mut String, mark: char, depth: usize, text: &str) {
    if mark != ' ' {
        out.push(mark);
    }
    out.extend(std::iter::repeat_n(' ', depth));
    out.push_str(text);
    out.push('\n');
}

/// A step of a path in the syntax of the command line.
pub(crate) fn step(step: &Step) -> String {
    match step.keys.is_empty() {
        true => name(step.node).into_owned(),
        false => entry_line(step.node, &step.keys),
    }
}

/// A list entry's name and keys, without the keys that have their default.
fn entry_line(list: &'static yang::SchemaNode, keys: &[yang::Value]) -> String {
    let mut text = name(list).into_owned();
    for (at, (key, value)) in list.keys.iter().zip(keys).enumerate() {
        let word = quoted(&value.to_string());
        if at == 0 {
            text += &format!(" {word}");
        } else if key_default(key).as_ref() != Some(value) {
            text += &format!(" {} {word}", key.name);
        }
    }
    text
}

fn inline_leaves(node: &Node<'_>) -> String {
    let children = node.children().filter(|child| !child.schema().is_key());
    children.map(|child| inline_node(&child)).collect()
}

/// A node as the rest of a line. A container without content is not written.
fn inline_node(node: &Node<'_>) -> String {
    match node {
        Node::Container(schema, _) => match inline_leaves(node) {
            leaves if leaves.is_empty() => leaves,
            leaves => format!(" {}{leaves}", schema.name),
        },
        Node::ListEntry(schema, keys, _) => {
            format!(" {}{}", entry_line(schema, keys), inline_leaves(node))
        }
        Node::Leaf(schema, value) | Node::LeafListEntry(schema, value) => {
            format!(" {}{}", schema.name, leaf_word(value))
        }
    }
}

/// Returns whether anything was written.
fn lines(out: &mut impl Sink, node: &Node<'_>, above: &str) -> bool {
    out.enter(node);
    let said = instance_lines(out, node, above);
    out.leave();
    said
}

fn instance_lines(out: &mut impl Sink, node: &Node<'_>, above: &str) -> bool {
    let with = |word: &str| match above {
        "" => word.to_owned(),
        above => format!("{above} {word}"),
    };
    let head = match node {
        Node::Container(schema, _) => with(&name(schema)),
        Node::ListEntry(schema, keys, _) => with(&entry_line(schema, keys)),
        Node::Leaf(schema, value) | Node::LeafListEntry(schema, value) => {
            out.line(0, &with(&format!("{}{}", schema.name, leaf_word(value))));
            return true;
        }
    };
    if let Node::ListEntry(schema, ..) = node
        && is_inline(schema)
    {
        out.line(0, &(head + &inline_leaves(node)));
        return true;
    }
    let mut said = false;
    for child in node.children().filter(|child| !child.schema().is_key()) {
        said |= lines(out, &child, &head);
    }
    let says_something = match node.schema().kind {
        NodeKind::Container { presence } => presence,
        NodeKind::List | NodeKind::Leaf | NodeKind::LeafList => true,
    };
    if !said && says_something {
        out.line(0, &head);
        said = true;
    }
    said
}

fn leaf_word(value: &yang::Value) -> String {
    if *value == yang::Value::Empty {
        return String::new();
    }
    format!(" {}", quoted(&value.to_string()))
}
