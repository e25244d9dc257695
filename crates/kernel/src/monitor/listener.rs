//! Listening to what happens in a namespace, and in many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use netstate::{Event, EventSink, Key, LinkName, NetnsName, SysctlKey};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::fault::Fault;
use crate::message::{Message, message};
use crate::noun::link::read::{ask_for_links, decode_name};
use crate::noun::{address, groups, notified, sysctl};
use crate::socket::enlarge_receive_buffer;
use crate::uapi::RTM_NEWNETCONF;

/// How many namespaces with notifications are named at a time.
const READABLE: usize = 64;

/// The namespaces that are listened to. Which of them has notifications is known without a look at each
/// (epoll(7)).
#[derive(Debug)]
pub(super) struct Listeners {
    epoll: OwnedFd,
    /// Each with its number, by which the kernel tells.
    listeners: BTreeMap<NetnsName, (u64, Listener)>,
    names: BTreeMap<u64, NetnsName>,
    last: u64,
}

impl Listeners {
    pub(super) fn new() -> io::Result<Listeners> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Listeners { epoll, listeners: BTreeMap::new(), names: BTreeMap::new(), last: 0 })
    }

    /// It can be read from where one of them has notifications.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    pub(super) fn has(&self, name: &NetnsName) -> bool {
        self.listeners.contains_key(name)
    }

    pub(super) fn add(&mut self, name: NetnsName, listener: Listener) -> io::Result<()> {
        self.last += 1;
        let data = epoll::EventData::new_u64(self.last);
        epoll::add(&self.epoll, &listener.socket, data, epoll::EventFlags::IN)?;
        self.names.insert(self.last, name.clone());
        self.listeners.insert(name, (self.last, listener));
        Ok(())
    }

    /// Its socket closes, which the kernel forgets by itself.
    pub(super) fn remove(&mut self, name: &NetnsName) {
        if let Some((number, _listener)) = self.listeners.remove(name) {
            self.names.remove(&number);
        }
    }

    /// Keeps only these.
    pub(super) fn retain(&mut self, names: &BTreeSet<NetnsName>) {
        let others: Vec<_> =
            self.listeners.keys().filter(|name| !names.contains(name)).cloned().collect();
        others.iter().for_each(|name| self.remove(name));
    }

    /// The listener in a namespace.
    pub(super) fn get(&mut self, name: &NetnsName) -> Option<&mut Listener> {
        self.listeners.get_mut(name).map(|(_, listener)| listener)
    }

    /// Some of those that have notifications; the others are named the next time.
    pub(super) fn readable(&self) -> io::Result<Vec<NetnsName>> {
        let mut events = Vec::with_capacity(READABLE);
        epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&Timespec::default()))?;
        let numbers = events.iter().map(|event: &epoll::Event| event.data.u64());
        Ok(numbers.filter_map(|number| self.names.get(&number).cloned()).collect())
    }
}

/// A socket that listens to what happens in one namespace.
///
/// It asks for the names of the links by the same socket, and goes on: the answer comes before what happens
/// afterwards, unless the links are so many that they take more than one message. What comes in between may be about
/// one that has no name yet: then all of the namespace is read once they have.
#[derive(Debug)]
pub(super) struct Listener {
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
    /// The same, and a notification has come meanwhile.
    Interrupted,
    /// All have been told.
    Done,
}

impl Listener {
    /// Listens in the namespace of the calling thread.
    pub(super) fn open() -> Result<Self, Fault> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        enlarge_receive_buffer(&socket)?;
        // All in one call: each holds up every netlink socket of the host.
        let groups = groups().fold(0, |groups, group| groups | 1 << (group - 1));
        socket.bind(&SocketAddr::new(0, groups))?;
        let mut listener =
            Self { socket, names: HashMap::new(), naming: Naming::Asked, appeared: Vec::new() };
        listener.ask_for_names()?;
        Ok(listener)
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
                if self.naming == Naming::Interrupted {
                    sink(Event::Overrun(netns.clone()));
                }
                self.naming = Naming::Done;
            }
            None if i32::from(message.flags) & libc::NLM_F_MULTI == 0 => {
                if self.naming == Naming::Asked {
                    self.naming = Naming::Interrupted;
                }
                return Ok(false);
            }
            None => self.names.extend(decode_name(message)),
        }
        Ok(true)
    }

    /// Reports the notifications that have come.
    pub(super) fn receive(
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
                        self.events(netns, message)
                            .into_iter()
                            .flatten()
                            .for_each(|event| sink(event));
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

    /// What a message is about. A link that was renamed is one by its old name too, by which it may be configured.
    fn events(&mut self, netns: &NetnsName, message: Message<'_>) -> [Option<Event>; 2] {
        let name = |index: u32| self.names.get(&index).cloned();
        match message.kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                let Some((index, ifname)) = decode_name(message) else { return [None, None] };
                // A bridge tells of a port that leaves it as if the link were gone.
                let gone = message.kind == libc::RTM_DELLINK && message.byte(0) == 0;
                let before = match gone {
                    true => self.names.remove(&index),
                    false => self.names.insert(index, ifname.clone()),
                };
                if !gone && before.as_ref() != Some(&ifname) {
                    self.appeared.push(ifname.clone());
                }
                let before = before.filter(|before| *before != ifname);
                [before, Some(ifname)].map(|name| name.map(|name| Event::Link(netns.clone(), name)))
            }
            _ => [notified(message, netns, name).map(Event::Key), None],
        }
    }
}
