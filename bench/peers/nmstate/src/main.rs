//! nmstate in kernel mode, as a program: `nmstate-peer apply FILE`, or `nmstate-peer show`.
//!
//! It does what `nmstatectl apply --kernel` and `nmstatectl show --kernel` do, which no package carries.

use std::fs::File;
use std::io::{BufReader, Write, stdout};

use anyhow::{Context, Result, anyhow, bail};
use nmstate::{NetworkState, NmstateError};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["apply", file] => apply(file),
        ["show"] => show(),
        _ => bail!("usage: nmstate-peer apply FILE | show"),
    }
}

fn apply(file: &str) -> Result<()> {
    let content = BufReader::new(File::open(file).with_context(|| file.to_owned())?);
    let mut state: NetworkState = serde_json::from_reader(content)?;
    state.set_kernel_only(true);
    state.apply().map_err(told)
}

fn show() -> Result<()> {
    let mut state = NetworkState::new();
    state.set_kernel_only(true);
    state.retrieve().map_err(told)?;
    serde_json::to_writer(stdout().lock(), &state)?;
    Ok(stdout().flush()?)
}

fn told(error: NmstateError) -> anyhow::Error {
    anyhow!("{}: {}", error.kind(), error.msg())
}
