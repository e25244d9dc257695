//! One heap for all threads.
//!
//! A commit passes through several threads: one reads it, another applies it, a third writes it down. The C library would
//! give each a heap of its own, of which what one has freed is no use to the next: after a few commits of 100,000
//! routes the daemon would hold a third more than it needs. Few of its threads work at a time, so that they seldom wait for
//! each other.
#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "a setting of the C library"))]

/// Called before there is a second thread.
pub(crate) fn share_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number that the allocator looks at when a thread first allocates.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1)
    };
}
