//! The measurement of one case: each way does every step, from the same state, alone on the
//! machine.
//!
//! The order of the ways changes from run to run. After each step the objects in the kernel are
//! counted. A way that did not do the work gets no value. The daemon runs only during Netloom's
//! turn.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use acceptance::{Daemon, kernel};
use tempfile::TempDir;
use testkit::netns::{ip, ip_json};

use crate::case::{Case, Noun, Step};
use crate::files::{Files, GATEWAY, occurrences};
use crate::measure::{LIMIT, run};
use crate::memory::Memory;
use crate::netconf::{Session, edit_route};
use crate::netlink::{Dump, Listener, count};
use crate::results::{Cell, Figures, Outcome};
use crate::way::{Task, Way};

/// A step that took longer for a way is not repeated.
const LONG: Duration = Duration::from_secs(5);

/// The result of a step, once.
#[derive(Clone, Copy, Debug)]
struct Sample {
    time: Duration,
    client_peak: Option<u64>,
    daemon: Option<Duration>,
    daemon_peak: Option<u64>,
    daemon_rest: Option<u64>,
}

/// The rounds of a case.
struct Rounds<'a> {
    case: Case,
    files: Files<'a>,
    folder: &'a Path,
    disk: &'a Path,
    samples: BTreeMap<(Way, Step), Vec<Sample>>,
    missing: BTreeMap<(Way, Step), String>,
}

/// Measures a case in the namespaces of the calling thread, which are empty; `before` has the cells
/// of smaller cases.
pub(crate) fn measure(case: Case, disk: &Path, before: &[Cell]) -> Vec<Cell> {
    let folder = TempDir::with_prefix_in("bench-", "/run").expect("make a folder");
    let west = if case.noun == Noun::Routes { links() } else { 0 };
    let files = Files::write(folder.path(), case, west).expect("write what the ways read");
    let folder = folder.path();
    let (samples, missing) = (BTreeMap::new(), BTreeMap::new());
    let mut rounds = Rounds { case, files, folder, disk, samples, missing };
    for attempt in Way::ALL.into_iter().flat_map(|way| Step::ALL.map(|step| (way, step))) {
        if let Some(why) = hopeless(attempt, case, before) {
            rounds.missing.insert(attempt, why);
        }
    }
    rounds.warm_up();
    for run in 0..case.runs() {
        let mut ways = Way::ALL;
        ways.rotate_left(run % Way::ALL.len());
        for way in ways {
            rounds.round(way);
        }
    }
    rounds.cells()
}

/// Creates a veth pair with the routes' gateway behind it. Returns the index of the near end.
fn links() -> u32 {
    ip("link add west type veth peer name east");
    ip("address add 192.0.2.1/24 dev west");
    ip("link set west up");
    ip("link set east up");
    let west = ip_json("link show west")[0]["ifindex"].as_u64();
    west.and_then(|index| index.try_into().ok()).expect("a link has an index")
}

/// Why a step is not tried: fewer objects took so long, or failed.
fn hopeless((way, step): (Way, Step), case: Case, before: &[Cell]) -> Option<String> {
    let fewer = before
        .iter()
        .rfind(|cell| (cell.case.noun, cell.way, cell.step) == (case.noun, way, step))?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let times = case.count as f64 / fewer.case.count as f64;
    match &fewer.outcome {
        Outcome::Missing { why } => Some(why.clone()),
        Outcome::Figures(figures) => (figures.seconds * times > LIMIT.as_secs_f64())
            .then(|| format!("not run: {} took {:.1} s", fewer.case, figures.seconds)),
    }
}

impl Rounds<'_> {
    /// Does the work once before the measurement, so that the kernel allocates memory and files are
    /// cached.
    fn warm_up(&self) {
        let _ = self.step(Way::Ip, Step::Load, None);
        self.empty();
        self.settle();
    }

    /// Does every step once, as far as the way supports it.
    fn round(&mut self, way: Way) {
        let mut daemon =
            (way == Way::Netloom && !self.is_done(way, Step::Load)).then(|| self.daemon());
        for step in Step::ALL {
            if !self.is_done(way, step) {
                match self.step(way, step, daemon.as_mut()) {
                    Ok(sample) => self.samples.entry((way, step)).or_default().push(sample),
                    Err(why) => {
                        self.missing.insert((way, step), why);
                    }
                }
            }
            if self.holds() != step.leaves(self.case.count) {
                break;
            }
        }
        drop(daemon);
        if self.holds() != 0 {
            self.empty();
        }
        self.settle();
    }

    /// Whether a step is not tried again, because it failed or took long.
    fn is_done(&self, way: Way, step: Step) -> bool {
        let took_long = |samples: &Vec<Sample>| samples[0].time > LONG;
        self.missing.contains_key(&(way, step))
            || self.samples.get(&(way, step)).is_some_and(took_long)
    }

    /// A daemon without history, which knows the link of the routes' gateway.
    fn daemon(&self) -> (TempDir, Daemon) {
        let disk = TempDir::with_prefix_in("bench-", self.disk).expect("make a folder");
        let daemon = Daemon::start_on(disk.path());
        if self.case.noun == Noun::Routes {
            daemon.run("configure\nlinks-iproute2 link west\ncommit\n");
        }
        (disk, daemon)
    }

    fn step(
        &self,
        way: Way,
        step: Step,
        daemon: Option<&mut (TempDir, Daemon)>,
    ) -> Result<Sample, String> {
        let sample = match daemon {
            Some((_, daemon)) => self.with_daemon(step, daemon)?,
            None => {
                let mut program = way.program(&self.task(step, Path::new("")))?;
                let took = run(&mut program, self.folder)?;
                Sample {
                    time: took.time,
                    client_peak: Some(took.peak),
                    daemon: None,
                    daemon_peak: None,
                    daemon_rest: None,
                }
            }
        };
        let (there, due) = (self.holds(), step.leaves(self.case.count));
        if there != due {
            return Err(format!("left {there} of {due}"));
        }
        if step == Step::Read {
            self.check_reading(way, due)?;
        }
        Ok(sample)
    }

    fn task<'a>(&'a self, step: Step, socket: &'a Path) -> Task<'a> {
        Task { noun: self.case.noun, step, files: &self.files, socket }
    }

    fn with_daemon(&self, step: Step, daemon: &mut Daemon) -> Result<Sample, String> {
        if matches!(step, Step::RestartFull | Step::RestartEmpty) {
            return self.restart(step, daemon);
        }
        let before = Memory::of(daemon.pid());
        before.forget_peak();
        let mut netloom = Way::Netloom.program(&self.task(step, &daemon.socket()))?;
        let took = run(&mut netloom, self.folder)?;
        let told = fs::read_to_string(self.folder.join("out")).unwrap_or_default();
        let inside = match (step, self.case.noun) {
            (Step::Again, Noun::Routes) => Some(self.no_op(daemon).map_err(|e| e.to_string())?),
            (Step::Again, _) | (Step::Read, _) => None,
            _ => milliseconds(&told),
        };
        let memory = Memory::of(daemon.pid());
        Ok(Sample {
            time: took.time,
            client_peak: Some(took.peak),
            daemon: inside,
            daemon_peak: Some(memory.peak()),
            daemon_rest: Some(memory.resident()),
        })
    }

    /// The time that the daemon takes to see that the candidate equals running.
    fn no_op(&self, daemon: &Daemon) -> std::io::Result<Duration> {
        let mut session = Session::open(&daemon.socket())?;
        let nexthop =
            format!("<nexthop><dev>west</dev><via><address>{GATEWAY}</address></via></nexthop>");
        session.call(&edit_route("merge", "10.0.0.0/30", &nexthop))?;
        let start = Instant::now();
        session.call("<commit/>")?;
        Ok(start.elapsed())
    }

    /// The time from the start of the daemon until it reports that the kernel holds the
    /// configuration.
    fn restart(&self, step: Step, daemon: &mut Daemon) -> Result<Sample, String> {
        daemon.stop();
        if step == Step::RestartEmpty {
            self.empty();
            self.settle();
        }
        let listener = Listener::open().map_err(|error| error.to_string())?;
        let start = Instant::now();
        daemon.start_again(&[]);
        let time = start.elapsed();
        if step == Step::RestartFull && listener.heard() {
            return Err("the kernel was touched".into());
        }
        let memory = Memory::of(daemon.pid());
        Ok(Sample {
            time,
            client_peak: None,
            daemon: Some(time),
            daemon_peak: Some(memory.peak()),
            daemon_rest: Some(memory.resident()),
        })
    }

    /// Whether the output names every object.
    fn check_reading(&self, way: Way, due: usize) -> Result<(), String> {
        let out = self.folder.join("out");
        let word = match self.case.noun {
            Noun::Routes => GATEWAY.to_string(),
            Noun::VethPairs => "left".into(),
            Noun::Netnses => "space".into(),
        };
        let found = match way {
            Way::Floor => fs::read_to_string(&out)
                .ok()
                .and_then(|counted| counted.trim().parse::<usize>().ok())
                .unwrap_or_default(),
            Way::Netloom | Way::Ip | Way::Nmstate | Way::Ndb => {
                occurrences(&out, &word).map_err(|error| error.to_string())?
            }
        };
        if found < due { Err(format!("read {found} of {due}")) } else { Ok(()) }
    }

    /// The number of complete objects in the kernel. A veth pair without an address, or that is
    /// down, does not count.
    fn holds(&self) -> usize {
        let count = |dump| count(dump).expect("read a dump");
        match self.case.noun {
            Noun::Routes => count(Dump::Routes),
            Noun::VethPairs => match (count(Dump::Links), count(Dump::Addresses)) {
                (links, addresses) if links == addresses => links / 2,
                (links, _) => links,
            },
            Noun::Netnses => fs::read_dir("/run/netns").map_or(0, Iterator::count),
        }
    }

    /// Removes everything, in the fastest way.
    fn empty(&self) {
        let numbers = 0..=self.case.count;
        match self.case.noun {
            Noun::Routes => {
                ip("link set west down");
                ip("link set west up");
            }
            Noun::VethPairs => {
                self.batch(numbers.map(|number| format!("link set left{number} group 7")));
                self.batch(std::iter::once("link delete group 7".to_owned()));
            }
            Noun::Netnses => {
                self.batch(numbers.map(|number| format!("netns delete space{number}")))
            }
        }
        assert_eq!(self.holds(), 0, "the kernel is empty");
    }

    fn batch(&self, lines: impl Iterator<Item = String>) {
        let file = self.folder.join("empty.batch");
        let mut out = fs::File::create(&file).expect("write a batch");
        for line in lines {
            writeln!(out, "{line}").expect("write a batch");
        }
        let mut program = acceptance::command("ip");
        program.args(["-force", "-batch"]).arg(&file);
        // It may not exist.
        let _ = run(&mut program, self.folder);
    }

    /// Waits until the kernel has removed the deleted namespaces, which it does in the background.
    fn settle(&self) {
        if self.case.noun != Noun::Netnses {
            return;
        }
        for _ in 0..2 {
            ip("netns add last");
            ip("link add last type veth peer name last netns last");
            ip("netns delete last");
            kernel::until("the namespaces end", || {
                !ip_json("link show").to_string().contains("\"last\"")
            });
        }
    }

    fn cells(self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for step in Step::ALL {
            for way in Way::ALL {
                let outcome = match self.samples.get(&(way, step)) {
                    Some(samples) => Outcome::Figures(figures(samples)),
                    None => {
                        let first = self.missing.get(&(way, Step::Load));
                        let why = self.missing.get(&(way, step)).or(first);
                        let why = why.map_or("did not come to it", String::as_str);
                        Outcome::Missing { why: why.into() }
                    }
                };
                cells.push(Cell { case: self.case, step, way, outcome });
            }
        }
        cells
    }
}

/// The median of the times, and the maximum of the memory.
fn figures(samples: &[Sample]) -> Figures {
    let most = |of: fn(&Sample) -> Option<u64>| samples.iter().filter_map(of).max();
    let daemon: Option<Vec<Duration>> = samples.iter().map(|sample| sample.daemon).collect();
    Figures {
        runs: samples.len(),
        seconds: median(samples.iter().map(|sample| sample.time).collect()),
        daemon_seconds: daemon.map(median),
        client_peak_kib: most(|sample| sample.client_peak),
        daemon_peak_kib: most(|sample| sample.daemon_peak),
        daemon_rest_kib: most(|sample| sample.daemon_rest),
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// The time that a commit reports: `commit 1: … (12.3 ms)`.
fn milliseconds(told: &str) -> Option<Duration> {
    let (_, rest) = told.rsplit_once('(')?;
    let (number, _) = rest.split_once(" ms")?;
    number.parse().ok().map(|number: f64| Duration::from_secs_f64(number / 1e3))
}
