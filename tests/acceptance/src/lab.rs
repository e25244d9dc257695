//! The tutorial's lab: a device, and a host on each of its two NICs.
//!
//! ```text
//! PC1 eth0 ------ enp0s4 device enp0s5 ------ eth0 PC2
//! ```
//!
//! The hosts are network namespaces without a name, each held by a sleeping process. The device
//! finds namespaces by name, so it does not see them.

use std::process::{Child, Stdio};

use testkit::netns::ip;

use crate::command;

/// The hosts around a device.
#[derive(Debug)]
pub struct Lab {
    /// The host at `enp0s4`.
    pub pc1: Host,
    /// The host at `enp0s5`.
    pub pc2: Host,
}

/// A host with one NIC, `eth0`.
#[derive(Debug)]
pub struct Host {
    holder: Child,
}

impl Lab {
    /// Two hosts with the tutorial's addresses. Each sends everything through the device.
    pub fn new() -> Self {
        let lab = Self { pc1: Host::at("enp0s4"), pc2: Host::at("enp0s5") };
        lab.pc1.address("192.168.10.1/24", "192.168.10.10");
        lab.pc2.address("192.168.20.1/24", "192.168.20.20");
        lab
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host whose NIC is the other end of the device's `nic`.
    pub fn at(nic: &str) -> Self {
        let holder = command("unshare")
            .args(["--net", "sh", "-c", "echo; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a host");
        let mut host = Self { holder };
        host.await_namespace();
        let pid = host.holder.id();
        ip(&format!("link add {nic} type veth peer name eth0 netns {pid}"));
        host.ip("link set lo up");
        host.ip("link set eth0 up");
        host
    }

    /// Moves a link of the device to where the device cannot see it, because this host's namespace
    /// has no name.
    pub fn take(&self, netns: &str, link: &str) {
        ip(&format!("-n {netns} link set {link} netns {}", self.holder.id()));
    }

    /// Gives the NIC an address, and a default route through `gateway`.
    pub fn address(&self, address: &str, gateway: &str) {
        self.ip(&format!("address add {address} dev eth0"));
        self.ip(&format!("route add default via {gateway}"));
    }

    /// The link-layer address of its NIC.
    pub fn mac(&self) -> String {
        let told = self.within("ip").args(["-br", "link", "show", "eth0"]).output();
        let told = String::from_utf8(told.expect("run ip").stdout).expect("ip prints text");
        told.split_whitespace().nth(2).expect("a link has an address").to_owned()
    }

    /// Whether all of `count` pings are answered, and the output of ping(8).
    pub fn pings(&self, address: &str, count: u32) -> (bool, String) {
        let ran = self
            .within("ping")
            .args(["-n", "-i", "0.2", "-W", "1", "-c", &count.to_string(), address])
            .output()
            .expect("run ping");
        let words = String::from_utf8_lossy(&ran.stdout).into_owned();
        (words.contains(" 0% packet loss"), words)
    }

    /// Runs ip(8) on the host.
    #[track_caller]
    pub fn ip(&self, arguments: &str) {
        let status = self.within("ip").args(arguments.split_whitespace()).status();
        assert!(status.is_ok_and(|status| status.success()), "ip {arguments}");
    }

    fn within(&self, program: &str) -> std::process::Command {
        let mut command = command("nsenter");
        command.args(["--net", "--target", &self.holder.id().to_string(), program]);
        command
    }

    /// Waits for the holder's line, which says that it is in its namespace.
    fn await_namespace(&mut self) {
        use std::io::Read;
        let stdout = self.holder.stdout.as_mut().expect("standard output is piped");
        stdout.read_exact(&mut [0]).expect("the host is in its namespace");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
