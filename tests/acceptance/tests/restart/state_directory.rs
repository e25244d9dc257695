//! Odd state directories: each file of it replaced by each odd thing, and all of it read-only.
//!
//! The daemon comes up, serves and says what is odd. A commit is made, or refused with the place. What is odd is the same
//! afterwards, and nothing of this takes long.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use acceptance::{Daemon, kernel, step};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountFlags, UnmountFlags};
use testkit::netns::{ip, isolated};

/// No start, commit or end takes longer.
const BOUND: Duration = Duration::from_secs(20);

/// A thing, and what makes it.
type Odd = (&'static str, fn(&Path));

/// What can be in the place of a file.
const ODD: [Odd; 11] = [
    ("a directory", |path| {
        fs::create_dir(path).expect("make a directory");
        fs::write(path.join("precious"), "theirs").expect("write a file");
    }),
    ("a FIFO", |path| node(path, FileType::Fifo)),
    ("a device", |path| node(path, FileType::CharacterDevice)),
    ("a socket", |path| drop(UnixListener::bind(path).expect("bind a socket"))),
    ("a symbolic link to nothing", |path| link("nowhere/at/all", path)),
    ("a symbolic link to itself", |path| link(path, path)),
    ("a symbolic link to a file", |path| {
        let target = path.parent().expect("a folder").join("target");
        fs::write(&target, "theirs").expect("write a file");
        link(&target, path);
    }),
    ("unreadable", |path| {
        fs::write(path, "theirs").expect("write a file");
        fs::set_permissions(path, Permissions::from_mode(0o000)).expect("make it unreadable");
    }),
    ("empty", |path| drop(File::create(path).expect("make a file"))),
    ("garbage", |path| fs::write(path, "\u{1}{]").expect("write a file")),
    ("large", |path| {
        File::create(path).and_then(|file| file.set_len(1 << 26)).expect("make a file");
    }),
];

const SET_UP: &str = "configure\nlinks-iproute2 bridge br0\nmtu 1400\ncommit\n\
                      links-iproute2 bridge br1\ncommit\nsave rescue\n";

#[test]
fn configurations_may_be_anything() {
    check_each(&["running.json", "startup.json", "rescue.json", "running.json.new"]);
}

#[test]
fn what_a_commit_writes_may_be_anything() {
    check_each(&["journal", "journal.new", "originals.json", "confirmed.json", "scheduled.json"]);
}

#[test]
fn the_history_and_the_lock_may_be_anything() {
    let history = ["history", "history/000000000001.json", "history/000000000003.json"];
    check_each(&history);
    check_each(&["lock"]);
}

#[test]
fn the_directory_may_be_anything() {
    isolated(|| {
        let mut daemon = Daemon::start_as_a_service();
        daemon.stop();
        let place = daemon.state();
        // Another directory is an empty state directory.
        for (what, make) in &ODD[1..] {
            step(&format!("the state directory is {what}"));
            remove(&place);
            make(&place);
            let before = seen(&place);
            daemon.start_again(&[]);
            daemon.run("show config-running\n");
            let refused = daemon.script("configure\nlinks-iproute2 bridge br0\ncommit\n").err;
            println!("  {}", refused.trim().lines().last().unwrap_or_default());
            assert!(refused.contains(&place.display().to_string()), "{refused}");
            daemon.stop();
            assert_eq!(seen(&place), before);
            let released = daemon.release().err;
            assert!(released.contains(&place.display().to_string()), "{released}");
            assert_eq!(seen(&place), before);
        }
    });
}

fn check_each(files: &[&str]) {
    isolated(|| {
        let mut daemon = Daemon::start_as_a_service();
        daemon.run(SET_UP);
        daemon.run("configure\nlinks-iproute2 bridge br9\ncommit at 2200-01-01T00:00:00Z\n");
        daemon.stop();
        // One that came after the checkpoint, which the end of the daemon has written.
        daemon.start_again(&[]);
        daemon.run("configure\nlinks-iproute2 bridge br2\ncommit\n");
        daemon.kill();
        let template = daemon.folder().join("template");
        copy(&daemon.state(), &template);
        for file in files {
            // A history that is another directory is an empty history.
            for (what, make) in ODD.iter().skip(usize::from(*file == "history")) {
                step(&format!("{file} is {what}"));
                let begun = Instant::now();
                replace(&daemon.state(), &template);
                let place = daemon.state().join(file);
                remove(&place);
                make(&place);
                check(&mut daemon, file, what);
                assert!(begun.elapsed() < BOUND, "{file}, {what}: {:?}", begun.elapsed());
            }
        }
    });
}

fn check(daemon: &mut Daemon, file: &str, what: &str) {
    let place = daemon.state().join(file);
    let case = format!("{file} is {what}");
    let before = seen(&place);
    let regular = fs::symlink_metadata(&place).expect("the odd file").is_file();

    // Starts, and shows.
    daemon.start_again(&[]);
    daemon.run("show config-running\n");
    // A commit is made, or its refusal names the file.
    let commit = daemon.script("configure\nlinks-iproute2 bridge br3\nmtu 1300\ncommit\n");
    if commit.status.success() {
        let links = ip("-br link");
        assert!(links.contains("br3"), "{case}: {links}");
    } else {
        println!("  {}", commit.err.trim().lines().last().unwrap_or_default());
        assert!(commit.err.contains(&place.display().to_string()), "{case}: {}", commit.err);
    }
    let log = daemon.log();
    daemon.stop();
    let is_kept = |path: &Path| seen(path) == before;
    let kept = is_kept(&place) || aside(&place).iter().any(|path| is_kept(path));
    // What an earlier attempt has left under its temporary name is the daemon's own.
    assert!(kept || regular && file.ends_with(".new"), "{case}: it is not what it was\n{log}");
    if !regular {
        assert!(is_kept(&place), "{case}: {before:?}, {:?}", seen(&place));
    }

    // Gives back, or says what it does not know.
    let released = daemon.release();
    if released.status.success() {
        let links = ip("-br link");
        // What an unreadable configuration has made is not known to be ours.
        assert!(!links.contains("br0@") || !commit.status.success(), "{case}: {links}");
    } else {
        let named = released.err.contains(&place.display().to_string());
        assert!(named, "{case}: {}", released.err);
    }
    if !regular {
        assert!(is_kept(&place), "{case}");
    }
    for link in ["br0", "br1", "br2", "br3"] {
        if Path::new("/sys/class/net").join(link).exists() || ip("-br link").contains(link) {
            ip(&format!("link delete {link}"));
        }
    }
}

#[test]
fn a_read_only_state_directory() {
    isolated(|| {
        ip("link add n1 type veth peer name n2");
        ip("link set n1 up");
        let before = kernel::snapshot();
        let disk = Path::new("/run/disk");
        fs::create_dir(disk).expect("make a place for a disk");
        rustix::mount::mount("tmpfs", disk, "tmpfs", MountFlags::empty(), None).expect("mount");
        let remount = |flags| rustix::mount::mount_remount(disk, flags, "").expect("remount");
        let mut daemon = Daemon::start_on(disk);
        daemon.run("configure\nlinks-iproute2 link n1\nmtu 1400\nip 10.1.1.1/24\nadmin-status up\ncommit\n");
        let configured = kernel::holds();
        daemon.stop();
        remount(MountFlags::RDONLY);
        step("the daemon starts, serves and refuses commits with the reason");
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), configured);
        daemon.run("show config-running\n");
        let change = "configure\nlinks-iproute2 link n1\nmtu 1300\ncommit\n";
        let refused = daemon.script(change);
        println!("  {}", refused.err.trim());
        assert!(refused.err.contains("Read-only file system"), "{}", refused.err);
        assert_eq!(kernel::holds(), configured);
        step("what others change is repaired as before");
        daemon.stop();
        ip("link set n1 mtu 1350");
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), configured);
        step("once it can be written, a commit is made");
        remount(MountFlags::empty());
        daemon.run(change);
        daemon.stop();
        remount(MountFlags::RDONLY);
        step("the host is given back, also from a disk that cannot be written");
        let released = daemon.release();
        println!("  {}", released.err.trim());
        assert!(released.status.success(), "{}", released.err);
        kernel::await_as(&before);
        step("and a boot of the host applies startup");
        fs::write("/run/boot_id", "5eb7a1c2-0d14-4f0e-9a53-2f6a7c0d8e11\n").expect("write a boot");
        rustix::mount::mount_bind("/run/boot_id", "/proc/sys/kernel/random/boot_id")
            .expect("mount another boot's name");
        daemon.start_again(&[]);
        assert!(kernel::holds()[""].iter().any(|line| line.contains("10.1.1.1")));
        let refused = daemon.script("configure\nlinks-iproute2 link n1\nmtu 1250\ncommit\n");
        println!("  {}", refused.err.trim());
        assert!(refused.err.contains("Read-only file system"), "{}", refused.err);
        step("which is written once it can be");
        remount(MountFlags::empty());
        daemon.run("configure\nlinks-iproute2 link n1\nmtu 1250\ncommit\n");
        daemon.stop();
        let released = daemon.release();
        assert!(released.status.success(), "{}", released.err);
        kernel::await_as(&before);
        rustix::mount::unmount(disk, UnmountFlags::DETACH).expect("unmount");
    });
}

/// What tells one thing in a folder from another.
fn seen(path: &Path) -> Option<(u64, u32, u64, u64, Option<PathBuf>)> {
    let found = fs::symlink_metadata(path).ok()?;
    let size = if found.is_dir() { fs::read_dir(path).ok()?.count() as u64 } else { found.size() };
    Some((found.ino(), found.mode(), found.rdev(), size, fs::read_link(path).ok()))
}

/// Where an unreadable file is kept.
fn aside(place: &Path) -> Vec<PathBuf> {
    let folder = place.parent().expect("a folder");
    let start = format!("{}.unreadable-", place.display());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.display().to_string().starts_with(&start)).collect()
}

fn node(path: &Path, kind: FileType) {
    // The device of memory that is zero: to read it never ends.
    mknodat(CWD, path, kind, Mode::RUSR | Mode::WUSR, makedev(1, 5)).expect("make a node");
}

fn link(target: impl AsRef<Path>, path: &Path) {
    symlink(target, path).expect("make a symbolic link");
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).expect("remove a folder"),
        Ok(_) => fs::remove_file(path).expect("remove a file"),
        Err(_) => {}
    }
}

fn replace(place: &Path, template: &Path) {
    remove(place);
    copy(template, place);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("make a folder");
    for entry in fs::read_dir(from).expect("list a folder") {
        let entry = entry.expect("read a folder");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("ask for a kind");
        assert!(!kind.is_fifo());
        match kind.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(from, to).expect("copy a file")),
        }
    }
}
