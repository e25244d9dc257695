//! A configuration has the same result on every path that leads to it: from an empty configuration,
//! from another one, after a boot, and after a commit that the kernel has refused. This tests the
//! engine, which looks only at what a change affects.

use proptest::prelude::*;
use testkit::configurations::{
    Configuration, Surroundings, comparable, configuration, described, surroundings,
};

use netstate::SysctlKey;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_path_to_a_configuration_has_the_same_result(
        (around, before, wanted) in (surroundings(), configuration(), configuration()),
        (refused, at) in (configuration(), 0..20_usize),
    ) {
        let directly = Way::new(around).to(&wanted);
        for way in [Via::Other, Via::Boot, Via::Refusal(&refused, at)] {
            let mut path = Way::new(around);
            drop(path.commit(&before));
            path.pass(&way);
            agree(&directly, &path.to(&wanted), &way)?;
        }
    }
}

/// The number of cases. The default takes some seconds.
fn cases() -> u32 {
    const CASES: u32 = 50;
    let asked_for = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    asked_for.unwrap_or(CASES)
}

/// What happens between the two configurations.
#[derive(Debug)]
enum Via<'a> {
    Other,
    Boot,
    /// A third one, of which the kernel refuses an operation.
    Refusal(&'a Configuration, usize),
}

/// A host on a path.
struct Way {
    host: Host,
    engine: Option<Engine>,
    around: Surroundings,
}

/// The held objects with the reasons and the kernel's state, or the reason why a configuration is
/// refused.
type Outcome = std::result::Result<(Vec<(Key, String)>, State), String>;

impl Way {
    fn new(around: Surroundings) -> Way {
        let host = Host { kernel: FakeKernel::holding(around.state()), ..Host::new() };
        let engine = Some(host.start());
        Way { host, engine, around }
    }

    fn commit(&mut self, wanted: &Configuration) -> Result<Committed> {
        let wanted = tree_of(&wanted.state());
        let engine = self.engine.as_mut().unwrap();
        let session = engine.session();
        let diff = engine.sessions.at(session).unwrap().candidate.tree().diff(&wanted);
        engine.edit_candidate(session, &diff.to_edit()).unwrap();
        let outcome = engine.commit(session, Request::default());
        engine.end_session(session, SessionEnd::Closed);
        outcome
    }

    fn pass(&mut self, via: &Via<'_>) {
        match via {
            Via::Other => {}
            Via::Boot => {
                self.engine = None;
                self.host.kernel = FakeKernel::holding(self.around.state());
                self.host.boot_id = "second";
                self.engine = Some(self.host.start());
            }
            Via::Refusal(refused, at) => {
                self.host.kernel.refuse_after(*at, libc::ENOMEM);
                drop(self.commit(refused));
                self.host.kernel.refuse_after(usize::MAX, libc::ENOMEM);
            }
        }
    }

    fn to(mut self, wanted: &Configuration) -> Outcome {
        let committed = self.commit(wanted);
        if committed.is_err() {
            return Err(message(committed));
        }
        let held = self.engine.as_ref().unwrap().kernel.held().iter();
        let held = held.map(|(key, object)| (key.clone(), object.hold.reason.clone())).collect();
        Ok((held, comparable(self.host.kernel.state())))
    }
}

/// A configuration in YANG. The models have no leaf for `conf.all.forwarding`, which is
/// `ip_forward`.
fn tree_of(state: &State) -> Tree {
    const WITH_LEAF: [&str; 3] = ["ip_forward", "proxy_arp", "disable_ipv6"];
    let leaf =
        |path: &str| WITH_LEAF.into_iter().find(|leaf| path.rsplit('/').next() == Some(leaf));
    let has_leaf = |key: &SysctlKey| {
        let path = key.path.as_str();
        leaf(path).filter(|leaf| key.path.dev().is_some() || *leaf == "ip_forward")
    };
    let mut plain = state.clone();
    let has_none = |key: &SysctlKey| {
        has_leaf(key).is_none() && key.path.as_str() != "net/ipv4/conf/all/forwarding"
    };
    plain.objects.retain(|key, _| !matches!(key, Key::Sysctl(key) if !has_none(key)));
    let mut tree = mapping::raise(&plain, &Tree::empty(schema())).unwrap().config_only();
    for (key, object) in &state.objects {
        let (Key::Sysctl(key), Object::Sysctl(value)) = (key, object) else { continue };
        let Some(leaf) = has_leaf(key) else { continue };
        let netns = &key.netns;
        let of = |ifname| Place { netns: netns.clone(), ifname };
        let is_at =
            |place: &Place, object: &Object| object.link().is_some_and(|link| link.place == *place);
        let line = match key.path.dev().map(of) {
            None => format!("/netloom-sysctl:sysctls/netns[name='{netns}']/{leaf} = {value}"),
            Some(place) => {
                let mut links = state.objects.iter();
                let link = links.find(|(_, object)| is_at(&place, object)).unwrap().0;
                let entry = mapping::path(link, None, &tree);
                format!("{entry}/netloom-link:sysctl/{leaf} = {value}")
            }
        };
        super::apply(&mut tree, &line);
    }
    tree
}

fn agree(
    directly: &Outcome,
    found: &Outcome,
    via: &Via<'_>,
) -> std::result::Result<(), TestCaseError> {
    match (directly, found) {
        (Ok((held, kernel)), Ok((other_held, other_kernel))) => {
            prop_assert_eq!(held, other_held, "{:?}", via);
            prop_assert!(
                kernel == other_kernel,
                "{via:?}\ndirectly:\n{}\nthat way:\n{}",
                described(&missing(kernel, other_kernel)),
                described(&missing(other_kernel, kernel))
            );
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(refused)) => prop_assert!(false, "{via:?}\nrefused that way: {refused}"),
        (Err(refused), Ok(_)) => prop_assert!(false, "{via:?}\nrefused directly: {refused}"),
    }
    Ok(())
}

/// The objects of the first that are missing or different in the second.
fn missing(first: &State, second: &State) -> State {
    let objects =
        first.objects.iter().filter(|(key, object)| second.objects.get(key) != Some(object));
    State { objects: objects.map(|(key, object)| (key.clone(), object.clone())).collect() }
}

#[test]
fn a_random_configuration_is_the_same_in_yang() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut taken = 0;
    for _ in 0..100 {
        let mut state = configuration().new_tree(&mut runner).unwrap().current().state();
        let tree = tree_of(&state);
        let alias = "net/ipv4/conf/all/forwarding";
        state
            .objects
            .retain(|key, _| !matches!(key, Key::Sysctl(key) if key.path.as_str() == alias));
        match mapping::lower(&tree) {
            Ok(lowered) => {
                assert_eq!(described(&lowered), described(&state));
                taken += 1;
            }
            Err(errors) => println!("{errors:?}\n{}", described(&state)),
        }
    }
    assert!(taken >= 80, "{taken} of 100 are valid");
}
