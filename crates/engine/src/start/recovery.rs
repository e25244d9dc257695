//! Recovery: a start with a state directory that has unreadable files. The daemon still serves.
//!
//! A remote device must be reachable to be repaired. The log and a commit in the history name each
//! unreadable file. The file is kept under a name that says so, and is replaced by the rescue
//! configuration, or by an empty one. It is unknown what an unreadable configuration has put into
//! the kernel. Therefore this stays, as if others had made it. Only objects that the replacement
//! names are touched.

use std::fmt::Write;

use yang::Tree;

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::intent::{Intent, Running};
use crate::ledger::configuration::RUNNING;
use crate::ledger::rescue::{self, RESCUE};
use crate::ledger::startup::{STARTUP, Startup};
use crate::ledger::{confirmation, originals};
use crate::origin::Origin;
use crate::transaction::commit::Author;

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

    /// Fails if any file is unreadable.
    pub(crate) fn refuse(self) -> Result<()> {
        let faults: Vec<Error> = self.0.into_iter().flat_map(|damaged| damaged.fault.0).collect();
        if faults.is_empty() { Ok(()) } else { Err(Errors(faults)) }
    }
}

impl Engine {
    /// Replaces what cannot be read, and records this as a commit. `touched` says whether anything
    /// has been touched since the host booted.
    pub(crate) fn replace_unreadable(&mut self, mut damage: Damage, touched: bool) -> Result<()> {
        if damage.0.is_empty() {
            return Ok(());
        }
        let id = self.running.id + 1;
        let lost = damage.has(RUNNING);
        let mut message = String::new();
        let substitute = if lost || damage.has(STARTUP) {
            Some(self.substitute(&mut damage, touched)?)
        } else {
            None
        };
        for Damaged { name, fault } in &damage.0 {
            let _infallible = write!(message, "{}", fault.describe());
            if let Some(kept) = self.ledger.store().set_aside(name, id)? {
                let _infallible = write!(message, " (kept as {kept})");
            }
            message.push_str("; ");
        }
        let before = self.running.intent.tree.clone();
        match &substitute {
            Some(Substitute { intent, words }) if lost => {
                self.running.intent = intent.clone();
                let _infallible = write!(message, "running is {words}");
            }
            Some(Substitute { words, .. }) if !self.settings.autosave => {
                let _infallible = write!(message, "startup is {words}");
            }
            Some(_) => message.push_str("startup follows running"),
            None => message.push_str("running is as it was"),
        }
        tracing::error!("{message}");
        self.commit_recovery(message, &before, lost)?;
        if let Some(Substitute { intent, .. }) = substitute
            && damage.has(STARTUP)
        {
            self.ledger.set_startup(match self.settings.autosave {
                true => Startup::Follows,
                false => Startup::Fixed { id, tree: intent.tree },
            })?;
        }
        if damage.has(originals::FILE) {
            self.ledger.save_originals(self.kernel.originals())?;
        }
        if damage.has(confirmation::MARK) {
            self.ledger.store().remove(confirmation::MARK)?;
        }
        Ok(())
    }

    /// Commits the replacement, with the message as its comment. If running is lost, this commit
    /// starts a new history: no earlier commit leads to it.
    fn commit_recovery(&mut self, comment: String, before: &Tree, lost: bool) -> Result<()> {
        let origin = Origin { user: "netloomd".into(), from: "start".into() };
        let diff = before.diff(&self.running.intent.tree);
        let mut record = self.record(Author { origin, comment: Some(comment) }).with_changes(&diff);
        // A commit that waits for its confirmation keeps waiting, though this one is the latest.
        record.awaited = self.pending.as_ref().map(|pending| pending.awaited().clone());
        record.autosave &= record.awaited.is_none();
        if lost {
            record.base = 0;
        }
        let id = record.id;
        self.ledger.enter(record)?;
        self.running = Running { id, intent: self.running.intent.clone() };
        if lost {
            self.ledger.begin_with(id, &self.running.intent.tree)?;
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
