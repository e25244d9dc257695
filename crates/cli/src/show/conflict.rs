//! `show conflicts`: the table of the nodes that both the candidate and the commits of others have changed.

use netconf::Conflict;
use yang::Schema;

use crate::grammar::render;
use crate::prose;
use crate::show::one_line;

/// The conflicts with one line per node, after a headline. In a terminal that is too narrow for the table, each node has
/// a line for each of its cells.
pub(crate) fn table(
    schema: &'static Schema,
    conflicts: &[Conflict],
    columns: Option<usize>,
) -> String {
    if conflicts.is_empty() {
        return "there are no conflicts\n".into();
    }
    let headline = HEADLINE.map(String::from);
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
    let width =
        |column: usize| rows.iter().map(|row| prose::width(&row[column])).max().unwrap_or_default();
    let widths: [usize; HEADLINE.len()] = std::array::from_fn(width);
    let whole = widths.iter().sum::<usize>() + (HEADLINE.len() - 1) * GAP.len();
    // Some terminals begin a new row after the last column.
    match columns {
        Some(columns) if whole >= columns => rows[1..].iter().map(record).collect(),
        Some(_) | None => rows.iter().map(|row| line(row, widths)).collect(),
    }
}

const HEADLINE: [&str; 5] = ["path", "was", "yours", "theirs", "by"];
const GAP: &str = "  ";

fn line(cells: &[String; HEADLINE.len()], widths: [usize; HEADLINE.len()]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| {
        let space = " ".repeat(width.saturating_sub(prose::width(cell)));
        cell.clone() + &space
    });
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned() + "\n"
}

fn record([path, cells @ ..]: &[String; HEADLINE.len()]) -> String {
    let cells = HEADLINE[1..].iter().zip(cells);
    let cells: String = cells.map(|(name, cell)| format!("     {name}: {cell}\n")).collect();
    format!("{path}\n{cells}")
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
