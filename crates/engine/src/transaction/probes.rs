//! Probes: a confirmed commit confirms itself once all its probes have been answered.
//!
//! The probes are in the commit's record, so that the next process continues with them. Each second
//! the engine sends the probes that have no answer yet, each on a thread of its own, and continues.
//! The answers arrive on a channel. A probe that has been answered once since the commit is done.

use std::thread;

use netstate::probe::{Attempt, Probe};
use tokio::sync::mpsc;

use crate::clock::Moment;
use crate::engine::Engine;
use crate::session::notice::{By, NoticeKind, Phase};
use crate::transaction::pending::{Answer, Pending};

impl Engine {
    /// When the next round is due; none while one is under way.
    pub(crate) fn probes_at(&self) -> Option<Moment> {
        self.pending.as_ref()?.probing()?.next()
    }

    /// Sends the probes that have no answer yet.
    pub(crate) fn probe(&mut self, now: Moment) {
        let id = self.running.id;
        let Some(probing) = self.pending.as_mut().and_then(Pending::probing_mut) else { return };
        for probe in probing.begin(now) {
            let attempt = self.kernel.probe(&probe);
            send_out(id, probe, attempt, self.answers.clone());
        }
    }

    /// Handles the answer to a probe. Confirms the commit once all have arrived.
    pub(crate) fn answered(&mut self, Answer { id, probe, answer }: Answer) {
        let pending = self.pending.as_mut().filter(|_| self.running.id == id);
        let Some(probing) = pending.and_then(Pending::probing_mut) else { return };
        if !probing.take(probe, answer) {
            return;
        }
        match self.confirm() {
            Ok(_late) => self.notices.send(NoticeKind::Confirm {
                id,
                by: By::Daemon,
                phase: Phase::Complete,
            }),
            Err(errors) => tracing::error!(errors = errors.describe(), "cannot confirm"),
        }
    }
}

fn send_out(id: u64, probe: Probe, attempt: Attempt, answers: mpsc::Sender<Answer>) {
    let ask = move || {
        let answer = attempt();
        // The thread waits if many answers arrive at once. An error means that the engine has
        // stopped.
        let _stopped = answers.blocking_send(Answer { id, probe, answer });
    };
    // Without a thread there is no answer, and the deadline passes.
    if let Err(error) = thread::Builder::new().name("probe".into()).spawn(ask) {
        tracing::error!(%error, "probe not sent");
    }
}
