//! A line of configuration: a walk down the schema from the mode in which it is typed.
//!
//! A container's name descends. After a list's name follows the value of the first key. Further keys are `NAME
//! VALUE`, in any order, and optional if they have a default. After a leaf's name follows its value. Then the line
//! may continue with other nodes at that level, or at a level above to which the line itself descended. A line may also
//! begin with a node of a mode above its own, as on IOS: the nearest such mode counts.

mod deletion;
mod place;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use yang::{Edit, NodeKind, Operation, Path, Schema, SchemaNode, Step, Type, Value};

use crate::grammar::cursor::{Candidate, Cursor, Help, Stop};
use crate::grammar::resolution::{self, Resolution};
use crate::grammar::schema::{children, is_inline, key_default, placeholder};
use crate::grammar::words::{Fault, Word, quoted};

/// The existing data, for completion.
pub(crate) trait Live {
    /// The values of the leaf at this path (list steps without keys mean all entries) in the candidate and in
    /// operational state, each only once.
    fn values(&self, path: &Path) -> Vec<String>;

    /// The paths of the candidate's conflicts with the commits of others, as last shown.
    fn conflicts(&self) -> Vec<Path>;
}

pub(crate) use place::{NotFound, Place};

/// The meaning of a line of configuration: a walk that starts in the line's mode, or in a mode above it.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    /// How many levels above the line's mode the walk starts.
    above: usize,
    walk: Vec<Move>,
    /// Whether the line enters a mode at the end of the walk: the keys of that mode as typed.
    pub(crate) enters: Option<Vec<TypedKey>>,
}

/// A step of a walk.
#[derive(Debug)]
pub(crate) enum Move {
    /// Descends into a container or list entry. The line creates it if it does not exist.
    Into(Step),
    Up,
    /// Sets a leaf, or adds the value to a leaf-list.
    Set(&'static SchemaNode, Value),
}

/// Reads a key of a list entry, and returns it also as typed.
type KeyReader<'r> =
    dyn FnMut(&mut Cursor<'_>, &'static SchemaNode) -> Result<(Value, TypedKey), Stop> + 'r;

/// A key as it was typed.
pub(crate) type TypedKey = (&'static SchemaNode, String);

/// The grammar of statements: the available nodes, and the source of existing data.
pub(crate) struct Grammar<'a> {
    schema: &'static Schema,
    live: &'a dyn Live,
    /// The possible next nodes of each node, cached because the lines of a file ask for them repeatedly.
    choices: RefCell<HashMap<Level, Rc<Choices>>>,
    further_keys: RefCell<HashMap<*const SchemaNode, Rc<FurtherKeys>>>,
}

/// A node by its address (none for the top), and whether a line begins there.
type Level = (Option<*const SchemaNode>, bool);

/// The possible next nodes.
struct Choices {
    nodes: Vec<&'static SchemaNode>,
    words: Vec<Candidate>,
}

/// The keys of a list except the first, which is written without its name.
struct FurtherKeys {
    words: Vec<Candidate>,
    defaults: Vec<Option<Value>>,
}

impl Statement {
    /// The start of the walk, if the line is typed in `mode`.
    pub(crate) fn start<'m>(&self, mode: &'m [Step]) -> &'m [Step] {
        &mode[..mode.len().saturating_sub(self.above)]
    }

    pub(crate) fn walk(&self) -> &[Move] {
        &self.walk
    }

    /// The end of the walk, if the line is typed in `mode`.
    pub(crate) fn end(&self, mode: &[Step]) -> Path {
        let mut steps = self.start(mode).to_vec();
        for step in &self.walk {
            match step {
                Move::Into(step) => steps.push(step.clone()),
                Move::Up => _ = steps.pop(),
                Move::Set(..) => {}
            }
        }
        Path { steps }
    }

    /// The instances and the leafs with values that the line creates, if it is typed in `mode`. A container without
    /// presence exists through its content.
    pub(crate) fn sets(&self, mode: &[Step]) -> Vec<(Path, Option<Value>)> {
        let mut sets = Vec::new();
        let mut path = Path { steps: self.start(mode).to_vec() };
        for step in &self.walk {
            match step {
                Move::Into(step) => {
                    path.steps.push(step.clone());
                    if step.node.kind != (NodeKind::Container { presence: false }) {
                        sets.push((path.clone(), None));
                    }
                }
                Move::Up => _ = path.steps.pop(),
                Move::Set(leaf, value) => sets.push(instance(&path, leaf, value.clone())),
            }
        }
        sets
    }

    /// The edit that merges the line.
    pub(crate) fn edit(&self, mode: &[Step]) -> Option<Edit> {
        self.sets(mode)
            .into_iter()
            .map(|(path, value)| Edit::one(&path, Operation::Merge, value))
            .reduce(Edit::and)
    }
}

impl<'a> Grammar<'a> {
    pub(crate) fn new(schema: &'static Schema, live: &'a dyn Live) -> Self {
        let (choices, further_keys) = (RefCell::default(), RefCell::default());
        Self { schema, live, choices, further_keys }
    }

    /// The words that may begin a line of configuration in a mode, also if they are abbreviated: the nodes in the
    /// mode, and the top containers.
    pub(crate) fn beginnings(&self, mode: &[Step]) -> Vec<Candidate> {
        self.beginning(mode.last().map(|step| step.node)).words.clone()
    }

    /// The words that may begin a line in a mode if they are written out: the nodes of the modes above.
    pub(crate) fn beginnings_above(&self, mode: &[Step]) -> Vec<Candidate> {
        let above = (1..mode.len()).rev().map(|length| Some(mode[length - 1].node));
        above.flat_map(|node| self.below(node).words.clone()).collect()
    }

    /// Reads the conflicts to resolve, and the side to keep.
    pub(crate) fn resolution(&self, cursor: &mut Cursor<'_>) -> Result<Resolution, Stop> {
        resolution::read(cursor, &self.live.conflicts())
    }

    /// Reads a line of configuration. The caller has checked its first word.
    pub(crate) fn statement(
        &self,
        cursor: &mut Cursor<'_>,
        mode: &[Step],
    ) -> Result<Statement, Stop> {
        let mut statement = Statement::default();
        let (above, first) = self.first(cursor, mode, false)?;
        statement.above = above;
        let mut next = first;
        // The mode, and the nodes that the line has descended to.
        let mut levels = vec![statement.start(mode).last().map(|step| step.node)];
        while let Some(node) = next {
            match node.kind {
                NodeKind::Container { .. } | NodeKind::List => {
                    let above = || statement.end(mode);
                    let (keys, typed) = self.keys(cursor, node, above)?;
                    statement.walk.push(Move::Into(Step { node, keys: keys.into() }));
                    statement.enters = (!is_inline(node)).then_some(typed);
                    levels.push(Some(node));
                }
                NodeKind::Leaf | NodeKind::LeafList => {
                    let value = self.leaf_value(cursor, node)?;
                    statement.walk.push(Move::Set(node, value));
                    // A line that also sets something does not enter a mode.
                    statement.enters = None;
                }
            }
            next = self.next_node(cursor, &mut levels, &mut statement.walk)?;
        }
        Ok(statement)
    }

    /// Takes the first word of a line in a mode. Returns how many levels above the mode the node is, and the node.
    /// The line may continue in a mode above only with a word that is written out.
    fn first(
        &self,
        cursor: &mut Cursor<'_>,
        mode: &[Step],
        may_end: bool,
    ) -> Result<(usize, Option<&'static SchemaNode>), Stop> {
        for length in (0..=mode.len()).rev() {
            let level = self.below(mode[..length].last().map(|step| step.node));
            if cursor.is_whole(&level.words) {
                let chosen = cursor.choose(&level.words, may_end)?;
                return Ok((mode.len() - length, chosen.map(|chosen| level.nodes[chosen])));
            }
        }
        if cursor.is_at_completion() {
            let all = self.beginnings(mode).into_iter().chain(self.beginnings_above(mode));
            return Err(cursor.candidates(all, may_end));
        }
        let beginning = self.beginning(mode.last().map(|step| step.node));
        let chosen = cursor.choose(&beginning.words, may_end)?;
        let node = chosen.map(|chosen| beginning.nodes[chosen]);
        let is_top = node.is_some_and(|node| node.parent().is_none());
        Ok((if is_top { mode.len() } else { 0 }, node))
    }

    /// The words that can begin a line in the mode of `node`: the nodes below it, and the top containers.
    fn beginning(&self, node: Option<&'static SchemaNode>) -> Rc<Choices> {
        self.choices(node, true)
    }

    /// The words that can follow on a line that has descended to `node`.
    fn below(&self, node: Option<&'static SchemaNode>) -> Rc<Choices> {
        self.choices(node, false)
    }

    fn choices(&self, node: Option<&'static SchemaNode>, begins: bool) -> Rc<Choices> {
        let place = (node.map(std::ptr::from_ref), begins);
        let mut known = self.choices.borrow_mut();
        let choices = known.entry(place).or_insert_with(|| {
            let mut nodes = children(self.schema, node, false);
            if begins && node.is_some() {
                nodes.extend(children(self.schema, None, false));
            }
            let words = nodes.iter().map(|node| Candidate::node(node)).collect();
            Rc::new(Choices { nodes, words })
        });
        Rc::clone(choices)
    }

    /// The next node on the line, at its lowest level or, after a leaf, at a level above.
    fn next_node(
        &self,
        cursor: &mut Cursor<'_>,
        levels: &mut Vec<Option<&'static SchemaNode>>,
        walk: &mut Vec<Move>,
    ) -> Result<Option<&'static SchemaNode>, Stop> {
        // A line cannot leave its own mode, and the top can have only one container on a line.
        let lowest = usize::from(levels[0].is_none());
        let fits = |level: &Option<_>| cursor.matches(&self.below(*level).words);
        while levels.len() > lowest + 1 {
            if cursor.peek().is_none() || levels.last().is_some_and(fits) {
                break;
            }
            if !levels[lowest..levels.len() - 1].iter().rev().any(fits) {
                break;
            }
            levels.pop();
            walk.push(Move::Up);
        }
        let Some(level) = levels.last() else { return Ok(None) };
        let below = self.below(*level);
        Ok(cursor.choose(&below.words, true)?.map(|chosen| below.nodes[chosen]))
    }

    /// Reads the keys of an entry of `list` (none for a container), and returns them also as typed. `above` is the
    /// parent instance.
    fn keys(
        &self,
        cursor: &mut Cursor<'_>,
        list: &'static SchemaNode,
        above: impl Fn() -> Path,
    ) -> Result<(Vec<Value>, Vec<TypedKey>), Stop> {
        self.keys_by(cursor, list, &mut |cursor, key| self.key_value(cursor, key, &above))
    }

    /// Reads the keys of an entry, each with `read`.
    fn keys_by(
        &self,
        cursor: &mut Cursor<'_>,
        list: &'static SchemaNode,
        read: &mut KeyReader<'_>,
    ) -> Result<(Vec<Value>, Vec<TypedKey>), Stop> {
        let Some((first, further)) = list.keys.split_first() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let (value, as_typed) = read(cursor, first)?;
        let mut keys = vec![value];
        let mut typed = vec![as_typed];
        if further.is_empty() {
            return Ok((keys, typed));
        }
        let known = self.further_keys(list);
        let mut given: Vec<Option<Value>> = vec![None; further.len()];
        let mut missing: Vec<usize> = (0..further.len()).collect();
        while !missing.is_empty() {
            let words: Cow<'_, [Candidate]> = match missing.len() == further.len() {
                true => Cow::Borrowed(&known.words),
                false => missing.iter().map(|at| known.words[*at].clone()).collect(),
            };
            let required = missing.iter().any(|at| known.defaults[*at].is_none());
            if cursor.is_at_completion() {
                let more = self.below(Some(list));
                let more = if required { &[][..] } else { &more.words };
                let options = words.iter().chain(more).cloned();
                return Err(cursor.candidates(options, !required));
            }
            // If a word is a prefix of both a key and a leaf, the caller reports it as ambiguous.
            if !required && !cursor.matches(&words) {
                break;
            }
            let Some(chosen) = cursor.choose(&words, !required)? else { break };
            let at = missing.remove(chosen);
            let (value, as_typed) = read(cursor, further[at])?;
            given[at] = Some(value);
            typed.push(as_typed);
        }
        let further = given.into_iter().zip(&known.defaults);
        keys.extend(further.filter_map(|(given, default)| given.or_else(|| default.clone())));
        Ok((keys, typed))
    }

    fn further_keys(&self, list: &'static SchemaNode) -> Rc<FurtherKeys> {
        let mut known = self.further_keys.borrow_mut();
        let keys = known.entry(std::ptr::from_ref(list)).or_insert_with(|| {
            let further = &list.keys[1..];
            let word = |key: &&'static SchemaNode| Candidate::word(key.name, Help::Value(key));
            let words = further.iter().map(word).collect();
            let defaults = further.iter().map(|key| key_default(key)).collect();
            Rc::new(FurtherKeys { words, defaults })
        });
        Rc::clone(keys)
    }

    /// Reads a key of a list entry in the instance `above`, and returns it also as typed.
    fn key_value(
        &self,
        cursor: &mut Cursor<'_>,
        key: &'static SchemaNode,
        above: impl Fn() -> Path,
    ) -> Result<(Value, TypedKey), Stop> {
        let of = key.parent().map_or("", |list| list.name);
        let word = cursor.value(format_args!("{} of {of}", key.name), || {
            let list = key.parent().map(|list| above().join(list, Vec::new()));
            let list = list.unwrap_or_default();
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
        // The prompt shows keys in brackets, but they are not typed so. A path may contain brackets.
        if !word.literal && word.text.contains(['[', ']']) && !word.text.starts_with('/') {
            let message = format!(
                "{:?} has brackets: write the {} without them, or in quotes if it contains them",
                word.text, key.name
            );
            return Err(Stop::Fault(Fault::new(word.span.clone(), message)));
        }
        Ok((value(key, word)?, (key, word.text.to_string())))
    }

    fn leaf_value(
        &self,
        cursor: &mut Cursor<'_>,
        leaf: &'static SchemaNode,
    ) -> Result<Value, Stop> {
        if matches!(leaf.leaf_type, Some(Type::Empty)) {
            return Ok(Value::Empty);
        }
        let word = cursor
            .value(format_args!("the value of {}", leaf.name), || self.value_candidates(leaf))?;
        value(leaf, word)
    }

    /// The possible values of a leaf, as far as they can be listed, and a placeholder for the others.
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

/// The path to a schema node, through all entries of the lists above it.
fn path_of(node: &'static SchemaNode) -> Path {
    let mut nodes = vec![node];
    let mut above = node.parent();
    while let Some(node) = above {
        nodes.push(node);
        above = node.parent();
    }
    let steps =
        nodes.into_iter().rev().map(|node| Step { node, keys: yang::Keys::default() }).collect();
    Path { steps }
}
