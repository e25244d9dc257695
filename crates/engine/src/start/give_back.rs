//! Giving back: the host as it was before the configuration, which itself stays on disk.
//!
//! To the kernel this is a commit of the empty configuration. To the state directory it is a boot: once nothing of
//! ours is in the kernel the originals go, and so the next start applies startup to what it then finds.

use std::fs;

use netstate::Southbound;
use tokio::sync::mpsc;
use yang::{Schema, Tree};

use crate::error::{Error, Result, RpcResult};
use crate::intent::Intent;
use crate::settings::Settings;
use crate::start::boot::{Boot, Found};
use crate::transaction::affected::Affected;
use crate::transaction::converge::Policy;
use crate::transaction::transition::Transition;

/// Gives everything back: what the configuration made goes, and what it adopted is as it was. What cannot be given
/// back is answered in the kernel's words; the rest is, and another call tries the rest again.
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
    // What is not known cannot be given back.
    damage.refuse()?;
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
    // As long as there are originals, the journal says what else has been touched.
    engine.ledger.forget_originals()?;
    engine.ledger.withdraw()?;
    tracing::info!("the host is as it was before the configuration");
    Ok(())
}
