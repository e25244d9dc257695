//! The results as tables: ratios first, then times and memory.

use std::fmt::Write as _;

use crate::beside;
use crate::case::{Case, Step};
use crate::results::{Outcome, Results};
use crate::way::Way;

const PEERS: [Way; 4] = [Way::Ip, Way::Floor, Way::Nmstate, Way::Ndb];

/// What README.md shows: the largest case of each noun.
pub(crate) fn short(results: &Results) -> String {
    let cases = results.cases();
    let largest = |case: &&Case| {
        cases.iter().filter(|other| other.noun == case.noun).all(|other| other.count <= case.count)
    };
    let mut rows = Rows::new(results);
    for case in cases.iter().filter(largest) {
        for step in Step::ALL {
            rows.row(*case, step, &format!("{}: {}", heading(*case), step.words()));
        }
    }
    rows.end()
}

/// What docs/bench.md shows: everything.
pub(crate) fn full(results: &Results) -> String {
    let mut text = String::new();
    for (name, value) in &results.machine {
        let _ = writeln!(text, "- {name}: {value}");
    }
    if !results.beside.is_empty() {
        let _ = writeln!(text, "\n### Foreign routes\n\n{}", beside::table(&results.beside));
    }
    for case in results.cases() {
        let _ = writeln!(text, "\n### {}\n", heading(case));
        let mut rows = Rows::new(results);
        for step in Step::ALL {
            rows.row(case, step, step.words());
        }
        text.push_str(&rows.end());
        text.push_str("\nTimes and memory:\n\n");
        text.push_str(&absolute(results, case));
    }
    text
}

/// Rows of ratios, with the reasons for missing values below them.
struct Rows<'a> {
    results: &'a Results,
    text: String,
    notes: Vec<String>,
}

impl<'a> Rows<'a> {
    fn new(results: &'a Results) -> Self {
        let mut text = String::from("| time of Netloom ÷ time of … |");
        let mut rule = String::from("|---|");
        for way in PEERS {
            let _ = write!(text, " {} |", way.words());
            rule.push_str("---:|");
        }
        text.push_str(" Netloom | in the daemon |\n");
        text.push_str(&rule);
        text.push_str("---:|---:|\n");
        Self { results, text, notes: Vec::new() }
    }

    fn row(&mut self, case: Case, step: Step, words: &str) {
        let results = self.results;
        let netloom = results.figures(case, step, Way::Netloom);
        let _ = write!(self.text, "| {words} |");
        for way in PEERS {
            let cell = match (netloom, results.outcome(case, step, way)) {
                (Some(ours), Some(Outcome::Figures(theirs))) => {
                    format!("{:.2}", ours.seconds / theirs.seconds)
                }
                (_, Some(Outcome::Missing { why })) => self.note(way, why),
                (None, _) | (_, None) => "-".into(),
            };
            let _ = write!(self.text, " {cell} |");
        }
        let time = match results.outcome(case, step, Way::Netloom) {
            Some(Outcome::Figures(ours)) => seconds(ours.seconds),
            Some(Outcome::Missing { why }) => self.note(Way::Netloom, why),
            None => "-".into(),
        };
        let inside = netloom.and_then(|ours| ours.daemon_seconds).map_or("".into(), seconds);
        let _ = writeln!(self.text, " {time} | {inside} |");
    }

    /// A footnote mark for a reason. Each reason has one footnote.
    fn note(&mut self, way: Way, why: &str) -> String {
        let note = format!("{}: {why}", way.words());
        let known = self.notes.iter().position(|other| *other == note);
        let index = known.unwrap_or_else(|| {
            self.notes.push(note);
            self.notes.len() - 1
        });
        format!("- ({})", index + 1)
    }

    fn end(mut self) -> String {
        for (index, note) in self.notes.iter().enumerate() {
            let begin = if index == 0 { "\n" } else { "" };
            let _ = writeln!(self.text, "{begin}({}) {note}.  ", index + 1);
        }
        self.text
    }
}

fn absolute(results: &Results, case: Case) -> String {
    let mut text = String::from("| |");
    let mut rule = String::from("|---|");
    for way in Way::ALL {
        let _ = write!(text, " {} |", way.words());
        rule.push_str("---:|");
    }
    let _ = writeln!(text, " daemon, peak | and at rest |\n{rule}---:|---:|");
    for step in Step::ALL {
        let _ = write!(text, "| {} |", step.words());
        for way in Way::ALL {
            let cell = results.figures(case, step, way).map_or("-".into(), |figures| {
                let memory = figures
                    .client_peak_kib
                    .map_or(String::new(), |kib| format!(", {}", mebibytes(kib)));
                format!("{}{memory}", seconds(figures.seconds))
            });
            let _ = write!(text, " {cell} |");
        }
        let ours = results.figures(case, step, Way::Netloom);
        let peak = ours.and_then(|figures| figures.daemon_peak_kib).map_or("-".into(), mebibytes);
        let rest = ours.and_then(|figures| figures.daemon_rest_kib).map_or("-".into(), mebibytes);
        let _ = writeln!(text, " {peak} | {rest} |");
    }
    text
}

fn heading(case: Case) -> String {
    let digits = case.count.to_string();
    let (thousands, rest) = digits.split_at(digits.len().saturating_sub(3));
    let comma = if thousands.is_empty() { "" } else { "," };
    format!("{thousands}{comma}{rest} {}", case.noun.words())
}

/// With the significant digits.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        ..0.1 => format!("{:.1} ms", seconds * 1e3),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

pub(crate) fn mebibytes(kib: u64) -> String {
    match kib {
        ..10_240 => format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024),
        _ => format!("{} MiB", kib.div_ceil(1024)),
    }
}
