//! Compares Netloom with other programs that do the same work, in one run: `bench [CASE…]`, or
//! `bench beside` for the cost of routes of others.
//!
//! Without a case, everything is measured and written to `bench/results.json`, README.md and
//! docs/bench.md. Netloom's time is what a user sees: `netloom` starts, reads a file, loads it into
//! the candidate, and commits. The daemon validates, plans, writes the journal, executes, and
//! observes again.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod beside;
mod case;
mod files;
mod machine;
mod measure;
mod memory;
mod messages;
mod netconf;
mod netlink;
mod results;
mod round;
mod table;
mod verdict;
mod way;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use testkit::netns::isolated;

use crate::case::{Case, Cases};
use crate::netlink::Dump;
use crate::results::Results;
use crate::way::repository;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", file] => netlink::send(Path::new(file)).expect("the kernel takes the messages"),
        ["count", what] => {
            let dump = if what == "routes" { Dump::Routes } else { Dump::Links };
            println!("{}", netlink::count(dump).expect("the kernel tells"));
        }
        ["beside"] => print!("{}", beside::table(&isolated(beside::measure))),
        [] => measure(&Case::all().collect::<Vec<_>>(), true),
        ref names => {
            let cases: Result<Vec<Cases>, String> = names.iter().map(|name| name.parse()).collect();
            match cases {
                Ok(cases) => {
                    measure(&cases.into_iter().flat_map(|c| c.0).collect::<Vec<_>>(), false)
                }
                Err(error) => {
                    eprintln!("{error}");
                    return ExitCode::from(2);
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// Only the results of all cases together are kept.
fn measure(cases: &[Case], keep: bool) {
    let start = Instant::now();
    let programs = env::current_exe().expect("find this program");
    let disk = programs.with_file_name("");
    let growth = isolated(|| memory::growth(&disk));
    let beside = if keep { isolated(beside::measure) } else { Vec::new() };
    let mut results = Results { machine: machine::facts(), growth, beside, cells: Vec::new() };
    for case in cases {
        let began = start.elapsed();
        let cells = isolated(|| round::measure(*case, &disk, &results.cells));
        results.cells.extend(cells);
        eprintln!("{case}: {:.0} s", (start.elapsed() - began).as_secs_f64());
    }
    let full = table::full(&results);
    println!("{full}");
    for verdict in verdict::verdicts(&results) {
        println!("{verdict}");
    }
    eprintln!("The benchmark took {:.0} s.", start.elapsed().as_secs_f64());
    if keep {
        let root = repository();
        let text = serde_json::to_string_pretty(&results).expect("numbers are JSON");
        fs::write(root.join("bench/results.json"), text + "\n").expect("write the results");
        insert(&root.join("README.md"), &table::short(&results));
        insert(&root.join("docs/bench.md"), &full);
    }
}

/// Writes a table between its markers.
fn insert(file: &Path, table: &str) {
    let text = fs::read_to_string(file).expect("read a document");
    let (begin, end) = ("<!-- bench:begin -->\n", "<!-- bench:end -->");
    let (before, rest) = text.split_once(begin).expect("the document has the first mark");
    let (_, after) = rest.split_once(end).expect("the document has the second mark");
    fs::write(file, format!("{before}{begin}{table}{end}{after}")).expect("write a document");
}
