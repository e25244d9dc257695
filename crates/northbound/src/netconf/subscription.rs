//! A session's subscription (RFC 5277): sends the engine's notices that match the subscriber's filter as
//! notifications.
//!
//! Each notice is sent as the matching event of RFC 6470, and as Netloom's own event if that contains more
//! information.

use std::time::{Duration, SystemTime};

use ::netconf::notification::{Actor, ConfirmEvent, Event, Phase, TerminationReason};
use ::netconf::{Notification, Selection, Xml};
use engine::{By, Delivery, Notice, NoticeKind, Notices, SessionEnd, Why};
use yang::ErrorTag;

use super::error::Errors;
use super::time;

/// The only stream (RFC 5277 section 3.2.3).
const STREAM: &str = "NETCONF";

/// The daemon's name, where RFC 6470 requires a user.
const DAEMON: &str = "netloomd";

/// The notifications of a session.
#[derive(Debug)]
pub(super) struct Subscription {
    notices: Notices,
    /// None if all events are selected.
    selection: Option<Selection>,
}

impl Subscription {
    /// RFC 5277 section 2.1.1.
    pub(super) fn new(
        notices: Notices,
        stream: Option<&str>,
        filter: Option<&Xml>,
    ) -> Result<Self, Errors> {
        if let Some(stream) = stream.filter(|stream| *stream != STREAM) {
            let message = format!("there is no stream {stream:?}, only {STREAM}");
            return Err(Errors::request(ErrorTag::InvalidValue, message));
        }
        let selection = filter.map(Selection::of).transpose();
        let selection = selection.map_err(|error| Errors(vec![*error]))?;
        Ok(Subscription { notices, selection })
    }

    /// The next messages. The list is empty if the filter selects none of them. Waits forever when no more events
    /// can happen. It is cancel safe: nothing is lost if the caller stops waiting.
    pub(super) async fn next(&mut self) -> Vec<String> {
        let Some(received) = self.notices.next().await else {
            return std::future::pending().await;
        };
        let (time, events) = match received {
            Delivery::Notice(Notice { time, kind }) => (time, events(kind)),
            Delivery::Missed(count) => (SystemTime::now(), vec![Event::Missed { count }]),
        };
        let wanted = |event: &Event| match &self.selection {
            // A filter never drops the notification about missed notifications.
            Some(selection) => {
                matches!(event, Event::Missed { .. }) || selection.selects(&event.to_xml())
            }
            None => true,
        };
        let time = time::milliseconds(time);
        let message = |event| Notification { time: time.clone(), event }.to_xml();
        events.into_iter().filter(wanted).map(message).collect()
    }
}

fn events(kind: NoticeKind) -> Vec<Event> {
    match kind {
        NoticeKind::Committed { id, by, comment, summary } => {
            let by = actor(by);
            let change = Event::ConfigChange { by: by.clone() };
            vec![change, Event::Commit { id, by, comment, summary }]
        }
        NoticeKind::Confirm { id, by, phase } => confirmation(id, actor(by), phase),
        NoticeKind::Unscheduled { number, user, cause } => {
            vec![Event::ScheduledRefused { number, user, cause }]
        }
        NoticeKind::NotUndone { id, cause } => vec![Event::NotUndone { id, cause }],
        NoticeKind::Diverged { paths, cause } => vec![Event::Diverged { paths, cause }],
        NoticeKind::Converged => vec![Event::Converged],
        NoticeKind::Held { by, paths, count } => {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            vec![Event::Held { by: actor(by), paths, count }]
        }
        NoticeKind::Drift { paths, count } => {
            vec![Event::Drift { paths, count: u64::try_from(count).unwrap_or(u64::MAX) }]
        }
        NoticeKind::SessionStart(by) => actor(by).map(Event::SessionStart).into_iter().collect(),
        NoticeKind::SessionEnd { by, end } => {
            let (reason, killed_by) = match end {
                SessionEnd::Closed => (TerminationReason::Closed, None),
                SessionEnd::Dropped => (TerminationReason::Dropped, None),
                SessionEnd::Killed { by } => (TerminationReason::Killed, Some(by)),
            };
            actor(by).map(|by| Event::SessionEnd { by, reason, killed_by }).into_iter().collect()
        }
    }
}

fn confirmation(id: u64, by: Option<Actor>, phase: engine::Phase) -> Vec<Event> {
    let (own, standard, left) = match phase {
        engine::Phase::Start(left) => (Phase::Started, Some(ConfirmEvent::Start), Some(left)),
        engine::Phase::Extend(left) => (Phase::Extended, Some(ConfirmEvent::Extend), Some(left)),
        engine::Phase::Expiring(left) => (Phase::Expiring, None, Some(left)),
        engine::Phase::Complete => (Phase::Confirmed, Some(ConfirmEvent::Complete), None),
        engine::Phase::Undone(why) => match why {
            Why::Timeout => (Phase::TimedOut, Some(ConfirmEvent::Timeout), None),
            Why::Cancelled => (Phase::Cancelled, Some(ConfirmEvent::Cancel), None),
            Why::SessionEnded => (Phase::SessionEnded, Some(ConfirmEvent::Cancel), None),
        },
    };
    let seconds = left.map(seconds);
    let standard = standard.map(|event| {
        // RFC 6470: all events except a timeout name the user. Session 0 is no session.
        let daemon = || Actor { user: DAEMON.into(), session: 0 };
        let by = match event {
            ConfirmEvent::Timeout => None,
            ConfirmEvent::Start
            | ConfirmEvent::Cancel
            | ConfirmEvent::Extend
            | ConfirmEvent::Complete => Some(by.clone().unwrap_or_else(daemon)),
        };
        Event::ConfirmedCommit { by, event, timeout: seconds }
    });
    let own = Event::Confirmation { id, by, phase: own, seconds };
    standard.into_iter().chain([own]).collect()
}

fn actor(by: By) -> Option<Actor> {
    match by {
        By::Session { id, origin } => Some(Actor { user: origin.user, session: id }),
        By::Daemon => None,
    }
}

/// Whole seconds, rounded up.
fn seconds(left: Duration) -> u32 {
    u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
