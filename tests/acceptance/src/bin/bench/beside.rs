//! The cost of a million routes of others for the daemon: the same work without and with them, in
//! the same namespaces.

use std::fmt::Write as _;

use acceptance::{Beside, Cost};

use crate::results::BesideOthers;
use crate::table::{mebibytes, seconds};

const FOREIGN: u32 = 1_000_000;
const TIMES: usize = 5;

/// Measures both.
pub(crate) fn measure() -> Vec<BesideOthers> {
    let mut beside = Beside::new();
    let alone = beside.costs(TIMES);
    beside.add(FOREIGN);
    let figures = |(alone, crowded): (Cost, Cost)| BesideOthers {
        of: alone.of.into(),
        walks: alone.walks,
        alone: alone.figure,
        beside: crowded.figure,
    };
    alone.into_iter().zip(beside.costs(TIMES)).map(figures).collect()
}

/// The table for docs/bench.md.
pub(crate) fn table(results: &[BesideOthers]) -> String {
    let mut text = String::from(
        "| operation | without foreign routes | beside a million foreign routes | ratio |\n|---|---:|---:|---:|\n",
    );
    for row in results {
        let ratio = row.beside / row.alone;
        let [alone, beside] = [row.alone, row.beside].map(|figure| match row.of.as_str() {
            "memory" => mebibytes(kibibytes(figure)),
            _ => seconds(figure),
        });
        let mark = if row.walks { " (1)" } else { "" };
        let _ = writeln!(text, "| {}{mark} | {alone} | {beside} | {ratio:.2} |", row.of);
    }
    text.push_str(
        "\n(1) To find the routes over a link, the kernel walks through all routes, as for `ip route show dev`. To set a link \
         down, it walks through all routes again.  \n",
    );
    text
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "memory is a whole number of bytes"
)]
fn kibibytes(bytes: f64) -> u64 {
    (bytes / 1024.0) as u64
}
