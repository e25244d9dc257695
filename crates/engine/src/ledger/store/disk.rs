//! The operations that change files, all in one place, so that a test can make each of them fail.
//!
//! A write or a rename survives a loss of power only after a synchronisation. A file's content
//! needs that of the file, and its name that of the folder.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::ledger::store::regular;

/// The disk that holds the files. Copies are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) faults: Faults,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation<'a> {
    Write(&'a Path),
    Synchronise(&'a Path),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    SynchroniseFolder(&'a Path),
}

impl Disk {
    /// Replaces the content of a file, and synchronises it. Returns the size in bytes, and the result
    /// of `content`.
    pub(crate) fn write<T>(
        &self,
        path: &Path,
        content: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
    ) -> io::Result<(usize, T)> {
        let (mut file, result) = self.perform(Operation::Write(path), || {
            let mut writer = BufWriter::new(create(path)?);
            let result = content(&mut writer)?;
            Ok((writer.into_inner()?, result))
        })?;
        self.perform(Operation::Synchronise(path), || file.sync_all())?;
        let bytes = usize::try_from(file.stream_position()?).unwrap_or(usize::MAX);
        Ok((bytes, result))
    }

    /// Renames a file, and replaces a file of the new name.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.perform(Operation::Rename(from, to), || {
            regular::check(from)?;
            regular::check(to)?;
            fs::rename(from, to)
        })
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.perform(Operation::Remove(path), || {
            // A read-only file system returns EROFS even if the file does not exist.
            fs::symlink_metadata(path)?;
            regular::check(path)?;
            fs::remove_file(path)
        })
    }

    /// Synchronises a folder, so that created and removed names survive a loss of power.
    pub(crate) fn synchronise_folder(&self, folder: &Path) -> io::Result<()> {
        self.perform(Operation::SynchroniseFolder(folder), || File::open(folder)?.sync_all())
    }

    fn perform<T>(
        &self,
        operation: Operation<'_>,
        act: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        tracing::trace!(%operation);
        #[cfg(test)]
        return self.faults.strike(operation, act);
        #[cfg(not(test))]
        act()
    }
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Write(path) => write!(f, "write {}", path.display()),
            Operation::Synchronise(path) | Operation::SynchroniseFolder(path) => {
                write!(f, "synchronise {}", path.display())
            }
            Operation::Rename(from, to) => write!(f, "move {} to {}", from.display(), to.display()),
            Operation::Remove(path) => write!(f, "remove {}", path.display()),
        }
    }
}

/// Creates a file. A file that an earlier attempt has left is replaced. No existing file is opened.
fn create(path: &Path) -> io::Result<File> {
    let create = || private().create_new(true).write(true).open(path);
    match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            regular::check(path)?;
            fs::remove_file(path)?;
            create()
        }
        created => created,
    }
}

/// Files can be read only by their owner.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
pub(crate) use faults::{Faults, Injected};

#[cfg(test)]
mod faults {
    use std::fmt;
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::Operation;

    /// How an operation fails, and with which errno.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Injected {
        /// The operation has no effect.
        Refused(i32),
        /// The operation takes effect, but reports an error.
        Done(i32),
    }

    type Judge = dyn FnMut(Operation<'_>) -> Option<Injected> + Send;

    /// Decides which operations fail; none at first.
    #[derive(Clone, Default)]
    pub(crate) struct Faults {
        judge: Arc<Mutex<Option<Box<Judge>>>>,
    }

    impl Faults {
        pub(crate) fn set(
            &self,
            judge: impl FnMut(Operation<'_>) -> Option<Injected> + Send + 'static,
        ) {
            *self.judge.lock().unwrap() = Some(Box::new(judge));
        }

        pub(crate) fn clear(&self) {
            *self.judge.lock().unwrap() = None;
        }

        pub(super) fn strike<T>(
            &self,
            operation: Operation<'_>,
            act: impl FnOnce() -> io::Result<T>,
        ) -> io::Result<T> {
            let strike = self.judge.lock().unwrap().as_mut().and_then(|judge| judge(operation));
            match strike {
                None => act(),
                Some(Injected::Refused(errno)) => Err(io::Error::from_raw_os_error(errno)),
                Some(Injected::Done(errno)) => {
                    act()?;
                    Err(io::Error::from_raw_os_error(errno))
                }
            }
        }
    }

    impl fmt::Debug for Faults {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Faults")
        }
    }
}
