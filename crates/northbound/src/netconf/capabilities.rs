//! The capabilities in the server's `<hello>`. They contain only what the server supports.

use ::netconf::capability::{
    BASE_1_0, BASE_1_1, CANDIDATE, CONFIRMED_COMMIT_1_1, INTERLEAVE_1_0, NOTIFICATION_1_0,
    PRIVATE_CANDIDATE, ROLLBACK_ON_ERROR, STARTUP, VALIDATE_1_1,
};
use yang::Schema;

/// The protocol's capabilities, followed by a URI for each implemented module.
pub(super) fn capabilities(schema: &Schema) -> Vec<String> {
    let protocol = [
        BASE_1_0,
        BASE_1_1,
        CANDIDATE,
        CONFIRMED_COMMIT_1_1,
        ROLLBACK_ON_ERROR,
        VALIDATE_1_1,
        STARTUP,
        NOTIFICATION_1_0,
        INTERLEAVE_1_0,
    ];
    let private = format!("{PRIVATE_CANDIDATE}?supported-resolution-modes={RESOLUTION_MODES}");
    let modules = schema.modules().iter().filter(|module| module.implemented).map(|module| {
        let mut uri = format!("{}?module={}", module.namespace, module.name);
        if let Some(revision) = &module.revision {
            uri += &format!("&revision={revision}");
        }
        if !module.features.is_empty() {
            uri += &format!("&features={}", module.features.join(","));
        }
        uri
    });
    protocol.into_iter().map(str::to_string).chain([private]).chain(modules).collect()
}

const RESOLUTION_MODES: &str = "revert-on-conflict,prefer-candidate,prefer-running";
