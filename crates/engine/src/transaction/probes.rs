//! Probes: a confirmed commit that confirms itself once all of its questions have been answered.
//!
//! They are in the commit's record, so that the next process goes on asking. Each second the engine sends those out
//! that have not been answered yet, each on a thread of its own, and goes on with its work; the answers come back
//! by a channel. A question that has been answered once since the commit is settled.

use std::thread;
use std::time::Duration;

use netstate::probe::{Attempt, Probe};
use tokio::sync::mpsc;

use crate::clock::Moment;
use crate::engine::Engine;
use crate::session::notice::{By, News, Phase};
use crate::transaction::pending::Answer;

/// How long to wait between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// When the next round is due; none while one is under way.
    pub(crate) fn probes_at(&self) -> Option<Moment> {
        let probing = self.pending.as_ref()?.probing.as_ref()?;
        (probing.asked == 0).then_some(probing.next)
    }

    /// Sends the probes out that have not been answered.
    pub(crate) fn probe(&mut self, now: Moment) {
        let id = self.running.id;
        let Some(probing) = self.pending.as_mut().and_then(|pending| pending.probing.as_mut())
        else {
            return;
        };
        probing.next = now + PAUSE;
        probing.asked = probing.open.len();
        for probe in probing.open.keys().cloned() {
            let attempt = self.kernel.probe(&probe);
            send_out(id, probe, attempt, self.answers.clone());
        }
    }

    /// Takes an answer to a probe, and confirms its commit once there are no more to come.
    pub(crate) fn answered(&mut self, Answer { id, probe, answer }: Answer) {
        let Some(pending) = self.pending.as_mut().filter(|_| self.running.id == id) else { return };
        let Some(probing) = pending.probing.as_mut() else { return };
        probing.asked = probing.asked.saturating_sub(1);
        match answer {
            Ok(()) => {
                tracing::info!(%probe, "answered");
                probing.open.remove(&probe);
            }
            Err(why) => {
                tracing::debug!(%probe, why, "not answered");
                probing.open.insert(probe, Some(why));
            }
        }
        if !probing.open.is_empty() {
            return;
        }
        match self.confirm() {
            Ok(_late) => {
                self.notices.send(News::Confirm { id, by: By::Daemon, phase: Phase::Complete })
            }
            Err(errors) => tracing::error!(errors = errors.describe(), "cannot confirm"),
        }
    }
}

fn send_out(id: u64, probe: Probe, attempt: Attempt, answers: mpsc::Sender<Answer>) {
    let ask = move || {
        let answer = attempt();
        // The thread waits where many answers come at once. It is alone with an engine that has stopped.
        let _stopped = answers.blocking_send(Answer { id, probe, answer });
    };
    // Where there is no thread to be had there is no answer, and the time runs out.
    if let Err(error) = thread::Builder::new().name("probe".into()).spawn(ask) {
        tracing::error!(%error, "cannot probe");
    }
}
