//! Sound configurations whose objects depend on each other, on the fake kernel.
//!
//! The kernel refuses an operation now and then. This is fast, so that many configurations follow each other.

use acceptance::in_process::{Device, schema};
use engine::Revision;
use fastrand::Rng;
use netstate::{Key, State};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use testkit::FakeKernel;
use testkit::configurations::{comparable, configuration, described, surroundings};
use yang::Tree;

use crate::count;

pub(crate) fn run(random: &mut Rng) {
    let mut drawn = Drawn::new(random);
    let kernel = FakeKernel::holding(drawn.next(&surroundings()).state());
    let untouched = comparable(kernel.state());
    let own = kernel.clone();
    let mut device = Device::on(move || Box::new(own.clone()));
    for _ in 0..random.u8(3..10) {
        let wanted = drawn.configuration();
        let (running, before) = (device.running(), comparable(kernel.state()));
        let is_refused = random.u8(0..3) == 0;
        if is_refused {
            kernel.refuse_after(random.usize(0..12), libc::ENOMEM);
        }
        let committed = device.commit(&wanted);
        count(&committed);
        kernel.refuse_after(usize::MAX, libc::ENOMEM);
        let same = |what: &str| assert_same(&before, &kernel, what, &wanted);
        match committed {
            Err(words) => {
                assert_eq!(device.running(), running, "running after a refusal: {words}");
                same(&format!("refused: {words}"));
            }
            Ok(()) if wanted == running => {}
            Ok(()) if random.bool() => {
                device.roll_back(Revision::Position(1)).expect("rollback 1 is not refused");
                same("rolled back");
            }
            Ok(()) => {
                let before = comparable(kernel.state());
                device.start_again();
                assert_same(&before, &kernel, "started again", &wanted);
            }
        }
        let complaints = device.complaints();
        assert!(complaints.is_empty(), "{complaints:?}\n{}", wanted.to_json(true));
    }
    device.commit(&Tree::empty(schema())).expect("everything can be taken out");
    assert_same(&untouched, &kernel, "everything is taken out", &Tree::empty(schema()));
}

fn assert_same(before: &State, kernel: &FakeKernel, what: &str, wanted: &Tree) {
    let after = comparable(kernel.state());
    assert!(
        *before == after,
        "{what}\nbefore:\n{}\nafter:\n{}\n{}",
        described(before),
        described(&after),
        wanted.to_json(true)
    );
}

/// Random values of the strategies of `testkit`.
pub(crate) struct Drawn(TestRunner);

impl Drawn {
    pub(crate) fn new(random: &mut Rng) -> Self {
        let seed: [u8; 32] = std::array::from_fn(|_| random.u8(..));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    /// A configuration, without parameters.
    pub(crate) fn configuration(&mut self) -> Tree {
        let mut state = self.next(&configuration()).state();
        state.objects.retain(|key, _| !matches!(key, Key::Sysctl(_)));
        let tree = mapping::raise(&state, &Tree::empty(schema()));
        tree.expect("the state is shown").config_only()
    }

    fn next<T>(&mut self, strategy: &impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.0).expect("a value").current()
    }
}
