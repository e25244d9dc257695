//! The drift policies of the configuration: the general one, and those for subtrees.

use serde::Deserialize;
use yang::{Error, ErrorTag, Path, Step, Tree};

/// The reaction to an object that others have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    #[default]
    Report,
    Repair,
    Adopt,
    Ignore,
}

impl Policy {
    /// The name in the YANG model.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Policy::Report => "report",
            Policy::Repair => "repair",
            Policy::Adopt => "adopt",
            Policy::Ignore => "ignore",
        }
    }
}

/// The policies of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Policies {
    overall: Policy,
    subtrees: Vec<(Path, Policy)>,
}

/// The configuration part of container `drift` of module netloom-drift.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    subtree: Vec<Subtree>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subtree {
    path: String,
    policy: Policy,
}

impl Policies {
    /// Reads the policies. The error for an invalid path names where it is configured.
    pub(crate) fn of(tree: &Tree) -> Result<Policies, Vec<Error>> {
        let Some(drift) = tree.top().find(|node| node.schema().module.name == MODULE) else {
            return Ok(Policies::default());
        };
        let Configured { policy, subtree } = drift.deserialize().map_err(|error| vec![error])?;
        let (mut subtrees, mut faults) = (Vec::new(), Vec::new());
        for Subtree { path: text, policy } in subtree {
            match Path::parse(tree.schema(), &text) {
                Ok(path) => subtrees.push((path, policy)),
                Err(error) => faults.push(Error {
                    tag: ErrorTag::InvalidValue,
                    path: Some(format!("/{MODULE}:drift/subtree[path={}]", quoted(&text))),
                    ..error
                }),
            }
        }
        if faults.is_empty() { Ok(Policies { overall: policy, subtrees }) } else { Err(faults) }
    }

    /// The policy at a path: that of the innermost subtree that contains it.
    pub(crate) fn at(&self, path: &Path) -> Policy {
        let around = self.subtrees.iter().filter(|(subtree, _)| is_within(path, subtree));
        let innermost = around.max_by_key(|(subtree, _)| subtree.steps.len());
        innermost.map_or(self.overall, |(_, policy)| *policy)
    }
}

pub(crate) const MODULE: &str = "netloom-drift";

/// A list without keys stands for all its entries.
fn is_within(path: &Path, subtree: &Path) -> bool {
    let same = |step: &Step, around: &Step| {
        step.node.name == around.node.name
            && step.node.module.name == around.node.module.name
            && (around.keys.is_empty() || step.keys == around.keys)
    };
    path.steps.len() >= subtree.steps.len()
        && path.steps.iter().zip(&subtree.steps).all(|(step, around)| same(step, around))
}

fn quoted(text: &str) -> String {
    match text.contains('\'') {
        true => format!("\"{text}\""),
        false => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::{schema, tree};

    #[test]
    fn the_innermost_subtree_counts() {
        let tree = tree(
            "/netloom-drift:drift/policy = repair
             /netloom-drift:drift/subtree[path='/iproute2-ip-link:links']/policy = ignore
             /netloom-drift:drift/subtree[path='/links/link']/policy = adopt
             /netloom-drift:drift/subtree[path=\"/links/link[name='eth0']\"]/policy = report",
        );
        let policies = Policies::of(&tree).unwrap();
        for (path, policy) in [
            ("/iproute2-ip-netns:netnses/netns[name='a']", Policy::Repair),
            ("/iproute2-ip-link:links/bridge[name='a']", Policy::Ignore),
            ("/iproute2-ip-link:links/link[name='a']", Policy::Adopt),
            ("/iproute2-ip-link:links/link[name='eth0']", Policy::Report),
            ("/iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/8']", Policy::Report),
        ] {
            assert_eq!(policies.at(&Path::parse(schema(), path).unwrap()), policy, "{path}");
        }
    }

    #[test]
    fn an_invalid_policy_path_is_reported() {
        let tree = tree("/netloom-drift:drift/subtree[path='/nowhere']/policy = ignore");
        let errors: Vec<String> =
            Policies::of(&tree).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with("/netloom-drift:drift/subtree[path='/nowhere']: "),
            "{errors:?}"
        );
    }
}
