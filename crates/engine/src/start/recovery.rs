//! Recovery: a start with a state directory that has unreadable files. The daemon still serves.
//!
//! A remote device must be reachable to be repaired. The log and a commit in the history name each
//! unreadable file. The file is kept under a name that says so, and is replaced by the rescue
//! configuration, or by an empty one. It is unknown what an unreadable configuration has put into
//! the kernel. Therefore this stays, as if others had made it. Only objects that the replacement
//! names are touched.

use std::fmt::Write;

use yang::Tree;

use crate::datastore::intent::Intent;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::ledger::configuration::RUNNING;
use crate::ledger::record::Record;
use crate::ledger::rescue::{self, RESCUE};
use crate::ledger::startup::{STARTUP, Startup};
use crate::ledger::{confirmation, history, originals};
use crate::session::origin::Origin;
use crate::transaction::commit::Author;
use crate::transaction::schedule::SCHEDULE;

/// The unreadable files of the state directory, and the errors.
#[derive(Debug, Default)]
pub(crate) struct Damage(Vec<Damaged>);

#[derive(Debug)]
struct Damaged {
    /// The file that must be replaced.
    name: &'static str,
    fault: Errors,
}

/// A configuration that replaces one that cannot be read.
struct Substitute {
    intent: Intent,
    words: &'static str,
}

impl Damage {
    /// What was read; if it could not be read, the error is noted.
    pub(crate) fn except<T>(&mut self, name: &'static str, read: Result<T>) -> Option<T> {
        read.map_err(|fault| self.note(name, fault)).ok()
    }

    pub(crate) fn note(&mut self, name: &'static str, fault: Errors) {
        self.0.push(Damaged { name, fault });
    }

    /// Whether this file is unreadable.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|damaged| damaged.name == name)
    }

    /// Fails if one of these files is unreadable.
    pub(crate) fn refuse(self, needed: &[&str]) -> Result<()> {
        let damaged = self.0.into_iter().filter(|damaged| needed.contains(&damaged.name));
        let faults: Vec<Error> = damaged.flat_map(|damaged| damaged.fault.0).collect();
        if faults.is_empty() { Ok(()) } else { Err(Errors(faults)) }
    }

    /// The error of each file, and the name under which the file is kept.
    fn describe(&self, kept: &[Option<String>]) -> String {
        let mut message = String::new();
        for (index, Damaged { name: _, fault }) in self.0.iter().enumerate() {
            let _infallible = write!(message, "{}", fault.describe());
            if let Some(Some(kept)) = kept.get(index) {
                let _infallible = write!(message, " (kept as {kept})");
            }
            message.push_str("; ");
        }
        message
    }
}

impl Engine {
    /// Replaces what cannot be read, and records this as a commit. `touched` says whether anything
    /// has been touched since the host booted.
    pub(crate) fn replace_unreadable(&mut self, mut damage: Damage, touched: bool) -> Result<()> {
        if damage.0.is_empty() {
            if let Err(errors) = self.ledger.store().require_writable() {
                self.ledger.freeze(&errors, None, self.ledger.startup().clone());
            }
            return Ok(());
        }
        let id = self.running.id + 1;
        let lost = damage.has(RUNNING);
        let substitute = if lost || damage.has(STARTUP) {
            Some(self.substitute(&mut damage, touched)?)
        } else {
            None
        };
        let startup = match (&substitute, self.settings.autosave) {
            (Some(_), true) if damage.has(STARTUP) => Some(Startup::Follows),
            (Some(Substitute { intent, .. }), false) if damage.has(STARTUP) => {
                Some(Startup::Fixed { id, tree: intent.tree.clone() })
            }
            (Some(_) | None, _) => None,
        };
        // Every file is kept before any is replaced. If one cannot be kept, none is replaced.
        let kept = self.keep(&damage, id);
        let message = damage.describe(kept.as_deref().unwrap_or_default());
        let words = match &substitute {
            Some(Substitute { words, .. }) if lost => format!("running is {words}"),
            Some(Substitute { words, .. }) if !self.settings.autosave => {
                format!("startup is {words}")
            }
            Some(_) => "startup follows running".into(),
            None => "running is as it was".into(),
        };
        let message = message + &words;
        tracing::error!("{message}");
        let before = self.running.intent.tree.clone();
        if let Some(Substitute { intent, .. }) = substitute
            && lost
        {
            self.running.intent = intent;
        }
        let record = self.recovery(message, &before, lost);
        self.running.id = id;
        let written = kept.and_then(|_| self.write_recovery(&record, startup.as_ref(), &damage));
        if let Err(errors) = written {
            let startup = startup.unwrap_or_else(|| self.ledger.startup().clone());
            let unrecorded = self.ledger.history().head().is_none_or(|head| head.id != id);
            self.ledger.freeze(&errors, unrecorded.then_some(record), startup);
        }
        Ok(())
    }

    /// Keeps the unreadable files under other names. Returns these names.
    fn keep(&self, damage: &Damage, id: u64) -> Result<Vec<Option<String>>> {
        let store = self.ledger.store();
        history::latest(store)?;
        damage.0.iter().map(|damaged| store.set_aside(damaged.name, id)).collect()
    }

    /// The commit of the replacement, with the message as its comment. If running is lost, this
    /// commit starts a new history: no earlier commit leads to it.
    fn recovery(&self, comment: String, before: &Tree, lost: bool) -> Record {
        let origin = Origin { user: "netloomd".into(), from: "start".into() };
        let diff = before.diff(&self.running.intent.tree);
        let author = Author { origin, comment: Some(comment) };
        let mut record = self.record(author).with_changes(diff.into());
        // A commit that waits for its confirmation keeps waiting, though this one is the latest.
        record.awaited = self.pending.as_ref().map(|pending| pending.awaited().clone());
        record.autosave &= record.awaited.is_none();
        if lost {
            record.base = 0;
        }
        record
    }

    /// Writes the replacements of the unreadable files.
    fn write_recovery(
        &mut self,
        record: &Record,
        startup: Option<&Startup>,
        damage: &Damage,
    ) -> Result<()> {
        self.ledger.enter(record.clone())?;
        if damage.has(RUNNING) {
            self.ledger.begin_with(record.id, &self.running.intent.tree)?;
        }
        if let Some(startup) = startup {
            self.ledger.set_startup(startup.clone())?;
        }
        if damage.has(originals::FILE) {
            self.ledger.save_originals(self.kernel.originals())?;
        }
        for name in [confirmation::MARK, SCHEDULE].into_iter().filter(|name| damage.has(name)) {
            self.ledger.store().remove(name)?;
        }
        Ok(())
    }

    /// The best available replacement: startup, if the host has just booted and startup can be
    /// read; otherwise the rescue configuration; otherwise an empty one.
    fn substitute(&self, damage: &mut Damage, touched: bool) -> Result<Substitute> {
        if let Startup::Fixed { tree, .. } = self.ledger.startup()
            && !(touched || damage.has(STARTUP))
        {
            let words = "what startup is";
            return Ok(Substitute { intent: Intent::of(tree.clone())?, words });
        }
        let schema = self.running.intent.tree.schema();
        match rescue::read(self.ledger.store(), schema).and_then(Intent::of) {
            Ok(intent) => {
                return Ok(Substitute { intent, words: "the rescue configuration" });
            }
            Err(errors) if matches!(errors.0[..], [Error::NoRescue]) => {}
            Err(errors) => damage.note(RESCUE, errors),
        }
        let words = "empty, and the kernel is left as it is";
        Ok(Substitute { intent: Intent::of(Tree::empty(schema))?, words })
    }
}
