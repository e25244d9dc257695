//! What the modules share while observed state becomes operational data.

use netstate::State;
use yang::Tree;

use crate::directory::Directory;
use crate::names::Names;

/// Observed state on its way to being data.
pub(crate) struct Raising<'o> {
    pub(crate) observed: &'o State,
    /// What the links are called that were observed.
    pub(crate) names: Names<'o>,
    /// The configuration, under whose names data is shown.
    pub(crate) configuration: &'o Tree,
    pub(crate) directory: Directory,
}
