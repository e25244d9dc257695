//! Held objects: as marks in configuration text, and as lines after a commit.
//!
//! A mark is a comment on a line of its own, so that text with marks can be pasted and loaded. State that is shown
//! together with configuration is a comment too: whoever loads the text gets only the configuration back.

use std::collections::BTreeMap;

use netconf::Holds;
use yang::{Node, Path, Schema, Step, Tree};

use crate::grammar::render::{self, Position, Sink};
use crate::prose;
use crate::show::one_line;

/// The path of the list of held objects in operational data (module netloom-state).
pub(crate) fn path(schema: &'static Schema) -> Path {
    let state = schema.top_node(Some("netloom-state"), "configuration-state");
    let held = state.and_then(|state| state.child(None, "held").map(|held| (state, held)));
    held.map(|(state, held)| Path::default().join(state, Vec::new()).join(held, Vec::new()))
        .unwrap_or_default()
}

/// The comments of held objects.
#[derive(Debug, Default)]
pub(crate) struct Marks(BTreeMap<Path, String>);

impl Marks {
    /// Reads the list of held objects.
    pub(crate) fn of(schema: &'static Schema, operational: &Tree) -> Marks {
        let held = operational.nodes(&path(schema));
        let mark = |(_, node): (Path, Node<'_>)| {
            let leaf = |name: &str| node.leaf(name).map(ToString::to_string).unwrap_or_default();
            let part = if leaf("in-part") == "true" { " in part" } else { "" };
            let text = format!("! held{part}: {}", one_line(&leaf("reason")));
            Path::parse(schema, &leaf("path")).ok().map(|path| (path, text))
        };
        Marks(held.into_iter().filter_map(mark).collect())
    }

    /// No objects are held.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Configuration text with a mark above each object that is held.
#[derive(Debug)]
pub(crate) struct Marked<'m> {
    marks: &'m Marks,
    /// The columns of the terminal for which marks are broken at words, if there is one.
    columns: Option<usize>,
    position: Position,
    /// The marks of the instances whose first line has not been written yet.
    due: Vec<&'m str>,
    /// The configuration, if the text also shows state.
    configured: Option<&'m Tree>,
    /// The level below which lists show state, and the level below which everything is state.
    lists: Option<usize>,
    state: Option<usize>,
    text: String,
}

/// The extension of a list whose state is shown together with configuration.
pub(crate) const WITH_CONFIGURATION: &str = "state-with-config";

impl<'m> Marked<'m> {
    pub(crate) fn new(marks: &'m Marks, columns: Option<usize>) -> Self {
        Self {
            marks,
            columns,
            position: Position::default(),
            due: Vec::new(),
            configured: None,
            lists: None,
            state: None,
            text: String::new(),
        }
    }

    /// The same for a tree that contains state beside this configuration.
    pub(crate) fn beside(mut self, configured: &'m Tree) -> Self {
        self.configured = Some(configured);
        self
    }

    fn find_state(&mut self, node: &Node<'_>) {
        let level = self.position.path().steps.len();
        if self.lists.is_none() && node.schema().extension(WITH_CONFIGURATION).is_some() {
            self.lists = Some(level);
        }
        if let (Some(_), None, Some(configured)) = (self.lists, self.state, self.configured)
            && configured.node(self.position.path()).is_none()
        {
            self.state = Some(level);
        }
    }

    pub(crate) fn text(self) -> String {
        self.text
    }
}

impl Sink for Marked<'_> {
    fn at(&mut self, above: &[Step]) {
        self.position.at(above);
    }

    fn enter(&mut self, node: &Node<'_>) {
        self.position.enter(node);
        self.due.extend(self.marks.0.get(self.position.path()).map(String::as_str));
        if self.configured.is_some() {
            self.find_state(node);
        }
    }

    fn leave(&mut self) {
        let level = self.position.path().steps.len();
        self.state = self.state.filter(|state| *state != level);
        self.lists = self.lists.filter(|lists| *lists != level);
        self.position.leave();
    }

    fn line(&mut self, depth: usize, text: &str) {
        // An entry and the entries that start on the same line are often held for the same reason.
        self.due.dedup();
        for mark in self.due.drain(..) {
            let mut line = String::new();
            line.line(depth, mark);
            self.text += &prose::wrapped(&line, self.columns);
        }
        match self.state {
            Some(_) => self.text.line(depth, &format!("! {text}")),
            None => self.text.line(depth, text),
        }
    }
}

/// A line for each object that a commit leaves, or would leave, held. Each line begins with `word`.
pub(crate) fn lines(schema: &'static Schema, holds: &Holds, word: &str) -> String {
    let line = |hold: &netconf::Hold| {
        let path = prose::unbroken(&render::typed(schema, &hold.path));
        format!("{word} {path}: {}\n", one_line(&hold.reason))
    };
    let lines: String = holds.listed.iter().map(line).collect();
    match holds.more {
        0 => lines,
        more => lines + &format!("{word} {more} more: `show drift`\n"),
    }
}
