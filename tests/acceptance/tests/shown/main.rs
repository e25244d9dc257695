//! What `show` prints as configuration loads back to the same: in each form, from each place, whatever it contains.
//!
//! The part that is shown is read back in each way: by `load replace`, by `load merge`, as a script, and pasted into a
//! terminal with and without bracketed paste.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod place;
mod running;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use acceptance::{Ability, Daemon, Terminal, built, command, random, step};
use fastrand::Rng;
use testkit::netns::isolated;
use yang::{Path, Schema, Tree};

use self::place::words;

const FORMS: [&str; 4] = ["text", "set", "json", "xml"];
/// Printed between two outputs of a script.
const BETWEEN: &str = "help | match TAB\n";

/// The first seed, unless `NETLOOM_SHOWN_SEED` sets another, and the number of cases, unless `NETLOOM_SHOWN` does.
const SEED: u64 = 20_261_123;
const CASES: u64 = 6;
/// Seeds that once found a fault.
const REGRESSIONS: [u64; 4] = [20_261_126, 20_261_128, 20_261_130, 20_261_157];

#[test]
fn any_part_of_a_candidate_loads_back() {
    let (first, cases) = (asked_for("NETLOOM_SHOWN_SEED", SEED), asked_for("NETLOOM_SHOWN", CASES));
    let failures: Vec<String> = isolated(|| {
        let daemon = Daemon::start();
        let seeds: BTreeSet<u64> = REGRESSIONS.into_iter().chain(first..first + cases).collect();
        let failures = seeds.into_iter().flat_map(|seed| {
            step(&format!("seed {seed}"));
            let failures = Case::new(&daemon, seed).failures();
            failures.into_iter().map(move |failure| format!("seed {seed}: {failure}"))
        });
        failures.collect()
    });
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n\n"));
}

fn asked_for(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// A configuration, and parts of it as they are shown.
struct Case<'d> {
    daemon: &'d Daemon,
    parts: Vec<Part>,
}

/// A part of a configuration.
struct Part {
    form: &'static str,
    shown: String,
    expected: Tree,
}

impl<'d> Case<'d> {
    fn new(daemon: &'d Daemon, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let leaves = random.usize(1..120);
        let tree = random::configuration(&mut random, leaves);
        let places: Vec<Path> = std::iter::once(Path::default())
            .chain((0..6).map(|_| random::place(&mut random, &tree)))
            .collect();
        let [file, saved] = ["tree.json", "saved.json"].map(|name| daemon.folder().join(name));
        fs::write(&file, tree.to_json(true)).expect("write the configuration");
        let mut script = format!(
            "configure\nload replace {}\nsave {}\n{BETWEEN}",
            file.display(),
            saved.display()
        );
        for place in &places {
            for form in FORMS {
                let place = words(place);
                let _ = write!(script, "show config-candidate {place}| display {form}\n{BETWEEN}");
            }
        }
        let shown = daemon.run(&(script + "discard-changes\n"));
        assert_eq!(read(&saved), tree, "seed {seed}: the candidate is what was loaded");
        let between = daemon.run(BETWEEN);
        let mut outputs = shown.split(&between).skip(1).map(str::to_owned);
        let mut parts = Vec::new();
        for place in &places {
            let expected = if place.steps.is_empty() { tree.clone() } else { tree.subtree(place) };
            for form in FORMS {
                let shown = outputs.next().expect("each place is shown");
                parts.push(Part { form, shown, expected: expected.clone() });
            }
        }
        // Nothing is no file to load.
        parts.retain(|part| !part.expected.is_empty());
        Self { daemon, parts }
    }

    fn failures(&self) -> Vec<String> {
        let mut ways = vec![("replaced", self.loaded("replace")), ("merged", self.loaded("merge"))];
        ways.push(("as a script", self.scripted()));
        ways.push(("pasted in brackets", self.pasted(true)));
        ways.push(("pasted", self.pasted(false)));
        let mut failures = Vec::new();
        for (way, found) in ways {
            for (part, found) in self.parts.iter().zip(found) {
                match found {
                    Ok(None) => {}
                    Ok(Some(found)) if found == part.expected => {}
                    Ok(Some(found)) => failures.push(format!(
                        "{way}, {}:\n{}\nexpected {}\nfound {}",
                        part.form,
                        part.shown,
                        part.expected.to_json(false),
                        found.to_json(false)
                    )),
                    Err(error) => {
                        failures.push(format!("{way}, {}:\n{}\n{error}", part.form, part.shown));
                    }
                }
            }
        }
        failures
    }

    /// Each part from a file.
    fn loaded(&self, how: &str) -> Vec<Outcome> {
        let file = self.daemon.folder().join("part");
        let saved = self.daemon.folder().join("loaded.json");
        let load = |part: &Part| {
            fs::write(&file, &part.shown).expect("write the part");
            let (file, saved) = (file.display(), saved.display());
            self.outcome(&format!("configure\nload {how} {file}\nsave {saved}\ndiscard-changes\n"))
        };
        self.parts.iter().map(load).collect()
    }

    /// Each part that has the form of commands as a script.
    fn scripted(&self) -> Vec<Outcome> {
        let saved = self.daemon.folder().join("loaded.json");
        let run = |part: &Part| {
            if !part.is_commands() {
                return Ok(None);
            }
            self.outcome(&format!(
                "configure\n{}save {}\ndiscard-changes\n",
                part.shown,
                saved.display()
            ))
        };
        self.parts.iter().map(run).collect()
    }

    fn outcome(&self, script: &str) -> Outcome {
        let saved = self.daemon.folder().join("loaded.json");
        let ran = self.daemon.script(script);
        match ran.status.success() {
            true => Ok(Some(read(&saved))),
            false => Err(ran.err),
        }
    }

    fn pasted(&self, bracketed: bool) -> Vec<Outcome> {
        let mut netloom = command(built("netloom"));
        netloom
            .arg("--socket")
            .arg(self.daemon.socket())
            .env("XDG_STATE_HOME", self.daemon.folder());
        let mut ann = Terminal::start_at(netloom, Ability::default());
        ann.keys("configure\r");
        ann.await_in_prompt(|prompt| prompt.ends_with("(config)#"));
        let paste = |(number, part): (usize, &Part)| {
            if !part.is_commands() {
                return Ok(None);
            }
            let file = self.daemon.folder().join(format!("pasted-{number}.json"));
            let end = format!("pasted {number}");
            let text = format!("{}save {}\ndiscard-changes\ntop\n", part.shown, file.display());
            let from = ann.transcript().len();
            match bracketed {
                true => ann.paste(&text, || 7),
                false => ann.press(text.as_bytes()),
            }
            // A line that fails does not prevent this.
            let rest = format!("\rdiscard-changes\rtop\rshow history | match \"{end}\"\r");
            ann.press(rest.as_bytes());
            ann.await_output(from, &end);
            ann.await_in_prompt(|prompt| prompt.ends_with("(config)#"));
            let text = fs::read_to_string(&file).ok();
            let text = text.ok_or_else(|| ann.transcript()[from..].to_owned())?;
            Ok(Some(tree(&text)))
        };
        self.parts.iter().enumerate().map(paste).collect()
    }
}

/// A candidate that was read back, or why it was not. None if the way is not for this form.
type Outcome = Result<Option<Tree>, String>;

impl Part {
    fn is_commands(&self) -> bool {
        ["text", "set"].contains(&self.form)
    }
}

fn read(file: &std::path::Path) -> Tree {
    tree(&fs::read_to_string(file).expect("the candidate is saved"))
}

fn tree(json: &str) -> Tree {
    let schema = Schema::netloom().expect("the modules compile");
    Tree::from_json(schema, json).expect("a saved candidate can be read")
}
