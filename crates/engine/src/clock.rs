//! What time it is, and what the engine does without being asked when its time has come.
//!
//! What lasts for some time goes by the time since the host booted, which nobody sets: the wall clock may be set while a
//! commit waits for its confirmation, be it by years where a host without a clock of its own learns the time. By the wall
//! clock goes what people read, and what they want to happen at a time of day.

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

use crate::engine::Engine;
use crate::session::notice::Why;

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

/// Tells when the wall clock has been set or the host has slept: waiting that began before does not end when it should.
/// Where the host does not tell, it never does.
#[derive(Debug)]
pub(crate) struct Jumps(Option<AsyncFd<OwnedFd>>);

impl Jumps {
    /// Within a runtime.
    pub(crate) fn watch() -> Jumps {
        Jumps(watch_clock().inspect_err(unheard).ok())
    }

    /// Awaits the next one.
    pub(crate) async fn next(&mut self) {
        match &self.0 {
            Some(timer) if jumped(timer).await.inspect_err(unheard).is_err() => self.0 = None,
            Some(_) => {}
            None => pending().await,
        }
    }
}

fn unheard(error: &io::Error) {
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

/// How long to wait before what has failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

impl Engine {
    /// How long until there is something to do; none where nothing is.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let now = self.now();
        let dues = [
            self.foretold_at(),
            self.undone_at(),
            self.probes_at(),
            self.restored_at(),
            self.recorded_at(),
            self.drift.due(),
        ];
        let waits = dues.into_iter().flatten().map(|due| due.left(now));
        waits.chain(self.schedule.waits(&self.settings.clock)).chain(self.events.due(now)).min()
    }

    /// Does what there is to do by now: undoes a commit that nobody has confirmed, or says that this will be soon,
    /// makes one that was scheduled, and brings a kernel that could not be brought back nearer to running.
    pub(crate) fn look_at_clock(&mut self) {
        let now = self.now();
        self.look_at_events();
        if self.undone_at().is_some_and(|due| due <= now) {
            self.expire(Why::Timeout);
        } else if self.foretold_at().is_some_and(|due| due <= now) {
            self.foretell();
        }
        if self.probes_at().is_some_and(|due| due <= now) {
            self.probe(now);
        }
        if self.schedule.waits(&self.settings.clock) == Some(Duration::ZERO) {
            self.commit_scheduled();
        }
        if self.drift.due().is_some_and(|due| due <= now) {
            self.look_again(now);
        }
        if self.recorded_at().is_some_and(|due| due <= now) {
            match self.catch_up() {
                Ok(()) => tracing::info!("the boot is on disk"),
                Err(errors) => {
                    tracing::error!(errors = errors.told(), "the boot is not on disk as yet");
                }
            }
        }
        if self.restored_at().is_some_and(|due| due <= now) {
            match self.reconcile() {
                Ok(()) => tracing::info!("kernel and running agree again"),
                Err(errors) => tracing::error!(errors = errors.told(), "diverged"),
            }
        }
    }

    /// When what has just failed is tried again.
    pub(crate) fn again(&self) -> Moment {
        self.now() + AGAIN
    }

    pub(crate) fn now(&self) -> Moment {
        self.settings.clock.now()
    }

    /// When what the disk has not taken is tried again.
    fn recorded_at(&self) -> Option<Moment> {
        self.unrecorded.as_ref().map(|unrecorded| unrecorded.again)
    }

    /// When a way back that has failed is tried again.
    fn restored_at(&self) -> Option<Moment> {
        self.diverged.as_ref().map(|diverged| diverged.again)
    }
}
