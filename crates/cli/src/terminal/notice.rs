//! Events as notices: one line for a user who is typing another line.
//!
//! A notice begins like a comment, so that it has no effect if it is pasted together with commands.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use netconf::notification::{Actor, Event, Phase};
use yang::Schema;

use crate::client::Delivery;
use crate::grammar::render::typed;
use crate::prose;
use crate::shell::Standing;
use crate::show::history::remark;
use crate::show::one_line;

/// Passes the notices of a session to its terminal.
pub(crate) struct Notifier {
    /// The user's own session.
    pub(crate) own: Option<u32>,
    pub(crate) schema: &'static Schema,
    /// What the prompt shows.
    pub(crate) standing: Arc<Mutex<Standing>>,
    /// Has the prompt drawn again.
    pub(crate) repaint: Box<dyn Fn() + Send>,
    /// Breaks a notice at words for the terminal.
    pub(crate) wrap: fn(&str) -> String,
    /// The lines to show.
    pub(crate) lines: SyncSender<String>,
    /// Set when the daemon is gone.
    pub(crate) gone: Arc<AtomicBool>,
    /// How many lines were dropped because the channel was full.
    pub(crate) unseen: u64,
}

impl Notifier {
    /// Never blocks, since the same thread reads the server's replies.
    pub(crate) fn notify(&mut self, heard: Delivery) {
        match heard {
            Delivery::Event(event) => {
                let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
                if standing.hear(&event) {
                    (self.repaint)();
                }
                drop(standing);
                let Some(line) = line(&event, self.own, self.schema) else { return };
                if self.unseen > 0 && self.lines.try_send(missed(self.unseen)).is_ok() {
                    self.unseen = 0;
                }
                if self.lines.try_send((self.wrap)(&line)).is_err() {
                    self.unseen += 1;
                }
            }
            Delivery::Gone => self.gone.store(true, Ordering::Relaxed),
        }
    }
}

/// The notice of an event for the user of session `own`. There is no notice for the user's own actions, and no
/// duplicate.
pub(crate) fn line(event: &Event, own: Option<u32>, schema: &'static Schema) -> Option<String> {
    let ours = |by: &Option<Actor>| by.as_ref().is_some_and(|by| Some(by.session) == own);
    let typed = |paths: &[String]| -> Vec<String> {
        paths.iter().map(|path| prose::unbroken(&typed(schema, path))).collect()
    };
    let line = match event {
        Event::Commit { id, by, comment, summary } if !ours(by) => {
            format!("commit {id} by {}: {summary}{}", who(by), remark(comment.as_deref()))
        }
        Event::Confirmation { id, by, phase, seconds } => {
            let left = || format!("{} unless `commit` confirms it", duration(seconds.unwrap_or(0)));
            match phase {
                Phase::Started | Phase::Extended if !ours(by) => {
                    format!("commit {id} is undone in {}", left())
                }
                Phase::Expiring => format!("commit {id} is undone in {}", left()),
                Phase::Confirmed if !ours(by) => format!("commit {id} is confirmed by {}", who(by)),
                Phase::Cancelled if !ours(by) => {
                    format!("commit {id} is undone: {} cancelled it", who(by))
                }
                Phase::TimedOut => format!("commit {id} is undone: nobody confirmed it in time"),
                Phase::SessionEnded => {
                    format!("commit {id} is undone: its session ended before confirming it")
                }
                Phase::Started | Phase::Extended | Phase::Confirmed | Phase::Cancelled => {
                    return None;
                }
            }
        }
        Event::ScheduledRefused { number, user, cause } => {
            format!("commit at {number}, scheduled by {user}, is refused: {cause}")
        }
        Event::NotUndone { id, cause } => {
            format!("commit {id} was not confirmed and could not be undone, it stays: {cause}")
        }
        Event::Diverged { cause, .. } => {
            format!("a failed commit could not be undone, kernel and running differ: {cause}")
        }
        Event::Converged => "kernel and running agree again".into(),
        Event::Drift { paths, count } => drift(&typed(paths), *count),
        Event::Held { by, paths, count } if !ours(by) => held(&typed(paths), *count),
        Event::Missed { count } => return Some(missed(*count)),
        Event::Commit { .. }
        | Event::ConfigChange { .. }
        | Event::ConfirmedCommit { .. }
        | Event::Held { .. }
        | Event::SessionStart(_)
        | Event::SessionEnd { .. }
        | Event::Other { .. } => return None,
    };
    Some(format!("! {}", one_line(&line)))
}

/// The notice of drift.
fn drift(paths: &[String], count: u64) -> String {
    let differ = match count {
        0 => return "nothing differs from running any more".into(),
        1 => "1 object differs from running: `show drift`".to_owned(),
        count => format!("{count} objects differ from running: `show drift`"),
    };
    match paths {
        [] => differ,
        [path] => format!("others have changed {path}; {differ}"),
        [path, more @ ..] => {
            format!("others have changed {path} and {} more; {differ}", more.len())
        }
    }
}

/// The notice of what is held.
fn held(paths: &[String], count: u64) -> String {
    let all = match count {
        0 => return "nothing is held any more".into(),
        1 => "1 object is held: `show drift`".to_owned(),
        count => format!("{count} objects are held: `show drift`"),
    };
    match paths {
        [] => all,
        [path] => format!("{path} is held; {all}"),
        [path, more @ ..] => format!("{path} and {} more are held; {all}", more.len()),
    }
}

fn missed(count: u64) -> String {
    format!("! {count} more notices could not be shown")
}

fn who(by: &Option<Actor>) -> String {
    match by {
        Some(Actor { user, session }) => format!("{user} (session {session})"),
        None => "netloomd".into(),
    }
}

fn duration(seconds: u32) -> String {
    match (seconds / 60, seconds % 60) {
        (0, 1) => "a second".into(),
        (0, seconds) => format!("{seconds} seconds"),
        (1, 0) => "a minute".into(),
        (minutes, 0) => format!("{minutes} minutes"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use expect_test::{Expect, expect};

    use super::*;

    const OWN: Option<u32> = Some(3);

    #[track_caller]
    fn check(event: Event, expect: Expect) {
        let line = line(&event, OWN, schema()).unwrap_or_default();
        expect.assert_eq(&prose::wrapped(&line, None));
    }

    fn schema() -> &'static Schema {
        Schema::netloom().expect("the modules compile")
    }

    fn by(session: u32) -> Option<Actor> {
        Some(Actor { user: "ann".into(), session })
    }

    fn commit(by: Option<Actor>, comment: Option<&str>) -> Event {
        let comment = comment.map(str::to_owned);
        Event::Commit { id: 7, by, comment, summary: "1 link changed".into() }
    }

    #[test]
    fn commits_of_others_have_a_notice() {
        check(commit(by(3), None), expect![""]);
        check(commit(by(4), None), expect!["! commit 7 by ann (session 4): 1 link changed"]);
        check(
            commit(by(4), Some("a\nb\x1b[2J")),
            expect![[r#"! commit 7 by ann (session 4): 1 link changed "a\u{a}b\u{1b}[2J""#]],
        );
        check(
            commit(None, Some("commit 6 was not confirmed in time")),
            expect![[
                r#"! commit 7 by netloomd: 1 link changed "commit 6 was not confirmed in time""#
            ]],
        );
        check(Event::ConfigChange { by: by(4) }, expect![""]);
    }

    #[test]
    fn the_end_of_a_confirmed_commit_has_a_notice_unless_it_is_ones_own_doing() {
        let confirmation = |by, phase, seconds| Event::Confirmation { id: 7, by, phase, seconds };
        check(confirmation(by(3), Phase::Started, Some(600)), expect![""]);
        check(
            confirmation(by(4), Phase::Started, Some(600)),
            expect!["! commit 7 is undone in 10 minutes unless `commit` confirms it"],
        );
        check(
            confirmation(by(4), Phase::Extended, Some(90)),
            expect!["! commit 7 is undone in 1 min 30 s unless `commit` confirms it"],
        );
        check(
            confirmation(None, Phase::Expiring, Some(60)),
            expect!["! commit 7 is undone in a minute unless `commit` confirms it"],
        );
        check(
            confirmation(None, Phase::Expiring, Some(1)),
            expect!["! commit 7 is undone in a second unless `commit` confirms it"],
        );
        check(confirmation(by(3), Phase::Confirmed, None), expect![""]);
        check(
            confirmation(by(4), Phase::Confirmed, None),
            expect!["! commit 7 is confirmed by ann (session 4)"],
        );
        check(confirmation(by(3), Phase::Cancelled, None), expect![""]);
        check(
            confirmation(by(4), Phase::Cancelled, None),
            expect!["! commit 7 is undone: ann (session 4) cancelled it"],
        );
        check(
            confirmation(None, Phase::TimedOut, None),
            expect!["! commit 7 is undone: nobody confirmed it in time"],
        );
        check(
            confirmation(None, Phase::SessionEnded, None),
            expect!["! commit 7 is undone: its session ended before confirming it"],
        );
        check(
            Event::NotUndone { id: 7, cause: "/a:b: the kernel refused to add it: no".into() },
            expect![
                "! commit 7 was not confirmed and could not be undone, it stays: /a:b: the kernel refused to add it: no"
            ],
        );
    }

    #[test]
    fn the_state_of_the_kernel_has_a_notice() {
        let cause = "/a:b: the kernel refused to add it: no".into();
        check(
            Event::Diverged { paths: vec!["/a:b".into()], cause },
            expect![
                "! a failed commit could not be undone, kernel and running differ: /a:b: the kernel refused to add it: no"
            ],
        );
        check(Event::Converged, expect!["! kernel and running agree again"]);
        let drift = |paths: &[&str], count| Event::Drift {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            count,
        };
        check(
            drift(&["/a:b"], 1),
            expect!["! others have changed /a:b; 1 object differs from running: `show drift`"],
        );
        check(
            drift(&["/a:b", "/a:c", "/a:d"], 4),
            expect![
                "! others have changed /a:b and 2 more; 4 objects differ from running: `show drift`"
            ],
        );
        check(drift(&[], 2), expect!["! 2 objects differ from running: `show drift`"]);
        check(drift(&[], 0), expect!["! nothing differs from running any more"]);
        let held = |session: Option<u32>, paths: &[&str], count| Event::Held {
            by: session.and_then(by),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            count,
        };
        let route = "/iproute2-ip-route:routes/route[prefix='10.8.0.0/16'][table='main'][metric='0'][tos='default'][netns='1']";
        check(
            held(None, &[route], 1),
            expect!["! routes-iproute2 route 10.8.0.0/16 is held; 1 object is held: `show drift`"],
        );
        check(held(Some(3), &["/a:b"], 1), expect![""]);
        check(
            held(Some(4), &["/a:b", "/a:c"], 3),
            expect!["! /a:b and 1 more are held; 3 objects are held: `show drift`"],
        );
        check(held(None, &[], 0), expect!["! nothing is held any more"]);
        check(Event::Missed { count: 12 }, expect!["! 12 more notices could not be shown"]);
    }

    #[test]
    fn dropped_notices_are_counted() {
        let (lines, shown) = sync_channel(2);
        let gone = Arc::new(AtomicBool::new(false));
        let standing: Arc<Mutex<Standing>> = Arc::default();
        let mut notifier = Notifier {
            own: OWN,
            schema: schema(),
            standing: standing.clone(),
            repaint: Box::new(|| {}),
            wrap: |line| line.to_owned(),
            lines,
            gone: gone.clone(),
            unseen: 0,
        };
        for _ in 0..5 {
            notifier.notify(Delivery::Event(Event::Converged));
        }
        assert_eq!(shown.try_iter().count(), 2);
        notifier.notify(Delivery::Event(Event::Converged));
        let shown_then: Vec<String> = shown.try_iter().collect();
        assert_eq!(shown_then, [missed(3), "! kernel and running agree again".into()]);
        assert!(!gone.load(Ordering::Relaxed));
        notifier.notify(Delivery::Event(Event::Drift { paths: Vec::new(), count: 4 }));
        assert_eq!(standing.lock().expect("nobody panics").mark(), "[drift 4]");
        notifier.notify(Delivery::Gone);
        assert!(gone.load(Ordering::Relaxed));
    }
}
