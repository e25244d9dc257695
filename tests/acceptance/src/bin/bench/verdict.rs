//! Netloom's promises of speed and size, and whether this run kept them.

use crate::case::{Case, Noun, Step};
use crate::results::Results;
use crate::table::mebibytes;
use crate::way::Way;

/// A promise, and the value that decides about it.
struct Promise {
    words: &'static str,
    most: f64,
    figure: Option<f64>,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    Times,
    Milliseconds,
    Kibibytes,
}

const MIB: f64 = 1024.0;

/// A line for each promise.
pub(crate) fn verdicts(results: &Results) -> Vec<String> {
    promises(results).iter().map(Promise::line).collect()
}

fn promises(results: &Results) -> Vec<Promise> {
    let case = |noun, count| Case { noun, count };
    let (few, many) = (case(Noun::Routes, 1_000), case(Noun::Routes, 100_000));
    let ours = |case, step| results.figures(case, step, Way::Netloom);
    let against_ip = |case| {
        let theirs = results.figures(case, Step::Load, Way::Ip)?;
        Some(ours(case, Step::Load)?.seconds / theirs.seconds)
    };
    let inside = |case, step| ours(case, step)?.daemon_seconds.map(|seconds| seconds * 1e3);
    let flat = |step| Some(inside(many, step)? / inside(few, step)?);
    let restart = |step| ours(many, step).map(|figures| figures.seconds * 1e3);
    #[expect(clippy::cast_precision_loss, reason = "memory has fewer than 2^52 KiB")]
    let memory = |kib: Option<u64>| kib.map(|kib| kib as f64);
    let load = ours(many, Step::Load);
    let growth = &results.growth;
    let grown = growth.after_kib.saturating_sub(growth.before_kib);
    let beside = |of: fn(&str) -> bool| {
        let rows = results.beside.iter().filter(|row| !row.walks && of(&row.of));
        rows.map(|row| row.beside / row.alone).reduce(f64::max)
    };
    let times = |words, most, figure| Promise { words, most, figure, unit: Unit::Times };
    let time = |words, most, figure| Promise { words, most, figure, unit: Unit::Milliseconds };
    let size =
        |words, most, figure| Promise { words, most: most * MIB, figure, unit: Unit::Kibibytes };
    vec![
        times("100,000 routes against `ip -batch`", 1.0, against_ip(many)),
        times(
            "1,000 veth pairs against `ip -batch`",
            1.2,
            against_ip(case(Noun::VethPairs, 1_000)),
        ),
        times("1,000 namespaces against `ip -batch`", 1.2, against_ip(case(Noun::Netnses, 1_000))),
        time("one more route beside 100,000, in the daemon", 10.0, inside(many, Step::OneMore)),
        times("one more route: beside 100,000 against beside 1,000", 2.0, flat(Step::OneMore)),
        time("a commit that changes none of 100,000 routes", 10.0, inside(many, Step::Again)),
        times("a commit without changes: 100,000 routes against 1,000", 2.0, flat(Step::Again)),
        times("a start beside a million routes of others", 1.2, beside(|of| of == "a start")),
        times(
            "a commit beside a million routes of others",
            1.2,
            beside(|of| !["a start", "memory"].contains(&of)),
        ),
        times("memory beside a million routes of others", 1.2, beside(|of| of == "memory")),
        time("restart, 100,000 routes in the kernel", 1_500.0, restart(Step::RestartFull)),
        time("restart, 100,000 routes to create", 3_000.0, restart(Step::RestartEmpty)),
        size(
            "peak memory of the daemon, loading 100,000 routes",
            250.0,
            memory(load.and_then(|figures| figures.daemon_peak_kib)),
        ),
        size(
            "the daemon's memory with 100,000 routes",
            250.0,
            memory(load.and_then(|figures| figures.daemon_rest_kib)),
        ),
        size("the daemon's memory, idle", 25.0, memory(Some(growth.idle_kib))),
        size("its growth over 1,000 commits and 10,000 reads", 1.0, memory(Some(grown))),
    ]
}

impl Promise {
    fn line(&self) -> String {
        let Some(figure) = self.figure else {
            return format!("not measured  {}: at most {}", self.words, self.unit.tell(self.most));
        };
        let kept = if figure <= self.most { "met    " } else { "NOT MET" };
        let (figure, most) = (self.unit.tell(figure), self.unit.tell(self.most));
        format!("{kept}  {}: {figure}, at most {most}", self.words)
    }
}

impl Unit {
    fn tell(self, figure: f64) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "memory is a whole number of KiB"
        )]
        match self {
            Self::Times => format!("{figure:.2}x"),
            Self::Milliseconds => format!("{figure:.1} ms"),
            Self::Kibibytes => mebibytes(figure as u64),
        }
    }
}
