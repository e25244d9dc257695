//! The command line as a user meets it, on a kernel of values: lines in, prompts and answers out.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod conflicts;
mod files;
mod held;
mod help;
mod past;

use std::os::unix::net::UnixStream;
use std::time::SystemTime;

use expect_test::{Expect, expect};
use netstate::link::{LinkKind, Master};
use netstate::{Key, Link, Neighbor, NeighborKey, NetnsName, Object, Place, State};
use testkit::FakeKernel;
use yang::{Path, Schema};

use crate::client::Client;
use crate::shell::Shell;

/// A device with two NICs, and somebody at it.
struct Device {
    shell: Shell,
    /// Where another can connect.
    engine: engine::Handle,
    kernel: FakeKernel,
    state: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Device {
    fn new() -> Self {
        let state = tempfile::tempdir().expect("make a folder");
        let schema = Schema::netloom().expect("the modules compile");
        let kernel = FakeKernel::holding(two_nics());
        let settings = engine::Settings {
            state_dir: state.path().to_owned(),
            autosave: true,
            history: engine::Limits::default(),
            boot_id: "boot".into(),
            clock: engine::Clock { wall: || SystemTime::UNIX_EPOCH, ..engine::Clock::HOST },
        };
        let engine = engine::start(settings, schema, Box::new(kernel.clone())).expect("it starts");
        let runtime = tokio::runtime::Runtime::new().expect("start a runtime");
        let shell = connect(&runtime, &engine, "ann");
        Self { shell, engine, kernel, state, _runtime: runtime }
    }

    /// What somebody else does meanwhile.
    fn meanwhile(&self, lines: &str) {
        let mut other = connect(&self._runtime, &self.engine, "bob");
        for line in lines.lines() {
            other.run(line).expect("nobody is in the way");
        }
        other.close();
    }

    /// What the terminal shows of these lines.
    fn play(&mut self, lines: &str) -> String {
        let mut shown = String::new();
        for line in lines.lines() {
            shown += &format!("{} {line}\n", self.shell.prompt());
            match self.shell.run(line) {
                Ok(done) => shown += &masked(&done.text),
                Err(error) => shown += &format!("{error}\n"),
            }
        }
        shown + &self.shell.prompt() + "\n"
    }

    #[track_caller]
    fn check(&mut self, lines: &str, expect: Expect) {
        expect.assert_eq(&self.play(lines));
    }

    /// What `?` tells at the end of a line, and what TAB would offer.
    #[track_caller]
    fn help(&self, line: &str, expect: Expect) {
        let shown = match self.shell.complete(line) {
            Ok(candidates) => candidates
                .list
                .iter()
                .map(|candidate| {
                    let mark = if candidate.typed { "" } else { " (told)" };
                    format!("{}{mark}: {}\n", candidate.text, candidate.help())
                        .replace(": \n", "\n")
                })
                .collect(),
            Err(fault) => format!("{fault}\n"),
        };
        expect.assert_eq(&shown);
    }
}

/// Somebody at the device.
fn connect(runtime: &tokio::runtime::Runtime, engine: &engine::Handle, user: &str) -> Shell {
    let schema = Schema::netloom().expect("the modules compile");
    let (ours, theirs) = UnixStream::pair().expect("make a pair of sockets");
    theirs.set_nonblocking(true).expect("a socket can be asynchronous");
    let origin = engine::Origin { user: user.into(), from: "test".into() };
    let engine = engine.clone();
    runtime.spawn(async move {
        let stream = tokio::net::UnixStream::from_std(theirs).expect("a socket of the runtime");
        northbound::serve(stream, origin, engine, schema).await
    });
    let client = Client::open(ours, schema).expect("the server greets");
    Shell::new(client, schema, "dent-1".into())
}

/// Without what differs from run to run.
fn masked(text: &str) -> String {
    let line = |line: &str| match line.split_once(" (") {
        Some((before, time)) if time.ends_with(" ms)") => format!("{before} (… ms)\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn two_nics() -> State {
    let nic = |name: &str| {
        let place = Place { netns: NetnsName::own(), ifname: name.parse().expect("a name") };
        let mut link = Link::at(place);
        link.kind = Some(LinkKind::Other(String::new()));
        link.flags.up = Some(false);
        link.master = Some(Master::Free);
        (Key::Link(name.parse().expect("a name")), Object::Link(Box::new(link)))
    };
    State { objects: [nic("enp0s4"), nic("enp0s5")].into() }
}

const TUTORIAL: &str = "\
configure
netnses-iproute2
netns vpn10
netns vpn20
exit
links-iproute2
link enp0s4
netns vpn10
ip 192.168.10.10/24
admin-status up
exit
link enp0s5
netns vpn20
ip 192.168.20.20/24
admin-status up
commit";

#[test]
fn the_tutorial_to_the_letter() {
    let mut device = Device::new();
    device.check(
        TUTORIAL,
        expect![[r#"
        dent-1> configure
        dent-1(config)# netnses-iproute2
        dent-1(config-netnses-iproute2)# netns vpn10
        dent-1(config-netnses-iproute2)# netns vpn20
        dent-1(config-netnses-iproute2)# exit
        dent-1(config)# links-iproute2
        dent-1(config-links-iproute2)# link enp0s4
        dent-1(config-[name='enp0s4'])# netns vpn10
        dent-1(config-[name='enp0s4'])# ip 192.168.10.10/24
        dent-1(config-[name='enp0s4'])# admin-status up
        dent-1(config-[name='enp0s4'])# exit
        dent-1(config-links-iproute2)# link enp0s5
        dent-1(config-[name='enp0s5'])# netns vpn20
        dent-1(config-[name='enp0s5'])# ip 192.168.20.20/24
        dent-1(config-[name='enp0s5'])# admin-status up
        dent-1(config-[name='enp0s5'])# commit
        commit 1: 2 netns, 2 links added (… ms)
        dent-1(config-[name='enp0s5'])#
    "#]],
    );
    device.check(
        "exit\nlink veth10\ntype iproute2-ip-link:veth\nvirtual_peer_name veth20\nip 1.1.1.9/30\n\
         admin-status up\nnetns vpn10\nexit\nlink veth20\ntype iproute2-ip-link:veth\nnetns vpn20\n\
         ip 1.1.1.10/30\nadmin-status up\nvirtual_peer_name veth10\nexit\nroutes-iproute2\n\
         route 192.168.20.0/24 netns vpn10\nnexthop veth10\nexit\nroute 192.168.10.0/24 netns vpn20\n\
         nexthop veth20 via address 1.1.1.9\ncommit check\ncommit",
        expect![[r#"
            dent-1(config-[name='enp0s5'])# exit
            dent-1(config-links-iproute2)# link veth10
            dent-1(config-[name='veth10'])# type iproute2-ip-link:veth
            dent-1(config-[name='veth10'])# virtual_peer_name veth20
            dent-1(config-[name='veth10'])# ip 1.1.1.9/30
            dent-1(config-[name='veth10'])# admin-status up
            dent-1(config-[name='veth10'])# netns vpn10
            dent-1(config-[name='veth10'])# exit
            dent-1(config-links-iproute2)# link veth20
            dent-1(config-[name='veth20'])# type iproute2-ip-link:veth
            dent-1(config-[name='veth20'])# netns vpn20
            dent-1(config-[name='veth20'])# ip 1.1.1.10/30
            dent-1(config-[name='veth20'])# admin-status up
            dent-1(config-[name='veth20'])# virtual_peer_name veth10
            dent-1(config-[name='veth20'])# exit
            dent-1(config-links-iproute2)# routes-iproute2
            dent-1(config-routes-iproute2)# route 192.168.20.0/24 netns vpn10
            dent-1(config-[prefix='192.168.20.0/24'][netns='vpn10'])# nexthop veth10
            dent-1(config-[prefix='192.168.20.0/24'][netns='vpn10'])# exit
            dent-1(config-routes-iproute2)# route 192.168.10.0/24 netns vpn20
            dent-1(config-[prefix='192.168.10.0/24'][netns='vpn20'])# nexthop veth20 via address 1.1.1.9
            dent-1(config-[prefix='192.168.10.0/24'][netns='vpn20'])# commit check
            create veth veth10 in vpn10 with peer veth20 in vpn20
            add address 1.1.1.9/30 to veth10 in vpn10
            add address 1.1.1.10/30 to veth20 in vpn20
            set veth10 in vpn10 up
            set veth20 in vpn20 up
            add route 192.168.20.0/24 dev veth10 in vpn10
            add route 192.168.10.0/24 via 1.1.1.9 dev veth20 in vpn20
            dent-1(config-[prefix='192.168.10.0/24'][netns='vpn20'])# commit
            commit 2: 2 links, 2 routes added (… ms)
            dent-1(config-[prefix='192.168.10.0/24'][netns='vpn20'])#
        "#]],
    );
    device.check(
        "top\nshow config-running routes-iproute2\nshow config-running | display set | match veth10\n\
         show config-running links-iproute2 link veth10 | display json\nshow config-running | count\nend",
        expect![[r#"
            dent-1(config-[prefix='192.168.10.0/24'][netns='vpn20'])# top
            dent-1(config)# show config-running routes-iproute2
            routes-iproute2
             route 192.168.10.0/24 netns vpn20
              nexthop veth20 via address 1.1.1.9
             route 192.168.20.0/24 netns vpn10
              nexthop veth10
            dent-1(config)# show config-running | display set | match veth10
            links-iproute2 link veth10 admin-status up
            links-iproute2 link veth10 netns vpn10
            links-iproute2 link veth10 ip 1.1.1.9/30
            links-iproute2 link veth10 type iproute2-ip-link:veth
            links-iproute2 link veth10 virtual_peer_name veth20
            links-iproute2 link veth20 virtual_peer_name veth10
            routes-iproute2 route 192.168.20.0/24 netns vpn10 nexthop veth10
            dent-1(config)# show config-running links-iproute2 link veth10 | display json
            {
              "iproute2-ip-link:links": {
                "link": [
                  {
                    "name": "veth10",
                    "admin-status": "up",
                    "netns": "vpn10",
                    "ip": [
                      {
                        "address": "1.1.1.9/30"
                      }
                    ],
                    "type": "iproute2-ip-link:veth",
                    "virtual_peer_name": "veth20"
                  }
                ]
              }
            }
            dent-1(config)# show config-running | count
            29 lines
            dent-1(config)# end
            dent-1#
        "#]],
    );
}

#[test]
fn learned_neighbours_are_shown_with_the_configuration_and_are_none_of_it() {
    let mut device = Device::new();
    device.play(TUTORIAL);
    device.kernel.change(|state| {
        for (address, netns, dev, lladdr, nud) in [
            ("192.168.20.1", "vpn20", "enp0s5", "e6:70:03:8d:7e:09", 0x02),
            ("192.168.10.1", "vpn10", "enp0s4", "b6:1d:6e:03:0e:e6", 0x04),
        ] {
            let key = NeighborKey {
                netns: netns.parse().expect("a name"),
                dev: dev.parse().expect("a name"),
                address: address.parse().expect("an address"),
                proxy: false,
            };
            let neighbor = Neighbor {
                lladdr: Some(lladdr.parse().expect("an address")),
                nud: Some(nud),
                ..Neighbor::default()
            };
            state.objects.insert(Key::Neighbor(key), Object::Neighbor(neighbor));
        }
    });
    device.check(
        "end\nshow config-running neighbors-iproute2\nshow config-running neighbors-iproute2 | display json",
        expect![[r#"
            dent-1(config-[name='enp0s5'])# end
            dent-1# show config-running neighbors-iproute2
            neighbors-iproute2
             ! neighbor 192.168.10.1 netns vpn10
              ! dev enp0s4
              ! router false
              ! use false
              ! managed false
              ! extern_learn false
              ! lladdr b6:1d:6e:03:0e:e6
              ! nud stale
             ! neighbor 192.168.20.1 netns vpn20
              ! dev enp0s5
              ! router false
              ! use false
              ! managed false
              ! extern_learn false
              ! lladdr e6:70:03:8d:7e:09
              ! nud reachable
            dent-1# show config-running neighbors-iproute2 | display json
            {}
            dent-1#
        "#]],
    );
}

#[test]
fn what_is_wrong_is_shown_where_it_is() {
    let mut device = Device::new();
    device.check(
        "confiure\nconfigure\nlinks-iproute2 lnk\nlinks-iproute2\nlink\nlink x mtu tall\nlink x ip 1.2.3.4\n\
         link x description \"half\nl x\nco\nno link nobody\nshow config-running | display yaml\nset x\n\
         commit | count",
        expect![[r#"
            dent-1> confiure
              confiure
              ^^^^^^^^
            "confiure" is unknown here; expected one of configure, exit, help, quit, repair, show
            dent-1> configure
            dent-1(config)# links-iproute2 lnk
              links-iproute2 lnk
                             ^^^
            "lnk" is unknown here; expected one of vrf, link, vlan, vxlan, gre, vti, bond, bridge
            dent-1(config)# links-iproute2
            dent-1(config-links-iproute2)# link
              link
                  ^
            name of link is missing
            dent-1(config-links-iproute2)# link x mtu tall
              link x mtu tall
                         ^^^^
            "tall" is not a number in 0..2147483647
            dent-1(config-links-iproute2)# link x ip 1.2.3.4
              link x ip 1.2.3.4
                        ^^^^^^^
            "1.2.3.4": the address needs a prefix length, for example 192.168.10.10/24 or 2001:db8::10/64
            dent-1(config-links-iproute2)# link x description "half
              link x description "half
                                 ^^^^^
            the quote is not closed
            dent-1(config-links-iproute2)# l x
              l x
              ^
            "l" is ambiguous: link, links-iproute2, load, lock
            dent-1(config-links-iproute2)# co
            nothing to commit
            dent-1(config-links-iproute2)# no link nobody
            warning: /iproute2-ip-link:links/link[name='nobody']: there is no such instance to delete
            dent-1(config-links-iproute2)# show config-running | display yaml
              show config-running | display yaml
                                            ^^^^
            "yaml" is unknown here; expected one of json, set, text, xml
            dent-1(config-links-iproute2)# set x
              set x
              ^^^
            "set" is unknown here; expected one of vrf, link, vlan, vxlan, gre, vti, bond, bridge, netnses-iproute2, links-iproute2, neighbors-iproute2, nexthops-iproute2, routes-iproute2, rules-iproute2, sysctls-netloom, drift-netloom, commit, discard-changes, do, end, load, lock, no, resolve, rollback, save, top, unlock, up, update, exit, help, quit, repair, show
            dent-1(config-links-iproute2)# commit | count
              commit | count
                     ^^^^^^^
            the command has no output for a pipe
            dent-1(config-links-iproute2)#
        "#]],
    );
}

#[test]
fn changes_are_not_left_behind() {
    let mut device = Device::new();
    device.check(
        "conf t\nnetnses-iproute2 netns red\nexit\nend\nquit\nshow config-candidate diff\ndiscard-changes\n\
         commit\nend",
        expect![[r#"
            dent-1> conf t
            dent-1(config)# netnses-iproute2 netns red
            dent-1(config)# exit
            there are uncommitted changes: `commit` applies them, `discard-changes` discards them
            dent-1(config)# end
            there are uncommitted changes: `commit` applies them, `discard-changes` discards them
            dent-1(config)# quit
            there are uncommitted changes: `commit` applies them, `discard-changes` discards them
            dent-1(config)# show config-candidate diff
            +netnses-iproute2
            + netns red
            dent-1(config)# discard-changes
            dent-1(config)# commit
            nothing to commit
            dent-1(config)# end
            dent-1#
        "#]],
    );
    device.check(
        "configure\nnetnses-iproute2 netns red\ncommit comment the first\nno netnses-iproute2\ncommit\n\
         rollback 1\nshow config-candidate diff\ncommit\nshow history\nrollback 9",
        expect![[r#"
            dent-1# configure
            dent-1(config)# netnses-iproute2 netns red
            dent-1(config)# commit comment the first
            commit 1: 1 netns added (… ms)
            dent-1(config)# no netnses-iproute2
            dent-1(config)# commit
            commit 2: 1 netns removed (… ms)
            dent-1(config)# rollback 1
            dent-1(config)# show config-candidate diff
            +netnses-iproute2
            + netns red
            dent-1(config)# commit
            commit 3: 1 netns added (… ms)
            dent-1(config)# show history
              0  #3  1970-01-01T00:00:00Z  ann (test)
                 1 netns added
              1  #2  1970-01-01T00:00:00Z  ann (test)
                 1 netns removed
              2  #1  1970-01-01T00:00:00Z  ann (test) "the first"
                 1 netns added
            dent-1(config)# rollback 9
            there is no rollback 9: 0 to 3 can be had
            dent-1(config)#
        "#]],
    );
}
