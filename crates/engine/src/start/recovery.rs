//! Recovery: a start on a state directory with files that cannot be read. The daemon serves all the same.
//!
//! A device at the other end of a network has to be reached to be repaired. What cannot be read is named in the log and by
//! a commit in the history, is kept under a name that says so, and is replaced by the rescue
//! configuration, or by none. Nobody knows what an unreadable configuration has put into the kernel. Therefore it stays
//! there, as if others had put it there: only what the configuration names that takes its place is touched.

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

/// What of the state directory cannot be read, and why.
#[derive(Debug, Default)]
pub(crate) struct Damage(Vec<Damaged>);

#[derive(Debug)]
struct Damaged {
    /// The file that cannot stay what it is.
    name: &'static str,
    fault: Errors,
}

/// A configuration that takes the place of one that cannot be read.
struct Substitute {
    intent: Intent,
    words: &'static str,
}

impl Damage {
    /// What was read, unless it could not be, which is noted.
    pub(crate) fn except<T>(&mut self, name: &'static str, read: Result<T>) -> Option<T> {
        read.map_err(|fault| self.note(name, fault)).ok()
    }

    pub(crate) fn note(&mut self, name: &'static str, fault: Errors) {
        self.0.push(Damaged { name, fault });
    }

    /// Whether a file is among it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|damaged| damaged.name == name)
    }

    /// Refuses to go on where there is any.
    pub(crate) fn refuse(self) -> Result<()> {
        let faults: Vec<Error> = self.0.into_iter().flat_map(|damaged| damaged.fault.0).collect();
        if faults.is_empty() { Ok(()) } else { Err(Errors(faults)) }
    }
}

impl Engine {
    /// Puts something in the place of what cannot be read, and says so by a commit. `touched` is whether anything has
    /// been touched since the host booted.
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

    /// Commits what has come into force, with the message as its comment. Where running is lost this is a beginning: no
    /// commit before it leads here.
    fn commit_recovery(&mut self, comment: String, before: &Tree, lost: bool) -> Result<()> {
        let origin = Origin { user: "netloomd".into(), from: "start".into() };
        let diff = before.diff(&self.running.intent.tree);
        let mut record = self.record(Author { origin, comment: Some(comment) }).with_changes(&diff);
        // What waits for its confirmation waits on, though this is the latest commit.
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

    /// The most worth that can be had: what the host was to come up with, where it has just booted and that can be
    /// read; the rescue configuration; none.
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
