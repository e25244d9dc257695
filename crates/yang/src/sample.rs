//! A small schema for this crate's tests, with one example of each construct.

use std::sync::OnceLock;

use crate::path::Path;
use crate::schema::Schema;
use crate::tree::Tree;

pub(crate) fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<&'static Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        Schema::from_texts(&[
            include_str!("sample/netloom-extensions.yang"),
            include_str!("sample/sample.yang"),
            include_str!("sample/sample-more.yang"),
        ])
        .unwrap()
    })
}

pub(crate) fn path(text: &str) -> Path {
    Path::parse(schema(), text).unwrap()
}

/// A tree from lines of `PATH` or `PATH = VALUE`.
pub(crate) fn tree(lines: &str) -> Tree {
    let mut tree = Tree::empty(schema());
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(" = ") {
            Some((text, value)) => {
                let path = path(text);
                let leaf = path.node().unwrap();
                tree.set(&path, leaf.value(value).unwrap()).unwrap();
            }
            None => tree.create(&path(line)).unwrap(),
        }
    }
    tree
}

/// The inverse of [`tree`].
pub(crate) fn lines(tree: &Tree) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for change in Tree::empty(schema()).diff(tree).changes() {
        let crate::Change::Created(path, value) = change else { unreachable!() };
        match value {
            Some(value) => writeln!(text, "{}", format!("{path} = {value}").trim_end()).unwrap(),
            None => writeln!(text, "{path}").unwrap(),
        }
    }
    text
}
