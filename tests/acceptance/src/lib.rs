//! Tests with the real programs, used as users use them.
//!
//! A [`Lab`] is a device with two hosts, a [`Daemon`] is the program `netloomd` on the device, a
//! [`Terminal`] is a person with `netloom`, and [`kernel`] shows the result. All of it is in
//! namespaces of `testkit::netns::isolated`, and ends with them.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod bird;
mod daemon;
mod foreign;
pub mod in_process;
pub mod kernel;
mod lab;
pub mod leaves;
pub mod random;
mod terminal;
pub mod tutorial;

pub use bird::{Bird, Exported};
pub use daemon::{Daemon, Ran};
pub use foreign::{Beside, Cost};
pub use lab::{Host, Lab};
pub use terminal::{Ability, Terminal};

use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints what a test is about to show. The titles of a test's steps make a page of the test book.
pub fn step(title: &str) {
    println!("- {title}");
}

/// A program that was built along with this one.
pub fn built(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("find this program");
    // In a mount namespace with a changed root, a program has another path than the one by which it
    // was called.
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let folders = [here, called]
        .into_iter()
        .flat_map(|path| path.ancestors().skip(1).take(2).map(Path::to_owned).collect::<Vec<_>>());
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build --workspace --bins"))
}

/// A file that `tests/clients` has installed. Without it the test is skipped, or fails if `NETLOOM_REQUIRE_CLIENTS` is set.
pub fn client(name: &str) -> Option<PathBuf> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/clients");
    let found = clients.join(name);
    if found.exists() {
        return Some(found);
    }
    let missing = format!("there is no {}: run tests/clients", found.display());
    assert!(std::env::var_os("NETLOOM_REQUIRE_CLIENTS").is_none(), "{missing}");
    println!("SKIPPED: {missing}");
    None
}

/// Another program.
#[expect(clippy::disallowed_methods, reason = "tests run other programs")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}
