//! Network namespaces: the one that the process was started in, called `1`, and those with a name in `/run/netns`.
//!
//! They are made as ip-netns(8) makes them, a file on which the namespace is bind-mounted, so that its users find
//! them. A file on which none is mounted, as a crash leaves it, is no namespace. Handles are kept open; before
//! use, the name is looked up again, since others may have removed the namespace or made another by that name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::num::NonZero;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use netstate::{NetnsName, SysctlPath};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use crate::fault::Fault;
use crate::socket::NetlinkSocket;

/// Where namespaces have their names.
pub(crate) const DIRECTORY: &str = "/run/netns";

/// How long a lock on the directory is waited for.
const LOCK: Duration = Duration::from_secs(1);

/// How many threads make namespaces at most, and for how many each another thread is worth its start.
const MAKERS: usize = 4;
const WORTH_A_MAKER: usize = 16;

/// An open namespace.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Its file in nsfs.
    pub(crate) file: File,
    /// The inode of that file: what tells namespaces apart.
    pub(crate) inode: u64,
    /// A socket inside.
    pub(crate) socket: NetlinkSocket,
    /// The parameters that the kernel keeps in a form of its own: the value that was written, and the one that is kept.
    pub(crate) kept: BTreeMap<SysctlPath, [String; 2]>,
}

/// Every namespace that has been used and still has its name.
#[derive(Debug)]
pub(crate) struct Namespaces {
    own: Namespace,
    named: BTreeMap<NetnsName, Namespace>,
}

impl Namespaces {
    /// Opens the namespace of the calling thread as `1`.
    pub(crate) fn open() -> Result<Self, Fault> {
        allow_many_files();
        let own = Namespace::open(File::open("/proc/thread-self/ns/net")?)?;
        Ok(Self { own, named: BTreeMap::new() })
    }

    /// The namespace of that name, if there is one.
    pub(crate) fn find(&mut self, name: &NetnsName) -> Result<Option<&mut Namespace>, Fault> {
        if name.is_own() {
            return Ok(Some(&mut self.own));
        }
        let inode = inode(name);
        if self.named.get(name).map(|namespace| namespace.inode) != inode {
            self.named.remove(name);
            if inode.is_some() {
                self.named.insert(name.clone(), Namespace::open(open_file(name)?)?);
            }
        }
        Ok(self.named.get_mut(name))
    }

    /// Whether there is a namespace of that name.
    pub(crate) fn exists(&self, name: &NetnsName) -> bool {
        name.is_own() || inode(name).is_some()
    }

    /// Opens those of the namespaces that are there, all on one thread: to start one for each takes longer than all the
    /// rest, the more so on a busy host.
    pub(crate) fn open_all<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n NetnsName>,
    ) -> Result<(), Fault> {
        let mut files = Vec::new();
        for name in names {
            let inode = inode(name);
            if inode.is_some() && self.named.get(name).map(|open| open.inode) != inode {
                let file = open_file(name).map_err(|fault| Fault::of(name.as_str(), fault))?;
                files.push((name.clone(), file));
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        let opened = inside_each(files, |name, file| Ok((name, Namespace::around(file)?)))?;
        self.named.extend(opened);
        Ok(())
    }

    /// Another handle to the namespace called `1`.
    pub(crate) fn own_file(&self) -> Result<File, Fault> {
        Ok(self.own.file.try_clone()?)
    }

    /// The names of all namespaces, `1` first. Those that have been removed are closed, since an open handle
    /// would keep them alive.
    pub(crate) fn names(&mut self) -> Vec<NetnsName> {
        let present = list();
        self.named.retain(|name, namespace| present.get(name) == Some(&namespace.inode));
        std::iter::once(NetnsName::own()).chain(present.into_keys()).collect()
    }

    /// Makes namespaces and gives them their names. Fails with the place of the first that could not be made: those before
    /// it are there then, and none after it.
    pub(crate) fn create(&mut self, names: &[&NetnsName]) -> Result<(), (usize, Fault)> {
        share_directory().map_err(|fault| (0, fault))?;
        let mut failed = None;
        for (place, made) in make_each(names, self.own.inode).map_err(|fault| (0, fault))? {
            match (made, &failed) {
                (Ok(namespace), None) => drop(self.named.insert(names[place].clone(), namespace)),
                (Ok(_), Some(_)) => {
                    if let Err(fault) = remove(&path(names[place])) {
                        tracing::warn!(%fault, netns = %names[place], "new namespace not removed after a failure");
                    }
                }
                (Err(fault), None) => failed = Some((place, fault)),
                (Err(_), Some(_)) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Takes a namespace's name away; with the last handle it ends.
    pub(crate) fn delete(&mut self, name: &NetnsName) -> Result<(), Fault> {
        self.named.remove(name);
        if name.is_own() || inode(name).is_none() {
            return Err(Fault::from_answer(libc::ENOENT, &[]));
        }
        remove(&path(name))
    }
}

impl Namespace {
    fn open(file: File) -> Result<Self, Fault> {
        inside(&file.try_clone()?, || Self::around(file))
    }

    /// The namespace of the calling thread, whose file is given.
    fn around(file: File) -> Result<Self, Fault> {
        let inode = rustix::fs::fstat(&file)?.st_ino;
        Ok(Self { file, inode, socket: NetlinkSocket::open()?, kept: BTreeMap::new() })
    }

    /// Runs `work` on a thread inside.
    pub(crate) fn inside<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        inside(&self.file, work)
    }
}

/// The namespaces that have names, with their inodes.
pub(crate) fn list() -> BTreeMap<NetnsName, u64> {
    let entries = fs::read_dir(DIRECTORY).into_iter().flatten().filter_map(Result::ok);
    let name = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<NetnsName>().ok();
    entries.filter_map(name).filter_map(|name| Some((name.clone(), inode(&name)?))).collect()
}

/// Opens the file of a namespace that has a name.
pub(crate) fn open_file(name: &NetnsName) -> Result<File, Fault> {
    Ok(File::open(path(name))?)
}

/// Runs `work` on a thread of its own, in the namespace that `file` is: nothing else of the process ever leaves
/// the namespace in which it was started.
pub(crate) fn inside<T: Send>(
    file: &File,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> Result<T, Fault> {
    scratch(|| {
        enter(file)?;
        work()
    })
}

/// Runs `work` in each of these namespaces, all on one thread.
pub(crate) fn inside_each<T: Send>(
    files: Vec<(NetnsName, File)>,
    mut work: impl FnMut(NetnsName, File) -> Result<T, Fault> + Send,
) -> Result<Vec<T>, Fault> {
    scratch(move || {
        let work = |(name, file)| {
            enter(&file)?;
            work(name, file)
        };
        files.into_iter().map(work).collect()
    })
}

/// Moves the calling thread, which has to be one of its own, into a namespace.
fn enter(file: &File) -> Result<(), Fault> {
    let network = Some(LinkNameSpaceType::Network);
    Ok(rustix::thread::move_into_link_name_space(file.as_fd(), network)?)
}

/// The inode of the namespace of that name; none where no namespace is mounted there.
fn inode(name: &NetnsName) -> Option<u64> {
    let path = path(name);
    // A file may carry the name `1` only beside the namespace that is called so.
    if name.is_own() || rustix::fs::statfs(&path).ok()?.f_type != libc::NSFS_MAGIC {
        return None;
    }
    rustix::fs::stat(&path).ok().map(|status| status.st_ino)
}

fn path(name: &NetnsName) -> PathBuf {
    PathBuf::from(DIRECTORY).join(name.as_str())
}

fn scratch<T: Send>(work: impl FnOnce() -> Result<T, Fault> + Send) -> Result<T, Fault> {
    thread::scope(|scope| joined(thread::Builder::new().spawn_scoped(scope, work)?))
}

/// What a thread answers with; it panics on if that one has.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Lets mounts below the directory appear in other mount namespaces too, as ip-netns(8) does, so that a namespace
/// that is removed here does not live on there.
fn share_directory() -> Result<(), Fault> {
    fs::create_dir_all(DIRECTORY)?;
    let directory = File::open(DIRECTORY)?;
    lock(&directory)?;
    let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    if rustix::mount::mount_change(DIRECTORY, shared).is_err() {
        rustix::mount::mount_bind_recursive(DIRECTORY, DIRECTORY)?;
        rustix::mount::mount_change(DIRECTORY, shared)?;
    }
    Ok(())
}

/// Takes the lock by which ip-netns(8) shares the directory too. Whoever can read the directory can hold that lock for ever,
/// so it is waited for no longer than a moment. The kernel tells nobody when it is let go.
fn lock(directory: &File) -> Result<(), Fault> {
    let begun = Instant::now();
    loop {
        match rustix::fs::flock(directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) if begun.elapsed() < LOCK => thread::park_timeout(LOCK / 100),
            Err(Errno::WOULDBLOCK) => {
                let words = format!("another process holds a lock on {DIRECTORY} (see lslocks(8))");
                return Err(Fault::of(&words, Errno::BUSY));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Makes namespaces up to the first that fails, and perhaps some after it: answers with what has become of them, by their
/// places. It is nearly all work of the kernel, which it does for several threads at once.
fn make_each(
    names: &[&NetnsName],
    own: u64,
) -> Result<BTreeMap<usize, Result<Namespace, Fault>>, Fault> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let take = || {
        // Whoever has taken a place makes it, so that none before one that fails is left out.
        let place = next.fetch_add(1, Ordering::Relaxed);
        let made = make(names.get(place)?, own);
        failed.fetch_or(made.is_err(), Ordering::Relaxed);
        Some((place, made))
    };
    let makers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAKERS)
        .min(names.len().div_ceil(WORTH_A_MAKER));
    thread::scope(|scope| {
        let work = || {
            std::iter::from_fn(|| (!failed.load(Ordering::Relaxed)).then(take)?).collect::<Vec<_>>()
        };
        let (mut started, mut refused) = (Vec::new(), None);
        for _ in 0..makers {
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(maker) => started.push(maker),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if started.is_empty() => Err(error.into()),
            Some(_) | None => Ok(started.into_iter().flat_map(joined).collect()),
        }
    })
}

/// Makes a namespace for the calling thread, which has to be one of its own, and gives it a name.
fn make(name: &NetnsName, own: u64) -> Result<Namespace, Fault> {
    if name.is_own() {
        return Err(Fault::from_answer(libc::EEXIST, &[]));
    }
    let path = path(name);
    if path.exists() && inode(name).is_none() {
        fs::remove_file(&path)?;
    }
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    rustix::fs::open(&path, flags, Mode::empty())?;
    let made = mount_new_namespace(&path)
        .and_then(|()| Namespace::around(File::open(&path)?))
        .and_then(|namespace| match namespace.inode == own {
            true => Err(io::Error::other("the new namespace is the old one").into()),
            false => Ok(namespace),
        });
    if made.is_err() {
        remove(&path)?;
    }
    made
}

#[allow(unsafe_code, reason = "unshare(2) has no safe form")]
fn mount_new_namespace(path: &PathBuf) -> Result<(), Fault> {
    // SAFETY: CLONE_NEWNET alone leaves the table of file descriptors, which safe code relies on, shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    rustix::mount::mount_bind("/proc/thread-self/ns/net", path)?;
    Ok(())
}

/// Lets the process have as many open files as its host grants: a namespace takes two, and one more where it is watched,
/// while processes start with a thousand for the sake of select(2).
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "limit of open files not raised");
    }
}

fn remove(path: &PathBuf) -> Result<(), Fault> {
    // Others may have mounted over it: whatever is on the name goes.
    while rustix::mount::unmount(path, UnmountFlags::DETACH).is_ok() {}
    fs::remove_file(path)?;
    Ok(())
}
