//! The files that users load and save.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod scale;

use std::fs;
use std::path::Path;

use acceptance::{Daemon, command, step};
use testkit::netns::isolated;

#[test]
fn a_full_disk_keeps_the_saved_file() {
    isolated(|| {
        let daemon = Daemon::start();
        let disk = daemon.folder().join("disk");
        fs::create_dir(&disk).expect("make a folder");
        let mounted =
            command("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&disk).status();
        assert!(mounted.is_ok_and(|status| status.success()), "mount a small disk");
        let backup = disk.join("backup");
        let save = format!("save {}\n", backup.display());
        daemon.run(&format!("configure\nnetnses-iproute2 netns vpn1\n{save}commit\n"));
        let before = fs::read_to_string(&backup).expect("the backup");
        assert!(before.contains("netns vpn1"), "{before}");

        step("a configuration that the disk cannot hold");
        let many: String =
            (0..10_000).map(|n| format!("netnses-iproute2 netns vpn{n}\n")).collect();
        let large = daemon.folder().join("large");
        fs::write(&large, many).expect("write a file");
        let ran = daemon.script(&format!("configure\nload merge {}\n{save}", large.display()));
        assert!(ran.err.contains("backup: No space left on device"), "{}", ran.err);
        assert_eq!(fs::read_to_string(&backup).expect("the backup"), before);
        assert_eq!(fs::read_dir(&disk).expect("the disk").count(), 1, "nothing is left beside it");
        let unmounted = command("umount").arg(&disk).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "unmount the disk");
    });
}

#[test]
fn odd_files_are_refused_at_once() {
    isolated(|| {
        let daemon = Daemon::start();
        let fifo = daemon.folder().join("fifo");
        let made = command("mkfifo").arg(&fifo).status();
        assert!(made.is_ok_and(|status| status.success()), "make a FIFO");
        let load =
            |file: &Path| daemon.script(&format!("configure\nload merge {}\n", file.display())).err;
        assert!(load(&fifo).contains("is a FIFO: only regular files are loaded"));
        assert!(load(Path::new("/dev/zero")).contains("is a device"));
        assert!(load(daemon.folder()).contains("is a directory"));

        step("a byte order mark is no part of the text, in a file and in a script");
        let marked = daemon.folder().join("marked");
        fs::write(&marked, "\u{feff}netnses-iproute2 netns vpn1\n").expect("write a file");
        let load = format!("\u{feff}configure\nload merge {}\ncommit\n", marked.display());
        daemon.run(&load);
        assert!(daemon.run("show config-running\n").contains("netns vpn1"));
    });
}
