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
        let mut heap = Heap::default();
        loop {
            interval.tick().await;
            let look = move || {
                heap.look();
                heap
            };
            heap = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        }
    });
}

/// The heap of this process.
#[cfg(target_env = "gnu")]
#[derive(Clone, Copy, Debug, Default)]
struct Heap {
    /// The resident memory that was unused and could not be given back, because it shares its pages with used memory.
    kept: usize,
}

#[cfg(target_env = "gnu")]
impl Heap {
    /// Gives unused memory back if it is much. The allocator counts memory as unused whether it has given it back or
    /// not. What is resident tells the two apart.
    fn look(&mut self) {
        let resident = resident();
        let unused = resident.saturating_sub(allocated());
        self.kept = self.kept.min(unused);
        if unused > self.kept + WORTHWHILE + resident / SHARE {
            trim();
            self.kept = self::resident().saturating_sub(allocated());
        }
    }
}

/// The resident memory of the process in bytes; zero if it cannot be read.
#[cfg(target_env = "gnu")]
fn resident() -> usize {
    let sizes = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = sizes.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    // SAFETY: reads a constant of the system.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) });
    pages.unwrap_or_default() * page.unwrap_or_default()
}

/// The bytes in use, in the heap and in blocks of their own.
#[cfg(target_env = "gnu")]
fn allocated() -> usize {
    // SAFETY: reads counters of the allocator.
    let counters = unsafe { libc::mallinfo2() };
    counters.uordblks + counters.hblkhd
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: gives unused pages back to the kernel, under the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(target_env = "gnu")]
const LARGE: i32 = 1 << 20;

/// How much more unused memory is worth the work: this, and one of so many parts of what is resident.
#[cfg(target_env = "gnu")]
const WORTHWHILE: usize = 16 << 20;
#[cfg(target_env = "gnu")]
const SHARE: usize = 16;

#[cfg(target_env = "gnu")]
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn unused_memory_is_given_back_each_time() {
        const BLOCKS: usize = 1 << 17;
        let mut heap = Heap::default();
        for _ in 0..3 {
            let mut blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|_| vec![1; 1 << 10]).collect();
            // A block at the end keeps the C library from returning the memory by itself.
            let last = blocks.pop();
            // Half of it is used for longer.
            for used in [BLOCKS / 2, 0] {
                blocks.truncate(used);
                let before = resident();
                heap.look();
                let after = resident();
                assert!(after + (BLOCKS << 8) < before, "{before} bytes became {after}");
            }
            drop(last);
        }
    }
}
