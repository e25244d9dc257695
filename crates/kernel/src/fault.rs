//! The kernel's refusal: the message of its extended acknowledgement, and the name and text of the
//! error.

use std::fmt;
use std::io;

use netstate::attribute::{Value, iterate};

use crate::uapi::{NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS};

/// The reason why the kernel refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// errno(3), positive.
    pub(crate) errno: i32,
    /// `NLMSGERR_ATTR_MSG`.
    words: Option<String>,
    /// `NLMSGERR_ATTR_OFFS`: the offset of the faulty attribute in the request.
    pub(crate) offset: Option<u32>,
}

impl Fault {
    /// From an answer's error number and attributes.
    pub(crate) fn from_answer(errno: i32, attributes: &[u8]) -> Self {
        let mut fault = Fault { errno, words: None, offset: None };
        for (number, value) in iterate(attributes).map_while(Result::ok) {
            match number {
                NLMSGERR_ATTR_MSG => fault.words = String::take(value),
                NLMSGERR_ATTR_OFFS => fault.offset = u32::take(value),
                _ => {}
            }
        }
        fault
    }

    /// Adds a description to the error, if it does not concern the object of the request.
    pub(crate) fn of(what: &str, error: impl Into<Fault>) -> Self {
        Fault { words: Some(what.into()), ..error.into() }
    }

    /// Whether the requested object does not exist.
    pub(crate) fn is_absence(&self) -> bool {
        [libc::ENODEV, libc::ENOENT, libc::ESRCH, libc::ENXIO].contains(&self.errno)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno) => Fault { errno, words: None, offset: None },
            None => Fault { errno: 0, words: Some(error.to_string()), offset: None },
        }
    }
}

impl From<rustix::io::Errno> for Fault {
    fn from(errno: rustix::io::Errno) -> Self {
        Fault { errno: errno.raw_os_error(), words: None, offset: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = io::Error::from_raw_os_error(self.errno).to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let name = error_name(self.errno);
        match &self.words {
            Some(words) if self.errno == 0 => f.write_str(words),
            Some(words) => write!(f, "{} ({name}: {text})", words.trim_end_matches('.')),
            None => write!(f, "{text} ({name})"),
        }
    }
}

macro_rules! error_names {
    ($($name:ident)*) => {
        fn error_name(errno: i32) -> String {
            match errno {
                $(libc::$name => stringify!($name).into(),)*
                other => format!("error {other}"),
            }
        }
    };
}

// The errors of rtnetlink, network drivers and files below /proc/sys.
error_names! {
    EPERM ENOENT EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR
    EINVAL ENFILE EMFILE ENOTTY EFBIG ENOSPC EROFS EMLINK EDOM ERANGE EDEADLK ENAMETOOLONG ENOSYS ELOOP ENOMSG
    EOPNOTSUPP EPROTONOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENOBUFS EISCONN
    ENOTCONN ETIMEDOUT EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS EMSGSIZE EPROTO EOVERFLOW EUSERS EDQUOT
    ENOTUNIQ ESRCH
}

#[cfg(test)]
mod tests {
    use netstate::attribute::put_value;

    use super::*;

    #[test]
    fn the_kernels_own_words_come_first() {
        let mut attributes = Vec::new();
        put_value(&mut attributes, NLMSGERR_ATTR_MSG, &"Nexthop has invalid gateway.\0".to_owned());
        put_value(&mut attributes, NLMSGERR_ATTR_OFFS, &28u32);
        let fault = Fault::from_answer(libc::ENETUNREACH, &attributes);
        let words = "Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)";
        assert_eq!((fault.to_string().as_str(), fault.offset), (words, Some(28)));
        let fault = Fault::from_answer(libc::EEXIST, &[]);
        assert_eq!(fault.to_string(), "File exists (EEXIST)");
    }
}
