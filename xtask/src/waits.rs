//! Whether `docs/faults.md` lists everything that the engine's thread may wait for.
//!
//! A call that waits for something that others hold blocks all clients. So each file of `engine` and
//! `kernel` that opens files, takes locks, or receives must have a row in the table, with its bound.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Parts of the calls that can wait.
const WAITS: [&str; 12] = [
    "File::",
    "OpenOptions",
    "fs::",
    "flock",
    "try_lock",
    "recv(",
    ".join()",
    "park",
    "poll(",
    "block_on",
    "blocking_",
    "UnixStream::",
];

const PAGE: &str = "docs/faults.md";

/// The head of the table.
const HEAD: &str = "| waits for | where | bound |";

/// What the table lacks, and what it has too much, a line each.
pub(crate) fn faults(root: &Path, files: &[String]) -> anyhow::Result<Vec<String>> {
    let listed = listed(&fs::read_to_string(root.join(PAGE))?);
    let mut waiting = BTreeSet::new();
    for file in files.iter().filter(|file| is_of_engine(file)) {
        if fs::read_to_string(root.join(file)).is_ok_and(|text| waits(&text)) {
            waiting.insert(file.clone());
        }
    }
    let lacks = waiting.difference(&listed);
    let lacks = lacks.map(|file| format!("{file}: waits for something that {PAGE} does not list"));
    let extra = listed.difference(&waiting);
    let extra = extra.map(|file| format!("{PAGE}: {file} waits for nothing"));
    Ok(lacks.chain(extra).collect())
}

fn is_of_engine(file: &str) -> bool {
    let source = ["crates/engine/src/", "crates/kernel/src/"].iter().any(|at| file.starts_with(at));
    source && file.ends_with(".rs") && !file.starts_with("crates/engine/src/test")
}

fn waits(text: &str) -> bool {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = code.lines().map(str::trim_start);
    let mut calls = lines.filter(|line| !line.starts_with("use ") && !line.starts_with("//"));
    calls.any(|line| WAITS.iter().any(|wait| line.contains(wait)))
}

fn listed(page: &str) -> BTreeSet<String> {
    let rows = page.lines().skip_while(|line| *line != HEAD).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(2));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(|name| format!("crates/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_is_found() {
        assert!(waits("fn f() {\n    let file = File::open(path)?;\n}\n"));
        assert!(!waits("use std::fs::File;\n// File::open waits.\nfn f() {}\n"));
        assert!(!waits("fn f() {}\n#[cfg(test)]\nmod tests {\n    fs::read(path);\n}\n"));
    }

    #[test]
    fn the_table_is_read() {
        let page = format!("x\n{HEAD}\n|---|---|---|\n| a | `engine/src/a.rs`, `b` | c |\n\n`d`\n");
        let listed: Vec<_> = listed(&page).into_iter().collect();
        assert_eq!(listed, ["crates/b", "crates/engine/src/a.rs"]);
    }
}
