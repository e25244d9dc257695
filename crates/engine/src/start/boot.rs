//! The start: the kernel is brought to the configuration in the state directory before anybody is
//! served.
//!
//! A commit that was interrupted is completed if it had happened, and undone otherwise. After a
//! restart of the daemon, running is applied. After a reboot of the host, startup is applied. An
//! object that cannot be applied, for example because a NIC is missing, is skipped and does not
//! prevent anything else.

use netstate::{Desired, Originals, Southbound};
use tokio::sync::{mpsc, watch};
use yang::{Schema, Tree};

use crate::datastore::intent::{Intent, Running};
use crate::datastore::{Snapshot, Version};
use crate::engine::Engine;
use crate::error::{Errors, Result};
use crate::kernel_state::drift::Drift;
use crate::kernel_state::events::Events;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::configuration::{RUNNING, load};
use crate::ledger::history::{self, History};
use crate::ledger::journal::{self, JOURNAL};
use crate::ledger::past::Revision;
use crate::ledger::record::Record;
use crate::ledger::startup::{STARTUP, Startup};
use crate::ledger::store::Store;
use crate::ledger::{Ledger, Opened, confirmation, originals};
use crate::session::notice::Publisher;
use crate::session::origin::Origin;
use crate::session::sessions::Sessions;
use crate::settings::Settings;
use crate::start::recovery::Damage;
use crate::transaction::commit::Author;
use crate::transaction::converge::Kernel;
use crate::transaction::pending::{Answer, Pending};
use crate::transaction::schedule::{SCHEDULE, Schedule};

/// The input of a start.
pub(crate) struct Boot {
    pub(crate) settings: Settings,
    pub(crate) schema: &'static Schema,
    pub(crate) southbound: Box<dyn Southbound>,
    pub(crate) answers: mpsc::Sender<Answer>,
}

/// The content of the state directory, before anything is changed.
pub(crate) struct Found {
    pub(crate) engine: Engine,
    /// What an attempt that was under way when the last process ended may have touched, including
    /// running.
    pub(crate) attempted: Option<Desired>,
    /// Whether anything has been touched since the host booted.
    pub(crate) touched: bool,
    /// The files that could not be read.
    pub(crate) damage: Damage,
}

/// Running in the state directory: the checkpoint, and the later commits.
struct Recorded {
    checkpoint: Checkpoint,
    history: History,
    running: Running,
}

impl Boot {
    pub(crate) fn start(self) -> Result<Engine> {
        self.find()?.start()
    }

    /// Locks the state directory and reads it.
    pub(crate) fn find(self) -> Result<Found> {
        let store = Store::open(&self.settings.state_dir)?;
        let mut damage = Damage::default();
        let recorded = damage.except(RUNNING, Recorded::read(&store, self.schema));
        let Recorded { checkpoint, history, running } = match recorded {
            Some(recorded) => recorded,
            None => Recorded::lost(&store, self.schema)?,
        };
        let found = originals::load(&store, &self.settings.boot_id);
        // If the originals cannot be read, this may be the same boot. Nothing is then regarded as
        // untouched.
        let originals = damage.except(originals::FILE, found).unwrap_or(Some(Originals::default()));
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
        let (settings, snapshot) = (
            self.settings,
            Snapshot {
                startup: startup.tree(&running.intent.tree).clone(),
                running: running.version(),
            },
        );
        let opened = Opened { store, history, checkpoint, startup };
        let events = Events::new();
        let engine = Engine {
            running,
            sessions: Sessions::default(),
            ledger: Ledger::new(settings.clone(), opened),
            kernel: Kernel::new(
                self.southbound,
                originals.unwrap_or_default(),
                events.epochs.clone(),
            ),
            drift: Drift::default(),
            diverged: None,
            events,
            pending: None,
            answers: self.answers,
            schedule,
            snapshot: watch::Sender::new(snapshot),
            notices: Publisher::new(settings.clock),
            settings,
        };
        let attempted = attempt.and_then(|record| {
            tracing::warn!(transaction = record.id, "undoing a commit that was cut short");
            damage.except(JOURNAL, engine.touched_by(&record))
        });
        Ok(Found { engine, attempted, touched, damage })
    }
}

impl Found {
    /// Applies what was found.
    pub(crate) fn start(self) -> Result<Engine> {
        let Found { mut engine, attempted, touched, mut damage } = self;
        #[cfg(feature = "faults")]
        {
            engine.kernel.fault = crate::transaction::step::Fault::from_environment();
        }
        engine.find_pending(&mut damage);
        engine.replace_unreadable(damage, touched)?;
        engine.keep_startup();
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
        let running = engine.version();
        engine.ledger.checkpoint(&running);
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

    /// The result if running cannot be read: an empty configuration, after all known transactions.
    fn lost(store: &Store, schema: &'static Schema) -> Result<Recorded> {
        // If the history cannot be listed, running is lost for that reason.
        let id = history::latest(store).unwrap_or_default();
        let mut history = History::open(store, id).unwrap_or_default();
        history.awaited = None;
        let intent = Intent::of(Tree::empty(schema))?;
        Ok(Recorded { checkpoint: Checkpoint::default(), history, running: Running { id, intent } })
    }
}

impl Engine {
    /// Completes the change of startup that an interrupted commit was about to make. If startup no
    /// longer follows running, it keeps its content.
    fn keep_startup(&mut self) {
        let autosave = self.ledger.history().autosave;
        let startup = match self.ledger.startup() {
            Startup::Fixed { id, .. } if autosave && *id < self.running.id => Startup::Follows,
            Startup::Follows if !self.settings.autosave => {
                let Version { id, tree } = self.version();
                Startup::Fixed { id, tree }
            }
            Startup::Fixed { .. } | Startup::Follows => return,
        };
        if let Err(errors) = self.ledger.set_startup(startup.clone()) {
            tracing::error!(errors = errors.describe(), "startup is not on disk yet");
            self.ledger.owe_startup(startup, self.now());
        }
    }

    /// Finds the commit that waits for its confirmation, if there is one. If it is unknown whether
    /// it has been confirmed, it keeps waiting. If it is unknown what to return to, it stays. The
    /// daemon serves in any case.
    fn find_pending(&mut self, damage: &mut Damage) {
        let id = self.running.id;
        let Some(awaited) = self.ledger.history().awaited.clone() else { return };
        let marked = confirmation::is_marked(self.ledger.store(), id);
        if damage.except(confirmation::MARK, marked).unwrap_or(false) {
            return;
        }
        let position = id.checked_sub(awaited.base).and_then(|back| usize::try_from(back).ok());
        let base = self.past().at(Revision::Position(position.unwrap_or(usize::MAX)));
        match base {
            Ok(tree) => {
                self.pending = Some(Pending::new(awaited, tree, &self.settings));
            }
            Err(errors) => tracing::error!(
                transaction = id,
                base = awaited.base,
                errors = errors.describe(),
                "unconfirmed commit {id} cannot be undone, and is kept"
            ),
        }
    }

    /// What running and an attempt that followed it may have touched.
    pub(crate) fn touched_by(&self, attempt: &Record) -> Result<Desired> {
        let mut tree = self.running.intent.tree.clone();
        let fault = |error: yang::Error| self.ledger.store().corrupt(JOURNAL, error.to_string());
        attempt.redo(&mut tree).map_err(fault)?;
        let attempted = intent(self.ledger.store(), JOURNAL, tree)?;
        Ok(self.running.intent.desired().clone().merged(attempted.desired()))
    }

    /// After a boot of the host, the kernel holds nothing of ours, and startup becomes running. The
    /// kernel does not wait for the disk.
    fn boot(&mut self) -> Result<()> {
        let startup = self.ledger.startup().tree(self.settled()).clone();
        let startup = intent(self.ledger.store(), STARTUP, startup)?;
        let diff = self.running.intent.tree.diff(&startup.tree);
        let record = (!diff.is_empty()).then(|| {
            let origin = Origin { user: "netloomd".into(), from: "boot".into() };
            let comment = Some("startup loaded".into());
            let author = Author { origin, comment };
            self.record(author).with_changes(diff.into())
        });
        if let Some(record) = &record {
            self.running = Running { id: record.id, intent: startup };
            self.pending = None;
        }
        self.ledger.boot(record, self.now());
        if let Err(errors) = self.catch_up() {
            tracing::error!(errors = errors.describe(), "boot not written to disk yet");
        }
        self.ledger.continue_boot(self.now());
        self.recover(Desired::default(), false);
        self.ledger.finish_boot();
        Ok(())
    }
}

/// The intent of a stored configuration, which was valid when it was written.
fn intent(store: &Store, name: &str, tree: Tree) -> Result<Intent> {
    Intent::of(tree).map_err(|errors| Errors::from(store.corrupt(name, errors.describe())))
}
