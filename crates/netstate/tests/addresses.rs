//! Addresses with options have the same result on every path, and those of others come back.

use proptest::prelude::*;
use testkit::configurations::addresses::{addresses, theirs};
use testkit::configurations::{comparable, described};
use testkit::{FakeKernel, Owner};

/// `ENOMEM` (errno.h).
const ENOMEM: i32 = 12;

proptest! {
    #[test]
    fn every_path_has_the_same_result(
        (theirs, before, wanted) in (theirs(), addresses(), addresses()),
        at in 0..12_usize,
    ) {
        let owner = || Owner::new(FakeKernel::holding(theirs.state()));
        let (mut direct, mut other) = (owner(), owner());
        let expected = direct.commit(&wanted.state());
        drop(other.commit(&before.state()));
        other.southbound.refuse_after(at, ENOMEM);
        drop(other.commit(&wanted.state()));
        other.southbound.refuse_after(usize::MAX, ENOMEM);
        let found = other.commit(&wanted.state());
        prop_assert_eq!(expected.is_ok(), found.is_ok(), "{:?} {:?}", expected, found);
        if expected.is_err() {
            return Ok(());
        }
        let (direct_state, other_state) =
            (comparable(direct.southbound.state()), comparable(other.southbound.state()));
        prop_assert_eq!(described(&direct_state), described(&other_state));
        let again = other.commit(&wanted.state());
        prop_assert_eq!(again.map(|plan| plan.ops.len()), Ok(0));
        other.commit(&netstate::State::default()).map_err(TestCaseError::fail)?;
        let before = comparable(FakeKernel::holding(theirs.state()).state());
        prop_assert_eq!(described(&before), described(&comparable(other.southbound.state())));
    }
}
