//! A line of configuration: a walk down the schema from the mode that it is typed in.
//!
//! A container's name descends. A list's name takes the first key as the next word, further keys as `NAME VALUE`
//! in any order, optional where they have a default. A leaf's name takes a value, after which the line may go on
//! with what else there is at that level, or above it as far as the line itself descended.

use yang::{Edit, NodeKind, Operation, Path, Schema, SchemaNode, Step, Type, Value};

use crate::cursor::{Candidate, Cursor, Help, Stop};
use crate::schema::{children, is_inline, key_default, placeholder};
use crate::words::{Fault, Word, quoted};

/// What is there now, for completion.
pub(crate) trait Live {
    /// The values that the leaf at this path (list steps without keys mean all entries) has in the candidate and
    /// in operational state, each once.
    fn values(&self, path: &Path) -> Vec<String>;
}

/// What a line of configuration says.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    /// The instances that it makes, and leaves with their values.
    pub(crate) sets: Vec<(Path, Option<Value>)>,
    /// The mode that it enters, with the keys as typed.
    pub(crate) enters: Option<(Path, Vec<TypedKey>)>,
}

/// A key as it was typed.
pub(crate) type TypedKey = (&'static SchemaNode, String);

/// Who walks: which nodes there are, and where to look for what exists.
pub(crate) struct Grammar<'a> {
    pub(crate) schema: &'static Schema,
    pub(crate) live: &'a dyn Live,
}

/// A level that the line has reached.
struct Level {
    path: Path,
    typed: Vec<TypedKey>,
}

impl Level {
    fn node(&self) -> Option<&'static SchemaNode> {
        self.path.steps.last().map(|step| step.node)
    }
}

impl Statement {
    /// The edit that merges what the line says.
    pub(crate) fn edit(self) -> Option<Edit> {
        self.sets
            .into_iter()
            .map(|(path, value)| Edit::one(&path, Operation::Merge, value))
            .reduce(Edit::and)
    }
}

impl Grammar<'_> {
    /// What may begin a line of configuration in a mode: what is there, and the top containers.
    pub(crate) fn beginnings(&self, mode: &Path) -> Vec<Candidate> {
        self.nodes(mode.steps.last().map(|step| step.node)).1
    }

    /// Reads a line of configuration, whose first word is known to begin one.
    pub(crate) fn statement(
        &self,
        cursor: &mut Cursor<'_>,
        mode: &Path,
    ) -> Result<Statement, Stop> {
        let mut statement = Statement::default();
        let mut levels = vec![Level { path: mode.clone(), typed: Vec::new() }];
        let mut complete = false;
        while let Some(node) = self.next_node(cursor, &mut levels, complete)? {
            let Some(level) = levels.last() else { break };
            match node.kind {
                NodeKind::Container { .. } | NodeKind::List => {
                    let level = self.descend(cursor, &level.path, node)?;
                    if node.kind != (NodeKind::Container { presence: false }) {
                        statement.sets.push((level.path.clone(), None));
                    }
                    statement.enters =
                        (!is_inline(node)).then(|| (level.path.clone(), level.typed.clone()));
                    levels.push(level);
                }
                NodeKind::Leaf | NodeKind::LeafList => {
                    let value = self.leaf_value(cursor, node)?;
                    statement.sets.push(instance(&level.path, node, value));
                    // A line that says more than where it goes, goes nowhere.
                    statement.enters = None;
                }
            }
            complete = true;
        }
        Ok(statement)
    }

    /// Reads the rest of a line after `no`: the one instance to delete, with its value where one is given.
    pub(crate) fn deletion(
        &self,
        cursor: &mut Cursor<'_>,
        mode: &Path,
    ) -> Result<(Path, Option<Value>), Stop> {
        let mut path = mode.clone();
        let mut any = false;
        loop {
            let node = path.steps.last().map(|step| step.node);
            let (nodes, options) = self.nodes(node);
            let Some(chosen) = cursor.choose(&options, any)? else { return Ok((path, None)) };
            let node = nodes[chosen];
            if node.parent().is_none() {
                path = Path::default();
            }
            any = true;
            match node.kind {
                NodeKind::Container { .. } | NodeKind::List => {
                    path = self.descend(cursor, &path, node)?.path;
                }
                NodeKind::Leaf | NodeKind::LeafList => {
                    let given = cursor.peek().is_some() || cursor.is_at_completion();
                    let value = match given && !matches!(node.leaf_type, Some(Type::Empty)) {
                        true if cursor.is_at_completion() => {
                            let options = self.value_candidates(node);
                            return Err(cursor.candidates(options.into_iter(), true));
                        }
                        true => Some(self.leaf_value(cursor, node)?),
                        false => None,
                    };
                    cursor.finish()?;
                    let keys = match (node.kind, &value) {
                        (NodeKind::LeafList, Some(value)) => vec![value.clone()],
                        _ => Vec::new(),
                    };
                    return Ok((path.join(node, keys), value));
                }
            }
        }
    }

    /// Reads a path from the top: list entries with their keys, or none for all of them.
    pub(crate) fn place(&self, cursor: &mut Cursor<'_>, with_diff: bool) -> Result<Path, Stop> {
        let mut path = Path::default();
        loop {
            let node = path.steps.last().map(|step| step.node);
            let nodes = match node {
                Some(node) if node.leaf_type.is_some() => Vec::new(),
                node => children(self.schema, node, true),
            };
            let mut options: Vec<_> = nodes.iter().map(|node| Candidate::node(node)).collect();
            if with_diff && node.is_none() && cursor.is_at_completion() {
                options
                    .push(Candidate::word("diff", "What differs from the running configuration"));
            }
            let Some(chosen) = cursor.choose(&options, true)? else { return Ok(path) };
            let node = nodes[chosen];
            path = match node.kind {
                NodeKind::List if !self.has_key_word(cursor, node) => path.join(node, Vec::new()),
                NodeKind::Container { .. } | NodeKind::List => {
                    self.descend(cursor, &path, node)?.path
                }
                NodeKind::Leaf | NodeKind::LeafList => path.join(node, Vec::new()),
            };
        }
    }

    fn has_key_word(&self, cursor: &Cursor<'_>, list: &'static SchemaNode) -> bool {
        !list.keys.is_empty() && (cursor.peek().is_some() || cursor.is_at_completion())
    }

    /// The nodes that can follow, with their words: what is below `node`, and the top containers.
    fn nodes(
        &self,
        node: Option<&'static SchemaNode>,
    ) -> (Vec<&'static SchemaNode>, Vec<Candidate>) {
        let mut nodes = children(self.schema, node, false);
        if node.is_some() {
            nodes.extend(children(self.schema, None, false));
        }
        let words = nodes.iter().map(|node| Candidate::node(node)).collect();
        (nodes, words)
    }

    /// The next node that the line names, at its lowest level or, after a leaf, at one above.
    fn next_node(
        &self,
        cursor: &mut Cursor<'_>,
        levels: &mut Vec<Level>,
        complete: bool,
    ) -> Result<Option<&'static SchemaNode>, Stop> {
        let is_first = levels.len() == 1 && !complete;
        if is_first {
            let node = levels.last().and_then(Level::node);
            let (nodes, options) = self.nodes(node);
            let chosen = cursor.choose(&options, false)?;
            let chosen = chosen.map(|chosen| nodes[chosen]);
            if chosen.is_some_and(|node| node.parent().is_none()) {
                *levels = vec![Level { path: Path::default(), typed: Vec::new() }];
            }
            return Ok(chosen);
        }
        let below = |level: &Level| {
            let nodes = children(self.schema, level.node(), false);
            let words: Vec<_> = nodes.iter().map(|node| Candidate::node(node)).collect();
            (nodes, words)
        };
        // The mode itself is not left by a line, and the top has no room beside one container.
        let lowest = usize::from(levels[0].path.steps.is_empty());
        while levels.len() > lowest + 1 {
            let fits = levels.last().is_some_and(|level| cursor.matches(&below(level).1));
            if fits || cursor.peek().is_none() {
                break;
            }
            let above = levels[lowest..levels.len() - 1].iter();
            if !above.rev().any(|level| cursor.matches(&below(level).1)) {
                break;
            }
            levels.pop();
        }
        let Some(level) = levels.last() else { return Ok(None) };
        let (nodes, options) = below(level);
        Ok(cursor.choose(&options, true)?.map(|chosen| nodes[chosen]))
    }

    fn descend(
        &self,
        cursor: &mut Cursor<'_>,
        parent: &Path,
        node: &'static SchemaNode,
    ) -> Result<Level, Stop> {
        let mut given: Vec<Option<Value>> = vec![None; node.keys.len()];
        let mut typed = Vec::new();
        if let Some(first) = node.keys.first() {
            let list = parent.join(node, Vec::new());
            let (value, as_typed) = self.key_value(cursor, &list, first)?;
            given[0] = Some(value);
            typed.push(as_typed);
        }
        loop {
            let missing: Vec<usize> = (0..given.len()).filter(|at| given[*at].is_none()).collect();
            let words: Vec<Candidate> = missing
                .iter()
                .map(|at| Candidate::word(node.keys[*at].name, Help::Value(node.keys[*at])))
                .collect();
            let required = missing.iter().any(|at| key_default(node.keys[*at]).is_none());
            if missing.is_empty() {
                break;
            }
            if cursor.is_at_completion() {
                let more = children(self.schema, Some(node), false);
                let more = more.iter().map(|node| Candidate::node(node));
                let options: Vec<Candidate> = match required {
                    true => words,
                    false => words.into_iter().chain(more).collect(),
                };
                return Err(cursor.candidates(options.into_iter(), !required));
            }
            // A word that begins both a key and a leaf is the caller's to refuse as ambiguous.
            if !required && !cursor.matches(&words) {
                break;
            }
            let Some(chosen) = cursor.choose(&words, !required)? else { break };
            let at = missing[chosen];
            let key = node.keys[at];
            let list = parent.join(node, Vec::new());
            let (value, as_typed) = self.key_value(cursor, &list, key)?;
            given[at] = Some(value);
            typed.push(as_typed);
        }
        let keys = given.into_iter().zip(&node.keys);
        let keys = keys.filter_map(|(given, key)| given.or_else(|| key_default(key))).collect();
        Ok(Level { path: parent.join(node, keys), typed })
    }

    /// Reads a key of an entry of the list at `list`; also as it was typed.
    fn key_value(
        &self,
        cursor: &mut Cursor<'_>,
        list: &Path,
        key: &'static SchemaNode,
    ) -> Result<(Value, TypedKey), Stop> {
        let of = list.steps.last().map_or("", |step| step.node.name);
        let word = cursor.value(&format!("{} of {of}", key.name), || {
            let existing = self.live.values(&list.join(key, Vec::new()));
            let mut options: Vec<Candidate> =
                existing.iter().map(|value| Candidate::word(quoted(value), "")).collect();
            for option in self.value_candidates(key) {
                if !options.iter().any(|known| known.text == option.text) {
                    options.push(option);
                }
            }
            options
        })?;
        Ok((value(key, word)?, (key, word.text.clone())))
    }

    fn leaf_value(
        &self,
        cursor: &mut Cursor<'_>,
        leaf: &'static SchemaNode,
    ) -> Result<Value, Stop> {
        if matches!(leaf.leaf_type, Some(Type::Empty)) {
            return Ok(Value::Empty);
        }
        let word =
            cursor.value(&format!("the value of {}", leaf.name), || self.value_candidates(leaf))?;
        value(leaf, word)
    }

    /// What a leaf can be set to, as far as that can be listed, and what stands for the rest.
    fn value_candidates(&self, leaf: &'static SchemaNode) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if let Some(leaf_type) = &leaf.leaf_type {
            self.type_candidates(leaf_type, &mut candidates);
            if let Some(text) = placeholder(leaf_type, leaf.name) {
                candidates.push(Candidate::placeholder(text, Help::Value(leaf)));
            }
        }
        for (keyword, argument) in &leaf.extensions {
            if let ("reference", Some(argument)) = (*keyword, argument)
                && let Ok(path) = Path::parse(self.schema, argument)
            {
                self.references(&path, &mut candidates);
            }
        }
        candidates
    }

    fn type_candidates(&self, leaf_type: &Type, candidates: &mut Vec<Candidate>) {
        let mut add = |text: &str, help: &str| {
            if !candidates.iter().any(|known| known.text == text) {
                candidates.push(Candidate::word(text.to_owned(), help.to_owned()));
            }
        };
        match leaf_type {
            Type::Enumeration(names) => {
                for (name, _, description) in names {
                    let text = description.as_deref().unwrap_or_default();
                    add(name, &text.split_whitespace().collect::<Vec<_>>().join(" "));
                }
            }
            Type::Identityref(names) => names.iter().for_each(|name| add(name, "")),
            Type::Boolean => {
                add("true", "");
                add("false", "");
            }
            Type::Leafref { target, .. } => self.references(&path_of(target), candidates),
            Type::Union(members) => {
                members.iter().for_each(|member| self.type_candidates(member, candidates));
            }
            Type::Binary
            | Type::Bits(_)
            | Type::Decimal64 { .. }
            | Type::Empty
            | Type::InstanceIdentifier
            | Type::Integer { .. }
            | Type::String { .. } => {}
        }
    }

    fn references(&self, path: &Path, candidates: &mut Vec<Candidate>) {
        for value in self.live.values(path) {
            let text = quoted(&value);
            if !candidates.iter().any(|known| known.text == text) {
                candidates.push(Candidate::word(text, ""));
            }
        }
    }
}

/// The instance of a leaf, or of one value of a leaf-list.
fn instance(parent: &Path, leaf: &'static SchemaNode, value: Value) -> (Path, Option<Value>) {
    let keys = match leaf.kind {
        NodeKind::LeafList => vec![value.clone()],
        NodeKind::Container { .. } | NodeKind::List | NodeKind::Leaf => Vec::new(),
    };
    (parent.join(leaf, keys), Some(value))
}

fn value(leaf: &'static SchemaNode, word: &Word) -> Result<Value, Stop> {
    leaf.value(&word.text)
        .map_err(|error| Stop::Fault(Fault::new(word.span.clone(), error.message)))
}

/// The path to a schema node, through all entries of the lists on the way.
fn path_of(node: &'static SchemaNode) -> Path {
    let mut nodes = vec![node];
    let mut above = node.parent();
    while let Some(node) = above {
        nodes.push(node);
        above = node.parent();
    }
    let steps = nodes.into_iter().rev().map(|node| Step { node, keys: Vec::new() }).collect();
    Path { steps }
}
