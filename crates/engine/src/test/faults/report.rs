//! `docs/faults.md`: the result of each fault, as the tests found it.
//!
//! The document is text with sections between `<!-- NAME -->` and `<!-- end of NAME -->`; each test owns one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::ledger::store::disk::Operation;

/// A step, and the result of each fault there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) boundary: String,
    pub(super) outcomes: Vec<String>,
}

/// Tests run in parallel, but there is only one document.
static WRITING: Mutex<()> = Mutex::new(());

/// Compares a section of the document with the results, or writes it.
pub(super) fn check_section(
    name: &str,
    columns: &[&str],
    parts: impl IntoIterator<Item = (&'static str, Vec<Row>)>,
) {
    let mut found = String::new();
    for (title, rows) in parts {
        write!(found, "\n### {title}\n\n| {} |\n", columns.join(" | ")).unwrap();
        writeln!(found, "|{}", "---|".repeat(columns.len())).unwrap();
        for Row { boundary, outcomes } in rows {
            writeln!(found, "| {boundary} | {} |", outcomes.join(" | ")).unwrap();
        }
    }
    found.push('\n');
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = document.split_once(&begin).unwrap();
    let (section, after) = rest.split_once(&end).unwrap();
    if section != found && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, [before, &begin, &found, &end, after].concat()).unwrap();
        return;
    }
    assert!(section == found, "docs/faults.md differs (UPDATE_EXPECT=1 rewrites it):\n{found}");
}

/// An operation on files of a directory, with names relative to it.
pub(super) fn in_words(operation: Operation<'_>, dir: &Path) -> String {
    let dir = dir.display().to_string();
    operation.to_string().replace(&format!("{dir}/"), "").replace(&dir, "the directory")
}
