//! Datastores, sessions, commit, journal, history.
//!
//! One thread owns everything that changes. A [`Handle`] is a channel to it. Reading running or
//! startup takes a snapshot and does not wait. The kernel is reached only through
//! `netstate::Southbound`. A commit, the undoing of a failed commit, the start, a repair and the
//! return of a missing link all call `transaction::converge`, which is the only way to the kernel.
//! Whoever may open a session may read and write. The interface that accepts the user decides who
//! that is.
//!
//! | folder | what is in it |
//! |---|---|
//! | `session` | who is connected, what each has in its candidate, and what listeners are sent |
//! | `transaction` | the life of a commit, the one way to the kernel, confirmed and scheduled commits |
//! | `ledger` | what is on disk: journal, history, checkpoints, startup, rescue configuration |
//! | `kernel_state` | what differs from running, and what the engine does about it |
//! | `start` | boot, recovery from damage, and the way out |

mod clock;
mod datastore;
mod engine;
mod error;
mod kernel_state;
mod ledger;
mod session;
mod settings;
mod start;
#[cfg(test)]
mod test;
mod transaction;

use std::thread;

use netstate::Southbound;
use tokio::sync::mpsc;
use yang::Schema;

use crate::engine::handle::QUEUE;
use crate::error::{Error, Errors};
use crate::start::boot::Boot;

pub use crate::clock::Clock;
pub use crate::datastore::Datastore;
pub use crate::engine::handle::Handle;
pub use crate::engine::pulse::{Pulse, Stall};
pub use crate::error::{RpcError, RpcResult as Result};
pub use crate::kernel_state::held::{Holds, ListedHold};
pub use crate::kernel_state::import::{ImportRequest, Imported};
pub use crate::kernel_state::operational::Observed;
pub use crate::ledger::confirmation::ConfirmedBy;
pub use crate::ledger::digest::Digest;
pub use crate::ledger::past::blame::Blamed;
pub use crate::ledger::past::{Past, Revision};
pub use crate::ledger::record::HistoryEntry;
pub use crate::session::Session;
pub use crate::session::candidate::{Draft, Side};
pub use crate::session::conflict::{Conflict, Conflicts};
pub use crate::session::notice::{
    By, Delivery, Notice, NoticeKind, Notices, Phase, SessionEnd, Why,
};
pub use crate::session::origin::Origin;
pub use crate::settings::{Limits, Settings};
pub use crate::start::give_back::release;
pub use crate::transaction::commit::{Checked, Committed};
pub use crate::transaction::request::{CommitRequest, Confirmed};
pub use crate::transaction::schedule::Scheduled;
pub use crate::transaction::step::Step;
pub use netstate::NetnsName;
pub use netstate::probe::{Probe, Question};

/// Brings the kernel to the configuration in the state directory and starts the engine's thread. A
/// commit that was interrupted is recovered first.
pub fn start(
    settings: Settings,
    schema: &'static Schema,
    southbound: Box<dyn Southbound>,
) -> Result<Handle> {
    let (answers, answered) = mpsc::channel(QUEUE);
    let boot = Boot { settings, schema, southbound, answers };
    let engine = boot.start().map_err(|errors| errors.rpc())?;
    let snapshot = engine.snapshot.subscribe();
    let notices = engine.notices.downgrade();
    let pulse = engine.kernel.heart.pulse();
    let (requests, received) = mpsc::channel(QUEUE);
    let thread = thread::Builder::new().name("engine".into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| thread.spawn(move || engine.run(&runtime, received, answered)))
    {
        Ok(_) => Ok(Handle { requests, snapshot, notices, pulse }),
        Err(source) => Err(Errors::from(Error::Thread { source }).rpc()),
    }
}
