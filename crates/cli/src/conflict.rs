//! Conflicts with what others have committed: the table that tells them, and `resolve`, which names them.

use netconf::{Conflict, Side};
use yang::{Path, Schema};

use crate::cursor::{Candidate, Cursor, Stop};
use crate::render;
use crate::words::words;

/// What `resolve` is to settle.
#[derive(Debug)]
pub(crate) struct Resolution {
    /// At and below this place; at the root, all.
    pub(crate) place: Path,
    pub(crate) keep: Side,
}

/// What is in conflict, a line a node, under a headline.
pub(crate) fn table(schema: &'static Schema, conflicts: &[Conflict]) -> String {
    if conflicts.is_empty() {
        return "nothing is in conflict\n".into();
    }
    let headline = ["path", "was", "yours", "theirs", "by"].map(String::from);
    let rows = conflicts.iter().map(|conflict| {
        let Conflict { path, base, mine, theirs, .. } = conflict;
        let path = Path::parse(schema, path).map_or(path.clone(), |path| render::path(&path));
        [path, standing(base), standing(mine), standing(theirs), by(conflict)]
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
        Some(value) => value.into(),
    }
}

fn by(conflict: &Conflict) -> String {
    let Conflict { id: Some(id), user, time, .. } = conflict else { return "-".into() };
    let said =
        |what: &Option<String>| what.iter().map(|what| format!(" {what}")).collect::<String>();
    format!("#{id}{}{}", said(user), said(time))
}

/// Reads what follows `resolve`, of which the known conflicts say how it can go on.
pub(crate) fn resolution(cursor: &mut Cursor<'_>, known: &[Path]) -> Result<Resolution, Stop> {
    let mut left: Vec<Spelt<'_>> = known.iter().map(Spelt::of).collect();
    let mut taken = 0;
    loop {
        let place = left.iter().find_map(|spelt| spelt.place(taken));
        let sides = if place.is_some() { SIDES } else { &[] };
        let mut options: Vec<Candidate> =
            sides.iter().map(|(_, word, help)| Candidate::word(*word, *help)).collect();
        if taken == 0 {
            options.push(Candidate::word("all", "All that is in conflict"));
        }
        let fixed = options.len();
        for word in left.iter().filter_map(|spelt| spelt.words.get(taken)) {
            if !options[fixed..].iter().any(|option| option.text == *word) {
                options.push(Candidate::word(word.clone(), ""));
            }
        }
        let Some(chosen) = cursor.choose(&options, false)? else { continue };
        if let (Some(place), Some((keep, ..))) = (place, sides.get(chosen)) {
            return Ok(Resolution { place, keep: *keep });
        }
        if chosen < fixed {
            return Ok(Resolution { place: Path::default(), keep: side(cursor)? });
        }
        left.retain(|spelt| {
            spelt.words.get(taken).is_some_and(|word| *word == options[chosen].text)
        });
        taken += 1;
    }
}

const SIDES: &[(Side, &str, &str)] = &[
    (Side::Mine, "mine", "What you have made of it holds"),
    (Side::Theirs, "theirs", "What is running holds"),
];

fn side(cursor: &mut Cursor<'_>) -> Result<Side, Stop> {
    let options: Vec<_> =
        SIDES.iter().map(|(_, word, help)| Candidate::word(*word, *help)).collect();
    let chosen = cursor.choose(&options, false)?;
    Ok(chosen.and_then(|chosen| SIDES.get(chosen)).map(|(side, ..)| *side).unwrap_or_default())
}

/// A path as it is typed.
struct Spelt<'p> {
    path: &'p Path,
    words: Vec<String>,
    /// After how many words each step ends.
    ends: Vec<usize>,
}

impl Spelt<'_> {
    fn of(path: &Path) -> Spelt<'_> {
        let (mut spelt, mut ends) = (Vec::new(), Vec::new());
        for step in &path.steps {
            let text = render::step(step);
            spelt.extend(words(&text).into_iter().map(|word| word.text.into_owned()));
            ends.push(spelt.len());
        }
        Spelt { path, words: spelt, ends }
    }

    /// The place that its first words name, if they name one.
    fn place(&self, taken: usize) -> Option<Path> {
        let last = self.ends.iter().position(|end| *end == taken)?;
        Some(Path { steps: self.path.steps[..=last].to_vec() })
    }
}
