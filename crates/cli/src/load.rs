//! A configuration file, in whichever form it is: JSON, XML, or text as one would type it.

use yang::{Path, Schema, Tree, Value};

use crate::cursor::{Cursor, Stop};
use crate::mode::Mode;
use crate::pipe::Form;
use crate::render;
use crate::statement::{Grammar, Live};
use crate::words::words;

/// Reads a file's content. The fault names line and column, or the node.
pub(crate) fn read(schema: &'static Schema, content: &str) -> Result<Tree, String> {
    match content.trim_start().chars().next() {
        Some('{') => Tree::from_json(schema, content).map_err(|error| error.to_string()),
        Some('<') => Tree::from_xml(schema, content).map_err(|error| error.to_string()),
        Some(_) => text(schema, content),
        None => Err("the file is empty".into()),
    }
}

/// A tree in a form.
pub(crate) fn write(tree: &Tree, form: Form) -> String {
    match form {
        Form::Text => render::text(tree, &Path::default()),
        Form::Set => render::set(tree, &Path::default()),
        Form::Json => tree.to_json(true) + "\n",
        Form::Xml => tree.to_xml(true),
    }
}

/// The form that a file's name asks for.
pub(crate) fn form_of(file: &str) -> Form {
    match file.rsplit_once('.') {
        Some((_, "json")) => Form::Json,
        Some((_, "xml")) => Form::Xml,
        Some((_, "set")) => Form::Set,
        Some(_) | None => Form::Text,
    }
}

/// Reads the indented form: a line belongs to the nearest line above that is indented less. `exit` and comments
/// may stand in it.
fn text(schema: &'static Schema, content: &str) -> Result<Tree, String> {
    let grammar = Grammar { schema, live: &Nothing };
    let mut tree = Tree::empty(schema);
    let mut modes: Vec<(usize, Mode)> = Vec::new();
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
        let mut mode = modes.last().map(|(_, mode)| mode.clone()).unwrap_or_default();
        let mut cursor = Cursor::parsing(&words, line.len());
        let statement = grammar
            .statement(&mut cursor, &mode.path())
            .and_then(|statement| cursor.finish().map(|()| statement));
        let statement = statement.map_err(|stop| match stop {
            Stop::Fault(found) => fault(&format!("\n{}", found.show(line))),
            Stop::Candidates(_) => fault(&"the line is incomplete"),
        })?;
        for (path, value) in statement.sets {
            put(&mut tree, &path, value).map_err(|error| fault(&error))?;
        }
        if let Some((path, typed)) = statement.enters {
            mode.enter(path, &typed);
            modes.push((indent, mode));
        }
    }
    Ok(tree)
}

fn put(tree: &mut Tree, path: &Path, value: Option<Value>) -> yang::Result<()> {
    match value {
        Some(value) => tree.set(path, value),
        None => tree.create(path),
    }
}

/// A file is read without a look at what exists.
struct Nothing;

impl Live for Nothing {
    fn values(&self, _: &Path) -> Vec<String> {
        Vec::new()
    }
}
