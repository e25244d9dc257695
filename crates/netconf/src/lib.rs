//! NETCONF framing and messages, without I/O, for both roles (RFC 6241, RFC 6242).
//!
//! [`Decoder`] decodes bytes to messages, and [`encode`] encodes messages to bytes. [`Hello`], [`Rpc`], [`Reply`]
//! and [`Notification`] are the messages as values. Content that is modelled in YANG stays XML text ([`Xml`]): it
//! is copied from or into a message and parsed at most once.

pub mod capability;
pub mod error;
pub mod framing;
pub mod hello;
pub mod namespace;
pub mod notification;
pub mod output;
mod path;
pub mod reply;
pub mod rpc;
pub mod selection;
pub mod skim;
mod xml;

pub use error::{ErrorType, MessageError, RpcError, Severity};
pub use framing::{Decoder, Framing, FramingError, encode};
pub use hello::Hello;
pub use notification::{Incoming, Notification};
pub use output::{
    BlameOutput, Blamed, CheckOutput, CommitOutput, Conflict, ConflictsOutput, DifferenceOutput,
    HistoryEntry, HistoryOutput, Hold, Holds, ImportOutput, ResolveOutput, ScheduleOutput,
    ScheduledCommit,
};
pub use reply::Reply;
pub use rpc::{
    Check, Configuration, Confirmed, Datastore, DefaultOperation, Envelope, ErrorOption, Question,
    ResolutionMode, Revision, Rpc, Side, Source, TestOption,
};
pub use selection::Selection;
pub use xml::Xml;
