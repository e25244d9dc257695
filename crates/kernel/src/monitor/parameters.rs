//! Kernel parameters without notifications: their files are watched with inotify(7).
//!
//! A file is held open as long as it is watched, so that everybody who opens the parameter uses the
//! same inode. A link that is created, renamed or moved has new files, which must be found again. A
//! write through another mount of proc(5), as in a container, is not noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use netstate::{Event, EventSink, Key, LinkName, NetnsName, SysctlKey};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use crate::noun::sysctl;

/// The parameters that are watched.
#[derive(Debug)]
pub(super) struct Parameters {
    /// None if the host has no free inotify instance.
    inotify: Option<OwnedFd>,
    /// The requested parameters, whether they exist or not.
    wanted: BTreeMap<NetnsName, Vec<SysctlKey>>,
    watched: BTreeMap<SysctlKey, Watched>,
    /// The parameter of each watch.
    keys: BTreeMap<i32, SysctlKey>,
}

#[derive(Debug)]
struct Watched {
    number: i32,
    /// Its file, opened with O_PATH.
    _held: OwnedFd,
}

impl Parameters {
    pub(super) fn new() -> Parameters {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let inotify = inotify
            .inspect_err(
                |error| tracing::warn!(%error, "changes of some kernel parameters not watched"),
            )
            .ok();
        let (wanted, watched, keys) = Default::default();
        Parameters { inotify, wanted, watched, keys }
    }

    /// The descriptor is readable after a watched file has been written.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Watches only these parameters from now on.
    pub(super) fn want(&mut self, wanted: &BTreeSet<SysctlKey>) {
        self.wanted.clear();
        for key in wanted.iter().filter(|key| !sysctl::has_notification(&key.path)) {
            self.wanted.entry(key.netns.clone()).or_default().push(key.clone());
        }
        let unwanted: Vec<_> =
            self.watched.keys().filter(|key| !wanted.contains(key)).cloned().collect();
        unwanted.iter().for_each(|key| self.forget(key));
    }

    /// Forgets the files of this namespace, or of this link in it, because they have been replaced.
    /// Returns whether there were any.
    pub(super) fn lose(&mut self, netns: &NetnsName, link: Option<&LinkName>) -> bool {
        let lost = |key: &&SysctlKey| link.is_none() || key.path.dev().as_ref() == link;
        let within = self.wanted.get(netns).into_iter().flatten();
        let lost: Vec<SysctlKey> = within.filter(lost).cloned().collect();
        lost.iter().for_each(|key| self.forget(key));
        !lost.is_empty()
    }

    fn forget(&mut self, key: &SysctlKey) {
        if let (Some(inotify), Some(Watched { number, _held })) =
            (&self.inotify, self.watched.remove(key))
        {
            self.keys.remove(&number);
            // The kernel has already removed the watch of a deleted file.
            let _gone = inotify::remove_watch(inotify, number);
        }
    }

    /// The namespaces that have parameters which are not found yet.
    pub(super) fn unresolved(&self) -> BTreeSet<NetnsName> {
        let wanted = self.inotify.iter().flat_map(|_| &self.wanted);
        let lacks = |keys: &[SysctlKey]| keys.iter().any(|key| !self.watched.contains_key(key));
        wanted.filter(|(_, keys)| lacks(keys)).map(|(netns, _)| netns.clone()).collect()
    }

    /// Finds parameters in the namespace of the calling thread, and reports each one found, because
    /// it may have changed before.
    pub(super) fn find(&mut self, netns: &NetnsName, sink: &EventSink) {
        let within = self.wanted.get(netns).into_iter().flatten();
        let unresolved: Vec<SysctlKey> =
            within.filter(|key| !self.watched.contains_key(key)).cloned().collect();
        for key in unresolved {
            match self.watch(&key) {
                Ok(()) => sink(Event::Key(Key::Sysctl(key))),
                Err(Errno::NOENT) => {}
                Err(error) => {
                    let SysctlKey { netns, path } = &key;
                    tracing::warn!(%netns, %path, %error, "changes of this kernel parameter not watched");
                }
            }
        }
    }

    fn watch(&mut self, key: &SysctlKey) -> Result<(), Errno> {
        let Some(inotify) = &self.inotify else { return Ok(()) };
        let held = sysctl::hold(&key.path)?;
        let file = format!("/proc/self/fd/{}", held.as_raw_fd());
        let number = inotify::add_watch(inotify, file, WatchFlags::MODIFY)?;
        self.keys.insert(number, key.clone());
        self.watched.insert(key.clone(), Watched { number, _held: held });
        Ok(())
    }

    /// Reports the parameters that have been written.
    pub(super) fn receive(&self, sink: &EventSink) -> io::Result<()> {
        let Some(inotify) = &self.inotify else { return Ok(()) };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => {
                    let all = self.watched.keys().cloned();
                    all.for_each(|key| sink(Event::Key(Key::Sysctl(key))));
                }
                Ok(event) => {
                    let key = self.keys.get(&event.wd()).cloned();
                    key.into_iter().for_each(|key| sink(Event::Key(Key::Sysctl(key))));
                }
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
