//! How the kernel stands to running, in short: for the prompt.

use netconf::notification::Event;

/// What is known of how the kernel stands to running. Each field is None as long as neither an event nor the daemon
/// has told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    diverged: Option<bool>,
    /// How many objects others have changed.
    drift: Option<u64>,
    held: Option<u64>,
}

impl Standing {
    /// Takes over what an event tells. Returns whether that changes anything.
    pub(crate) fn hear(&mut self, event: &Event) -> bool {
        let before = self.clone();
        match event {
            Event::Diverged { .. } => self.diverged = Some(true),
            Event::Converged => self.diverged = Some(false),
            Event::Drift { count, .. } => self.drift = Some(*count),
            Event::Held { count, .. } => self.held = Some(*count),
            // The lost notifications may have been any of these.
            Event::Missed { .. } => *self = Standing::default(),
            Event::Commit { .. }
            | Event::ConfigChange { .. }
            | Event::Confirmation { .. }
            | Event::ConfirmedCommit { .. }
            | Event::NotUndone { .. }
            | Event::ScheduledRefused { .. }
            | Event::SessionStart(_)
            | Event::SessionEnd { .. }
            | Event::Other { .. } => {}
        }
        *self != before
    }

    /// Whether everything is known.
    pub(crate) fn is_known(&self) -> bool {
        self.diverged.is_some() && self.drift.is_some() && self.held.is_some()
    }

    /// Takes over the daemon's answer, where no event has told more.
    pub(crate) fn learn(&mut self, (drift, held, diverged): (u64, u64, bool)) {
        self.diverged.get_or_insert(diverged);
        self.drift.get_or_insert(drift);
        self.held.get_or_insert(held);
    }

    /// The mark in the prompt. It is empty if the kernel is as configured, or if that is not known.
    pub(crate) fn mark(&self) -> String {
        let count = |word: &str, count: Option<u64>| {
            count.filter(|count| *count > 0).map(|count| format!("{word} {count}"))
        };
        let diverged = self.diverged.filter(|diverged| *diverged).map(|_| "diverged".to_owned());
        let parts = [diverged, count("drift", self.drift), count("held", self.held)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(count: u64) -> Event {
        Event::Held { by: None, paths: Vec::new(), count }
    }

    #[test]
    fn the_mark_names_what_is_not_as_configured() {
        let mut standing = Standing::default();
        assert_eq!(standing.mark(), "");
        standing.learn((0, 0, false));
        assert_eq!((standing.is_known(), standing.mark()), (true, String::new()));
        assert!(standing.hear(&held(3)));
        assert_eq!(standing.mark(), "[held 3]");
        assert!(!standing.hear(&held(3)));
        standing.hear(&Event::Drift { paths: Vec::new(), count: 1 });
        standing.hear(&Event::Diverged { paths: Vec::new(), cause: String::new() });
        assert_eq!(standing.mark(), "[diverged, drift 1, held 3]");
        standing.hear(&Event::Converged);
        standing.hear(&held(0));
        assert_eq!(standing.mark(), "[drift 1]");
    }

    #[test]
    fn an_event_is_newer_than_the_answer_and_a_lost_event_makes_the_answer_needed() {
        let mut standing = Standing::default();
        standing.hear(&held(2));
        standing.learn((0, 5, false));
        assert_eq!(standing.mark(), "[held 2]");
        standing.hear(&Event::Missed { count: 1 });
        assert_eq!((standing.is_known(), standing.mark()), (false, String::new()));
        standing.learn((0, 5, false));
        assert_eq!(standing.mark(), "[held 5]");
    }
}
