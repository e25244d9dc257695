//! What this crate's tests share: configurations as RFC 7951 JSON, and short forms of states and
//! errors.

use std::fmt::Write as _;

use expect_test::Expect;
use netstate::{Key, Object, State};
use serde_json::Value;
use yang::{Schema, Tree};

/// The configuration in `json`: one object, whose top nodes need no module name.
pub(crate) fn tree(json: &str) -> Tree {
    let schema = Schema::netloom().unwrap();
    let short: serde_json::Map<String, Value> = serde_json::from_str(json).unwrap();
    let whole: serde_json::Map<String, Value> = short
        .into_iter()
        .map(|(name, value)| match schema.top_node(None, &name) {
            Some(node) => (format!("{}:{name}", node.module.name), value),
            None => (name, value),
        })
        .collect();
    Tree::from_json(schema, &Value::Object(whole).to_string()).unwrap()
}

/// The desired state of a configuration.
pub(crate) fn lowered(json: &str) -> State {
    crate::lower(&tree(json)).unwrap()
}

/// Checks the desired state of a configuration.
pub(crate) fn check(json: &str, expect: Expect) {
    expect.assert_eq(&objects(&lowered(json)));
}

/// Checks the errors of a configuration.
pub(crate) fn check_faults(json: &str, expect: Expect) {
    expect.assert_eq(&match crate::lower(&tree(json)) {
        Ok(state) => panic!("nothing is wrong:\n{}", objects(&state)),
        Err(faults) => faults.iter().fold(String::new(), |mut text, fault| {
            writeln!(text, "{fault}").unwrap();
            text
        }),
    });
}

/// Checks the operational data of a state.
pub(crate) fn check_raised(observed: &State, configuration: &str, expect: Expect) {
    let raised = crate::raise(observed, &tree(configuration)).unwrap();
    expect.assert_eq(&raised.to_json(true));
}

/// Checks the node of an object or of its field; the key as JSON.
pub(crate) fn check_path(configuration: &str, (key, field): (&str, Option<&str>), expect: Expect) {
    let key: Key = serde_json::from_str(key).unwrap();
    expect.assert_eq(&crate::path(&key, field, &tree(configuration)).to_string());
}

/// A configuration with links in two namespaces, and these routes.
pub(crate) fn routes(routes: &str) -> String {
    format!(
        r#"{{
        "netnses": {{"netns": [{{"name": "vpn10"}}, {{"name": "vpn20"}}]}},
        "links": {{"link": [
            {{"name": "eth0"}},
            {{"name": "dummy10", "type": "dummy", "netns": "vpn10"}},
            {{"name": "veth10", "type": "veth", "netns": "vpn10", "virtual_peer_name": "veth20"}},
            {{"name": "veth20", "netns": "vpn20"}}
        ]}},
        "routes": {{"route": [{routes}]}}
        }}"#
    )
}

/// A state from its objects.
pub(crate) fn state(objects: impl IntoIterator<Item = (Key, Object)>) -> State {
    State { objects: objects.into_iter().collect() }
}

/// A line for each object, without the fields that are not set.
pub(crate) fn objects(state: &State) -> String {
    let mut text = String::new();
    for (key, object) in &state.objects {
        let key = serde_json::to_value(key).unwrap();
        let object = serde_json::to_value(object).unwrap();
        writeln!(text, "{} = {}", short(key), short(object)).unwrap();
    }
    text
}

fn short(value: Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, value)| (name, short(value)))
                .filter(|(_, value)| !matches!(value.as_str(), "null" | "{}" | "[]"))
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.into_iter().map(short).collect();
            format!("[{}]", values.join(", "))
        }
        Value::String(text) => text,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other.to_string(),
    }
}
