//! Network namespaces as objects. They are created, removed and observed by name.

use netstate::{Key, LinkName, NetnsName, Object, ObserveError, Part, Wanted};

use crate::execution::{Act, Execution, PointedAt, Result as Executed};
use crate::message::{Message, Wire};
use crate::observer::Observer;

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire = Wire { get: 0, plural: "namespaces", groups: &[] };

/// Executes an operation on a namespace.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    name: &'a NetnsName,
    doing: Act<'a, ()>,
) -> Executed<()> {
    match doing {
        Act::Create(()) => execution.make_namespace(index, name),
        Act::Update { .. } => Ok(()),
        Act::Delete(()) => execution.remove_namespace(index, name),
    }
}

/// The field to which the kernel points: a namespace has none.
pub(crate) fn field((): &(), _: PointedAt<'_>) -> Option<&'static str> {
    None
}

/// Reads the namespaces that have names.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    _: &Part,
) -> Result<(), ObserveError> {
    for netns in namespaces.iter().filter(|netns| !netns.is_own()) {
        observer.insert(Key::Netns(netns.clone()), Object::Netns);
    }
    Ok(())
}

/// Reads which of these exist.
pub(crate) fn observe(
    observer: &mut Observer<'_>,
    names: &[&NetnsName],
    _: &Wanted,
) -> Result<(), ObserveError> {
    for name in names {
        if observer.exists(name) {
            observer.insert(Key::Netns((*name).clone()), Object::Netns);
        }
    }
    Ok(())
}

/// There are no notifications about namespaces. The monitor compares their names.
pub(crate) fn notified(
    _: Message<'_>,
    _: &NetnsName,
    _: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    None
}
