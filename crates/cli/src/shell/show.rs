//! Shows configuration and state in each form, with marks of what is held and of who changed it.

use std::io;

use netconf::{Configuration, Datastore, Revision};
use yang::{Path, PrintableWriter, Schema, Tree};

use super::{Result, Shell, ShellError};
use crate::grammar::pipe::{self, Form, Pipe};
use crate::grammar::render;
use crate::grammar::statement::Place;
use crate::show::blame::Blame;
use crate::show::difference;
use crate::show::held::{self, Marked, Marks, WITH_CONFIGURATION};

/// What a command shows of a datastore.
pub(super) enum Shown {
    Text(String),
    Document(Document),
}

/// A tree that is written as JSON or XML. Its text may be large.
#[derive(Debug)]
pub(crate) struct Document {
    tree: Tree,
    form: Form,
}

impl Shown {
    /// The text, or none for a document, which becomes `document`.
    pub(super) fn text(self, document: &mut Option<Document>) -> String {
        match self {
            Shown::Text(text) => text,
            Shown::Document(found) => {
                *document = Some(found);
                String::new()
            }
        }
    }
}

impl Document {
    /// Writes the text piece by piece, with escapes for what others have written.
    pub(crate) fn write(&self, to: &mut (dyn io::Write + Send)) -> io::Result<()> {
        match self.form {
            Form::Xml => self.tree.write_xml(true, &mut PrintableWriter::xml(&mut *to))?,
            Form::Text | Form::Set | Form::Json => {
                self.tree.write_json(true, &mut PrintableWriter::json(&mut *to))?;
                to.write_all(b"\n")?;
            }
        }
        to.flush()
    }
}

impl Shell {
    pub(super) fn show(
        &self,
        datastore: Datastore,
        place: &Place,
        pipes: &[Pipe],
    ) -> Result<Shown> {
        let path = &place.path;
        if let Some(with) = pipe::compared(pipes) {
            let of = Configuration::Datastore(datastore);
            return self.difference((with, of), path, pipes).map(Shown::Text);
        }
        let form = pipe::form_of(pipes);
        let configured = self.client.borrow_mut().read(datastore, path)?;
        let (with_state, marks) = self.beside(datastore, path, form)?;
        let has_state = !with_state.is_empty();
        let mut tree = with_state;
        tree.merge(&configured);
        let tree = place.of(tree)?;
        if marks.is_empty() && !has_state {
            return Ok(self.shown(tree, path, pipes));
        }
        let mut marked = Marked::new(&marks, self.columns_for(pipes));
        if has_state {
            marked = marked.beside(&configured);
        }
        match form {
            Form::Set => render::set_lines(&mut marked, &tree, path),
            Form::Text | Form::Json | Form::Xml => render::text_lines(&mut marked, &tree, path),
        }
        Ok(Shown::Text(marked.text()))
    }

    /// An earlier configuration.
    pub(super) fn show_revision(
        &self,
        revision: Revision,
        place: &Place,
        pipes: &[Pipe],
    ) -> Result<Shown> {
        let path = &place.path;
        match pipe::compared(pipes) {
            Some(with) => {
                let of = Configuration::Revision(revision);
                self.difference((with, of), path, pipes).map(Shown::Text)
            }
            None => {
                let tree = part(self.client.borrow_mut().revision(revision)?, path);
                Ok(self.shown(place.of(tree)?, path, pipes))
            }
        }
    }

    /// What is shown together with a configuration: state, and marks of held objects. Both are read at once.
    fn beside(&self, datastore: Datastore, path: &Path, form: Form) -> Result<(Tree, Marks)> {
        let has_state = datastore == Datastore::Running && form == Form::Text;
        let states =
            if has_state { shown_with_configuration(self.schema, path) } else { Vec::new() };
        let has_marks = match (datastore, form) {
            (Datastore::Running | Datastore::Operational, Form::Text | Form::Set) => true,
            (Datastore::Candidate | Datastore::Startup, _) | (_, Form::Json | Form::Xml) => false,
        };
        let mut paths = states.clone();
        paths.extend(has_marks.then(|| held::path(self.schema)));
        let mut state = Tree::empty(self.schema);
        if paths.is_empty() {
            return Ok((state, Marks::default()));
        }
        let read = self.client.borrow_mut().read_parts(Datastore::Operational, &paths)?;
        states.iter().for_each(|path| state.merge(&read.subtree(path)));
        Ok((state, if has_marks { Marks::of(self.schema, &read) } else { Marks::default() }))
    }

    /// A tree in a format.
    fn shown(&self, tree: Tree, path: &Path, pipes: &[Pipe]) -> Shown {
        let form = pipe::form_of(pipes);
        match form {
            // A script has no pages, so its output need not be in memory as a whole.
            Form::Json | Form::Xml if self.scripted && !pipe::filters(pipes) => {
                Shown::Document(Document { tree, form })
            }
            Form::Text | Form::Set | Form::Json | Form::Xml => {
                Shown::Text(written(&tree, path, form))
            }
        }
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
fn part(tree: Tree, path: &Path) -> Tree {
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
