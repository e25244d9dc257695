//! Lists the modules of the repository's `yang/` folder, so that each module in it is embedded.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../yang");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder.canonicalize()?)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yang") {
                files.push(path);
            }
        }
    }
    files.sort();

    let mut list = String::from("&[\n");
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let _ = writeln!(list, "    include_str!({:?}),", file.display().to_string());
    }
    list.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(PathBuf::from(out).join("modules.rs"), list)
}
