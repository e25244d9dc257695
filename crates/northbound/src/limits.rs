//! What the server grants to its clients.

use std::time::Duration;

/// How many sessions there may be, how long they may keep silent, and how much they may make the server store.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum number of connections.
    pub sessions: usize,
    /// How many of these only root can use.
    pub for_root: usize,
    /// The maximum number of connections of each user other than root.
    pub per_user: usize,
    /// How long a client may take for its hello.
    pub hello: Duration,
    /// How long a session lives without a request, or while its client does not read a reply. None if there is no
    /// limit. A session that has subscribed to notifications needs no requests.
    pub idle: Option<Duration>,
    /// How many bytes the messages of all sessions may take: requests until they are answered, replies until they are
    /// read. Users other than root may use one half.
    pub message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sessions: 256,
            for_root: 32,
            per_user: 32,
            hello: Duration::from_secs(10),
            idle: Some(Duration::from_secs(60 * 60)),
            message_bytes: 512 << 20,
        }
    }
}
