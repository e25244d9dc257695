//! The clocks of the engine.
//!
//! Durations are measured by the time since the host booted, because nobody can set that clock. The
//! wall clock may be set while a commit waits for its confirmation. It may even jump by years, on a
//! host that has no battery-backed clock and learns the time from the network. The wall clock is
//! used only for times that people read, and for commits that are scheduled for a time of day.

pub(crate) mod rfc3339;

use std::future::pending;
use std::io;
use std::ops::Add;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// The source of the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The current time.
    pub wall: fn() -> SystemTime,
    /// The time since the host booted, including sleep (clock_gettime(2), `CLOCK_BOOTTIME`).
    pub uptime: fn() -> Duration,
}

impl Clock {
    /// The clocks of the host.
    pub const HOST: Clock = Clock { wall: SystemTime::now, uptime: host_uptime };

    pub(crate) fn now(self) -> Moment {
        Moment((self.uptime)())
    }
}

fn host_uptime() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
    // The kernel counts up from zero.
    let seconds = u64::try_from(tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(tv_nsec).unwrap_or_default())
}

/// A moment in the current boot of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// The time from the boot to this moment.
    pub(crate) fn uptime(self) -> Duration {
        self.0
    }

    pub(crate) fn at(uptime: Duration) -> Moment {
        Moment(uptime)
    }

    /// The time from `earlier` to this moment.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        self.left(earlier)
    }

    /// The time from `now` until this moment; zero if it has passed.
    pub(crate) fn left(self, now: Moment) -> Duration {
        self.0.saturating_sub(now.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, later: Duration) -> Moment {
        Moment(self.0.saturating_add(later))
    }
}

/// Resolves when the wall clock has been set or the host has slept. A wait that began before that
/// does not end when it should. On a host that does not report this, it never resolves.
#[derive(Debug)]
pub(crate) struct Jumps(Option<AsyncFd<OwnedFd>>);

impl Jumps {
    /// Must be called within a runtime.
    pub(crate) fn watch() -> Jumps {
        Jumps(watch_clock().inspect_err(warn_late).ok())
    }

    /// Waits for the next jump.
    pub(crate) async fn next(&mut self) {
        match &self.0 {
            Some(timer) if jumped(timer).await.inspect_err(warn_late).is_err() => self.0 = None,
            Some(_) => {}
            None => pending().await,
        }
    }
}

fn warn_late(error: &io::Error) {
    tracing::warn!(%error, "cannot watch the clock: scheduled commits may be late after it is set");
}

/// A timer that the kernel cancels when the clock is set.
#[allow(unsafe_code, reason = "AsyncFd has no safe form")]
fn watch_clock() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
    let never = Timespec { tv_sec: NEVER, tv_nsec: 0 };
    let once = Itimerspec { it_interval: Timespec::default(), it_value: never };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(&timer, flags, &once)?;
    // SAFETY: an OwnedFd is open, and refers to the same file, for as long as it lives. It is lent
    // out shared only.
    Ok(unsafe { AsyncFd::register(timer) }?)
}

/// Waits until the kernel cancels the timer (timerfd_create(2), `ECANCELED`).
async fn jumped(timer: &AsyncFd<OwnedFd>) -> io::Result<()> {
    loop {
        let mut ready = timer.readable().await?;
        let read = |timer: &AsyncFd<OwnedFd>| Ok(rustix::io::read(timer, &mut [0; 8])?);
        match ready.try_io(read) {
            Ok(Err(error)) if Errno::from_io_error(&error) != Some(Errno::CANCELED) => {
                return Err(error);
            }
            Ok(_) => return Ok(()),
            Err(_not_yet) => {}
        }
    }
}

/// The expiry of the timer: the year 2200, in seconds since 1970. It only has to be far away,
/// because the timer exists to be cancelled.
const NEVER: i64 = 7_258_118_400;
