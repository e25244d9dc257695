//! Configuration files in any format: JSON, XML, or configuration text.

use yang::{EditWriter, Path, Schema, Step, Tree, Value};

use crate::client::ClientError;
use crate::grammar::cursor::{Cursor, Stop};
use crate::grammar::pipe::Form;
use crate::grammar::render;
use crate::grammar::statement::{Grammar, Live, Move, Statement};
use crate::grammar::words::words;

/// What the abbreviations in a file were understood as: a message for each line that has some.
pub(crate) type Abbreviations = Vec<String>;

/// Reads a file's content. The error names line and column, or the node.
pub(crate) fn read(
    schema: &'static Schema,
    content: &str,
) -> Result<(Tree, Abbreviations), String> {
    let data = match content.trim_start().chars().next() {
        Some('{') => Tree::from_json(schema, content),
        Some('<') => Tree::from_xml(schema, content),
        Some(_) => {
            let mut tree = Tree::empty(schema);
            let abbreviations = text(schema, content, |number, mode, statement| {
                let mut sets = statement.sets(mode).into_iter();
                sets.try_for_each(|(path, value)| put(&mut tree, &path, value))
                    .map_err(|error| format!("line {number}: {error}"))
            })?;
            return Ok((tree, abbreviations));
        }
        None => return Err("the file is empty".into()),
    };
    data.map(|tree| (tree, Vec::new())).map_err(|error| error.to_string())
}

/// Reads a file's content as a series of edits that merge it, each the content of `<config>`. Calls `merge` with an
/// edit as soon as it is longer than `part`. This needs no tree of the whole text.
pub(crate) fn read_to_merge(
    schema: &'static Schema,
    content: &str,
    part: usize,
    mut merge: impl FnMut(String) -> Result<(), ClientError>,
) -> Result<Abbreviations, NotMerged> {
    if content.trim_start().starts_with(['{', '<']) || content.trim_start().is_empty() {
        let (tree, abbreviations) = read(schema, content)?;
        merge(tree.to_xml(false))?;
        return Ok(abbreviations);
    }
    let mut edit = EditWriter::default();
    let abbreviations = text(schema, content, |_, mode, statement| {
        if edit.len() > part {
            merge(std::mem::take(&mut edit).finish())?;
        }
        edit.go(statement.start(mode));
        for step in statement.walk() {
            match step {
                Move::Into(step) => edit.enter(step),
                Move::Up => edit.leave(),
                Move::Set(leaf, value) => edit.set(leaf, value),
            }
        }
        Ok::<(), NotMerged>(())
    })?;
    merge(edit.finish())?;
    Ok(abbreviations)
}

/// Why a file was not merged, or not completely.
#[derive(Debug)]
pub(crate) enum NotMerged {
    /// An error in the file's content.
    Content(String),
    Client(ClientError),
}

impl From<String> for NotMerged {
    fn from(fault: String) -> Self {
        NotMerged::Content(fault)
    }
}

impl From<ClientError> for NotMerged {
    fn from(error: ClientError) -> Self {
        NotMerged::Client(error)
    }
}

/// A tree in a format.
pub(crate) fn write(tree: &Tree, form: Form) -> String {
    match form {
        Form::Text => render::text(tree, &Path::default()),
        Form::Set => render::set(tree, &Path::default()),
        Form::Json => tree.to_json(true) + "\n",
        Form::Xml => tree.to_xml(true),
    }
}

/// The format that a file's name selects.
pub(crate) fn form_of(file: &str) -> Form {
    match file.rsplit_once('.') {
        Some((_, "json")) => Form::Json,
        Some((_, "xml")) => Form::Xml,
        Some((_, "set")) => Form::Set,
        Some(_) | None => Form::Text,
    }
}

/// Reads the indented form line by line, each with its number and its mode. A line belongs to the nearest line
/// above it with less indentation. The text may contain `exit` and comments.
fn text<E: From<String>>(
    schema: &'static Schema,
    content: &str,
    mut line_read: impl FnMut(usize, &[Step], &Statement) -> Result<(), E>,
) -> Result<Abbreviations, E> {
    let grammar = Grammar::new(schema, &Nothing);
    let mut abbreviations = Vec::new();
    let mut modes: Vec<(usize, Path)> = Vec::new();
    for (number, line) in content.lines().enumerate() {
        let words = words(line);
        if words.is_empty() || (words.len() == 1 && ["exit", "end"].contains(&&*words[0].text)) {
            continue;
        }
        let fault = |message: &dyn std::fmt::Display| format!("line {}: {message}", number + 1);
        let indent = line.len() - line.trim_start().len();
        while modes.last().is_some_and(|(above, _)| *above >= indent) {
            modes.pop();
        }
        let mode = modes.last().map_or(&[][..], |(_, path)| &path.steps);
        let mut cursor = Cursor::parsing(&words, line.len());
        let statement = grammar
            .statement(&mut cursor, mode)
            .and_then(|statement| cursor.finish().map(|()| statement));
        let statement = statement.map_err(|stop| match stop {
            Stop::Fault(found) => fault(&format!("\n{}", cursor.explained(found).show(line))),
            Stop::Candidates(_) => fault(&"the line is incomplete"),
        })?;
        abbreviations.extend(cursor.abbreviations().map(|all| fault(&all)));
        line_read(number + 1, mode, &statement)?;
        if statement.enters.is_some() {
            modes.push((indent, statement.end(mode)));
        }
    }
    Ok(abbreviations)
}

fn put(tree: &mut Tree, path: &Path, value: Option<Value>) -> yang::Result<()> {
    match value {
        Some(value) => tree.set(path, value),
        None => tree.create(path),
    }
}

/// For a file, existing data is not looked up.
struct Nothing;

impl Live for Nothing {
    fn values(&self, _: &Path) -> Vec<String> {
        Vec::new()
    }

    fn conflicts(&self) -> Vec<Path> {
        Vec::new()
    }
}
