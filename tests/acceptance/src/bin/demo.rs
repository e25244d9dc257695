//! Plays the VPN tutorial for a person to watch, with the real programs, in a lab that ends with
//! the demo.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::io::Write;
use std::time::Instant;

use acceptance::{Daemon, Lab, Terminal, built, command, tutorial};

fn main() {
    let start = Instant::now();
    testkit::netns::isolated(|| {
        println!(
            "The lab: PC1 -- enp0s4 device enp0s5 -- PC2, in namespaces that end with this demo.\n"
        );
        let lab = Lab::new();
        let daemon = Daemon::start();
        let mut device = at_the_device(&daemon);
        play(&mut device, "configure\n");
        say("Two VPNs, a NIC in each, one commit.");
        play(&mut device, tutorial::TWO_VPNS);
        say("Who is out there, once the PCs have talked to the device.");
        assert!(ping(&lab.pc1, "PC1", "192.168.10.10"), "PC1 does not reach the device");
        assert!(ping(&lab.pc2, "PC2", "192.168.20.20"), "PC2 does not reach the device");
        play(&mut device, "end\nshow config-running neighbors-iproute2\nconfigure\n");
        say("A veth pair between the VPNs, and routes over it, one commit.");
        play(&mut device, tutorial::VETH_PAIR);
        play(&mut device, tutorial::ROUTES_VIA);
        say("Forwarding is configuration too.");
        play(&mut device, tutorial::FORWARDING);
        play(&mut device, "end\nshow history\n");
        say("PC1 reaches PC2, through two VPNs.");
        assert!(ping(&lab.pc1, "PC1", "192.168.20.1"), "PC1 does not reach PC2");
    });
    println!("\nThe demo took {:.1} s.", start.elapsed().as_secs_f64());
}

/// `netloom` on a host with the tutorial's name.
fn at_the_device(daemon: &Daemon) -> Terminal {
    let mut netloom = command("unshare");
    netloom.args([
        "--uts",
        "sh",
        "-c",
        "echo dent-1 >/proc/sys/kernel/hostname; exec \"$@\"",
        "sh",
    ]);
    netloom.arg(built("netloom")).arg("--socket").arg(daemon.socket());
    netloom.env("XDG_STATE_HOME", daemon.folder());
    Terminal::start(netloom)
}

fn play(device: &mut Terminal, lines: &str) {
    for line in lines.lines() {
        print!("{}", device.line(line));
        // The text must be visible at once.
        let _ = std::io::stdout().flush();
    }
}

fn say(title: &str) {
    println!("\n=== {title}\n");
}

fn ping(host: &acceptance::Host, name: &str, address: &str) -> bool {
    println!("{name}> ping {address}");
    let (arrives, words) = host.pings(address, 3);
    println!("{words}");
    arrives
}
