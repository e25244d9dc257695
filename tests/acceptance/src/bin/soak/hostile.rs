//! A local user who tries to block the daemon or to lock others out. The daemon must serve all the
//! same, and each request must end.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use acceptance::command;
use fastrand::Rng;

use crate::device::Device;
use crate::edits::{self, choose};

/// Longer than the daemon waits for anything that others hold.
const BOUND: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hostile {
    /// Somebody holds the lock for creating namespaces during a commit.
    Lock,
    /// Connections that send no hello.
    Idle,
    /// Connections that send bytes which are no message, or only a part of one.
    Halves,
    /// Entries of `/run/netns` that are no namespaces.
    Namespaces,
    /// Files that never end, or whose open never returns.
    Load,
}

impl Hostile {
    const ALL: [Hostile; 5] =
        [Hostile::Lock, Hostile::Idle, Hostile::Halves, Hostile::Namespaces, Hostile::Load];

    pub(crate) fn draw(chance: &mut Rng) -> Self {
        choose(&Self::ALL, chance).unwrap_or(Hostile::Lock)
    }

    pub(crate) fn make(self, device: &mut Device, chance: &mut Rng) {
        let begun = Instant::now();
        match self {
            Hostile::Lock => lock(device, chance),
            Hostile::Idle => idle(device, chance),
            Hostile::Halves => halves(device, chance),
            Hostile::Namespaces => namespaces(device, chance),
            Hostile::Load => load(device),
        }
        let took = begun.elapsed();
        assert!(took < BOUND, "{self:?} kept the daemon for {took:?}\n{}", device.daemon.log());
    }
}

/// The commit is made without the lock, or refused because of it. The next commit is made.
fn lock(device: &mut Device, chance: &mut Rng) {
    let Ok(directory) = fs::File::open("/run/netns") else { return };
    let operation = rustix::fs::FlockOperation::LockExclusive;
    rustix::fs::flock(&directory, operation).expect("lock a directory");
    device.commit(&edits::draw(&device.running, chance), "commit");
    drop(directory);
    commits(device);
}

fn idle(device: &mut Device, chance: &mut Rng) {
    let connections: Vec<_> = (0..chance.u16(1..300)).filter_map(|_| connect(device)).collect();
    commits(device);
    drop(connections);
}

fn halves(device: &mut Device, chance: &mut Rng) {
    let hello = "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
                 <capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>]]>]]>";
    let rpc =
        "\n#99\n<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"1\"><get/>";
    let noise: String = (0..chance.u16(1..2000)).map(|_| chance.char('\0'..='\u{2fff}')).collect();
    let mut connections = Vec::new();
    for _ in 0..20 {
        let Some(mut connection) = connect(device) else { continue };
        let text = [hello, rpc, &noise][..chance.usize(1..=3)].concat();
        let mut end = chance.usize(..=text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // The daemon may have ended the session already.
        let _sent = connection.write_all(&text.as_bytes()[..end]);
        connections.push(connection);
    }
    commits(device);
}

fn namespaces(device: &mut Device, chance: &mut Rng) {
    let Ok(mut entries) = fs::read_dir("/run/netns") else { return };
    if entries.next().is_none() {
        return;
    }
    let entry = Path::new("/run/netns").join(format!("odd{}", chance.u8(..)));
    match chance.u8(0..4) {
        0 => fifo(&entry),
        1 => fs::write(&entry, "no namespace").expect("write a file"),
        2 => std::os::unix::fs::symlink("/dev/zero", &entry).expect("make a link"),
        _ => fs::create_dir(&entry).expect("make a folder"),
    }
    commits(device);
    if chance.bool() {
        device.daemon.stop();
        device.start_again();
        commits(device);
    }
    // The check after the move runs `ip netns list`, which a FIFO would block.
    let is_left = entry.symlink_metadata().is_ok();
    assert!(is_left, "an entry that is no namespace was removed");
    if entry.is_dir() { fs::remove_dir(&entry) } else { fs::remove_file(&entry) }
        .expect("remove an entry");
}

fn load(device: &mut Device) {
    let pipe = device.daemon.folder().join("pipe");
    fifo(&pipe);
    for file in [pipe.clone(), PathBuf::from("/dev/zero"), PathBuf::from("/proc/self/mem")] {
        let ran = device.daemon.script(&format!("configure\nload merge {}\n", file.display()));
        assert!(!ran.status.success(), "{} was loaded: {}", file.display(), ran.out);
    }
    fs::remove_file(pipe).expect("remove a pipe");
    commits(device);
}

/// A commit by somebody else still works.
fn commits(device: &mut Device) {
    let line = "routes-iproute2 route 192.0.2.0/24 netns 1 type blackhole\n";
    assert!(device.commit(line, "commit"), "no commit is possible:\n{}", device.daemon.log());
    assert!(device.commit("no routes-iproute2 route 192.0.2.0/24 netns 1\n", "commit"));
}

fn connect(device: &Device) -> Option<UnixStream> {
    UnixStream::connect(device.daemon.socket()).ok()
}

fn fifo(path: &Path) {
    let made = command("mkfifo").arg(path).status().expect("run mkfifo");
    assert!(made.success(), "mkfifo {}", path.display());
}
