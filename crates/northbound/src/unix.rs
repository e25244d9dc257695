//! NETCONF on a unix socket. The file's permissions decide who may connect, and the kernel reports who did.
//!
//! The socket is made under a temporary name and moved into place once it can be served, with its
//! permissions set: whoever sees the file can use it, and a dead daemon's socket is replaced in one step.

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

/// How many sessions there may be; a further one waits for one to end.
const MAX_SESSIONS: usize = 256;

/// How long sessions may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// A unix socket, listening.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody answers there.
    #[error("{0}: a daemon is serving this socket already")]
    InUse(PathBuf),
    /// The name is taken by something else.
    #[error("{0}: exists and is not a socket")]
    NotASocket(PathBuf),
    /// The system refuses.
    #[error("{path}: cannot {action}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

impl Listener {
    /// Listens at `path`, which only the owner may use.
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

    /// Serves until `stop` resolves; then ends each session after the request that it is at, and removes the
    /// socket.
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
                        error!(%panic, "a session's task failed");
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
                Err(error) => warn!(%error, "a connection could not be accepted"),
            }
        }
        drop(running);
        // The name is removed first, so that a client that connects now fails at once.
        drop(self);
        let ended = async { while sessions.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            warn!("sessions that do not end are broken off");
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
            warn!(path = %self.path.display(), %error, "the socket's file stays");
        }
    }
}

/// Fails where a daemon serves `path`, or where it is no socket. A socket that nobody listens on is a dead
/// daemon's, and may be replaced.
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
