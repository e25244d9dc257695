//! `netloomd` with a state directory of its own, and `netloom` scripts run against it.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{built, command};

/// Longer than anything takes if it works.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The log message of a debug build for a plan that the checker does not accept.
const BROKEN_RULE: &str = "plan breaks a rule";

/// A running daemon. If one of its plans breaks a rule, the test fails at its end.
///
/// Its files are in the `/run` of its mount namespace and disappear with it. The daemon ends with
/// the test, even if the test is killed.
#[derive(Debug)]
pub struct Daemon {
    folder: TempDir,
    state: PathBuf,
    /// Whether it has the capabilities of `dist/netloomd.service` only.
    service: bool,
    /// Further options.
    options: Vec<String>,
    /// The socket of the service manager, which receives its reports.
    notified: Option<UnixDatagram>,
    child: Option<Child>,
}

/// The capabilities of `dist/netloomd.service`, for setpriv(1).
const CAPABILITIES: &str = "-all,+net_admin,+net_raw,+sys_admin";

/// The result of a run of `netloom`.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Daemon {
    /// Starts a daemon without a configuration, and waits until it serves.
    #[track_caller]
    pub fn start() -> Self {
        let folder = folder();
        let state = folder.path().join("state");
        Self::started(folder, state, false)
    }

    /// As [`Daemon::start`], with further options.
    #[track_caller]
    pub fn start_with(options: &[&str]) -> Self {
        let folder = folder();
        let state = folder.path().join("state");
        let options = options.iter().map(ToString::to_string).collect();
        let mut daemon =
            Self { folder, state, service: false, options, notified: None, child: None };
        daemon.start_again(&[]);
        daemon
    }

    /// As [`Daemon::start`], with no more capabilities than the service has.
    #[track_caller]
    pub fn start_as_a_service() -> Self {
        let folder = folder();
        let state = folder.path().join("state");
        Self::started(folder, state, true)
    }

    /// As [`Daemon::start`], with the state on a real disk, so that writing takes as long as for a
    /// user.
    #[track_caller]
    pub fn start_on(disk: &Path) -> Self {
        Self::started(folder(), disk.join("state"), false)
    }

    /// Starts the daemon again with its old state, and with these environment variables.
    #[track_caller]
    pub fn start_again(&mut self, environment: &[(&str, &str)]) {
        let ready = self.try_start(environment);
        assert!(ready, "netloomd does not start:\n{}", self.log());
    }

    /// As [`Daemon::start_again`]. Returns whether it serves, or has ended.
    pub fn try_start(&mut self, environment: &[(&str, &str)]) -> bool {
        let notify = self.path("notify");
        let _ = fs::remove_file(&notify);
        let notified = UnixDatagram::bind(&notify).expect("bind a socket for readiness");
        notified.set_read_timeout(Some(Duration::from_millis(50))).expect("set a deadline");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log"));
        let child = self
            .program()
            .arg("--state-dir")
            .arg(&self.state)
            .arg("--socket")
            .arg(self.socket())
            .args(["--log", "info"])
            .args(&self.options)
            .env("NOTIFY_SOCKET", &notify)
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(log.expect("open a log"))
            .spawn()
            .expect("start netloomd");
        let child = self.child.insert(child);
        let start = Instant::now();
        let mut word = [0; 64];
        loop {
            if let Ok(length) = notified.recv(&mut word) {
                self.notified = Some(notified);
                return word[..length].starts_with(b"READY=1");
            }
            if child.try_wait().expect("ask after netloomd").is_some() || start.elapsed() > DEADLINE
            {
                return false;
            }
        }
    }

    /// The next report to its service manager, if one comes within that time.
    pub fn report(&self, within: Duration) -> Option<String> {
        let notified = self.notified.as_ref()?;
        notified.set_read_timeout(Some(within)).expect("set a deadline");
        let mut report = [0; 64];
        let length = notified.recv(&mut report).ok()?;
        Some(String::from_utf8_lossy(&report[..length]).into_owned())
    }

    /// Stops the daemon as an operator does. It must exit without an error.
    #[track_caller]
    pub fn stop(&mut self) {
        let status = self.end(rustix::process::Signal::TERM);
        assert!(status.success(), "netloomd: {status}\n{}", self.log());
    }

    /// Sends SIGTERM, and awaits the end of the daemon.
    pub fn terminate(&mut self) -> ExitStatus {
        self.end(rustix::process::Signal::TERM)
    }

    /// Kills the daemon as the kernel does when memory is short.
    pub fn kill(&mut self) {
        self.end(rustix::process::Signal::KILL);
    }

    /// Gives the host back, by a `netloomd` that does nothing else.
    #[track_caller]
    pub fn release(&self) -> Ran {
        let ran = self
            .program()
            .args(["--release", "--state-dir"])
            .arg(&self.state)
            .env("NO_COLOR", "1")
            .output();
        let ran = Ran::of(ran.expect("run netloomd"));
        assert!(!ran.err.contains(BROKEN_RULE), "{}", ran.err);
        ran
    }

    /// Waits until the daemon has ended by itself.
    #[track_caller]
    pub fn await_end(&mut self) {
        let child = self.child.as_mut().expect("the daemon runs");
        child.wait().expect("await netloomd");
        self.child = None;
    }

    /// Runs a script through `netloom`.
    #[track_caller]
    pub fn script(&self, script: &str) -> Ran {
        Ran::of(self.begin(script).wait_with_output().expect("await netloom"))
    }

    /// Runs `netloom` with these options.
    #[track_caller]
    pub fn netloom(&self, options: &[&str]) -> Ran {
        let mut netloom = command(built("netloom"));
        netloom.arg("--socket").arg(self.socket()).args(options);
        Ran::of(netloom.output().expect("run netloom"))
    }

    /// Starts to run a script through `netloom`.
    #[track_caller]
    pub fn begin(&self, script: &str) -> Child {
        let mut child = command(built("netloom"))
            .arg("--socket")
            .arg(self.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start netloom");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // A run that ends at an early line does not read the rest.
        let _ = stdin.write_all(script.as_bytes());
        drop(stdin);
        child
    }

    /// Runs a script that must succeed. Returns its output.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        let ran = self.script(script);
        assert!(ran.status.success(), "{}\n{}daemon:\n{}", ran.err, ran.out, self.log());
        ran.out
    }

    /// The process.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the daemon runs").id()
    }

    /// The processor time of its threads.
    pub fn processor_time(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid()));
        let tasks = tasks.expect("list the daemon's threads").flatten();
        let nanoseconds = tasks.filter_map(|task| {
            let told = fs::read_to_string(task.path().join("schedstat")).ok()?;
            told.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Its peak memory in bytes.
    pub fn peak_memory(&self) -> f64 {
        self.memory("VmHWM:")
    }

    /// Its resident memory in bytes.
    pub fn resident_memory(&self) -> f64 {
        self.memory("VmRSS:")
    }

    fn memory(&self, field: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("ask after the daemon's memory");
        let value = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.expect("the kernel tells how much memory it is") * 1024.0
    }

    /// The path of its socket.
    pub fn socket(&self) -> PathBuf {
        self.path("sock")
    }

    /// The path of its state directory.
    pub fn state(&self) -> PathBuf {
        self.state.clone()
    }

    /// A folder for a test's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    #[track_caller]
    fn started(folder: TempDir, state: PathBuf, service: bool) -> Self {
        let options = Vec::new();
        let mut daemon = Self { folder, state, service, options, notified: None, child: None };
        daemon.start_again(&[]);
        daemon
    }

    /// `netloomd`, which ends with the test.
    fn program(&self) -> Command {
        let mut program = command("setpriv");
        program.args(["--pdeathsig", "KILL"]);
        if self.service {
            program.args(["--bounding-set", CAPABILITIES]);
        }
        program.arg(built("netloomd"));
        program
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn end(&mut self, signal: rustix::process::Signal) -> ExitStatus {
        let mut child = self.child.take().expect("the daemon runs");
        let pid = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process(pid, signal);
        child.wait().expect("await netloomd")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        let fails = std::thread::panicking();
        let breaks_rule = self.log().contains(BROKEN_RULE);
        if fails || breaks_rule {
            eprintln!("netloomd's log:\n{}", self.log());
        }
        assert!(fails || !breaks_rule, "{BROKEN_RULE}");
    }
}

impl Ran {
    /// The result of a finished program.
    pub fn of(output: std::process::Output) -> Self {
        Self {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn folder() -> TempDir {
    TempDir::with_prefix_in("netloom-", "/run").expect("make a folder")
}
