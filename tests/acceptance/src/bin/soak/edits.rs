//! Random changes of a configuration, as lines that a user would type. Most are valid, some are
//! not.

use std::fmt::Write as _;

use fastrand::Rng;
use yang::{Path, Tree};

use crate::device::schema;

/// The number of namespaces, veth pairs and prefixes to choose from.
const NAMESPACES: u8 = 20;
const CABLES: u8 = 30;
const PREFIXES: u8 = 60;

/// A few changes to `running`.
pub(crate) fn draw(running: &Tree, chance: &mut Rng) -> String {
    let mut lines = String::new();
    for _ in 0..chance.u8(1..6) {
        let edit = Edit { running, chance };
        let _ = write!(lines, "{}", edit.draw());
    }
    lines
}

/// The name of a namespace, the daemon's own included.
pub(crate) fn netns(running: &Tree, chance: &mut Rng) -> String {
    let mut names = names(running, "/iproute2-ip-netns:netnses/netns");
    names.push("1".into());
    choose(&names, chance).unwrap_or_default()
}

/// The links that the configuration makes, with their namespaces.
pub(crate) fn links(running: &Tree) -> Vec<(String, String)> {
    let lists = ["link", "bridge", "vxlan"];
    let entries = lists.iter().flat_map(|list| {
        let path = Path::parse(schema(), &format!("/iproute2-ip-link:links/{list}"));
        running.nodes(&path.expect("a path"))
    });
    let told = entries.map(|(_, entry)| {
        let leaf = |name: &str| entry.leaf(name).map(ToString::to_string);
        (leaf("name").unwrap_or_default(), leaf("netns").unwrap_or_else(|| "1".into()))
    });
    told.collect()
}

/// The prefixes of the routes that are configured, with their namespaces.
pub(crate) fn routes(running: &Tree) -> Vec<(String, String)> {
    let path = Path::parse(schema(), "/iproute2-ip-route:routes/route").expect("a path");
    let entries = running.nodes(&path).into_iter().map(|(_, entry)| {
        let leaf = |name: &str| entry.leaf(name).map(ToString::to_string).unwrap_or_default();
        (leaf("prefix"), leaf("netns"))
    });
    entries.collect()
}

pub(crate) fn choose<T: Clone>(all: &[T], chance: &mut Rng) -> Option<T> {
    (!all.is_empty()).then(|| all[chance.usize(..all.len())].clone())
}

fn names(running: &Tree, list: &str) -> Vec<String> {
    let path = Path::parse(schema(), list).expect("a path");
    let name = |(_, entry): (Path, yang::Node<'_>)| entry.leaf("name").map(ToString::to_string);
    running.nodes(&path).into_iter().filter_map(name).collect()
}

struct Edit<'a> {
    running: &'a Tree,
    chance: &'a mut Rng,
}

impl Edit<'_> {
    fn draw(mut self) -> String {
        match self.chance.u8(0..20) {
            0..3 => self.netns(),
            3..6 => self.cable(),
            6 => self.no_link(),
            7..9 => self.alter_link(),
            9..13 => self.route(),
            13 => self.no_route(),
            14 => self.bridge(),
            15 => self.tunnel(),
            16 => self.neighbor(),
            17 => self.parameter(),
            18 => self.no_netns(),
            _ => self.nonsense(),
        }
    }

    fn netns(&mut self) -> String {
        format!("netnses-iproute2 netns vpn{}\n", self.chance.u8(1..=NAMESPACES))
    }

    /// Removes a namespace, with everything in it or without.
    fn no_netns(&mut self) -> String {
        let Some(name) =
            choose(&names(self.running, "/iproute2-ip-netns:netnses/netns"), self.chance)
        else {
            return self.netns();
        };
        let mut lines = format!("no netnses-iproute2 netns {name}\n");
        if self.chance.bool() {
            let within = |(_, netns): &&(String, String)| *netns == name;
            for (prefix, _) in routes(self.running).iter().filter(within) {
                let _ = writeln!(lines, "no routes-iproute2 route {prefix} netns {name}");
            }
            for (link, _) in links(self.running).iter().filter(within) {
                lines += &no_link(link);
            }
        }
        lines
    }

    fn cable(&mut self) -> String {
        let n = self.chance.u8(1..=CABLES);
        let mut lines = String::new();
        for (end, mate, host) in [("a", "b", 1), ("b", "a", 2)] {
            let netns = netns(self.running, self.chance);
            let at = format!("links-iproute2 link c{n}{end}");
            let _ = write!(
                lines,
                "{at} type iproute2-ip-link:veth\n{at} virtual_peer_name c{n}{mate}\n{at} netns {netns}\n\
                 {at} ip 10.{n}.0.{host}/24\n{at} admin-status up\n"
            );
            if self.chance.u8(0..4) == 0 {
                let _ = writeln!(lines, "{at} ip 2001:db8:{n}::{host}/64");
            }
        }
        lines
    }

    fn no_link(&mut self) -> String {
        let Some((name, _)) = choose(&links(self.running), self.chance) else {
            return self.cable();
        };
        let cable = name.strip_prefix('c').and_then(|name| name.strip_suffix(['a', 'b']));
        match cable {
            Some(n) => format!("no links-iproute2 link c{n}a\nno links-iproute2 link c{n}b\n"),
            None => no_link(&name),
        }
    }

    fn alter_link(&mut self) -> String {
        let Some((name, _)) = choose(&links(self.running), self.chance) else {
            return self.cable();
        };
        let at = format!("links-iproute2 {} {name}", list_of(&name));
        match self.chance.u8(0..5) {
            0 => format!("{at} mtu {}\n", self.chance.u16(1280..1500)),
            1 => format!("{at} admin-status down\n"),
            2 => format!("{at} admin-status up\n"),
            3 => format!("{at} netns {}\n", netns(self.running, self.chance)),
            _ => format!("{at} group {}\n", self.chance.u8(..)),
        }
    }

    fn route(&mut self) -> String {
        let prefix = format!("172.16.{}.0/24", self.chance.u8(1..=PREFIXES));
        let cables: Vec<(String, String)> =
            links(self.running).into_iter().filter(|(name, _)| list_of(name) == "link").collect();
        match (self.chance.u8(0..4), choose(&cables, self.chance)) {
            (0, _) | (_, None) => {
                let netns = netns(self.running, self.chance);
                format!("routes-iproute2 route {prefix} netns {netns} type blackhole\n")
            }
            (1, Some((dev, netns))) => {
                let n = dev.trim_matches(|c: char| !c.is_ascii_digit());
                let host = if dev.ends_with('a') { 2 } else { 1 };
                format!(
                    "routes-iproute2 route {prefix} netns {netns} nexthop {dev} via address 10.{n}.0.{host}\n"
                )
            }
            (_, Some((dev, netns))) => {
                format!("routes-iproute2 route {prefix} netns {netns} nexthop {dev}\n")
            }
        }
    }

    fn no_route(&mut self) -> String {
        match choose(&routes(self.running), self.chance) {
            Some((prefix, netns)) => format!("no routes-iproute2 route {prefix} netns {netns}\n"),
            None => self.route(),
        }
    }

    /// A bridge with a port.
    fn bridge(&mut self) -> String {
        let netns = netns(self.running, self.chance);
        let name = format!("br{}", self.chance.u8(1..4));
        let mut lines = format!(
            "links-iproute2 bridge {name} netns {netns}\nlinks-iproute2 bridge {name} admin-status up\n"
        );
        if let Some((port, _)) = choose(&links(self.running), self.chance)
            && list_of(&port) == "link"
        {
            let _ = write!(
                lines,
                "links-iproute2 link {port} netns {netns}\nlinks-iproute2 link {port} master {name}\n"
            );
        }
        lines
    }

    fn tunnel(&mut self) -> String {
        let (n, netns) = (self.chance.u8(1..4), netns(self.running, self.chance));
        let at = format!("links-iproute2 vxlan vx{n}");
        format!(
            "{at} vxlan-info id {n}\n{at} vxlan-info dstport {}\n{at} netns {netns}\n{at} admin-status up\n",
            4000 + u16::from(n)
        )
    }

    fn neighbor(&mut self) -> String {
        let Some((dev, netns)) = choose(&links(self.running), self.chance) else {
            return self.netns();
        };
        let n = dev.trim_matches(|c: char| !c.is_ascii_digit());
        let at = format!("neighbors-iproute2 neighbor 10.{n}.0.9 netns {netns}");
        format!("{at} dev {dev}\n{at} lladdr 02:00:00:00:00:{:02x}\n", self.chance.u8(..))
    }

    fn parameter(&mut self) -> String {
        let netns = netns(self.running, self.chance);
        let value = self.chance.u8(0..2);
        match choose(&links(self.running), self.chance).filter(|_| self.chance.bool()) {
            Some((name, _)) => {
                format!("links-iproute2 {} {name} sysctl proxy_arp {value}\n", list_of(&name))
            }
            None => format!("sysctls-netloom netns {netns} ip_forward {value}\n"),
        }
    }

    /// Something that the schema, the mapping or the kernel refuses.
    fn nonsense(&mut self) -> String {
        let netns = netns(self.running, self.chance);
        match self.chance.u8(0..4) {
            0 => format!("routes-iproute2 route 172.17.0.0/24 netns {netns} nexthop nobody\n"),
            1 => "links-iproute2 link c1a mtu 66000\n".into(),
            2 => format!(
                "routes-iproute2 route 172.17.1.0/24 netns {netns} nexthop c1a via address 203.0.113.9\n"
            ),
            _ => "links-iproute2 link c2a master c2b\n".into(),
        }
    }
}

fn no_link(name: &str) -> String {
    format!("no links-iproute2 {} {name}\n", list_of(name))
}

fn list_of(name: &str) -> &'static str {
    match name {
        name if name.starts_with("br") => "bridge",
        name if name.starts_with("vx") => "vxlan",
        _ => "link",
    }
}
