//! The conflicts of the candidate with the commits of others, as text, and how the user resolves them.

use yang::Path;

use super::{Result, Shell, ShellError};
use crate::client::ClientError;
use crate::grammar::resolution::Resolution;
use crate::show::conflict;

impl Shell {
    /// The conflicts as text. `resolve` resolves these conflicts, and not later ones.
    pub(super) fn conflicts(&self, columns: Option<usize>) -> Result<String> {
        let found = self.client.borrow_mut().conflicts()?.conflicts;
        let paths = found.iter().filter_map(|one| Path::parse(self.schema, &one.path).ok());
        self.conflicts.replace(Some(paths.collect()));
        Ok(conflict::table(self.schema, &found, columns))
    }

    /// Adds the conflicts to an error, if they are the reason for it.
    pub(super) fn or_conflicts<T>(
        &self,
        outcome: std::result::Result<T, ClientError>,
    ) -> Result<T> {
        match outcome {
            Err(error) if error.is_conflict() => {
                Err(ShellError::Conflicts(self.conflicts((self.columns)())?))
            }
            outcome => {
                self.conflicts.take();
                Ok(outcome?)
            }
        }
    }

    pub(super) fn resolve(&self, Resolution { place, keep }: &Resolution) -> Result<String> {
        let left = self.client.borrow_mut().resolve(place, *keep)?.left;
        if let Some(known) = self.conflicts.borrow_mut().as_mut() {
            known.retain(|path| !path.is_below(place));
        }
        Ok(match left {
            0 => {
                self.conflicts.take();
                "no conflict is left\n".into()
            }
            1 => "1 conflict is left: `show conflicts`\n".into(),
            left => format!("{left} conflicts are left: `show conflicts`\n"),
        })
    }
}
