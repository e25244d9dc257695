//! Shows configuration and state in each form, with marks of what is held and of who changed it.

use netconf::{Configuration, Datastore};
use yang::{Path, Schema, Tree};

use super::{Result, Shell, ShellError};
use crate::grammar::pipe::{self, Form, Pipe};
use crate::grammar::render;
use crate::grammar::statement::Place;
use crate::show::blame::Blame;
use crate::show::difference;
use crate::show::held::{self, Marked, Marks, WITH_CONFIGURATION};

impl Shell {
    pub(super) fn show(
        &self,
        datastore: Datastore,
        place: &Place,
        pipes: &[Pipe],
    ) -> Result<String> {
        let path = &place.path;
        if let Some(with) = pipe::compared(pipes) {
            return self.difference((with, Configuration::Datastore(datastore)), path, pipes);
        }
        let mut client = self.client.borrow_mut();
        let mut tree = client.read(datastore, path)?;
        let configured = tree.clone();
        let form = pipe::form_of(pipes);
        let mut has_state = false;
        if datastore == Datastore::Running && form == Form::Text {
            for state in shown_with_configuration(self.schema, path) {
                let mut with_state = client.read(Datastore::Operational, &state)?;
                has_state |= !with_state.is_empty();
                with_state.merge(&tree);
                tree = with_state;
            }
        }
        let tree = place.of(tree)?;
        let marks = match (datastore, form) {
            (Datastore::Running | Datastore::Operational, Form::Text | Form::Set) => {
                let held = client.read(Datastore::Operational, &held::path(self.schema))?;
                Marks::of(self.schema, &held)
            }
            (Datastore::Candidate | Datastore::Startup, _) | (_, Form::Json | Form::Xml) => {
                Marks::default()
            }
        };
        if marks.is_empty() && !has_state {
            return Ok(written(&tree, path, form));
        }
        let mut marked = Marked::new(&marks, self.columns_for(pipes));
        if has_state {
            marked = marked.beside(&configured);
        }
        match form {
            Form::Set => render::set_lines(&mut marked, &tree, path),
            Form::Text | Form::Json | Form::Xml => render::text_lines(&mut marked, &tree, path),
        }
        Ok(marked.text())
    }

    /// The columns of the terminal for which text is laid out, if there is one. Filters work on whole lines.
    pub(super) fn columns_for(&self, pipes: &[Pipe]) -> Option<usize> {
        if pipe::filters(pipes) { None } else { (self.columns)() }
    }

    /// The difference of two configurations at a path and below.
    pub(super) fn difference(
        &self,
        (from, to): (Configuration, Configuration),
        path: &Path,
        pipes: &[Pipe],
    ) -> Result<String> {
        let (from, to) = self.client.borrow_mut().difference(from, to)?;
        let (from, to) = (part(from, path), part(to, path));
        difference::text(&from, &to, pipe::form_of(pipes)).ok_or(ShellError::Difference)
    }

    /// Running, with the author of each line.
    pub(super) fn blame(&self, place: &Place, pipes: &[Pipe]) -> Result<String> {
        let path = &place.path;
        let mut client = self.client.borrow_mut();
        let tree = place.of(client.read(Datastore::Running, path)?)?;
        let mut blame = Blame::new(&client.blame(path)?, self.schema);
        match pipe::form_of(pipes) {
            Form::Text => render::text_lines(&mut blame, &tree, path),
            Form::Set => render::set_lines(&mut blame, &tree, path),
            Form::Json | Form::Xml => return Err(ShellError::Blame),
        }
        Ok(blame.text(self.columns_for(pipes)))
    }
}

/// The part of a configuration at a path.
pub(super) fn part(tree: Tree, path: &Path) -> Tree {
    if path.steps.is_empty() { tree } else { tree.subtree(path) }
}

pub(super) fn written(tree: &Tree, path: &Path, form: Form) -> String {
    match form {
        Form::Text => render::text(tree, path),
        Form::Set => render::set(tree, path),
        Form::Json => tree.to_json(true) + "\n",
        Form::Xml => tree.to_xml(true),
    }
}

/// The lists at or below `path` whose state is shown together with configuration.
fn shown_with_configuration(schema: &'static Schema, path: &Path) -> Vec<Path> {
    let mut found = Vec::new();
    let nodes = match path.steps.last() {
        None => schema.top().to_vec(),
        Some(step) if step.node.extension(WITH_CONFIGURATION).is_some() => {
            return vec![path.clone()];
        }
        Some(step) => step.node.children.clone(),
    };
    for node in nodes {
        let below = path.join(node, Vec::new());
        if node.extension(WITH_CONFIGURATION).is_some() {
            found.push(below);
        } else if path.steps.is_empty() {
            found.extend(shown_with_configuration(schema, &below));
        }
    }
    found
}
