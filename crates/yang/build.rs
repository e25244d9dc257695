//! Lists the modules of the repository's `yang/` folder, so that each module in it is embedded.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // The value at the time of the run: a build script that was compiled for one checkout may run
    // for another one with the same target directory.
    let package = variable("CARGO_MANIFEST_DIR")?;
    let folder = package.join("../../yang").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yang") {
            files.push(path);
        }
    }
    files.sort();

    let mut list = String::from("&[\n");
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let _ = writeln!(list, "    include_str!({:?}),", file.display().to_string());
    }
    list.push_str("]\n");
    fs::write(variable("OUT_DIR")?.join("modules.rs"), list)
}

fn variable(name: &str) -> io::Result<PathBuf> {
    let value = env::var_os(name).ok_or_else(|| io::Error::other(format!("{name} is not set")))?;
    Ok(PathBuf::from(value))
}
