//! Programs that drive `netloom` in the place of a person: pexpect at a terminal, and netmiko over SSH.
//!
//! `tests/clients` installs them.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use acceptance::{Daemon, Ran, built, client, command, step};
use testkit::netns::{ip, isolated};

const PORT: u16 = 2222;

#[test]
fn pexpect_drives_a_session() {
    let Some(python) = client("bin/python") else { return };
    isolated(|| {
        let daemon = Daemon::start();
        let mut session = command(python);
        session.arg("-c").arg(include_str!("pexpect_session.py")).arg(built("netloom"));
        session.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
        succeeds(session);
    });
}

#[test]
fn netmiko_configures_a_network_over_ssh() {
    let (Some(python), Some(sshd)) = (client("bin/python"), client("usr/sbin/sshd")) else {
        return;
    };
    isolated(|| {
        let mut other = command("setpriv");
        other.args(["--reuid", "74", "--clear-groups", "true"]);
        if !other.status().is_ok_and(|status| status.success()) {
            println!("SKIPPED: this user cannot become another one, as sshd must");
            return;
        }
        ip("link set lo up");
        let daemon = Daemon::start();
        let sshd = Sshd::start(&sshd, &daemon);
        step("as if it was IOS");
        let mut session = command(python);
        session.arg("-c").arg(include_str!("netmiko_session.py"));
        session.arg(PORT.to_string()).arg(&sshd.key).env("HOME", daemon.folder());
        succeeds(session);
        assert!(ip("-n miko link show br0").contains("mtu 1300"));
    });
}

#[track_caller]
fn succeeds(mut program: std::process::Command) {
    let ran = Ran::of(program.stdin(Stdio::null()).output().expect("run python"));
    assert!(ran.status.success(), "{}{}", ran.out, ran.err);
    print!("{}", ran.out);
}

/// An sshd whose only command is `netloom`. It ends with this value.
struct Sshd {
    child: Child,
    key: PathBuf,
}

impl Sshd {
    fn start(program: &Path, daemon: &Daemon) -> Self {
        let folder = daemon.folder();
        // Keys must not be in a folder that others can write.
        let [host_key, key] = ["host_key", "key"].map(|name| folder.join(name));
        for key in [&host_key, &key] {
            let mut keygen = command("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key);
            assert!(keygen.status().expect("run ssh-keygen").success());
        }
        Self::make_users(folder);
        let config = format!(
            "Port {PORT}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
             PermitRootLogin yes\nPasswordAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\n\
             PrintMotd no\nPrintLastLog no\nForceCommand {} --socket {}\n",
            host_key.display(),
            key.with_extension("pub").display(),
            built("netloom").display(),
            daemon.socket().display()
        );
        let file = folder.join("sshd_config");
        fs::write(&file, config).expect("write the configuration of sshd");
        let log = fs::File::create(folder.join("sshd.log")).expect("make a log");
        let child = command("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .args(["-D", "-e", "-f"])
            .arg(&file)
            .env("LD_LIBRARY_PATH", libraries(program))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("start sshd");
        let mut sshd = Self { child, key };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
            let ended = sshd.child.try_wait().expect("ask after sshd").is_some();
            let log = fs::read_to_string(folder.join("sshd.log")).unwrap_or_default();
            assert!(!ended && start.elapsed() < Duration::from_secs(30), "sshd:\n{log}");
        }
        sshd
    }

    /// The users that sshd needs, and a place for its records of logins: in this mount namespace only.
    fn make_users(folder: &Path) {
        fs::create_dir_all("/run/sshd").expect("make a folder for sshd");
        for (file, text) in [
            ("passwd", "root:x:0:0::/run:/bin/sh\nsshd:x:74:74::/run/sshd:/bin/false\n"),
            ("shadow", "root:*:20000:0:99999:7:::\nsshd:*:20000:0:99999:7:::\n"),
        ] {
            let own = folder.join(file);
            fs::write(&own, text).expect("write the users");
            mount(&["--bind", &own.display().to_string(), &format!("/etc/{file}")]);
        }
        mount(&["-t", "tmpfs", "none", "/var/log"]);
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mount(arguments: &[&str]) {
    assert!(command("mount").args(arguments).status().expect("run mount").success());
}

/// The libraries that were unpacked with sshd.
fn libraries(program: &Path) -> PathBuf {
    let root = program.ancestors().nth(3).unwrap_or(program);
    let folders =
        ["usr/lib", "lib"].into_iter().filter_map(|lib| fs::read_dir(root.join(lib)).ok());
    let mut folders = folders.flatten().flatten().map(|entry| entry.path());
    folders.find(|path| path.join("libwrap.so.0").exists()).unwrap_or_default()
}
