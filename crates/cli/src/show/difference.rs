//! The difference of two configurations: as text, as a NETCONF edit, and as a RESTCONF patch.

use serde_json::{Value, json};
use yang::{NodeKind, Part, Path, Step, Tree};

use crate::grammar::pipe::Form;
use crate::grammar::render;

/// The difference in a format. None for a format that cannot express deletions.
pub(crate) fn text(old: &Tree, new: &Tree, form: Form) -> Option<String> {
    match form {
        Form::Text => Some(render::diff(old, new)),
        Form::Set => None,
        Form::Json => Some(format!("{:#}\n", patch(old, new))),
        Form::Xml => Some(old.diff(new).to_edit().to_indented_xml()),
    }
}

/// RFC 8072 `yang-patch`, without the old values.
fn patch(old: &Tree, new: &Tree) -> Value {
    let diff = old.diff(new).opened();
    let edits = diff.parts().iter().zip(1_u32..).map(|(part, number)| {
        let operation = match part {
            Part::Created(..) => "create",
            Part::Replaced(..) => "replace",
            Part::Deleted(..) => "delete",
        };
        let path = part.path();
        let mut edit = json!({
            "edit-id": number.to_string(),
            "operation": operation,
            "target": target(path),
        });
        if !matches!(part, Part::Deleted(..)) {
            edit["value"] = value(new, path);
        }
        edit
    });
    let edits: Vec<Value> = edits.collect();
    json!({ "ietf-yang-patch:yang-patch": { "patch-id": "difference", "edit": edits } })
}

/// The data resource (RFC 8040 section 3.5.3).
fn target(path: &Path) -> String {
    let mut target = String::new();
    for step in &path.steps {
        target.push('/');
        target += &name(step);
        let keys: Vec<String> = step.keys.iter().map(|key| escaped(&key.to_string())).collect();
        if !keys.is_empty() {
            target += &format!("={}", keys.join(","));
        }
    }
    target
}

/// A node's name, with the module's name if RFC 7951 section 4 requires it.
fn name(step: &Step) -> String {
    match step.node.starts_module() {
        true => format!("{}:{}", step.node.module.name, step.node.name),
        false => step.node.name.to_owned(),
    }
}

/// Percent-encoded, except for the unreserved characters of RFC 3986.
fn escaped(key: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    key.bytes().map(byte).collect()
}

/// The data at `path`, under its name with the module's name.
fn value(tree: &Tree, path: &Path) -> Value {
    let Some(last) = path.steps.last() else { return Value::Null };
    let mut found: Value =
        serde_json::from_str(&tree.subtree(path).to_json(false)).unwrap_or_default();
    for step in &path.steps {
        found = found.get_mut(name(step)).map(Value::take).unwrap_or_default();
        let is_last = std::ptr::eq(step, last);
        if step.node.kind == NodeKind::List && !is_last {
            found = found.get_mut(0).map(Value::take).unwrap_or_default();
        }
    }
    json!({ format!("{}:{}", last.node.module.name, last.node.name): found })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use yang::Schema;

    use super::*;

    fn tree(json: &str) -> Tree {
        Tree::from_json(Schema::netloom().unwrap(), json).unwrap()
    }

    #[test]
    fn each_form_tells_all_of_it() {
        let old = tree(
            r#"{"iproute2-ip-link:links": {"link": [
                {"name": "eth1", "mtu": 1500, "ip": [{"address": "10.0.0.1/24"}, {"address": "10.0.1.1/24"}]},
                {"name": "eth2"}]}}"#,
        );
        let new = tree(
            r#"{"iproute2-ip-link:links": {"link": [
                {"name": "eth1", "mtu": 1400, "netloom-link:ifname": "uplink", "ip": [{"address": "10.0.0.1/24"}, {"address": "10.0.2.1/24"}]}]},
                "iproute2-ip-netns:netnses": {"netns": [{"name": "red"}]}}"#,
        );
        let form = |form| text(&old, &new, form).unwrap_or_else(|| "none".into());
        expect![[r#"
            +netnses-iproute2
            + netns red
            links-iproute2
             link eth1
            -  mtu 1500
            +  mtu 1400
            -  ip 10.0.1.1/24
            +  ip 10.0.2.1/24
            +  ifname uplink
            - link eth2
        "#]]
        .assert_eq(&form(Form::Text));
        expect![[r#"
            <netnses xmlns="urn:okda:iproute2:ip:netns">
              <netns>
                <name>red</name>
              </netns>
            </netnses>
            <links xmlns="urn:okda:iproute2:ip:link">
              <link>
                <name>eth1</name>
                <mtu>1400</mtu>
                <ip xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove">
                  <address>10.0.1.1/24</address>
                </ip>
                <ip>
                  <address>10.0.2.1/24</address>
                </ip>
                <ifname xmlns="urn:netloom:link">uplink</ifname>
              </link>
              <link xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove">
                <name>eth2</name>
              </link>
            </links>
        "#]]
        .assert_eq(&form(Form::Xml));
        expect![[r#"
            {
              "ietf-yang-patch:yang-patch": {
                "edit": [
                  {
                    "edit-id": "1",
                    "operation": "create",
                    "target": "/iproute2-ip-netns:netnses/netns=red",
                    "value": {
                      "iproute2-ip-netns:netns": [
                        {
                          "name": "red"
                        }
                      ]
                    }
                  },
                  {
                    "edit-id": "2",
                    "operation": "replace",
                    "target": "/iproute2-ip-link:links/link=eth1/mtu",
                    "value": {
                      "iproute2-ip-link:mtu": 1400
                    }
                  },
                  {
                    "edit-id": "3",
                    "operation": "delete",
                    "target": "/iproute2-ip-link:links/link=eth1/ip=10.0.1.1%2F24"
                  },
                  {
                    "edit-id": "4",
                    "operation": "create",
                    "target": "/iproute2-ip-link:links/link=eth1/ip=10.0.2.1%2F24",
                    "value": {
                      "iproute2-ip-link:ip": [
                        {
                          "address": "10.0.2.1/24"
                        }
                      ]
                    }
                  },
                  {
                    "edit-id": "5",
                    "operation": "create",
                    "target": "/iproute2-ip-link:links/link=eth1/netloom-link:ifname",
                    "value": {
                      "netloom-link:ifname": "uplink"
                    }
                  },
                  {
                    "edit-id": "6",
                    "operation": "delete",
                    "target": "/iproute2-ip-link:links/link=eth2"
                  }
                ],
                "patch-id": "difference"
              }
            }
        "#]]
        .assert_eq(&form(Form::Json));
        assert_eq!(text(&old, &new, Form::Set), None);
    }
}
