//! The compared ways to do the work, with the program for each step.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use acceptance::{built, command};
use serde::{Deserialize, Serialize};

use crate::case::{Noun, Step};
use crate::files::{Files, Form};

/// The ways.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    Netloom,
    Ip,
    Floor,
    Nmstate,
    Ndb,
}

/// A step of a case, and the paths that the programs need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) noun: Noun,
    pub(crate) step: Step,
    pub(crate) files: &'a Files<'a>,
    /// The daemon's socket, if it runs.
    pub(crate) socket: &'a Path,
}

impl Way {
    pub(crate) const ALL: [Self; 5] =
        [Self::Netloom, Self::Ip, Self::Floor, Self::Nmstate, Self::Ndb];

    /// For a table.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Netloom => "Netloom",
            Self::Ip => "`ip -batch`",
            Self::Floor => "netlink alone",
            Self::Nmstate => "nmstate",
            Self::Ndb => "pyroute2 NDB",
        }
    }

    /// The program for the step, or why there is none.
    pub(crate) fn program(self, task: &Task<'_>) -> Result<Command, String> {
        if matches!(task.step, Step::RestartFull | Step::RestartEmpty) {
            return Err("keeps no state: a restart is a load".into());
        }
        match self {
            Self::Netloom => Ok(netloom(task)),
            Self::Ip => ip(task),
            Self::Floor => floor(task),
            Self::Nmstate => nmstate(task),
            Self::Ndb => ndb(task),
        }
    }
}

fn netloom(&Task { noun, step, files, socket }: &Task<'_>) -> Command {
    let container = match noun {
        Noun::Routes => "routes-iproute2",
        Noun::VethPairs => "links-iproute2",
        Noun::Netnses => "netnses-iproute2",
    };
    let change = |line: String| vec!["configure".into(), line, "commit".into()];
    let lines = match step {
        Step::Read => vec![format!("show operational-data {container} | display json")],
        Step::Delete => change(format!("no {container}")),
        Step::Load | Step::Again | Step::OneMore | Step::RestartFull | Step::RestartEmpty => {
            let file = files.path(step, Form::Configuration);
            change(format!("load merge {}", file.display()))
        }
    };
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(socket);
    netloom.args(lines.iter().flat_map(|line| ["-c", line]));
    netloom
}

fn ip(&Task { noun, step, files, .. }: &Task<'_>) -> Result<Command, String> {
    let mut ip = command("ip");
    match (step, noun) {
        (Step::Read, Noun::Routes) => ip.args(["-j", "route", "show", "proto", "static"]),
        (Step::Read, Noun::VethPairs) => ip.args(["-j", "-d", "address", "show"]),
        (Step::Read, Noun::Netnses) => ip.args(["-j", "netns", "list"]),
        (Step::Again, Noun::VethPairs | Noun::Netnses) => {
            return Err("fails for objects that already exist".into());
        }
        (_, Noun::Routes | Noun::VethPairs | Noun::Netnses) => {
            ip.arg("-batch").arg(files.path(step, Form::Batch))
        }
    };
    Ok(ip)
}

fn floor(&Task { noun, step, files, .. }: &Task<'_>) -> Result<Command, String> {
    let mut floor = command(env::current_exe().map_err(|error| error.to_string())?);
    match (step, noun) {
        (_, Noun::Netnses) => {
            return Err(
                "netlink cannot create namespaces; here `ip -batch` is the lower bound".into()
            );
        }
        (Step::Again, Noun::VethPairs) => return Err("has nothing to send".into()),
        (Step::Read, Noun::Routes) => floor.args(["count", "routes"]),
        (Step::Read, Noun::VethPairs) => floor.args(["count", "links"]),
        (_, Noun::Routes | Noun::VethPairs) => {
            floor.arg("send").arg(files.path(step, Form::Messages))
        }
    };
    Ok(floor)
}

fn nmstate(&Task { noun, step, files, .. }: &Task<'_>) -> Result<Command, String> {
    if noun == Noun::Netnses {
        return Err("does not support namespaces".into());
    }
    let mut nmstate = command(tool("nmstate/bin/nmstate-peer")?);
    match step {
        Step::Read => nmstate.arg("show"),
        Step::Load
        | Step::Again
        | Step::OneMore
        | Step::RestartFull
        | Step::RestartEmpty
        | Step::Delete => nmstate.arg("apply").arg(files.path(step, Form::Nmstate)),
    };
    Ok(nmstate)
}

fn ndb(&Task { noun, step, files, .. }: &Task<'_>) -> Result<Command, String> {
    if noun == Noun::Netnses {
        return Err("its namespace view cannot create a namespace".into());
    }
    let mut ndb = command(tool("pyroute2/bin/python")?);
    ndb.arg(repository().join("bench/peers/ndb.py"));
    match step {
        Step::Read if noun == Noun::Routes => ndb.args(["read", "routes"]),
        Step::Read => ndb.args(["read", "addresses"]),
        Step::Delete => ndb.arg("delete").arg(files.path(step, Form::Objects)),
        Step::Load | Step::Again | Step::OneMore | Step::RestartFull | Step::RestartEmpty => {
            ndb.arg("load").arg(files.path(step, Form::Objects))
        }
    };
    Ok(ndb)
}

/// The checkout of the benchmark.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program that `make peers` installs.
pub(crate) fn tool(path: &str) -> Result<PathBuf, String> {
    let tool = repository().join("target/tools").join(path);
    let found = fs::exists(&tool).is_ok_and(|found| found);
    found.then_some(tool).ok_or_else(|| "is not installed: `make peers`".into())
}
