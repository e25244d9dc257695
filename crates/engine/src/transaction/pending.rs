//! A commit that waits for its confirmation, and how its probes stand.

use std::collections::BTreeMap;
use std::time::Duration;

use netstate::probe::Probe;
use yang::Tree;

use crate::clock::Moment;
use crate::ledger::confirmation::Awaited;
use crate::settings::Settings;

/// How long before it happens an undoing is foretold, at most.
const SOON: Duration = Duration::from_secs(60);

/// The commit, with what to go back to.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) awaited: Awaited,
    pub(crate) tree: Tree,
    /// When it is undone.
    pub(crate) due: Moment,
    /// When that is foretold; none once it has been.
    pub(crate) foretold: Option<Moment>,
    pub(crate) probing: Option<Probing>,
}

impl Pending {
    pub(crate) fn new(awaited: Awaited, tree: Tree, settings: &Settings) -> Self {
        let now = settings.clock.now();
        let left = awaited.left(settings);
        let due = now + left;
        let foretold = Some(now + left.saturating_sub(SOON.min(left / 4)));
        let probing = Probing::of(&awaited.probes, now);
        Pending { due, foretold, probing, awaited, tree }
    }
}

/// How the probes of a commit stand.
#[derive(Clone, Debug)]
pub(crate) struct Probing {
    /// Those that have not been answered, with why.
    pub(crate) open: BTreeMap<Probe, Option<String>>,
    /// When those are asked again.
    pub(crate) next: Moment,
    /// How many are on their way.
    pub(crate) asked: usize,
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
    pub(crate) fn of(probes: &[Probe], now: Moment) -> Option<Probing> {
        let open = probes.iter().map(|probe| (probe.clone(), None)).collect();
        (!probes.is_empty()).then_some(Probing { open, next: now, asked: 0 })
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
