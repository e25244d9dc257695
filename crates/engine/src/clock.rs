//! What time it is.
//!
//! Durations are measured by the time since the host booted, which nobody sets. The wall clock may be set while a commit
//! waits for its confirmation, even by years where a host without a clock of its own learns the time. It is for what people
//! read, and for what they want to happen at a time of day.

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

/// Where the engine has the time from.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What the time is.
    pub wall: fn() -> SystemTime,
    /// How long ago the host booted, sleep included (clock_gettime(2), `CLOCK_BOOTTIME`).
    pub uptime: fn() -> Duration,
}

impl Clock {
    /// The host's.
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

/// A moment of this boot of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// How long after the boot.
    pub(crate) fn uptime(self) -> Duration {
        self.0
    }

    pub(crate) fn at(uptime: Duration) -> Moment {
        Moment(uptime)
    }

    /// How long it has been since `earlier`.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        self.left(earlier)
    }

    /// How long it is from `now`; nothing where it has been.
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

/// Resolves when the wall clock has been set or the host has slept: waiting that began before does not end when it should.
/// Where the host does not report that, it never does.
#[derive(Debug)]
pub(crate) struct Jumps(Option<AsyncFd<OwnedFd>>);

impl Jumps {
    /// Within a runtime.
    pub(crate) fn watch() -> Jumps {
        Jumps(watch_clock().inspect_err(warn_late).ok())
    }

    /// Awaits the next one.
    pub(crate) async fn next(&mut self) {
        match &self.0 {
            Some(timer) if jumped(timer).await.inspect_err(warn_late).is_err() => self.0 = None,
            Some(_) => {}
            None => pending().await,
        }
    }
}

fn warn_late(error: &io::Error) {
    tracing::warn!(%error, "where the clock is set, what is scheduled may come late");
}

/// A timer that is cancelled where the clock is set.
#[allow(unsafe_code, reason = "AsyncFd has no safe form")]
fn watch_clock() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
    let never = Timespec { tv_sec: NEVER, tv_nsec: 0 };
    let once = Itimerspec { it_interval: Timespec::default(), it_value: never };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(&timer, flags, &once)?;
    // SAFETY: an OwnedFd is open, and the same, for as long as it lives, and it is lent out shared only.
    Ok(unsafe { AsyncFd::register(timer) }?)
}

/// Awaits that it is cancelled (timerfd_create(2), `ECANCELED`).
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

/// The year 2200, in seconds since 1970: when the timer rings that is there to be cancelled.
const NEVER: i64 = 7_258_118_400;
