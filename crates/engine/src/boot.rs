//! The start: what the state directory says is made true before anybody is served.
//!
//! A commit that was cut short is finished where it had happened, and undone where it had not. After a restart of the
//! daemon running is in force, after a reboot of the host startup is. What cannot be applied, for example because a NIC
//! is missing, keeps nothing else down.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Desired, Originals, Southbound};
use tokio::sync::watch;
use yang::{Schema, Tree};

use crate::Settings;
use crate::checkpoint::Checkpoint;
use crate::commit::Author;
use crate::confirmed::{self, Pending};
use crate::datastore::{RUNNING, STARTUP, Snapshot, Startup, load};
use crate::drift::Drift;
use crate::engine::{Engine, Intent, Running};
use crate::error::{Errors, Result};
use crate::events::Events;
use crate::history::{self, History, Record};
use crate::journal::{self, JOURNAL};
use crate::notice;
use crate::ownership;
use crate::past::{Past, Revision};
use crate::session::{Origin, Sessions};
use crate::store::Store;

/// What an engine starts from.
pub(crate) struct Boot {
    pub(crate) settings: Settings,
    pub(crate) schema: &'static Schema,
    pub(crate) southbound: Box<dyn Southbound>,
    pub(crate) events: Events,
}

/// What the state directory holds, before anything has been done about it.
pub(crate) struct Found {
    pub(crate) engine: Engine,
    /// The attempt that was under way when the last process ended.
    pub(crate) attempted: Option<Record>,
    /// Whether anything has been touched since the host booted.
    pub(crate) touched: bool,
}

impl Boot {
    pub(crate) fn start(self) -> Result<Engine> {
        let Found { mut engine, attempted, touched } = self.find()?;
        #[cfg(feature = "faults")]
        {
            engine.fault = crate::step::Fault::from_environment();
        }
        engine.keep_startup()?;
        engine.find_pending()?;
        match touched {
            true => engine.resume(attempted)?,
            false => engine.boot()?,
        }
        engine.resume_waiting();
        engine.publish();
        engine.watch();
        engine.checkpoint();
        Ok(engine)
    }

    /// Takes the state directory and reads it.
    pub(crate) fn find(self) -> Result<Found> {
        let store = Store::open(&self.settings.state_dir)?;
        let (mut checkpoint, mut running) = match load(&store, RUNNING, self.schema)? {
            Some(loaded) => (Checkpoint::found(loaded.id, loaded.bytes), loaded.tree),
            None => (Checkpoint::default(), Tree::empty(self.schema)),
        };
        let mut history = History::open(&store, checkpoint.id())?;
        let id = history.replay(&store, &mut checkpoint, &mut running)?;
        let startup = Startup::load(&store, self.schema)?;
        let originals = ownership::load(&store, &self.settings.boot_id)?;
        let attempted = journal::find(&store, id)?;
        let intent = intent(&store, RUNNING, running)?;
        let published =
            Snapshot { startup: startup.tree(&intent.tree).clone(), running: intent.tree.clone() };
        let touched = originals.is_some();
        let engine = Engine {
            history,
            checkpoint,
            running: Running { id, intent },
            startup,
            sessions: Sessions::default(),
            stuck: BTreeSet::new(),
            drift: Drift::default(),
            obstacles: BTreeMap::new(),
            diverged: None,
            pending: None,
            published: watch::Sender::new(published),
            notices: notice::channel(),
            events: self.events,
            #[cfg(any(test, feature = "faults"))]
            fault: None,
            originals: originals.unwrap_or_default(),
            settings: self.settings,
            southbound: self.southbound,
            store,
        };
        Ok(Found { engine, attempted, touched })
    }
}

impl Engine {
    /// Has startup follow running where a commit was cut short before it could, and stay what it is where it is no
    /// longer to follow.
    fn keep_startup(&mut self) -> Result<()> {
        match &self.startup {
            Startup::Fixed { id, .. } if self.history.autosave && *id < self.running.id => {
                self.follow()
            }
            Startup::Follows if !self.settings.autosave => {
                let Running { id, intent } = &self.running;
                self.startup = Startup::Fixed { id: *id, tree: intent.tree.clone() };
                self.startup.save(&self.store)
            }
            Startup::Fixed { .. } | Startup::Follows => Ok(()),
        }
    }

    /// Finds the commit that waits for its confirmation, if there is one.
    fn find_pending(&mut self) -> Result<()> {
        let id = self.running.id;
        let Some(awaited) = self.history.awaited.clone() else { return Ok(()) };
        if confirmed::is_marked(&self.store, id)? {
            return Ok(());
        }
        let position = usize::try_from(id - awaited.base).unwrap_or(usize::MAX);
        let tree = Past::of(self).at(Revision::Position(position))?;
        self.pending = Some(Pending::new(awaited, tree, (self.settings.clock)()));
        Ok(())
    }

    /// After a restart of the daemon: the kernel may hold anything between running and the attempt.
    fn resume(&mut self, attempted: Option<Record>) -> Result<()> {
        let touched = match &attempted {
            Some(record) => {
                tracing::warn!(transaction = record.id, "undoing a commit that was cut short");
                self.touched_by(record)?
            }
            None => self.running.intent.desired().clone(),
        };
        self.recover(touched, attempted.is_some());
        Ok(())
    }

    /// What running and an attempt to follow it may have touched.
    pub(crate) fn touched_by(&self, attempt: &Record) -> Result<Desired> {
        let mut tree = self.running.intent.tree.clone();
        let fault = |error: yang::Error| self.store.corrupt(JOURNAL, error.to_string());
        attempt.redo(&mut tree).map_err(fault)?;
        let attempted = intent(&self.store, JOURNAL, tree)?;
        Ok(self.running.intent.desired().clone().merged(attempted.desired()))
    }

    /// After a boot of the host: nothing of ours is in the kernel, and startup becomes running.
    fn boot(&mut self) -> Result<()> {
        let startup = self.startup.tree(self.settled()).clone();
        let startup = intent(&self.store, STARTUP, startup)?;
        let diff = self.running.intent.tree.diff(&startup.tree);
        journal::withdraw(&self.store)?;
        if !diff.is_empty() {
            let origin = Origin { user: "netloomd".into(), from: "boot".into() };
            let comment = Some("startup loaded".into());
            let author = Author { origin, comment };
            let record = self.record(author).telling(&diff);
            let stamp = journal::draft(&self.store, &record)?.place()?;
            history::file(&self.store, record.id)?;
            self.running = Running { id: record.id, intent: startup };
            self.checkpoint.add(&record);
            self.history.add(record, stamp);
            self.pending = None;
        }
        ownership::save(&self.store, &self.settings.boot_id, &Originals::default())?;
        self.recover(Desired::default(), false);
        Ok(())
    }
}

/// A configuration of the state directory, which was valid when it was written.
fn intent(store: &Store, name: &str, tree: Tree) -> Result<Intent> {
    Intent::of(tree).map_err(|errors| Errors::from(store.corrupt(name, errors.told())))
}
