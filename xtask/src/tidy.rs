//! What every file and every crate must keep to, checked over the files that git knows.
//!
//! A Rust file opens with its idea (`//!`); each crate takes the workspace's lints; the crate graph is the one
//! that ARCHITECTURE.md shows, and each library has a row there; a file has a size that one idea needs, and a folder
//! as many files as a reader takes in at once; files do not import each other in a circle; no line ends in white space.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{circles, waits};

/// A Rust file with more lines than this holds more than one idea, also if it is a table or a test.
const MAX_LINES: usize = 500;

/// A folder with more Rust files than this is a list that nobody reads. Its files belong into folders by subject.
const MAX_FILES: usize = 16;

/// Each crate with the crates of the workspace that it is built on.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Everything that is wrong with the checkout at `root`, a line each.
pub(crate) fn faults(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let files = tracked(root)?;
    faults.extend(waits::faults(root, &files)?);
    faults.extend(circles::faults(root, &files));
    for file in files {
        let path = root.join(&file);
        // A file that was deleted and not yet committed, or one that is not text.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if file.ends_with(".rs") {
            rust_file(&file, &text, &mut faults);
            let folder = Path::new(&file).parent().unwrap_or(Path::new("")).to_owned();
            *folders.entry(folder).or_default() += 1;
        }
        if file.ends_with("Cargo.toml") && file != "Cargo.toml" && !takes_lints(&text) {
            faults.push(format!("{file}: lacks `[lints] workspace = true`"));
        }
        white_space(&file, &text, &mut faults);
    }
    for (folder, files) in folders.into_iter().filter(|(_, files)| *files > MAX_FILES) {
        let folder = folder.display();
        faults.push(format!("{folder}: {files} files side by side, the limit is {MAX_FILES}"));
    }
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let packages = packages(root)?;
    compare(&told(&architecture)?, &built(&packages), &mut faults);
    compare_libraries(&explained(&architecture), &libraries(&packages), &mut faults);
    Ok(faults)
}

fn rust_file(file: &str, text: &str, faults: &mut Vec<String>) {
    if !text.starts_with("//! ") {
        faults.push(format!("{file}:1: does not open with `//!` and its one idea"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{file}: {lines} lines, the limit is {MAX_LINES}: split it by idea"));
    }
}

fn takes_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim);
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

fn white_space(file: &str, text: &str, faults: &mut Vec<String>) {
    let markdown_break = |line: &str| file.ends_with(".md") && line.ends_with("  ");
    for (number, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) && !markdown_break(line) {
            faults.push(format!("{file}:{}: ends in white space", number + 1));
        }
    }
}

fn compare(told: &Graph, built: &Graph, faults: &mut Vec<String>) {
    let crates: BTreeSet<&String> = told.keys().chain(built.keys()).collect();
    for name in crates {
        let names = |graph: &Graph| {
            graph.get(name).map(|on| on.iter().cloned().collect::<Vec<_>>().join(", "))
        };
        match (names(told), names(built)) {
            (Some(told), Some(built)) if told != built => faults.push(format!(
                "ARCHITECTURE.md: crate `{name}` is shown to depend on [{told}], and depends on [{built}]"
            )),
            (Some(_), None) => faults.push(format!("ARCHITECTURE.md: there is no crate `{name}`")),
            (None, Some(_)) => faults.push(format!("ARCHITECTURE.md: crate `{name}` has no row")),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

/// The graph of the table under `| crate | depends on |`.
fn told(text: &str) -> anyhow::Result<Graph> {
    let rows = text.lines().skip_while(|line| !line.starts_with("| crate | depends on |")).skip(2);
    let graph: Graph = rows
        .map_while(|line| line.strip_prefix("| "))
        .filter_map(|row| {
            let mut cells = row.split('|');
            let name = quoted(cells.next()?).into_iter().next()?;
            Some((name, quoted(cells.next()?)))
        })
        .collect();
    if graph.is_empty() {
        bail!("ARCHITECTURE.md has no table `| crate | depends on |`");
    }
    Ok(graph)
}

/// The libraries that the table under `| for | crate |` explains.
fn explained(text: &str) -> BTreeSet<String> {
    let rows = text.lines().skip_while(|line| !line.starts_with("| for | crate |")).skip(2);
    rows.map_while(|line| line.strip_prefix("| "))
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(quoted)
        .collect()
}

fn compare_libraries(
    explained: &BTreeSet<String>,
    used: &BTreeSet<String>,
    faults: &mut Vec<String>,
) {
    for name in used.difference(explained) {
        faults.push(format!("ARCHITECTURE.md: library `{name}` has no row that says why"));
    }
    for name in explained.difference(used) {
        faults.push(format!("ARCHITECTURE.md: nothing uses the library `{name}`"));
    }
}

/// The texts between back-quotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The packages of the workspace, as cargo describes them.
fn packages(root: &Path) -> anyhow::Result<Vec<Value>> {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let metadata: Value = serde_json::from_str(&output(root, &cargo, &arguments)?)?;
    Ok(array(&metadata["packages"]))
}

/// The graph of the manifests under `crates/`, without what only tests depend on.
fn built(packages: &[Value]) -> Graph {
    let packages = packages.iter().filter(|one| text(&one["manifest_path"]).contains("/crates/"));
    let ours: BTreeSet<String> = packages.clone().map(|package| text(&package["name"])).collect();
    let graph = packages.map(|package| {
        let on = array(&package["dependencies"])
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .filter(|name| ours.contains(name))
            .collect();
        (text(&package["name"]), on)
    });
    graph.collect()
}

/// What the packages depend on, also for their tests, that is not of the workspace.
fn libraries(packages: &[Value]) -> BTreeSet<String> {
    let dependencies = packages.iter().flat_map(|package| array(&package["dependencies"]));
    dependencies
        .filter(|dependency| dependency["path"].is_null())
        .map(|dependency| text(&dependency["name"]))
        .collect()
}

fn array(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn tracked(root: &Path) -> anyhow::Result<Vec<String>> {
    Ok(output(root, "git", &["ls-files"])?.lines().map(str::to_owned).collect())
}

#[expect(clippy::disallowed_methods, reason = "asks git and cargo about the checkout")]
fn output(root: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
