//! The user's files: read within bounds, and replaced as a whole.
//!
//! A file is written beside the old one and then renamed, so a full disk or a loss of power leaves the old content.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process;

use rustix::fs::{Access, OFlags, access, fcntl_setfl};

/// The largest file that is read. The daemon takes messages of the same size.
const LARGEST: u64 = 256 << 20;

/// The byte order mark, which some editors write at the start of a file.
const BOM: char = '\u{feff}';

/// The text of a regular file, without a byte order mark.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    // Without a writer, to open a FIFO would block.
    let file = OpenOptions::new().read(true).custom_flags(nonblocking()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(invalid(format!("is {}: only regular files are loaded", kind(&metadata))));
    }
    let mut bytes = Vec::new();
    // Files of the kernel have no size, so the size is only known once the file is read.
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(invalid(format!("has more than {} MiB", LARGEST >> 20)));
    }
    text(bytes)
}

/// UTF-8 text without a byte order mark.
fn text(bytes: Vec<u8>) -> io::Result<String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(invalid("is UTF-16 text, not UTF-8: convert it with iconv(1)"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
        invalid(format!("line {line} is not UTF-8 text"))
    })?;
    Ok(without_bom(&text).map(str::to_owned).unwrap_or(text))
}

/// The text after a byte order mark. None if there is no mark.
pub(crate) fn without_bom(text: &str) -> Option<&str> {
    text.strip_prefix(BOM)
}

/// Replaces the content of a file, or creates it. The file keeps its mode and its owner. A symbolic link is followed.
pub(crate) fn write(path: &Path, content: &str) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(invalid("is a directory")),
        Ok(metadata) if metadata.is_file() => {
            // The mode of a file protects it, although its folder may be written.
            access(path, Access::WRITE_OK)?;
            replace(&fs::canonicalize(path)?, Some(&metadata), content)
        }
        // A device or a FIFO has no content that could be lost.
        Ok(_) => pour(path, content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            replace(&target(path)?, None, content)
        }
        Err(error) => Err(error),
    }
}

/// Where a symbolic link to nothing points to.
fn target(path: &Path) -> io::Result<PathBuf> {
    /// As many as the kernel follows (path_resolution(7)).
    const LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder(&target).join(next),
            // The name of no symbolic link.
            Err(_) => return Ok(target),
        }
    }
    Err(invalid("is a symbolic link to itself"))
}

fn replace(path: &Path, old: Option<&Metadata>, content: &str) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path).map_err(|error| {
        let folder = folder(path).display().to_string();
        let reason = format!("the new file cannot be written beside it, in {folder}: {error}");
        io::Error::new(error.kind(), reason)
    })?;
    let mut written = || {
        if let Some(old) = old {
            keep_attributes(&file, old)?;
        }
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    })?;
    // The content is safe. A folder that cannot be synchronised only delays the new name.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// A new file in the same folder, under a name that no other file has.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut attempt = 0;
    loop {
        let name = format!(".netloom-save-{}-{attempt}", process::id());
        let temporary = folder(path).join(name);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            created => return Ok((temporary, created?)),
        }
    }
}

fn keep_attributes(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid())).map_err(|error| {
            let reason =
                format!("its owner or group cannot be kept, and it stays as it was: {error}");
            io::Error::new(error.kind(), reason)
        })?;
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
}

/// Writes to a device, or to a FIFO that somebody reads.
fn pour(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).custom_flags(nonblocking()).open(path)?;
    fcntl_setfl(&file, OFlags::empty())?;
    file.write_all(content.as_bytes())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "no regular file"
    }
}

fn nonblocking() -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn what_is_read_is_text_of_a_regular_file() {
        let folder = folder();
        let path = folder.path().join("file");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("a file");
            super::read(&path).map_err(|error| error.to_string())
        };
        assert_eq!(read(b"mtu 1400"), Ok("mtu 1400".into()));
        assert_eq!(read("\u{feff}mtu 1400".as_bytes()), Ok("mtu 1400".into()));
        assert_eq!(read(b"a\nb\xff"), Err("line 2 is not UTF-8 text".into()));
        assert!(read(b"\xff\xfea\0").is_err_and(|error| error.starts_with("is UTF-16 text")));
        let refused = |path: &str| super::read(Path::new(path)).expect_err(path).to_string();
        assert_eq!(refused("/dev/zero"), "is a device: only regular files are loaded");
        assert_eq!(refused("/"), "is a directory: only regular files are loaded");
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).expect("a FIFO");
        let error = super::read(&fifo).expect_err("a FIFO is refused");
        assert_eq!(error.to_string(), "is a FIFO: only regular files are loaded");
        let error = super::write(&fifo, "x").expect_err("nobody reads the FIFO");
        assert_eq!(error.raw_os_error(), Some(libc_enxio()));
        let large = folder.path().join("large");
        File::create(&large).and_then(|file| file.set_len(LARGEST + 1)).expect("a sparse file");
        assert_eq!(
            super::read(&large).expect_err("it is large").to_string(),
            "has more than 256 MiB"
        );
    }

    fn libc_enxio() -> i32 {
        rustix::io::Errno::NXIO.raw_os_error()
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_where_its_links_point() {
        let folder = folder();
        let [path, link, other] = ["file", "link", "other"].map(|name| folder.path().join(name));
        let content = |path: &Path| fs::read_to_string(path).expect("a file");
        write(&path, "new").expect("a new file");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
        symlink("file", &link).expect("a link");
        write(&link, "newer").expect("the file behind the link");
        assert_eq!(content(&path), "newer");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        let mode = fs::metadata(&path).expect("the file").mode();
        assert_eq!(mode & 0o7777, 0o640);

        fs::remove_file(&path).expect("the file goes");
        symlink("link", &other).expect("a link to a link");
        write(&other, "again").expect("what the links point to");
        assert_eq!(content(&path), "again");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 3);

        let error = write(folder.path(), "x").expect_err("a directory");
        assert_eq!(error.to_string(), "is a directory");
        let nowhere = folder.path().join("no/where");
        let error = write(&nowhere, "x").expect_err("no folder").to_string();
        assert!(error.starts_with("the new file cannot be written beside it, in "), "{error}");
        write(Path::new("/dev/null"), "x").expect("a device");
    }
}
