//! The user's position in the configuration.

use yang::{Path, SchemaNode, printable};

use crate::grammar::schema::name;

/// A configuration mode: an instance, and each level above it that was entered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mode {
    levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq)]
struct Level {
    path: Path,
    /// The text in the prompt: the container's name, or the keys as typed.
    shown: String,
}

impl Mode {
    /// The instance. It has no steps at the top.
    pub(crate) fn path(&self) -> Path {
        self.levels.last().map(|level| level.path.clone()).unwrap_or_default()
    }

    /// Leaves one mode. False at the top.
    pub(crate) fn up(&mut self) -> bool {
        self.levels.pop().is_some()
    }

    /// Enters the instance at `path`. The modes that do not lead there are left.
    pub(crate) fn enter(&mut self, path: Path, typed_keys: &[(&'static SchemaNode, String)]) {
        let leads = |level: &Level| {
            path.steps.len() > level.path.steps.len() && path.steps.starts_with(&level.path.steps)
        };
        while self.levels.last().is_some_and(|level| !leads(level)) {
            self.levels.pop();
        }
        let here = self.path().steps.len();
        // The levels in between, so that `exit` leaves them one by one.
        for length in here + 1..path.steps.len() {
            let path = Path { steps: path.steps[..length].to_vec() };
            let shown = shown(&path, &[]);
            self.levels.push(Level { path, shown });
        }
        let shown = shown(&path, typed_keys);
        self.levels.push(Level { path, shown });
    }

    /// The text in the prompt's parentheses after `config`. A key may contain anything, and the prompt is one line.
    pub(crate) fn prompt(&self) -> String {
        let shown = |level: &Level| format!("-{}", printable(&level.shown));
        self.levels.last().map(shown).unwrap_or_default()
    }
}

fn shown(path: &Path, typed_keys: &[(&'static SchemaNode, String)]) -> String {
    let Some(step) = path.steps.last() else { return String::new() };
    if step.keys.is_empty() {
        return name(step.node).into_owned();
    }
    if typed_keys.is_empty() {
        let keys = step.node.keys.iter().zip(&step.keys);
        return keys.map(|(key, value)| format!("[{}='{value}']", key.name)).collect();
    }
    typed_keys.iter().map(|(key, text)| format!("[{}='{text}']", key.name)).collect()
}
