//! Validation by libyang, with error messages that a network engineer can act on.

use crate::diff::{Diff, Go};
use crate::error::{Error, ErrorTag};
use crate::libyang::Fault;
use crate::path::{Path, Step};
use crate::schema::{SchemaNode, Type};
use crate::tree::Tree;

/// With more entries than this, the whole tree is validated.
const MANY: usize = 64;

impl Tree {
    /// All errors of the tree as a configuration (RFC 7950 section 8): references, `must`, `when`, mandatory nodes,
    /// uniqueness, each with its instance's path. Empty if the tree is valid.
    pub fn validate(&self) -> Result<(), Vec<Error>> {
        // Values are already valid for their types, so libyang needs only the nodes that constraints read.
        self.validate_seeing(SchemaNode::is_seen)
    }

    /// The same for a tree that was valid before the changes of `diff`. Only the constraints that the changes may
    /// violate are checked. Nodes that expressions and references read are checked together with the whole tree,
    /// others together with their entry.
    pub fn validate_change(&self, diff: &Diff) -> Result<(), Vec<Error>> {
        let mut entries: Vec<Vec<Step>> = Vec::new();
        let mut is_far_reaching = false;
        diff.walk(|_, steps| {
            let Some(node) = steps.last().map(|step| step.node) else { return Go::Below };
            let named = std::iter::once(node).chain(node.keys.iter().copied());
            let entry = steps.get(..2).unwrap_or(steps);
            if named.clone().any(SchemaNode::is_seen)
                && entries.last().is_none_or(|last| last != entry)
            {
                entries.push(entry.to_vec());
            }
            is_far_reaching |= !node.config || named.clone().any(SchemaNode::is_seen_from_afar);
            is_far_reaching |= entries.len() > MANY;
            if is_far_reaching { Go::Home } else { Go::Below }
        });
        if is_far_reaching {
            return self.validate();
        }
        let mut part = Tree::empty(self.schema());
        for steps in entries {
            part.merge(&self.subtree(&Path { steps }));
        }
        // An entry alone may lack nodes that are outside it. Only the whole tree shows whether this is an error.
        part.validate().or_else(|_| self.validate())
    }

    /// Validates the part of the tree that libyang needs, and checks that there is no state in the tree.
    pub(crate) fn validate_seeing(&self, seen: fn(&SchemaNode) -> bool) -> Result<(), Vec<Error>> {
        let config = self.config_only();
        let faults = self.schema().context.validate(config.json(false, seen));
        let mut errors: Vec<(Option<Path>, Error)> =
            faults.into_iter().map(|fault| self.tell(fault)).collect();
        if config != *self {
            let state = self.diff(&config);
            errors.extend(state.changes().map(|change| {
                let message = "this is state, which cannot be configured";
                let path = change.path().clone();
                let error = Error::new(ErrorTag::InvalidValue, message).at(&path);
                (Some(path), error)
            }));
        }
        if errors.is_empty() {
            return Ok(());
        }
        errors.sort_by(|(a, _), (b, _)| a.cmp(b));
        errors.dedup();
        Err(errors.into_iter().map(|(_, error)| error).collect())
    }

    /// Converts an error of libyang to our own message.
    fn tell(&self, fault: Fault) -> (Option<Path>, Error) {
        let path = fault.path.as_deref().and_then(|text| Path::parse(self.schema(), text).ok());
        let (tag, message) = self.words(&fault, path.as_ref());
        let error = Error {
            app_tag: fault.app_tag,
            path: path.as_ref().map(Path::to_string).or(fault.path),
            ..Error::new(tag, message)
        };
        (path, error)
    }

    fn words(&self, fault: &Fault, path: Option<&Path>) -> (ErrorTag, String) {
        let said = fault.message.trim_end();
        let quoted = |before: &str, after: &str| {
            said.strip_prefix(before)?.strip_suffix(after).map(str::to_owned)
        };
        if let Some(name) = quoted("Mandatory node \"", "\" instance does not exist.") {
            return (ErrorTag::DataMissing, format!("{name} is missing"));
        }
        if let Some(choice) = quoted("Mandatory choice \"", "\" data do not exist.") {
            let node = path.and_then(Path::node);
            return (ErrorTag::DataMissing, missing_choice(node, &choice));
        }
        if let Some(condition) = quoted("When condition \"", "\" not satisfied.") {
            return (ErrorTag::UnknownElement, format!("it is there only when {condition}"));
        }
        if let Some(condition) = quoted("Must condition \"", "\" not satisfied.") {
            return (ErrorTag::OperationFailed, format!("this must hold: {condition}"));
        }
        if let Some(rest) = quoted("Unique data leaf(s) \"", "\".")
            && let Some((leaves, places)) = rest.split_once("\" not satisfied in \"")
        {
            let other = places.split_once("\" and \"").map_or(places, |(first, _)| first);
            let message = format!("{leaves} is to be unique, and {other} has the same");
            return (ErrorTag::OperationFailed, message);
        }
        if let Some(name) = quoted("Too many \"", "\" instances.") {
            return (ErrorTag::OperationFailed, format!("there are too many instances of {name}"));
        }
        if let Some(name) = quoted("Too few \"", "\" instances.") {
            return (ErrorTag::OperationFailed, format!("there are too few instances of {name}"));
        }
        if (said.starts_with("Invalid leafref value") || said.starts_with("Invalid union value"))
            && let Some(message) = path.and_then(|path| self.dangling(path))
        {
            return (ErrorTag::DataMissing, message);
        }
        (ErrorTag::OperationFailed, said.to_owned())
    }

    /// The missing instance to which the value at `path` refers.
    fn dangling(&self, path: &Path) -> Option<String> {
        let node = path.node()?;
        let value = match path.steps.last().map(|step| &step.keys[..]) {
            Some([value]) => value,
            _ => self.node(path)?.value()?,
        };
        let mut targets = Vec::new();
        targets_of(node.leaf_type.as_ref()?, &mut targets);
        let (keys, others): (Vec<_>, Vec<_>) = targets.into_iter().partition(|leaf| leaf.is_key());
        let lists: Vec<_> = keys.iter().filter_map(|key| key.parent()).collect();
        let either = |nodes: &[&SchemaNode]| {
            nodes.iter().map(|node| format!("{node:?}")).collect::<Vec<_>>().join(" or ")
        };
        match (&lists[..], &others[..]) {
            ([], []) => None,
            (lists, []) => Some(format!("no {} named \"{value}\"", either(lists))),
            ([], others) => Some(format!("no {} is \"{value}\"", either(others))),
            (lists, others) => {
                let (lists, others) = (either(lists), either(others));
                Some(format!("no {lists} named \"{value}\", and no {others} is \"{value}\""))
            }
        }
    }
}

/// The target leaves of a reference, or of a union with references among its members.
fn targets_of(leaf_type: &Type, targets: &mut Vec<&'static SchemaNode>) {
    if let Type::Leafref { target, .. } = leaf_type {
        targets.push(target);
    }
    if let Type::Union(members) = leaf_type {
        members.iter().for_each(|member| targets_of(member, targets));
    }
}

fn missing_choice(parent: Option<&'static SchemaNode>, choice: &str) -> String {
    let children = parent.map_or(&[][..], |parent| &parent.children).iter();
    let of_choice = children.filter(|node| node.case.iter().any(|(name, _)| *name == choice));
    let names: Vec<_> = of_choice.map(|node| node.name).collect();
    match names.is_empty() {
        true => format!("{choice} is missing"),
        false => format!("one of {} is missing", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::sample::tree;

    #[track_caller]
    fn check(lines: &str, expected: Expect) {
        let shown = match tree(lines).validate() {
            Ok(()) => String::from("valid"),
            Err(errors) => errors
                .iter()
                .map(|error| {
                    let app_tag = error.app_tag.as_deref().unwrap_or("-");
                    format!("{:?} {app_tag} {error}\n", error.tag)
                })
                .collect(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn good_trees_are_valid() {
        check("", expect!["valid"]);
        check(
            "/netnses/netns[name='vpn10']
             /links/link[name='a']/netns = vpn10
             /links/link[name='a']/type = dummy
             /links/link[name='b']/netns = 1
             /links/link[name='b']/master = a
             /links/link[name='b']/ifname = x
             /links/link[name='b']/vxlan/id = 1
             /routes/route[prefix='default'][table='main']/tag = 1
             /routes/route[prefix='default'][table='100']/tag = 2
             /routes/route[prefix='default'][table='100']/onlink = true
             /routes/route[prefix='default'][table='100']/inner = x
             /routes/route[prefix='10.0.0.0/8'][table='100']/weight = 0.50",
            expect!["valid"],
        );
    }

    #[test]
    fn faults_are_told_all_at_once() {
        check(
            "/links/link[name='a']/netns = vpn99
             /links/link[name='b']/master = z
             /links/link[name='c']/vxlan/port = 7
             /routes/route[prefix='default'][table='main']/inner = x
             /routes/route[prefix='default'][table='main']/tag = 1
             /routes/route[prefix='10.0.0.0/8'][table='100']/tag = 1",
            expect![[r#"
                DataMissing instance-required /sample:links/link[name='a']/netns: no /sample:netnses/netns named "vpn99"
                DataMissing instance-required /sample:links/link[name='b']/master: no /sample:links/link named "z"
                OperationFailed must-violation /sample:links/link[name='c']/vxlan: port 7 is for echoes
                DataMissing - /sample:links/link[name='c']/vxlan: id is missing
                OperationFailed data-not-unique /sample:routes/route[prefix='10.0.0.0/8'][table='100']: tag is to be unique, and /sample:routes/route[prefix='default'][table='main'] has the same
                UnknownElement - /sample:routes/route[prefix='default'][table='main']/inner: it is there only when ../onlink = 'true'
            "#]],
        );
        check(
            "/links/link[name=\"it's\"]/master = \"",
            expect![[r#"
            DataMissing instance-required /sample:links/link[name="it's"]/master: no /sample:links/link named """
        "#]],
        );
        check(
            "/links/link[name='a']/state/rx = 1",
            expect![[r#"
            InvalidValue - /sample:links/link[name='a']/state: this is state, which cannot be configured
            InvalidValue - /sample:links/link[name='a']/state/rx: this is state, which cannot be configured
        "#]],
        );
    }
}
