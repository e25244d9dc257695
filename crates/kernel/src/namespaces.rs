//! Network namespaces: the one in which the process was started, called `1`, and those with a name
//! in `/run/netns`.
//!
//! They are created as ip-netns(8) does it: the namespace is bind-mounted on a file, so that other
//! programs find it. A file without such a mount, as a crash may leave it, is no namespace. Handles
//! stay open. Before use, the name is looked up again, because others may have removed or replaced
//! the namespace.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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

/// The directory of the namespaces' names.
pub(crate) const DIRECTORY: &str = "/run/netns";

/// The longest wait for a lock on the directory.
const LOCK: Duration = Duration::from_secs(1);

/// The maximum number of threads that create namespaces, and the number of namespaces that justify
/// another thread.
const MAKERS: usize = 4;
const WORTH_A_MAKER: usize = 16;

/// An open namespace.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Its file in nsfs.
    pub(crate) file: File,
    /// The inode of that file, which identifies the namespace.
    pub(crate) inode: u64,
    /// A socket inside.
    pub(crate) socket: NetlinkSocket,
    /// The parameters that the kernel stores in another form: the written value, and the stored
    /// one.
    pub(crate) kept: BTreeMap<SysctlPath, [String; 2]>,
}

/// Every namespace that has been used and still exists.
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

    /// The namespace of that name, if it exists.
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

    /// Whether a namespace of that name exists.
    pub(crate) fn exists(&self, name: &NetnsName) -> bool {
        name.is_own() || inode(name).is_some()
    }

    /// Opens those of the namespaces that exist, all on one thread. A thread for each would take
    /// longer than the rest of the work, especially on a busy host.
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

    /// Another handle of the namespace called `1`.
    pub(crate) fn own_file(&self) -> Result<File, Fault> {
        Ok(self.own.file.try_clone()?)
    }

    /// The names of all namespaces, `1` first. Handles of removed namespaces are closed, because
    /// they would keep the namespaces alive.
    pub(crate) fn names(&mut self) -> Vec<NetnsName> {
        let present = list();
        self.named.retain(|name, namespace| present.get(name) == Some(&namespace.inode));
        std::iter::once(NetnsName::own()).chain(present.into_keys()).collect()
    }

    /// Creates named namespaces. An error contains the index of the first one that failed. All
    /// before it exist then, and none after it.
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

    /// Removes the name of a namespace. The namespace ends with its last handle.
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
    open(&path(name))
}

/// Runs `work` on a new thread in the namespace of `file`. All other threads of the process stay in
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

/// Runs `work` in a new namespace without a name, which ends with it.
pub(crate) fn inside_new<T: Send>(
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> Result<T, Fault> {
    scratch(|| {
        unshare()?;
        work()
    })
}

/// Moves the calling thread into a namespace. The thread must not do anything else afterwards.
fn enter(file: &File) -> Result<(), Fault> {
    let network = Some(LinkNameSpaceType::Network);
    Ok(rustix::thread::move_into_link_name_space(file.as_fd(), network)?)
}

/// The inode of the namespace of that name; none if no namespace is mounted there.
fn inode(name: &NetnsName) -> Option<u64> {
    let path = path(name);
    // Only the process's own namespace has the name `1`, so a file of this name is ignored.
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

/// The result of a thread. If the thread has panicked, this panics too.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Makes the mounts below the directory shared, as ip-netns(8) does. Otherwise a namespace that is
/// removed here would stay alive in other mount namespaces.
fn share_directory() -> Result<(), Fault> {
    if !Path::new(DIRECTORY).is_dir() {
        fs::create_dir_all(DIRECTORY)?;
        // All users may list the names, whatever the umask of the daemon.
        fs::set_permissions(DIRECTORY, Permissions::from_mode(0o755))?;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(DIRECTORY, flags, Mode::empty())?);
    lock(&directory)?;
    let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    if rustix::mount::mount_change(DIRECTORY, shared).is_err() {
        rustix::mount::mount_bind_recursive(DIRECTORY, DIRECTORY)?;
        rustix::mount::mount_change(DIRECTORY, shared)?;
    }
    Ok(())
}

/// Takes the lock that ip-netns(8) uses for this as well. Everybody who can read the directory can
/// hold that lock for ever, so the wait is short. The kernel has no way to wait with a timeout, so
/// the lock is polled.
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

/// Creates namespaces up to the first failure, and perhaps some after it. Returns the result of
/// each, with its index. Almost all the time is spent in the kernel, which can do this on several
/// threads at once.
fn make_each(
    names: &[&NetnsName],
    own: u64,
) -> Result<BTreeMap<usize, Result<Namespace, Fault>>, Fault> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let take = || {
        // A thread that has taken an index creates that namespace, so that none before a failed one
        // is left out.
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

/// Creates a named namespace on the calling thread, which must be a short-lived one.
fn make(name: &NetnsName, own: u64) -> Result<Namespace, Fault> {
    if name.is_own() {
        return Err(Fault::from_answer(libc::EEXIST, &[]));
    }
    let path = path(name);
    if inode(name).is_none() {
        remove_leftover(&path)?;
    }
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    rustix::fs::open(&path, flags, Mode::empty())?;
    let made = mount_new_namespace(&path).and_then(|()| Namespace::around(open(&path)?)).and_then(
        |namespace| match namespace.inode == own {
            true => Err(io::Error::other("the new namespace is the old one").into()),
            false => Ok(namespace),
        },
    );
    if made.is_err() {
        remove(&path)?;
    }
    made
}

/// Removes the empty file that a crash leaves of a namespace. Anything else is somebody else's.
fn remove_leftover(path: &Path) -> Result<(), Fault> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && found.len() == 0 => Ok(fs::remove_file(path)?),
        Ok(_) => {
            let words = format!("{} is there and is not a namespace", path.display());
            Err(Fault::of(&words, Errno::EXIST))
        }
        Err(_) => Ok(()),
    }
}

fn mount_new_namespace(path: &PathBuf) -> Result<(), Fault> {
    unshare()?;
    rustix::mount::mount_bind("/proc/thread-self/ns/net", path)?;
    Ok(())
}

/// Moves the calling thread into a new namespace. The thread must not do anything else afterwards.
#[allow(unsafe_code, reason = "unshare(2) has no safe form")]
fn unshare() -> Result<(), Fault> {
    // SAFETY: CLONE_NEWNET alone does not unshare the table of file descriptors, on which safe code
    // relies.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?)
}

/// Raises the limit of open files to the maximum of the host. A namespace takes two, and one more
/// if it is watched. The default limit is 1024, for the sake of select(2).
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "limit of open files not raised");
    }
}

/// Removes a name and the namespace on it, or neither.
fn remove(path: &Path) -> Result<(), Fault> {
    let kept = open(path);
    // Others may have mounted over it. All mounts on the name are removed.
    let mounts = std::iter::from_fn(|| rustix::mount::unmount(path, UnmountFlags::DETACH).ok());
    let mounts = mounts.count();
    let Err(error) = fs::remove_file(path) else { return Ok(()) };
    if let (Ok(namespace), 1..) = (kept, mounts) {
        let again = format!("/proc/self/fd/{}", namespace.as_raw_fd());
        if let Err(errno) = rustix::mount::mount_bind(again, path) {
            tracing::error!(path = %path.display(), %errno, "namespace not mounted again");
        }
    }
    Err(error.into())
}

/// Opens the namespace at a path. Does not wait, whatever is there instead, such as a FIFO.
fn open(path: &Path) -> Result<File, Fault> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    match rustix::fs::fstatfs(&file)?.f_type {
        libc::NSFS_MAGIC => Ok(file.into()),
        _ => Err(Fault::of(&format!("{} is not a namespace", path.display()), Errno::NOENT)),
    }
}
