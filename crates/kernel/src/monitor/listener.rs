//! The sockets that receive notifications, one for each watched namespace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use netstate::{Event, EventSink, Key, LinkName, NetnsName, SysctlKey};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::fault::Fault;
use crate::message::{Message, message};
use crate::monitor::filter::leave_out_routes_of;
use crate::noun::link::read::{ask_for_links, decode_name};
use crate::noun::{address, groups, notified, sysctl};
use crate::socket::{enlarge_receive_buffer, own_port};
use crate::uapi::RTM_NEWNETCONF;

/// The number of namespaces with notifications that are returned at a time.
const READABLE: usize = 64;

/// The watched namespaces. epoll(7) reports which of them have notifications.
#[derive(Debug)]
pub(super) struct Listeners {
    epoll: OwnedFd,
    /// Each with its number in epoll.
    listeners: BTreeMap<NetnsName, (u64, Listener)>,
    names: BTreeMap<u64, NetnsName>,
    last: u64,
}

impl Listeners {
    pub(super) fn new() -> io::Result<Listeners> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Listeners { epoll, listeners: BTreeMap::new(), names: BTreeMap::new(), last: 0 })
    }

    /// The descriptor is readable if one of them has notifications.
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

    /// Closes the socket, which also removes it from epoll.
    pub(super) fn remove(&mut self, name: &NetnsName) {
        if let Some((number, _listener)) = self.listeners.remove(name) {
            self.names.remove(&number);
        }
    }

    /// Keeps only these namespaces.
    pub(super) fn retain(&mut self, names: &BTreeSet<NetnsName>) {
        let others: Vec<_> =
            self.listeners.keys().filter(|name| !names.contains(name)).cloned().collect();
        others.iter().for_each(|name| self.remove(name));
    }

    /// The listener of a namespace.
    pub(super) fn get(&mut self, name: &NetnsName) -> Option<&mut Listener> {
        self.listeners.get_mut(name).map(|(_, listener)| listener)
    }

    /// Some of the namespaces that have notifications. Further ones are returned by the next call.
    pub(super) fn readable(&self) -> io::Result<Vec<NetnsName>> {
        let mut events = Vec::with_capacity(READABLE);
        epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&Timespec::default()))?;
        let numbers = events.iter().map(|event: &epoll::Event| event.data.u64());
        Ok(numbers.filter_map(|number| self.names.get(&number).cloned()).collect())
    }
}

/// A socket that receives the notifications of one namespace.
///
/// The same socket also requests the names of all links. If the answer fits into one message, it
/// arrives before any later notification. Otherwise a notification may concern a link whose name is
/// not known yet. In that case the whole namespace is read again after the names have arrived.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    /// Names of links by index, because notifications contain indexes.
    names: HashMap<u32, LinkName>,
    /// The state of the request for names.
    naming: Naming,
    /// Links that were created or renamed, and are not handled yet.
    pub(super) appeared: Vec<LinkName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// The answer, or a part of it, is missing.
    Asked,
    /// The same, and a notification has arrived meanwhile.
    Interrupted,
    /// All names have arrived.
    Done,
}

impl Listener {
    /// Opens a listener in the namespace of the calling thread.
    pub(super) fn open() -> Result<Self, Fault> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        enlarge_receive_buffer(&socket)?;
        leave_out_routes_of(&socket, own_port())?;
        // One call for all groups, because each call holds up every netlink socket of the host.
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

    /// Handles an answer to the request for names. Returns whether the message is one.
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

    /// Reports the notifications that have arrived.
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
                    // The lost notifications may have contained names of links.
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
        // A new or renamed link reports all its parameters at once, when its files exist.
        if let [_, path, ..] = &paths[..] {
            self.appeared.extend(path.dev());
        }
        for path in paths {
            sink(Event::Key(Key::Sysctl(SysctlKey { netns: netns.clone(), path })));
        }
    }

    /// The objects that a message concerns. A renamed link counts under its old name too, because
    /// it may be configured under that.
    fn events(&mut self, netns: &NetnsName, message: Message<'_>) -> [Option<Event>; 2] {
        let name = |index: u32| self.names.get(&index).cloned();
        match message.kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                let Some((index, ifname)) = decode_name(message) else { return [None, None] };
                // A bridge sends a deletion message for a port that leaves it.
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
