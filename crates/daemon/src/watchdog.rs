//! A watchdog for the engine's thread, which everything else waits for.
//!
//! Logs what the thread was doing if it makes no progress. systemd is told that the daemon is alive
//! only as long as the thread makes progress, so that it restarts a daemon that is blocked
//! (`WatchdogSec=`, sd_notify(3)).

use std::time::Duration;

use engine::{Pulse, Stall};
use sd_notify::NotifyState;
use tokio::time::sleep;
use tracing::{error, info};

use crate::tell_systemd;

/// Without progress for longer than this, the thread counts as blocked. Each answer of the kernel
/// is awaited for 10 seconds at most.
const LIMIT: Duration = Duration::from_secs(30);

/// Watches the thread for as long as this is polled.
pub(crate) async fn watch(mut pulse: Pulse) {
    let asked = sd_notify::watchdog_enabled();
    let limit = limit(asked);
    let mut blocked = false;
    loop {
        sleep(limit / 4).await;
        match pulse.look().filter(|stall| stall.duration >= limit) {
            Some(Stall { last, duration }) if !blocked => {
                let seconds = duration.as_secs_f64();
                error!(last, seconds, "the engine is blocked: it makes no progress");
                blocked = true;
            }
            Some(_) => {}
            None if blocked => {
                info!("the engine makes progress again");
                blocked = false;
            }
            None => {}
        }
        if asked.is_some() && !blocked {
            tell_systemd(NotifyState::Watchdog);
        }
    }
}

/// Resolves when the thread has made no progress for too long.
pub(crate) async fn blocked(mut pulse: Pulse) -> Stall {
    let limit = limit(sd_notify::watchdog_enabled());
    loop {
        if let Some(stall) = pulse.look().filter(|stall| stall.duration >= limit) {
            return stall;
        }
        sleep(limit / 4).await;
    }
}

/// Less than what systemd allows, so that the log has the reason when systemd acts.
fn limit(asked: Option<Duration>) -> Duration {
    asked.map_or(LIMIT, |asked| LIMIT.min(asked / 2))
}
