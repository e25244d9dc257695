//! One owner per network namespace: two programs that both converge the same kernel would undo each other's work.
//!
//! The claim is an abstract unix socket, because these names belong to the network namespace. The kernel frees the
//! name when the process ends, however it ends, and says which process listens.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

/// The name of the socket.
const NAME: &str = "netloomd";

/// The right to configure the network namespace of this process, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    _listener: UnixListener,
}

/// Why the network namespace could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another process has it.
    #[error("this network namespace is in use by another netloomd{}", .0.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Taken(Option<i32>),
    /// A system call failed.
    #[error("the network namespace cannot be claimed")]
    Io(#[from] io::Error),
}

impl Claim {
    /// Claims the network namespace of this process.
    pub fn take() -> Result<Claim, ClaimError> {
        Self::named(NAME)
    }

    fn named(name: &str) -> Result<Claim, ClaimError> {
        let address = SocketAddr::from_abstract_name(name)?;
        match UnixListener::bind_addr(&address) {
            Ok(listener) => Ok(Claim { _listener: listener }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Err(ClaimError::Taken(holder(&address)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The process that listens at an address. None if it is in a pid namespace that this process does not see, or if
/// this is called outside a runtime.
fn holder(address: &SocketAddr) -> Option<i32> {
    tokio::runtime::Handle::try_current().ok()?;
    let stream = UnixStream::connect_addr(address).ok()?;
    stream.set_nonblocking(true).ok()?;
    tokio::net::UnixStream::from_std(stream).ok()?.peer_cred().ok()?.pid().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_namespace_has_one_owner_at_a_time() {
        let name = format!("netloomd-test-{}", std::process::id());
        let claim = Claim::named(&name).expect("nobody has it");
        let refused = Claim::named(&name).expect_err("it is taken").to_string();
        let holder = format!("another netloomd (process {})", std::process::id());
        assert!(refused.ends_with(&holder), "{refused}");
        drop(claim);
        Claim::named(&name).expect("it is free again");
    }
}
