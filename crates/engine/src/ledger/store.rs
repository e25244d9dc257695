//! The files of the state directory. Each file is replaced atomically.
//!
//! A document is JSON, `{"format": 1, "content": …}`. The store writes it to a file beside its
//! place, synchronises that file, renames it, and synchronises the directory. After a crash or a
//! loss of power, either the old or the new document is there. Only the owner can read the
//! directory. A lock on a file in it keeps a second daemon out.

pub(crate) mod disk;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};
use crate::ledger::store::disk::{Disk, private};

/// The format version of the documents that this program writes.
const FORMAT: u32 = 1;

/// A state directory that this process has locked.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    pub(crate) disk: Disk,
    /// Held as long as the store or a copy of it lives.
    _lock: Arc<File>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<T> {
    format: u32,
    content: T,
}

impl Store {
    /// Creates the directory if it is missing, and locks it.
    pub(crate) fn open(dir: &Path) -> Result<Store> {
        let disk = Disk::default();
        make_dir(&disk, dir)?;
        let path = dir.join("lock");
        let lock = private().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Store { dir: dir.into(), disk, _lock: Arc::new(lock) }),
            Err(TryLockError::WouldBlock) => Err(Error::StateDirInUse { path: dir.into() }.into()),
            Err(TryLockError::Error(source)) => Err(failed("lock", &path)(source).into()),
        }
    }

    /// Opens the directory without locking it.
    #[cfg(test)]
    pub(crate) fn beside(dir: &Path) -> Store {
        let lock = Arc::new(File::open(dir.join("lock")).unwrap());
        Store { dir: dir.into(), disk: Disk::default(), _lock: lock }
    }

    /// The content of a document; none if the file does not exist.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.text(name)?.map(|text| self.content(name, &text)).transpose()
    }

    /// Whether the file exists. An error counts as yes.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.dir.join(name).try_exists().unwrap_or(true)
    }

    /// The text of a file; none if the file does not exist.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let path = self.dir.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
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
        let beside = self.dir.join(format!("{name}.new"));
        let document = Document { format: FORMAT, content };
        let (store, place) = (self.clone(), self.dir.join(name));
        // A draft that cannot be written completely is removed: the disk may be full.
        let mut draft = Draft { store, beside, place, bytes: 0 };
        let written =
            self.disk.write(&draft.beside, |to| Ok(serde_json::to_writer(to, &document)?));
        draft.bytes = written.map_err(failed("write", &draft.beside))?;
        Ok(draft)
    }

    /// Renames a document, and replaces a document of the new name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.dir.join(from), self.dir.join(to));
        self.disk.rename(&from, &to).map_err(failed("move", &from))?;
        self.synchronise(&to)?;
        self.synchronise(&from)
    }

    /// Keeps a file that cannot be read under another name, which ends in the transaction that
    /// replaces it. Returns that name. The file also stays in its place until it is replaced, so
    /// that it is never missing.
    pub(crate) fn set_aside(&self, name: &str, id: u64) -> Result<Option<String>> {
        let path = self.dir.join(name);
        let kept = format!("{name}.unreadable-{id}");
        match fs::hard_link(&path, self.dir.join(&kept)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // An interrupted start has kept it already.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked.map_err(failed("keep", &path))?,
        }
        self.synchronise(&path)?;
        Ok(Some(kept))
    }

    /// Removes a document, if it exists.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.dir.join(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path)(error).into())
            }
            Ok(()) | Err(_) => self.synchronise(&path),
        }
    }

    /// The names of the files in a folder, which is created if it is missing.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.dir.join(folder);
        make_dir(&self.disk, &path)?;
        let names = || -> io::Result<Vec<String>> {
            let entries = fs::read_dir(&path)?;
            let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            names.collect()
        };
        Ok(names().map_err(failed("list", &path))?)
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
        // If the document was put in its place, this file does not exist any more. If it stays, it
        // does no harm.
        let _gone = fs::remove_file(&self.beside);
    }
}

/// Creates a directory if it is missing, so that it survives a loss of power.
fn make_dir(disk: &Disk, path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(failed("make", path))?;
    let above = path.parent().filter(|above| *above != Path::new(""));
    let above = above.unwrap_or(Path::new("."));
    Ok(disk.synchronise_folder(above).map_err(failed("synchronise", above))?)
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Storage { doing, path: path.into(), source }
}
