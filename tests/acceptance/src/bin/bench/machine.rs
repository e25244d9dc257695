//! The machine of the measurement, and the versions of the programs.

use std::collections::BTreeMap;
use std::fs;
use std::thread::available_parallelism;

use acceptance::{built, command};

use crate::way::{repository, tool};

/// What a reader must know to judge the numbers.
pub(crate) fn facts() -> BTreeMap<String, String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = available_parallelism().map_or(0, usize::from);
    let none = || "not installed".to_owned();
    [
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("processor", field(&read("/proc/cpuinfo"), "model name")),
        ("cores", cores.to_string()),
        ("memory", field(&read("/proc/meminfo"), "MemTotal")),
        ("Netloom", printed(built("netloom"), &["--version"])),
        ("iproute2", printed("ip", &["-V"])),
        ("nmstate", tool(NMSTATE).map_or_else(|_| none(), |_| nmstate())),
        ("pyroute2", tool(PYTHON).map_or_else(|_| none(), |python| printed(python, &PYROUTE2))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

const NMSTATE: &str = "nmstate/bin/nmstate-peer";
const PYTHON: &str = "pyroute2/bin/python";
const PYROUTE2: [&str; 2] = ["-c", "import pyroute2; print(pyroute2.__version__)"];

/// The version with which the program is built.
fn nmstate() -> String {
    let lock = fs::read_to_string(repository().join("bench/peers/nmstate/Cargo.lock"));
    let lock = lock.unwrap_or_default();
    let entry = lock.split("[[package]]").find(|entry| entry.contains("name = \"nmstate\"\n"));
    let line = entry.and_then(|entry| entry.lines().find(|line| line.starts_with("version")));
    line.and_then(|line| line.split('"').nth(1)).unwrap_or_default().to_owned()
}

fn printed(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output = command(program).args(arguments).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
