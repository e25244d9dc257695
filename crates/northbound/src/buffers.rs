//! Bounds the memory that the messages of all sessions take together: requests that are not complete or not answered
//! yet, and replies that their clients have not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::Limits;

/// Each session may store this much without asking. It is enough for all but large configurations.
const SMALL: usize = 256 << 10;

/// The memory of all sessions.
#[derive(Clone, Debug)]
pub(crate) struct Buffers {
    limit: usize,
    used: Arc<AtomicUsize>,
}

/// What one session uses. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    buffers: Buffers,
    /// How much all sessions may use for this one to get more.
    room: usize,
    held: usize,
}

/// There is no room. The text is for the user of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the messages of all sessions take more than {} MiB: try again when other sessions are done, \
     send or ask for less at a time, or see `netloomd --message-mib`",
    .room >> 20
)]
pub(crate) struct NoRoom {
    room: usize,
}

impl Buffers {
    pub(crate) fn new(limits: &Limits) -> Buffers {
        Buffers { limit: limits.message_bytes, used: Arc::default() }
    }

    /// The share of a new session. Users other than root leave one half for root.
    pub(crate) fn share(&self, is_root: bool) -> Share {
        let room = if is_root { self.limit } else { self.limit / 2 };
        Share { buffers: self.clone(), room, held: 0 }
    }
}

impl Share {
    /// Changes the share to `bytes`. If there is no room for more, the share stays as it is.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let wanted = bytes.saturating_sub(SMALL);
        let used = &self.buffers.used;
        if wanted > self.held {
            let more = wanted - self.held;
            let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= self.room);
            let taken = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
            taken.map_err(|_full| NoRoom { room: self.room })?;
        } else {
            used.fetch_sub(self.held - wanted, Ordering::Relaxed);
        }
        self.held = wanted;
        Ok(())
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        self.buffers.used.fetch_sub(std::mem::take(&mut self.held), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_the_memory_and_root_has_more() {
        let limits = Limits { message_bytes: 8 << 20, ..Limits::default() };
        let buffers = Buffers::new(&limits);
        let (mut ann, mut bob) = (buffers.share(false), buffers.share(false));
        let mut root = buffers.share(true);
        assert_eq!(ann.resize(3 << 20), Ok(()));
        assert_eq!(bob.resize(SMALL), Ok(()), "a little is always there");
        assert_eq!(bob.resize(2 << 20), Err(NoRoom { room: 4 << 20 }));
        assert_eq!(root.resize(5 << 20), Ok(()));
        assert_eq!(root.resize(6 << 20), Err(NoRoom { room: 8 << 20 }));
        root.release();
        assert_eq!(ann.resize(1 << 20), Ok(()));
        assert_eq!(bob.resize(3 << 20), Ok(()));
        drop((ann, bob, root));
        assert_eq!(buffers.used.load(Ordering::Relaxed), 0);
    }
}
