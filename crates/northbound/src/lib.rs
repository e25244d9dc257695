//! Management interfaces over the engine.

use engine::{Handle, Origin};
use tokio::net::UnixStream;
use yang::Schema;

/// Speaks NETCONF on one stream until either side closes it.
pub async fn serve(
    _stream: UnixStream,
    _origin: Origin,
    _engine: Handle,
    _schema: &'static Schema,
) -> std::io::Result<()> {
    todo!()
}
