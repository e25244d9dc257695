//! A loss of power at each file operation: what was not synchronised may be lost, or may not.
//!
//! A shadow of the directory knows what is safe: a file's content since the last synchronisation of
//! the file, and its name since that of the folder. Names reach the disk in the order in which they
//! were made, up to some point.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::report::{Row, check_section};
use super::*;
use crate::ledger::store::disk::Operation;

#[test]
fn a_loss_of_power_leaves_the_old_or_the_new_configuration() {
    let sections = CASES.iter().map(|case| (case.title, rows(case)));
    check_section("power", &["at", "after a boot", "with the kernel as it was"], sections);
}

/// One row for each operation before which the power is lost. In the last row it is lost after the
/// user has the answer.
fn rows(case: &Case) -> Vec<Row> {
    let ends = case.ends();
    let (host, mut engine) = case.prepared();
    let dir = host.state_dir.path().join("netloom");
    let shadow = Arc::new(Mutex::new(Shadow::of(&dir)));
    let moments = Arc::new(Mutex::new(Vec::new()));
    let (watcher, recorded, kernel) =
        (Arc::clone(&shadow), Arc::clone(&moments), host.kernel.clone());
    engine.ledger.store().disk.faults.set(move |operation| {
        let mut shadow = watcher.lock().unwrap();
        let boundary = report::in_words(operation, &shadow.dir);
        recorded.lock().unwrap().push(Moment {
            boundary,
            images: shadow.images(),
            kernel: kernel.state(),
        });
        shadow.note(operation);
        None
    });
    (case.act)(&mut engine).unwrap();
    engine.ledger.store().disk.faults.clear();
    let mut moments = std::mem::take(&mut *moments.lock().unwrap());
    let images = shadow.lock().unwrap().images();
    moments.push(Moment { boundary: "the answer".into(), images, kernel: host.kernel.state() });
    let last = moments.len() - 1;
    let row = |(index, moment): (usize, &Moment)| {
        let outcome = |restarted: bool| {
            let outcome = outcome(case, &ends, moment, restarted);
            let found = if restarted {
                (&ends.old, &ends.new)
            } else {
                (&ends.old_booted, &ends.new_booted)
            };
            assert!(
                index < last || found.0 == found.1 || outcome == "new",
                "{}: it is lost",
                case.title
            );
            outcome
        };
        Row { boundary: moment.boundary.clone(), outcomes: vec![outcome(false), outcome(true)] }
    };
    moments.iter().enumerate().map(row).collect()
}

/// The moment just before an operation.
struct Moment {
    boundary: String,
    /// The possible contents of the disk.
    images: Vec<Files>,
    kernel: State,
}

/// Starts a daemon from each of the images, checks the result, and returns it.
fn outcome(case: &Case, ends: &Ends, moment: &Moment, restarted: bool) -> String {
    let (old, new) = match restarted {
        true => (&ends.old, &ends.new),
        false => (&ends.old_booted, &ends.new_booted),
    };
    let mut found = BTreeSet::new();
    for files in &moment.images {
        let host = match restarted {
            true => case.host_with(files, moment.kernel.clone(), "first"),
            false => case.host_with(files, nics(&["enp0s4", "enp0s5"]), "second"),
        };
        let mut engine = host.start();
        let held = Held::by(&engine, &host);
        let what = format!("{}, before {}", case.title, moment.boundary);
        found.insert(match () {
            () if old == new && held == *old => "the same",
            () if held == *old => "old",
            () if held == *new => "new",
            () => panic!("{what}: {}; {}; {files:?}", held.unlike(old), held.unlike(new)),
        });
        check_next_commit(&mut engine, &host, &what);
    }
    found.into_iter().collect::<Vec<_>>().join(" or ")
}

/// The part of a directory that is safe, and the part that is not yet.
struct Shadow {
    dir: PathBuf,
    /// The file behind each name, as a process sees it.
    names: BTreeMap<String, usize>,
    /// The same, as far as it is safe.
    safe_names: BTreeMap<String, usize>,
    /// The names that were given or removed since.
    since: Vec<(String, Option<usize>)>,
    /// The safe content of each file.
    safe: Vec<Vec<u8>>,
}

impl Shadow {
    /// A directory whose whole content is safe.
    fn of(dir: &FilePath) -> Shadow {
        let files = read_files(dir);
        let names: BTreeMap<String, usize> = files.keys().cloned().zip(0..).collect();
        let safe = files.into_values().collect();
        Shadow { dir: dir.into(), safe_names: names.clone(), names, since: Vec::new(), safe }
    }

    /// Notes an operation that is about to be executed.
    fn note(&mut self, operation: Operation<'_>) {
        match operation {
            Operation::Write(path) => {
                let name = self.name(path);
                if !self.names.contains_key(&name) {
                    self.safe.push(Vec::new());
                    self.call(name, Some(self.safe.len() - 1));
                }
            }
            Operation::Synchronise(path) => {
                let file = self.names[&self.name(path)];
                self.safe[file] = std::fs::read(path).unwrap();
            }
            Operation::Rename(from, to) => {
                let (from, to) = (self.name(from), self.name(to));
                let file = self.names[&from];
                self.call(to, Some(file));
                self.call(from, None);
            }
            Operation::Remove(path) => {
                let name = self.name(path);
                if self.names.contains_key(&name) {
                    self.call(name, None);
                }
            }
            Operation::SynchroniseFolder(folder) => {
                let folder = folder.strip_prefix(&self.dir).unwrap().to_owned();
                let is_in = |name: &str| FilePath::new(name).parent() == Some(&folder);
                let safe = self.since.extract_if(.., |(name, _)| is_in(name));
                for (name, file) in safe.collect::<Vec<_>>() {
                    set(&mut self.safe_names, name, file);
                }
            }
        }
    }

    /// The possible contents of the disk after a loss of power. Any number of the unsafe names have
    /// reached it. Of the unsafe content, all has reached it, or half, or nothing.
    fn images(&self) -> Vec<Files> {
        let mut images: Vec<Files> = Vec::new();
        for reached in 0..=self.since.len() {
            let mut names = self.safe_names.clone();
            for (name, file) in &self.since[..reached] {
                set(&mut names, name.clone(), *file);
            }
            for part in [0, 1, 2] {
                let content = |file: usize| {
                    let safe = &self.safe[file];
                    let name = self.names.iter().find(|(_, named)| **named == file);
                    let there = name.and_then(|(name, _)| std::fs::read(self.dir.join(name)).ok());
                    match there.filter(|there| there != safe) {
                        Some(there) if part > 0 => there[..there.len() * part / 2].to_vec(),
                        Some(_) | None => safe.clone(),
                    }
                };
                let named = names.iter().map(|(name, file)| (name.clone(), content(*file)));
                let image: Files = named.collect();
                if !images.contains(&image) {
                    images.push(image);
                }
            }
        }
        images
    }

    fn call(&mut self, name: String, file: Option<usize>) {
        set(&mut self.names, name.clone(), file);
        self.since.push((name, file));
    }

    fn name(&self, path: &FilePath) -> String {
        path.strip_prefix(&self.dir).unwrap().to_str().unwrap().into()
    }
}

fn set(names: &mut BTreeMap<String, usize>, name: String, file: Option<usize>) {
    match file {
        Some(file) => names.insert(name, file),
        None => names.remove(&name),
    };
}
