//! Measures Netloom beside `ip -batch`, in one run, and writes the ratios into README.md.
//!
//! Each way starts from the same namespace without the routes, and ends when the kernel has them. Netloom's time is that of
//! the whole way a user sees: `netloom` starts, reads a file, loads it into the candidate, commits; the daemon
//! validates, plans, journals, executes, and observes again.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{env, fs};

use acceptance::{Daemon, command};
use serde_json::json;
use tempfile::TempDir;
use testkit::netns::{ip, isolated};

/// Of an odd number of runs the median is one of them.
const RUNS: usize = 5;
const SIZES: [usize; 2] = [1_000, 10_000];

struct Row {
    routes: usize,
    ip_batch: Duration,
    netloom: Duration,
    daemon: Duration,
    one_more: Duration,
}

fn main() {
    let rows: Vec<Row> = SIZES.iter().map(|routes| isolated(|| measure(*routes))).collect();
    let table = table(&rows);
    print!("{table}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let results: Vec<_> = rows.iter().map(Row::json).collect();
    let text = serde_json::to_string_pretty(&results).expect("numbers are JSON");
    fs::write(root.join("bench/results.json"), text + "\n").expect("write bench/results.json");
    insert(&root.join("README.md"), &table);
}

fn measure(routes: usize) -> Row {
    ip("link add west type veth peer name east");
    ip("address add 192.0.2.1/24 dev west");
    ip("link set west up");
    ip("link set east up");
    let builds = env::current_exe().expect("find this program");
    let disk = TempDir::with_prefix_in("bench-", builds.with_file_name("")).expect("make a folder");
    let daemon = Daemon::start_on(disk.path());
    daemon.run("configure\nlinks-iproute2 link west\ncommit\n");
    let batch = daemon.folder().join("batch");
    let configuration = daemon.folder().join("routes.conf");
    let prefixes: Vec<String> = (0..routes)
        .map(|number| format!("10.{}.{}.{}/30", number >> 14, number >> 6 & 255, number << 2 & 255))
        .collect();
    let lines =
        prefixes.iter().map(|prefix| format!("route add {prefix} via 192.0.2.2 dev west\n"));
    fs::write(&batch, lines.collect::<String>()).expect("write the batch");
    let entries = prefixes
        .iter()
        .map(|prefix| format!(" route {prefix}\n  nexthop west via address 192.0.2.2\n"));
    let text = format!("routes-iproute2\n{}", entries.collect::<String>());
    fs::write(&configuration, text).expect("write the configuration");

    let (mut with_ip, mut with_netloom, mut in_daemon, mut one_more) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let load = format!("configure\nload merge {}\ncommit\n", configuration.display());
    for _ in 0..RUNS {
        with_ip.push(timed(|| {
            let batch = batch.to_str().expect("the path is text");
            let ran = command("ip").args(["-batch", batch]).stdout(Stdio::null()).status();
            assert!(ran.is_ok_and(|status| status.success()), "ip -batch");
        }));
        assert_eq!(count(), routes);
        ip("route flush via 192.0.2.2");
        let mut told = String::new();
        with_netloom.push(timed(|| told = daemon.run(&load)));
        assert_eq!(count(), routes);
        in_daemon.push(milliseconds(&told));
        let one = "configure\nroutes-iproute2 route 198.51.100.0/24 nexthop west via address 192.0.2.2\ncommit\n";
        one_more.push(milliseconds(&daemon.run(one)));
        daemon.run("configure\nno routes-iproute2\ncommit\n");
        assert_eq!(count(), 0);
    }
    Row {
        routes,
        ip_batch: median(with_ip),
        netloom: median(with_netloom),
        daemon: median(in_daemon),
        one_more: median(one_more),
    }
}

impl Row {
    fn ratio(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.ip_batch.as_secs_f64()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "routes": self.routes,
            "ip_batch_seconds": self.ip_batch.as_secs_f64(),
            "netloom_seconds": self.netloom.as_secs_f64(),
            "daemon_seconds": self.daemon.as_secs_f64(),
            "one_more_seconds": self.one_more.as_secs_f64(),
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| routes in one commit | `ip -batch` | Netloom, file to kernel | ratio | in the daemon | one route on top |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let _ = writeln!(
            table,
            "| {} | {} | {} | {:.2} | {} | {} |",
            row.routes,
            ms(row.ip_batch),
            ms(row.netloom),
            row.ratio(row.netloom),
            ms(row.daemon),
            ms(row.one_more),
        );
    }
    table
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What a commit told of itself: `commit 1: … (12.3 ms)`.
fn milliseconds(told: &str) -> Duration {
    let number = told.rsplit_once('(').and_then(|(_, rest)| rest.split_once(" ms"));
    let number = number.and_then(|(number, _)| number.parse().ok());
    let milliseconds: f64 = number.unwrap_or_else(|| panic!("no time in {told:?}"));
    Duration::from_secs_f64(milliseconds / 1e3)
}

fn count() -> usize {
    ip("route show via 192.0.2.2").lines().count()
}

/// Puts the table between its marks.
fn insert(file: &Path, table: &str) {
    let text = fs::read_to_string(file).expect("read README.md");
    let (begin, end) = ("<!-- bench:begin -->\n", "<!-- bench:end -->");
    let (before, rest) = text.split_once(begin).expect("README.md has the first mark");
    let (_, after) = rest.split_once(end).expect("README.md has the second mark");
    fs::write(file, format!("{before}{begin}{table}{end}{after}")).expect("write README.md");
}
