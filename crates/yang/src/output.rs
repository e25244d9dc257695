//! The output of an operation, as the reply to it has it.

use crate::edit::EditNode;
use crate::error::{Error, ErrorTag, Result};
use crate::schema::Schema;

/// The output of an operation. Its instances are in the order of the reply, which may have a meaning.
#[derive(Clone, Debug)]
pub struct Output {
    /// The container `output`.
    pub(crate) nodes: Vec<EditNode>,
}

impl Output {
    /// Reads the content of a reply to an operation of a module.
    pub fn from_xml(
        schema: &'static Schema,
        (module, operation): (&str, &str),
        content: &str,
    ) -> Result<Output> {
        let output = schema.output(module, operation);
        let namespace = schema.modules().iter().find(|known| known.name == module);
        let (Some(output), Some(namespace)) = (output, namespace) else {
            let message = format!("the output of {module}:{operation} is not known");
            return Err(Error::new(ErrorTag::OperationNotSupported, message));
        };
        let namespace = &namespace.namespace;
        Output::read(output, &format!("<output xmlns=\"{namespace}\">{content}</output>"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::sample::schema;

    #[track_caller]
    fn check(operation: &str, content: &str, json: Expect, xml: Expect) {
        let output = Output::from_xml(schema(), ("sample", operation), content);
        let shown = |write: fn(&Output) -> String| match &output {
            Ok(output) => write(output),
            Err(error) => error.to_string(),
        };
        json.assert_eq(&shown(Output::to_json));
        xml.assert_eq(&shown(Output::to_xml));
    }

    #[test]
    fn an_output_keeps_its_order() {
        check(
            "ask",
            "<step xmlns=\"urn:sample\">b</step><answer xmlns=\"urn:sample\"><name>z</name><count>2</count></answer>
             <step xmlns=\"urn:sample\">a &lt; b</step><step xmlns=\"urn:sample\">b</step>
             <answer xmlns=\"urn:sample\"><count>10</count><name>a</name><size>5</size></answer>
             <total xmlns=\"urn:sample\">3</total>",
            expect![[r#"
                {
                  "sample:output": {
                    "answer": [
                      {
                        "name": "z",
                        "count": 2
                      },
                      {
                        "name": "a",
                        "size": "5",
                        "count": 10
                      }
                    ],
                    "step": [
                      "b",
                      "a < b",
                      "b"
                    ],
                    "total": 3
                  }
                }"#]],
            expect![[r#"
                <output xmlns="urn:sample">
                  <step>b</step>
                  <answer>
                    <name>z</name>
                    <count>2</count>
                  </answer>
                  <step>a &lt; b</step>
                  <step>b</step>
                  <answer>
                    <name>a</name>
                    <count>10</count>
                    <size>5</size>
                  </answer>
                  <total>3</total>
                </output>
            "#]],
        );
        check(
            "ask",
            "",
            expect![[r#"
                {
                  "sample:output": {
                    "answer": [],
                    "step": []
                  }
                }"#]],
            expect![[r#"
            <output xmlns="urn:sample"/>
        "#]],
        );
    }

    #[test]
    fn what_is_no_output_is_refused() {
        check(
            "nothing",
            "",
            expect!["the output of sample:nothing is not known"],
            expect!["the output of sample:nothing is not known"],
        );
        check(
            "ask",
            "<total xmlns=\"urn:sample\">x</total>",
            expect![[r#"/sample:output/total: line 1 column 62: "x" is not a number in 0..255"#]],
            expect![[r#"/sample:output/total: line 1 column 62: "x" is not a number in 0..255"#]],
        );
        check(
            "ask",
            "<other xmlns=\"urn:sample\">x</other>",
            expect!["/sample:output: line 1 column 53: output has no node other"],
            expect!["/sample:output: line 1 column 53: output has no node other"],
        );
        check(
            "ask",
            "</output><output>",
            expect![[r#"line 1 column 44: <output> is of namespace urn:sample, not """#]],
            expect![[r#"line 1 column 44: <output> is of namespace urn:sample, not """#]],
        );
    }
}
