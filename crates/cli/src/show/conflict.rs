//! `show conflicts`: the table of the nodes that both the candidate and the commits of others have changed.

use netconf::Conflict;
use yang::Schema;

use crate::grammar::render;
use crate::show::one_line;

/// The conflicts with one line per node, after a headline.
pub(crate) fn table(schema: &'static Schema, conflicts: &[Conflict]) -> String {
    if conflicts.is_empty() {
        return "there are no conflicts\n".into();
    }
    let headline = ["path", "was", "yours", "theirs", "by"].map(String::from);
    let rows = conflicts.iter().map(|conflict| {
        let Conflict { path, base, mine, theirs, .. } = conflict;
        [
            render::typed(schema, path),
            standing(base),
            standing(mine),
            standing(theirs),
            by(conflict),
        ]
    });
    let rows: Vec<_> = [headline].into_iter().chain(rows).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let line = |[path, was, yours, theirs, by]: &[String; 5]| {
        let [a, b, c, d] = widths;
        format!("{path:a$}  {was:b$}  {yours:c$}  {theirs:d$}  {by}").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn standing(what: &Option<String>) -> String {
    match what.as_deref() {
        None => "-".into(),
        Some("") => "present".into(),
        Some(value) => one_line(value),
    }
}

fn by(conflict: &Conflict) -> String {
    let Conflict { id: Some(id), user, time, .. } = conflict else { return "-".into() };
    let said = |what: &Option<String>| {
        what.iter().map(|what| format!(" {}", one_line(what))).collect::<String>()
    };
    format!("#{id}{}{}", said(user), said(time))
}
