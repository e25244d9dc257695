//! The start: what the state directory says is made true before anybody is served.
//!
//! A commit that was cut short is finished where it had happened, and undone where it had not. After a restart of the
//! daemon running is in force, after a reboot of the host startup is. What cannot be applied, for example because a NIC
//! is missing, keeps nothing else down.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Desired, Originals, Southbound};
use tokio::sync::{mpsc, watch};
use yang::{Schema, Tree};

use crate::datastore::{RUNNING, STARTUP, Snapshot, Startup, load};
use crate::engine::{Engine, Intent, Running};
use crate::error::{Errors, Result};
use crate::kernel_state::drift::Drift;
use crate::kernel_state::events::Events;
use crate::kernel_state::ownership;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::history::{self, History, Record};
use crate::ledger::journal::{self, JOURNAL};
use crate::ledger::past::{Past, Revision};
use crate::ledger::store::Store;
use crate::session::candidate::Version;
use crate::session::notice;
use crate::session::{Origin, Sessions};
use crate::settings::Settings;
use crate::start::salvage::Damage;
use crate::start::unrecorded::Unrecorded;
use crate::transaction::commit::Author;
use crate::transaction::confirmed::{self, Pending};
use crate::transaction::probes::Answer;
use crate::transaction::scheduled::{SCHEDULE, Schedule};

/// What an engine starts from.
pub(crate) struct Boot {
    pub(crate) settings: Settings,
    pub(crate) schema: &'static Schema,
    pub(crate) southbound: Box<dyn Southbound>,
    pub(crate) answers: mpsc::Sender<Answer>,
}

/// What the state directory holds, before anything has been done about it.
pub(crate) struct Found {
    pub(crate) engine: Engine,
    /// What an attempt that was under way when the last process ended may have touched, running included.
    pub(crate) attempted: Option<Desired>,
    /// Whether anything has been touched since the host booted.
    pub(crate) touched: bool,
    /// What could not be read.
    pub(crate) damage: Damage,
}

/// Running as the state directory has it: the checkpoint, and the commits after it.
struct Recorded {
    checkpoint: Checkpoint,
    history: History,
    running: Running,
}

impl Boot {
    pub(crate) fn start(self) -> Result<Engine> {
        self.find()?.start()
    }

    /// Takes the state directory and reads it.
    pub(crate) fn find(self) -> Result<Found> {
        let store = Store::open(&self.settings.state_dir)?;
        let mut damage = Damage::default();
        let recorded = damage.except(RUNNING, Recorded::read(&store, self.schema));
        let Recorded { checkpoint, history, running } = match recorded {
            Some(recorded) => recorded,
            None => Recorded::lost(&store, self.schema)?,
        };
        let originals = ownership::load(&store, &self.settings.boot_id);
        // Where nobody knows whether this is another boot, nothing is taken for untouched.
        let originals =
            damage.except(ownership::FILE, originals).unwrap_or(Some(Originals::default()));
        let touched = originals.is_some();
        let startup = Startup::load(&store, self.schema).and_then(|startup| match &startup {
            Startup::Fixed { tree, .. } if !touched => {
                intent(&store, STARTUP, tree.clone()).map(|_| startup)
            }
            Startup::Fixed { .. } | Startup::Follows => Ok(startup),
        });
        let startup = damage.except(STARTUP, startup).unwrap_or(Startup::Follows);
        let attempt = journal::find(&store, running.id).and_then(|attempt| match attempt {
            Some(record) if damage.has(RUNNING) => {
                let fault =
                    format!("it is of commit {} to a running that cannot be read", record.id);
                Err(store.corrupt(JOURNAL, fault).into())
            }
            attempt => Ok(attempt),
        });
        let attempt = damage.except(JOURNAL, attempt).flatten().filter(|_| touched);
        let schedule = damage.except(SCHEDULE, Schedule::load(&store)).unwrap_or_default();
        let tree = running.intent.tree.clone();
        let published = Snapshot {
            startup: startup.tree(&tree).clone(),
            running: Version { id: running.id, tree },
        };
        let engine = Engine {
            history,
            checkpoint,
            running,
            startup,
            sessions: Sessions::default(),
            stuck: BTreeSet::new(),
            drift: Drift::default(),
            obstacles: BTreeMap::new(),
            diverged: None,
            unrecorded: None,
            pending: None,
            schedule,
            published: watch::Sender::new(published),
            notices: notice::channel(),
            events: Events::new(),
            answers: self.answers,
            #[cfg(any(test, feature = "faults"))]
            fault: None,
            originals: originals.unwrap_or_default(),
            settings: self.settings,
            southbound: self.southbound,
            store,
        };
        let attempted = attempt.and_then(|record| {
            tracing::warn!(transaction = record.id, "undoing a commit that was cut short");
            damage.except(JOURNAL, engine.touched_by(&record))
        });
        Ok(Found { engine, attempted, touched, damage })
    }
}

impl Found {
    /// Makes what has been found true.
    pub(crate) fn start(self) -> Result<Engine> {
        let Found { mut engine, attempted, touched, mut damage } = self;
        #[cfg(feature = "faults")]
        {
            engine.fault = crate::transaction::step::Fault::from_environment();
        }
        engine.find_pending(&mut damage);
        engine.salvage(damage, touched)?;
        engine.keep_startup()?;
        match touched {
            // The kernel may hold anything between running and the attempt.
            true => {
                let cut = attempted.is_some();
                engine.recover(attempted.unwrap_or_else(|| engine.touched()), cut);
            }
            false => engine.boot()?,
        }
        engine.resume_waiting();
        engine.publish();
        engine.watch();
        engine.checkpoint();
        Ok(engine)
    }
}

impl Recorded {
    fn read(store: &Store, schema: &'static Schema) -> Result<Recorded> {
        let (mut checkpoint, mut tree) = match load(store, RUNNING, schema)? {
            Some(loaded) => (Checkpoint::found(loaded.id, loaded.bytes), loaded.tree),
            None => (Checkpoint::default(), Tree::empty(schema)),
        };
        let mut history = History::open(store, checkpoint.id())?;
        let id = history.replay(store, &mut checkpoint, &mut tree)?;
        let intent = intent(store, RUNNING, tree)?;
        Ok(Recorded { checkpoint, history, running: Running { id, intent } })
    }

    /// Where it cannot be read: nothing, after all that has been.
    fn lost(store: &Store, schema: &'static Schema) -> Result<Recorded> {
        let id = history::latest(store)?;
        let mut history = History::open(store, id)?;
        history.awaited = None;
        let intent = Intent::of(Tree::empty(schema))?;
        Ok(Recorded { checkpoint: Checkpoint::default(), history, running: Running { id, intent } })
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

    /// Finds the commit that waits for its confirmation, if there is one. Where nobody can tell whether it has been
    /// confirmed it waits on; where nobody can tell what to go back to it stays, which is no reason not to serve.
    fn find_pending(&mut self, damage: &mut Damage) {
        let id = self.running.id;
        let Some(awaited) = self.history.awaited.clone() else { return };
        let marked = confirmed::is_marked(&self.store, id);
        if damage.except(confirmed::MARK, marked).unwrap_or(false) {
            return;
        }
        let position = id.checked_sub(awaited.base).and_then(|back| usize::try_from(back).ok());
        let base = Past::of(self).at(Revision::Position(position.unwrap_or(usize::MAX)));
        match base {
            Ok(tree) => {
                self.pending = Some(Pending::new(awaited, tree, &self.settings));
            }
            Err(errors) => tracing::error!(
                transaction = id,
                base = awaited.base,
                errors = errors.told(),
                "commit {id} is not confirmed, but cannot be undone: it stays"
            ),
        }
    }

    /// What running and an attempt to follow it may have touched.
    pub(crate) fn touched_by(&self, attempt: &Record) -> Result<Desired> {
        let mut tree = self.running.intent.tree.clone();
        let fault = |error: yang::Error| self.store.corrupt(JOURNAL, error.to_string());
        attempt.redo(&mut tree).map_err(fault)?;
        let attempted = intent(&self.store, JOURNAL, tree)?;
        Ok(self.running.intent.desired().clone().merged(attempted.desired()))
    }

    /// After a boot of the host: nothing of ours is in the kernel, and startup becomes running. The kernel does not wait for
    /// the disk.
    fn boot(&mut self) -> Result<()> {
        let startup = self.startup.tree(self.settled()).clone();
        let startup = intent(&self.store, STARTUP, startup)?;
        let diff = self.running.intent.tree.diff(&startup.tree);
        let record = (!diff.is_empty()).then(|| {
            let origin = Origin { user: "netloomd".into(), from: "boot".into() };
            let comment = Some("startup loaded".into());
            let author = Author { origin, comment };
            self.record(author).telling(&diff)
        });
        if let Some(record) = &record {
            self.running = Running { id: record.id, intent: startup };
            self.pending = None;
        }
        self.unrecorded = Some(Unrecorded::new(record, self.now()));
        if let Err(errors) = self.catch_up() {
            tracing::error!(errors = errors.told(), "the boot is not on disk as yet");
        }
        self.unrecorded.get_or_insert(Unrecorded::nothing(self.now()));
        self.recover(Desired::default(), false);
        self.unrecorded.take_if(|unrecorded| unrecorded.is_nothing());
        Ok(())
    }
}

/// A configuration of the state directory, which was valid when it was written.
fn intent(store: &Store, name: &str, tree: Tree) -> Result<Intent> {
    Intent::of(tree).map_err(|errors| Errors::from(store.corrupt(name, errors.told())))
}
