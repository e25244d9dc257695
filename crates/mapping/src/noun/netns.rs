//! iproute2-ip-netns: namespaces.

use netstate::{Key, NetnsName, Object};
use yang::{Error, Path, Tree, Value};

use crate::NamedConfiguration;
use crate::instances::{list_path, schema_node};
use crate::lowering::Lowering;
use crate::noun::ShownIn;
use crate::raising::Raising;

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::container("netnses")];

/// Every configured namespace must exist.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    for entry in lowering.entries("netnses", Some("netns")) {
        // The directory has reported an invalid name.
        let name = entry.leaf("name").and_then(|name| name.to_string().parse::<NetnsName>().ok());
        if let Some(netns) = name.filter(|netns| !netns.is_own()) {
            lowering.add(Key::Netns(netns), Object::Netns);
        }
    }
}

/// Every namespace that has a name.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    for key in raising.observed.objects.keys() {
        let Key::Netns(netns) = key else { continue };
        if !netns.is_own() {
            tree.create(&entry(netns, tree))?;
        }
    }
    Ok(())
}

/// The entry of a namespace.
pub(crate) fn path(netns: &NetnsName, known: &NamedConfiguration<'_>) -> Path {
    entry(netns, known.configuration)
}

fn entry(netns: &NetnsName, tree: &Tree) -> Path {
    let Some(list) = schema_node(tree.schema(), "netnses", &["netns"]) else {
        return Path::default();
    };
    match netns.is_own() {
        true => list_path(list),
        false => list_path(list).join(list, vec![Value::String(netns.as_str().into())]),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::test::{check, check_path, check_raised, lowered};

    const NAMESPACES: &str = r#"{"netnses": {"netns": [{"name": "vpn10"}, {"name": "vpn9"}]}}"#;

    #[test]
    fn namespaces() {
        check(
            NAMESPACES,
            expect![[r#"
            {Netns: vpn10} = Netns
            {Netns: vpn9} = Netns
        "#]],
        );
        check_raised(
            &lowered(NAMESPACES),
            "{}",
            expect![[r#"
            {
              "iproute2-ip-netns:netnses": {
                "netns": [
                  {
                    "name": "vpn9"
                  },
                  {
                    "name": "vpn10"
                  }
                ]
              }
            }"#]],
        );
    }

    #[test]
    fn namespaces_have_paths() {
        check_path(
            NAMESPACES,
            (r#"{"Netns": "vpn9"}"#, None),
            expect!["/iproute2-ip-netns:netnses/netns[name='vpn9']"],
        );
        check_path(NAMESPACES, (r#"{"Netns": "1"}"#, None), expect!["/iproute2-ip-netns:netnses"]);
    }
}
