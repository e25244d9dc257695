//! Who may connect: a place for each connection, some of them for root only.
//!
//! A connection whose client has not sent its hello is not a session yet. If all places are taken, such a connection
//! loses its place to a new one, so silent connections never lock anybody out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{AbortHandle, Id};

use crate::limits::Limits;

/// The user id of root.
pub(crate) const ROOT: u32 = 0;

/// The connections, the oldest first.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Limits,
    taken: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    uid: u32,
    greeted: Greeted,
    task: AbortHandle,
}

/// Whether the client of a connection has sent its hello.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeted(Arc<AtomicBool>);

/// Why a connection is refused. The text is for its user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error(
        "{user} has {open} sessions, which is the limit for each user: end one of them, or see \
         `netloomd --max-sessions-per-user`"
    )]
    User { user: String, open: usize },
    #[error(
        "all places for sessions are taken ({open}): end a session, or see `netloomd --max-sessions`"
    )]
    Everybody { open: usize },
}

impl Greeted {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Places {
        Places { limits, taken: Vec::new() }
    }

    /// Makes sure that there is a place for one more connection of this user.
    pub(crate) fn make_room(&mut self, uid: u32, user: &str) -> Result<(), Full> {
        let Limits { sessions, for_root, per_user, .. } = self.limits;
        if uid == ROOT {
            return match self.taken.len() < sessions || self.evict(|_| true) {
                true => Ok(()),
                false => Err(Full::Everybody { open: self.taken.len() }),
            };
        }
        let open = self.taken.iter().filter(|place| place.uid == uid).count();
        if open >= per_user && !self.evict(|place| place.uid == uid) {
            return Err(Full::User { user: user.to_owned(), open });
        }
        // A silent connection of root loses its place to root only.
        let room = sessions.saturating_sub(for_root);
        match self.taken.len() < room || self.evict(|place| place.uid != ROOT) {
            true => Ok(()),
            false => Err(Full::Everybody { open: self.taken.len() }),
        }
    }

    /// Takes a place for a connection that `task` serves.
    pub(crate) fn take(&mut self, uid: u32, greeted: Greeted, task: AbortHandle) {
        self.taken.push(Place { uid, greeted, task });
    }

    /// Frees the place of a task that has ended.
    pub(crate) fn free(&mut self, task: Id) {
        self.taken.retain(|place| place.task.id() != task);
    }

    /// Ends the oldest silent connection among some. Returns whether there was one.
    fn evict(&mut self, among: impl Fn(&Place) -> bool) -> bool {
        let silent = |place: &Place| among(place) && !place.greeted.is_set();
        let Some(position) = self.taken.iter().position(silent) else { return false };
        self.taken.remove(position).task.abort();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: u32 = 1000;
    const BOB: u32 = 1001;

    struct Door {
        places: Places,
        tasks: Vec<(u32, Greeted, tokio::task::JoinHandle<()>)>,
    }

    impl Door {
        fn new() -> Door {
            let limits = Limits { sessions: 6, for_root: 2, per_user: 3, ..Limits::default() };
            Door { places: Places::new(limits), tasks: Vec::new() }
        }

        fn connect(&mut self, uid: u32, greets: bool) -> Result<(), Full> {
            self.places.make_room(uid, "ann")?;
            let (greeted, task) = (Greeted::default(), tokio::spawn(std::future::pending()));
            if greets {
                greeted.set();
            }
            self.places.take(uid, greeted.clone(), task.abort_handle());
            self.tasks.push((uid, greeted, task));
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_user_has_a_limit_and_root_has_places_of_its_own() {
        let mut door = Door::new();
        for _ in 0..3 {
            assert_eq!(door.connect(ANN, true), Ok(()));
        }
        assert_eq!(door.connect(ANN, true), Err(Full::User { user: "ann".into(), open: 3 }));
        assert_eq!(door.connect(BOB, true), Ok(()));
        assert_eq!(door.connect(BOB, true), Err(Full::Everybody { open: 4 }));
        for _ in 0..2 {
            assert_eq!(door.connect(ROOT, true), Ok(()));
        }
        assert_eq!(door.connect(ROOT, true), Err(Full::Everybody { open: 6 }));

        let (_, _, first) = &door.tasks[0];
        door.places.free(first.id());
        assert_eq!(door.connect(ROOT, true), Ok(()));
    }

    #[tokio::test]
    async fn a_silent_connection_gives_its_place_up() {
        let mut door = Door::new();
        for _ in 0..2 {
            assert_eq!(door.connect(ANN, false), Ok(()));
            assert_eq!(door.connect(ROOT, false), Ok(()));
        }
        // Ann's oldest goes, and root's stay.
        assert_eq!(door.connect(BOB, true), Ok(()));
        assert_eq!(door.connect(BOB, true), Ok(()));
        assert_eq!(door.connect(BOB, true), Err(Full::Everybody { open: 4 }));
        for _ in 0..4 {
            assert_eq!(door.connect(ROOT, true), Ok(()));
        }
        assert_eq!(door.connect(ROOT, true), Err(Full::Everybody { open: 6 }));
        for (_, greeted, task) in door.tasks {
            if greeted.is_set() {
                assert!(!task.is_finished());
            } else {
                assert!(task.await.is_err_and(|error| error.is_cancelled()));
            }
        }
    }
}
