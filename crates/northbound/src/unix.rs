//! NETCONF on a unix socket. The permissions of the socket control who may connect, and the kernel reports the
//! user.
//!
//! The socket is created under a temporary name, with its permissions set, and renamed when it can accept
//! connections. So every socket under the final name can be used, and the socket of a crashed daemon is replaced in
//! one step.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::{Handle, Origin};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, error, warn};
use yang::Schema;

use crate::netconf::serve_until;
use crate::user::user_name;

/// The maximum number of sessions. Further connections wait until a session ends.
const MAX_SESSIONS: usize = 256;

/// How long the server waits for sessions to end.
const GRACE: Duration = Duration::from_secs(5);

/// A listening unix socket.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

/// Why the socket could not be created.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon serves this socket.
    #[error("{0}: a daemon is serving this socket already")]
    InUse(PathBuf),
    /// The path exists and is not a socket.
    #[error("{0}: exists and is not a socket")]
    NotASocket(PathBuf),
    /// A system call failed.
    #[error("{path}: cannot {action}")]
    Io {
        /// The path.
        path: PathBuf,
        /// The action that failed.
        action: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl Listener {
    /// Listens at `path`. Only the owner can connect.
    pub fn bind(path: &Path) -> Result<Listener, BindError> {
        let failed =
            |action| move |source| BindError::Io { path: path.to_path_buf(), action, source };
        refuse_if_taken(path)?;
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let moved = || {
            let listener = UnixListener::bind(&temporary).map_err(failed("bind the socket"))?;
            fs::set_permissions(&temporary, Permissions::from_mode(0o600))
                .map_err(failed("set the permissions"))?;
            fs::rename(&temporary, path).map_err(failed("move the socket into place"))?;
            Ok(listener)
        };
        match moved() {
            Ok(listener) => Ok(Listener { listener, path: path.to_path_buf() }),
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    /// Serves until `stop` resolves. Then ends each session after its current request, and removes the socket.
    pub async fn serve(
        self,
        engine: Handle,
        schema: &'static Schema,
        stop: impl Future<Output = ()>,
    ) {
        let (running, stopping) = watch::channel(());
        let places = Arc::new(Semaphore::new(MAX_SESSIONS));
        let mut sessions = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(ended) = sessions.join_next() => {
                    if let Err(panic) = ended {
                        error!(%panic, "session task failed");
                    }
                    continue;
                }
                accepted = self.accept(&places) => accepted,
            };
            match accepted {
                Ok((stream, origin, place)) => {
                    let service = (engine.clone(), schema);
                    let stopping = stopping.clone();
                    sessions.spawn(async move {
                        if let Err(error) = serve_until(stream, origin, service, stopping).await {
                            debug!(%error, "connection ended");
                        }
                        drop(place);
                    });
                }
                Err(error) => warn!(%error, "cannot accept a connection"),
            }
        }
        drop(running);
        // The name is removed first, so that a new connection fails at once.
        drop(self);
        let ended = async { while sessions.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            warn!("sessions did not end in time and are closed");
            sessions.shutdown().await;
        }
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(UnixStream, Origin, impl Send + 'static)> {
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let pid = peer.pid().map(|pid| format!(", pid {pid}")).unwrap_or_default();
        let origin = Origin { user: user_name(peer.uid()), from: format!("unix socket{pid}") };
        Ok((stream, origin, place))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Fails if a daemon serves `path`, or if it is not a socket. A socket without a listener belongs to a crashed
/// daemon, and may be replaced.
pub fn refuse_if_taken(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            let path = path.to_path_buf();
            return Err(BindError::Io { path, action: "look at the file", source });
        }
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_path_buf()));
        }
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse(path.to_path_buf())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(source) => {
            let path = path.to_path_buf();
            Err(BindError::Io { path, action: "find out whether a daemon is serving it", source })
        }
    }
}
