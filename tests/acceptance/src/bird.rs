//! A routing daemon next to Netloom: Debian's bird2, with static routes that it exports to the
//! kernel.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::command;

/// A running bird; it ends with this value.
#[derive(Debug)]
pub struct Bird {
    program: PathBuf,
    folder: PathBuf,
    child: Child,
}

/// Routes of bird: this number of /32 or /128 prefixes, starting after an address, through a
/// gateway.
#[derive(Clone, Copy, Debug)]
pub struct Exported {
    /// The first prefix is the one after this address.
    pub base: std::net::IpAddr,
    /// How many.
    pub count: u32,
    /// The gateway.
    pub via: &'static str,
}

impl Bird {
    /// Starts bird with these routes in the namespaces of the calling thread, with its files in
    /// `folder`. None if this host has no bird, which is printed.
    pub fn start(folder: &Path, routes: &[Exported]) -> Option<Self> {
        let Some(program) = program("bird") else {
            println!("SKIPPED: there is no bird(8) on this host: run tests/bird, or install bird2");
            return None;
        };
        configure(folder, routes);
        let child = tool(&program)
            .arg("-f")
            .arg("-c")
            .arg(folder.join("bird.conf"))
            .arg("-s")
            .arg(folder.join("bird.sock"))
            .arg("-P")
            .arg(folder.join("bird.pid"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start bird");
        Some(Self { program, folder: folder.to_owned(), child })
    }

    /// Changes the exported routes to these.
    pub fn export(&self, routes: &[Exported]) {
        configure(&self.folder, routes);
        let birdc = self.program.with_file_name("birdc");
        let socket = self.folder.join("bird.sock");
        let ran = tool(&birdc).arg("-s").arg(socket).arg("configure").output();
        let told = ran.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned());
        assert!(told.as_ref().is_ok_and(|told| told.contains("Reconfigur")), "{told:?}");
    }
}

impl Drop for Bird {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(folder: &Path, routes: &[Exported]) {
    let mut text = String::from(
        "router id 192.0.2.1;\nprotocol device { scan time 1; }\n\
         protocol kernel { ipv4 { export all; }; scan time 1; }\n\
         protocol kernel { ipv6 { export all; }; scan time 1; }\n",
    );
    for (number, Exported { base, count, via }) in routes.iter().enumerate() {
        let family = if base.is_ipv4() { "ipv4" } else { "ipv6" };
        let _ = writeln!(text, "protocol static s{number} {{ {family};");
        for offset in 1..=*count {
            let (address, length) = match base {
                std::net::IpAddr::V4(base) => {
                    (std::net::Ipv4Addr::from(u32::from(*base) + offset).to_string(), 32)
                }
                std::net::IpAddr::V6(base) => {
                    let address = u128::from(*base) + u128::from(offset);
                    (std::net::Ipv6Addr::from(address).to_string(), 128)
                }
            };
            let _ = writeln!(text, "route {address}/{length} via {via};");
        }
        text.push_str("}\n");
    }
    fs::write(folder.join("bird.conf"), text).expect("write bird.conf");
}

/// The program as it is installed, or as `tests/bird` has unpacked it.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bird/usr/sbin");
    let others = [PathBuf::from("/usr/sbin"), unpacked];
    let folders = std::env::split_paths(&path).chain(others);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Runs it with the libraries that were unpacked with it, if any.
fn tool(program: &Path) -> Command {
    let mut command = command("setpriv");
    if let Some(root) = program.parent().and_then(Path::parent) {
        let libraries = fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
        let library = libraries
            .map(|entry| entry.path())
            .find(|path| path.join("libssh-gcrypt.so.4").exists());
        if let Some(library) = library {
            command.env("LD_LIBRARY_PATH", library);
        }
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}
