//! A commit that waits for its confirmation, and how its probes stand.

use std::collections::BTreeMap;
use std::time::Duration;

use netstate::probe::Probe;
use yang::Tree;

use crate::clock::Moment;
use crate::ledger::confirmation::Awaited;
use crate::settings::Settings;

/// How long before it is undone that is announced, at most.
const SOON: Duration = Duration::from_secs(60);

/// How long to wait between two rounds of probes.
const PAUSE: Duration = Duration::from_secs(1);

/// The commit, with what to go back to.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    awaited: Awaited,
    tree: Tree,
    /// When it is undone.
    due: Moment,
    /// When that is announced; none once it has been.
    announced: Option<Moment>,
    probing: Option<Probing>,
}

impl Pending {
    pub(crate) fn new(awaited: Awaited, tree: Tree, settings: &Settings) -> Self {
        let now = settings.clock.now();
        let left = awaited.left(settings);
        let due = now + left;
        let announced = Some(now + left.saturating_sub(SOON.min(left / 4)));
        let probing = Probing::of(&awaited.probes, now);
        Pending { due, announced, probing, awaited, tree }
    }

    pub(crate) fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// The configuration to go back to.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// When it is undone.
    pub(crate) fn due(&self) -> Moment {
        self.due
    }

    /// When it is announced that it will be undone; none once it has been.
    pub(crate) fn announced_at(&self) -> Option<Moment> {
        self.announced
    }

    /// That has been announced.
    pub(crate) fn announce(&mut self) {
        self.announced = None;
    }

    /// It could not be undone, which is tried again.
    pub(crate) fn postpone(&mut self, again: Moment) {
        (self.due, self.announced) = (again, None);
    }

    pub(crate) fn probing(&self) -> Option<&Probing> {
        self.probing.as_ref()
    }

    pub(crate) fn probing_mut(&mut self) -> Option<&mut Probing> {
        self.probing.as_mut()
    }
}

/// How the probes of a commit stand.
#[derive(Clone, Debug)]
pub(crate) struct Probing {
    /// Those that have not been answered, with why.
    open: BTreeMap<Probe, Option<String>>,
    /// When those are asked again.
    next: Moment,
    /// How many are on their way.
    asked: usize,
}

/// What a probe of a commit has found.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The commit.
    pub(crate) id: u64,
    pub(crate) probe: Probe,
    /// Why it was not answered, in words.
    pub(crate) answer: Result<(), String>,
}

impl Probing {
    /// None where nothing is to be asked.
    fn of(probes: &[Probe], now: Moment) -> Option<Probing> {
        let open = probes.iter().map(|probe| (probe.clone(), None)).collect();
        (!probes.is_empty()).then_some(Probing { open, next: now, asked: 0 })
    }

    /// When the next round is due; none while one is under way.
    pub(crate) fn next(&self) -> Option<Moment> {
        (self.asked == 0).then_some(self.next)
    }

    /// Begins a round: these are to be asked.
    pub(crate) fn begin(&mut self, now: Moment) -> Vec<Probe> {
        self.next = now + PAUSE;
        self.asked = self.open.len();
        self.open.keys().cloned().collect()
    }

    /// Takes an answer; whether it was the last to come.
    pub(crate) fn take(&mut self, probe: Probe, answer: Result<(), String>) -> bool {
        self.asked = self.asked.saturating_sub(1);
        match answer {
            Ok(()) => {
                tracing::info!(%probe, "answered");
                self.open.remove(&probe);
            }
            Err(why) => {
                tracing::debug!(%probe, why, "not answered");
                self.open.insert(probe, Some(why));
            }
        }
        self.open.is_empty()
    }

    /// What has not been answered, in words.
    pub(crate) fn describe(&self) -> String {
        let open = self.open.iter().map(|(probe, why)| match why {
            Some(why) => format!("{probe}: {why}"),
            None => format!("{probe}: not answered yet"),
        });
        open.collect::<Vec<_>>().join("; ")
    }
}
