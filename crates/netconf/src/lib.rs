//! NETCONF framing and messages, without I/O, for both roles (RFC 6241, RFC 6242).

pub mod framing;
pub mod message;

pub use framing::{Decoder, Framing, FramingError, encode};
pub use message::{Datastore, Hello, MessageError, Reply, Rpc, RpcError, Source, Xml};
