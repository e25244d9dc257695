//! One run of a program: its time, and its peak memory.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// A program that takes longer is killed.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The result of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) time: Duration,
    /// The peak resident memory of the program in KiB. The kernel includes the parent's memory at
    /// the start, so the benchmark itself needs little.
    pub(crate) peak: u64,
}

/// Runs a program, with its output in `folder`. An error says why it did not do its work.
pub(crate) fn run(command: &mut Command, folder: &Path) -> Result<Took, String> {
    let create = |name| File::create(folder.join(name)).map_err(|error| error.to_string());
    command.stdin(Stdio::null()).stdout(create("out")?).stderr(create("err")?);
    let start = Instant::now();
    let child = command.spawn().map_err(|error| error.to_string())?;
    let pid = Pid::from_child(&child);
    let ended = await_end(pid).map_err(|error| error.to_string())?;
    let took = start.elapsed();
    if !ended {
        let _ = kill_process(pid, Signal::KILL);
    }
    let (success, peak) = reap(pid).map_err(|error| error.to_string())?;
    if !ended {
        return Err(format!("stopped at the time limit of {} s", LIMIT.as_secs()));
    }
    if !success {
        let err = fs::read_to_string(folder.join("err")).unwrap_or_default();
        let last = err.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(last.trim().to_owned());
    }
    Ok(Took { time: took, peak })
}

/// Whether the process ended within the limit.
fn await_end(pid: Pid) -> io::Result<bool> {
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let limit = Timespec { tv_sec: LIMIT.as_secs().cast_signed(), tv_nsec: 0 };
    let mut ends = [PollFd::new(&process, PollFlags::IN)];
    Ok(poll(&mut ends, Some(&limit))? > 0)
}

/// Whether the process succeeded, and its peak memory.
#[allow(unsafe_code, reason = "wait4(2) has no safe form")]
fn reap(pid: Pid) -> io::Result<(bool, u64)> {
    let mut status = 0;
    // SAFETY: `rusage` is a plain structure of numbers, which may be zero.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values that live until the call returns.
    let reaped =
        unsafe { libc::wait4(pid.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage) };
    if reaped < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((status == 0, u64::try_from(usage.ru_maxrss).unwrap_or_default()))
}
