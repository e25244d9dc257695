//! A place in the syntax of the command line, as a careful user writes it: each key with its name and in quotes.

use std::fmt::Write;

use yang::{Path, Step};

/// The words of a path, each with a space after it.
pub(crate) fn words(path: &Path) -> String {
    path.steps.iter().enumerate().map(|(depth, step)| words_of(step, depth == 0)).collect()
}

fn words_of(step: &Step, is_top: bool) -> String {
    let mut words = step.node.name.to_owned();
    if is_top {
        let prefix = step.node.module.name.split('-').next().unwrap_or_default();
        let _ = write!(words, "-{prefix}");
    }
    words.push(' ');
    for (at, (key, value)) in step.node.keys.iter().zip(&step.keys).enumerate() {
        if at > 0 {
            let _ = write!(words, "{} ", key.name);
        }
        let _ = write!(words, "{} ", quoted(&value.to_string()));
    }
    words
}

fn quoted(text: &str) -> String {
    let mut word = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            c if c.is_ascii_graphic() || c == ' ' => word.push(c),
            c => {
                let _ = write!(word, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    word + "\""
}
