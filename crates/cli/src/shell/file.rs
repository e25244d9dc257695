//! `load` and `save`: the candidate from a file, and to one.

use netconf::Datastore;
use yang::Path;

use super::{Result, Shell, ShellError};
use crate::file;
use crate::grammar::parameter::Import;
use crate::load::{self, Abbreviations, NotMerged};

/// The size of one part, if an edit can be sent in parts. It is large, so that a part costs more than its reply.
const PART: usize = 1 << 20;
/// How many warnings about a file are shown.
const WARNINGS: usize = 10;

impl Shell {
    /// Returns a warning for each line with abbreviations: another version may understand them differently.
    pub(super) fn load(&self, replaces: bool, file: &str, was_edited: bool) -> Result<Vec<String>> {
        let abbreviations = self.load_content(replaces, file, was_edited)?;
        let more = abbreviations.len().saturating_sub(WARNINGS);
        let warning = |line: String| format!("warning: {file}: {line}");
        let mut warnings: Vec<String> =
            abbreviations.into_iter().take(WARNINGS).map(warning).collect();
        if more > 0 {
            warnings.push(format!("warning: {file}: {more} more lines have abbreviations"));
        }
        Ok(warnings)
    }

    /// Adds what others have set in the kernel to the candidate. Returns what was read; a warning says what
    /// no configuration describes.
    pub(super) fn load_kernel(
        &self,
        import: &Import,
        warnings: &mut Vec<String>,
    ) -> Result<String> {
        let mut client = self.client.borrow_mut();
        let (tree, left_out) = client.import(import)?;
        let more = left_out.len().saturating_sub(WARNINGS);
        let warning =
            |(path, reason): &(String, String)| format!("warning: {path}: left out: {reason}");
        warnings.extend(left_out.iter().take(WARNINGS).map(warning));
        if more > 0 {
            warnings.push(format!("warning: {more} more objects are left out"));
        }
        if tree.is_empty() {
            return Ok("nothing to import\n".into());
        }
        client.begin_merge(tree.to_xml(false))?;
        client.settle()?;
        Ok(String::new())
    }

    fn load_content(&self, replaces: bool, file: &str, was_edited: bool) -> Result<Abbreviations> {
        let content = file::read(file.as_ref())
            .map_err(|source| ShellError::File { file: file.to_owned(), source })?;
        let fault = |message| ShellError::Content { file: file.to_owned(), message };
        let mut client = self.client.borrow_mut();
        if replaces {
            let (tree, abbreviations) = load::read(self.schema, &content).map_err(fault)?;
            client.replace(&tree)?;
            return Ok(abbreviations);
        }
        // If only a file has changed the candidate, the changes can be undone separately. The file can then be sent
        // in parts, so that the server reads one part while the next part is read here.
        let part = if was_edited { usize::MAX } else { PART };
        let merge = |part| client.begin_merge(part);
        let merged = load::read_to_merge(self.schema, &content, part, merge);
        let merged = merged.and_then(|abbreviations| Ok((client.settle()?, abbreviations)));
        let ((), abbreviations) = merged.map_err(|error| {
            if !was_edited {
                // If these requests fail too, the first error is more useful.
                let _ = client.settle();
                let _ = client.discard();
            }
            match error {
                NotMerged::Content(message) => fault(message),
                NotMerged::Client(error) => error.into(),
            }
        })?;
        Ok(abbreviations)
    }

    pub(super) fn save(&self, file: &str) -> Result<String> {
        let tree = self.client.borrow_mut().read(Datastore::Candidate, &Path::default())?;
        file::write(file.as_ref(), &load::write(&tree, load::form_of(file)))
            .map_err(|source| ShellError::File { file: file.to_owned(), source })?;
        Ok(String::new())
    }
}
