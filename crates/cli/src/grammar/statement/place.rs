//! The part of a tree that `show` is asked for: a path from the top, with patterns in the place of keys.
//!
//! A `*` stands for any characters of a key and a `?` for one. A key in quotes is no pattern.

use regex::Regex;
use yang::{NodeKind, Path, SchemaNode, Tree, Value};

use super::Grammar;
use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::schema::children;

/// A part of a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The path. A list whose keys have a pattern is without keys.
    pub(crate) path: Path,
    patterns: Vec<Pattern>,
    /// The words as typed.
    typed: String,
}

/// The wanted entries of a list.
#[derive(Clone, Debug)]
struct Pattern {
    /// The list's step in the path.
    step: usize,
    keys: Vec<Wanted>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Value(Value),
    Like(Regex),
}

/// There is nothing at this place.
#[derive(Debug, thiserror::Error)]
#[error("not found: {0}")]
pub(crate) struct NotFound(String);

impl From<Path> for Place {
    fn from(path: Path) -> Self {
        Self { path, ..Self::default() }
    }
}

impl Place {
    /// The tree without the entries that are not wanted. An error if the place names an instance, and none is there.
    /// A container without content is no error.
    pub(crate) fn of(&self, tree: Tree) -> Result<Tree, NotFound> {
        let steps = &self.path.steps;
        let names = |at: &usize| {
            let step = &steps[*at];
            step.node.leaf_type.is_some()
                || !step.keys.is_empty()
                || self.patterns.iter().any(|pattern| pattern.step == *at)
        };
        let Some(last) = (0..steps.len()).rev().find(names) else { return Ok(tree) };
        let named = Path { steps: steps[..=last].to_vec() };
        let mut found: Vec<Path> = tree.nodes(&named).into_iter().map(|(path, _)| path).collect();
        found.retain(|path| self.patterns.iter().all(|pattern| pattern.wants(path)));
        if found.is_empty() {
            return Err(NotFound(self.typed.clone()));
        }
        if self.patterns.is_empty() {
            return Ok(tree);
        }
        let mut wanted = Tree::empty(tree.schema());
        for mut path in found {
            path.steps.extend_from_slice(&steps[last + 1..]);
            wanted.merge(&tree.subtree(&path));
        }
        Ok(wanted)
    }
}

impl Pattern {
    fn wants(&self, path: &Path) -> bool {
        let Some(step) = path.steps.get(self.step) else { return false };
        step.keys.iter().zip(&self.keys).all(|(key, wanted)| match wanted {
            Wanted::Value(value) => value == key,
            Wanted::Like(regex) => regex.is_match(&key.to_string()),
        })
    }
}

impl Grammar<'_> {
    /// Reads a place. List entries have their keys, or no keys for all entries.
    pub(crate) fn place(&self, cursor: &mut Cursor<'_>, with_diff: bool) -> Result<Place, Stop> {
        let mut place = Place::default();
        loop {
            let node = place.path.steps.last().map(|step| step.node);
            let nodes = match node {
                Some(node) if node.leaf_type.is_some() => Vec::new(),
                node => children(self.schema, node, true),
            };
            let mut options: Vec<_> = nodes.iter().map(|node| Candidate::node(node)).collect();
            if with_diff && node.is_none() && cursor.is_at_completion() {
                options.push(Candidate::word(
                    "diff",
                    "The differences from the running configuration",
                ));
            }
            let Some(chosen) = cursor.choose(&options, true)? else { return Ok(place) };
            let node = nodes[chosen];
            place.say(&options[chosen].text);
            match node.kind {
                NodeKind::List if has_key_word(cursor, node) => {
                    self.entries(cursor, node, &mut place)?;
                }
                NodeKind::Container { .. }
                | NodeKind::List
                | NodeKind::Leaf
                | NodeKind::LeafList => place.path = place.path.join(node, Vec::new()),
            }
        }
    }

    /// Reads the keys of the wanted entries of a list.
    fn entries(
        &self,
        cursor: &mut Cursor<'_>,
        list: &'static SchemaNode,
        place: &mut Place,
    ) -> Result<(), Stop> {
        let mut like: Vec<(&'static SchemaNode, Regex)> = Vec::new();
        let above = place.path.clone();
        let (keys, typed) = self.keys_by(cursor, list, &mut |cursor, key| {
            let Some(regex) =
                cursor.peek().filter(|word| !word.quoted).and_then(|word| like_of(&word.text))
            else {
                return self.key_value(cursor, key, || above.clone());
            };
            like.push((key, regex));
            let word = cursor.value(key.name, Vec::new)?;
            // The pattern takes the place of the value.
            Ok((Value::Empty, (key, word.text.to_string())))
        })?;
        for (at, (key, text)) in typed.iter().enumerate() {
            if at > 0 {
                place.say(key.name);
            }
            place.say(text);
        }
        if like.is_empty() {
            place.path = place.path.join(list, keys);
            return Ok(());
        }
        let wanted = list.keys.iter().zip(keys).map(|(key, value)| {
            match like.iter().find(|(of, _)| std::ptr::eq(*of, *key)) {
                Some((_, regex)) => Wanted::Like(regex.clone()),
                None => Wanted::Value(value),
            }
        });
        let step = place.path.steps.len();
        place.patterns.push(Pattern { step, keys: wanted.collect() });
        place.path = place.path.join(list, Vec::new());
        Ok(())
    }
}

impl Place {
    fn say(&mut self, word: &str) {
        if !self.typed.is_empty() {
            self.typed.push(' ');
        }
        self.typed += word;
    }
}

fn has_key_word(cursor: &Cursor<'_>, list: &'static SchemaNode) -> bool {
    !list.keys.is_empty() && (cursor.peek().is_some() || cursor.is_at_completion())
}

/// The expression for a word with wildcards.
fn like_of(word: &str) -> Option<Regex> {
    if !word.contains(['*', '?']) {
        return None;
    }
    let escaped = regex::escape(word).replace("\\*", ".*").replace("\\?", ".");
    Regex::new(&format!("^(?s:{escaped})$")).ok()
}
