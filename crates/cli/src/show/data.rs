//! The outputs of the daemon's operations as data: RFC 7951 JSON and XML, both as RFC 8040 section 3.6.2 frames an output.

use netconf::Xml;
use yang::{Output, Schema};

use crate::grammar::pipe::Form;

const MODULE: &str = "netloom-rpc";

/// The output of an operation in a format of data. None for another format.
pub(crate) fn written(
    schema: &'static Schema,
    operation: &str,
    Xml(content): &Xml,
    form: Form,
) -> Option<yang::Result<String>> {
    let write = match form {
        Form::Json => |output: &Output| output.to_json() + "\n",
        Form::Xml => Output::to_xml,
        Form::Text | Form::Set => return None,
    };
    Some(Output::from_xml(schema, (MODULE, operation), content).map(|output| write(&output)))
}
