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
use std::time::Duration;

use engine::{Handle, Origin};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, warn};
use yang::Schema;

use crate::buffers::Buffers;
use crate::limits::Limits;
use crate::netconf::{Peer, Service, refuse, serve_until};
use crate::places::{Greeted, Places, ROOT};
use crate::user::user_name;

/// How long to wait after a connection could not be accepted, for lack of file descriptors for example.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the server waits for sessions to end.
const GRACE: Duration = Duration::from_secs(5);

/// The maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// A listening unix socket.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    limits: Limits,
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
            let socket = UnixSocket::new_stream().map_err(failed("open a socket"))?;
            socket.bind(&temporary).map_err(failed("bind the socket"))?;
            // Nobody can connect before the socket listens, so the permissions come first.
            fs::set_permissions(&temporary, Permissions::from_mode(0o600))
                .map_err(failed("set the permissions"))?;
            let listener = socket.listen(BACKLOG).map_err(failed("listen"))?;
            fs::rename(&temporary, path).map_err(failed("move the socket into place"))?;
            Ok(listener)
        };
        match moved() {
            Ok(listener) => {
                Ok(Listener { listener, path: path.to_path_buf(), limits: Limits::default() })
            }
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    /// The same with other limits.
    pub fn with_limits(mut self, limits: Limits) -> Listener {
        self.limits = limits;
        self
    }

    /// Serves until `stop` resolves. Then ends each session after its current request, and removes the socket.
    pub async fn serve(
        self,
        engine: Handle,
        schema: &'static Schema,
        stop: impl Future<Output = ()>,
    ) {
        let (running, stopping) = watch::channel(());
        let limits = self.limits;
        let service = Service { engine, schema, limits, buffers: Buffers::new(&limits) };
        let mut sessions = Sessions {
            service,
            stopping,
            places: Places::new(limits),
            tasks: JoinSet::new(),
            refuses: false,
        };
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(ended) = sessions.tasks.join_next_with_id() => {
                    sessions.ended(ended);
                    continue;
                }
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok((stream, uid, origin)) => sessions.admit(stream, uid, origin),
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(PAUSE).await;
                }
            }
        }
        drop(running);
        // The name is removed first, so that a new connection fails at once.
        drop(self);
        let mut tasks = sessions.tasks;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            warn!("sessions did not end in time and are closed");
            tasks.shutdown().await;
        }
    }

    async fn accept(&self) -> io::Result<(UnixStream, u32, Origin)> {
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let pid = peer.pid().map(|pid| format!(", pid {pid}")).unwrap_or_default();
        let origin = Origin { user: user_name(peer.uid()), from: format!("unix socket{pid}") };
        Ok((stream, peer.uid(), origin))
    }
}

/// The sessions that are served.
struct Sessions {
    service: Service,
    stopping: watch::Receiver<()>,
    places: Places,
    tasks: JoinSet<()>,
    /// Whether the last connection was refused. The log names the first of a series only.
    refuses: bool,
}

impl Sessions {
    /// Serves a connection, or tells its user why not.
    fn admit(&mut self, stream: UnixStream, uid: u32, origin: Origin) {
        if let Err(reason) = self.places.make_room(uid, &origin.user) {
            if !std::mem::replace(&mut self.refuses, true) {
                warn!(user = origin.user, from = origin.from, %reason, "connection refused");
            }
            if let Err(error) = refuse(stream, &reason.to_string()) {
                debug!(%error, "the refusal was not read");
            }
            return;
        }
        self.refuses = false;
        let greeted = Greeted::default();
        let peer = Peer { stream, origin, is_root: uid == ROOT, greeted: greeted.clone() };
        let served = serve_until(peer, self.service.clone(), self.stopping.clone());
        let task = self.tasks.spawn(async move {
            if let Err(error) = served.await {
                debug!(%error, "connection ended");
            }
        });
        self.places.take(uid, greeted, task);
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => task,
            Err(failed) => {
                if failed.is_panic() {
                    error!(panic = %failed, "session task failed");
                }
                failed.id()
            }
        };
        self.places.free(task);
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
