//! Giving back: restores the host as it was before the configuration. The configuration stays on
//! disk.
//!
//! For the kernel this is a commit of the empty configuration. For the state directory it is like a
//! reboot: once the kernel holds nothing of ours, the originals are removed. The next start then
//! applies startup.

use std::fs;

use netstate::Southbound;
use tokio::sync::mpsc;
use yang::{Schema, Tree};

use crate::datastore::intent::Intent;
use crate::error::{Error, Result, RpcResult};
use crate::ledger::configuration::RUNNING;
use crate::ledger::journal::JOURNAL;
use crate::ledger::originals;
use crate::settings::Settings;
use crate::start::boot::{Boot, Found};
use crate::transaction::affected::Affected;
use crate::transaction::converge::Policy;
use crate::transaction::transition::Transition;

/// Gives everything back: objects that the configuration created are removed, and objects that it
/// adopted get their original state. The result names what could not be given back, in the kernel's
/// words. Another call tries that again.
pub fn release(
    settings: Settings,
    schema: &'static Schema,
    southbound: Box<dyn Southbound>,
) -> RpcResult<()> {
    give_back(settings, schema, southbound).map_err(|errors| errors.rpc())
}

pub(crate) fn give_back(
    settings: Settings,
    schema: &'static Schema,
    southbound: Box<dyn Southbound>,
) -> Result<()> {
    let path = settings.state_dir.clone();
    fs::read_dir(&path).map_err(|source| Error::Storage { doing: "open", path, source })?;
    // Nothing is probed.
    let (answers, _) = mpsc::channel(1);
    let Found { mut engine, attempted, touched, damage } =
        Boot { settings, schema, southbound, answers }.find()?;
    // Without the originals, nothing can be given back.
    damage.refuse(&[RUNNING, originals::FILE, JOURNAL])?;
    // The kernel is given back even if the disk cannot be written.
    let now = engine.now();
    engine.ledger.continue_boot(now);
    if touched {
        let touched = attempted.unwrap_or_else(|| engine.touched());
        let nothing = Intent::of(Tree::empty(schema))?;
        let (running, affected) = (engine.running.intent.clone(), Affected::Everything);
        let transition = Transition {
            touched: &touched,
            to: &nothing,
            running: &running,
            affected,
            is_commit: false,
        };
        engine.kernel.converge(&transition, Policy::AsFarAsPossible, &mut engine.ledger)?;
    }
    // Until the originals are removed, the journal names what else has been touched.
    let forgotten = engine.ledger.forget_originals().and_then(|()| engine.ledger.withdraw());
    if let Err(errors) = forgotten {
        tracing::warn!(
            errors = errors.describe(),
            "the state directory cannot be changed: the next start restores running rather than startup"
        );
    }
    tracing::info!("everything given back: the host is as it was before the configuration");
    Ok(())
}
