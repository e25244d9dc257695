//! Reads data. All operations read in the same way.

use ::netconf::Xml;
use engine::{Datastore, Observed, Session};
use yang::{Schema, Tree};

use super::answer::{Answer, Data};
use super::blocking::blocking;
use super::error::{Errors, Result};

/// What an operation reads.
pub(super) struct Read {
    pub(super) datastore: Datastore,
    /// The namespace of the operation.
    pub(super) namespace: &'static str,
    /// A subtree filter.
    pub(super) filter: Option<Xml>,
    pub(super) config_only: bool,
    /// Whether running is added.
    pub(super) with_running: bool,
}

impl Read {
    /// All of a datastore.
    pub(super) fn of(datastore: Datastore, namespace: &'static str) -> Read {
        Read { datastore, namespace, filter: None, config_only: false, with_running: false }
    }
}

/// The size of an entry of a list in a tree, in bytes.
const ENTRY: usize = 256;

/// The content of a datastore.
enum Content {
    /// It shares its memory with the datastore.
    Tree(Tree),
    Observed(Observed),
}

impl Content {
    fn into_tree(self) -> Result<Tree> {
        match self {
            Content::Tree(tree) => Ok(tree),
            Content::Observed(observed) => Ok(observed.into_tree()?),
        }
    }
}

impl Read {
    /// The selected data.
    pub(super) async fn answer(self, session: &Session, schema: &'static Schema) -> Result<Answer> {
        let Read { datastore, namespace, filter, config_only, with_running } = self;
        let content = read(session, datastore, (filter.as_ref(), schema)).await?;
        let running = match with_running {
            true => Some(session.read(Datastore::Running).await?),
            false => None,
        };
        let is_shared = matches!(content, Content::Tree(_));
        let data = blocking(move || {
            let mut tree = content.into_tree()?;
            running.iter().for_each(|running| tree.merge(running));
            if config_only {
                tree = tree.config_only();
            }
            if let Some(Xml(filter)) = filter {
                tree = tree.filter(&filter)?;
            }
            let entries = || tree.top().flat_map(|top| top.children()).count();
            let size = if is_shared { 0 } else { entries() * ENTRY };
            Ok::<_, Errors>(Data { tree, namespace, size })
        });
        data.await.map(Answer::Data)
    }
}

/// All of a datastore.
pub(super) async fn whole(
    session: &Session,
    schema: &'static Schema,
    datastore: Datastore,
) -> Result<Tree> {
    let content = read(session, datastore, (None, schema)).await?;
    blocking(move || content.into_tree()).await
}

/// The content of a datastore, or at least what a filter selects of it.
async fn read(
    session: &Session,
    datastore: Datastore,
    (filter, schema): (Option<&Xml>, &'static Schema),
) -> Result<Content> {
    Ok(match datastore {
        Datastore::Operational => {
            let selected = filter.map(|Xml(filter)| schema.selected(filter)).transpose()?;
            Content::Observed(session.observe(selected).await?)
        }
        Datastore::Candidate | Datastore::Running | Datastore::Startup => {
            Content::Tree(session.read(datastore).await?)
        }
    })
}
