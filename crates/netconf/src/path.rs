//! The two formats of an instance's path.
//!
//! Internally, and for users, a path has the format of RFC 7951: the module's name appears where the module changes
//! (`/a:links/link[name='x']/b:mtu`). In `<error-path>` it is XPath, where each name has its prefix (RFC 6241
//! section 4.3).

/// Converts RFC 7951 to XPath, and returns the prefixes. None if `path` is not such a path.
pub(crate) fn to_xpath(path: &str) -> Option<(String, Vec<&str>)> {
    let mut out = String::new();
    let mut prefixes = Vec::new();
    let mut module = None;
    for step in steps(path)? {
        if let Some(prefix) = step.prefix {
            module = Some(prefix);
            if !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
        let module = module?;
        out += &format!("/{module}:{}", step.name);
        for (key, rest) in step.predicates {
            match key {
                "." => out += &format!("[.{rest}]"),
                key if key.contains(':') => out += &format!("[{key}{rest}]"),
                key => out += &format!("[{module}:{key}{rest}]"),
            }
        }
    }
    Some((out, prefixes))
}

/// Converts XPath to RFC 7951. Any other text is returned unchanged.
pub(crate) fn from_xpath(path: &str) -> String {
    let Some(steps) = steps(path) else { return path.to_string() };
    let mut out = String::new();
    let mut module = None;
    for step in steps {
        match step.prefix {
            Some(prefix) if module != Some(prefix) => {
                module = Some(prefix);
                out += &format!("/{prefix}:{}", step.name);
            }
            Some(_) | None => out += &format!("/{}", step.name),
        }
        for (key, rest) in step.predicates {
            let key = match key.split_once(':') {
                Some((prefix, key)) if module == Some(prefix) => key,
                Some(_) | None => key,
            };
            out += &format!("[{key}{rest}]");
        }
    }
    out
}

struct Step<'a> {
    prefix: Option<&'a str>,
    name: &'a str,
    /// The text before the `=`, and the rest.
    predicates: Vec<(&'a str, &'a str)>,
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while let Some(step) = rest.strip_prefix('/') {
        let end = step.find(['/', '[']).unwrap_or(step.len());
        let (prefix, name) = match step[..end].split_once(':') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, &step[..end]),
        };
        if name.is_empty() || prefix == Some("") {
            return None;
        }
        rest = &step[end..];
        let mut predicates = Vec::new();
        while let Some(predicate) = rest.strip_prefix('[') {
            let equals = predicate.find('=')?;
            let value = &predicate[equals + 1..];
            let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let close = 1 + value[1..].find(quote)?;
            rest = value[close + 1..].strip_prefix(']')?;
            let key = &predicate[..equals];
            predicates.push((key.trim(), &predicate[equals..equals + 1 + close + 1]));
        }
        steps.push(Step { prefix, name, predicates });
    }
    (rest.is_empty() && !steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let check = |path: &str, xpath: &str, prefixes: &[&str]| {
            assert_eq!(to_xpath(path), Some((xpath.to_string(), prefixes.to_vec())));
            assert_eq!(from_xpath(xpath), path);
        };
        check("/a:links", "/a:links", &["a"]);
        check(
            "/a:links/link[name='x/[y]']/b:mtu",
            "/a:links/a:link[a:name='x/[y]']/b:mtu",
            &["a", "b"],
        );
        check("/a:l/m[k=\"it's\"][n='2']/o", "/a:l/a:m[a:k=\"it's\"][a:n='2']/a:o", &["a"]);
        check("/a:l/m[.='1']", "/a:l/a:m[.='1']", &["a"]);
        check("/a:l/b:m[c:k='1']/n", "/a:l/b:m[c:k='1']/b:n", &["a", "b"]);
    }

    #[test]
    fn what_is_no_path_stays() {
        for text in
            ["", "a", "/", "/a:", "/:a", "//a", "/a:b[", "/a:b[1]", "/a:b[c='d]", "/a:b[c='d'"]
        {
            assert_eq!(to_xpath(text), None, "{text}");
            assert_eq!(from_xpath(text), text);
        }
        assert_eq!(to_xpath("/no-module"), None);
        assert_eq!(from_xpath("/no-module"), "/no-module");
    }
}
