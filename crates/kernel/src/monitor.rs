//! Who changes what: a thread that listens to the kernel's notifications in every watched namespace.
//!
//! A notification only says what to read again; what the process itself has done to routes is not read again. Namespaces
//! come and go as mounts on `/run/netns`; the kernel tells a reader of `mountinfo` that mounts have changed, and the
//! names are compared with those before. That costs a look at each of them, and is not done for each of many that come.

mod parameters;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use netstate::{
    AddressKey, Event, EventSink, FdbKey, Key, LinkName, NeighborKey, NetnsName, SysctlKey, Watched,
};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::fault::Fault;
use crate::message::{Message, message};
use crate::monitor::parameters::Parameters;
use crate::netns;
use crate::observe::ask_for_links;
use crate::socket::{READ, enlarge_receive_buffer, own_port};
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

/// How long names may come and go before they are compared: at least, and at most.
const SETTLING: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];
/// Within these, as many times as long as the last comparison took.
const SPARING: u32 = 10;

/// A running monitor; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Monitor {
    /// Its other end is what the thread waits on: closed, the thread ends.
    control: Option<UnixStream>,
    thread: Option<JoinHandle<Listener>>,
}

impl Monitor {
    /// Listens to `what`, of which the namespace `own` is called `1`; what happens after this returns is reported. What `before`
    /// listened to and is still to be heard is taken over, with what it has not yet reported.
    pub(crate) fn start(
        own: File,
        what: Watched,
        sink: EventSink,
        before: Option<Monitor>,
    ) -> Result<Self, Fault> {
        let (control, end) = UnixStream::pair()?;
        let mounts = File::open("/proc/thread-self/mountinfo")?;
        let Watched { namespaces, parameters } = what;
        let mut listener = match before.and_then(Monitor::stop) {
            Some(mut listener) => {
                // Names may have come and gone while nobody listened.
                listener.compare_names();
                listener.ears.retain(|name, _| namespaces.contains(name));
                Listener { own, namespaces, sink, ..listener }
            }
            None => {
                let (ears, present) = (BTreeMap::new(), netns::list());
                let (buffer, compared) = (Vec::with_capacity(READ), Compared::default());
                let parameters = Parameters::new();
                Listener { own, namespaces, ears, parameters, buffer, present, compared, sink }
            }
        };
        listener.parameters.want(&parameters);
        listener.listen()?;
        listener.find_parameters()?;
        let thread = thread::Builder::new()
            .name("netlink-monitor".into())
            .spawn(move || listener.run(&end, &mounts))?;
        Ok(Self { control: Some(control), thread: Some(thread) })
    }

    /// Ends the thread; what it listened to stays open.
    fn stop(mut self) -> Option<Listener> {
        self.end()
    }

    fn end(&mut self) -> Option<Listener> {
        self.control.take();
        let ended = self.thread.take().map(JoinHandle::join)?;
        if ended.is_err() {
            tracing::warn!("the netlink monitor had panicked");
        }
        ended.ok()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.end();
    }
}

struct Listener {
    own: File,
    namespaces: BTreeSet<NetnsName>,
    ears: BTreeMap<NetnsName, Ear>,
    parameters: Parameters,
    /// Where what is heard is put.
    buffer: Vec<u8>,
    /// The namespaces that have names, with their inodes.
    present: BTreeMap<NetnsName, u64>,
    compared: Compared,
    sink: EventSink,
}

/// When names are compared.
#[derive(Default)]
struct Compared {
    /// When it is done next; never while no mount has changed.
    due: Option<Instant>,
    /// How long it took the last time.
    took: Duration,
}

/// A socket that hears what happens in one namespace.
///
/// It asks for the names of the links by the same socket, and goes on: the answer is there to be heard before what happens
/// afterwards, unless the links are so many that they take more than one message. What is heard in between may be about
/// one that has no name yet: then all of the namespace is read once they have.
struct Ear {
    socket: Socket,
    /// Names of links, for notifications that number them.
    names: HashMap<u32, LinkName>,
    /// How the asking for names stands.
    naming: Naming,
    /// Links that have come or have another name, and have not been dealt with.
    appeared: Vec<LinkName>,
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

impl Listener {
    /// Opens what is to be listened to and is there.
    fn listen(&mut self) -> Result<(), Fault> {
        let deaf = self.namespaces.iter().filter(|name| !self.ears.contains_key(*name));
        let files = self.files(deaf)?;
        if !files.is_empty() {
            self.ears.extend(netns::inside_each(files, |name, _| Ok((name, Ear::open()?)))?);
        }
        Ok(())
    }

    /// Watches the parameters that are to be watched and are there.
    fn find_parameters(&mut self) -> Result<(), Fault> {
        let files = self.files(&self.parameters.sought())?;
        if !files.is_empty() {
            let (parameters, sink) = (&mut self.parameters, &self.sink);
            netns::inside_each(files, |name, _| {
                parameters.find(&name, sink);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The files of those namespaces that are there.
    fn files<'n>(
        &self,
        names: impl IntoIterator<Item = &'n NetnsName>,
    ) -> Result<Vec<(NetnsName, File)>, Fault> {
        let mut files = Vec::new();
        for name in names {
            if name.is_own() {
                files.push((name.clone(), self.own.try_clone()?));
            } else if self.present.contains_key(name) {
                files.push((name.clone(), netns::open_file(name)?));
            }
        }
        Ok(files)
    }

    fn run(mut self, end: &UnixStream, mounts: &File) -> Self {
        loop {
            match self.wait(end, mounts) {
                Ok(true) => {}
                Ok(false) => return self,
                Err(error) => {
                    tracing::warn!(%error, "the netlink monitor ends");
                    self.namespaces
                        .iter()
                        .for_each(|name| (self.sink)(Event::Overrun(name.clone())));
                    return self;
                }
            }
        }
    }

    /// Waits for something to happen and reports it; false where it is the end.
    fn wait(&mut self, end: &UnixStream, mounts: &File) -> io::Result<bool> {
        let ears = self.ears.values().map(|ear| (ear.socket.as_fd(), PollFlags::IN));
        // Once it is known that mounts have changed, it does not matter how many more do.
        let mounts = self.compared.due.is_none().then_some((mounts.as_fd(), PollFlags::PRI));
        let parameters = self.parameters.fd().map(|fd| (fd, PollFlags::IN));
        let watches = parameters.is_some();
        let mut polled: Vec<PollFd<'_>> = std::iter::once((end.as_fd(), PollFlags::IN))
            .chain(parameters)
            .chain(ears)
            .chain(mounts)
            .map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags))
            .collect();
        let limit = self.compared.due.map(|due| due.saturating_duration_since(Instant::now()));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match rustix::event::poll(&mut polled, limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(true),
            result => result?,
        };
        let happened: Vec<bool> = polled.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut happened = happened.into_iter();
        if happened.next() == Some(true) {
            return Ok(false);
        }
        if watches && happened.next() == Some(true) {
            self.parameters.hear(&self.sink)?;
        }
        let (mut lost, mut moved) = (Vec::new(), false);
        for ((name, ear), _) in
            self.ears.iter_mut().zip(happened.by_ref()).filter(|(_, happened)| *happened)
        {
            if let Err(error) = ear.hear(name, &mut self.buffer, &self.sink) {
                tracing::warn!(%error, netns = %name, "notifications end");
                lost.push(name.clone());
            }
            for link in ear.appeared.drain(..) {
                moved |= self.parameters.lose(name, Some(&link));
            }
        }
        if moved && let Err(fault) = self.find_parameters() {
            tracing::warn!(%fault, "changes of parameters go unnoticed");
        }
        for name in lost {
            self.ears.remove(&name);
            (self.sink)(Event::Overrun(name));
        }
        match self.compared.due {
            Some(due) if due <= Instant::now() => self.compare_names(),
            None if happened.next() == Some(true) => {
                let [least, most] = SETTLING;
                let pause = (self.compared.took * SPARING).clamp(least, most);
                self.compared.due = Some(Instant::now() + pause);
            }
            Some(_) | None => {}
        }
        Ok(true)
    }

    /// Reports namespaces that have come or gone, and stops or starts to listen there: an open socket would keep
    /// a removed namespace alive.
    fn compare_names(&mut self) {
        let begun = Instant::now();
        let present = netns::list();
        self.compared = Compared { due: None, took: begun.elapsed() };
        let before = std::mem::replace(&mut self.present, present);
        let names: BTreeSet<&NetnsName> = before.keys().chain(self.present.keys()).collect();
        let changed: Vec<NetnsName> = names
            .into_iter()
            .filter(|name| before.get(*name) != self.present.get(*name))
            .cloned()
            .collect();
        for name in &changed {
            self.ears.remove(name);
            self.parameters.lose(name, None);
        }
        if let Err(fault) = self.listen().and_then(|()| self.find_parameters()) {
            tracing::warn!(%fault, "cannot listen in a new namespace");
        }
        for name in changed {
            (self.sink)(Event::Netns(name.clone()));
            if self.ears.contains_key(&name) {
                (self.sink)(Event::Overrun(name));
            }
        }
    }
}

impl Ear {
    /// Listens in the namespace of the calling thread.
    fn open() -> Result<Self, Fault> {
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
    fn hear(
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
