//! The rest of a line after `no`: the instance to delete.
//!
//! A container is written out there, because an abbreviation could stand for a whole part of the configuration.

use yang::{NodeKind, Path, SchemaNode, Step, Type, Value};

use super::Grammar;
use crate::grammar::cursor::{Cursor, Stop};
use crate::grammar::schema::name;
use crate::grammar::words::{Fault, Word};

impl Grammar<'_> {
    /// Reads the instance to delete, with its value if there is one.
    pub(crate) fn deletion(
        &self,
        cursor: &mut Cursor<'_>,
        mode: &[Step],
    ) -> Result<(Path, Option<Value>), Stop> {
        let mut word = cursor.peek();
        let (above, mut next) = self.first(cursor, mode, false)?;
        let mut path = Path { steps: mode[..mode.len().saturating_sub(above)].to_vec() };
        while let Some(node) = next {
            match node.kind {
                NodeKind::Container { .. } => {
                    written_out(word, node, &path)?;
                    path = path.join(node, Vec::new());
                }
                NodeKind::List => {
                    let (keys, _) = self.keys(cursor, node, || path.clone())?;
                    path = path.join(node, keys);
                }
                NodeKind::Leaf | NodeKind::LeafList => {
                    let value = self.deleted_value(cursor, node)?;
                    cursor.finish()?;
                    let keys = match (node.kind, &value) {
                        (NodeKind::LeafList, Some(value)) => vec![value.clone()],
                        _ => Vec::new(),
                    };
                    return Ok((path.join(node, keys), value));
                }
            }
            word = cursor.peek();
            let below = self.below(Some(node));
            next = cursor.choose(&below.words, true)?.map(|chosen| below.nodes[chosen]);
        }
        Ok((path, None))
    }

    /// The value of the leaf to delete. It may be omitted.
    fn deleted_value(
        &self,
        cursor: &mut Cursor<'_>,
        leaf: &'static SchemaNode,
    ) -> Result<Option<Value>, Stop> {
        if matches!(leaf.leaf_type, Some(Type::Empty)) {
            return Ok(None);
        }
        if cursor.is_at_completion() {
            return Err(cursor.candidates(self.value_candidates(leaf).into_iter(), true));
        }
        cursor.peek().map(|_| self.leaf_value(cursor, leaf)).transpose()
    }
}

/// Fails if a container is abbreviated.
fn written_out(
    word: Option<&Word<'_>>,
    container: &'static SchemaNode,
    above: &Path,
) -> Result<(), Stop> {
    let full = name(container);
    let Some(word) = word.filter(|word| word.text != full) else { return Ok(()) };
    // The cursor adds what the word is understood as.
    let mut message =
        format!("after `no`, a container is written out; to delete all of it, write `no {full}`");
    let begins = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
    let meant = container.children.iter().find(|child| {
        above.steps.is_empty() && child.kind == NodeKind::List && begins(child.name, &word.text)
    });
    if let Some(list) = meant {
        let key = list.keys.first().map(|key| key.name.to_uppercase()).unwrap_or_default();
        message += &format!("; to delete one {0}, `no {full} {0} {key}`", list.name);
    }
    Err(Stop::Fault(Fault::new(word.span.clone(), message)))
}
