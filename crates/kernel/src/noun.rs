//! The nouns, one file each: their netlink messages.

pub(crate) mod address;
pub(crate) mod fdb;
pub(crate) mod link;
pub(crate) mod neighbor;
pub(crate) mod netns;
pub(crate) mod nexthop;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod sysctl;

use netstate::{
    Action, Key, LinkName, NetnsName, Noun, ObserveError, Op, Part, Wanted, bound, object,
    with_nouns,
};

use crate::execution::{Act, Execution, Failure, PointedAt, Result as Executed};
use crate::message::Message;
use crate::observer::Observer;

macro_rules! nouns {
    ($($(#[$doc:meta])* $noun:ident $stem:ident ($key:ty) [$($object:ty)?];)*) => {
        /// Lets the noun of an operation add its requests to the batch, or execute it.
        pub(crate) fn stage<'a>(execution: &mut Execution<'a>, index: usize, op: &'a Op) -> Executed<()> {
            match (&op.key, &op.action) {
                $((Key::$noun(key), Action::Create(object!($noun, object, [$($object)?]))) => {
                    let doing = Act::Create(bound!(object, [$($object)?]));
                    $stem::execute(execution, index, key, doing)
                })*
                $((
                    Key::$noun(key),
                    Action::Update {
                        from: object!($noun, from, [$($object)?]),
                        change: object!($noun, change, [$($object)?]),
                    },
                ) => {
                    let from = bound!(from, [$($object)?]);
                    let change = bound!(change, [$($object)?]);
                    $stem::execute(execution, index, key, Act::Update { from, change })
                })*
                $((Key::$noun(key), Action::Delete(object!($noun, object, [$($object)?]))) => {
                    let doing = Act::Delete(bound!(object, [$($object)?]));
                    $stem::execute(execution, index, key, doing)
                })*
                (Key::Address(key), Action::Await) => {
                    address::await_detection(execution, index, key)
                }
                _ => Err(Failure::words(index, "the operation's object is not of its key's noun")),
            }
        }

        /// The field of `op`'s object to which the kernel points in a request.
        pub(crate) fn field(op: &Op, at: PointedAt<'_>) -> Option<&'static str> {
            let object = match &op.action {
                Action::Create(object)
                | Action::Update { change: object, .. }
                | Action::Delete(object) => object,
                Action::Await => return None,
            };
            match (&op.key, object) {
                $((Key::$noun(_), object!($noun, object, [$($object)?])) => {
                    $stem::field(bound!(object, [$($object)?]), at)
                })*
                _ => None,
            }
        }

        /// Reads all objects of the requested nouns.
        pub(crate) fn observe_part(
            observer: &mut Observer<'_>,
            names: &[NetnsName],
            part: &Part,
        ) -> Result<(), ObserveError> {
            $(if part.nouns.contains(&Noun::$noun) {
                $stem::observe_part(observer, names, part)?;
            })*
            Ok(())
        }

        /// The plural name of the objects that a request reads.
        pub(crate) fn plural(get: u16) -> &'static str {
            let asked_for = [$($stem::WIRE),*].into_iter().find(|wire| wire.get == get);
            asked_for.map_or("identifiers", |wire| wire.plural)
        }

        /// Reads the objects with these keys.
        pub(crate) fn by_key(observer: &mut Observer<'_>, wanted: &Wanted) -> Result<(), ObserveError> {
            $(let mut $stem: Vec<&$key> = Vec::new();)*
            for key in &wanted.keys {
                match key {
                    $(Key::$noun(key) => $stem.push(key),)*
                }
            }
            $(if !$stem.is_empty() {
                $stem::observe(observer, &$stem, wanted)?;
            })*
            Ok(())
        }

        /// The notification groups of all nouns.
        pub(crate) fn groups() -> impl Iterator<Item = u32> {
            [$($stem::WIRE.groups),*].into_iter().flatten().copied()
        }

        /// The object of a notification; `name` returns the name of the link with an index.
        pub(crate) fn notified(
            message: Message<'_>,
            netns: &NetnsName,
            name: impl Fn(u32) -> Option<LinkName>,
        ) -> Option<Key> {
            None$(.or_else(|| $stem::notified(message, netns, &name)))*
        }
    };
}

with_nouns!(nouns);
