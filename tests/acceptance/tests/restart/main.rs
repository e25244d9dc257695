//! A daemon that starts finds its configuration in the kernel and changes nothing, or applies what
//! is missing.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod state_directory;

use std::path::Path;
use std::{fs, io};

use acceptance::{Daemon, Host, Lab, Ran, built, command, kernel, step, tutorial};
use rustix::mount::{MountFlags, UnmountFlags};
use serde_json::Value;
use testkit::netns::{ip, ip_json, isolated};

const SECOND_BOOT: &str = "5eb7a1c2-0d14-4f0e-9a53-2f6a7c0d8e11\n";

#[test]
fn the_kernel_keeps_what_a_daemon_leaves() {
    isolated(|| {
        let _lab = Lab::new();
        let mut daemon = device();
        let before = (kernel::holds(), kernel::ifindexes());
        step("a daemon that is stopped takes nothing along");
        daemon.stop();
        assert_eq!((kernel::holds(), kernel::ifindexes()), before);
        step("started again it makes nothing anew");
        daemon.start_again(&[]);
        assert_eq!((kernel::holds(), kernel::ifindexes()), before);
        step("the same for one that is killed");
        daemon.kill();
        assert_eq!((kernel::holds(), kernel::ifindexes()), before);
        daemon.start_again(&[]);
        assert_eq!((kernel::holds(), kernel::ifindexes()), before);
        step("what somebody took away meanwhile is put back");
        daemon.stop();
        ip("-n vpn10 route delete 192.168.20.0/24");
        ip("-n vpn20 link delete veth20");
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), before.0);
    });
}

#[test]
fn a_reboot_applies_the_whole_configuration() {
    isolated(|| {
        let lab = Lab::new();
        let mut daemon = device();
        let (before, running) = (kernel::holds(), running(&daemon));
        daemon.kill();
        power_off(lab);
        let lab = Lab::new();
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), before);
        assert_eq!(self::running(&daemon), running);
        step("PC1 pings PC2");
        let (arrives, words) = lab.pc1.pings("192.168.20.1", 3);
        assert!(arrives, "{words}");
    });
}

#[test]
fn a_host_that_boots_with_a_full_disk_has_its_network() {
    isolated(|| {
        let lab = Lab::new();
        let disk = Path::new("/run/disk");
        fs::create_dir(disk).expect("make a place for a disk");
        let (flags, size) = (MountFlags::empty(), Some(c"size=512k"));
        rustix::mount::mount("tmpfs", disk, "tmpfs", flags, size).expect("mount a disk");
        let mut daemon = Daemon::start_on(disk);
        set_up(&daemon);
        let before = kernel::holds();
        daemon.kill();
        power_off(lab);
        let lab = Lab::new();
        let filler = disk.join("filler");
        let full = fs::write(&filler, vec![0; 1 << 20]).expect_err("a disk of half a MiB");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), before);
        let (arrives, words) = lab.pc1.pings("192.168.20.1", 3);
        assert!(arrives, "{words}");
        step("a commit is refused with the reason, and changes nothing");
        let change = "configure\nlinks-iproute2 link enp0s4\nmtu 1400\ncommit\n";
        let refused = daemon.script(change);
        println!("  {}", refused.err);
        assert!(refused.err.contains("No space left on device"), "{}", refused.err);
        assert_eq!(kernel::holds(), before);
        step("until there is room");
        fs::remove_file(&filler).expect("make room");
        daemon.run(change);
        let after = kernel::holds();
        assert_ne!(after, before);
        daemon.kill();
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), after);
        daemon.run("configure\nrollback 1\ncommit\n");
        assert_eq!(kernel::holds(), before);
        daemon.stop();
        rustix::mount::unmount(disk, UnmountFlags::DETACH).expect("unmount the disk");
    });
}

#[test]
fn a_nic_that_comes_late_gets_its_configuration() {
    isolated(|| {
        let lab = Lab::new();
        let mut daemon = device();
        let before = kernel::holds();
        daemon.kill();
        power_off(lab);
        step("without a NIC the rest comes up");
        let _pc1 = Host::at("enp0s4");
        daemon.start_again(&[]);
        let without = kernel::holds();
        assert_eq!(without["vpn10"], before["vpn10"]);
        let of_nic = |line: &&String| line.contains("enp0s5");
        let rest: Vec<&String> = before["vpn20"].iter().filter(|line| !of_nic(line)).collect();
        assert_eq!(without["vpn20"].iter().collect::<Vec<_>>(), rest);
        step("when the NIC comes, it gets its configuration");
        let _pc2 = Host::at("enp0s5");
        kernel::until("enp0s5 is configured", || kernel::holds() == before);
    });
}

#[test]
fn a_nic_is_given_back_as_it_was() {
    isolated(|| {
        let _pc1 = Host::at("enp0s4");
        ip("link set enp0s4 mtu 1400 up");
        ip("address add 172.16.5.1/24 dev enp0s4");
        ip("address add 2001:db8:5::1/64 dev enp0s4 nodad");
        let before = nic("enp0s4");
        let mut daemon = Daemon::start();
        daemon.run(
            "configure\nnetnses-iproute2\nnetns vpn10\nlinks-iproute2\nlink enp0s4\nnetns vpn10\n\
             ip 192.168.10.10/24\nmtu 1300\nadmin-status up\ncommit\n",
        );
        step("a NIC that is adopted leaves the device's own namespace");
        assert!(!kernel::holds()[""].iter().any(|line| line.contains("enp0s4")));
        step("and comes back as it was, by a daemon that is another by then");
        daemon.stop();
        daemon.start_again(&[]);
        daemon.run("configure\nno links-iproute2 link enp0s4\ncommit\n");
        assert_eq!(nic("enp0s4"), before);
    });
}

#[test]
fn two_daemons_do_not_share_a_state() {
    isolated(|| {
        let daemon = Daemon::start();
        let second = netloomd(&daemon);
        println!("  {}", second.err);
        assert!(!second.status.success());
        assert!(second.err.contains(&daemon.state().display().to_string()), "{}", second.err);
        step("the first one serves on");
        daemon.run("configure\nnetnses-iproute2\nnetns vpn10\ncommit\n");
    });
}

#[test]
fn a_device_with_a_damaged_file_can_be_reached_and_repaired() {
    isolated(|| {
        let lab = Lab::new();
        let mut daemon = device();
        let saved = daemon.folder().join("saved.set");
        daemon.run(&format!("configure\nsave rescue\nsave {}\n", saved.display()));
        daemon.run("configure\nlinks-iproute2\nlink enp0s4\nmtu 1400\ncommit\n");
        daemon.stop();
        step("running is cut short, and the rescue configuration takes its place");
        let file = daemon.state().join("running.json");
        let whole = fs::read(&file).expect("read running");
        let half = &whole[..whole.len() / 2];
        fs::write(&file, half).expect("damage running");
        daemon.start_again(&[]);
        let history = daemon.run("show history\n");
        println!("  {history}");
        assert!(history.contains(&file.display().to_string()), "{history}");
        assert!(history.contains("running is the rescue configuration"), "{history}");
        let kept: Vec<_> = fs::read_dir(daemon.state())
            .expect("list the state directory")
            .map(|entry| entry.expect("read the state directory").path())
            .filter(|path| path.to_string_lossy().contains("running.json.unreadable-"))
            .map(|path| fs::read(path).expect("read what is kept"))
            .collect();
        assert_eq!(kept, [half]);
        let before = kernel::holds();
        step("the next start finds nothing to tell");
        daemon.stop();
        daemon.start_again(&[]);
        assert_eq!(daemon.run("show history\n"), history);
        assert_eq!(kernel::holds(), before);
        step("without a rescue configuration the kernel is left alone");
        daemon.stop();
        fs::remove_file(daemon.state().join("rescue.json"))
            .expect("remove the rescue configuration");
        fs::write(&file, half).expect("damage running");
        daemon.start_again(&[]);
        assert_eq!(kernel::holds(), before);
        assert_eq!(running(&daemon).trim(), "{}");
        step("and takes the configuration from a file that a user has kept");
        daemon.run(&format!("configure\nload replace {}\ncommit\n", saved.display()));
        assert_eq!(kernel::holds(), before);
        let (arrives, words) = lab.pc1.pings("192.168.20.1", 3);
        assert!(arrives, "{words}");
    });
}

/// The tutorial's device at the end of the tutorial.
fn device() -> Daemon {
    let daemon = Daemon::start();
    set_up(&daemon);
    daemon
}

fn set_up(daemon: &Daemon) {
    let lessons =
        [tutorial::TWO_VPNS, tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING];
    daemon.run(&format!("configure\n{}", lessons.concat()));
}

/// Shuts the host down: the kernel's state is lost, and the next boot has another id.
fn power_off(lab: Lab) {
    drop(lab);
    ip("netns delete vpn10");
    ip("netns delete vpn20");
    fs::write("/run/boot_id", SECOND_BOOT).expect("write a boot's name");
    rustix::mount::mount_bind("/run/boot_id", "/proc/sys/kernel/random/boot_id")
        .expect("mount another boot's name");
}

/// Runs a second daemon on a daemon's state, until it ends.
fn netloomd(daemon: &Daemon) -> Ran {
    // In a network namespace of its own: in the same one it would be refused before it looks at its state.
    let ran = command("unshare")
        .arg("--net")
        .arg(built("netloomd"))
        .arg("--state-dir")
        .arg(daemon.state())
        .arg("--socket")
        .arg(daemon.folder().join("second"))
        .env("NO_COLOR", "1")
        .output();
    Ran::of(ran.expect("run netloomd"))
}

fn running(daemon: &Daemon) -> String {
    daemon.run("show config-running | display json\n")
}

/// The properties that belong to a NIC in any place.
fn nic(name: &str) -> Vec<Value> {
    let link = &ip_json(&format!("address show dev {name}"))[0];
    let up = link["flags"].as_array().is_some_and(|flags| flags.contains(&"UP".into()));
    let mut all =
        vec![link["ifname"].clone(), link["address"].clone(), link["mtu"].clone(), up.into()];
    let addresses = link["addr_info"].as_array().into_iter().flatten();
    all.extend(
        addresses
            .filter(|address| address["scope"] != "link")
            .flat_map(|address| [address["local"].clone(), address["prefixlen"].clone()]),
    );
    all
}
