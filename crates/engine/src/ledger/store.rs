//! The files of the state directory: each is replaced whole or not at all.
//!
//! A document is JSON, `{"format": 1, "content": …}`. It is written beside its place, synchronised, renamed into
//! place, and the directory is synchronised: after a crash or a loss of power the old or the new one is there.
//! The directory is for its owner's eyes only, and a lock on a file in it keeps a second daemon out.

pub(crate) mod disk;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};
use crate::ledger::store::disk::{Disk, private};

/// The version of the documents' form that this program writes.
const FORMAT: u32 = 1;

/// A state directory, held by this process.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    pub(crate) disk: Disk,
    /// Held for as long as the store or a copy of it lives.
    _lock: Arc<File>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<T> {
    format: u32,
    content: T,
}

impl Store {
    /// Makes the directory where it is missing, and takes it.
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

    /// The directory, as one who does not ask whose it is has it.
    #[cfg(test)]
    pub(crate) fn beside(dir: &Path) -> Store {
        let lock = Arc::new(File::open(dir.join("lock")).unwrap());
        Store { dir: dir.into(), disk: Disk::default(), _lock: lock }
    }

    /// A document's content; none where there is no such file.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.text(name)?.map(|text| self.content(name, &text)).transpose()
    }

    /// Whether there is such a file, or may be.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.dir.join(name).try_exists().unwrap_or(true)
    }

    /// The text of a file; none where there is no such file.
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

    /// The content of the document that `text`, read from the file `name`, is.
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

    /// Replaces a document; answers how many bytes it has.
    pub(crate) fn write<T: Serialize>(&self, name: &str, content: &T) -> Result<usize> {
        self.draft(name, content)?.place()
    }

    /// Writes a document beside its place, where it survives a loss of power but is not looked for.
    pub(crate) fn draft<T: Serialize>(&self, name: &str, content: &T) -> Result<Draft> {
        let beside = self.dir.join(format!("{name}.new"));
        let document = Document { format: FORMAT, content };
        let (store, place) = (self.clone(), self.dir.join(name));
        // One that cannot be written whole goes too: the disk may be full.
        let mut draft = Draft { store, beside, place, bytes: 0 };
        let written =
            self.disk.write(&draft.beside, |to| Ok(serde_json::to_writer(to, &document)?));
        draft.bytes = written.map_err(failed("write", &draft.beside))?;
        Ok(draft)
    }

    /// Moves a document to another name, where it replaces what was there.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.dir.join(from), self.dir.join(to));
        self.disk.rename(&from, &to).map_err(failed("move", &from))?;
        self.synchronise(&to)?;
        self.synchronise(&from)
    }

    /// Keeps a file that cannot be read under another name, which ends in the transaction that takes its place; answers
    /// with that name. The file stays where it is until it is replaced, so that there is no moment without it.
    pub(crate) fn set_aside(&self, name: &str, id: u64) -> Result<Option<String>> {
        let path = self.dir.join(name);
        let kept = format!("{name}.unreadable-{id}");
        match fs::hard_link(&path, self.dir.join(&kept)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // A start that was cut short has kept it already.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked.map_err(failed("keep", &path))?,
        }
        self.synchronise(&path)?;
        Ok(Some(kept))
    }

    /// Removes a document, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.dir.join(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path)(error).into())
            }
            Ok(()) | Err(_) => self.synchronise(&path),
        }
    }

    /// The names of the files in a folder, which is made where it is missing.
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

    /// The error of a document whose content makes no sense.
    pub(crate) fn corrupt(&self, name: &str, fault: String) -> Error {
        Error::Corrupt { path: self.dir.join(name), fault }
    }

    /// Makes names that came to or went from the directory of `path` survive a loss of power.
    fn synchronise(&self, path: &Path) -> Result<()> {
        let dir = path.parent().unwrap_or(&self.dir);
        Ok(self.disk.synchronise_folder(dir).map_err(failed("synchronise", dir))?)
    }
}

/// A document beside its place. What is not put there goes.
#[derive(Debug)]
pub(crate) struct Draft {
    store: Store,
    beside: PathBuf,
    place: PathBuf,
    bytes: usize,
}

impl Draft {
    /// Puts it in its place, whole or not at all; answers how many bytes it has.
    pub(crate) fn place(self) -> Result<usize> {
        let moved = self.store.disk.rename(&self.beside, &self.place);
        moved.map_err(failed("replace", &self.place))?;
        self.store.synchronise(&self.place)?;
        Ok(self.bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Put in its place, it is not there any more; and what is left there is in nobody's way.
        let _gone = fs::remove_file(&self.beside);
    }
}

/// Makes a directory where it is missing, so that it is there after a loss of power.
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
