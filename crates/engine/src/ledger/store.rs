//! The files of the state directory. Each file is replaced atomically.
//!
//! A document is JSON, `{"format": 1, "content": …}`. The store writes it to a file beside its
//! place, synchronises that file, renames it, and synchronises the directory. After a crash or a
//! loss of power, either the old or the new document is there. Only the owner can read the
//! directory. A lock on a file in it keeps a second daemon out.
//!
//! A store with files that the daemon can neither read nor keep is *frozen*: nothing in it changes.

pub(crate) mod disk;
mod regular;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Errors, Result};
use crate::ledger::store::disk::{Disk, private};

/// The format version of the documents that this program writes.
const FORMAT: u32 = 1;

/// A state directory that this process has locked.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    pub(crate) disk: Disk,
    /// Held as long as the store or a copy of it lives.
    _lock: Option<Arc<File>>,
    /// The reason why nothing in it may change.
    frozen: Option<Arc<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<T> {
    format: u32,
    content: T,
}

impl Store {
    /// Creates the directory if it is missing, and locks it. Fails only if another daemon holds the
    /// lock. If the directory cannot be created or locked, the store is frozen.
    pub(crate) fn open(dir: &Path) -> Result<Store> {
        let mut store = Store { dir: dir.into(), disk: Disk::default(), _lock: None, frozen: None };
        match make_dir(&store.disk, dir).and_then(|()| open_lock(dir)) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => store._lock = Some(Arc::new(lock)),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::StateDirInUse { path: dir.into() }.into());
                }
                Err(TryLockError::Error(source)) => {
                    store.freeze(&failed("lock", dir)(source).into());
                }
            },
            Err(errors) => store.freeze(&errors),
        }
        Ok(store)
    }

    /// Opens the directory without locking it.
    #[cfg(test)]
    pub(crate) fn beside(dir: &Path) -> Store {
        Store { dir: dir.into(), disk: Disk::default(), _lock: None, frozen: None }
    }

    /// Changes nothing in the directory from now on.
    pub(crate) fn freeze(&mut self, errors: &Errors) {
        if self.is_frozen() {
            return;
        }
        let dir = self.dir.display();
        let reason = errors.message();
        tracing::error!(%dir, reason, "the state directory is not changed from now on, and commits are refused");
        self.frozen = Some(reason.into());
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Fails if the store is frozen.
    pub(crate) fn require_writable(&self) -> Result<()> {
        match &self.frozen {
            Some(reason) => {
                let (path, reason) = (self.dir.clone(), reason.to_string());
                Err(Error::Frozen { path, reason }.into())
            }
            None => Ok(()),
        }
    }

    /// The content of a document; none if the file does not exist.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.text(name)?.map(|text| self.content(name, &text)).transpose()
    }

    /// Whether the file exists. An error counts as yes.
    pub(crate) fn holds(&self, name: &str) -> bool {
        let found = fs::symlink_metadata(self.dir.join(name));
        found.map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true)
    }

    /// The text of a file; none if the file does not exist.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let path = self.dir.join(name);
        match regular::read(&path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Err(self.corrupt(name, "it is not text".into()).into())
            }
            Err(error) => Err(failed("read", &path)(error).into()),
        }
    }

    /// The content of the document in `text`, which was read from the file `name`.
    pub(crate) fn content<'a, T: Deserialize<'a>>(&self, name: &str, text: &'a str) -> Result<T> {
        match serde_json::from_str(text) {
            Ok(Document { format: FORMAT, content }) => Ok(content),
            Ok(Document { format, content: _ }) => {
                let fault = format!("format {format} is not known to this version of Netloom");
                Err(self.corrupt(name, fault).into())
            }
            Err(error) => Err(self.corrupt(name, error.to_string()).into()),
        }
    }

    /// Replaces a document. Returns its size in bytes.
    pub(crate) fn write<T: Serialize>(&self, name: &str, content: &T) -> Result<usize> {
        self.draft(name, content)?.place()
    }

    /// Writes a document beside its place. It survives a loss of power there, but nobody reads it
    /// yet.
    pub(crate) fn draft<T: Serialize>(&self, name: &str, content: &T) -> Result<Draft> {
        let (draft, ()) = self.draft_with(name, |to| Ok(serde_json::to_writer(to, content)?))?;
        Ok(draft)
    }

    /// Writes a document beside its place; `write` writes its content as JSON, in pieces. Returns
    /// also the result of `write`.
    pub(crate) fn draft_with<T>(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
    ) -> Result<(Draft, T)> {
        self.require_writable()?;
        let beside = self.dir.join(format!("{name}.new"));
        let (store, place) = (self.clone(), self.dir.join(name));
        // A draft that cannot be written completely is removed: the disk may be full.
        let mut draft = Draft { store, beside, place, bytes: 0 };
        let written = self.disk.write(&draft.beside, |to| {
            write!(to, "{{\"format\":{FORMAT},\"content\":")?;
            let result = write(to)?;
            to.write_all(b"}")?;
            Ok(result)
        });
        let (bytes, result) = written.map_err(failed("write", &draft.beside))?;
        draft.bytes = bytes;
        Ok((draft, result))
    }

    /// Renames a document, and replaces a document of the new name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.require_writable()?;
        let (from, to) = (self.dir.join(from), self.dir.join(to));
        make_dir(&self.disk, to.parent().unwrap_or(&self.dir))?;
        self.disk.rename(&from, &to).map_err(failed("move", &from))?;
        self.synchronise(&to)?;
        self.synchronise(&from)
    }

    /// Keeps a file that cannot be read under another name, which ends in the transaction that
    /// replaces it. Returns that name. The file also stays in its place until it is replaced, so
    /// that it is never missing.
    pub(crate) fn set_aside(&self, name: &str, id: u64) -> Result<Option<String>> {
        self.require_writable()?;
        let path = self.dir.join(name);
        let kept = format!("{name}.unreadable-{id}");
        let place = self.dir.join(&kept);
        let inode = |path: &Path| fs::symlink_metadata(path).map(|found| found.ino());
        let link = || {
            regular::check(&path)?;
            match fs::hard_link(&path, &place) {
                // An earlier start may have kept the file and then been interrupted.
                Err(error)
                    if error.kind() == ErrorKind::AlreadyExists
                        && inode(&place)? == inode(&path)? =>
                {
                    Ok(())
                }
                linked => linked,
            }
        };
        match link() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            linked => linked.map_err(failed("keep", &path))?,
        }
        self.synchronise(&path)?;
        Ok(Some(kept))
    }

    /// Removes a document, if it exists.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.require_writable()?;
        let path = self.dir.join(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path)(error).into())
            }
            Ok(()) | Err(_) => self.synchronise(&path),
        }
    }

    /// The names of the files in a folder. The folder is created if it is missing.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.dir.join(folder);
        if !self.holds(folder) {
            let made = self.require_writable().and_then(|()| make_dir(&self.disk, &path));
            if let Err(errors) = made {
                tracing::warn!(errors = errors.describe(), "the folder cannot be created yet");
            }
            return Ok(Vec::new());
        }
        let names = || -> io::Result<Vec<String>> {
            let entries = fs::read_dir(&path)?;
            let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            names.collect()
        };
        let named = |error| regular::no_directory(&path, error);
        Ok(names().map_err(named).map_err(failed("list", &path))?)
    }

    /// The error for a document whose content is invalid.
    pub(crate) fn corrupt(&self, name: &str, fault: String) -> Error {
        Error::Corrupt { path: self.dir.join(name), fault }
    }

    /// Synchronises the directory of `path`, so that created and removed names survive a loss of
    /// power.
    fn synchronise(&self, path: &Path) -> Result<()> {
        let dir = path.parent().unwrap_or(&self.dir);
        Ok(self.disk.synchronise_folder(dir).map_err(failed("synchronise", dir))?)
    }
}

/// A document beside its place. If it is not put in its place, it is removed on drop.
#[derive(Debug)]
pub(crate) struct Draft {
    store: Store,
    beside: PathBuf,
    place: PathBuf,
    bytes: usize,
}

impl Draft {
    /// Puts it in its place atomically. Returns its size in bytes.
    pub(crate) fn place(self) -> Result<usize> {
        let moved = self.store.disk.rename(&self.beside, &self.place);
        moved.map_err(failed("replace", &self.place))?;
        self.store.synchronise(&self.place)?;
        Ok(self.bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // A draft in its place has no file here any more. An error does no harm: the next draft
        // replaces the file.
        let _gone = regular::check(&self.beside).and_then(|()| fs::remove_file(&self.beside));
    }
}

/// Opens the file to lock, or the directory itself if the file cannot be used. The file comes first
/// because any user who can read the directory can hold a lock on the directory.
fn open_lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let writable = regular::open(&path, private().create(true).truncate(false).write(true));
    // A read-only file system may have the file.
    let opened =
        writable.or_else(|error| regular::open(&path, private().read(true)).map_err(|_| error));
    match opened {
        Ok(lock) => Ok(lock),
        Err(error) => {
            let lock = path.display();
            tracing::warn!(%lock, %error, "the lock cannot be opened: the directory is locked instead");
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = rustix::fs::open(dir, flags, Mode::empty());
            Ok(opened.map_err(|errno| failed("open", dir)(errno.into()))?.into())
        }
    }
}

/// Creates a directory if it is missing, so that it survives a loss of power.
fn make_dir(disk: &Disk, path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| regular::no_directory(path, error)).map_err(failed("make", path))?;
    let above = path.parent().filter(|above| *above != Path::new(""));
    let above = above.unwrap_or(Path::new("."));
    Ok(disk.synchronise_folder(above).map_err(failed("synchronise", above))?)
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Storage { doing, path: path.into(), source }
}
