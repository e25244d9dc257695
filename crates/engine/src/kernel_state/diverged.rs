//! The way back from an attempt that failed, and what to do for as long as that fails too.
//!
//! Kernel first, then the files: the journal goes once nothing is left in the kernel that it speaks of. Where the way
//! back ends early, that is told, tried again from time to time and by each commit, and nothing is committed on top of
//! what is not known.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Desired, Key};

use crate::clock::Moment;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result, RpcError};
use crate::ledger::{history, journal};
use crate::session::notice::News;
use crate::transaction::reach::Reach;
use crate::transaction::step::Step;

/// What stands in the way of an object.
#[derive(Clone, Debug)]
pub(crate) struct Obstacle {
    /// In words, the kernel's where it refused.
    pub(crate) words: String,
    /// Whether the kernel refused, rather than something being missing that others have to bring.
    pub(crate) refused: bool,
}

impl Obstacle {
    pub(crate) fn of(errors: &Errors) -> Obstacle {
        let refused = !errors.0.iter().any(|error| matches!(error, Error::Impossible { .. }));
        Obstacle { words: errors.words(), refused }
    }
}

/// The kernel is not what running says, or the state directory tells of more than running.
#[derive(Debug)]
pub(crate) struct Diverged {
    /// What may be in the kernel.
    pub(crate) touched: Desired,
    /// What of running was missing before, or may be.
    missing: BTreeSet<Key>,
    /// When the way back is tried again.
    pub(crate) again: Moment,
    /// Where it ended.
    causes: Vec<RpcError>,
}

impl Diverged {
    /// Where the way back ended, by path, and why.
    pub(crate) fn told(&self) -> BTreeMap<String, String> {
        let mut told: BTreeMap<String, String> = BTreeMap::new();
        for RpcError { path, message, .. } in &self.causes {
            let reasons = told.entry(path.clone().unwrap_or_else(|| "/".into())).or_default();
            if !reasons.is_empty() {
                reasons.push_str("; ");
            }
            reasons.push_str(message);
        }
        told
    }
}

impl Engine {
    /// Goes back to running after an attempt that failed; answers with what the user is to be told.
    pub(crate) fn revert(
        &mut self,
        failure: Errors,
        touched: Desired,
        keys: BTreeSet<Key>,
    ) -> Errors {
        let missing = self.stuck.clone();
        // What others have taken away may be in the way: then all of running is restored.
        let restored = self
            .restore(&touched, &Reach::Named(keys), &missing)
            .or_else(|_| self.restore(&touched, &Reach::Everything, &missing));
        let kernel = restored.is_ok();
        let Err(cause) = restored.and_then(|()| self.forget_attempt()) else { return failure };
        let (failure, words) = (failure.told(), cause.told());
        tracing::error!(failure, cause = words, "diverged");
        self.diverge(touched, missing, cause);
        match kernel {
            true => Error::Unforgotten { failure, cause: words }.into(),
            false => Error::Diverged { failure, cause: words }.into(),
        }
    }

    /// Tries again to go back, where that has failed before: nothing is committed on top of what is not known, or of what is
    /// not on disk.
    pub(crate) fn reconcile(&mut self) -> Result<()> {
        self.catch_up()?;
        let Some(Diverged { touched, missing, .. }) = &self.diverged else { return Ok(()) };
        let (touched, missing) = (touched.clone(), missing.clone());
        let restored = self.restore(&touched, &Reach::Everything, &missing);
        restored.and_then(|()| self.forget_attempt()).map_err(|cause| {
            let words = cause.told();
            self.diverge(touched, missing, cause);
            Error::StillDiverged { cause: words }.into()
        })
    }

    /// A start's way to running, also from what an attempt has left where there was one. What cannot be applied as yet
    /// may be missing, and what cannot be brought there at all is no reason not to serve: the configuration may be what
    /// has to be changed.
    pub(crate) fn recover(&mut self, touched: Desired, attempted: bool) {
        let settled = self.settle(&touched, &Reach::Everything);
        let done = match attempted {
            true => settled.and_then(|()| self.withdraw()),
            false => settled.and_then(|()| self.release()),
        };
        if let Err(cause) = done {
            tracing::error!(errors = cause.told(), "diverged");
            let missing = self.running.intent.desired().iter().map(|(key, _)| key.clone());
            self.diverge(touched, missing.collect(), cause);
        }
    }

    /// Notes that the way to running has failed, and tells everybody unless that is known.
    fn diverge(&mut self, touched: Desired, missing: BTreeSet<Key>, cause: Errors) {
        let causes = cause.rpc();
        let diverged = Diverged { touched, missing, again: self.again(), causes };
        if self.diverged.replace(diverged).is_none() {
            self.tell_diverged(cause);
        }
    }

    /// The kernel holds running, and the attempt is forgotten.
    pub(crate) fn withdraw(&mut self) -> Result<()> {
        self.pass(Step::Reverted);
        journal::withdraw(&self.store)?;
        self.pass(Step::Withdrawn);
        self.release()?;
        if self.diverged.take().is_some() {
            self.tell_all(News::Converged);
        }
        Ok(())
    }

    /// Brings the kernel back to running. What it held before the attempt it is to hold again, but for what others have
    /// taken away meanwhile, which is missing until they bring it back.
    fn restore(&mut self, touched: &Desired, reach: &Reach, missing: &BTreeSet<Key>) -> Result<()> {
        self.settle(touched, reach)?;
        let new = self.stuck.difference(missing);
        let refused = |key: &Key| self.obstacles.get(key).filter(|obstacle| obstacle.refused);
        let Some((key, obstacle)) = new.into_iter().find_map(|key| Some((key, refused(key)?)))
        else {
            return Ok(());
        };
        let path = mapping::path(key, None, &self.running.intent.tree);
        let reason = format!("it could not be restored: {}", obstacle.words);
        Err(Error::Impossible { path, key: key.clone(), reason }.into())
    }

    /// Takes what an attempt has left in the state directory.
    fn forget_attempt(&mut self) -> Result<()> {
        // Moving the journal may have failed with the entry in place already.
        history::take_back(&self.store, self.running.id + 1)?;
        self.withdraw()
    }
}
