//! The pulse of the engine's thread: what the thread is doing, and whether it makes progress.
//!
//! The thread reports each request, each step of a transaction and each call of the kernel. Long
//! work between two reports uses the processor, which is progress too. A thread that does neither
//! is blocked by something that others hold.

use std::fs;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// What the thread is doing, since when.
#[derive(Clone, Copy, Debug)]
struct Beat {
    /// None if it waits for work.
    doing: Option<&'static str>,
    since: Instant,
    /// The number of the thread (gettid(2)).
    thread: i32,
}

/// The thread's own end.
#[derive(Clone, Debug)]
pub(crate) struct Heart(watch::Sender<Beat>);

/// The other end, for a watchdog.
#[derive(Clone, Debug)]
pub struct Pulse {
    beats: watch::Receiver<Beat>,
    /// The last report and the processor time of the thread, and when this last changed.
    seen: Option<(Instant, Option<u64>)>,
    changed: Instant,
}

/// A thread that makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// What it reported last: a request, a step that was done, or a call of the kernel.
    pub last: &'static str,
    /// For how long it has made no progress.
    pub duration: Duration,
}

impl Heart {
    pub(crate) fn new() -> Heart {
        Heart(watch::Sender::new(Beat { doing: None, since: Instant::now(), thread: 0 }))
    }

    /// Reports what the calling thread is about to do; none if it is about to wait for work.
    pub(crate) fn beat(&self, doing: Option<&'static str>) {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        self.0.send_replace(Beat { doing, since: Instant::now(), thread });
    }

    pub(crate) fn pulse(&self) -> Pulse {
        Pulse { beats: self.0.subscribe(), seen: None, changed: Instant::now() }
    }
}

impl Pulse {
    /// Looks at the thread. Returns a stall if it has made no progress since the last look.
    pub fn look(&mut self) -> Option<Stall> {
        let Beat { doing, since, thread } = *self.beats.borrow();
        let seen = Some((since, processor_time(thread)));
        if self.seen != seen {
            (self.seen, self.changed) = (seen, Instant::now());
            return None;
        }
        doing.map(|last| Stall { last, duration: self.changed.elapsed() })
    }
}

/// The processor time of a thread of this process in nanoseconds, if the kernel counts it.
fn processor_time(thread: i32) -> Option<u64> {
    let path = format!("/proc/self/task/{thread}/schedstat");
    fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
}

/// The name of the function in which a closure of type `F` is written.
pub(crate) fn written_in<F>() -> &'static str {
    let name = std::any::type_name::<F>();
    let name = name.split("::{{closure}}").next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_that_is_blocked_makes_no_progress() {
        let heart = Heart::new();
        let mut pulse = heart.pulse();
        let (release, released) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let beating = heart.clone();
            scope.spawn(move || {
                beating.beat(Some("waiting for a lock"));
                released.recv().unwrap();
                beating.beat(None);
            });
            let stall = std::iter::repeat_with(|| pulse.look()).flatten().next().unwrap();
            assert_eq!(stall.last, "waiting for a lock");
            // It goes on being blocked.
            let longer = std::iter::repeat_with(|| pulse.look()).flatten();
            assert!(longer.take(100).all(|later| later.duration >= stall.duration));
            release.send(()).unwrap();
        });
        // The thread waits for work.
        assert_eq!((pulse.look(), pulse.look()), (None, None));
    }

    #[test]
    fn a_thread_that_works_makes_progress() {
        let heart = Heart::new();
        let mut pulse = heart.pulse();
        heart.beat(Some("much work"));
        pulse.look();
        let begun = Instant::now();
        let mut work = 0_u64;
        while begun.elapsed() < Duration::from_millis(50) {
            work = std::hint::black_box(work + 1);
        }
        assert_eq!(pulse.look(), None);
    }

    #[test]
    fn the_name_of_a_request() {
        fn name_of<F>(_: &F) -> &'static str {
            written_in::<F>()
        }
        let outer = || || ();
        assert_eq!(name_of(&outer()), "the_name_of_a_request");
    }
}
