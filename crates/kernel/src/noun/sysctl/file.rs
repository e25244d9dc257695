//! The files of parameters, read and written as they are in the namespace of the calling thread.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use netstate::SysctlPath;
use netstate::sysctl::plain_value;

use crate::fault::Fault;

/// What opening or reading fails with where there is no parameter, one that can only be written, or one that has not been
/// set (`stable_secret`, net/ipv6/addrconf.c).
const ABSENT: [i32; 5] = [libc::ENOENT, libc::EISDIR, libc::ENOTDIR, libc::EACCES, libc::EIO];

/// Reads a parameter of the namespace of the calling thread; none where there is no such one to be read.
pub(crate) fn read(path: &SysctlPath) -> Result<Option<String>, Fault> {
    let mut value = String::new();
    let opened = File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(file(path));
    match opened.and_then(|mut file| file.read_to_string(&mut value)) {
        Ok(_) => Ok(Some(plain_value(&value))),
        Err(error) if ABSENT.map(Some).contains(&error.raw_os_error()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a parameter of the namespace of the calling thread.
pub(crate) fn write(path: &SysctlPath, value: &str) -> Result<(), Fault> {
    let mut file = File::options().write(true).custom_flags(libc::O_NOFOLLOW).open(file(path))?;
    // The kernel takes a value with one call; what a second would write is another value.
    let written = file.write(value.as_bytes())?;
    if written < value.len() {
        return Err(Fault::from_answer(libc::EINVAL, &[]));
    }
    Ok(())
}

pub(super) fn file(path: &SysctlPath) -> PathBuf {
    PathBuf::from("/proc/sys").join(path.as_str())
}
