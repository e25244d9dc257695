//! The arguments of `resolve`: the conflicts to resolve, and the side to keep.

use netconf::Side;
use yang::Path;

use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::render;
use crate::grammar::words::words;

/// Which conflicts `resolve` resolves, and how.
#[derive(Debug)]
pub(crate) struct Resolution {
    /// At and below this path. At the root: all conflicts.
    pub(crate) place: Path,
    pub(crate) keep: Side,
}

/// Reads the rest of a line that begins with `resolve`. Only the paths of known conflicts are accepted.
pub(crate) fn read(cursor: &mut Cursor<'_>, known: &[Path]) -> Result<Resolution, Stop> {
    let mut left: Vec<TypedPath<'_>> = known.iter().map(TypedPath::of).collect();
    let mut taken = 0;
    loop {
        let place = left.iter().find_map(|typed| typed.place(taken));
        let sides = if place.is_some() { SIDES } else { &[] };
        let mut options: Vec<Candidate> =
            sides.iter().map(|(_, word, help)| Candidate::word(*word, *help)).collect();
        if taken == 0 {
            options.push(Candidate::word("all", "All conflicts"));
        }
        let fixed = options.len();
        for word in left.iter().filter_map(|typed| typed.words.get(taken)) {
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
        left.retain(|typed| {
            typed.words.get(taken).is_some_and(|word| *word == options[chosen].text)
        });
        taken += 1;
    }
}

const SIDES: &[(Side, &str, &str)] =
    &[(Side::Mine, "mine", "Keep your value"), (Side::Theirs, "theirs", "Keep the running value")];

fn side(cursor: &mut Cursor<'_>) -> Result<Side, Stop> {
    let options: Vec<_> =
        SIDES.iter().map(|(_, word, help)| Candidate::word(*word, *help)).collect();
    let chosen = cursor.choose(&options, false)?;
    Ok(chosen.and_then(|chosen| SIDES.get(chosen)).map(|(side, ..)| *side).unwrap_or_default())
}

/// A path as the words of a command.
struct TypedPath<'p> {
    path: &'p Path,
    words: Vec<String>,
    /// The number of words up to the end of each step.
    ends: Vec<usize>,
}

impl TypedPath<'_> {
    fn of(path: &Path) -> TypedPath<'_> {
        let (mut typed, mut ends) = (Vec::new(), Vec::new());
        for step in &path.steps {
            let text = render::step(step);
            typed.extend(words(&text).into_iter().map(|word| word.text.into_owned()));
            ends.push(typed.len());
        }
        TypedPath { path, words: typed, ends }
    }

    /// The path that consists of the first `taken` words, if there is one.
    fn place(&self, taken: usize) -> Option<Path> {
        let last = self.ends.iter().position(|end| *end == taken)?;
        Some(Path { steps: self.path.steps[..=last].to_vec() })
    }
}
