//! The input of each way: the same objects in its format, written before the measurement.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::case::{Case, Noun, Step};
use crate::messages::Messages;

/// The gateway of the routes.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The objects of a step, in the format of each way.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    folder: &'a Path,
    case: Case,
    /// The index of the gateway's link.
    west: u32,
}

/// The format of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// The format that `netloom` loads.
    Configuration,
    /// The format of `ip -batch`.
    Batch,
    /// Netlink messages.
    Messages,
    /// nmstate's.
    Nmstate,
    /// For `bench/peers/ndb.py`.
    Objects,
}

impl<'a> Files<'a> {
    /// Writes all files.
    pub(crate) fn write(folder: &'a Path, case: Case, west: u32) -> io::Result<Self> {
        let files = Self { folder, case, west };
        for step in [Step::Load, Step::Again, Step::OneMore, Step::Delete] {
            files.configuration(step)?;
            files.batch(step)?;
            files.messages(step)?;
            files.nmstate(step)?;
            files.objects(step)?;
        }
        Ok(files)
    }

    /// The path of a step's file.
    pub(crate) fn path(&self, step: Step, form: Form) -> PathBuf {
        let form = match form {
            Form::Configuration => "conf",
            Form::Batch => "batch",
            Form::Messages => "messages",
            Form::Nmstate => "nmstate.json",
            Form::Objects => "objects.json",
        };
        self.folder.join(format!("{step:?}.{form}"))
    }

    /// The numbers of a step's objects.
    fn numbers(&self, step: Step) -> std::ops::Range<usize> {
        let count = self.case.count;
        match step {
            Step::Load | Step::Again | Step::Read => 0..count,
            Step::OneMore => count..count + 1,
            Step::RestartFull | Step::RestartEmpty | Step::Delete => 0..count + 1,
        }
    }

    fn create(&self, step: Step, form: Form) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::new(File::create(self.path(step, form))?))
    }

    fn configuration(&self, step: Step) -> io::Result<()> {
        let mut out = self.create(step, Form::Configuration)?;
        let numbers = self.numbers(step);
        match self.case.noun {
            Noun::Routes => {
                writeln!(out, "routes-iproute2")?;
                for number in numbers {
                    writeln!(out, " route {}/30", network(number))?;
                    writeln!(out, "  nexthop west via address {GATEWAY}")?;
                }
            }
            Noun::VethPairs => {
                writeln!(out, "links-iproute2")?;
                for [left, right] in numbers.map(ends) {
                    for (end, mate) in [(&left, &right), (&right, &left)] {
                        writeln!(out, " link {}\n  type iproute2-ip-link:veth", end.0)?;
                        writeln!(out, "  virtual_peer_name {}\n  ip {}/30", mate.0, end.1)?;
                        writeln!(out, "  admin-status up")?;
                    }
                }
            }
            Noun::Netnses => {
                writeln!(out, "netnses-iproute2")?;
                for number in numbers {
                    writeln!(out, " netns {}", netns(number))?;
                }
            }
        }
        out.flush()
    }

    /// `ip -batch` has `replace` only for routes. It must fail for links and namespaces.
    fn batch(&self, step: Step) -> io::Result<()> {
        let mut out = self.create(step, Form::Batch)?;
        let numbers = self.numbers(step);
        let delete = step == Step::Delete;
        match self.case.noun {
            Noun::Routes => {
                let verb = match step {
                    Step::Delete => "delete",
                    Step::Again => "replace",
                    Step::Load
                    | Step::OneMore
                    | Step::Read
                    | Step::RestartFull
                    | Step::RestartEmpty => "add",
                };
                for number in numbers {
                    let prefix = network(number);
                    writeln!(out, "route {verb} {prefix}/30 via {GATEWAY} dev west proto static")?;
                }
            }
            Noun::VethPairs => {
                for [left, right] in numbers.map(ends) {
                    if delete {
                        writeln!(out, "link delete {}", left.0)?;
                        continue;
                    }
                    writeln!(out, "link add {} type veth peer name {}", left.0, right.0)?;
                    for (name, address) in [left, right] {
                        writeln!(out, "link set {name} up")?;
                        writeln!(out, "address add {address}/30 dev {name}")?;
                    }
                }
            }
            Noun::Netnses => {
                let verb = if delete { "delete" } else { "add" };
                for number in numbers {
                    writeln!(out, "netns {verb} {}", netns(number))?;
                }
            }
        }
        out.flush()
    }

    /// Namespaces are not created by netlink.
    fn messages(&self, step: Step) -> io::Result<()> {
        let mut messages = Messages { out: self.create(step, Form::Messages)?, west: self.west };
        let numbers = self.numbers(step);
        match (self.case.noun, step) {
            (Noun::Routes, Step::Delete) => {
                for number in numbers {
                    messages.delete_route((network(number), 30))?;
                }
            }
            (Noun::Routes, _) => {
                let again = step == Step::Again;
                let flag = if again { libc::NLM_F_REPLACE } else { libc::NLM_F_EXCL };
                for number in numbers {
                    let flags = libc::NLM_F_CREATE | flag;
                    messages.route(flags, (network(number), 30), GATEWAY)?;
                }
            }
            (Noun::VethPairs, Step::Delete) => {
                for [left, _] in numbers.map(ends) {
                    messages.delete_link(&left.0)?;
                }
            }
            (Noun::VethPairs, _) => {
                for number in numbers {
                    let [left, right] = ends(number);
                    let names = [(left.0.as_str(), left.1), (right.0.as_str(), right.1)];
                    messages.veth_pair(u32::try_from(number).unwrap_or(u32::MAX), names, 30)?;
                }
            }
            (Noun::Netnses, _) => {}
        }
        messages.out.flush()
    }

    fn nmstate(&self, step: Step) -> io::Result<()> {
        let mut out = self.create(step, Form::Nmstate)?;
        let numbers = self.numbers(step);
        let delete = step == Step::Delete;
        match self.case.noun {
            Noun::Routes if delete => {
                let all = json!({"state": "absent", "next-hop-interface": "west"});
                write!(out, "{}", json!({"routes": {"config": [all]}}))?;
            }
            Noun::Routes => {
                let routes = numbers.map(|number| {
                    json!({
                        "destination": format!("{}/30", network(number)),
                        "next-hop-address": GATEWAY,
                        "next-hop-interface": "west",
                    })
                });
                list(&mut out, ("{\"routes\":{\"config\":[", "]}}"), routes)?;
            }
            Noun::VethPairs => {
                let links = numbers.flat_map(|number| {
                    let [left, right] = ends(number);
                    [(left.clone(), right.0.clone()), (right, left.0)]
                });
                let links = links.map(|((name, address), peer)| {
                    if delete {
                        return json!({"name": name, "type": "veth", "state": "absent"});
                    }
                    json!({
                        "name": name, "type": "veth", "state": "up", "veth": {"peer": peer},
                        "ipv4": {
                            "enabled": true, "dhcp": false,
                            "address": [{"ip": address, "prefix-length": 30}],
                        },
                    })
                });
                list(&mut out, ("{\"interfaces\":[", "]}"), links)?;
            }
            Noun::Netnses => {}
        }
        out.flush()
    }

    fn objects(&self, step: Step) -> io::Result<()> {
        let mut out = self.create(step, Form::Objects)?;
        let numbers = self.numbers(step);
        match self.case.noun {
            Noun::Routes => {
                let routes = numbers.map(|number| json!(format!("{}/30", network(number))));
                list(&mut out, ("{\"routes\":[", "]}"), routes)?;
            }
            Noun::VethPairs => {
                let pairs = numbers.map(|number| {
                    json!(ends(number).map(|(name, address)| (name, format!("{address}/30"))))
                });
                list(&mut out, ("{\"veth_pairs\":[", "]}"), pairs)?;
            }
            Noun::Netnses => {}
        }
        out.flush()
    }
}

/// The name of a namespace.
fn netns(number: usize) -> String {
    format!("space{number}")
}

/// A /30 of its own.
fn network(number: usize) -> Ipv4Addr {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + 4 * number)
}

/// The names and addresses of a veth pair's ends.
fn ends(number: usize) -> [(String, Ipv4Addr); 2] {
    let address = |host| Ipv4Addr::from_bits(network(number).to_bits() + host);
    [(format!("left{number}"), address(1)), (format!("right{number}"), address(2))]
}

/// Writes item by item, so that the benchmark itself needs little memory.
fn list(
    out: &mut impl Write,
    (before, after): (&str, &str),
    items: impl Iterator<Item = serde_json::Value>,
) -> io::Result<()> {
    write!(out, "{before}")?;
    for (index, item) in items.enumerate() {
        write!(out, "{}{item}", if index == 0 { "" } else { "," })?;
    }
    write!(out, "{after}")
}

/// The number of strings in a JSON file that begin with `word`. The file is read in pieces.
pub(crate) fn occurrences(file: &Path, word: &str) -> io::Result<usize> {
    let mut found = 0;
    for piece in BufReader::new(File::open(file)?).split(b'"') {
        found += usize::from(piece?.starts_with(word.as_bytes()));
    }
    Ok(found)
}
