//! The monitor: a thread that receives the kernel's notifications in every watched namespace.
//!
//! A notification only says what to read again. The process's own changes to routes are not read
//! again: their notifications do not arrive. Namespaces are mounts on `/run/netns`. The kernel
//! wakes a reader of `mountinfo` when mounts have changed, and the monitor then compares the names
//! with the earlier ones. This reads every name, so the monitor waits for a burst of changes to end
//! before it compares.

mod filter;
mod listener;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netstate::{Event, EventSink, NetnsName, Watched};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::fault::Fault;
use crate::monitor::listener::{Listener, Listeners};
use crate::monitor::parameters::Parameters;
use crate::namespaces;
use crate::socket::READ;

/// The minimum and the maximum delay before names are compared.
const SETTLING: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];
/// Between these, the delay is the duration of the last comparison times this.
const SPARING: u32 = 10;

/// A running monitor. It ends on drop.
#[derive(Debug)]
pub(crate) struct Monitor {
    /// The thread waits on the other end. It ends when this one is closed.
    control: Option<UnixStream>,
    thread: Option<JoinHandle<Watch>>,
}

impl Monitor {
    /// Starts to monitor `what`; the namespace `own` is the one with the name `1`. Everything that
    /// happens after this returns is reported. It takes over the sockets of `before`, with what
    /// these have not reported yet.
    pub(crate) fn start(
        own: File,
        what: Watched,
        sink: EventSink,
        before: Option<Monitor>,
    ) -> Result<Self, Fault> {
        let (control, end) = UnixStream::pair()?;
        let mounts = File::open("/proc/thread-self/mountinfo")?;
        let Watched { namespaces, parameters } = what;
        let mut watch = match before.and_then(Monitor::stop) {
            Some(mut watch) => {
                // Names may have changed while no monitor was running.
                watch.compare_names();
                watch.listeners.retain(&namespaces);
                Watch { own, namespaces, sink, ..watch }
            }
            None => {
                let (listeners, present) = (Listeners::new()?, namespaces::list());
                let (buffer, compared) = (Vec::with_capacity(READ), Compared::default());
                let parameters = Parameters::new();
                Watch { own, namespaces, listeners, parameters, buffer, present, compared, sink }
            }
        };
        watch.parameters.want(&parameters);
        watch.listen()?;
        watch.find_parameters()?;
        let thread = thread::Builder::new()
            .name("netlink-monitor".into())
            .spawn(move || watch.run(&end, &mounts))?;
        Ok(Self { control: Some(control), thread: Some(thread) })
    }

    /// Ends the thread. Its sockets stay open.
    fn stop(mut self) -> Option<Watch> {
        self.end()
    }

    fn end(&mut self) -> Option<Watch> {
        self.control.take();
        let ended = self.thread.take().map(JoinHandle::join)?;
        if ended.is_err() {
            tracing::warn!("netlink monitor panicked");
        }
        ended.ok()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.end();
    }
}

struct Watch {
    own: File,
    namespaces: BTreeSet<NetnsName>,
    listeners: Listeners,
    parameters: Parameters,
    /// The buffer for received messages.
    buffer: Vec<u8>,
    /// The namespaces that have names, with their inodes.
    present: BTreeMap<NetnsName, u64>,
    compared: Compared,
    sink: EventSink,
}

/// The time of the next comparison of names.
#[derive(Default)]
struct Compared {
    /// The time of the next comparison; none if no mount has changed.
    due: Option<Instant>,
    /// The duration of the last comparison.
    took: Duration,
}

impl Watch {
    /// Opens the sockets of the watched namespaces that exist.
    fn listen(&mut self) -> Result<(), Fault> {
        let missing = self.namespaces.iter().filter(|name| !self.listeners.has(name));
        let files = self.files(missing)?;
        if !files.is_empty() {
            for (name, listener) in
                namespaces::inside_each(files, |name, _| Ok((name, Listener::open()?)))?
            {
                self.listeners.add(name, listener)?;
            }
        }
        Ok(())
    }

    /// Watches the requested parameters that exist.
    fn find_parameters(&mut self) -> Result<(), Fault> {
        let files = self.files(&self.parameters.unresolved())?;
        if !files.is_empty() {
            let (parameters, sink) = (&mut self.parameters, &self.sink);
            namespaces::inside_each(files, |name, _| {
                parameters.find(&name, sink);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The files of those namespaces that exist.
    fn files<'n>(
        &self,
        names: impl IntoIterator<Item = &'n NetnsName>,
    ) -> Result<Vec<(NetnsName, File)>, Fault> {
        let mut files = Vec::new();
        for name in names {
            if name.is_own() {
                files.push((name.clone(), self.own.try_clone()?));
            } else if self.present.contains_key(name) {
                files.push((name.clone(), namespaces::open_file(name)?));
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
                    tracing::warn!(%error, "netlink monitor failed");
                    self.namespaces
                        .iter()
                        .for_each(|name| (self.sink)(Event::Overrun(name.clone())));
                    return self;
                }
            }
        }
    }

    /// Waits for an event and reports it. Returns false at the end.
    fn wait(&mut self, end: &UnixStream, mounts: &File) -> io::Result<bool> {
        // Once mounts have changed, further changes are not of interest until names are compared.
        let mounts = self.compared.due.is_none().then_some((mounts.as_fd(), PollFlags::PRI));
        let fds = [
            Some((end.as_fd(), PollFlags::IN)),
            Some((self.listeners.fd(), PollFlags::IN)),
            self.parameters.fd().map(|fd| (fd, PollFlags::IN)),
            mounts,
        ];
        let polled = fds.iter().flatten();
        let mut polled: Vec<PollFd<'_>> =
            polled.map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        let limit = self.compared.due.map(|due| due.saturating_duration_since(Instant::now()));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match rustix::event::poll(&mut polled, limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(true),
            result => result?,
        };
        let mut happened = polled.iter().map(|fd| !fd.revents().is_empty());
        let [ended, readable, written, mounted] =
            fds.map(|fd| fd.is_some() && happened.next() == Some(true));
        if ended {
            return Ok(false);
        }
        if written {
            self.parameters.receive(&self.sink)?;
        }
        if readable {
            self.receive()?;
        }
        match self.compared.due {
            Some(due) if due <= Instant::now() => self.compare_names(),
            None if mounted => {
                let [least, most] = SETTLING;
                let pause = (self.compared.took * SPARING).clamp(least, most);
                self.compared.due = Some(Instant::now() + pause);
            }
            Some(_) | None => {}
        }
        Ok(true)
    }

    /// Reports the received notifications of some namespaces.
    fn receive(&mut self) -> io::Result<()> {
        let mut moved = false;
        for name in self.listeners.readable()? {
            let Some(listener) = self.listeners.get(&name) else { continue };
            let received = listener.receive(&name, &mut self.buffer, &self.sink);
            for link in listener.appeared.drain(..) {
                moved |= self.parameters.lose(&name, Some(&link));
            }
            if let Err(error) = received {
                tracing::warn!(%error, netns = %name, "no more notifications from this namespace");
                self.listeners.remove(&name);
                (self.sink)(Event::Overrun(name));
            }
        }
        if moved && let Err(fault) = self.find_parameters() {
            tracing::warn!(%fault, "changes of kernel parameters not watched");
        }
        Ok(())
    }

    /// Reports created and removed namespaces, and adjusts the sockets. An open socket would keep a
    /// removed namespace alive.
    fn compare_names(&mut self) {
        let begun = Instant::now();
        let present = namespaces::list();
        self.compared = Compared { due: None, took: begun.elapsed() };
        let before = std::mem::replace(&mut self.present, present);
        let names: BTreeSet<&NetnsName> = before.keys().chain(self.present.keys()).collect();
        let changed: Vec<NetnsName> = names
            .into_iter()
            .filter(|name| before.get(*name) != self.present.get(*name))
            .cloned()
            .collect();
        for name in &changed {
            self.listeners.remove(name);
            self.parameters.lose(name, None);
        }
        if let Err(fault) = self.listen().and_then(|()| self.find_parameters()) {
            tracing::warn!(%fault, "new namespace not watched");
        }
        for name in changed {
            (self.sink)(Event::Netns(name.clone()));
            if self.listeners.has(&name) {
                (self.sink)(Event::Overrun(name));
            }
        }
    }
}
