//! A path as a subtree filter (RFC 6241 section 6).

use std::fmt::Write as _;

use yang::{NodeKind, Path};

/// The filter that selects the data at `path`. None if that is everything. It may select more: section 6.2.5 ignores the
/// white space around a value, so a key that begins or ends with white space is not in the filter.
pub(crate) fn subtree(path: &Path) -> Option<String> {
    if path.steps.is_empty() {
        return None;
    }
    let (mut open, mut close) = (String::new(), String::new());
    let mut namespace = "";
    for step in &path.steps {
        let node = step.node;
        open += &format!("<{}", node.name);
        if node.module.namespace != namespace {
            namespace = &node.module.namespace;
            let _ = write!(open, " xmlns=\"{namespace}\"");
        }
        open += ">";
        if node.kind == NodeKind::List {
            for (key, value) in node.keys.iter().zip(&step.keys) {
                let value = value.to_string();
                if value.trim_ascii() == value {
                    open += &format!("<{0}>{1}</{0}>", key.name, escaped(&value));
                }
            }
        }
        close.insert_str(0, &format!("</{}>", node.name));
    }
    Some(open + &close)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xd;")
}
