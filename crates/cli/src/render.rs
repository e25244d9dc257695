//! Trees as one would type them: indented, as whole lines, and what differs between two.

use yang::{Change, Node, NodeKind, Path, Step, Tree};

use crate::schema::{is_inline, key_default, name};
use crate::words::quoted;

/// The indented form of what is at `path`, without the lines that lead there.
pub(crate) fn text(tree: &Tree, path: &Path) -> String {
    let mut out = String::new();
    each(tree, path, |node, inner| {
        if inner && matches!(node, Node::Container(..)) {
            block_children(&mut out, &node, 0);
        } else {
            block(&mut out, &node, 0);
        }
    });
    out
}

/// Whole lines, each of which says where it belongs.
pub(crate) fn set(tree: &Tree, path: &Path) -> String {
    let mut out = String::new();
    each(tree, &Path { steps: path.steps[..path.steps.len().min(1)].to_vec() }, |node, _| {
        lines(&mut out, &node, "");
    });
    out
}

/// What to do to one tree to make it another: `+` and `-` lines among those that lead to them.
pub(crate) fn diff(old: &Tree, new: &Tree) -> String {
    let mut out = String::new();
    let mut shown: Vec<Step> = Vec::new();
    // What appears or goes as a whole is shown as a whole.
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
            each(tree, path, |node, _| block(&mut text, &node, 0));
            text.lines().for_each(|text| line(&mut out, mark, depth, text));
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

/// A path as one types it.
pub(crate) fn path(path: &Path) -> String {
    path.steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

/// Tells `visit` the instances that `path` leads to; whether they are what was asked for, or the top.
fn each<'a>(tree: &'a Tree, path: &Path, mut visit: impl FnMut(Node<'a>, bool)) {
    if path.steps.is_empty() {
        tree.top().for_each(|node| visit(node, false));
        return;
    }
    for (_, node) in tree.nodes(path) {
        visit(node, true);
    }
}

fn block(out: &mut String, node: &Node<'_>, depth: usize) {
    match node {
        Node::Container(schema, _) => {
            line(out, ' ', depth, &name(schema));
            block_children(out, node, depth + 1);
        }
        Node::ListEntry(schema, keys, _) => {
            let head = entry_line(schema, keys);
            if is_inline(schema) {
                line(out, ' ', depth, &(head + &inline_leaves(node)));
            } else {
                line(out, ' ', depth, &head);
                block_children(out, node, depth + 1);
            }
        }
        Node::Leaf(schema, value) | Node::LeafListEntry(schema, value) => {
            line(out, ' ', depth, &format!("{}{}", schema.name, leaf_word(value)));
        }
    }
}

fn block_children(out: &mut String, node: &Node<'_>, depth: usize) {
    for child in node.children() {
        let is_empty = matches!(child, Node::Container(schema, _)
            if schema.kind == (NodeKind::Container { presence: false })
                && child.children().next().is_none());
        if !child.schema().is_key() && !is_empty {
            block(out, &child, depth);
        }
    }
}

/// A line of the indented form. With no mark the first column is part of the indentation.
fn line(out: &mut String, mark: char, depth: usize, text: &str) {
    if mark != ' ' {
        out.push(mark);
    }
    out.extend(std::iter::repeat_n(' ', depth));
    out.push_str(text);
    out.push('\n');
}

/// A step of a path as one types it.
pub(crate) fn step(step: &Step) -> String {
    match step.keys.is_empty() {
        true => name(step.node).into_owned(),
        false => entry_line(step.node, &step.keys),
    }
}

/// A list entry's name and keys, but for keys that are what they are when they are left out.
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
    let mut text = String::new();
    for child in node.children().filter(|child| !child.schema().is_key()) {
        match &child {
            Node::Container(schema, _) => {
                let leaves = inline_leaves(&child);
                if !leaves.is_empty() {
                    text += &format!(" {}{leaves}", schema.name);
                }
            }
            Node::ListEntry(schema, keys, _) => {
                text += &format!(" {}{}", entry_line(schema, keys), inline_leaves(&child));
            }
            Node::Leaf(schema, value) | Node::LeafListEntry(schema, value) => {
                text += &format!(" {}{}", schema.name, leaf_word(value));
            }
        }
    }
    text
}

fn lines(out: &mut String, node: &Node<'_>, above: &str) {
    let with = |word: &str| match above {
        "" => word.to_owned(),
        above => format!("{above} {word}"),
    };
    let head = match node {
        Node::Container(schema, _) => with(&name(schema)),
        Node::ListEntry(schema, keys, _) => with(&entry_line(schema, keys)),
        Node::Leaf(schema, value) | Node::LeafListEntry(schema, value) => {
            line(out, ' ', 0, &with(&format!("{}{}", schema.name, leaf_word(value))));
            return;
        }
    };
    if let Node::ListEntry(schema, ..) = node
        && is_inline(schema)
    {
        line(out, ' ', 0, &(head + &inline_leaves(node)));
        return;
    }
    let before = out.len();
    for child in node.children().filter(|child| !child.schema().is_key()) {
        lines(out, &child, &head);
    }
    let says_something = match node.schema().kind {
        NodeKind::Container { presence } => presence,
        NodeKind::List | NodeKind::Leaf | NodeKind::LeafList => true,
    };
    if out.len() == before && says_something {
        line(out, ' ', 0, &head);
    }
}

fn leaf_word(value: &yang::Value) -> String {
    if *value == yang::Value::Empty {
        return String::new();
    }
    format!(" {}", quoted(&value.to_string()))
}
