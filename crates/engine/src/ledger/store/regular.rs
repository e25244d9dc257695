//! Regular files. The state directory contains nothing else.
//!
//! A directory, a FIFO, a socket, a device or a symbolic link with the name of a state file was
//! created by somebody else. The daemon does not know why, so it does not replace, rename or remove
//! it. It does not open it either, because that may take for ever.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// The text of the file at `path`; none if there is nothing.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    let mut file = match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Opens the regular file at `path`. Never waits.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Opening a device can have an effect, so the type of the file is checked before and after.
    check(path)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    require(file.metadata()?.file_type())?;
    Ok(file)
}

/// Fails if `path` exists and is not a regular file.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => require(metadata.file_type()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Replaces `error` by one that names the type of the file at `path`, if it is not a directory.
pub(crate) fn no_directory(path: &Path, error: io::Error) -> io::Error {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_dir() => {
            io::Error::other(format!("it is {} and not a directory", name(found.file_type())))
        }
        Ok(_) | Err(_) => error,
    }
}

fn require(found: FileType) -> io::Result<()> {
    match found.is_file() {
        true => Ok(()),
        false => Err(io::Error::other(format!("it is {} and not a regular file", name(found)))),
    }
}

fn name(found: FileType) -> &'static str {
    match found {
        found if found.is_file() => "a regular file",
        found if found.is_dir() => "a directory",
        found if found.is_symlink() => "a symbolic link",
        found if found.is_fifo() => "a FIFO",
        found if found.is_socket() => "a socket",
        _ => "a device",
    }
}
