//! Reading and writing the files of parameters, in the namespace of the calling thread.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use netstate::SysctlPath;
use netstate::sysctl::plain_value;
use rustix::io::Errno;

use crate::fault::Fault;

/// The errors for a parameter that does not exist, can only be written, or has not been set
/// (`stable_secret`, net/ipv6/addrconf.c).
const ABSENT: [i32; 5] = [libc::ENOENT, libc::EISDIR, libc::ENOTDIR, libc::EACCES, libc::EIO];

/// The longest tick of the kernel's clock (`CONFIG_HZ_100`), in milliseconds.
const TICK: u64 = 10;

/// Reads a parameter in the namespace of the calling thread; none if there is nothing to read.
pub(crate) fn read(path: &SysctlPath) -> Result<Option<String>, Fault> {
    let mut value = String::new();
    let opened = File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(file(path));
    match opened.and_then(|mut file| file.read_to_string(&mut value)) {
        Ok(_) => Ok(Some(plain_value(&value))),
        Err(error) if ABSENT.map(Some).contains(&error.raw_os_error()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a parameter in the namespace of the calling thread. If the kernel stores the value in
/// another form (sorted, rounded, or limited), that form is returned. The kernel does not change
/// such a form when it is written.
pub(crate) fn write(path: &SysctlPath, value: &str) -> Result<Option<String>, Fault> {
    let before = read(path)?;
    if let Some(before) = &before
        && let (Some(has), Some(given)) = (row(before), row(value))
        && !has.is_empty()
        && !given.is_empty()
        && given.len() != has.len()
    {
        let plural = if has.len() == 1 { "" } else { "s" };
        let (has, given) = (has.len(), given.len());
        let words = format!("the parameter has {has} number{plural}, not {given}: {before}");
        return Err(Fault::of(&words, Errno::INVAL));
    }
    put(path, value)?;
    let Some(kept) = read(path)?.filter(|kept| *kept != plain_value(value)) else {
        return Ok(None);
    };
    if before.as_ref() == Some(&kept) && !is_same_value(&kept, value) {
        let words = format!("the kernel ignores {value} and keeps {kept}");
        return Err(Fault::of(&words, Errno::INVAL));
    }
    put(path, &kept)?;
    match read(path)? {
        Some(again) if again == kept => Ok(Some(kept)),
        again => {
            let again = again.unwrap_or_default();
            let words = format!(
                "the kernel does not keep a value: {value} became {kept}, and {kept} became {again}"
            );
            Err(Fault::of(&words, Errno::INVAL))
        }
    }
}

fn put(path: &SysctlPath, value: &str) -> Result<(), Fault> {
    let mut file = File::options().write(true).custom_flags(libc::O_NOFOLLOW).open(file(path))?;
    // A line, because an empty line empties a list and an empty write does not. It needs one call,
    // because a second call would write another value.
    let line = format!("{value}\n");
    let written = file.write(line.as_bytes())?;
    if written < value.len() {
        return Err(Fault::from_answer(libc::EINVAL, &[]));
    }
    Ok(())
}

/// A number as the kernel reads it: `0x` begins a hexadecimal one, and `0` an octal one
/// (`strtoul_lenient`, kernel/sysctl.c).
fn number(word: &str) -> Option<i64> {
    let (sign, digits) = word.strip_prefix('-').map_or((1, word), |digits| (-1, digits));
    let number = match (digits.strip_prefix("0x"), digits.strip_prefix('0')) {
        (Some(hexadecimal), _) => i64::from_str_radix(hexadecimal, 16),
        (None, Some(octal)) if !octal.is_empty() => i64::from_str_radix(octal, 8),
        (None, _) => digits.parse(),
    };
    number.ok().map(|number| sign * number)
}

/// The numbers of a value that has nothing else. The kernel takes fewer than a parameter has, and
/// sets only the first ones. It also takes more, and ignores the last ones (`do_proc_dointvec`,
/// kernel/sysctl.c).
fn row(value: &str) -> Option<Vec<i64>> {
    value.split_whitespace().map(number).collect()
}

/// Whether the kernel regards two values as the same, as far as this can be determined: the same
/// numbers in other bases, the same list in another order or with merged ranges, or milliseconds
/// that differ by less than a tick of the kernel's clock.
fn is_same_value(kept: &str, value: &str) -> bool {
    match (row(kept).as_deref(), row(value).as_deref()) {
        (Some([kept]), Some([value])) => kept.abs_diff(*value) <= TICK,
        (Some(kept), Some(value)) => kept == value,
        (Some(_) | None, _) => list(kept) == list(value),
    }
}

/// The parts of a list in order: the numbers as ranges, which are merged (`proc_do_large_bitmap`,
/// kernel/sysctl.c), and the words.
fn list(text: &str) -> (Vec<(i64, i64)>, Vec<&str>) {
    let (mut ranges, mut words) = (Vec::new(), Vec::new());
    let separates = |c: char| c == ',' || c.is_whitespace();
    for part in text.split(separates).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (number(first), number(last)) {
            (Some(first), Some(last)) => ranges.push((first, last)),
            _ => words.push(part),
        }
    }
    ranges.sort_unstable();
    words.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            Some(_) | None => joined.push((first, last)),
        }
    }
    (joined, words)
}

pub(super) fn file(path: &SysctlPath) -> PathBuf {
    PathBuf::from("/proc/sys").join(path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_the_kernel_regards_as_equal() {
        for (kept, value, alike) in [
            ("148,8080", "8080,148", true),
            ("8080-8081,9090", "9090,8081,8080", true),
            ("8080-8090", "8080-8085 8086-8090", true),
            ("8080", "8080,9090", false),
            ("1000", "1001", true),
            ("1000", "2000", false),
            ("reno cubic", "cubic reno", true),
            ("", "1", false),
            ("16", "0x10", true),
            ("7", "007", true),
            ("-16", "-0x10", true),
            ("4096 131072", "0x1000 0400000", true),
            ("16", "0x40", false),
            ("7", "", false),
            ("8080-8090", "0x1f90-8090", true),
            ("1 2 3", "3 2 1", false),
        ] {
            assert_eq!(is_same_value(kept, value), alike, "{kept} for {value}");
        }
    }
}
