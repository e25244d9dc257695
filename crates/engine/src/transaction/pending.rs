//! A commit that waits for its confirmation, and the state of its probes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use netstate::probe::Probe;
use yang::Tree;

use crate::clock::Moment;
use crate::ledger::confirmation::Awaited;
use crate::settings::Settings;

/// The longest time between the announcement and the undoing.
const SOON: Duration = Duration::from_secs(60);

/// The pause after the first failed attempt to undo. It doubles with each further one.
const AGAIN: Duration = Duration::from_secs(10);

/// The longest such pause.
const RARELY: Duration = Duration::from_secs(600);

/// The time between two rounds of probes.
const PAUSE: Duration = Duration::from_secs(1);

/// The commit, and the configuration to return to.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    awaited: Awaited,
    tree: Tree,
    /// When it is undone.
    due: Moment,
    /// When the undoing is announced; none once it has been.
    announced: Option<Moment>,
    probing: Option<Probing>,
    not_undone: Option<NotUndone>,
}

/// The failed attempts to undo a commit.
#[derive(Clone, Debug)]
pub(crate) struct NotUndone {
    pub(crate) attempts: u32,
    /// The errors of the last one, for people.
    pub(crate) cause: String,
    /// When it is tried again.
    pub(crate) again: SystemTime,
}

impl Pending {
    pub(crate) fn new(awaited: Awaited, tree: Tree, settings: &Settings) -> Self {
        let now = settings.clock.now();
        let left = awaited.left(settings);
        let due = now + left;
        let announced = Some(now + left.saturating_sub(SOON.min(left / 4)));
        let probing = Probing::of(&awaited.probes, now);
        Pending { due, announced, probing, awaited, tree, not_undone: None }
    }

    pub(crate) fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// The configuration to return to.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// When it is undone.
    pub(crate) fn due(&self) -> Moment {
        self.due
    }

    /// When the undoing is announced; none once it has been.
    pub(crate) fn announced_at(&self) -> Option<Moment> {
        self.announced
    }

    /// Notes that the undoing has been announced.
    pub(crate) fn announce(&mut self) {
        self.announced = None;
    }

    /// Notes that undoing has failed. It is tried again, less and less often. Returns whether this is
    /// news.
    pub(crate) fn postpone(&mut self, cause: String, settings: &Settings) -> bool {
        let attempts = self.not_undone.as_ref().map_or(0, |failed| failed.attempts);
        let pause = AGAIN.saturating_mul(2_u32.saturating_pow(attempts)).min(RARELY);
        (self.due, self.announced) = (settings.clock.now() + pause, None);
        let again = (settings.clock.wall)() + pause;
        let failed = NotUndone { attempts: attempts.saturating_add(1), cause, again };
        let before = self.not_undone.replace(failed);
        let told = before.map(|before| before.cause);
        told.as_ref() != self.not_undone.as_ref().map(|failed| &failed.cause)
    }

    /// The failed attempts to undo it, if there were any. It is then no longer reserved to those who
    /// may confirm it.
    pub(crate) fn not_undone(&self) -> Option<&NotUndone> {
        self.not_undone.as_ref()
    }

    pub(crate) fn probing(&self) -> Option<&Probing> {
        self.probing.as_ref()
    }

    pub(crate) fn probing_mut(&mut self) -> Option<&mut Probing> {
        self.probing.as_mut()
    }
}

/// The state of a commit's probes.
#[derive(Clone, Debug)]
pub(crate) struct Probing {
    /// The probes without an answer, with the latest error.
    open: BTreeMap<Probe, Option<String>>,
    /// When these are sent again.
    next: Moment,
    /// The number of probes under way.
    asked: usize,
}

/// The result of a commit's probe.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The commit.
    pub(crate) id: u64,
    pub(crate) probe: Probe,
    /// If it was not answered, the error.
    pub(crate) answer: Result<(), String>,
}

impl Probing {
    /// None if there are no probes.
    fn of(probes: &[Probe], now: Moment) -> Option<Probing> {
        let open = probes.iter().map(|probe| (probe.clone(), None)).collect();
        (!probes.is_empty()).then_some(Probing { open, next: now, asked: 0 })
    }

    /// When the next round is due; none while one is under way.
    pub(crate) fn next(&self) -> Option<Moment> {
        (self.asked == 0).then_some(self.next)
    }

    /// Starts a round, and returns the probes to send.
    pub(crate) fn begin(&mut self, now: Moment) -> Vec<Probe> {
        self.next = now + PAUSE;
        self.asked = self.open.len();
        self.open.keys().cloned().collect()
    }

    /// Notes an answer. Returns whether it was the last missing one.
    pub(crate) fn take(&mut self, probe: Probe, answer: Result<(), String>) -> bool {
        self.asked = self.asked.saturating_sub(1);
        match answer {
            Ok(()) => {
                tracing::info!(%probe, "probe answered");
                self.open.remove(&probe);
            }
            Err(why) => {
                tracing::debug!(%probe, why, "probe not answered");
                self.open.insert(probe, Some(why));
            }
        }
        self.open.is_empty()
    }

    /// The probes without an answer, for a message.
    pub(crate) fn describe(&self) -> String {
        let open = self.open.iter().map(|(probe, why)| match why {
            Some(why) => format!("{probe}: {why}"),
            None => format!("{probe}: not answered yet"),
        });
        open.collect::<Vec<_>>().join("; ")
    }
}
