//! `<notification>` as XML.

use super::{Actor, Event, Notification};
use crate::namespace::{NETCONF_EVENTS, NETLOOM_NOTIFICATIONS, NOTIFICATION};
use crate::rpc::Named;
use crate::xml::{Xml, leaf};

impl Notification {
    /// Writes it.
    pub fn to_xml(&self) -> String {
        let mut out = format!("<notification xmlns=\"{NOTIFICATION}\">");
        leaf(&mut out, "eventTime", &self.time);
        out += &self.event.to_xml().0;
        out + "</notification>"
    }
}

impl Event {
    /// The element of the event, for filters.
    pub fn to_xml(&self) -> Xml {
        let mut content = String::new();
        self.write_content(&mut content);
        let (namespace, name) = self.element();
        Xml(format!("<{name} xmlns=\"{namespace}\">{content}</{name}>"))
    }

    fn element(&self) -> (&str, &str) {
        match self {
            Event::ConfigChange { .. } => (NETCONF_EVENTS, "netconf-config-change"),
            Event::ConfirmedCommit { .. } => (NETCONF_EVENTS, "netconf-confirmed-commit"),
            Event::SessionStart(_) => (NETCONF_EVENTS, "netconf-session-start"),
            Event::SessionEnd { .. } => (NETCONF_EVENTS, "netconf-session-end"),
            Event::Commit { .. } => (NETLOOM_NOTIFICATIONS, "commit"),
            Event::Confirmation { .. } => (NETLOOM_NOTIFICATIONS, "confirmation"),
            Event::ScheduledRefused { .. } => (NETLOOM_NOTIFICATIONS, "scheduled-commit-refused"),
            Event::NotUndone { .. } => (NETLOOM_NOTIFICATIONS, "confirmed-commit-not-undone"),
            Event::Diverged { .. } => (NETLOOM_NOTIFICATIONS, "diverged"),
            Event::Converged => (NETLOOM_NOTIFICATIONS, "converged"),
            Event::Drift { .. } => (NETLOOM_NOTIFICATIONS, "drift"),
            Event::Held { .. } => (NETLOOM_NOTIFICATIONS, "held"),
            Event::Missed { .. } => (NETLOOM_NOTIFICATIONS, "missed"),
            Event::Other { namespace, name } => (namespace, name),
        }
    }

    fn write_content(&self, out: &mut String) {
        match self {
            Event::ConfigChange { by } => {
                *out += "<changed-by>";
                match by {
                    Some(actor) => actor.write(out),
                    None => *out += "<server/>",
                }
                *out += "</changed-by><datastore>running</datastore>";
            }
            Event::ConfirmedCommit { by, event, timeout } => {
                by.iter().for_each(|by| by.write(out));
                leaf(out, "confirm-event", event.name());
                timeout.iter().for_each(|seconds| leaf(out, "timeout", &seconds.to_string()));
            }
            Event::SessionStart(by) => by.write(out),
            Event::SessionEnd { by, reason, killed_by } => {
                by.write(out);
                killed_by.iter().for_each(|session| leaf(out, "killed-by", &session.to_string()));
                leaf(out, "termination-reason", reason.name());
            }
            Event::Commit { id, by, comment, summary } => {
                leaf(out, "id", &id.to_string());
                by.iter().for_each(|by| by.write(out));
                comment.iter().for_each(|comment| leaf(out, "comment", comment));
                leaf(out, "summary", summary);
            }
            Event::Confirmation { id, by, phase, seconds } => {
                leaf(out, "id", &id.to_string());
                by.iter().for_each(|by| by.write(out));
                leaf(out, "phase", phase.name());
                seconds.iter().for_each(|seconds| leaf(out, "seconds", &seconds.to_string()));
            }
            Event::ScheduledRefused { number, user, cause } => {
                leaf(out, "number", &number.to_string());
                leaf(out, "user", user);
                leaf(out, "cause", cause);
            }
            Event::NotUndone { id, cause } => {
                leaf(out, "id", &id.to_string());
                leaf(out, "cause", cause);
            }
            Event::Diverged { paths, cause } => {
                paths.iter().for_each(|path| leaf(out, "path", path));
                leaf(out, "cause", cause);
            }
            Event::Held { by, paths, count } => {
                by.iter().for_each(|by| by.write(out));
                paths.iter().for_each(|path| leaf(out, "path", path));
                leaf(out, "count", &count.to_string());
            }
            Event::Drift { paths, count } => {
                paths.iter().for_each(|path| leaf(out, "path", path));
                leaf(out, "count", &count.to_string());
            }
            Event::Missed { count } => leaf(out, "count", &count.to_string()),
            Event::Converged | Event::Other { .. } => {}
        }
    }
}

impl Actor {
    fn write(&self, out: &mut String) {
        leaf(out, "username", &self.user);
        leaf(out, "session-id", &self.session.to_string());
    }
}
