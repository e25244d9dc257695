//! Checks of the repository that no ordinary tool makes: `cargo run -p xtask -- tidy`.

use std::env;
use std::path::Path;
use std::process::ExitCode;

mod circles;
mod tidy;
mod waits;

fn main() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    match env::args().nth(1).as_deref() {
        Some("tidy") => {
            let faults = tidy::faults(&root)?;
            for fault in &faults {
                eprintln!("{fault}");
            }
            Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => {
            eprintln!("usage: cargo run -p xtask -- tidy");
            Ok(ExitCode::from(2))
        }
    }
}
