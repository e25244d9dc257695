//! Undoing a failed attempt, and the reaction if this fails too.
//!
//! The kernel is restored first, then the files: the journal is removed once the kernel holds
//! nothing of the attempt. If this fails, it is reported and tried again, from time to time and
//! before each commit. A commit that brings the kernel to a new configuration also ends this state.

use std::collections::BTreeSet;

use netstate::{Desired, Key};

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::kernel_state::diverged::Diverged;
use crate::session::notice::NoticeKind;
use crate::transaction::affected::Affected;
use crate::transaction::step::Step;

impl Engine {
    /// Returns to running after a failed attempt. Returns the errors for the user.
    pub(crate) fn revert(
        &mut self,
        failure: Errors,
        touched: Desired,
        keys: BTreeSet<Key>,
    ) -> Errors {
        // What an earlier undo could not restore is still missing.
        let missing = match &self.diverged {
            Some(diverged) => diverged.missing.clone(),
            None => self.kernel.skipped().clone(),
        };
        // Objects that others have removed may be needed. In that case all of running is restored.
        let restored = self
            .restore(&touched, Affected::Named(keys), &missing)
            .or_else(|_| self.restore(&touched, Affected::Everything, &missing));
        let kernel = restored.is_ok();
        let Err(cause) = restored.and_then(|()| self.forget_attempt()) else { return failure };
        let (failure, message) = (failure.describe(), cause.describe());
        tracing::error!(failure, cause = message, "kernel and running differ");
        self.diverge((touched, missing), cause, !kernel);
        match kernel {
            true => Error::Unforgotten { failure, cause: message }.into(),
            false => Error::Diverged { failure, cause: message }.into(),
        }
    }

    /// Tries again to restore before a commit. If the kernel cannot be restored, the commit is
    /// still possible, and is judged by its own target. If the state directory cannot be restored,
    /// no commit is possible. Returns why the kernel cannot be restored.
    pub(crate) fn reconcile_before_commit(&mut self) -> Result<Errors> {
        match self.reconcile() {
            Ok(()) => Ok(Errors::default()),
            Err(cause) if self.diverged.as_ref().is_some_and(|diverged| diverged.kernel) => {
                Ok(cause)
            }
            Err(cause) => Err(cause),
        }
    }

    /// Tries again to restore after an earlier failure.
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

    /// Brings the kernel to running at start, possibly from an interrupted attempt. Objects that
    /// cannot be applied yet are skipped. The daemon also serves if this fails, because the
    /// configuration may have to be changed.
    pub(crate) fn recover(&mut self, touched: Desired, attempted: bool) {
        let settled = self.converge(&touched, Affected::Everything);
        let kernel = settled.is_err();
        let done = match attempted {
            true => settled.and_then(|()| self.withdraw()),
            false => settled.and_then(|()| self.release()),
        };
        if let Err(cause) = done {
            tracing::error!(errors = cause.describe(), "kernel and running differ");
            let missing = self.running.intent.desired().iter().map(|(key, _)| key.clone());
            self.diverge((touched, missing.collect()), cause, kernel);
        }
    }

    /// Notes that the kernel or the state directory could not be restored. Sends a notice unless
    /// this is known already.
    fn diverge(&mut self, left: (Desired, BTreeSet<Key>), cause: Errors, kernel: bool) {
        let causes = cause.rpc();
        let (touched, missing) = left;
        let diverged = Diverged { touched, missing, kernel, again: self.again(), causes };
        if self.diverged.replace(diverged).is_none() {
            let (paths, cause) = (cause.paths(), cause.describe());
            self.notices.send(NoticeKind::Diverged { paths, cause });
        }
    }

    /// Notes that the kernel holds running, and forgets the attempt.
    pub(crate) fn withdraw(&mut self) -> Result<()> {
        self.pass(Step::Reverted);
        self.ledger.withdraw()?;
        self.pass(Step::Withdrawn);
        self.release()?;
        if self.diverged.take().is_some() {
            self.notices.send(NoticeKind::Converged);
        }
        Ok(())
    }

    /// Brings the kernel back to running. It must hold what it held before the attempt, except for
    /// what others have removed meanwhile. That is skipped until it returns.
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

    /// Removes what an attempt has left in the state directory.
    fn forget_attempt(&mut self) -> Result<()> {
        // Moving the journal may have failed after the entry was in its place.
        self.ledger.take_back(self.running.id + 1)?;
        self.withdraw()
    }

    /// Forgets the originals of objects that running no longer touches.
    pub(crate) fn release(&mut self) -> Result<()> {
        self.kernel.release(self.running.intent.desired(), &mut self.ledger)
    }

    /// Everything that a configuration may have put into the kernel.
    pub(crate) fn touched(&self) -> Desired {
        let diverged = self.diverged.as_ref().map(|diverged| &diverged.touched);
        diverged.unwrap_or(self.running.intent.desired()).clone()
    }
}
