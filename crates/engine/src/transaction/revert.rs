//! The way back from an attempt that failed, and what to do for as long as that fails too.
//!
//! The kernel comes first, then the files: the journal goes once the kernel holds nothing of the attempt. Where the way
//! back fails, that is reported and tried again, from time to time and by each commit. A commit that leads from what the
//! kernel holds to a configuration of its own ends it too.

use std::collections::BTreeSet;

use netstate::{Desired, Key};

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::kernel_state::diverged::Diverged;
use crate::session::notice::News;
use crate::transaction::affected::Affected;
use crate::transaction::step::Step;

impl Engine {
    /// Goes back to running after an attempt that failed; answers with the errors for the user.
    pub(crate) fn revert(
        &mut self,
        failure: Errors,
        touched: Desired,
        keys: BTreeSet<Key>,
    ) -> Errors {
        // What an earlier way back could not restore is still to be restored.
        let missing = match &self.diverged {
            Some(diverged) => diverged.missing.clone(),
            None => self.kernel.skipped().clone(),
        };
        // What others have taken away may be in the way: then all of running is restored.
        let restored = self
            .restore(&touched, Affected::Named(keys), &missing)
            .or_else(|_| self.restore(&touched, Affected::Everything, &missing));
        let kernel = restored.is_ok();
        let Err(cause) = restored.and_then(|()| self.forget_attempt()) else { return failure };
        let (failure, message) = (failure.describe(), cause.describe());
        tracing::error!(failure, cause = message, "diverged");
        self.diverge((touched, missing), cause, !kernel);
        match kernel {
            true => Error::Unforgotten { failure, cause: message }.into(),
            false => Error::Diverged { failure, cause: message }.into(),
        }
    }

    /// Tries again to go back before a commit. Where the kernel does not go back, the commit is judged by its own target; where
    /// the state directory does not, nothing is committed on top of it. Answers with why the kernel does not go back.
    pub(crate) fn reconcile_before_commit(&mut self) -> Result<Errors> {
        match self.reconcile() {
            Ok(()) => Ok(Errors::default()),
            Err(cause) if self.diverged.as_ref().is_some_and(|diverged| diverged.kernel) => {
                Ok(cause)
            }
            Err(cause) => Err(cause),
        }
    }

    /// Tries again to go back, where that has failed before.
    pub(crate) fn reconcile(&mut self) -> Result<()> {
        self.catch_up()?;
        let Some(Diverged { touched, missing, .. }) = &self.diverged else { return Ok(()) };
        let (touched, missing) = (touched.clone(), missing.clone());
        let restored = self.restore(&touched, Affected::Everything, &missing);
        let kernel = restored.is_err();
        restored.and_then(|()| self.forget_attempt()).map_err(|cause| {
            let message = cause.describe();
            self.diverge((touched, missing), cause, kernel);
            Error::StillDiverged { cause: message }.into()
        })
    }

    /// A start's way to running, also from what an attempt has left where there was one. What cannot be applied yet
    /// may be missing, and what cannot be brought there at all is no reason not to serve: the configuration may be what
    /// has to be changed.
    pub(crate) fn recover(&mut self, touched: Desired, attempted: bool) {
        let settled = self.converge(&touched, Affected::Everything);
        let kernel = settled.is_err();
        let done = match attempted {
            true => settled.and_then(|()| self.withdraw()),
            false => settled.and_then(|()| self.release()),
        };
        if let Err(cause) = done {
            tracing::error!(errors = cause.describe(), "diverged");
            let missing = self.running.intent.desired().iter().map(|(key, _)| key.clone());
            self.diverge((touched, missing.collect()), cause, kernel);
        }
    }

    /// Notes that the way to running has failed, in the kernel or in the state directory, and sends a notice unless that is known.
    fn diverge(&mut self, left: (Desired, BTreeSet<Key>), cause: Errors, kernel: bool) {
        let causes = cause.rpc();
        let (touched, missing) = left;
        let diverged = Diverged { touched, missing, kernel, again: self.again(), causes };
        if self.diverged.replace(diverged).is_none() {
            let (paths, cause) = (cause.paths(), cause.describe());
            self.notices.send(News::Diverged { paths, cause });
        }
    }

    /// The kernel holds running, and the attempt is forgotten.
    pub(crate) fn withdraw(&mut self) -> Result<()> {
        self.pass(Step::Reverted);
        self.ledger.withdraw()?;
        self.pass(Step::Withdrawn);
        self.release()?;
        if self.diverged.take().is_some() {
            self.notices.send(News::Converged);
        }
        Ok(())
    }

    /// Brings the kernel back to running. What it held before the attempt it is to hold again, but for what others have
    /// taken away meanwhile, which is missing until they bring it back.
    fn restore(
        &mut self,
        touched: &Desired,
        affected: Affected,
        missing: &BTreeSet<Key>,
    ) -> Result<()> {
        self.converge(touched, affected)?;
        let mut new = self.kernel.skipped().difference(missing);
        let refused = |key: &Key| self.kernel.reason(key).filter(|reason| reason.refused);
        let Some((key, reason)) = new.find_map(|key| Some((key, refused(key)?))) else {
            return Ok(());
        };
        let path = mapping::path(key, None, &self.running.intent.tree);
        let reason = format!("it could not be restored: {}", reason.message);
        Err(Error::Impossible { path: path.to_string(), key: key.clone(), reason }.into())
    }

    /// Takes what an attempt has left in the state directory.
    fn forget_attempt(&mut self) -> Result<()> {
        // Moving the journal may have failed with the entry in place already.
        self.ledger.take_back(self.running.id + 1)?;
        self.withdraw()
    }

    /// Forgets the originals of what running no longer touches.
    pub(crate) fn release(&mut self) -> Result<()> {
        self.kernel.release(self.running.intent.desired(), &mut self.ledger)
    }

    /// What may be in the kernel because of a configuration.
    pub(crate) fn touched(&self) -> Desired {
        let diverged = self.diverged.as_ref().map(|diverged| &diverged.touched);
        diverged.unwrap_or(self.running.intent.desired()).clone()
    }
}
