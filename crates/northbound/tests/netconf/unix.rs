//! The unix socket: its permissions, its name, the daemon that serves it, and its removal.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use crate::server::Server;
use northbound::{BindError, Listener};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::oneshot;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_serves_until_it_is_stopped() {
    let server = Server::start();
    let path = server.state_dir().join("netconf.sock");
    let listener = Listener::bind(&path).expect("a socket");
    let mode = fs::metadata(&path).expect("the socket's file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let serving = tokio::spawn(listener.serve(server.engine.clone(), server.schema, stopped));
    let mut stream = UnixStream::connect(&path).await.expect("a connection");
    let mut start = [0; 6];
    stream.read_exact(&mut start).await.expect("the server's hello");
    assert_eq!(&start, b"<hello");

    stop.send(()).expect("the listener is there");
    serving.await.expect("the listener ends");
    assert!(!path.exists());
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("the stream ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_taken() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("socket");
    let live = UnixListener::bind(&path).expect("a socket");
    assert!(matches!(Listener::bind(&path), Err(BindError::InUse(taken)) if taken == path));

    drop(live);
    drop(Listener::bind(&path).expect("a dead daemon's socket is replaced"));

    fs::write(&path, "precious").expect("a file");
    assert!(matches!(Listener::bind(&path), Err(BindError::NotASocket(taken)) if taken == path));
    assert_eq!(fs::read(&path).expect("the file is still there"), b"precious");

    let nowhere = folder.path().join("no/where");
    assert!(matches!(Listener::bind(&nowhere), Err(BindError::Io { .. })));
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}
