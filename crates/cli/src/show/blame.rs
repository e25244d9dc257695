//! `blame`: each line of a configuration with the commit that last changed it.

use std::collections::BTreeMap;

use netconf::BlameOutput;
use yang::{Node, Path, Schema, Step};

use crate::grammar::render::{Position, Sink};
use crate::grammar::schema::is_inline;
use crate::prose;
use crate::show::one_line;

/// The placeholder if no commit is known: the line is older than the history.
const OLDER: &str = "older";
/// The space between two columns.
const GAP: &str = "  ";

/// Lines with their authors.
pub(crate) struct Blame {
    commits: Vec<[String; 3]>,
    /// The index of the latest commit that changed an instance.
    latest: BTreeMap<Path, usize>,
    /// The source of the lines.
    position: Position,
    lines: Vec<(Option<usize>, String)>,
}

impl Blame {
    /// Parses the server's reply.
    pub(crate) fn new(output: &BlameOutput, schema: &'static Schema) -> Blame {
        let (mut commits, mut latest) = (Vec::new(), BTreeMap::new());
        for (at, blamed) in output.commits.iter().enumerate() {
            let commit = &blamed.commit;
            let known = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default();
            commits.push([format!("#{}", commit.id), known(&commit.user), known(&commit.time)]);
            let paths = blamed.paths.iter().filter_map(|path| Path::parse(schema, path).ok());
            paths.for_each(|path| {
                latest.entry(path).or_insert(at);
            });
        }
        Blame { commits, latest, position: Position::default(), lines: Vec::new() }
    }

    /// The lines with their commits, in columns. In a terminal in which the commits would take most of each row, they are
    /// comments above their lines.
    pub(crate) fn text(&self, columns: Option<usize>) -> String {
        let older = [OLDER.to_owned(), String::new(), String::new()];
        let commit = |at: &Option<usize>| at.map_or(&older, |at| &self.commits[at]);
        let all: Vec<_> = self.lines.iter().map(|(at, text)| (commit(at), text)).collect();
        let width = |column: usize| {
            let widths = all.iter().map(|(commit, _)| prose::width(&commit[column]));
            widths.max().unwrap_or_default()
        };
        let widths = [width(0), width(1), width(2)];
        let whole: usize = widths.iter().map(|width| width + GAP.len()).sum();
        if columns.is_some_and(|columns| whole > columns / 2) {
            let mut out = String::new();
            for group in self.lines.chunk_by(|(a, _), (b, _)| a == b) {
                out += format!("! {}", commit(&group[0].0).join(GAP)).trim_end();
                out.push('\n');
                group.iter().for_each(|(_, text)| out.extend([text, "\n"]));
            }
            return out;
        }
        let cell = |(cell, width): (&String, usize)| {
            cell.clone() + &" ".repeat(width.saturating_sub(prose::width(cell))) + GAP
        };
        let line = |(commit, text): &(&[String; 3], &String)| {
            commit.iter().zip(widths).map(cell).collect::<String>() + text + "\n"
        };
        all.iter().map(line).collect()
    }

    /// The latest commit that changed the data of a line: the instance itself, its ancestors, and, for a list entry
    /// that is shown on one line, its descendants.
    fn latest(&self) -> Option<usize> {
        let place = self.position.path();
        let steps = &place.steps;
        let above = (1..=steps.len()).map(|length| Path { steps: steps[..length].to_vec() });
        let above = above.filter_map(|path| self.latest.get(&path)).min();
        let whole = steps.last().is_some_and(|step| !step.keys.is_empty() && is_inline(step.node));
        let below = self.latest.range(place..).take_while(|_| whole);
        let below = below.take_while(|(path, _)| path.is_below(place));
        above.into_iter().chain(below.map(|(_, at)| at)).min().copied()
    }
}

impl Sink for Blame {
    fn at(&mut self, above: &[Step]) {
        self.position.at(above);
    }

    fn enter(&mut self, node: &Node<'_>) {
        self.position.enter(node);
    }

    fn leave(&mut self) {
        self.position.leave();
    }

    fn line(&mut self, depth: usize, text: &str) {
        let line = format!("{}{text}", " ".repeat(depth));
        self.lines.push((self.latest(), line));
    }
}
