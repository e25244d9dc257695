//! How the engine takes over a verdict: it notes what is held, and notifies the sessions.

use super::{HeldChanges, LISTED};
use crate::engine::Engine;
use crate::session::notice::{By, NoticeKind};
use crate::transaction::transition::TransitionPlan;

impl Engine {
    /// Takes over the verdict on the objects of a plan that was applied.
    pub(crate) fn note_verdict(&mut self, plan: &TransitionPlan) {
        let now = (self.settings.clock.wall)();
        self.kernel.note_verdict(plan, now);
        self.events.await_addresses(self.kernel.held().namespaces_awaited());
    }

    /// Sends a notice of the changes to the held objects, with their author.
    pub(crate) fn notify_held(&mut self, by: By) {
        let HeldChanges { held, released, removed } = self.kernel.take_changes();
        let running = &self.running.intent;
        for key in held.iter().take(LISTED) {
            let reason = self.kernel.held().get(key).map(|object| object.hold.reason.as_str());
            tracing::info!(path = %running.path(key), reason, "object held");
        }
        if held.len() > LISTED {
            tracing::info!(more = held.len() - LISTED, "objects held");
        }
        for key in released.iter().take(LISTED) {
            tracing::info!(path = %running.path(key), "held object applied");
        }
        if released.len() > LISTED {
            tracing::info!(more = released.len() - LISTED, "held objects applied");
        }
        if removed || !(held.is_empty() && released.is_empty()) {
            let paths = held.iter().take(LISTED).map(|key| running.path(key).to_string());
            let count = self.kernel.held().len();
            self.notices.send(NoticeKind::Held { by, paths: paths.collect(), count });
        }
    }
}
