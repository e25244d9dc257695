//! The heap: one for all threads, and memory that is not needed any more goes back to the kernel.
//!
//! A commit passes through several threads: one reads it, another applies it, a third writes it to the disk. By default the C
//! library gives each thread a heap of its own, and what one thread has freed is of no use to the others. After a few commits
//! of 100,000 routes the daemon would hold a third more than it needs. Few of its threads work at a time, so they
//! seldom wait for each other.
//!
//! The C library returns only the end of the heap by itself. Trees consist of many small blocks, so a single block that is
//! still used keeps all the memory below it.
#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "settings of the C library"))]

/// Called before there is a second thread.
pub(crate) fn share_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets numbers that the allocator looks at when a thread first allocates.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        // Larger blocks, such as messages, go back to the kernel as soon as they are freed. If this is not set, the
        // threshold grows with the blocks that are freed.
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    };
}

/// Looks from time to time whether much of the heap is unused, and gives that back to the kernel.
pub(crate) fn give_back_regularly() {
    #[cfg(target_env = "gnu")]
    tokio::spawn(async {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Memory that was given back still counts as unused, so only more than this is new.
        let mut known = 0;
        loop {
            interval.tick().await;
            known = known.min(unused());
            if unused() > known + WORTHWHILE && tokio::task::spawn_blocking(trim).await.is_ok() {
                known = unused();
            }
        }
    });
}

/// The unused bytes of the heap.
#[cfg(target_env = "gnu")]
fn unused() -> usize {
    // SAFETY: reads counters of the allocator.
    unsafe { libc::mallinfo2() }.fordblks
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: gives unused pages back to the kernel, under the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(target_env = "gnu")]
const LARGE: i32 = 1 << 20;

/// How much more unused memory is worth the work.
#[cfg(target_env = "gnu")]
const WORTHWHILE: usize = 16 << 20;

#[cfg(target_env = "gnu")]
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);
