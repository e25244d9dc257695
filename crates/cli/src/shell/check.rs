//! `commit check`, and the outputs of operations as data.

use netconf::{CheckOutput, Xml};

use super::{Result, Shell, ShellError};
use crate::client::ClientError;
use crate::grammar::pipe::Form;
use crate::show::{data, held, one_line};

/// The result of `commit check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The commit would change the kernel or the configuration.
    WouldChange,
    NothingToDo,
}

impl Shell {
    pub(super) fn check(&mut self, form: Form) -> Result<String> {
        if form == Form::Set {
            return Err(ShellError::Form);
        }
        self.checked = None;
        let checked = self.client.borrow_mut().check();
        let checked = self.or_conflicts(checked)?;
        let CheckOutput { operations, held } = &checked;
        let changes_kernel = !operations.is_empty() || !held.listed.is_empty();
        let changes = changes_kernel || self.client.borrow_mut().has_changes()?;
        self.checked = Some(if changes { Checked::WouldChange } else { Checked::NothingToDo });
        if form != Form::Text {
            return self.data("check-commit", &checked.to_xml(), form);
        }
        Ok(match (changes_kernel, changes) {
            (true, _) => {
                let lines = operations.iter().map(|operation| one_line(operation) + "\n");
                lines.collect::<String>() + &held::lines(self.schema, held, "hold")
            }
            (false, true) => "nothing to do in the kernel; the configuration changes\n".into(),
            (false, false) => "nothing to do\n".into(),
        })
    }

    /// The output of an operation in a format of data.
    pub(super) fn data(&self, operation: &str, content: &Xml, form: Form) -> Result<String> {
        let written = data::written(self.schema, operation, content, form);
        written
            .ok_or(ShellError::Form)?
            .map_err(|error| ShellError::Client(ClientError::Protocol(error.to_string())))
    }
}
