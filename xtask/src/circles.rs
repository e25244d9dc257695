//! Whether the files of a crate import each other in a circle.
//!
//! A file that imports another can be read after it. In a circle there is no order in which to read the files. A
//! parent and the modules below it may import each other, because they are one subject. Every other circle
//! is a fault. Tests may import everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module's names from the root of its crate; none for the root itself.
type Module = Vec<String>;

/// Each module of a crate, with the modules that its file imports.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// The circles between the files of each crate, a line each.
pub(crate) fn faults(root: &Path, files: &[String]) -> Vec<String> {
    let mut crates: BTreeMap<&str, BTreeMap<Module, String>> = BTreeMap::new();
    for file in files {
        let Some((folder, module)) = file.split_once("/src/") else { continue };
        if let Some(module) = module.strip_suffix(".rs")
            && let Ok(text) = fs::read_to_string(root.join(file))
        {
            crates.entry(folder).or_default().insert(named(module), text);
        }
    }
    let mut faults = Vec::new();
    for (folder, files) in crates {
        let shown = |module: &&Module| module.join("::");
        for circle in circles(&imports(&files)) {
            let circle: Vec<String> = circle.iter().map(shown).collect();
            faults.push(format!("{folder}: these import each other: {}", circle.join(", ")));
        }
    }
    faults
}

fn named(file: &str) -> Module {
    match file {
        "lib" | "main" => Module::new(),
        _ => file.split('/').map(str::to_owned).collect(),
    }
}

fn imports(files: &BTreeMap<Module, String>) -> Imports {
    let imports = files.iter().map(|(module, text)| {
        let mut paths = Vec::new();
        paths_in(&code(text), &mut paths);
        let known = paths.iter().filter_map(|path| target(module, path, files));
        (module.clone(), known.filter(|target| target != module).collect())
    });
    imports.collect()
}

/// The text without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Every path that begins at the crate, at the parent or at the module itself, each branch of an import by itself.
fn paths_in(code: &str, paths: &mut Vec<Module>) {
    let starts = ["crate::", "super::", "self::"];
    let mut rest = code;
    while let Some(at) = starts.iter().filter_map(|start| rest.find(start)).min() {
        let is_whole =
            !rest[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '$'));
        rest = &rest[at..];
        let length = match is_whole {
            true => branches(rest, &Module::new(), paths),
            false => "self::".len(),
        };
        rest = &rest[length..];
    }
}

/// Adds the paths of a tree of imports that follows `prefix`. Returns the length of its text.
fn branches(text: &str, prefix: &Module, paths: &mut Vec<Module>) -> usize {
    let mut path = prefix.clone();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let name = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if name > 0 {
            path.push(rest[..name].to_owned());
            at += name;
        } else if rest.starts_with('{') {
            return at + branches_between_braces(rest, &path, paths);
        } else {
            break;
        }
        match text[at..].starts_with("::") {
            true => at += "::".len(),
            false => break,
        }
    }
    paths.push(path);
    at
}

fn branches_between_braces(text: &str, prefix: &Module, paths: &mut Vec<Module>) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].chars().next() {
        match next {
            '}' => return at + 1,
            _ if next.is_alphanumeric() || next == '_' => {
                at += branches(&text[at..], prefix, paths)
            }
            _ => at += next.len_utf8(),
        }
    }
    at
}

/// The file in which a path of a module ends.
fn target(module: &Module, path: &Module, files: &BTreeMap<Module, String>) -> Option<Module> {
    let mut full = module.clone();
    let mut names = path.as_slice();
    if names.first().is_some_and(|first| first == "crate") {
        (full, names) = (Module::new(), &names[1..]);
    }
    while let Some((first, after)) = names.split_first() {
        match first.as_str() {
            "super" => drop(full.pop()),
            "self" => {}
            _ => break,
        }
        names = after;
    }
    full.extend(names.iter().cloned());
    (1..=full.len()).rev().map(|length| full[..length].to_vec()).find(|one| files.contains_key(one))
}

/// The modules that reach each other, unless one of them is above all others.
fn circles(imports: &Imports) -> Vec<Vec<&Module>> {
    let reach: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|module| (module, reached(imports, module))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in reach.iter().filter(|(module, _)| !is_test(module)) {
        let both = |other: &&Module| reach.get(other).is_some_and(|back| back.contains(module));
        let circle: Vec<&Module> = reached.iter().copied().filter(both).collect();
        let has_parent =
            circle.iter().any(|parent| circle.iter().all(|one| one.starts_with(parent)));
        if circle.len() > 1 && !has_parent {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// The modules that one reaches through the imports of others, without tests.
fn reached<'a>(imports: &'a Imports, from: &'a Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for import in imports.get(module).into_iter().flatten().filter(|import| !is_test(import)) {
            if reached.insert(import) {
                next.push(import);
            }
        }
    }
    reached
}

fn is_test(module: &Module) -> bool {
    let is_of_tests =
        |name: &String| matches!(name.as_str(), "test" | "tests" | "sample" | "properties");
    module.iter().any(is_of_tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files = files.iter().map(|(file, text)| (named(file), (*text).to_owned())).collect();
        let imports = imports(&files);
        let name = |circle: Vec<&Module>| {
            circle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(circles(&imports).into_iter().map(name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn siblings_that_import_each_other_are_a_circle() {
        let one = ("a", "use crate::{b::{Thing, c}, d};\n");
        check(&[one, ("b", "use super::a::Other;\n"), ("d", "")], &["a b"]);
        check(&[one, ("b", "fn of(_: crate::a::Other) {}\n"), ("d", "")], &["a b"]);
        check(&[one, ("b", "// crate::a\n"), ("d", "")], &[]);
        check(&[one, ("b", "\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n"), ("d", "")], &[]);
    }

    #[test]
    fn a_parent_and_the_modules_below_it_are_none() {
        let child = ("a/b", "use super::Parent;\nuse crate::a::c::Other;\n");
        check(&[("a", "use self::b::Child;\n"), child, ("a/c", "use super::b;\n")], &[]);
        check(&[("a", ""), child, ("a/c", "use super::b;\n")], &["a::b a::c"]);
        check(&[("a", "use crate::d;\n"), child, ("d", "use crate::a::b;\n")], &["a a::b d"]);
    }
}
