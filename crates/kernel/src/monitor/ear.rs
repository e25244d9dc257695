//! Listening to what happens in a namespace, and in many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use netstate::{
    AddressKey, Event, EventSink, FdbKey, Key, LinkName, NeighborKey, NetnsName, SysctlKey,
};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::fault::Fault;
use crate::message::{Message, message};
use crate::observe::ask_for_links;
use crate::socket::{enlarge_receive_buffer, own_port};
use crate::uapi::{RTM_NEWNETCONF, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};
use crate::{address, link, neighbor, route, sysctl};

/// What is listened to. These are among the first 32 groups, which an address can name.
const GROUPS: [u32; 8] = [
    libc::RTNLGRP_LINK,
    libc::RTNLGRP_NEIGH,
    libc::RTNLGRP_IPV4_IFADDR,
    libc::RTNLGRP_IPV4_ROUTE,
    libc::RTNLGRP_IPV6_IFADDR,
    libc::RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV4_NETCONF,
    RTNLGRP_IPV6_NETCONF,
];

/// How many namespaces are told to have something to be heard at a time.
const HEARD: usize = 64;

/// The namespaces that are listened to. Which of them has something to be heard is known without looking at each
/// (epoll(7)).
#[derive(Debug)]
pub(super) struct Ears {
    epoll: OwnedFd,
    /// Each with its number, by which the kernel tells.
    ears: BTreeMap<NetnsName, (u64, Ear)>,
    names: BTreeMap<u64, NetnsName>,
    last: u64,
}

impl Ears {
    pub(super) fn new() -> io::Result<Ears> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Ears { epoll, ears: BTreeMap::new(), names: BTreeMap::new(), last: 0 })
    }

    /// What can be read from where one has something to be heard.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    pub(super) fn has(&self, name: &NetnsName) -> bool {
        self.ears.contains_key(name)
    }

    pub(super) fn add(&mut self, name: NetnsName, ear: Ear) -> io::Result<()> {
        self.last += 1;
        let data = epoll::EventData::new_u64(self.last);
        epoll::add(&self.epoll, &ear.socket, data, epoll::EventFlags::IN)?;
        self.names.insert(self.last, name.clone());
        self.ears.insert(name, (self.last, ear));
        Ok(())
    }

    /// Its socket closes, which the kernel forgets by itself.
    pub(super) fn remove(&mut self, name: &NetnsName) {
        if let Some((number, _ear)) = self.ears.remove(name) {
            self.names.remove(&number);
        }
    }

    /// Keeps only these.
    pub(super) fn retain(&mut self, names: &BTreeSet<NetnsName>) {
        let others: Vec<_> =
            self.ears.keys().filter(|name| !names.contains(name)).cloned().collect();
        others.iter().for_each(|name| self.remove(name));
    }

    /// The ear in a namespace.
    pub(super) fn get(&mut self, name: &NetnsName) -> Option<&mut Ear> {
        self.ears.get_mut(name).map(|(_, ear)| ear)
    }

    /// Some of those that have something to be heard; the others are told the next time.
    pub(super) fn heard(&self) -> io::Result<Vec<NetnsName>> {
        let mut events = Vec::with_capacity(HEARD);
        epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&Timespec::default()))?;
        let numbers = events.iter().map(|event: &epoll::Event| event.data.u64());
        Ok(numbers.filter_map(|number| self.names.get(&number).cloned()).collect())
    }
}

/// A socket that hears what happens in one namespace.
///
/// It asks for the names of the links by the same socket, and goes on: the answer is there to be heard before what happens
/// afterwards, unless the links are so many that they take more than one message. What is heard in between may be about
/// one that has no name yet: then all of the namespace is read once they have.
#[derive(Debug)]
pub(super) struct Ear {
    socket: Socket,
    /// Names of links, for notifications that number them.
    names: HashMap<u32, LinkName>,
    /// How the asking for names stands.
    naming: Naming,
    /// Links that have come or have another name, and have not been dealt with.
    pub(super) appeared: Vec<LinkName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// The answer is still to come, or a part of it.
    Asked,
    /// The same, and something has been heard meanwhile.
    Overheard,
    /// All have been told.
    Done,
}

impl Ear {
    /// Listens in the namespace of the calling thread.
    pub(super) fn open() -> Result<Self, Fault> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        enlarge_receive_buffer(&socket)?;
        // All in one call: each holds up every netlink socket of the host.
        let groups = GROUPS.iter().fold(0, |groups, group| groups | 1 << (group - 1));
        socket.bind(&SocketAddr::new(0, groups))?;
        let mut ear =
            Self { socket, names: HashMap::new(), naming: Naming::Asked, appeared: Vec::new() };
        ear.ask_for_names()?;
        Ok(ear)
    }

    fn ask_for_names(&mut self) -> io::Result<()> {
        let mut request = Vec::new();
        message(&mut request, (libc::RTM_GETLINK, libc::NLM_F_DUMP, 0), ask_for_links);
        if self.naming == Naming::Done {
            self.naming = Naming::Asked;
        }
        self.socket.send_to(&request, &SocketAddr::new(0, 0), 0)?;
        Ok(())
    }

    /// Takes what answers the asking for names; answers whether a message does.
    fn take_name(
        &mut self,
        netns: &NetnsName,
        message: Message<'_>,
        sink: &EventSink,
    ) -> io::Result<bool> {
        match message.verdict() {
            Some(Err(fault)) => return Err(io::Error::other(fault.to_string())),
            Some(Ok(())) if i32::from(message.flags) & libc::NLM_F_DUMP_INTR != 0 => {
                self.ask_for_names()?;
            }
            Some(Ok(())) => {
                if self.naming == Naming::Overheard {
                    sink(Event::Overrun(netns.clone()));
                }
                self.naming = Naming::Done;
            }
            None if i32::from(message.flags) & libc::NLM_F_MULTI == 0 => {
                if self.naming == Naming::Asked {
                    self.naming = Naming::Overheard;
                }
                return Ok(false);
            }
            None => self.names.extend(link::decode_name(message)),
        }
        Ok(true)
    }

    /// Reports what there is to be heard.
    pub(super) fn hear(
        &mut self,
        netns: &NetnsName,
        buffer: &mut Vec<u8>,
        sink: &EventSink,
    ) -> io::Result<()> {
        loop {
            buffer.clear();
            match self.socket.recv(buffer, 0) {
                Ok(_) => {
                    for message in Message::iterate(buffer) {
                        if self.take_name(netns, message, sink)? {
                            continue;
                        }
                        self.event(netns, message).into_iter().for_each(|event| sink(event));
                        match message.kind {
                            RTM_NEWNETCONF => self.parameters(netns, message, sink),
                            libc::RTM_DELADDR => {
                                let dev = address::decode(message)
                                    .and_then(|(index, ..)| self.names.get(&index).cloned());
                                dev.map(|dev| Event::AddressGone(netns.clone(), dev))
                                    .into_iter()
                                    .for_each(|event| sink(event));
                            }
                            _ => {}
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    // What links are called may be among what is lost.
                    if self.naming == Naming::Done {
                        self.ask_for_names()?;
                    }
                    sink(Event::Overrun(netns.clone()));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn parameters(&mut self, netns: &NetnsName, message: Message<'_>, sink: &EventSink) {
        let paths = sysctl::decode_change(message, |index| self.names.get(&index).cloned());
        // All of them at once are told of a link that has come, or whose name is another, once their files are there.
        if let [_, path, ..] = &paths[..] {
            self.appeared.extend(path.dev());
        }
        for path in paths {
            sink(Event::Key(Key::Sysctl(SysctlKey { netns: netns.clone(), path })));
        }
    }

    fn event(&mut self, netns: &NetnsName, message: Message<'_>) -> Option<Event> {
        let name = |index: u32| self.names.get(&index).cloned();
        let netns = netns.clone();
        match message.kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                let (index, ifname) = link::decode_name(message)?;
                // A bridge tells of a port that leaves it as if the link were gone.
                let gone = message.kind == libc::RTM_DELLINK && message.byte(0) == 0;
                let before = match gone {
                    true => self.names.remove(&index),
                    false => self.names.insert(index, ifname.clone()),
                };
                if !gone && before.as_ref() != Some(&ifname) {
                    self.appeared.push(ifname.clone());
                }
                Some(Event::Link(netns, ifname))
            }
            libc::RTM_NEWADDR | libc::RTM_DELADDR => {
                let (index, address, _) = address::decode(message)?;
                Some(Event::Key(Key::Address(AddressKey { netns, dev: name(index)?, address })))
            }
            libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH if message.byte(0) == neighbor::BRIDGE => {
                let seen = neighbor::decode_fdb(message)?;
                Some(Event::Key(Key::Fdb(Box::new(FdbKey {
                    netns,
                    dev: name(seen.index)?,
                    lladdr: seen.lladdr,
                    vlan: seen.vlan,
                    own: seen.entry.flags & libc::NTF_SELF != 0,
                    dst: seen.dst,
                }))))
            }
            libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH => {
                let (index, address, proxy, _) = neighbor::decode(message)?;
                Some(Event::Key(Key::Neighbor(NeighborKey {
                    netns,
                    dev: name(index)?,
                    address,
                    proxy,
                })))
            }
            // A route that this process has made or removed is as it shall be, and there may be many.
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE if message.port == own_port() => None,
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
                Some(Event::Key(Key::Route(route::decode(message, &netns)?.key)))
            }
            _ => None,
        }
    }
}
